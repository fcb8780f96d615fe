//! ActiveCfgOverlap: any two rosters with which an election could be won share a member in all
//! their majorities.

use std::sync::Arc;

use bully_core::Inst;
use bully_core::quorum::{ClusterId, Roster};

use super::World;

/// The rosters that may still be voted for.
#[derive(Clone, Debug, Default)]
pub(super) struct Rosters(Vec<(ClusterId, Arc<Roster>)>);

impl World {
    /// After a host's disk holds another roster.
    pub(crate) fn check_rosters(&mut self, host: usize) -> Result<(), String> {
        let Some(stored) = self.stored(host) else {
            return Ok(());
        };
        let (Some(cluster), roster) = (stored.cluster, stored.roster.clone()) else {
            return Ok(());
        };
        let mut rosters = std::mem::take(&mut self.checks.rosters.0);
        if !rosters.iter().any(|(c, r)| *c == cluster && *r == roster) {
            rosters.push((cluster, roster));
        }
        rosters.retain(|(c, roster)| self.is_votable(*c, roster));
        let checked = if self.checks.best_effort { Ok(()) } else { overlap_all(&rosters) };
        self.checks.rosters.0 = rosters;
        checked
    }

    /// A majority of it has nothing newer on disk. Who lost its disk votes no more.
    fn is_votable(&self, cluster: ClusterId, roster: &Roster) -> bool {
        roster.is_quorum(|inst| {
            let disks = self.hosts.iter().filter_map(|h| h.disk.stored.as_ref());
            let of_inst = disks.into_iter().find(|s| s.inst == inst);
            of_inst.is_some_and(|s| {
                // A founder that has not heard of its cluster yet will vote in it.
                s.cluster.is_none_or(|c| c == cluster) && s.roster.version <= roster.version
            })
        })
    }

    /// The rosters with which an election can still be won.
    pub(crate) fn votable_rosters(&self) -> Vec<(ClusterId, Arc<Roster>)> {
        let all = self.checks.rosters.0.iter();
        all.filter(|(cluster, roster)| self.is_votable(*cluster, roster)).cloned().collect()
    }
}

fn overlap_all(rosters: &[(ClusterId, Arc<Roster>)]) -> Result<(), String> {
    for (n, (cluster, a)) in rosters.iter().enumerate() {
        for (_, b) in rosters[..n].iter().filter(|(c, _)| c == cluster) {
            if !overlap(a, b) {
                return Err(format!("ActiveCfgOverlap: {a:?} and {b:?} could both elect"));
            }
        }
    }
    Ok(())
}

/// Every majority of the one meets every majority of the other: each set of members is tried.
fn overlap(a: &Roster, b: &Roster) -> bool {
    let mut all: Vec<Inst> = a.members.iter().chain(&b.members).map(|m| m.inst).collect();
    all.sort_unstable();
    all.dedup();
    let is_majority = |roster: &Roster, bits: usize, of: bool| {
        let is_in = |inst: Inst| {
            all.iter().position(|i| *i == inst).is_some_and(|n| (bits >> n & 1 == 1) == of)
        };
        roster.is_quorum(is_in)
    };
    (0..1_usize << all.len())
        .all(|bits| !(is_majority(a, bits, true) && is_majority(b, bits, false)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use bully_core::Address;
    use bully_core::quorum::Member;

    #[test]
    fn neighbours_overlap_and_others_need_not() {
        let member = |i: &u128| Member { inst: Inst(*i), id: Address::new("h", 1), priority: 1 };
        let of = |insts: &[u128]| Roster {
            members: insts.iter().map(member).collect(),
            ..Roster::default()
        };
        assert!(overlap(&of(&[1, 2, 3]), &of(&[1, 2, 3, 4])));
        assert!(overlap(&of(&[1, 2]), &of(&[1, 2, 3])));
        assert!(!overlap(&of(&[1, 2]), &of(&[3, 4])));
        assert!(!overlap(&of(&[1, 2, 3]), &of(&[1, 2, 3, 4, 5])));
        assert!(!overlap(&of(&[1]), &of(&[2])));
    }
}
