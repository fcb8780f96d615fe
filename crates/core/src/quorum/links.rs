//! Connections: whom to dial, who is at the other end, and who has fallen silent. An election waits
//! for none of it: what cannot be sent is lost, as on any network.

use alloc::collections::BTreeSet;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::net::IpAddr;
use core::time::Duration;

use super::event::Event;
use super::message::{GenesisAccept, Message, Stage};
use super::words::{Boot, ClusterId, Member, Roster, RosterId};
use super::{Due, Output, Phase, Quorum};
use crate::event::DialError;
use crate::node::LinkId;
use crate::timer::RoundTrip;
use crate::types::{Address, Inst, Tick};

/// A connection.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Link {
    /// Where this node dialled.
    pub(super) dialed: Option<Address>,
    /// Who is at the other end, as its Hello said.
    pub(super) peer: Option<Inst>,
    /// The Hello that awaits its answer: its number, and when it was sent.
    pub(super) hello: Option<(u64, Tick)>,
    /// Since when an answer is owed.
    pub(super) owed_since: Option<Tick>,
    pub(super) heard_at: Tick,
    /// Of an earlier boot of an instance that has been started anew: whoever still answers on it
    /// runs on a copy of its disk.
    pub(super) is_stale: bool,
}

/// A node that has said Hello.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Peer {
    /// What it says of itself.
    pub(super) member: Member,
    /// What its address resolves to there.
    pub(super) ip: Option<IpAddr>,
    pub(super) boot: Boot,
    pub(super) run: u64,
    pub(super) stage: Stage,
    pub(super) round: u64,
    pub(super) reached: Option<Vec<Inst>>,
    pub(super) roster: Option<Arc<Roster>>,
    /// Its word to found a cluster.
    pub(super) accept: Option<GenesisAccept>,
    /// The connection to it; of several, the one that was bound last.
    pub(super) link: Option<LinkId>,
    pub(super) rtt: RoundTrip,
    /// Another instance answers at its address: nothing that it said counts any more.
    pub(super) is_gone: bool,
}

/// An address that this node dials.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Place {
    /// Who answered there last.
    pub(super) inst: Option<Inst>,
    /// It has answered or failed once.
    pub(super) tried: bool,
    dialing: bool,
    /// How often in a row it failed.
    failures: u32,
    next: Tick,
    complaint: Option<DialError>,
}

impl Place {
    /// Dialled again later, and later each time.
    fn put_off(&mut self, now: Tick, pause: Duration, longest: Duration) {
        self.next = now.after((pause * (1 << self.failures.min(4))).min(longest));
        self.failures += 1;
    }
}

/// Every address that this node wants a connection to, and what that was found from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Wanted {
    source: Option<Source>,
    addresses: Arc<[Address]>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Source {
    roster: RosterId,
    prev: Option<RosterId>,
    joining: Option<(ClusterId, RosterId)>,
    accept: Option<ClusterId>,
    leaving: Option<ClusterId>,
}

impl Quorum {
    /// So many nodes are known at a time: more are refused, unless they are members.
    pub(super) const PEERS_MAX: usize = 4 * Roster::MEMBERS_MAX;

    /// Whether the node can be known. Whoever is not connected and no member gives way.
    pub(super) fn makes_room_for(&mut self, inst: Inst) -> bool {
        let roster = &self.stored.roster;
        if self.peers.len() < Self::PEERS_MAX || self.peers.contains_key(&inst) {
            return true;
        }
        let is_needed = |i: Inst| {
            let founding = [&self.stored.accept, &self.stored.leaving];
            let is_founder = |f: &super::Founding| f.founders.iter().any(|(o, _)| *o == i);
            roster.has(i) || founding.into_iter().flatten().any(is_founder)
        };
        let spare = self.peers.iter().find(|(i, p)| p.link.is_none() && !is_needed(**i));
        match spare.map(|(i, _)| *i) {
            Some(spare) => {
                self.peers.remove(&spare);
                self.released.remove(&spare);
                self.copied.remove(&spare);
                true
            }
            None => roster.has(inst),
        }
    }

