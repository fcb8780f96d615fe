//! A5: two groups meet.

use super::accept::Offer;
use super::{Bully, Role};
use crate::event::Cause;
use crate::message::{Message, Report};
use crate::types::Address;

impl Bully {
    /// What the report of a Hello means to this node.
    pub(super) fn weigh_report(&mut self, from: &Address, report: &Report) {
        match &self.role {
            Role::Joining { .. } | Role::Electing { .. } => self.take_report(from, report),
            Role::Following => self.meet_as_follower(from, report),
            // It may be the answer to what it asked, be it of a leader or of a follower.
            Role::Leading(_) if self.is_late_leader() => self.take_report(from, report),
            Role::Leading(_) => self.meet_as_leader(from, report),
            Role::Waiting | Role::Stopped | Role::Resigning(_) => {}
        }
    }

    /// Whether the report is of a live leader that is not this node's.
    fn is_foreign(&self, report: &Report) -> bool {
        let Some(claim) = &report.claim else {
            return false;
        };
        report.live
            && report.age < self.config.fault()
            && claim.id != self.me.id
            && !self.was_dead(claim, self.now.fast.before(report.age))
            && self.claim.as_ref().is_none_or(|mine| !mine.is_of_same_node(claim))
    }

    /// A follower takes no claim from a Hello; its leader shall hear of the meeting.
    fn meet_as_follower(&mut self, from: &Address, report: &Report) {
        if !self.has_live_leader() {
            self.take_report(from, report);
        } else if self.is_foreign(report) {
            self.meet(from.clone());
            self.meet_again(from, report);
        }
    }

    /// A leader goes to the leader it heard of, and the two compare.
    fn meet_as_leader(&mut self, from: &Address, report: &Report) {
        if !self.is_foreign(report) {
            let me = self.me.id.clone();
            if self.leads() && self.remotes.get(from).is_some_and(|r| !r.follows_other(&me)) {
                self.beat_one(from);
            }
            return;
        }
        let Some(theirs) = report.claim.clone() else {
            return;
        };
        if theirs.id == *from {
            self.compare(from, report);
        } else {
            self.contact(&theirs.id);
            self.meet_again(from, report);
        }
    }

    fn compare(&mut self, from: &Address, report: &Report) {
        let Some(theirs) = &report.claim else { return };
        if !self.leads() {
            self.take_report(from, report);
            return;
        }
        let mine = Self::merits(self.report().size, self.me.priority, &self.me.id);
        if mine > Self::merits(report.size, theirs.priority, &theirs.id) {
            // `seen` covers their epoch: the new claim surpasses both.
            self.raise_epoch();
        } else if let Some(offer) = Offer::of_report(report) {
            // Where the other's claim is the smaller, its greater one is on its way.
            if self.accept(&offer, from, Cause::Merge) {
                self.follow_through(from);
            }
        }
    }

    /// The greater group wins; priority is the business of A6, after its hold.
    fn merits(size: u32, priority: u32, id: &Address) -> (u32, u32, &Address) {
        let is_by_priority = cfg!(bully_mutant = "merge-by-priority");
        if is_by_priority { (priority, size, id) } else { (size, priority, id) }
    }

    /// Leaders that cannot meet: who hears the same foreign leader from one node twice, P apart,
    /// settles it on the spot.
    fn meet_again(&mut self, from: &Address, report: &Report) {
        let now = self.now.fast;
        let Some(theirs) = &report.claim else { return };
        let Some(remote) = self.remotes.get_mut(from) else {
            return;
        };
        let since = match &remote.foreign {
            Some((id, inst, since)) if *id == theirs.id && *inst == theirs.inst => *since,
            _ => {
                remote.foreign = Some((theirs.id.clone(), theirs.inst, now));
                return;
            }
        };
        if now.since(since) < self.config.probe() {
            return;
        }
        remote.foreign = None;
        if Some(theirs) > self.claim.as_ref() {
            if let Some(offer) = Offer::of_report(report)
                && self.accept(&offer, from, Cause::Merge)
            {
                self.follow_through(from);
            }
        } else {
            let beat = self.relayed(0);
            self.send_to(from, Message::Beat(beat));
        }
    }

    /// Those who pass live under this node's leader: their groups and this one have met. Should they
    /// lead others again, what was heard of that before is no second word of it.
    pub(super) fn have_merged(&mut self, is_met: impl Fn(&Address) -> bool) {
        if cfg!(bully_mutant = "meetings-add-up") {
            return;
        }
        for remote in self.remotes.values_mut() {
            if remote.foreign.as_ref().is_some_and(|(leader, ..)| is_met(leader)) {
                remote.foreign = None;
            }
        }
    }
}
