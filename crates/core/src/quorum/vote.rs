//! Q2, Q3: promises, and the votes that make them.

use alloc::sync::Arc;
use core::time::Duration;

use super::event::Event;
use super::message::{Message, PreVote, PreVoteResp, Reject, Release, Vote, VoteReq};
use super::reign::Then;
use super::words::{Boot, Roster, RosterId, Stamp, Term};
use super::{Phase, Quorum};
use crate::types::{Inst, Tick};

/// To vote for nobody else, and to stand for nothing, for a while.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Promise {
    pub(super) holder: Inst,
    pub(super) term: Term,
    /// By the slow clock.
    pub(super) until: Tick,
}

impl Quorum {
    /// The promise, unless it is over.
    pub(super) fn promised(&self) -> Option<&Promise> {
        let promise = self.promise.as_ref()?;
        (self.now.slow < promise.until && !cfg!(bully_mutant = "no-promise")).then_some(promise)
    }

    /// How long the promise to another than `to` still holds.
    fn promise_rest(&self, to: Inst) -> Duration {
        let other = self.promised().filter(|p| p.holder != to);
        other.map_or(Duration::ZERO, |p| p.until.since(self.now.slow))
    }

    /// Whether this node may bind itself to anybody at all (Q1, Q2, Q6, Q12).
    pub(super) fn is_free(&self) -> bool {
        self.is_formed()
            && !self.is_muted()
            && matches!(self.phase, Phase::Idle | Phase::Asking(_))
            && (self.revoking.is_none() || cfg!(bully_mutant = "votes-while-revoking"))
            && (!self.disk.has_failed() || cfg!(bully_mutant = "votes-on-a-failed-disk"))
    }

    /// Q2 but for the terms.
    fn may_promise(&self, to: Inst, roster: RosterId) -> bool {
        let is_newest =
            roster >= self.stored.roster.version || cfg!(bully_mutant = "older-roster-voted-for");
        self.is_free() && is_newest && self.promise_rest(to).is_zero()
    }

    /// Promises itself to `holder` from now on. Never shortens what it holds already.
    pub(super) fn bind(&mut self, holder: Inst, term: Term) {
        let until = self.now.slow.after(self.config.lease);
        let before = self.promise.as_ref().filter(|p| p.holder == holder).map(|p| p.until);
        self.promise =
            Some(Promise { holder, term, until: before.map_or(until, |b| b.max(until)) });
        self.stand_at = None;
    }

    /// Q3: whether it would vote, terms aside. Nothing is kept of the question.
    pub(super) fn on_prevote(&mut self, from: Inst, ask: &PreVote) {
        let leads = matches!(self.phase, Phase::Leading(_));
        let granted = if ask.probe {
            let follows = self.leader.is_some() && self.promised().is_some();
            let is_newest = ask.roster >= self.stored.roster.version;
            is_newest && !self.is_muted() && (leads || follows)
        } else {
            self.may_promise(from, ask.roster)
        };
        let resp = PreVoteResp {
            nonce: ask.nonce,
            granted,
            term: self.stored.term,
            retry_after: self.promise_rest(from),
            leader: if leads { Some(self.me()) } else { self.leader.map(|(inst, _)| inst) },
            roster: self.newer_than(ask.roster),
        };
        self.send_to(from, Message::PreVoteResp(resp));
    }

    /// This node's roster, for one that has an older one. One that is not on disk is shown to
    /// nobody: whoever took it over might be the only one that has it.
    pub(super) fn newer_than(&self, theirs: RosterId) -> Option<Arc<Roster>> {
        let unsynced = cfg!(bully_mutant = "unsynced-roster-shown");
        let shown = if unsynced { &self.stored.roster } else { &self.disk.on.roster };
        (shown.version > theirs).then(|| shown.clone())
    }

    /// Whether what `from` sends in this term is what it sent before it released it.
    pub(super) fn is_released(&self, from: Inst, term: Term) -> bool {
        self.released.get(&from).is_some_and(|released| term <= *released)
            && !cfg!(bully_mutant = "released-heard")
    }

    /// Q2. A refused request changes no term.
    pub(super) fn on_vote_req(&mut self, from: Inst, req: &VoteReq) {
        if self.is_released(from, req.term) {
            return;
        }
        let stored = &self.stored;
        let is_first = req.term == stored.term
            && (stored.voted_for.is_none_or(|v| v == from) || cfg!(bully_mutant = "votes-twice"));
        if !self.may_promise(from, req.roster) || (req.term <= stored.term && !is_first) {
            if cfg!(bully_mutant = "refusal-adopts-term") && req.term > self.stored.term {
                (self.stored.term, self.stored.voted_for) = (req.term, None);
                self.touch();
            }
            self.reject(from, req.roster);
            return;
        }
        self.vote(from, req.term, req.stamp, None);
    }

