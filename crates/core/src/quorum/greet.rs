//! Hello: who is at the other end of a connection, and whether it is to be believed.

use alloc::vec::Vec;

use super::event::Event;
use super::links::{Link, Peer};
use super::message::{Hello, Message, Refusal, Stage};
use super::words::{ClusterId, Member};
use super::{Output, Quorum};
use crate::node::LinkId;
use crate::timer::RoundTrip;
use crate::types::{Address, Inst, Mode};

impl Quorum {
    /// So many refusals are remembered, to say each of them once.
    const REFUSALS_MAX: usize = 64;

    pub(super) fn stage(&self) -> Stage {
        let stored = &self.stored;
        match (stored.cluster, &stored.accept, &stored.leaving) {
            (Some(cluster), _, _) => Stage::Formed(cluster),
            (None, Some(accept), _) => Stage::Accepted(accept.cluster),
            (None, None, Some(leaving)) => Stage::Leaving(leaving.cluster),
            (None, None, None) => Stage::Fresh,
        }
    }

    fn hello(&self, nonce: u64) -> Hello {
        let priority = self.config.priority;
        Hello {
            cluster: self.config.cluster.clone(),
            mode: Mode::Quorum,
            member: Member { inst: self.me(), id: self.config.id.clone(), priority },
            ip: self.config.ip,
            boot: self.stored.boot,
            run: self.run,
            nonce,
            // What is not on disk is nobody's business yet.
            stage: self.disk.on.stage,
            round: self.disk.on.round,
            reached: self.reached(),
            roster: matches!(self.disk.on.stage, Stage::Formed(_))
                .then(|| self.disk.on.roster.clone()),
        }
    }

    pub(super) fn say_hello(&mut self, link: LinkId) {
        self.nonce += 1;
        let (nonce, now) = (self.nonce, self.now.fast);
        if let Some(link) = self.links.get_mut(&link) {
            link.hello = Some((nonce, now));
        }
        let hello = self.hello(nonce);
        self.send(link, Message::Hello(hello));
    }

    /// Who dials measures the round trip by its Hello; who is dialled must, too, for its δ.
    fn measure(&mut self, inst: Inst, link: LinkId) {
        let is_unknown = self.peers.get(&inst).is_some_and(|p| p.rtt.get().is_none());
        if is_unknown && self.links.get(&link).is_some_and(|l| l.hello.is_none()) {
            self.say_hello(link);
        }
    }

    /// An answer to what was asked then. One that took F or more was not the network's doing.
    pub(super) fn measured(&mut self, inst: Inst, asked_at: crate::types::Tick) {
        let took = self.now.fast.since(asked_at);
        let fault = self.config.fault();
        if let Some(peer) = self.peers.get_mut(&inst).filter(|_| took < fault) {
            peer.rtt.record(took);
        }
    }

    /// Asks who speaks, unless that was asked just now.
    pub(super) fn ask_who_it_is(&mut self, link: LinkId) {
        let (now, pause) = (self.now.fast, self.config.probe());
        let is_asked = |l: &Link| l.hello.is_some_and(|(_, at)| now.since(at) < pause);
        if self.links.get(&link).is_some_and(|l| !is_asked(l)) {
            self.say_hello(link);
        }
    }

    /// Says again who this node is, to everyone: something of it has changed.
    pub(super) fn say_hello_to_all(&mut self) {
        let links: Vec<LinkId> = self.peers.values().filter_map(|p| p.link).collect();
        for link in links {
            self.say_hello(link);
        }
    }

    /// A Hello, or (`is_ack`) the answer to one.
    pub(super) fn on_hello(&mut self, id: LinkId, hello: &Hello, is_ack: bool) {
        let now = self.now.fast;
        let link = self.links.entry(id).or_insert_with(|| Link::new(None, now));
        (link.heard_at, link.owed_since) = (now, None);
        let sent = link.hello.filter(|(nonce, _)| is_ack && *nonce == hello.nonce);
        if is_ack && sent.is_none() {
            return;
        }
        if sent.is_some() {
            link.hello = None;
        }
        if hello.member.inst == self.me() && self.met_copy(id, hello) {
            return;
        }
        if let Some(reason) = self.objection(id, hello, is_ack) {
            self.refuse(id, hello, reason);
            return;
        }
        if self.links.get(&id).is_some_and(|l| l.is_stale) {
            return;
        }
        self.admit(id, hello);
        if let Some((_, at)) = sent {
            self.measured(hello.member.inst, at);
        }
        if !is_ack {
            let answer = self.hello(hello.nonce);
            self.send(id, Message::HelloAck(answer));
            self.measure(hello.member.inst, id);
        }
        self.prefer(hello.member.inst, is_ack.then_some(id));
        self.learn(hello);
    }

