//! Who says of itself that it leads, while leadership passes from one node to another.

use crate::clock::Nanos;
use crate::observe::{Change, Given};

/// What nodes have said of themselves since a handover was asked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Claims {
    /// When the old leader last said that it leads; none as long as it does.
    last_of_old: Option<Given>,
    /// When another first said so.
    first_of_new: Option<Nanos>,
}

impl Claims {
    /// After a change of an answer: whether the old leader says that it leads, and whether another does.
    pub fn note(&mut self, is_old: bool, is_other: bool, change: Change) {
        match (is_old, self.last_of_old) {
            (true, _) => self.last_of_old = None,
            // Only its own answer can have changed that.
            (false, None) => self.last_of_old = change.before,
            (false, Some(_)) => {}
        }
        if is_other && self.first_of_new.is_none() {
            self.first_of_new = Some(change.at);
        }
    }

    /// The old leader has ceased to say so, and another says it.
    pub fn are_over(&self) -> bool {
        self.last_of_old.is_some() && self.first_of_new.is_some()
    }

    /// From the last answer of the old leader that it leads to the first of the new one; none at all if
    /// that one came first.
    ///
    /// # Errors
    /// How much later, if the old leader was even asked after the new one had answered: two led.
    pub fn gap(&self) -> Result<Option<Nanos>, Nanos> {
        let (Some(last), Some(first)) = (self.last_of_old, self.first_of_new) else {
            return Ok(None);
        };
        match last.asked_at.checked_sub(first) {
            Some(later) => Err(later),
            None => Ok(Some(first.saturating_sub(last.at))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A change at that moment; the answer before was asked for and given at those.
    fn change(asked_at: Nanos, given_at: Nanos, at: Nanos) -> Change {
        Change { at, before: Some(Given { asked_at, at: given_at }) }
    }

    #[test]
    fn a_gap_is_from_the_last_claim_of_the_old_leader_to_the_first_of_the_new_one() {
        let mut claims = Claims::default();
        // A follower that names nobody for a moment is not the old leader.
        claims.note(true, false, change(1, 2, 10));
        assert!(!claims.are_over());
        claims.note(false, false, change(18, 20, 25));
        // What another says later moves nothing.
        claims.note(false, false, change(28, 29, 30));
        assert!(!claims.are_over());
        claims.note(false, true, change(38, 39, 40));
        claims.note(false, true, change(48, 49, 50));
        assert!(claims.are_over());
        assert_eq!(claims.gap(), Ok(Some(20)));
    }

    #[test]
    fn answers_that_cross_on_their_way_are_no_gap_and_a_question_asked_later_shows_two_leaders() {
        let both = |asked_at| {
            let mut claims = Claims::default();
            claims.note(true, true, change(1, 2, 100));
            assert!(!claims.are_over());
            claims.note(false, true, change(asked_at, 105, 110));
            assert!(claims.are_over());
            claims.gap()
        };
        assert_eq!(both(99), Ok(Some(0)));
        assert_eq!(both(103), Err(3));
    }

    #[test]
    fn an_old_leader_that_leads_again_has_not_ceased() {
        let mut claims = Claims::default();
        claims.note(false, false, change(8, 9, 10));
        claims.note(true, false, change(12, 13, 14));
        assert!(!claims.are_over());
        claims.note(false, true, change(18, 19, 22));
        assert_eq!(claims.gap(), Ok(Some(3)));
    }
}
