//! Who is probed, and when: the leader seeks whom it does not reach (A4), and at the border of
//! its reach its followers do, and followers that have lost each other.

use alloc::vec::Vec;
use core::time::Duration;

use super::bounds::STRANGERS_MAX;
use super::{Bully, Role};
use crate::members::Remote;
use crate::timer::{Earliest, Probe};
use crate::types::{Address, Tick};

impl Bully {
    fn is_target(&self, remote: &Remote) -> bool {
        let id = &remote.member.id;
        if remote.member.left {
            return false;
        }
        match &self.role {
            Role::Stopped | Role::Waiting | Role::Resigning(_) => false,
            // It was learned when too many strangers were being dialled.
            _ if remote.dialed_at.is_none() && !remote.is_open() => true,
            Role::Joining { .. } | Role::Electing { .. } => !remote.is_open(),
            Role::Leading(_) => {
                !remote.is_open()
                    || !remote.reach
                    || remote.refused
                    || remote.follows_other(&self.me.id)
            }
            Role::Following => self.is_at_border(remote, id),
        }
    }

    /// Just the nodes that this node's leader does not reach, and those that it has no connection to
    /// itself: when the leader is gone, those that cannot ask each other would all lead.
    fn is_at_border(&self, remote: &Remote, id: &Address) -> bool {
        if cfg!(bully_mutant = "only-leaders-probe") {
            return false;
        }
        let leader = self.claim.as_ref().map(|c| &c.id);
        if leader == Some(id) {
            return self.via.as_ref() != Some(id);
        }
        if !remote.is_open() && !cfg!(bully_mutant = "followers-stay-apart") {
            return true;
        }
        let is_relayed = self.via.as_ref() != leader;
        remote.leader_reach != Some(true)
            || (is_relayed && self.via.as_ref() != Some(id) && !self.watchers.contains_key(id))
    }

    /// A listed address that led to nobody yet, or to somebody whose connection is gone.
    fn is_place_target(&self, address: &Address) -> bool {
        let Some(place) = self.places.get(address) else {
            return false;
        };
        if place.is_self || self.remotes.contains_key(address) {
            return false;
        }
        match &self.role {
            Role::Stopped | Role::Resigning(_) | Role::Waiting => false,
            _ => place.id.as_ref().is_none_or(|id| {
                self.remotes.get(id).is_none_or(|r| !r.is_open() && !r.member.left)
            }),
        }
    }

    /// Starts the probes that are now called for, and ends the others.
    pub(super) fn refresh_probes(&mut self) {
        let (now, pause) = (self.now.fast, self.config.probe());
        let longest = |r: &Remote| self.is_target(r).then(|| self.longest_pause(r));
        let ids: Vec<(Address, Option<Duration>)> =
            self.remotes.iter().map(|(id, r)| (id.clone(), longest(r))).collect();
        for (id, longest) in ids {
            if let Some(remote) = self.remotes.get_mut(&id) {
                set(&mut remote.probe, longest, now, pause);
            }
        }
        let longest_of = |a: &Address| match self.remotes.get(self.member_at(a)) {
            Some(remote) => self.longest_pause(remote),
            None => self.config.probe_max(),
        };
        let longest = |a: &Address| self.is_place_target(a).then(|| longest_of(a));
        let places: Vec<(Address, Option<Duration>)> =
            self.places.keys().map(|a| (a.clone(), longest(a))).collect();
        for (address, longest) in places {
            if let Some(place) = self.places.get_mut(&address) {
                set(&mut place.probe, longest, now, pause);
            }
        }
    }

    /// Nobody waits for a follower to meet another that follows the same leader as directly. Where a
    /// cut between two groups of followers stays, each dials all of the other: seldom, then.
    fn longest_pause(&self, remote: &Remote) -> Duration {
        let is_direct = self.via.as_ref() == self.claim.as_ref().map(|c| &c.id);
        let is_led_alike = matches!(self.role, Role::Following)
            && is_direct
            && remote.leader_reach == Some(true)
            && remote.dialed_at.is_some();
        if is_led_alike && !cfg!(bully_mutant = "apart-and-pressing") {
            self.config.probe_apart_max()
        } else {
            self.config.probe_max()
        }
    }

    /// Something changed: all probes begin again at P.
    pub(super) fn probes_reset(&mut self) {
        self.remotes.values_mut().for_each(|r| r.probe = None);
        self.places.values_mut().for_each(|p| p.probe = None);
        self.probes_dirty = true;
    }

    pub(super) fn probes_due(&mut self) {
        let now = self.now.fast;
        let mut due: Vec<(Option<Tick>, Address)> = Vec::new();
        for (id, remote) in &mut self.remotes {
            if let Some(probe) = remote.probe.as_mut().filter(|p| now >= p.at) {
                due.push((remote.dialed_at, id.clone()));
                probe.again(now);
            }
        }
        if due.len() > STRANGERS_MAX {
            // Who has waited longest comes first, or some would never be dialled.
            due.sort();
        }
        for (_, id) in due {
            match self.link_to(&id).filter(|_| self.is_heard(&id)) {
                Some(link) => self.send_hello(link),
                None if self.dial(&id) => self.probes_dirty = true,
                None => self.put_probe_off(&id),
            }
        }
        let mut due: Vec<Address> = Vec::new();
        for (address, place) in &mut self.places {
            if let Some(probe) = place.probe.as_mut().filter(|p| now >= p.at) {
                probe.again(now);
                due.push(address.clone());
            }
        }
        if matches!(self.role, Role::Waiting) {
            for (address, probe) in self.duplicate.iter_mut().filter(|(_, p)| now >= p.at) {
                probe.again(now);
                due.push(address.clone());
            }
        }
        for address in &due {
            self.dial(address);
        }
    }

    fn put_probe_off(&mut self, id: &Address) {
        let at = self.now.fast.after(self.config.fault());
        if let Some(probe) = self.remotes.get_mut(id).and_then(|r| r.probe.as_mut()) {
            probe.at = at;
        }
    }

    pub(super) fn probes_deadline(&self, next: &mut Earliest) {
        self.remotes.values().for_each(|r| next.maybe(r.probe.as_ref().map(|p| p.at)));
        self.places.values().for_each(|p| next.maybe(p.probe.as_ref().map(|p| p.at)));
        if matches!(self.role, Role::Waiting) {
            self.duplicate.values().for_each(|p| next.at(p.at));
        }
    }
}

/// `longest`: the longest pause between probes, where they are called for. They begin with `pause`;
/// and again so, where their pause has become longer than it may be now.
fn set(probe: &mut Option<Probe>, longest: Option<Duration>, now: Tick, pause: Duration) {
    let lasts =
        |have: &Probe, longest| have.pause <= longest || cfg!(bully_mutant = "long-pauses-last");
    match (longest, probe.as_mut()) {
        (None, _) => *probe = None,
        (Some(longest), Some(have)) if lasts(have, longest) => have.longest = longest,
        (Some(longest), _) => *probe = Some(Probe::first(now, pause, longest)),
    }
}
