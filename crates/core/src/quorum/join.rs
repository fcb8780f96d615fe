//! Q10, as those see it that are no members: joining, and replacing a member whose disk is lost.

use alloc::vec::Vec;
use core::time::Duration;

use super::event::Event;
use super::message::{Hb, Join, Message, Stage};
use super::words::{Member, Roster};
use super::{Phase, Quorum};
use crate::types::{Inst, Tick};

/// A node that hears the leader and does not count yet.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Learner {
    heard_at: Tick,
    /// Acknowledgements of the present roster: it has that on disk.
    acks: u32,
}

impl Learner {
    /// So many acknowledgements show that it can keep up.
    const ACKS: u32 = 3;
    /// Silent for so long it is forgotten, and must ask again.
    const PATIENCE: Duration = Duration::from_secs(2);

    pub(super) fn heard(&mut self, now: Tick, is_up_to_date: bool) {
        self.heard_at = now;
        self.acks += u32::from(is_up_to_date);
    }
}

impl Quorum {
    /// A member is replaced once it has been silent for so long and another answers in its place.
    const LOST: Duration = Duration::from_secs(10);

    /// Whether a node that is no member may become one: not one that was removed.
    fn may_join(&self, inst: Inst) -> bool {
        let roster = &self.stored.roster;
        roster.members.len() < Roster::MEMBERS_MAX
            && !roster.has(inst)
            && (!roster.removed.contains(&inst) || cfg!(bully_mutant = "removed-joins-again"))
    }

    pub(super) fn on_join(&mut self, from: Inst, join: &Join) {
        let now = self.now.fast;
        let Some(peer) = self.peers.get(&from) else { return };
        if Some(join.cluster) != self.stored.cluster || !self.may_join(from) {
            return;
        }
        let id = peer.member.id.clone();
        let old = self.stored.roster.members.iter().find(|m| m.id == id).map(|m| m.inst);
        let is_new = |reign: &super::Reign| !reign.learners.contains_key(&from);
        if let Phase::Leading(reign) = &mut self.phase
            && is_new(reign)
        {
            reign.learners.insert(from, Learner { heard_at: now, acks: 0 });
            if let Some(old) = old {
                self.event(Event::Replacing { old, new: from });
            }
        }
    }

    pub(super) fn forget_learners(&mut self) {
        let now = self.now.fast;
        let roster = self.stored.roster.clone();
        if let Phase::Leading(reign) = &mut self.phase {
            reign.learners.retain(|inst, learner| {
                now.since(learner.heard_at) < Learner::PATIENCE && !roster.has(*inst)
            });
        }
    }

    /// A learner that keeps up, and whose address is nobody else's.
    pub(super) fn next_learner(&self) -> Option<Member> {
        let Phase::Leading(reign) = &self.phase else { return None };
        let is_free = |m: &Member| self.stored.roster.members.iter().all(|o| o.id != m.id);
        reign.learners.iter().filter(|(_, l)| l.acks >= Learner::ACKS).find_map(|(inst, _)| {
            let peer = self.peers.get(inst).filter(|p| p.link.is_some())?;
            let member = peer.member.clone();
            (self.may_join(*inst) && is_free(&member)).then_some(member)
        })
    }

    /// Lost disk: the member is silent, and a learner advertises its address.
    pub(super) fn is_replaced(&self, inst: Inst) -> bool {
        let Phase::Leading(reign) = &self.phase else { return false };
        let Some(member) = self.stored.roster.member(inst).filter(|m| m.inst != self.me()) else {
            return false;
        };
        let heard_at = reign.acked.get(&inst).map_or(reign.began, |a| a.at);
        let is_silent = self.now.fast.since(heard_at) >= Self::LOST;
        let is_answered = reign
            .learners
            .keys()
            .any(|learner| self.peers.get(learner).is_some_and(|p| p.member.id == member.id));
        (is_silent || cfg!(bully_mutant = "replaced-though-heard"))
            && (is_answered || cfg!(bully_mutant = "replaced-for-silence"))
    }

    /// MQ10: an outsider joins the cluster that its places lead to, once all of them have been
    /// tried; two clusters of one name are a mistake that it takes no side in.
    pub(super) fn seek_cluster(&mut self) {
        if self.is_formed() || !self.places.values().all(|p| p.tried || p.inst.is_some()) {
            return;
        }
        let formed = |peer: &super::Peer| match (peer.stage, &peer.roster) {
            (Stage::Formed(cluster), Some(roster)) => Some((cluster, roster.clone())),
            _ => None,
        };
        let present = self.peers.values().filter(|p| !p.is_gone);
        let found: Vec<_> = present.filter_map(formed).collect();
        self.joining = None;
        let Some((cluster, _)) = found.first() else {
            self.split = None;
            return;
        };
        let other = found.iter().map(|(other, _)| *other).find(|other| other != cluster);
        let split = other.map(|other| (*cluster, other));
        let split = split.filter(|_| !cfg!(bully_mutant = "joins-either"));
        let was_split = core::mem::replace(&mut self.split, split).is_some();
        if let Some((first, second)) = split {
            if !was_split {
                self.event(Event::SplitClusters { first, second });
            }
            return;
        }
        // A founder of that cluster becomes a member by the founders' word.
        let is_founder = |f: &super::Founding| f.cluster == *cluster;
        let given = [&self.stored.accept, &self.stored.leaving];
        if given.into_iter().flatten().any(is_founder) {
            return;
        }
        // Nor may it walk away from another that it has given its word to: that is taken back first.
        if self.stored.accept.is_some() {
            self.undo();
        }
        if self.stored.leaving.is_some() {
            return;
        }
        let newest = found.iter().map(|(_, roster)| roster).max_by_key(|r| r.version);
        self.joining = newest.map(|roster| (*cluster, roster.clone()));
    }

    /// Says again that it wants to join, to all: the leader among them takes note.
    pub(super) fn ask_to_join(&mut self) {
        let cluster = match (&self.joining, self.stored.cluster) {
            (_, Some(cluster)) => cluster,
            (Some((cluster, _)), None) => *cluster,
            (None, None) => return,
        };
        let roster = &self.stored.roster;
        let is_outside = !roster.has(self.me()) && !roster.removed.contains(&self.me());
        if !is_outside || self.resigning.is_some() {
            return;
        }
        let all: Vec<Inst> = self.peers.keys().copied().collect();
        for inst in all {
            self.send_to(inst, Message::Join(Join { cluster }));
        }
    }

    /// The leader of the cluster that this node wants to join speaks to it: it is in the cluster
    /// from now on, as one that does not vote. It has promised nothing to anybody, and so it need
    /// not be silent first.
    pub(super) fn on_first_hb(&mut self, from: Inst, hb: &Hb) {
        let Some((cluster, _)) = self.joining else { return };
        let is_there = self.peers.get(&from).is_some_and(|p| p.stage == Stage::Formed(cluster));
        let is_bound = self.stored.accept.is_some() || self.stored.leaving.is_some();
        if !is_there || is_bound || self.disk.has_failed() {
            return;
        }
        self.form(cluster, hb.roster.clone());
        self.on_hb(from, hb);
    }

    pub(super) fn on_leave(&mut self, from: Inst) {
        let roster = self.stored.roster.clone();
        if let Phase::Leading(reign) = &mut self.phase
            && roster.has(from)
        {
            reign.removals.insert(from);
        }
    }
}
