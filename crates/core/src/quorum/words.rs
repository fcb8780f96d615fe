//! The words of quorum mode: terms, tokens, boots, rosters.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use crate::types::{Address, Inst, NUMBER_MAX, Tick};

/// The number of a candidacy, and of the reign that follows if it is won. Terms only grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Term(pub u64);

impl Term {
    /// How far above what a node knows a term may lie before its message is dropped.
    pub const LEAP_MAX: u64 = 1 << 32;

    /// The term of a new candidacy above the greatest one seen; none once the numbers are used up.
    /// The very first follows the wall clock, so that a cluster founded anew, its disks lost, goes on
    /// above the tokens that it has given out.
    pub(crate) fn next(seen: Self, wall_ms: u64) -> Option<Self> {
        let first = if seen == Self(0) { wall_ms / 1_000 } else { 0 };
        let next = (seen.0 + 1).max(first);
        (next <= NUMBER_MAX).then_some(Self(next))
    }

    /// Whether an honest node could hold this term.
    pub(crate) fn is_credible(self, own: Self, wall_ms: u64) -> bool {
        let known = own.0.max(wall_ms / 1_000);
        let most = known.saturating_add(Self::LEAP_MAX).min(NUMBER_MAX);
        self.0 <= most || cfg!(bully_mutant = "any-term")
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// A fencing token: the term of a reign, greater than that of every earlier reign. A resource
/// that is given a token smaller than one that it has seen must refuse.
///
/// Only a node in quorum mode that leads can make one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(u64);

impl Token {
    pub(crate) fn new(term: Term) -> Self {
        Self(term.0)
    }

    /// The number to hand to resources.
    pub fn get(self) -> u64 {
        self.0
    }
}

/// Which cluster, once it is formed: a hash of its name and its founders.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClusterId(pub u128);

impl fmt::Debug for ClusterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}", self.0)
    }
}

/// Counts the starts of an instance, durably: moments on a clock that begins anew with each
/// process are told apart by it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Boot(pub u64);

/// A moment on the clock of the node that wrote it. Others only echo it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stamp(pub Tick);

/// A voter: it promises, votes and acknowledges. It is `inst` alone that is counted; `id` says
/// where to dial it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Member {
    /// Which node: drawn when its disk was first used.
    pub inst: Inst,
    /// The address that it advertises.
    pub id: Address,
    /// Higher leads; 0 votes and never leads.
    pub priority: u32,
}

impl Member {
    /// Which of two is to lead: the greater one.
    pub(crate) fn rank(&self) -> (u32, &Address, Inst) {
        (self.priority, &self.id, self.inst)
    }
}

/// The version of a roster, ordered: `term` first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RosterId {
    /// The term of the leader that wrote it or took it over.
    pub term: Term,
    /// Counts changes.
    pub version: u64,
}

/// Who votes: the configuration of the cluster. `Arc`s of it are shared, never changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Roster {
    /// Its version.
    pub version: RosterId,
    /// The voters, in the order of their instances.
    pub members: Vec<Member>,
    /// Instances that were removed, the latest last: they do not come back.
    pub removed: Vec<Inst>,
}

impl Roster {
    /// The most voters.
    pub const MEMBERS_MAX: usize = 31;
    /// So many removed instances are remembered.
    pub const REMOVED_MAX: usize = 32;

    /// The voter with this instance.
    pub fn member(&self, inst: Inst) -> Option<&Member> {
        self.members.iter().find(|m| m.inst == inst)
    }

    /// Whether it votes.
    pub fn has(&self, inst: Inst) -> bool {
        self.member(inst).is_some()
    }

    /// The voters but for `me`.
    pub(crate) fn others(&self, me: Inst) -> Vec<Inst> {
        self.members.iter().map(|m| m.inst).filter(|inst| *inst != me).collect()
    }

    /// How many are a majority.
    pub fn quorum(&self) -> usize {
        self.members.len() / 2 + 1
    }

