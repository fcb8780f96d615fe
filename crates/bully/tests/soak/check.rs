//! What must be true of every history.

use std::collections::BTreeMap;
use std::fmt;

use super::store::Write;
use super::watch::Nanos;

/// How a history breaks the promise.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Violation {
    /// The store took a write of an older reign after one of a newer.
    Late { newer: Write, late: Write },
    /// The store refused a write though it had taken none of a newer reign.
    Refused(Write),
    /// An older reign was claimed in answer to a question that was asked after a newer one had been
    /// claimed.
    Overlap { newer: Write, older: Write },
    /// Two hosts led under one token.
    Shared { one: Write, other: Write },
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Late { newer, late } => write!(f, "{late:?} was taken after {newer:?}"),
            Self::Refused(write) => write!(f, "{write:?} was refused, and is of the newest reign"),
            Self::Overlap { newer, older } => {
                write!(f, "{older:?} was asked after {newer:?} was answered")
            }
            Self::Shared { one, other } => write!(f, "two hosts lead at once: {one:?}, {other:?}"),
        }
    }
}

/// Whether a history, in the order in which the store took it, keeps the promise.
///
/// An answer "I lead" was true at some moment between the question and the answer. If an older reign is
/// claimed in answer to a question that was asked after the answer of a newer one, then the older one
/// led at a moment after the newer one did. If not, the moments can be chosen so that one reign follows
/// the other: nothing more can be seen from outside. All moments are of one clock, that of the machine
/// on which all hosts are.
///
/// # Errors
/// The first thing that is wrong.
pub(crate) fn check(history: &[Write]) -> Result<(), Violation> {
    store_is_right(history)?;
    reigns_follow_each_other(history)
}

fn store_is_right(history: &[Write]) -> Result<(), Violation> {
    let mut newest: Option<Write> = None;
    for write in history {
        let is_late = newest.is_some_and(|newest| write.token < newest.token);
        match (write.accepted, newest) {
            (true, Some(newer)) if is_late => {
                return Err(Violation::Late { newer, late: *write });
            }
            (false, _) if !is_late => return Err(Violation::Refused(*write)),
            (true, _) => newest = Some(*write),
            (false, _) => {}
        }
    }
    Ok(())
}

/// Of a reign: the claim that was answered first, and the one that was asked last.
struct Reign {
    first: Write,
    last: Write,
}

fn reigns_follow_each_other(history: &[Write]) -> Result<(), Violation> {
    let mut reigns: BTreeMap<u64, Reign> = BTreeMap::new();
    for claim in history {
        let reign = reigns.entry(claim.token).or_insert(Reign { first: *claim, last: *claim });
        if host_of(claim) != host_of(&reign.first) {
            return Err(Violation::Shared { one: reign.first, other: *claim });
        }
        if claim.answered < reign.first.answered {
            reign.first = *claim;
        }
        if claim.asked > reign.last.asked {
            reign.last = *claim;
        }
    }
    let mut older: Option<Write> = None;
    for reign in reigns.values() {
        if let Some(older) = older.filter(|older| older.asked > reign.first.answered) {
            return Err(Violation::Overlap { newer: reign.first, older });
        }
        let is_later = older.is_none_or(|older| reign.last.asked > older.asked);
        older = if is_later { Some(reign.last) } else { older };
    }
    Ok(())
}

fn host_of(claim: &Write) -> u64 {
    claim.client / 100
}

/// The times in which nobody claimed to lead for longer than this, each with its length: from the
/// question of the last claim to the answer of the next.
pub(crate) fn gaps(
    history: &[Write],
    (from, to): (Nanos, Nanos),
    longer_than: Nanos,
) -> Vec<(Nanos, Nanos)> {
    let mut claims: Vec<(Nanos, Nanos)> =
        history.iter().map(|claim| (claim.answered, claim.asked)).collect();
    claims.sort_unstable();
    let mut gaps = Vec::new();
    let mut since = from;
    for (answered, asked) in claims.into_iter().chain([(to, to)]) {
        let until = answered.min(to);
        if until.saturating_sub(since) > longer_than {
            gaps.push((since, until - since));
        }
        since = since.max(asked);
    }
    gaps
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(host: u64, token: u64, asked: Nanos, answered: Nanos) -> Write {
        let client = host * 100;
        Write { client, token, asked, answered, at: answered, accepted: true }
    }

    fn refused(write: Write) -> Write {
        Write { accepted: false, ..write }
    }

    #[test]
    fn reigns_after_one_another_and_a_late_write_that_is_refused_are_right() {
        let late = refused(write(0, 7, 25, 28));
        let history = [write(0, 7, 10, 20), write(1, 8, 22, 30), late, write(1, 8, 40, 50)];
        assert_eq!(check(&history), Ok(()));
        assert_eq!(check(&[]), Ok(()));
    }

    #[test]
    fn a_late_write_that_was_taken_is_found() {
        let (newer, late) = (write(1, 8, 22, 30), write(0, 7, 25, 28));
        let history = [write(0, 7, 10, 20), newer, late];
        assert_eq!(check(&history), Err(Violation::Late { newer, late }));
    }

    #[test]
    fn a_write_that_was_refused_without_a_newer_one_is_found() {
        let write = refused(write(0, 7, 10, 20));
        assert_eq!(check(&[write]), Err(Violation::Refused(write)));
    }

    #[test]
    fn an_older_reign_that_is_claimed_after_a_newer_one_is_found_though_it_was_refused() {
        let (newer, older) = (write(1, 9, 22, 30), refused(write(0, 7, 31, 40)));
        let history = [write(0, 7, 10, 20), newer, write(2, 10, 50, 60), older];
        let history = [&history[..2], &[refused(older)], &history[2..3]].concat();
        assert_eq!(check(&history), Err(Violation::Overlap { newer, older }));
    }

    #[test]
    fn two_hosts_under_one_token_are_found() {
        let (one, other) = (write(0, 7, 10, 20), write(1, 7, 30, 40));
        assert_eq!(check(&[one, other]), Err(Violation::Shared { one, other }));
    }

    #[test]
    fn gaps_are_between_claims_and_at_both_ends() {
        let history = [write(0, 7, 110, 120), write(0, 7, 119, 130), write(1, 8, 500, 510)];
        assert_eq!(gaps(&history, (100, 600), 15), [(100, 20), (110, 20), (119, 391), (500, 100)]);
        assert_eq!(gaps(&[], (0, 9), 1), [(0, 9)]);
    }
}
