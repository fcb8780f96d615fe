//! Q8: a reign is handed to a member in one round trip and one sync.
//!
//! The application stops first, the leader beating on; then the leader votes for its successor in
//! the next term, closes its own, promises itself to the successor like any voter, and tells all
//! members, who vote for the successor without having been asked by it.

use super::event::{Cause, Objection};
use super::lease::Grants;
use super::message::{Message, Release, Target, Vote};
use super::reign::Then;
use super::words::{Member, Term};
use super::{Event, Phase, Quorum};
use crate::types::{Inst, Tick};

/// A handover before its Release.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Handover {
    to: Inst,
    /// The deadline that the application was shown when it was told to stop: by then it has.
    pub(super) deadline: Tick,
    pub(super) is_stopped: bool,
}

impl Quorum {
    /// To whom the reign can be handed: the best-ranked that has just acknowledged the roster.
    pub(super) fn successor(&self) -> Option<Inst> {
        let roster = &self.stored.roster;
        let able = roster.members.iter().filter(|m| self.can_succeed(m));
        able.max_by_key(|m| m.rank()).map(|m| m.inst)
    }

    pub(super) fn can_succeed(&self, member: &Member) -> bool {
        let Phase::Leading(reign) = &self.phase else { return false };
        let within = self.config.heartbeat * 2;
        let is_fresh = reign.has_acked(member.inst, within, self.now.fast);
        let boot = self.peers.get(&member.inst).map(|p| p.boot);
        let is_able = reign.acked.get(&member.inst).is_some_and(|a| {
            a.unmuted && a.roster == self.stored.roster.version && Some(a.boot) == boot
        });
        member.inst != self.me() && member.priority > 0 && is_fresh && is_able
    }

    /// (a) The application is told to stop. Says whether the handover has begun.
    pub(super) fn begin_handover(&mut self, to: Inst, cause: Cause) -> bool {
        let is_able = self.stored.roster.member(to).is_some_and(|m| self.can_succeed(m));
        let Phase::Leading(reign) = &mut self.phase else { return false };
        let is_committed = reign.committed || cfg!(bully_mutant = "handover-uncommitted");
        if !is_able || !is_committed || reign.handover.is_some() {
            return false;
        }
        let (term, deadline) = (reign.term, reign.expiry);
        reign.handover = Some(Handover { to, deadline, is_stopped: false });
        self.revoke(term, deadline, cause);
        self.cooldown.handed_over(to, self.now.fast);
        true
    }

    pub(super) fn handover_stopped(&mut self) {
        if let Phase::Leading(reign) = &mut self.phase
            && let Some(handover) = &mut reign.handover
        {
            handover.is_stopped = true;
        }
    }

    /// (b) to (d), once the application has stopped.
    pub(super) fn handover_due(&mut self) {
        let Phase::Leading(reign) = &self.phase else { return };
        let Some(handover) = &reign.handover else { return };
        let is_stopped =
            handover.is_stopped || cfg!(bully_mutant = "handover-before-the-application");
        if !is_stopped && self.now.fast < handover.deadline {
            return;
        }
        let (to, term) = (handover.to, reign.term);
        // The latest moment of its clock that is known: every promise of this handover comes later.
        // A moment of an earlier start of it is worth nothing.
        let boot = self.peers.get(&to).map(|p| p.boot);
        let known = reign
            .acked
            .get(&to)
            .filter(|a| Some(a.boot) == boot || cfg!(bully_mutant = "moment-of-another-start"));
        let next = Term(term.0 + 1);
        let (Some(stamp), Some(boot)) = (known.map(|a| a.sent), boot) else {
            return self.step_down(Cause::Resign, Then::Release);
        };
        if !next.is_credible(term, self.now.wall_ms) {
            return self.step_down(Cause::Resign, Then::Release);
        }
        self.phase = Phase::Idle;
        self.leader = None;
        self.closed = self.closed.max(term);
        self.set_term(next, Some(to));
        if !cfg!(bully_mutant = "no-promise-at-handover") {
            self.bind(to, next);
        }
        let target = Some(Target { inst: to, stamp, boot });
        let roster = self.stored.roster.clone();
        for member in self.electorate() {
            let release = Release { term, target, roster: roster.clone() };
            self.answer_after_sync(member, Message::Release(release));
        }
        let lease = self.config.lease;
        let vote = Vote { term: next, candidate: to, stamp, boot, lease };
        self.answer_after_sync(to, Message::Vote(vote));
    }

    /// A leader has handed over: to this node, or to one that this node may vote for.
    pub(super) fn on_handed_over(&mut self, from: Inst, release: &Release) {
        let Some(target) = release.target else { return };
        let next = Term(release.term.0 + 1);
        if next.0 > crate::types::NUMBER_MAX {
            return self.released_by(from, release.term);
        }
        let may = self.may_follow_handover(from, release, &target, next);
        self.released_by(from, release.term);
        self.adopt(Some(&release.roster));
        if !may {
            return;
        }
        if target.inst == self.me() {
            if target.boot == self.stored.boot || cfg!(bully_mutant = "handover-to-any-start") {
                self.take_over(next);
            }
        } else {
            self.vote(target.inst, next, target.stamp, Some(target.boot));
        }
    }

    fn may_follow_handover(
        &self,
        from: Inst,
        release: &Release,
        target: &Target,
        next: Term,
    ) -> bool {
        let stored = &self.stored;
        let is_first = stored.term == next && stored.voted_for.is_none_or(|v| v == target.inst);
        let is_open = stored.term <= release.term || is_first;
        let is_bound_elsewhere = self
            .promised()
            .is_some_and(|p| p.holder != target.inst && p.holder != from && p.term >= release.term);
        let is_known = release.roster.has(target.inst);
        self.is_free()
            && is_open
            && is_known
            && !self.is_released(target.inst, next)
            && (!is_bound_elsewhere || cfg!(bully_mutant = "handover-though-bound"))
            && stored.roster.version <= release.roster.version
    }

    /// The reign is handed to this node, which stands without asking: the votes are on their way,
    /// or here already.
    fn take_over(&mut self, next: Term) {
        let is_electable = self.stored.roster.member(self.me()).is_some_and(|m| m.priority > 0);
        let is_closed = next <= self.closed && !cfg!(bully_mutant = "handover-again");
        let is_able = is_electable && self.config.priority > 0;
        if is_closed || !is_able || self.resigning.is_some() {
            return;
        }
        self.set_term(next, Some(self.me()));
        let mut grants = Grants::default();
        for (from, vote) in core::mem::take(&mut self.early_votes) {
            if vote.term == next {
                grants.take(from, vote.stamp.0, vote.lease, self.config.lease);
            }
        }
        self.enter(next, grants, 6, Cause::Handover);
        self.count_votes();
    }

    /// An operator asks for a handover.
    pub(super) fn propose_handover(&mut self, to: Option<Inst>) {
        let to = to.or_else(|| self.successor());
        let never = |to: Inst| self.stored.roster.member(to).is_some_and(|m| m.priority == 0);
        let objection = match to {
            _ if !self.leads() => Objection::NotLeader,
            Some(to) if never(to) => Objection::NeverLeads,
            Some(to) if self.begin_handover(to, Cause::Resign) => return,
            _ => Objection::NotNow,
        };
        self.event(Event::NotProposed(objection));
    }
}
