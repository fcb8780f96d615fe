//! Q6, Q7: one reign per term, its heartbeats, and its end.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;
use core::time::Duration;

use super::durable::Deferred;
use super::event::{Cause, Event};
use super::handover::Handover;
use super::join::Learner;
use super::lease::{Grants, usable};
use super::message::{Hb, HbAck, Message, Release};
use super::status::Leadership;
use super::words::{Boot, Roster, RosterId, Stamp, Term, Token};
use super::{Due, Phase, Quorum};
use crate::types::{Inst, Now, Tick};

/// What a leader knows.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Reign {
    pub(super) term: Term,
    grants: Grants,
    /// The lease: it only grows, for the application has been shown it as a deadline.
    pub(super) expiry: Tick,
    /// The clocks when the lease was last renewed.
    base: Base,
    next_beat: Tick,
    /// The last acknowledgement of each.
    pub(super) acked: BTreeMap<Inst, Acked>,
    /// A majority has acknowledged the roster in this term.
    pub(super) committed: bool,
    pub(super) began: Tick,
    /// When the roster was changed last, and which change of the record that was.
    pub(super) changed_at: Tick,
    pub(super) change: u64,
    pub(super) learners: BTreeMap<Inst, Learner>,
    /// Members that are to be removed.
    pub(super) removals: BTreeSet<Inst>,
    pub(super) handover: Option<Handover>,
}

/// A moment on the fast clock and on the wall's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Base {
    fast: Tick,
    wall_ms: u64,
}

/// What the last acknowledgement of a node said.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Acked {
    pub(super) at: Tick,
    pub(super) roster: RosterId,
    /// Of the sender's clock, and of which start of it.
    pub(super) sent: Stamp,
    pub(super) boot: Boot,
    pub(super) unmuted: bool,
    /// Since when it has wanted to lead, without a break.
    pub(super) wants_since: Option<Tick>,
}

/// Q6: a reign that is over here, and for the others only when the application has stopped.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Revoking {
    term: Term,
    /// By then the application has stopped, whether or not it says so.
    pub(super) until: Tick,
    then: Then,
}

/// What follows once the application has stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Then {
    /// The promises are given back.
    Release,
    /// They are still held: stand above this term on their strength, without asking first.
    Stand(Term),
    /// Nothing: this node is not to be relied on.
    Silence,
}

impl Reign {
    /// When the machine was suspended, the wall clock goes on and others may not. A heuristic: a
    /// guest's clocks may all stop with its virtual machine.
    const WALL_LEAP: Duration = Duration::from_millis(200);

    /// The machine seems to have been suspended since the lease was last renewed.
    fn was_suspended(&self, now: Now) -> bool {
        let wall = Duration::from_millis(now.wall_ms.saturating_sub(self.base.wall_ms));
        wall > now.fast.since(self.base.fast) + Self::WALL_LEAP
            && !cfg!(bully_mutant = "suspension-unnoticed")
    }

    /// Q7: Active, but for the application having been told to stop.
    fn holds(&self, now: Now) -> bool {
        now.fast < self.expiry && !self.was_suspended(now)
    }

    pub(super) fn has_acked(&self, inst: Inst, within: Duration, now: Tick) -> bool {
        self.acked.get(&inst).is_some_and(|a| now.since(a.at) <= within)
    }
}

impl Quorum {
    pub(super) fn leadership(&self, now: Now) -> Leadership {
        match &self.phase {
            Phase::Leading(reign)
                if reign.holds(now)
                    && (reign.handover.is_none() || cfg!(bully_mutant = "active-at-handover")) =>
            {
                let remaining = reign.expiry.since(now.fast);
                Leadership::Leader { token: Token::new(reign.term), remaining }
            }
            _ => Leadership::NotLeader,
        }
    }

    pub(super) fn begin_reign(&mut self, term: Term, grants: Grants, expiry: Tick, cause: Cause) {
        let base = Base { fast: self.now.fast, wall_ms: self.now.wall_ms };
        self.phase = Phase::Leading(Reign {
            term,
            grants,
            expiry,
            base,
            next_beat: self.now.fast,
            acked: BTreeMap::new(),
            committed: false,
            began: self.now.fast,
            changed_at: self.now.fast,
            change: self.disk.mark(),
            learners: BTreeMap::new(),
            removals: BTreeSet::new(),
            handover: None,
        });
        self.prev = None;
        self.early_votes.clear();
        self.cool_down_at_start();
        self.leader = Some((self.me(), term));
        self.last_leader = Some(self.me());
        let token = Token::new(term);
        self.event(Event::Elected { token, deadline: expiry, cause });
        self.beat();
    }

    /// Q6, first thing in every step.
    pub(super) fn lapse_due(&mut self) {
        let Phase::Leading(reign) = &self.phase else { return };
        if self.now.fast >= reign.expiry {
            self.step_down(Cause::Lapse, Then::Release);
        } else if reign.was_suspended(self.now) {
            self.step_down(Cause::Suspended, Then::Release);
        }
    }

