//! Peace: no more faults, and what must then come about.

use std::fmt::Write;

use bully_core::Inst;
use bully_core::quorum::{Cause, ClusterId, Event, Role};

use super::Run;
use crate::quorum::cover::Seen;
use crate::quorum::disk::DiskMode;
use crate::{MS, SEC, address};

impl Run {
    /// How long until somebody leads, where somebody must; or what is wrong.
    pub(super) fn judge(&mut self) -> Result<u64, String> {
        self.make_peace();
        let mut led_in = 0;
        if self.world.checks.best_effort {
            self.go(2 * SEC);
        } else {
            led_in = self.led()?;
            self.stays()?;
        }
        self.world.violation.clone().map_or(Ok(led_in), Err)
    }

    fn make_peace(&mut self) {
        let everybody = self.rng.chance(700);
        for host in 0..self.world.len() {
            self.world.set_disk(host, DiskMode::Good);
            self.world.add_alias(address(host), host);
            self.world.thaw(host);
            let is_up = everybody || self.rng.chance(300);
            if is_up && !self.gone.contains(&host) && host < self.founders {
                self.start(host);
            }
        }
        self.world.net.loss = 0;
        self.world.net.duplication = 0;
        self.world.late = (0, 0);
        self.note("peace");
        self.world.lose_late();
        self.world.heal_all();
    }

    /// Dials are tried again after 50h at most; a restart and a lost lease wait for the longest
    /// lease; what was on its way late comes meanwhile.
    pub(super) fn bound(&self) -> u64 {
        60 * self.heartbeat + 4 * self.lease + 20 * self.sync + 10 * SEC
    }

    fn led(&mut self) -> Result<u64, String> {
        const LOOK: u64 = 20 * MS;
        const CALM: u64 = 3 * SEC / 2;
        let (start, bound) = (self.world.now(), self.bound());
        let (mut led_in, mut rested) = (None, 0);
        while self.world.now() < start + bound && self.world.violation.is_none() {
            let missing = self.missing();
            if missing.is_none() {
                led_in.get_or_insert(self.world.now() - start);
                // What is on its way may end this rest once more, but not for long.
                rested = if self.rests() { rested + LOOK } else { 0 };
                if rested >= CALM {
                    break;
                }
            }
            self.go(LOOK);
        }
        if let Some(what) = &self.world.violation {
            return Err(what.clone());
        }
        if let Some(what) = self.missing() {
            let ms = bound / MS;
            return Err(format!("L1: {what}, {ms} ms after peace\n{}", self.world.tell_states()));
        }
        if rested < CALM {
            return Err(format!("L3: unrest after peace\n{}", self.world.tell_states()));
        }
        let is_owed = !self.owed().is_empty();
        let is_formed = !self.world.votable_rosters().is_empty();
        self.world.cover.saw(match (is_owed, is_formed) {
            (true, _) => Seen::PeaceWithLeader,
            (false, true) => Seen::PeaceWithoutQuorum,
            (false, false) => Seen::PeaceUnformed,
        });
        Ok(led_in.unwrap_or(0))
    }

    /// The host of a member that takes part.
    fn living(&self, inst: Inst) -> Option<usize> {
        let host = (0..self.world.len()).find(|h| {
            self.world.is_awake(*h) && self.world.record(*h).is_some_and(|r| r.inst == inst)
        })?;
        let status = self.world.status(host)?;
        (status.role != Role::Quarantined && !self.gone.contains(&host)).then_some(host)
    }

    /// Clusters in which somebody must lead: a majority of every roster that may be in force is
    /// there, and one that may lead among them.
    fn owed(&self) -> Vec<ClusterId> {
        let rosters = self.world.votable_rosters();
        let mut clusters: Vec<ClusterId> = rosters.iter().map(|(c, _)| *c).collect();
        clusters.dedup();
        clusters.sort_unstable();
        clusters.dedup();
        clusters.retain(|cluster| {
            let of = rosters.iter().filter(|(c, _)| c == cluster);
            of.into_iter().all(|(_, roster)| {
                let leads = |m: &bully_core::quorum::Member| {
                    let host = self.living(m.inst);
                    let priority = host.map_or(0, |h| self.world.hosts[h].setup.priority);
                    m.priority > 0 && priority > 0
                };
                // One that does not know yet that its cluster is formed may wait for who does.
                let knows = |h: usize| self.world.cluster_of(h) == Some(*cluster);
                roster.is_quorum(|inst| self.living(inst).is_some_and(knows))
                    && roster.members.iter().any(leads)
            })
        });
        clusters
    }

    /// What must have come about and has not.
    fn missing(&self) -> Option<String> {
        for cluster in self.owed() {
            let leads =
                |h: &usize| self.world.leads(*h) && self.world.cluster_of(*h) == Some(cluster);
            if !(0..self.world.len()).any(|h| leads(&h)) {
                return Some(format!("nobody leads {cluster:?}"));
            }
        }
        let unformed = (0..self.founders).all(|h| {
            self.world.is_awake(h) && self.world.cluster_of(h).is_none() && !self.gone.contains(&h)
        });
        // Where nobody may lead, nothing is founded that could never change that.
        let may_lead = (0..self.founders).any(|h| self.world.hosts[h].setup.priority > 0);
        (unformed && may_lead && !self.lists_differ && self.foreign.is_empty())
            .then(|| "no cluster is founded".to_owned())
    }

