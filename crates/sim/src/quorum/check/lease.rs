//! LeaseSupported, and a dumb twin of the lease: what a leader may count on by what it was sent.

use std::collections::BTreeMap;
use std::time::Duration;

use bully_core::quorum::{Bonds, Message, Roster, Stored, Term};
use bully_core::{Inst, Tick};

use super::World;

/// What was granted in one term: of each the stamp and the length, the later of several.
type Grants = BTreeMap<Inst, Vec<(u64, u64)>>;

/// Recomputes a leader's lease from the messages that it was handed.
#[derive(Clone, Debug)]
pub(crate) struct Twin {
    own: u64,
    terms: BTreeMap<Term, Grants>,
    /// The term of the reign, the latest deadline that anything justified, and the one claimed.
    reign: Option<(Term, u64, u64)>,
    /// The rosters of the reign: the present one last, and the one before it.
    rosters: Vec<std::sync::Arc<Roster>>,
}

/// D, as PROTOCOL.md has it, section 9: floor(L·(1−ρ)/(1+ρ)) − g.
fn usable(lease: u64) -> u64 {
    (lease * 995 / 1_005).saturating_sub(20_000_000)
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

impl Twin {
    pub(super) fn new(own: Duration) -> Self {
        Self { own: nanos(own), terms: BTreeMap::new(), reign: None, rosters: Vec::new() }
    }

    pub(super) fn received(&mut self, me: &Stored, from: Inst, message: &Message) {
        let (term, stamp, lease) = match message {
            Message::Vote(v) if v.candidate == me.inst && v.boot == me.boot => {
                (v.term, v.stamp, v.lease)
            }
            Message::HbAck(a) => (a.term, a.stamp, a.lease),
            _ => return,
        };
        if self.terms.keys().next_back().is_some_and(|last| term.0 + 8 < last.0) {
            return;
        }
        let grants = self.terms.entry(term).or_default().entry(from).or_default();
        let lease = nanos(lease).min(self.own);
        // Of equal lengths the latest stamp is enough.
        match grants.iter_mut().find(|(_, of)| *of == lease) {
            Some(grant) => grant.0 = grant.0.max(stamp.0.0),
            None => grants.push((stamp.0.0, lease)),
        }
        while self.terms.len() > 8 {
            self.terms.pop_first();
        }
    }

    /// The lease that is claimed is no longer than what was granted, by the best of all majorities.
    pub(super) fn judge(&mut self, me: &Stored, bonds: &Bonds, now: Tick) -> Result<(), String> {
        let Some((term, rest)) = bonds.reign else {
            self.reign = None;
            return Ok(());
        };
        if self.rosters.last().map(|r| r.version) != Some(me.roster.version) {
            self.rosters.push(me.roster.clone());
            if self.rosters.len() > 2 {
                self.rosters.remove(0);
            }
        }
        let claimed = now.after(rest).0;
        if self.reign.is_some_and(|(of, _, known)| (of, known) == (term, claimed)) {
            return Ok(());
        }
        let before = self.reign.filter(|(of, _, _)| *of == term).map_or(0, |(_, until, _)| until);
        if before == 0 {
            self.rosters = vec![me.roster.clone()];
        }
        let empty = Grants::new();
        let grants = self.terms.get(&term).unwrap_or(&empty);
        let own = now.0 + usable(self.own);
        let best = self.rosters.iter().map(|r| best(r, grants, me.inst, own)).max();
        let until = before.max(best.unwrap_or(0));
        self.reign = Some((term, until, claimed));
        if claimed > until {
            let more = (claimed - until) / crate::US;
            return Err(format!("Lease: claims {more} µs more than was granted in {term}"));
        }
        Ok(())
    }

    /// The present roster of the reign, and the one before it.
    pub(super) fn rosters(&self) -> &[std::sync::Arc<Roster>] {
        &self.rosters
    }
}

/// Until when the best majority is promised: each is tried, and ends with the first of its members.
fn best(roster: &Roster, grants: &Grants, me: Inst, own: u64) -> u64 {
    let until: Vec<u64> = roster
        .members
        .iter()
        .map(|m| match grants.get(&m.inst) {
            _ if m.inst == me => own,
            Some(of) => of.iter().map(|(at, lease)| at + usable(*lease)).max().unwrap_or(0),
            None => 0,
        })
        .collect();
    let is_majority = |bits: &usize| 2 * bits.count_ones() as usize > until.len();
    let ends = |bits: usize| {
        let within = until.iter().enumerate().filter(|(n, _)| bits >> n & 1 == 1);
        within.map(|(_, until)| *until).min().unwrap_or(0)
    };
    (1_usize..1 << until.len()).filter(is_majority).map(ends).max().unwrap_or(0)
}

impl World {
    /// Whoever leads is held by a majority of its roster or of the one before: by promises, or by
    /// the silence after a start. Who is down will be silent.
    pub(super) fn leases_supported(&self) -> Result<(), String> {
        for (host, owner) in self.hosts.iter().enumerate() {
            if owner.leads_until <= self.now {
                continue;
            }
            let Some(process) = owner.process.as_ref().filter(|p| !p.paused) else {
                continue;
            };
            let me = process.node.record().inst;
            let rosters = process.watch.lease.rosters();
            let holds = |r: &Roster| r.is_quorum(|inst| inst == me || self.is_bound(inst, me));
            if !rosters.iter().any(|r| holds(r)) {
                return Err(format!(
                    "LeaseSupported: {host} leads, and no majority is bound to it"
                ));
            }
        }
        Ok(())
    }

    fn is_bound(&self, inst: Inst, to: Inst) -> bool {
        let of_inst = self.hosts.iter().find(|h| h.inst() == Some(inst));
        let Some(owner) = of_inst else {
            return true;
        };
        owner.node().is_none_or(|node| {
            let bonds = node.bonds(owner.now(self.now));
            !bonds.muted.is_zero() || bonds.promise.is_some_and(|(holder, _, _)| holder == to)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bully_core::Address;
    use bully_core::quorum::Member;

    #[test]
    fn the_best_majority_ends_with_its_first_member() {
        let member = |i| Member { inst: Inst(i), id: Address::new("h", 1), priority: 1 };
        let roster = Roster { members: (1..=3).map(member).collect(), ..Roster::default() };
        let lease = 1_005_000_000;
        let grants: Grants = [(Inst(2), vec![(100, lease)]), (Inst(3), vec![(300, lease)])].into();
        assert_eq!(best(&roster, &grants, Inst(1), u64::MAX), 300 + 975_000_000);
        assert_eq!(best(&roster, &grants, Inst(1), 7), 100 + 975_000_000);
        assert_eq!(best(&roster, &Grants::new(), Inst(1), u64::MAX), 0);
    }
}
