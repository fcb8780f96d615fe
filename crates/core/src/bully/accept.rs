//! A2: which claims a node accepts, and how Beats spread.

use core::time::Duration;

use super::{Bully, Role};
use crate::event::{Cause, Event};
use crate::members::{List, Watcher, membership};
use crate::message::{Beat, BeatAck, Listed, Message, Query, Report};
use crate::node::LinkId;
use crate::types::{Address, Claim, Epoch, Tick};

/// A claim as it reaches this node.
pub(super) struct Offer {
    claim: Claim,
    seq: u64,
    age: Duration,
    size: u32,
    /// Only a Beat states it.
    hold: Option<Duration>,
}

impl Offer {
    /// What a live report offers.
    pub(super) fn of_report(report: &Report) -> Option<Self> {
        let claim = report.claim.clone().filter(|_| report.live)?;
        Some(Self { claim, seq: report.seq, age: report.age, size: report.size, hold: None })
    }

    fn of_beat(beat: &Beat) -> Self {
        Self {
            claim: beat.claim.clone(),
            seq: beat.seq,
            age: beat.age,
            size: beat.size,
            hold: Some(beat.hold),
        }
    }
}

impl Bully {
    /// Whether A2 accepts the offer.
    pub(super) fn is_acceptable(&self, offer: &Offer) -> bool {
        let heard_at = self.now.fast.before(offer.age);
        let is_newer = match &self.claim {
            None => true,
            Some(mine) => offer.claim > *mine || (offer.claim == *mine && self.is_newer(offer.seq)),
        };
        offer.age < self.config.fault()
            && (offer.claim.id != self.me.id || cfg!(bully_mutant = "follows-own-ghost"))
            && is_newer
            && !self.was_dead(&offer.claim, heard_at)
            && !matches!(self.role, Role::Waiting | Role::Stopped)
    }

    fn is_newer(&self, seq: u64) -> bool {
        seq > self.seq || (seq == self.seq && cfg!(bully_mutant = "old-word-refreshes"))
    }

    /// Whether word of this claim, as of `heard_at`, is older than the proof of its owner's death.
    pub(super) fn was_dead(&self, claim: &Claim, heard_at: Tick) -> bool {
        self.dead.as_ref().is_some_and(|(dead, at)| {
            dead.is_of_same_node(claim) && heard_at <= at.after(self.delta())
        })
    }

    /// Accepts the offer if A2 does. Only a newer sequence number refreshes: word of a leader
    /// that goes round in circles must not keep it alive.
    pub(super) fn accept(&mut self, offer: &Offer, from: &Address, cause: Cause) -> bool {
        if !self.is_acceptable(offer) {
            return false;
        }
        let old = self.claim.replace(offer.claim.clone());
        let is_new_claim = old.as_ref() != Some(&offer.claim);
        let is_new_leader = old.as_ref().is_none_or(|old| !old.is_of_same_node(&offer.claim));
        if self.is_dead(&offer.claim) && !cfg!(bully_mutant = "proof-never-taken-back") {
            // Word that is younger than the proof of its death: it lives.
            self.dead = None;
        }
        self.see(offer.claim.epoch);
        self.seq = offer.seq;
        self.heard_at = self.now.fast.before(offer.age);
        self.via = Some(from.clone());
        self.size = offer.size;
        self.hold = offer.hold.unwrap_or(self.hold);
        if self.need < offer.claim.epoch {
            self.need = Epoch(0);
        }
        if is_new_claim {
            self.stable_since = self.now.fast;
        }
        if is_new_leader {
            self.list = List::default();
            self.remotes.values_mut().for_each(|r| r.leader_reach = None);
            self.have_merged(|id| *id == offer.claim.id);
        }
        self.follow(old, is_new_leader, from, cause);
        self.pass_on();
        true
    }

    /// Becomes a follower of the claim just accepted, whatever it was before.
    fn follow(&mut self, old: Option<Claim>, is_new_leader: bool, from: &Address, cause: Cause) {
        let claim = self.claim.clone().unwrap_or_else(|| unreachable!("a claim was accepted"));
        let was = core::mem::replace(&mut self.role, Role::Following);
        let cause = match &was {
            Role::Electing { cause, .. } => *cause,
            Role::Joining { .. } => Cause::Join,
            Role::Leading(reign) if reign.late.is_some() => Cause::Late,
            Role::Resigning(_) => Cause::Handover,
            _ => cause,
        };
        let led = matches!(was, Role::Leading(_));
        if let (true, Some(old)) = (led, old) {
            self.event(Event::Deposed { claim: old, cause });
            self.tell_former_followers(from);
        }
        if is_new_leader {
            self.leader_changed();
        }
        if is_new_leader || !matches!(was, Role::Following) {
            self.event(Event::Following { claim, cause });
        }
        self.probes_dirty |= !matches!(was, Role::Following) || is_new_leader;
        if let Role::Resigning(resigning) = was {
            self.resigned(&resigning);
        }
    }

    fn tell_former_followers(&mut self, from: &Address) {
        let Some(claim) = self.claim.clone() else {
            return;
        };
        for id in self.open() {
            if id != *from && id != claim.id {
                let beat = self.relayed(0);
                self.send_to(&id, Message::Beat(beat));
            }
        }
    }