    /// Where there is a leader its roster is committed, and its living members follow it. Who was
    /// told to leave has done so.
    fn rests(&self) -> bool {
        let has_gone = |host: &usize| !self.world.is_present(*host);
        self.gone.iter().all(has_gone)
            && self.owed().into_iter().all(|cluster| {
                let of_cluster = |h: &usize| self.world.cluster_of(*h) == Some(cluster);
                let Some(leader) =
                    (0..self.world.len()).filter(of_cluster).find(|h| self.world.leads(*h))
                else {
                    return false;
                };
                let is_committed = self.world.bonds(leader).is_some_and(|b| b.committed);
                let members = self.world.roster(leader).map_or(&[][..], |r| &r.members[..]);
                let follows = |host: usize| self.world.leader_of(host) == Some(leader);
                is_committed && members.iter().filter_map(|m| self.living(m.inst)).all(follows)
            })
    }

    /// L4: at rest the leader changes for a better one, and for nothing else. L2, in some runs: the
    /// best one leads in the end, and then L6: nothing is said but heartbeats.
    fn stays(&mut self) -> Result<(), String> {
        let is_long = self.rng.chance(30);
        let (start, owed) = (self.world.events.len(), self.owed());
        let leaders: Vec<usize> = (0..self.world.len())
            .filter(|h| self.world.leads(*h))
            .filter(|h| self.world.cluster_of(*h).is_some_and(|c| owed.contains(&c)))
            .collect();
        self.go(if is_long { 150 * SEC } else { 3 * SEC });
        if let Some(what) = &self.world.violation {
            return Err(what.clone());
        }
        for (at, host, event) in &self.world.events[start..] {
            if let Event::Revoke { cause, .. } = event
                && leaders.contains(host)
                && !matches!(cause, Cause::Preempted | Cause::Resign | Cause::Handover)
            {
                return Err(format!("L4: at rest, at {} ms, on {host}: {event:?}", at / MS));
            }
        }
        if is_long {
            self.is_best()?;
            self.is_quiet()?;
        }
        Ok(())
    }

    fn is_best(&self) -> Result<(), String> {
        let preempts = (0..self.world.len()).all(|h| self.world.hosts[h].setup.preempt);
        for leader in (0..self.world.len()).filter(|h| self.world.leads(*h) && preempts) {
            let roster = self.world.roster(leader).cloned().unwrap_or_default();
            let own = roster.members.iter().find(|m| Some(m.inst) == self.world.inst(leader));
            let own = own.map_or(0, |m| m.priority);
            let better =
                |m: &&bully_core::quorum::Member| m.priority > own && self.living(m.inst).is_some();
            if let Some(better) = roster.members.iter().find(better) {
                return Err(format!("L2: {leader} leads, and {} is better", better.id));
            }
        }
        Ok(())
    }

    fn is_quiet(&mut self) -> Result<(), String> {
        const LOOK: u64 = 20 * SEC;
        let owed = self.owed();
        let before = self.world.sent.clone();
        self.go(LOOK);
        let leaders: Vec<usize> = (0..self.world.len()).filter(|h| self.world.leads(*h)).collect();
        let [leader] = leaders[..] else {
            return Ok(());
        };
        // Followers that are down, outsiders and strangers are knocked at for ever.
        let all = (0..self.world.len()).all(|h| {
            self.world.is_awake(h) && self.world.cluster_of(h) == self.world.cluster_of(leader)
        });
        let members = self.world.members(leader).len() as u64;
        if !all || owed.len() != 1 || members != self.world.len() as u64 {
            return Ok(());
        }
        let heartbeat = self.world.hosts[leader].setup.heartbeat.as_nanos();
        let beats = LOOK / u64::try_from(heartbeat).unwrap_or(1) + 2;
        // Each connection is asked for a sign of life each 50h of its end.
        let shortest = self.world.hosts.iter().map(|h| h.setup.heartbeat.as_nanos()).min();
        let shortest = u64::try_from(shortest.unwrap_or(1)).unwrap_or(1);
        let alive = members * members * 2 * (LOOK / (shortest * 50) + 1);
        let allowed = 2 * (members - 1) * beats * 102 / 100 + alive;
        let (mut said, mut more) = (0, String::new());
        for (name, count) in &self.world.sent {
            let count = count - before.get(name).copied().unwrap_or(0);
            if count > 0 {
                said += count;
                let _ = write!(more, " {name} {count}");
            }
        }
        if said > allowed {
            return Err(format!("L6: {said} messages at rest, not {allowed}:{more}"));
        }
        Ok(())
    }
}