    pub(super) fn reign_due(&mut self) {
        let Phase::Leading(reign) = &self.phase else { return };
        if self.now.fast >= reign.next_beat {
            self.beat();
        }
    }

    /// Those that are to hear this leader: members before and after a change, and who joins.
    fn audience(&self) -> BTreeSet<Inst> {
        let mut to: BTreeSet<Inst> = self.electorate();
        if let Phase::Leading(reign) = &self.phase {
            to.extend(reign.learners.keys());
        }
        to
    }

    /// The other members of the roster and of the one before it.
    pub(super) fn electorate(&self) -> BTreeSet<Inst> {
        let rosters = core::iter::once(&self.stored.roster).chain(self.prev.as_ref());
        let insts = rosters.flat_map(|r| r.members.iter().map(|m| m.inst));
        insts.filter(|inst| *inst != self.me()).collect()
    }

    pub(super) fn beat(&mut self) {
        let now = self.now.fast;
        let heartbeat = self.config.heartbeat;
        let Phase::Leading(reign) = &mut self.phase else { return };
        reign.next_beat = now.after(heartbeat);
        let term = reign.term;
        // Who hears of a roster that its leader has forgotten might be the only one that knows it.
        if !self.disk.has(reign.change) && !cfg!(bully_mutant = "beat-before-sync") {
            if !self.disk.withholds(&Deferred::Beat) {
                self.after_sync(Deferred::Beat);
            }
            return;
        }
        self.announce_pact();
        for to in self.audience() {
            let hb = Hb { term, roster: self.stored.roster.clone(), stamp: Stamp(now) };
            self.send_to(to, Message::Hb(hb));
        }
        self.renew();
    }

    /// Q7, as those see it that follow.
    pub(super) fn on_hb(&mut self, from: Inst, hb: &Hb) {
        if self.is_released(from, hb.term) {
            return;
        }
        let is_old_roster = hb.roster.version < self.stored.roster.version
            && !cfg!(bully_mutant = "older-roster-heard");
        let is_old_term = hb.term < self.stored.term && !cfg!(bully_mutant = "older-term-heard");
        if is_old_term || is_old_roster {
            self.reject(from, hb.roster.version);
            return;
        }
        if let Phase::Leading(reign) = &self.phase
            && hb.term > reign.term
        {
            self.step_down(Cause::Overtaken, Then::Release);
        }
        // Q6: bound to nobody until the application has stopped.
        let is_revoking = self.revoking.is_some() && !cfg!(bully_mutant = "follows-while-revoking");
        if self.leads() || is_revoking || self.disk.has_failed() {
            return;
        }
        self.fail_candidacy();
        if hb.term > self.stored.term {
            self.set_term(hb.term, None);
        }
        self.adopt(Some(&hb.roster));
        self.bind(from, hb.term);
        self.follow(from, hb.term);
        let ack = HbAck {
            term: hb.term,
            roster: hb.roster.version,
            stamp: hb.stamp,
            lease: self.config.lease,
            sent: Stamp(self.now.fast),
            unmuted: !self.is_muted(),
            wants: self.wants_to_lead(),
        };
        self.answer_after_sync(from, Message::HbAck(ack));
    }

    fn follow(&mut self, leader: Inst, term: Term) {
        if self.leader == Some((leader, term)) {
            return;
        }
        self.leader_lost();
        self.leader = Some((leader, term));
        self.last_leader = Some(leader);
        self.early_votes.clear();
        self.hint = None;
        self.cooldown.followed(leader);
        self.event(Event::Following { leader, term });
    }

    pub(super) fn on_hb_ack(&mut self, from: Inst, ack: &HbAck) {
        let now = self.now.fast;
        let own = self.config.lease;
        let boot = self.peers.get(&from).map_or(Boot(0), |p| p.boot);
        let Phase::Leading(reign) = &mut self.phase else { return };
        // A stamp of the future is none of this leader's.
        let is_of_reign = ack.term == reign.term || cfg!(bully_mutant = "acks-of-any-term");
        if !is_of_reign || ack.stamp.0 > now {
            return;
        }
        let base = if cfg!(bully_mutant = "lease-from-receipt") { now } else { ack.stamp.0 };
        reign.grants.take(from, base, ack.lease, own);
        let before = reign.acked.get(&from);
        let wants_since = match before.and_then(|b| b.wants_since) {
            Some(since) if ack.wants => Some(since),
            _ => ack.wants.then_some(now),
        };
        let roster = before.map_or(ack.roster, |b| b.roster.max(ack.roster));
        let (sent, unmuted) = (ack.sent, ack.unmuted);
        reign.acked.insert(from, Acked { at: now, roster, sent, boot, unmuted, wants_since });
        if let Some(learner) = reign.learners.get_mut(&from) {
            learner.heard(now, ack.roster == self.stored.roster.version);
        }
        self.renew();
    }

