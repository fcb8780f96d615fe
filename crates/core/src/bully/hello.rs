//! Hello: who is at the other end, and all it knows.

use alloc::vec::Vec;

use super::{Bully, Role};
use crate::event::Event;
use crate::members::{Link, Remote, supersedes};
use crate::message::{Hello, Member, Message, NackReason, Report};
use crate::node::{LinkId, Output};
use crate::types::Address;

impl Bully {
    pub(super) fn hello(&self) -> Hello {
        Hello {
            cluster: self.config.cluster.clone(),
            mode: self.config.mode,
            member: self.me.clone(),
            seen: self.seen,
            no_preempt: !self.config.preempt,
            report: self.report(),
            members: self.remotes.values().map(|r| r.member.clone()).collect(),
        }
    }

    pub(super) fn send_hello(&mut self, link: LinkId) {
        let hello = self.hello();
        if let Some(link) = self.links.get_mut(&link) {
            link.hello_sent = Some(self.now.fast);
        }
        self.send(link, Message::Hello(hello));
    }

    /// Says again who this node is, to all: its record has changed. Those that a Hello with the
    /// old record is on its way to must hear it, too: of two that each take the other for the
    /// better one, none would ever stand.
    pub(super) fn announce(&mut self) {
        let mut to: Vec<LinkId> = self.open().iter().filter_map(|id| self.link_to(id)).collect();
        let unanswered = self.links.iter().filter(|(_, l)| {
            l.peer.is_none()
                && l.hello_owed_since.is_some()
                && !cfg!(bully_mutant = "half-announced")
        });
        to.extend(unanswered.map(|(id, _)| *id));
        for link in to {
            self.send_hello(link);
        }
        self.membership_changed();
    }

    pub(super) fn on_link_up(&mut self, link: LinkId, dialed: Address) {
        self.dialing.remove(&dialed);
        if matches!(self.role, Role::Stopped) {
            self.out.push_back(Output::Close { link });
            return;
        }
        self.links.insert(link, Link::new(Some(dialed), self.now.fast));
        self.send_hello(link);
    }

    /// A Hello, or (`is_ack`) the answer to one.
    pub(super) fn on_hello(&mut self, id: LinkId, hello: Hello, is_ack: bool) {
        let now = self.now.fast;
        let link = self.links.entry(id).or_insert_with(|| Link::new(None, now));
        link.heard_at = now;
        let sent = link.hello_sent.filter(|_| is_ack);
        if is_ack {
            (link.owed_since, link.hello_owed_since, link.hello_sent) = (None, None, None);
        }
        if let Some(reason) = self.objection(id, &hello) {
            self.refuse(id, &hello, reason);
            return;
        }
        if !self.is_settled(id, &hello) {
            self.park(id, hello);
            return;
        }
        if !self.open_link(id, &hello) {
            self.refuse(id, &hello, NackReason::Full);
            return;
        }
        if let Some(sent) = sent {
            self.measured(&hello.member.id, now.since(sent));
        }
        if !is_ack {
            let answer = self.hello();
            self.send(id, Message::HelloAck(answer));
        }
        self.take_hello(&hello);
        self.late_leader_heard(&hello.member.id);
        self.join_answered(&hello.member.id);
        if let Some(place) = self.links.get(&id).and_then(|l| l.dialed.clone()) {
            self.no_longer_duplicate(&place);
            self.join_answered(&place);
        }
    }

    fn objection(&self, id: LinkId, hello: &Hello) -> Option<NackReason> {
        if hello.cluster != self.config.cluster {
            return Some(NackReason::ForeignCluster(self.config.cluster.clone()));
        }
        if hello.mode != self.config.mode {
            return Some(NackReason::ForeignMode(self.config.mode));
        }
        if hello.member.inst == self.me.inst {
            return Some(NackReason::Myself);
        }
        // An open connection cannot become another node's.
        let bound = self.links.get(&id).and_then(|l| l.peer.as_ref());
        if bound.is_some_and(|peer| *peer != hello.member.id) {
            return Some(NackReason::DuplicateId);
        }
        None
    }

    pub(super) fn refuse(&mut self, id: LinkId, hello: &Hello, reason: NackReason) {
        if reason == NackReason::Myself {
            self.found_self(id);
        } else {
            let id = hello.member.id.clone();
            self.event(Event::Refused { id, reason: reason.clone() });
        }
        let place = self.links.get(&id).and_then(|l| l.dialed.clone());
        self.send(id, Message::HelloNack(reason));
        self.close(id);
        if let Some(place) = place {
            self.join_answered(&place);
        }
    }

    fn found_self(&mut self, id: LinkId) {
        let Some(dialed) = self.links.get(&id).and_then(|l| l.dialed.clone()) else {
            return;
        };
        if let Some(place) = self.places.get_mut(&dialed) {
            place.is_self = true;
        }
        if dialed == self.me.id {
            self.address_answered_by(&dialed, None);
        }
        self.no_longer_duplicate(&dialed);
        self.join_answered(&dialed);
    }

    pub(super) fn on_nack(&mut self, id: LinkId, reason: NackReason) {
        let Some(link) = self.links.get_mut(&id) else {
            return;
        };
        (link.owed_since, link.hello_owed_since) = (None, None);
        let dialed = link.dialed.clone();
        match &reason {
            NackReason::Myself => self.found_self(id),
            NackReason::DuplicateId => self.told_duplicate(dialed.as_ref()),
            _ => {}
        }
        if reason != NackReason::Myself {
            self.event(Event::RefusedBy { address: dialed.clone(), reason });
        }
        self.close(id);
        if let Some(dialed) = dialed {
            self.join_answered(&dialed);
        }
    }