    /// Whether an address that it wants a connection to has neither answered nor failed yet.
    pub(super) fn has_untried_places(&self) -> bool {
        let is_tried = |address: &Address| {
            self.places.get(address).is_some_and(|p| p.tried || p.inst.is_some())
        };
        self.wanted.addresses.iter().any(|address| !is_tried(address))
    }

    /// Notes that something came over a connection, and from whom.
    pub(super) fn hear(&mut self, link: LinkId) -> Option<Inst> {
        let now = self.now.fast;
        let link = self.links.get_mut(&link)?;
        (link.heard_at, link.owed_since) = (now, None);
        let is_stale = link.is_stale && !cfg!(bully_mutant = "earlier-start-heard");
        let from = link.peer.filter(|_| !is_stale)?;
        let peer = self.peers.get(&from)?;
        (!peer.is_gone && !self.copied.contains(&from)).then_some(from)
    }

    /// Whether the peer is in this node's cluster.
    pub(super) fn is_fellow(&self, inst: Inst) -> bool {
        let stage = self.peers.get(&inst).map(|p| p.stage);
        let is_in = |cluster| stage == Some(Stage::Formed(cluster));
        self.stored.cluster.is_some_and(|c| is_in(c) || cfg!(bully_mutant = "strangers-heard"))
    }

    /// Sends, if there is a connection.
    pub(super) fn send_to(&mut self, to: Inst, message: Message) {
        if let Some(link) = self.peers.get(&to).and_then(|p| p.link) {
            self.send(link, message);
        }
    }

    pub(super) fn send(&mut self, to: LinkId, message: Message) {
        let is_owed = matches!(
            message,
            Message::Hello(_) | Message::PreVote(_) | Message::VoteReq(_) | Message::Hb(_)
        );
        if let Some(link) = self.links.get_mut(&to).filter(|_| is_owed) {
            link.owed_since.get_or_insert(self.now.fast);
        }
        self.out.push_back(Output::Send { to, message });
    }

    /// Finds anew whom this node wants a connection to, where what that follows from has changed.
    fn refresh_wanted(&mut self) {
        let version = |roster: &Arc<Roster>| roster.version;
        let stored = &self.stored;
        let source = Source {
            roster: stored.roster.version,
            prev: self.prev.as_ref().map(version),
            joining: self.joining.as_ref().map(|(cluster, roster)| (*cluster, roster.version)),
            accept: stored.accept.as_ref().map(|f| f.cluster),
            leaving: stored.leaving.as_ref().map(|f| f.cluster),
        };
        if self.wanted.source.as_ref() != Some(&source) {
            let wanted = self.find_wanted();
            let me = &self.config.id;
            self.places.retain(|a, p| p.dialing || a == me || wanted.contains(a));
            let addresses = wanted.into_iter().collect();
            self.wanted = Wanted { source: Some(source), addresses };
        }
    }

    fn find_wanted(&self) -> BTreeSet<Address> {
        let mut wanted: BTreeSet<Address> = self.config.places.iter().cloned().collect();
        let rosters = [Some(&self.stored.roster), self.prev.as_ref()];
        let joining = self.joining.as_ref().map(|(_, roster)| roster);
        for roster in rosters.into_iter().flatten().chain(joining) {
            wanted.extend(roster.members.iter().map(|m| m.id.clone()));
        }
        for founding in [&self.stored.accept, &self.stored.leaving].into_iter().flatten() {
            wanted.extend(founding.founders.iter().map(|(_, id)| id.clone()));
        }
        wanted.remove(&self.config.id);
        wanted
    }

    /// Whether a connection to whoever is at this address is open.
    fn is_connected(&self, address: &Address) -> bool {
        let place = self.places.get(address).and_then(|p| p.inst);
        if place == Some(self.me()) {
            return true;
        }
        let is_there = |(inst, peer): (&Inst, &super::Peer)| {
            peer.link.is_some()
                && !peer.is_gone
                && (place == Some(*inst) || (place.is_none() && peer.member.id == *address))
        };
        self.peers.iter().any(is_there)
            || self.links.values().any(|l| l.peer.is_none() && l.dialed.as_ref() == Some(address))
    }

