//! Q10: who votes is changed one member at a time, and without a log.
//!
//! A roster is replaced only when the present one is committed in this term, when the deadline that
//! the application was shown rests on the present roster alone, and when a majority of the new one
//! was heard just now. Of the rosters that may be in force there are then two at most, and any
//! majority of the one meets any of the other. After Schultz, Dardik and Tripakis, "Design and
//! Analysis of a Logless Dynamic Reconfiguration Protocol" (2021), whose conditions on the log have
//! no counterpart here.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use super::event::{Event, Objection};
use super::words::{Member, Roster, RosterId};
use super::{Config, Phase, Proposal, Quorum};
use crate::types::{Address, Inst};

impl Quorum {
    /// How long a roster may wait for its majority before it is taken back.
    fn commit_patience(&self) -> Duration {
        Duration::from_secs(3).max(self.config.heartbeat * 10)
    }

    /// As leader, after each step: take back a roster that found no majority, or change it.
    pub(super) fn reconfig_due(&mut self) {
        self.preempt_due();
        self.forget_learners();
        let Phase::Leading(reign) = &self.phase else { return };
        if reign.handover.is_some() && !cfg!(bully_mutant = "reconfigure-at-handover") {
            return;
        }
        if !reign.committed && !cfg!(bully_mutant = "reconfigure-uncommitted") {
            let has_waited = self.now.fast.since(reign.changed_at) >= self.commit_patience();
            if has_waited && let Some(prev) = self.prev.clone() {
                let next = Roster { version: self.next_version(), ..(*prev).clone() };
                self.event(Event::RosterAborted(self.stored.roster.clone()));
                self.install(next);
            }
            return;
        }
        // One change that cannot be made now stands in no other's way.
        if let Some(next) = self.next_rosters().into_iter().find(|next| self.may_install(next)) {
            self.install(next);
        }
    }

    fn next_version(&self) -> RosterId {
        let RosterId { term, version } = self.stored.roster.version;
        RosterId { term, version: version + 1 }
    }

    fn install(&mut self, next: Roster) {
        let prev = core::mem::replace(&mut self.stored.roster, Arc::new(next));
        self.prev = Some(prev);
        self.touch();
        let (now, change) = (self.now.fast, self.disk.mark());
        if let Phase::Leading(reign) = &mut self.phase {
            (reign.committed, reign.changed_at, reign.change) = (false, now, change);
        }
        self.event(Event::Roster(self.stored.roster.clone()));
        self.beat();
    }

    /// The guards of Q10 that look at both rosters.
    fn may_install(&self, next: &Roster) -> bool {
        let Phase::Leading(reign) = &self.phase else { return false };
        let me = self.me();
        let rests_on_present =
            self.supported_until(&self.stored.roster).is_some_and(|until| until >= reign.expiry)
                || cfg!(bully_mutant = "reconfigure-before-the-lease");
        let within = self.config.heartbeat * 3;
        let is_heard = |inst: Inst| {
            inst == me
                || reign.has_acked(inst, within, self.now.fast)
                || cfg!(bully_mutant = "reconfigure-to-unheard")
        };
        next.has(me) && next.is_electable() && rests_on_present && next.is_quorum(is_heard)
    }

    /// The changes that are wanted, the most urgent first: each of one member.
    fn next_rosters(&self) -> Vec<Roster> {
        let roster = &self.stored.roster;
        if cfg!(bully_mutant = "two-at-once")
            && let (Some(member), Some(inst)) =
                (self.next_learner(), self.next_removals().into_iter().next())
        {
            return [self.with(&member, &self.without(inst, roster))].into();
        }
        let removals = self.next_removals();
        let removed = removals.into_iter().map(|inst| self.without(inst, roster));
        let updated = self.next_update().map(|member| self.with(&member, roster));
        let added = self.next_learner().map(|member| self.with(&member, roster));
        removed.chain(updated).chain(added).collect()
    }

    fn without(&self, inst: Inst, roster: &Roster) -> Roster {
        let members = roster.members.iter().filter(|m| m.inst != inst).cloned().collect();
        let mut removed = roster.removed.clone();
        removed.push(inst);
        let surplus = removed.len().saturating_sub(Roster::REMOVED_MAX);
        removed.drain(..surplus);
        Roster { version: self.next_version(), members, removed }
    }

