//! VoteOnce: one candidate per instance and term, across restarts.

use std::collections::BTreeMap;

use bully_core::Inst;
use bully_core::quorum::{Message, Stored, Term};

/// For whom each instance voted in each term, as was sent or stored.
#[derive(Clone, Debug, Default)]
pub(super) struct Votes(BTreeMap<(Inst, Term), Inst>);

impl Votes {
    pub(super) fn sent(&mut self, inst: Inst, message: &Message) -> Result<(), String> {
        match message {
            Message::Vote(vote) => self.take(inst, vote.term, vote.candidate),
            Message::VoteReq(req) => self.take(inst, req.term, inst),
            Message::Release(release) => match &release.target {
                Some(target) => self.take(inst, Term(release.term.0 + 1), target.inst),
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }

    /// What is on a disk counts as said: it may be said at any time.
    pub(super) fn record(&mut self, stored: &Stored) -> Result<(), String> {
        match stored.voted_for {
            Some(candidate) => self.take(stored.inst, stored.term, candidate),
            None => Ok(()),
        }
    }

    fn take(&mut self, inst: Inst, term: Term, candidate: Inst) -> Result<(), String> {
        let first = *self.0.entry((inst, term)).or_insert(candidate);
        if first == candidate {
            return Ok(());
        }
        Err(format!("VoteOnce: {inst:?} in {term} for {first:?} and for {candidate:?}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_vote_in_a_term_is_found_and_the_same_again_is_not() {
        let mut votes = Votes::default();
        assert!(votes.take(Inst(1), Term(5), Inst(2)).is_ok());
        assert!(votes.take(Inst(1), Term(5), Inst(2)).is_ok());
        assert!(votes.take(Inst(1), Term(6), Inst(3)).is_ok());
        assert!(votes.take(Inst(1), Term(5), Inst(3)).is_err());
    }
}
