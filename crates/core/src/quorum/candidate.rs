//! Q3 to Q5: who stands, when, and how it wins.

use alloc::collections::{BTreeMap, BTreeSet};
use core::time::Duration;

use super::durable::Deferred;
use super::event::Cause;
use super::lease::{Grants, usable};
use super::message::{Message, PreVote, PreVoteResp, Vote, VoteReq};
use super::words::{RosterId, Stamp, Term};
use super::{Due, Phase, Quorum};
use crate::types::{Inst, Tick};

/// Q3: a round of questions, before any term is touched.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Asking {
    nonce: u64,
    until: Tick,
    granted: BTreeSet<Inst>,
    /// Who refused, and for how long its promise still holds.
    refused: BTreeMap<Inst, Duration>,
    /// The greatest term seen.
    term: Term,
}

/// Q4: a candidacy. While it lasts the candidate is promised to itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Candidacy {
    pub(super) term: Term,
    pub(super) grants: Grants,
    refused: BTreeSet<Inst>,
    /// How long it lasts, once the others have been asked.
    until: Tick,
    is_asked: bool,
    pub(super) cause: Cause,
    /// A majority voted; the roster of the new term is not yet on disk.
    won: bool,
}

impl Quorum {
    /// So many rounds of questions are remembered, to measure what comes late.
    const ASKED_MAX: usize = 16;

    /// δ: the time allowed for an answer.
    pub(super) fn delta(&self) -> Duration {
        let rtt = self.peers.values().filter(|p| p.link.is_some()).filter_map(|p| p.rtt.get());
        crate::config::Config::DELTA_MIN.max(rtt.max().unwrap_or_default() * 2)
    }

    /// Q4: whether this node may stand, now or after its turn.
    fn may_stand(&self) -> bool {
        // Where the roster lets nobody lead, only one who leads can change it.
        let is_stuck = !self.stored.roster.is_electable();
        let is_electable =
            self.stored.roster.member(self.me()).is_some_and(|m| m.priority > 0 || is_stuck);
        (is_electable || cfg!(bully_mutant = "outsider-stands"))
            && self.config.priority > 0
            && self.is_free()
            && self.promised().is_none()
            && self.resigning.is_none()
    }

    /// How long better-ranked members have before it is this node's turn. Rank only delays.
    fn turn(&mut self) -> Duration {
        let roster = self.stored.roster.clone();
        let Some(me) = roster.member(self.me()) else { return Duration::ZERO };
        let is_better = |m: &&super::Member| {
            m.priority > 0 && m.rank() > me.rank() && Some(m.inst) != self.last_leader
        };
        let betters = roster.members.iter().filter(is_better).count();
        let delta = self.delta();
        let late = if self.is_late() { self.config.heartbeat } else { Duration::ZERO };
        delta * u32::try_from(betters).unwrap_or(u32::MAX) + self.random(delta / 2) + late
    }

    /// After each step: whether it is time to stand.
    pub(super) fn election_due(&mut self) {
        let is_held = |(leader, _): (Inst, Term)| {
            self.leads() || self.promised().is_some_and(|p| p.holder == leader)
        };
        if self.leader.is_some_and(|leader| !is_held(leader)) {
            self.leader_lost();
        }
        if !self.may_stand() {
            self.stand_at = None;
            if matches!(self.phase, Phase::Asking(_)) {
                self.phase = Phase::Idle;
            }
            return;
        }
        if let Phase::Asking(_) = self.phase {
            return;
        }
        let at = match self.stand_at {
            Some(at) => at,
            None => self.now.fast.after(self.turn()),
        };
        self.stand_at = Some(at);
        if self.now.fast >= at {
            self.ask();
        }
    }

    pub(super) fn leads(&self) -> bool {
        matches!(self.phase, Phase::Leading(_))
    }

    fn ask(&mut self) {
        self.nonce += 1;
        self.stand_at = None;
        self.phase = Phase::Asking(Asking {
            nonce: self.nonce,
            until: self.now.fast.after(self.delta()),
            granted: [self.me()].into(),
            refused: BTreeMap::new(),
            term: self.stored.term,
        });
        self.send_prevotes(false);
        self.count_grants();
    }

    /// Asks all members; the answers carry the nonce.
    pub(super) fn send_prevotes(&mut self, probe: bool) {
        let (roster, nonce) = (self.stored.roster.clone(), self.nonce);
        self.asked.push_back((nonce, self.now.fast));
        if self.asked.len() > Self::ASKED_MAX {
            self.asked.pop_front();
        }
        for to in roster.others(self.me()) {
            let ask = PreVote { roster: roster.version, nonce, probe };
            self.send_to(to, Message::PreVote(ask));
        }
    }

