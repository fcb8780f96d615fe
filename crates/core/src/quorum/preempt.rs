//! Q9, and Q3's probes: a better-ranked follower that reaches a quorum is given the lead; and who
//! follows nobody and does not stand asks around, so that it learns what became of its cluster.

use alloc::collections::BTreeSet;
use core::time::Duration;

use super::event::Cause;
use super::message::PreVoteResp;
use super::{Config, Due, Phase, Quorum};
use crate::timer::Probe;
use crate::types::{Inst, Tick};

/// The questions of one that does not stand.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Probing {
    next: Option<Probe>,
    nonce: u64,
    granted: BTreeSet<Inst>,
    /// A quorum was reached, and until then that counts.
    wants_until: Tick,
}

impl Probing {
    pub(super) fn begin(&mut self, now: Tick, config: &Config) {
        self.next = Some(Probe::first(now, config.probe(), config.probe_max()));
    }
}

/// How long a leader keeps what it has from a better-ranked member.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Cooldown {
    until: Tick,
    failures: u32,
    /// To whom the last handover went.
    to: Option<Inst>,
}

impl Cooldown {
    const PAUSE: Duration = Duration::from_secs(60);

    /// Doubles with each handover that did not make its target the leader.
    pub(super) fn handed_over(&mut self, to: Inst, now: Tick) {
        self.until = now.after(Self::PAUSE * (1 << self.failures.min(6)));
        self.failures += 1;
        self.to = Some(to);
    }

    pub(super) fn followed(&mut self, leader: Inst) {
        if self.to == Some(leader) {
            self.failures = 0;
        }
    }
}

impl Quorum {
    /// A reign that follows another is not given up for a minute: else a member that flaps changes
    /// the leader each time.
    pub(super) fn cool_down_at_start(&mut self) {
        if self.last_leader.is_some_and(|last| last != self.me()) {
            let until = self.now.fast.after(Cooldown::PAUSE);
            self.cooldown.until = self.cooldown.until.max(until);
        }
    }

    /// Whether it is worth knowing that a quorum is reached.
    fn would_preempt(&self) -> bool {
        let roster = &self.stored.roster;
        let priority = |inst: Inst| roster.member(inst).map_or(0, |m| m.priority);
        self.config.preempt
            && self.config.priority > 0
            && !self.is_muted()
            && !self.is_late()
            && self.resigning.is_none()
            && self.leader.is_some_and(|(l, _)| priority(self.me()) > priority(l) && roster.has(l))
    }

    /// MQ5: without a leader, and nothing else will bring news of one.
    fn is_in_the_dark(&self) -> bool {
        let is_idle = matches!(self.phase, Phase::Idle) && self.stand_at.is_none();
        self.is_formed() && is_idle && self.leader.is_none() && !self.disk.has_failed()
    }

    pub(super) fn wants_to_lead(&self) -> bool {
        self.would_preempt() && self.now.fast < self.probing.wants_until
    }

    pub(super) fn probes_due(&mut self) {
        let now = self.now.fast;
        if !self.is_at_work() || self.probing.next.as_ref().is_none_or(|p| now < p.at) {
            return;
        }
        if self.is_in_the_dark() {
            if let Some(probe) = &mut self.probing.next {
                probe.again(now);
            }
        } else {
            self.probing.begin(now, &self.config);
            if !self.would_preempt() {
                return;
            }
        }
        self.nonce += 1;
        self.probing.nonce = self.nonce;
        self.probing.granted = [self.me()].into();
        self.send_prevotes(true);
    }

    pub(super) fn probe_answered(&mut self, from: Inst, resp: &PreVoteResp) {
        if resp.nonce != self.probing.nonce || !resp.granted {
            return;
        }
        self.probing.granted.insert(from);
        let granted = &self.probing.granted;
        if self.stored.roster.is_quorum(|inst| granted.contains(&inst)) {
            self.probing.wants_until = self.now.fast.after(self.config.heartbeat * 10);
        }
    }

    /// As leader: whether a better-ranked member has wanted to lead for long enough.
    pub(super) fn preempt_due(&mut self) {
        let now = self.now.fast;
        let Phase::Leading(reign) = &self.phase else { return };
        let is_cooling = now < self.cooldown.until && !cfg!(bully_mutant = "no-cooldown");
        if !self.config.preempt || is_cooling || !reign.committed {
            return;
        }
        let roster = &self.stored.roster;
        let own = roster.member(self.me()).map_or(0, |m| m.priority);
        let patience = self.config.heartbeat * 10;
        let has_waited = |inst: Inst| {
            let since = reign.acked.get(&inst).and_then(|a| a.wants_since);
            since.is_some_and(|since| now.since(since) >= patience)
        };
        // One that has fallen silent stands in nobody's way.
        let better = roster
            .members
            .iter()
            .filter(|m| m.priority > own && has_waited(m.inst) && self.can_succeed(m));
        if let Some(to) = better.max_by_key(|m| m.rank()).map(|m| m.inst) {
            self.begin_handover(to, Cause::Preempted);
        }
    }

    pub(super) fn probes_deadline(&self, due: &mut Due) {
        due.maybe_fast(self.probing.next.as_ref().map(|p| p.at));
    }
}