    /// Dials whom it wants a connection to, and has none.
    pub(super) fn dial_due(&mut self) {
        if !self.is_at_work() {
            return;
        }
        let now = self.now.fast;
        let timeout = self.config.fault();
        self.refresh_wanted();
        let addresses = self.wanted.addresses.clone();
        for address in addresses.iter() {
            if self.is_connected(address) {
                continue;
            }
            let place = self.places.entry(address.clone()).or_default();
            if !place.dialing && now >= place.next {
                place.dialing = true;
                self.out.push_back(Output::Dial { to: address.clone(), timeout });
            }
        }
    }

    /// An answer at an address, or none.
    pub(super) fn dial_ended(&mut self, address: &Address, failure: Option<&DialError>) {
        let now = self.now.fast;
        let (pause, longest) = (self.config.probe(), self.config.probe_max());
        let Some(place) = self.places.get_mut(address) else { return };
        (place.dialing, place.tried) = (false, true);
        let event = if let Some(reason) = failure {
            place.put_off(now, pause, longest);
            let is_news = place.complaint.as_ref() != Some(reason);
            place.complaint = Some(reason.clone());
            let (address, reason) = (address.clone(), reason.clone());
            is_news.then_some(Event::Unreachable { address, reason })
        } else {
            // Whoever answers and then closes is not dialled in a circle.
            (place.failures, place.next) = (0, now.after(self.config.heartbeat));
            let address = address.clone();
            place.complaint.take().map(|_| Event::Reachable { address })
        };
        if let Some(event) = event {
            self.event(event);
        }
    }

    /// Whoever is there will have nothing of this node: an answer, and said elsewhere.
    pub(super) fn dial_refused(&mut self, address: &Address) {
        let (now, me) = (self.now.fast, self.me());
        let (pause, longest) = (self.config.probe(), self.config.probe_max());
        if let Some(place) = self.places.get_mut(address).filter(|p| p.inst != Some(me)) {
            (place.dialing, place.tried) = (false, true);
            place.put_off(now, pause, longest);
        }
        self.consider_genesis();
    }

    pub(super) fn on_dial_failed(&mut self, dialed: &Address, reason: &DialError) {
        self.dial_ended(dialed, Some(reason));
        self.consider_genesis();
    }

    pub(super) fn on_link_up(&mut self, link: LinkId, dialed: Address) {
        if !self.is_at_work() {
            self.out.push_back(Output::Close { link });
            return;
        }
        if let Some(place) = self.places.get_mut(&dialed) {
            place.dialing = false;
        }
        self.links.insert(link, Link::new(Some(dialed), self.now.fast));
        self.say_hello(link);
    }

    /// Closes a connection. Whether its dial was answered is the caller's to say.
    pub(super) fn close(&mut self, link: LinkId) -> Option<Link> {
        self.out.push_back(Output::Close { link });
        self.forget_link(link)
    }

    pub(super) fn on_link_down(&mut self, link: LinkId) {
        self.early_hellos.retain(|(early, _)| *early != link);
        let gone = self.forget_link(link);
        // Closed before its Hello was answered.
        self.dial_unanswered(gone, &DialError::Reset);
    }

    fn dial_unanswered(&mut self, link: Option<Link>, reason: &DialError) {
        let dialed = link.filter(|l| l.peer.is_none()).and_then(|l| l.dialed);
        if let Some(dialed) = dialed {
            self.dial_ended(&dialed, Some(reason));
        }
    }

    fn forget_link(&mut self, link: LinkId) -> Option<Link> {
        let gone = self.links.remove(&link)?;
        if let Some(inst) = gone.peer {
            let other =
                |(id, l): (&LinkId, &Link)| (l.peer == Some(inst) && !l.is_stale).then_some(*id);
            let left = self.links.iter().filter_map(other).next_back();
            if let Some(peer) = self.peers.get_mut(&inst).filter(|p| p.link == Some(link)) {
                peer.link = left;
            }
        }
        Some(gone)
    }