    pub(super) fn on_prevote_resp(&mut self, from: Inst, resp: &PreVoteResp) {
        // Also an answer that came too late to count: it tells how long one takes.
        if let Some((_, at)) = self.asked.iter().find(|(nonce, _)| *nonce == resp.nonce) {
            self.measured(from, *at);
        }
        self.probe_answered(from, resp);
        if let Phase::Asking(asking) = &mut self.phase
            && (asking.nonce == resp.nonce || cfg!(bully_mutant = "any-grant-counts"))
        {
            asking.term = asking.term.max(resp.term);
            if resp.granted {
                asking.granted.insert(from);
            } else {
                asking.refused.insert(from, resp.retry_after);
            }
        }
        self.hint = resp.leader.or(self.hint).filter(|_| self.leader.is_none());
        self.adopt(resp.roster.as_ref());
        self.count_grants();
    }

    fn count_grants(&mut self) {
        let Phase::Asking(asking) = &self.phase else { return };
        let roster = &self.stored.roster;
        let may = roster.is_quorum(|inst| asking.granted.contains(&inst));
        let could = roster.is_quorum(|inst| !asking.refused.contains_key(&inst));
        let seen = asking.term;
        if may {
            self.stand(seen, Cause::Vacancy);
        } else if !could {
            self.ask_again();
        }
    }

    /// The round failed: another one later, at once after the promises that stood in its way, but
    /// not so late that a Release is missed for long.
    fn ask_again(&mut self) {
        let Phase::Asking(asking) = &self.phase else { return };
        let rest = asking.refused.values().filter(|rest| !rest.is_zero()).min().copied();
        let rest = rest.unwrap_or_default().min(self.config.heartbeat * 2);
        self.phase = Phase::Idle;
        let pause = self.backoff().max(rest);
        self.stand_at = Some(self.now.fast.after(pause));
    }

    fn backoff(&mut self) -> Duration {
        let delta = self.delta();
        delta + self.random(delta)
    }

    /// Stands in the term above all that were seen. Says whether it does.
    pub(super) fn stand(&mut self, seen: Term, cause: Cause) -> bool {
        let seen = seen.max(self.stored.term);
        let term = if cfg!(bully_mutant = "closed-term-again") && seen > Term(0) {
            Some(seen)
        } else {
            Term::next(seen, self.now.wall_ms).filter(|t| *t > self.closed)
        };
        let Some(term) = term else {
            self.phase = Phase::Idle;
            return false;
        };
        self.set_term(term, Some(self.me()));
        self.enter(term, Grants::default(), 3, cause);
        if cfg!(bully_mutant = "pact-before-sync") {
            self.pact_term = Some(term);
        }
        if cfg!(bully_mutant = "request-before-sync") {
            self.canvass(term);
        } else {
            self.after_sync(Deferred::Canvass(term));
        }
        true
    }

    /// Becomes a candidate for at most so many δ and two writes, as this node's disk makes them:
    /// the voters' disks are waited for. The promise to itself ends with the candidacy.
    pub(super) fn enter(&mut self, term: Term, grants: Grants, deltas: u32, cause: Cause) {
        let until = self.lasts(deltas);
        let refused = BTreeSet::new();
        self.promise = None;
        self.stand_at = None;
        self.phase = Phase::Standing(Candidacy {
            term,
            grants,
            refused,
            until,
            is_asked: cause == Cause::Handover,
            cause,
            won: false,
        });
    }

    fn lasts(&self, deltas: u32) -> Tick {
        let writes = self.disk.took() * 2;
        let time = (self.delta() * deltas + writes).min(usable(self.config.lease));
        self.now.fast.after(time)
    }

    /// The vote for itself is on disk: ask the others. Their leases count from here.
    pub(super) fn canvass(&mut self, term: Term) {
        if !matches!(&self.phase, Phase::Standing(c) if c.term == term) {
            return;
        }
        self.pact_term = Some(term);
        if !cfg!(bully_mutant = "pact-after-request") {
            self.announce_pact();
        }
        let until = self.lasts(3);
        if let Phase::Standing(candidacy) = &mut self.phase {
            (candidacy.until, candidacy.is_asked) = (until, true);
        }
        let roster = self.stored.roster.clone();
        let stamp = Stamp(self.now.fast);
        for to in roster.others(self.me()) {
            let req = VoteReq { term, roster: roster.version, stamp };
            self.send_to(to, Message::VoteReq(req));
        }
        self.count_votes();
    }