    /// Whether those for whom `is_in` holds are a majority.
    pub fn is_quorum(&self, is_in: impl Fn(Inst) -> bool) -> bool {
        !self.members.is_empty()
            && self.members.iter().filter(|m| is_in(m.inst)).count() >= self.quorum()
    }

    /// The same voters under another version.
    pub(crate) fn at(&self, version: RosterId) -> Arc<Self> {
        Arc::new(Self { version, ..self.clone() })
    }

    /// Whether an honest node could have written this.
    pub(crate) fn is_sound(&self) -> bool {
        let is_ordered = self.members.windows(2).all(|w| w[0].inst < w[1].inst);
        let is_few = self.members.len() <= Self::MEMBERS_MAX;
        let is_numbered = self.version.version < NUMBER_MAX;
        let is_short = self.removed.len() <= Self::REMOVED_MAX;
        is_ordered && is_few && is_numbered && is_short && !self.members.is_empty()
    }

    /// Whether a member may lead.
    pub(crate) fn is_electable(&self) -> bool {
        self.members.iter().any(|m| m.priority > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roster(insts: &[u128]) -> Roster {
        let member = |i: &u128| Member { inst: Inst(*i), id: Address::new("h", 1), priority: 1 };
        Roster { members: insts.iter().map(member).collect(), ..Roster::default() }
    }

    /// The twin: all subsets, counted one by one.
    fn majorities(roster: &Roster) -> Vec<Vec<Inst>> {
        let all: Vec<Inst> = roster.members.iter().map(|m| m.inst).collect();
        let subset = |bits: usize| -> Vec<Inst> {
            (0..all.len()).filter(|n| bits >> n & 1 == 1).map(|n| all[n]).collect()
        };
        let is_more_than_half = |s: &Vec<Inst>| s.len() > all.len() - s.len();
        (0..1 << all.len()).map(subset).filter(is_more_than_half).collect()
    }

    #[test]
    fn any_two_majorities_of_neighbouring_rosters_share_a_member() {
        for n in 1..=6_u128 {
            let old: Vec<u128> = (1..=n).collect();
            let (less, more) = (old[1..].to_vec(), [&old[..], &[n + 1]].concat());
            for new in [old.clone(), less, more].iter().filter(|new| !new.is_empty()) {
                let (a, b) = (roster(&old), roster(new));
                for x in majorities(&a) {
                    assert!(a.is_quorum(|i| x.contains(&i)));
                    for y in majorities(&b) {
                        assert!(x.iter().any(|i| y.contains(i)), "{x:?} {y:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_majority_is_more_than_half_and_nobody_is_none() {
        for n in 1..=7_u128 {
            let roster = roster(&(1..=n).collect::<Vec<_>>());
            for bits in 0..1_u32 << n {
                let is_in = |i: Inst| bits >> (i.0 - 1) & 1 == 1;
                let expected = bits.count_ones() > u32::try_from(n).unwrap() - bits.count_ones();
                assert_eq!(roster.is_quorum(is_in), expected);
            }
        }
        assert!(!roster(&[]).is_quorum(|_| true));
    }

    #[test]
    fn a_term_follows_what_was_seen_and_the_first_one_the_wall_clock() {
        assert_eq!(Term::next(Term(0), 7_000), Some(Term(7)));
        assert_eq!(Term::next(Term(0), 0), Some(Term(1)));
        assert_eq!(Term::next(Term(3), 7_000), Some(Term(4)));
        assert_eq!(Term::next(Term(NUMBER_MAX), 0), None);
        assert!(Term(Term::LEAP_MAX + 7).is_credible(Term(3), 7_000));
        assert!(!Term(Term::LEAP_MAX + 8).is_credible(Term(3), 7_000));
        assert!(!Term(NUMBER_MAX + 1).is_credible(Term(NUMBER_MAX), u64::MAX));
    }
}
