//! What a node shows of itself.

use alloc::vec::Vec;

use super::{Bully, Late, Reign, Role as Part};
use crate::members::Remote;
use crate::status::{LeaderView, Leaderless, MemberRole, MemberState, MemberView, Role, Status};
use crate::types::{Address, Now};

impl Bully {
    pub(crate) fn status(&self, now: Now) -> Status {
        let leader = self.shown_leader(now);
        let reason = if leader.is_some() { None } else { Some(self.leaderless()) };
        Status {
            role: self.shown_role(now),
            pending: leader.is_none() && self.is_outcome_near(),
            leader,
            claim: self.claim.clone(),
            seq: self.seq,
            reason,
            priority: self.me.priority,
        }
    }

    fn shown_role(&self, now: Now) -> Role {
        match &self.role {
            Part::Joining { .. } | Part::Waiting | Part::Stopped => Role::Joining,
            Part::Leading(Reign { late: None, .. }) if !self.is_overdue(now) => Role::Leader,
            Part::Leading(_) | Part::Electing { .. } => Role::Electing,
            Part::Following | Part::Resigning(_) => Role::Follower,
        }
    }

    fn shown_leader(&self, now: Now) -> Option<LeaderView> {
        let id = match &self.role {
            Part::Leading(_) if self.leadership(now).is_leader() => &self.me.id,
            // A follower that was frozen reads what it missed before it names anybody.
            Part::Following if !self.is_overdue(now) => &self.claim.as_ref()?.id,
            // A7: named from the moment it was asked.
            Part::Resigning(resigning) => resigning.tried.last()?,
            // For whoever asks in the moment until the process ends.
            Part::Stopped => self.parting.as_ref()?,
            _ => return None,
        };
        let (ip, priority) = match self.remotes.get(id) {
            Some(remote) => (remote.member.ip, remote.member.priority),
            None if *id == self.me.id => (self.me.ip, self.me.priority),
            None => (None, self.claim.as_ref()?.priority),
        };
        Some(LeaderView { id: id.clone(), ip: ip.or_else(|| id.host.ip()), priority })
    }

    fn leaderless(&self) -> Leaderless {
        match &self.role {
            Part::Joining { .. } => Leaderless::Joining,
            // Not started yet: its first step is near.
            Part::Stopped if !self.me.left => Leaderless::Joining,
            Part::Waiting => Leaderless::DuplicateId(self.me.id.clone()),
            Part::Electing { .. } if self.me.priority == 0 => Leaderless::PriorityZero,
            Part::Electing { .. } | Part::Leading(_) | Part::Following => Leaderless::Electing,
            Part::Resigning(_) | Part::Stopped => Leaderless::Leaving,
        }
    }

    /// Whether it is worth waiting for an outcome: not where this node may not lead and nobody
    /// is near that may.
    fn is_outcome_near(&self) -> bool {
        match &self.role {
            Part::Stopped => !self.me.left,
            Part::Waiting => false,
            Part::Electing { .. } if self.me.priority == 0 => {
                self.remotes.values().any(|r| r.is_open() && r.is_electable())
            }
            _ => true,
        }
    }

    pub(crate) fn member_views(&self, now: Now) -> Vec<MemberView> {
        let leader = self.shown_leader(now).map(|l| l.id);
        let mut views: Vec<MemberView> =
            self.remotes.values().map(|r| self.view_of(r, leader.as_ref())).collect();
        let is_joining = matches!(self.role, Part::Joining { .. } | Part::Waiting);
        views.push(MemberView {
            id: self.me.id.clone(),
            ip: self.me.ip,
            priority: self.me.priority,
            role: part(&self.me.id, leader.as_ref(), is_joining),
            state: if self.me.left { MemberState::Left } else { MemberState::Alive },
            rtt: None,
            is_self: true,
        });
        views.sort_by(|a, b| a.id.cmp(&b.id));
        views
    }

    fn view_of(&self, remote: &Remote, leader: Option<&Address>) -> MemberView {
        let id = &remote.member.id;
        // Its last word to this node may be older than its word to the leader.
        let is_joining =
            remote.is_open() && remote.report.claim.is_none() && remote.leader_reach != Some(true);
        MemberView {
            id: id.clone(),
            ip: remote.member.ip.or_else(|| id.host.ip()),
            priority: remote.member.priority,
            role: part(id, leader, is_joining),
            state: self.state_of(remote, leader == Some(id)),
            rtt: remote.rtt.get(),
            is_self: false,
        }
    }

    fn state_of(&self, remote: &Remote, is_leader: bool) -> MemberState {
        let is_heard = match &self.role {
            Part::Leading(Reign { late: None | Some(Late::Draining), .. }) => {
                remote.reach || (remote.is_open() && remote.acked.is_none())
            }
            Part::Following => is_leader || remote.leader_reach.unwrap_or(remote.is_open()),
            _ => remote.is_open(),
        };
        if remote.member.left {
            MemberState::Left
        } else if is_heard && !remote.refused {
            MemberState::Alive
        } else {
            MemberState::Unreachable
        }
    }
}

fn part(id: &Address, leader: Option<&Address>, is_joining: bool) -> MemberRole {
    if leader == Some(id) {
        MemberRole::Leader
    } else if is_joining {
        MemberRole::Joining
    } else {
        MemberRole::Candidate
    }
}