    fn objection(&mut self, id: LinkId, hello: &Hello, is_ack: bool) -> Option<Refusal> {
        if hello.cluster != self.config.cluster {
            return Some(Refusal::ForeignCluster(self.config.cluster.clone()));
        }
        if hello.mode != Mode::Quorum {
            return Some(Refusal::ForeignMode(Mode::Quorum));
        }
        if let (Some(mine), Stage::Formed(theirs)) = (self.stored.cluster, hello.stage)
            && mine != theirs
            && !cfg!(bully_mutant = "founded-apart-heard")
        {
            return Some(Refusal::SplitClusters(mine));
        }
        if hello.member.inst == self.me() {
            // An earlier start of this node has its word from a dead process, or lives on a copy.
            let is_me = hello.run == self.run;
            return Some(if is_me { Refusal::Myself } else { Refusal::RolledBack });
        }
        if !self.makes_room_for(hello.member.inst) {
            return Some(Refusal::Full);
        }
        self.objection_to_copy(id, hello, is_ack)
    }

    /// The other end has this node's own identity. It is this process, or an earlier one whose
    /// connection was accepted late; or else it runs on a copy of the disk, and then neither may go
    /// on.
    fn met_copy(&mut self, id: LinkId, hello: &Hello) -> bool {
        let is_copy = hello.run != self.run && hello.boot >= self.stored.boot;
        let is_ours = hello.cluster == self.config.cluster && hello.mode == Mode::Quorum;
        if is_copy && is_ours {
            let message = Message::HelloNack(Refusal::Copied);
            self.out.push_back(Output::Send { to: id, message });
            self.quarantine(Refusal::Copied);
            return true;
        }
        false
    }

    fn objection_to_copy(&mut self, id: LinkId, hello: &Hello, is_ack: bool) -> Option<Refusal> {
        let inst = hello.member.inst;
        if self.copied.contains(&inst) {
            return Some(Refusal::Copied);
        }
        let link = self.links.get(&id)?;
        // It answers on a connection of a boot that a later one has followed. A Hello there may have
        // been on its way for long; an answer to what was asked since cannot.
        let lives_on = is_ack && link.is_stale && link.peer == Some(inst);
        let peer = self.peers.get(&inst)?;
        let is_twin = peer.boot == hello.boot && peer.run != hello.run;
        let is_twin = is_twin && !cfg!(bully_mutant = "copy-unnoticed");
        if lives_on || is_twin {
            self.copied.insert(inst);
            if let Some(other) = self.peers.get(&inst).and_then(|p| p.link).filter(|l| *l != id) {
                self.send(other, Message::HelloNack(Refusal::Copied));
            }
            self.event(Event::Refused {
                address: Some(hello.member.id.clone()),
                by_me: true,
                reason: Refusal::Copied,
            });
            let links = self.links.iter().filter(|(l, e)| **l != id && e.peer == Some(inst));
            let links: Vec<LinkId> = links.map(|(l, _)| *l).collect();
            for link in links {
                self.close(link);
            }
            return Some(Refusal::Copied);
        }
        // Packets of an earlier boot may come late on their own connection; a new connection of it
        // is of a disk that was rolled back.
        let is_new = self.links.get(&id).is_some_and(|l| l.peer.is_none());
        let is_earlier = hello.boot < peer.boot && !cfg!(bully_mutant = "rollback-unnoticed");
        (is_new && is_earlier).then_some(Refusal::RolledBack)
    }

    fn refuse(&mut self, id: LinkId, hello: &Hello, reason: Refusal) {
        let address = hello.member.id.clone();
        if reason == Refusal::Myself {
            self.found_self(id);
        } else if reason != Refusal::Copied {
            self.complain(Some(address), true, &reason);
        }
        if let Some(dialed) = self.links.get(&id).and_then(|l| l.dialed.clone()) {
            self.dial_refused(&dialed);
        }
        self.out.push_back(Output::Send { to: id, message: Message::HelloNack(reason) });
        self.close(id);
    }