    /// How long an answer may be owed. A leader keeps its connections until its lease is over: they
    /// may still carry its Release.
    fn patience(&self) -> Duration {
        let fault = self.config.fault();
        let is_due = self.leads() || self.revoking.is_some();
        if is_due { fault.max(super::usable(self.config.lease)) } else { fault }
    }

    /// Who owes an answer for F is dialled anew: the connection may lead nowhere.
    pub(super) fn links_due(&mut self) {
        if !self.is_at_work() {
            return;
        }
        let (now, patience, longest) = (self.now.fast, self.patience(), self.config.probe_max());
        let is_owing = |l: &Link| l.owed_since.is_some_and(|at| now.since(at) >= patience);
        let owing: Vec<LinkId> =
            self.links.iter().filter(|(_, l)| is_owing(l)).map(|(id, _)| *id).collect();
        for link in owing {
            let gone = self.close(link);
            self.dial_unanswered(gone, &DialError::TimedOut);
        }
        let is_quiet = |l: &Link| now.since(l.heard_at) >= longest && l.owed_since.is_none();
        let quiet: Vec<LinkId> =
            self.links.iter().filter(|(_, l)| is_quiet(l)).map(|(id, _)| *id).collect();
        for link in quiet {
            self.say_hello(link);
        }
    }

    pub(super) fn links_deadline(&self, due: &mut Due) {
        for link in self.links.values() {
            match link.owed_since {
                Some(at) => due.fast(at.after(self.patience())),
                None => due.fast(link.heard_at.after(self.config.probe_max())),
            }
        }
        for address in self.wanted.addresses.iter() {
            let place = self.places.get(address);
            if let Some(place) = place.filter(|p| !p.dialing && !self.is_connected(address)) {
                due.fast(place.next);
            }
        }
    }

    /// Of two connections to one process the one that the greater instance opened is kept, and it
    /// is that one's business to close the other: once the one that is kept has answered, for it may
    /// be open at this end alone. `heard` is where it has answered just now.
    pub(super) fn prefer(&mut self, inst: Inst, heard: Option<LinkId>) {
        let links = self.links.iter().filter(|(_, l)| l.peer == Some(inst) && !l.is_stale);
        let links: Vec<(LinkId, bool)> = links.map(|(id, l)| (*id, l.dialed.is_some())).collect();
        if links.len() < 2 || self.me() < inst {
            return;
        }
        let own = links.iter().rev().find(|(_, is_mine)| *is_mine);
        let Some((kept, _)) = own.or(links.last()).copied() else { return };
        if heard != Some(kept) {
            return self.ask_who_it_is(kept);
        }
        for (link, _) in links.into_iter().filter(|(link, _)| *link != kept) {
            self.close(link);
        }
        if let Some(peer) = self.peers.get_mut(&inst) {
            peer.link = Some(kept);
        }
    }

    /// Drops every connection of an instance that must not be heard any more.
    pub(super) fn drop_links(&mut self, inst: Inst) {
        let links = self.links.iter().filter(|(_, l)| l.peer == Some(inst));
        let links: Vec<LinkId> = links.map(|(id, _)| *id).collect();
        for link in links {
            self.close(link);
        }
    }

    /// This node takes part in nothing any more, but for the end of its reign.
    pub(super) fn quarantine(&mut self, reason: super::Refusal) {
        if matches!(self.phase, Phase::Stopped | Phase::Quarantined(_)) {
            return;
        }
        self.step_down(super::Cause::Quarantine, super::reign::Then::Silence);
        self.event(Event::Quarantined { reason: reason.clone() });
        self.phase = Phase::Quarantined(reason);
        let links: Vec<LinkId> = self.links.keys().copied().collect();
        for link in links {
            self.close(link);
        }
    }
}

impl Link {
    pub(super) fn new(dialed: Option<Address>, now: Tick) -> Self {
        Self { dialed, peer: None, hello: None, owed_since: None, heard_at: now, is_stale: false }
    }
}