    /// The newest word of the leader, as this node passes it on to one that has `version` of the
    /// list.
    pub(super) fn relayed(&self, version: u64) -> Beat {
        Beat {
            claim: self.claim.clone().unwrap_or_else(|| unreachable!("only a claim is relayed")),
            seq: self.seq,
            age: if self.leads() { Duration::ZERO } else { self.now.fast.since(self.heard_at) },
            size: self.report().size,
            mver: self.list.version,
            hold: self.hold,
            members: self.list.unless_known(version),
        }
    }

    /// Passes the word on to those that watch, as long as they acknowledge.
    pub(super) fn pass_on(&mut self) {
        let fresh = self.now.fast.before(self.config.fault());
        // Taken out to be walked while this node sends, which looks at none of them.
        let mut watchers = core::mem::take(&mut self.watchers);
        let count = watchers.len();
        watchers.retain(|_, w| w.acked_at >= fresh);
        self.probes_dirty |= watchers.len() != count;
        for (id, watcher) in &watchers {
            let beat = self.relayed(watcher.list_acked);
            self.send_to(id, Message::Beat(beat));
        }
        self.watchers = watchers;
    }

    pub(super) fn on_beat(&mut self, from: &Address, link: LinkId, beat: Beat) {
        let is_direct = *from == beat.claim.id;
        let is_new_way = self.is_new_way(from, &beat.claim);
        let accepted = self.accept(&Offer::of_beat(&beat), from, Cause::GreaterClaim);
        let is_mine =
            matches!(self.role, Role::Following) && self.claim.as_ref() == Some(&beat.claim);
        if is_mine {
            if is_direct && beat.seq == self.seq && self.via.as_ref() != Some(from) {
                self.via = Some(from.clone());
                self.probes_dirty = true;
            }
            if accepted && is_new_way {
                self.follow_through(from);
            }
            if let Some(entries) = beat.members {
                self.install(from, beat.mver, entries);
            }
        }
        // A relay that follows a smaller claim learns of the greater one as its leader would.
        let is_outdated = self.has_live_leader()
            && Some(&beat.claim) < self.claim.as_ref()
            && !cfg!(bully_mutant = "outdated-relay-untold");
        if is_direct || accepted || is_outdated {
            let is_mute = cfg!(bully_mutant = "acks-without-claim");
            let ack = BeatAck {
                report: if is_mute { Report::default() } else { self.report() },
                need: self.need,
                met: core::mem::take(&mut self.met).into_iter().collect(),
                mver: self.list.version,
            };
            self.send(link, Message::BeatAck(ack));
        }
    }

    /// Whether word of this claim from `from` opens a way to its leader that is not in use. Whoever
    /// is merely shown a claim must ask to be passed the next Beats too, or loses it after F.
    fn is_new_way(&self, from: &Address, claim: &Claim) -> bool {
        let is_in_use = matches!(self.role, Role::Following)
            && self.claim.as_ref() == Some(claim)
            && (self.via.as_ref() == Some(from) || self.via.as_ref() == Some(&claim.id));
        !is_in_use && *from != claim.id && !cfg!(bully_mutant = "shown-claims-unwatched")
    }

    /// Takes the leader's list over.
    fn install(&mut self, from: &Address, version: u64, entries: alloc::vec::Vec<Listed>) {
        if version == self.list.version {
            return;
        }
        self.remotes.values_mut().for_each(|r| r.leader_reach = None);
        self.learn_all(from, entries.iter().map(|e| (&e.member, e.reach)));
        for entry in &entries {
            if let Some(remote) = self.remotes.get_mut(&entry.member.id) {
                remote.leader_reach = Some(entry.reach);
            }
        }
        self.have_merged(|id| entries.iter().any(|e| e.reach && e.member.id == *id));
        self.list = List { version, entries: Some(entries.into()) };
        self.probes_dirty = true;
        self.membership_changed();
    }

    /// Starts the hold of A6 anew where the set of members is another.
    pub(super) fn membership_changed(&mut self) {
        let membership = membership(&self.remotes);
        if membership != self.membership {
            self.membership = membership;
            self.stable_since = self.now.fast;
        }
        self.list_dirty = true;
    }

    /// Follows through `from` where that is not the leader itself: asks it to pass Beats on, and
    /// tries to reach the leader.
    pub(super) fn follow_through(&mut self, from: &Address) {
        let Some(claim) = self.claim.clone() else {
            return;
        };
        if claim.id == *from {
            return;
        }
        let report = self.report();
        let watch = Query { q: 0, report, need: Epoch(0), watch: true };
        self.send_to(from, Message::Query(watch));
        self.contact(&claim.id);
    }

    /// Makes this node known to `id`: by a Hello where a connection is open, else by a dial.
    pub(super) fn contact(&mut self, id: &Address) {
        match self.link_to(id) {
            Some(link) => self.send_hello(link),
            None => {
                self.dial(id);
            }
        }
    }

    pub(super) fn watch(&mut self, from: &Address) {
        let watcher = Watcher { acked_at: self.now.fast, list_acked: 0 };
        self.watchers.insert(from.clone(), watcher);
        self.probes_dirty = true;
        if self.has_live_leader() {
            let beat = self.relayed(0);
            self.send_to(from, Message::Beat(beat));
        }
    }
}