    /// The lease grows with what was granted, and the roster is committed where a majority has it.
    fn renew(&mut self) {
        let (now, me) = (self.now, self.me());
        let own = now.fast.after(usable(self.config.lease));
        let roster = self.stored.roster.clone();
        let prev = self.prev.clone();
        let Phase::Leading(reign) = &mut self.phase else { return };
        let mut until = reign.grants.expiry(&roster, me, own);
        let counts = !reign.committed && !cfg!(bully_mutant = "lease-without-previous");
        if let Some(prev) = prev.filter(|_| counts) {
            until = until.max(reign.grants.expiry(&prev, me, own));
        }
        let shrinks = cfg!(bully_mutant = "lease-shrinks");
        if let Some(until) = until.filter(|until| *until > reign.expiry || shrinks) {
            reign.expiry = until;
            reign.base = Base { fast: now.fast, wall_ms: now.wall_ms };
        }
        let has = |inst: Inst| {
            let acked = reign.acked.get(&inst);
            let is_of_it =
                |a: &Acked| a.roster == roster.version || cfg!(bully_mutant = "any-ack-commits");
            inst == me || acked.is_some_and(is_of_it)
        };
        if !reign.committed && self.disk.has(reign.change) && roster.is_quorum(has) {
            reign.committed = true;
            self.prev = None;
        }
    }

    /// exp(C): until when the lease rests on this roster alone.
    pub(super) fn supported_until(&self, roster: &Roster) -> Option<Tick> {
        let own = self.now.fast.after(usable(self.config.lease));
        match &self.phase {
            Phase::Leading(reign) => reign.grants.expiry(roster, self.me(), own),
            _ => None,
        }
    }

    /// Q6: the reign is over. The application is told at once, whatever the disk does.
    pub(super) fn step_down(&mut self, cause: Cause, then: Then) {
        let Phase::Leading(reign) = &self.phase else { return };
        let (term, expiry, handover) = (reign.term, reign.expiry, reign.handover.clone());
        self.phase = Phase::Idle;
        self.stand_at = None;
        self.leader = None;
        self.closed = self.closed.max(term);
        if cfg!(bully_mutant = "release-while-active") {
            self.release(term);
        }
        let (until, is_stopped) = if let Some(handover) = handover {
            (handover.deadline, handover.is_stopped)
        } else {
            self.revoke(term, expiry, cause);
            (expiry, false)
        };
        self.revoking = Some(Revoking { term, until, then });
        let is_over = is_stopped || cfg!(bully_mutant = "release-before-the-application");
        if is_over || self.now.fast >= until {
            self.end_revoking();
        }
    }

    pub(super) fn revoke(&mut self, term: Term, deadline: Tick, cause: Cause) {
        self.revokes_owed += 1;
        self.event(Event::Revoke { token: Token::new(term), deadline, cause });
    }

    /// The application has stopped, once for each time it was told to.
    pub(super) fn on_revoked(&mut self) {
        self.revokes_owed = self.revokes_owed.saturating_sub(1);
        if self.revokes_owed > 0 && !cfg!(bully_mutant = "any-revoked-counts") {
            return;
        }
        self.handover_stopped();
        if self.revoking.is_some() {
            self.end_revoking();
        }
    }

    pub(super) fn revoking_due(&mut self) {
        if self.revoking.as_ref().is_some_and(|r| self.now.fast >= r.until) {
            self.end_revoking();
        }
    }

    fn end_revoking(&mut self) {
        let Some(Revoking { term, then, .. }) = self.revoking.take() else { return };
        match then {
            Then::Stand(seen) if self.can_stand_again() && self.stand(seen, Cause::Overtaken) => {}
            Then::Release | Then::Stand(_) => self.release(term),
            Then::Silence => {}
        }
    }

    fn can_stand_again(&self) -> bool {
        let member = self.stored.roster.member(self.me());
        self.is_free()
            && self.promised().is_none()
            && self.resigning.is_none()
            && self.config.priority > 0
            && member.is_some_and(|m| m.priority > 0)
    }

    /// Gives back what was promised to this node up to `term`. A term that is not on disk is not
    /// given back before it is: after a crash it might be won again.
    pub(super) fn release(&mut self, term: Term) {
        if term <= self.disk.on.term || cfg!(bully_mutant = "release-before-sync") {
            self.send_release(term);
        } else {
            self.after_sync(Deferred::Release(term));
        }
    }

    pub(super) fn send_release(&mut self, term: Term) {
        let roster: Arc<Roster> = self.disk.on.roster.clone();
        for to in self.electorate() {
            let release = Release { term, target: None, roster: roster.clone() };
            self.send_to(to, Message::Release(release));
        }
    }

    pub(super) fn reign_deadline(&self, due: &mut Due) {
        if let Phase::Leading(reign) = &self.phase {
            due.fast(reign.next_beat);
            due.fast(reign.expiry);
            due.maybe_fast(reign.handover.as_ref().map(|h| h.deadline));
        }
    }
}