    /// Binds the connection to the member that its Hello names. False if the list is full.
    pub(super) fn open_link(&mut self, id: LinkId, hello: &Hello) -> bool {
        let member = &hello.member;
        if !self.makes_room(id, &member.id) {
            return false;
        }
        self.forgotten.remove(&member.id);
        self.see_inc(member.inc);
        let known = self.remotes.get(&member.id).map(|r| r.member.inst);
        if known.is_some_and(|inst| inst != member.inst) {
            self.replace_instance(member);
        }
        let now = self.now.fast;
        let new = || Remote::new(member.clone(), now);
        let remote = self.remotes.entry(member.id.clone()).or_insert_with(new);
        if supersedes(member, &remote.member) || remote.member.inst != member.inst {
            remote.member = Member { inc: member.inc.max(remote.member.inc), ..member.clone() };
        }
        remote.refused = false;
        remote.dialed_at.get_or_insert(now);
        let is_back = core::mem::take(&mut remote.lost);
        if !remote.links.contains(&id) {
            remote.links.push(id);
        }
        if is_back && remote.joined {
            self.event(Event::MemberBack { id: member.id.clone() });
        }
        if let Some(link) = self.links.get_mut(&id) {
            link.peer = Some(member.id.clone());
            link.parked = None;
            if let Some(place) = link.dialed.as_ref().and_then(|d| self.places.get_mut(d)) {
                place.id = Some(member.id.clone());
            }
        }
        self.prefer(&member.id);
        self.answered(id, &member.id.clone());
        self.membership_changed();
        self.probes_dirty = true;
        true
    }

    /// A connection to `member` has opened: it is there, under whatever name it is listed.
    fn answered(&mut self, id: LinkId, member: &Address) {
        let dialed = self.links.get(&id).and_then(|l| l.dialed.clone());
        for address in dialed.iter().chain([member]) {
            self.dialed_again.remove(address);
        }
        let is_back = |a: &&Address| Some(*a) == dialed.as_ref() || self.member_at(a) == member;
        let back: Vec<Address> = self.complaints.keys().filter(is_back).cloned().collect();
        for address in back {
            self.complaints.remove(&address);
            self.event(Event::Reachable { address });
        }
        if self.claim.as_ref().is_some_and(|c| c.id == *member)
            && self.claim.as_ref().map(|c| c.inst)
                == self.remotes.get(member).map(|r| r.member.inst)
        {
            self.leader_is_not_proved_dead();
        }
        if dialed.as_ref() == Some(member) {
            let by = self.remotes.get(member).map(|r| r.member.clone());
            self.address_answered_by(member, by.as_ref());
        }
    }

    /// What a Hello says beyond who speaks.
    pub(super) fn take_hello(&mut self, hello: &Hello) {
        let from = hello.member.id.clone();
        self.see(hello.seen);
        self.see(hello.report.claim.as_ref().map_or(self.seen, |c| c.epoch));
        if hello.no_preempt == self.config.preempt {
            self.warn_preempt(&from);
        }
        self.learn_all(&from, hello.members.iter().map(|m| (m, false)));
        self.note_report(&from, &hello.report);
        self.weigh_report(&from, &hello.report);
        self.announce_outcome(&from);
    }

    fn warn_preempt(&mut self, from: &Address) {
        if self.remotes.get(from).is_some_and(|r| !r.joined) {
            self.event(Event::PreemptDiffers { id: from.clone() });
        }
    }

    /// A record of an earlier run of this node outlives it: overrule it.
    pub(super) fn read_of_oneself(&mut self, member: &Member) {
        let is_older_run = member.inst != self.me.inst && member.inc >= self.me.inc;
        if member.inc > self.me.inc || is_older_run || (member.left && !self.me.left) {
            let before = self.me.inc;
            self.raise_inc(member.inc);
            if self.me.inc > before {
                self.announce();
            }
        }
    }

    /// Keeps the last report of a neighbour: whom it follows.
    pub(super) fn note_report(&mut self, from: &Address, report: &Report) {
        let me = self.me.id.clone();
        let Some(remote) = self.remotes.get_mut(from) else {
            return;
        };
        let followed_other = remote.follows_other(&me);
        let mine = self.claim.as_ref();
        let is_led_alike = |report: &Report| {
            report.live
                && mine.zip(report.claim.as_ref()).is_some_and(|(a, b)| a.is_of_same_node(b))
        };
        let has_merged = is_led_alike(report) && !is_led_alike(&remote.report);
        remote.report = report.clone();
        self.probes_dirty |= followed_other != remote.follows_other(&me);
        if has_merged {
            self.have_merged(|id| id == from);
        }
    }

    /// A join stands in the history as an election, with its outcome.
    fn announce_outcome(&mut self, from: &Address) {
        if let Some(remote) = self.remotes.get_mut(from)
            && !remote.joined
        {
            remote.joined = true;
            let leader = self.claim.clone().filter(|_| self.leads() || self.has_live_leader());
            self.event(Event::Joined { id: from.clone(), leader });
        }
    }
}