    fn found_self(&mut self, id: LinkId) {
        let me = self.me();
        let dialed = self.links.get(&id).and_then(|l| l.dialed.clone());
        if let Some(place) = dialed.and_then(|d| self.places.get_mut(&d)) {
            (place.inst, place.tried) = (Some(me), true);
        }
        self.consider_genesis();
    }

    pub(super) fn on_nack(&mut self, id: LinkId, reason: Refusal) {
        let Some(link) = self.links.get(&id) else { return };
        let address = link.dialed.clone();
        match &reason {
            Refusal::Myself => self.found_self(id),
            Refusal::Copied | Refusal::RolledBack => {
                self.quarantine(reason);
                return;
            }
            Refusal::SplitClusters(other) => self.note_split(*other),
            _ => {}
        }
        if reason != Refusal::Myself {
            if let Some(dialed) = &address {
                self.dial_refused(dialed);
            }
            self.complain(address, false, &reason);
        }
        self.close(id);
    }

    /// Says once that a node was refused, until the reason is another or it is admitted.
    fn complain(&mut self, address: Option<Address>, by_me: bool, reason: &Refusal) {
        let key = (address.clone(), by_me);
        if self.refusals.get(&key) == Some(reason) {
            return;
        }
        if self.refusals.len() >= Self::REFUSALS_MAX {
            self.refusals.pop_first();
        }
        self.refusals.insert(key, reason.clone());
        self.event(Event::Refused { address, by_me, reason: reason.clone() });
    }

    fn note_split(&mut self, other: ClusterId) {
        if let Some(mine) = self.stored.cluster
            && self.split.replace((mine, other)).is_none()
        {
            self.event(Event::SplitClusters { first: mine, second: other });
        }
    }

    /// Binds the connection to the instance and boot that its Hello names.
    fn admit(&mut self, id: LinkId, hello: &Hello) {
        let inst = hello.member.inst;
        if self.peers.get(&inst).is_some_and(|p| p.boot < hello.boot) {
            self.started_anew(inst, id);
        }
        let peer = self.peers.entry(inst).or_insert_with(|| Peer {
            member: hello.member.clone(),
            ip: hello.ip,
            boot: hello.boot,
            run: hello.run,
            stage: hello.stage,
            round: hello.round,
            reached: None,
            roster: None,
            accept: None,
            link: None,
            rtt: RoundTrip::default(),
            is_gone: false,
        });
        peer.link = Some(id);
        if let Some(link) = self.links.get_mut(&id) {
            link.peer = Some(inst);
        }
        let dialed = self.links.get(&id).and_then(|l| l.dialed.clone());
        for address in dialed.iter().chain([&hello.member.id]) {
            self.refusals.remove(&(Some(address.clone()), true));
            self.refusals.remove(&(Some(address.clone()), false));
            self.answers_at(address, inst, dialed.as_ref() == Some(address));
        }
    }

    /// An instance has been started again. Whoever still answers on its old connections is asked,
    /// for it cannot be the same.
    fn started_anew(&mut self, inst: Inst, id: LinkId) {
        let old = self.links.iter().filter(|(l, e)| **l != id && e.peer == Some(inst));
        let old: Vec<LinkId> = old.map(|(l, _)| *l).collect();
        if let Some(peer) = self.peers.get_mut(&inst) {
            (peer.link, peer.is_gone) = (None, false);
        }
        for link in old {
            if let Some(link) = self.links.get_mut(&link) {
                link.is_stale = true;
            }
            self.say_hello(link);
        }
    }

    /// What a Hello says beyond who speaks.
    fn learn(&mut self, hello: &Hello) {
        if let Some(peer) = self.peers.get_mut(&hello.member.inst) {
            if peer.round != hello.round || peer.boot != hello.boot {
                peer.accept = peer.accept.take().filter(|_| peer.round == hello.round);
            }
            peer.member = hello.member.clone();
            peer.ip = hello.ip;
            (peer.boot, peer.run) = (hello.boot, hello.run);
            (peer.stage, peer.round) = (hello.stage, hello.round);
            peer.reached.clone_from(&hello.reached);
            peer.roster.clone_from(&hello.roster);
        }
        if let (Stage::Formed(cluster), Some(roster)) = (hello.stage, &hello.roster) {
            self.heard_of(cluster, roster);
        }
        self.consider_genesis();
    }
}