    fn with(&self, member: &Member, roster: &Roster) -> Roster {
        let others = roster.members.iter().filter(|m| m.inst != member.inst).cloned();
        let mut members: Vec<Member> = others.chain([member.clone()]).collect();
        members.sort();
        Roster { version: self.next_version(), members, removed: roster.removed.clone() }
    }

    /// Members that an operator or they themselves want out, or in whose place a new node answers.
    fn next_removals(&self) -> Vec<Inst> {
        let Phase::Leading(reign) = &self.phase else { return Vec::new() };
        let roster = &self.stored.roster;
        let wanted = |m: &&Member| reign.removals.contains(&m.inst) || self.is_replaced(m.inst);
        let is_last = |inst: Inst| {
            roster.members.iter().all(|other| other.inst == inst || other.priority == 0)
        };
        let out = roster.members.iter().filter(wanted).map(|m| m.inst);
        out.filter(|inst| *inst != self.me() && !is_last(*inst)).collect()
    }

    /// A member that has another priority or address than the roster says. Its own word counts.
    fn next_update(&self) -> Option<Member> {
        let roster = &self.stored.roster;
        let own =
            Member { inst: self.me(), id: self.config.id.clone(), priority: self.config.priority };
        let said = |member: &Member| {
            if member.inst == own.inst {
                return Some(own.clone());
            }
            let peer = self.peers.get(&member.inst).filter(|p| p.link.is_some())?;
            Some(peer.member.clone())
        };
        roster.members.iter().find_map(|member| {
            let update = said(member).filter(|said| said != member)?;
            let others = |m: &Member| m.inst != member.inst && m.priority > 0;
            let is_electable = update.priority > 0 || roster.members.iter().any(others);
            let is_free = roster.members.iter().all(|m| m.inst == update.inst || m.id != update.id);
            (is_electable && is_free).then_some(update)
        })
    }

    pub(super) fn on_proposal(&mut self, proposal: Proposal) {
        match proposal {
            Proposal::Priority(priority) => self.propose_priority(priority),
            Proposal::Remove(id) => self.propose_removal(&id),
            Proposal::HandOver(to) => {
                let inst = to.as_ref().map(|id| self.member_at(id));
                match inst {
                    Some(None) => self.event(Event::NotProposed(Objection::NotMember)),
                    inst => self.propose_handover(inst.flatten()),
                }
            }
        }
    }

    fn member_at(&self, id: &Address) -> Option<Inst> {
        self.stored.roster.members.iter().find(|m| m.id == *id).map(|m| m.inst)
    }

    fn propose_priority(&mut self, priority: u32) {
        if priority > Config::PRIORITY_MAX {
            return self.event(Event::NotProposed(Objection::Priority(priority)));
        }
        let me = self.me();
        let others = |m: &Member| m.inst != me && m.priority > 0;
        if priority == 0 && self.leads() && !self.stored.roster.members.iter().any(others) {
            return self.event(Event::NotProposed(Objection::LastElectable));
        }
        self.config.priority = priority;
        self.say_hello_to_all();
        // A founding may have waited for somebody who may lead.
        self.consider_genesis();
        // One that is never to lead gives up what it has.
        if priority == 0 {
            self.hand_over_or_step_down();
        }
    }

    fn propose_removal(&mut self, id: &Address) {
        let inst = self.member_at(id);
        let me = self.me();
        let roster = self.stored.roster.clone();
        let objection = match (&mut self.phase, inst) {
            (Phase::Leading(_), None) => Objection::NotMember,
            (Phase::Leading(_), Some(inst)) if inst == me => Objection::Myself,
            (Phase::Leading(reign), Some(inst)) => {
                let others = |m: &Member| m.inst != inst && m.priority > 0;
                if roster.members.iter().any(others) {
                    reign.removals.insert(inst);
                    return;
                }
                Objection::LastElectable
            }
            _ => Objection::NotLeader,
        };
        self.event(Event::NotProposed(objection));
    }
}