    /// Votes, and so promises. On disk before anybody hears of it.
    pub(super) fn vote(&mut self, candidate: Inst, term: Term, stamp: Stamp, boot: Option<Boot>) {
        self.phase = Phase::Idle;
        self.set_term(term, Some(candidate));
        self.bind(candidate, term);
        let known = self.peers.get(&candidate).map_or(Boot(0), |p| p.boot);
        let lease = self.config.lease;
        let boot = boot.unwrap_or(known);
        let vote = Message::Vote(Vote { term, candidate, stamp, boot, lease });
        if cfg!(bully_mutant = "vote-before-sync") {
            self.send_to(candidate, vote);
        } else {
            self.answer_after_sync(candidate, vote);
        }
    }

    /// Takes part in `term`.
    pub(super) fn set_term(&mut self, term: Term, voted_for: Option<Inst>) {
        if (term, voted_for) != (self.stored.term, self.stored.voted_for) {
            (self.stored.term, self.stored.voted_for) = (term, voted_for);
            self.touch();
        }
    }

    pub(super) fn reject(&mut self, to: Inst, theirs: RosterId) {
        let reject = Reject { term: self.stored.term, roster: self.newer_than(theirs) };
        self.send_to(to, Message::Reject(reject));
    }

    /// A heartbeat or a request of this node's came too late.
    pub(super) fn on_reject(&mut self, from: Inst, reject: &Reject) {
        let newer = reject.roster.as_ref().filter(|r| r.version > self.stored.roster.version);
        if let Phase::Leading(reign) = &self.phase {
            let is_higher = reject.term > reign.term;
            let is_member = self.stored.roster.has(from)
                || self.prev.as_ref().is_some_and(|prev| prev.has(from))
                || cfg!(bully_mutant = "any-refusal-counts");
            if is_member && (is_higher || newer.is_some()) {
                let then = Then::Stand(reject.term.max(reign.term));
                self.step_down(super::Cause::Overtaken, then);
            }
        }
        self.adopt(reject.roster.as_ref());
        self.refused_by(from);
    }

    /// Q3, Q7: takes over a newer roster, whoever brought it. A leader does not: it steps down
    /// first, or its reign is older than the other's.
    pub(super) fn adopt(&mut self, roster: Option<&Arc<Roster>>) {
        let Some(roster) = roster.filter(|r| r.version > self.stored.roster.version) else {
            return;
        };
        let leads = self.leads() && !cfg!(bully_mutant = "leader-adopts");
        if !self.is_formed() || leads {
            return;
        }
        let was_member = self.stored.roster.has(self.me());
        let old = core::mem::replace(&mut self.stored.roster, roster.clone());
        // Those of the old one are still to be released.
        if self.revoking.is_none() {
            self.prev = None;
        } else {
            self.prev.get_or_insert(old);
        }
        self.touch();
        // The candidacy was for a majority of another roster.
        if !cfg!(bully_mutant = "majority-of-two-rosters") {
            self.fail_candidacy();
        }
        self.event(Event::Roster(roster.clone()));
        if was_member && roster.removed.contains(&self.me()) {
            self.event(Event::Removed);
        }
    }

    /// Q6, as those see it that are released.
    pub(super) fn on_release(&mut self, from: Inst, release: &Release) {
        if release.target.is_some() {
            self.on_handed_over(from, release);
        } else {
            self.released_by(from, release.term);
            self.adopt(Some(&release.roster));
        }
    }

    /// `from` will not act in `term` or a smaller one again.
    pub(super) fn released_by(&mut self, from: Inst, term: Term) {
        // A guardian speaks for whomever it names: strangers are not remembered.
        let is_known = self.peers.contains_key(&from) || self.stored.roster.has(from);
        if !is_known {
            return;
        }
        let released = self.released.entry(from).or_insert(term);
        *released = term.max(*released);
        let is_released = |p: &Promise| {
            let covers = p.term <= term || cfg!(bully_mutant = "release-ignores-term");
            p.holder == from && covers
        };
        if self.promise.as_ref().is_some_and(is_released) {
            self.promise = None;
        }
        if self.leader.is_some_and(|(inst, of)| inst == from && of <= term) {
            self.leader_lost();
        }
    }

    pub(super) fn leader_lost(&mut self) {
        if let Some((leader, _)) = self.leader.take()
            && leader != self.me()
        {
            self.event(Event::LeaderLost { leader });
        }
    }
}