    pub(super) fn on_vote(&mut self, from: Inst, vote: Vote) {
        let is_mine = vote.candidate == self.me();
        let is_of_boot = vote.boot == self.stored.boot || cfg!(bully_mutant = "vote-without-boot");
        if !is_mine || !is_of_boot || vote.stamp.0 > self.now.fast {
            return;
        }
        if cfg!(bully_mutant = "handover-before-release") && vote.term > self.stored.term {
            self.stand(Term(vote.term.0 - 1), Cause::Handover);
        }
        match &mut self.phase {
            Phase::Standing(candidacy) if candidacy.term == vote.term => {
                candidacy.grants.take(from, vote.stamp.0, vote.lease, self.config.lease);
                self.count_votes();
            }
            // Of a handover whose Release has not come yet (Q8).
            Phase::Idle | Phase::Asking(_)
                if vote.term > self.stored.term && self.stored.roster.has(from) =>
            {
                self.early_votes.insert(from, vote);
            }
            _ => {}
        }
    }

    /// Q5: a majority's leases have not run out.
    pub(super) fn count_votes(&mut self) {
        let now = self.now.fast;
        let Phase::Standing(candidacy) = &self.phase else { return };
        let term = candidacy.term;
        let own = now.after(usable(self.config.lease));
        let expiry = candidacy.grants.expiry(&self.stored.roster, self.me(), own);
        if candidacy.won || expiry.is_none_or(|at| at <= now) {
            return;
        }
        let version = RosterId { term, ..self.stored.roster.version };
        let roster = self.stored.roster.at(version);
        self.stored.roster = roster;
        self.touch();
        if let Phase::Standing(candidacy) = &mut self.phase {
            candidacy.won = true;
        }
        if cfg!(bully_mutant = "crown-before-sync") {
            self.crown(term);
        } else {
            self.after_sync(Deferred::Crown(term));
        }
    }

    /// The roster of the new term is on disk. If the lease still runs, the reign begins.
    pub(super) fn crown(&mut self, term: Term) {
        let now = self.now.fast;
        let Phase::Standing(candidacy) = &self.phase else { return };
        if candidacy.term != term || !candidacy.won {
            return;
        }
        let own = now.after(usable(self.config.lease));
        match candidacy.grants.expiry(&self.stored.roster, self.me(), own) {
            Some(expiry) if expiry > now || cfg!(bully_mutant = "crown-without-lease") => {
                let (grants, cause) = (candidacy.grants.clone(), candidacy.cause);
                self.pact_term = Some(term);
                self.announce_pact();
                self.begin_reign(term, grants, expiry, cause);
            }
            _ => self.fail_candidacy(),
        }
    }

    /// A request of this node's was refused.
    pub(super) fn refused_by(&mut self, from: Inst) {
        let Phase::Standing(candidacy) = &mut self.phase else { return };
        candidacy.refused.insert(from);
        let is_lost = !self.stored.roster.is_quorum(|inst| !candidacy.refused.contains(&inst));
        if is_lost && !candidacy.won {
            self.fail_candidacy();
        }
    }

    /// Q4: the candidacy has failed. Its votes are promises, and are given back.
    pub(super) fn fail_candidacy(&mut self) {
        let Phase::Standing(candidacy) = &self.phase else {
            if matches!(self.phase, Phase::Asking(_)) {
                self.phase = Phase::Idle;
            }
            return;
        };
        let term = candidacy.term;
        self.phase = Phase::Idle;
        self.closed = self.closed.max(term);
        if !cfg!(bully_mutant = "votes-kept") {
            self.release(term);
        }
        let pause = self.backoff();
        self.stand_at = Some(self.now.fast.after(pause));
    }

    pub(super) fn candidacy_due(&mut self) {
        match &self.phase {
            Phase::Asking(asking) if self.now.fast >= asking.until => self.ask_again(),
            Phase::Standing(c) if c.is_asked && self.now.fast >= c.until && !c.won => {
                self.fail_candidacy();
            }
            Phase::Standing(candidacy) if candidacy.won => {
                let own = self.now.fast.after(usable(self.config.lease));
                let expiry = candidacy.grants.expiry(&self.stored.roster, self.me(), own);
                if expiry.is_none_or(|at| at <= self.now.fast) {
                    self.fail_candidacy();
                }
            }
            _ => {}
        }
    }

    pub(super) fn election_deadline(&self, due: &mut Due) {
        match &self.phase {
            Phase::Asking(asking) => due.fast(asking.until),
            Phase::Standing(candidacy) if candidacy.won => {
                let own = self.now.fast.after(usable(self.config.lease));
                due.maybe_fast(candidacy.grants.expiry(&self.stored.roster, self.me(), own));
            }
            Phase::Standing(candidacy) if candidacy.is_asked => due.fast(candidacy.until),
            Phase::Idle => {
                due.maybe_fast(self.stand_at);
                if let Some(promise) = self.promised() {
                    due.slow(promise.until);
                }
                if self.is_muted() {
                    due.slow(self.mute_until);
                }
            }
            _ => {}
        }
    }
}
