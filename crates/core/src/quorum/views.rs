//! What a node in quorum mode shows.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::net::IpAddr;
use core::time::Duration;

use super::status::{Leaderless, Role, Status};
use super::words::{Member, Roster, Term};
use super::{Phase, Quorum};
use crate::status::{MemberRole, MemberState, MemberView};
use crate::types::{Inst, Now};

/// What a node is bound to at one moment: not for users, but for those who check it from outside.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Bonds {
    /// To whom it is promised, in which term, and for how long still by its slow clock.
    pub promise: Option<(Inst, Term, Duration)>,
    /// For how long still it is silent after its start, by its slow clock.
    pub muted: Duration,
    /// The reign whose lease has not run out, whether or not the application has been told to stop,
    /// and for how long it still runs by the fast clock.
    pub reign: Option<(Term, Duration)>,
    /// It never leads, nor stands, in this term or a smaller one.
    pub closed: Term,
    /// The roster before the present one, where that is not yet committed.
    pub prev: Option<Arc<Roster>>,
    /// A majority of the present roster has acknowledged it to this leader.
    pub committed: bool,
}

impl Quorum {
    pub(super) fn bonds(&self, now: Now) -> Bonds {
        let promise = self.promise.as_ref().filter(|p| now.slow < p.until);
        let reign = match &self.phase {
            Phase::Leading(reign) if now.fast < reign.expiry => {
                Some((reign.term, reign.expiry.since(now.fast)))
            }
            _ => None,
        };
        Bonds {
            promise: promise.map(|p| (p.holder, p.term, p.until.since(now.slow))),
            muted: self.mute_until.since(now.slow),
            reign,
            closed: self.closed,
            prev: self.prev.clone(),
            committed: matches!(&self.phase, Phase::Leading(reign) if reign.committed),
        }
    }

    pub(super) fn status(&self, now: Now) -> Status {
        let roster = &self.stored.roster;
        let leader = self.leader_now(now);
        let mut members: Vec<Member> = roster.members.clone();
        members.sort_by(|a, b| b.rank().cmp(&a.rank()));
        let role = self.role(now, leader);
        let reason = leader.is_none().then(|| self.reason(now));
        Status {
            role,
            leader_ip: leader.and_then(|inst| self.ip_of(inst)),
            reign: leader.and_then(|inst| self.reign_of(inst)),
            pending: reason.as_ref().is_some_and(|reason| self.is_outcome_near(reason)),
            inst: self.me(),
            priority: self.config.priority,
            term: self.stored.term,
            leader: leader.and_then(|inst| self.record_of(inst)),
            hint: self.hint.filter(|_| leader.is_none()).and_then(|inst| self.record_of(inst)),
            roster: roster.version,
            members,
            committed: matches!(&self.phase, Phase::Leading(reign) if reign.committed),
            muted: self.mute_until.since(now.slow),
            disk: !self.disk.has_failed(),
            reason,
        }
    }

    pub(super) fn members(&self, now: Now) -> Vec<MemberView> {
        let roster = &self.stored.roster;
        let is_outside = |p: &&super::links::Peer| p.link.is_some() && !roster.has(p.member.inst);
        let outside = self.peers.values().filter(is_outside).map(|p| &p.member);
        let own =
            Member { inst: self.me(), id: self.config.id.clone(), priority: self.config.priority };
        let own = (!roster.has(own.inst)).then_some(&own);
        let leader = self.leader_now(now);
        let all = roster.members.iter().chain(outside).chain(own);
        let mut views: Vec<MemberView> = all.map(|m| self.member_view(m, leader, now)).collect();
        views.sort_by(|a, b| a.id.cmp(&b.id));
        views
    }

    fn member_view(&self, member: &Member, leader: Option<Inst>, now: Now) -> MemberView {
        let is_self = member.inst == self.me();
        let peer = self.peers.get(&member.inst);
        let is_heard = match &self.phase {
            Phase::Leading(reign) if self.stored.roster.has(member.inst) => {
                reign.has_acked(member.inst, self.config.fault(), now.fast)
            }
            _ => peer.is_some_and(|p| p.link.is_some()),
        };
        let role = match () {
            () if leader == Some(member.inst) => MemberRole::Leader,
            () if self.stored.roster.has(member.inst) => MemberRole::Candidate,
            () => MemberRole::Joining,
        };
        MemberView {
            id: member.id.clone(),
            ip: self.ip_of(member.inst).or_else(|| member.id.host.ip()),
            priority: member.priority,
            role,
            state: if is_self || is_heard { MemberState::Alive } else { MemberState::Unreachable },
            rtt: peer.and_then(|p| p.rtt.get()),
            is_self,
        }
    }

    fn ip_of(&self, inst: Inst) -> Option<IpAddr> {
        match self.peers.get(&inst) {
            _ if inst == self.me() => self.config.ip,
            peer => peer?.ip,
        }
    }

    /// The term in which that node leads, as far as this one knows.
    fn reign_of(&self, leader: Inst) -> Option<Term> {
        match (&self.phase, self.leader) {
            (Phase::Leading(reign), _) if leader == self.me() => Some(reign.term),
            (_, Some((inst, term))) if inst == leader => Some(term),
            _ => None,
        }
    }

    /// Whether it is worth waiting for what comes: a majority is reached, or it is not yet known
    /// whether one is.
    fn is_outcome_near(&self, reason: &Leaderless) -> bool {
        match self.phase {
            Phase::Stopped => self.resigning.is_none(),
            Phase::Starting => true,
            _ => match reason {
                Leaderless::Electing
                | Leaderless::Muted(_)
                | Leaderless::Revoking
                | Leaderless::Joining => true,
                Leaderless::WaitingForPlaces(_)
                | Leaderless::ListsDiffer
                | Leaderless::NoQuorum(_) => self.has_untried_places(),
                _ => false,
            },
        }
    }

    /// Whose heartbeat holds this node at this moment, or itself.
    fn leader_now(&self, now: Now) -> Option<Inst> {
        if self.leadership(now).is_leader() {
            return Some(self.me());
        }
        let (leader, _) = self.leader.filter(|(inst, _)| *inst != self.me())?;
        let promise = self.promise.as_ref()?;
        (promise.holder == leader && now.slow < promise.until).then_some(leader)
    }

    pub(super) fn record_of(&self, inst: Inst) -> Option<Member> {
        let known = self.peers.get(&inst).map(|p| p.member.clone());
        self.stored.roster.member(inst).cloned().or(known)
    }

    fn role(&self, now: Now, leader: Option<Inst>) -> Role {
        if let Phase::Quarantined(_) = self.phase {
            Role::Quarantined
        } else if self.leadership(now).is_leader() {
            Role::Leader
        } else if self.revoking.is_some() || self.leads() {
            Role::Revoking
        } else if !self.stored.roster.has(self.me()) {
            Role::Joining
        } else if leader.is_some() {
            Role::Follower
        } else {
            Role::Electing
        }
    }

    fn reason(&self, now: Now) -> Leaderless {
        if let Phase::Quarantined(_) = self.phase {
            return Leaderless::Quarantined;
        }
        if self.revoking.is_some() || self.leads() {
            return Leaderless::Revoking;
        }
        if self.split.is_some() {
            return Leaderless::SplitClusters;
        }
        if !self.is_formed() {
            return self.reason_outside();
        }
        let roster = &self.stored.roster;
        if roster.removed.contains(&self.me()) {
            return Leaderless::Removed;
        }
        if !roster.has(self.me()) {
            return Leaderless::Joining;
        }
        let is_heard = |inst: Inst| {
            inst == self.me() || self.peers.get(&inst).is_some_and(|p| p.link.is_some())
        };
        if !roster.is_quorum(is_heard) {
            let silent = roster.members.iter().filter(|m| !is_heard(m.inst));
            let mut silent: Vec<_> = silent.map(|m| m.id.clone()).collect();
            silent.sort();
            return Leaderless::NoQuorum(silent);
        }
        if now.slow < self.mute_until {
            return Leaderless::Muted(self.mute_until.since(now.slow));
        }
        Leaderless::Electing
    }

    fn reason_outside(&self) -> Leaderless {
        let is_silent = |p: &&crate::types::Address| {
            **p != self.config.id && self.places.get(*p).is_none_or(|place| place.inst.is_none())
        };
        let silent: Vec<_> = self.config.places.iter().filter(is_silent).cloned().collect();
        if self.joining.is_some() {
            Leaderless::Joining
        } else if self.prospect().is_some_and(|prospect| !self.has_electable(&prospect)) {
            Leaderless::NobodyElectable
        } else if silent.is_empty() {
            Leaderless::ListsDiffer
        } else {
            Leaderless::WaitingForPlaces(silent)
        }
    }
}
