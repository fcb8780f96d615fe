//! N1 to N3: connections, dials, and what their end means.

use alloc::vec::Vec;
use core::time::Duration;

use super::{Bully, Role};
use crate::config::Config;
use crate::event::{Cause, DialError, Event};
use crate::members::{Link, Remote};
use crate::message::Message;
use crate::node::{LinkId, Output};
use crate::timer::Earliest;
use crate::types::Address;

impl Bully {
    /// Notes that something came over an open connection, and from whom.
    pub(super) fn hear(&mut self, link: LinkId) -> Option<Address> {
        let now = self.now.fast;
        let entry = self.links.get_mut(&link)?;
        let from = entry.peer.clone()?;
        entry.heard_at = now;
        Some(from)
    }

    /// A round trip as long as F was none: somebody was stopped meanwhile, and δ must not grow
    /// with the length of a pause.
    pub(super) fn measured(&mut self, id: &Address, took: Duration) {
        let is_sound = took < self.config.fault() || cfg!(bully_mutant = "pause-is-round-trip");
        if let Some(remote) = self.remotes.get_mut(id).filter(|_| is_sound) {
            remote.rtt.record(took);
        }
    }

    /// Every answer settles what its sender owed (N3), but for a Hello, which only its HelloAck
    /// does: it carries the record of a member, and must not be lost behind other traffic.
    pub(super) fn settle(&mut self, link: LinkId) {
        if let Some(link) = self.links.get_mut(&link) {
            link.owed_since = None;
            if cfg!(bully_mutant = "any-answer-settles-hello") {
                link.hello_owed_since = None;
            }
        }
    }

    /// Sends, and notes that an answer is owed where one is (N3).
    pub(super) fn send(&mut self, to: LinkId, message: Message) {
        if let Some(link) = self.links.get_mut(&to) {
            let owed_since = match &message {
                Message::Hello(_) => Some(&mut link.hello_owed_since),
                Message::Query(_) => Some(&mut link.owed_since),
                // A relayed Beat is acknowledged only where it is news.
                Message::Beat(beat) | Message::Coord(beat) if beat.claim.id == self.me.id => {
                    Some(&mut link.owed_since)
                }
                _ => None,
            };
            if let Some(owed_since) = owed_since {
                owed_since.get_or_insert(self.now.fast);
                if !cfg!(bully_mutant = "owed-not-looked-for") {
                    self.look_by(self.now.fast.after(self.config.fault()));
                }
            }
        }
        self.out.push_back(Output::Send { to, message });
    }

    /// Sends on the preferred connection; says whether there is one.
    pub(super) fn send_to(&mut self, id: &Address, message: Message) -> bool {
        let Some(link) = self.link_to(id) else {
            return false;
        };
        self.send(link, message);
        true
    }

    pub(super) fn link_to(&self, id: &Address) -> Option<LinkId> {
        self.remotes.get(id)?.links.first().copied()
    }

    /// The neighbours: members with an open connection.
    pub(super) fn open(&self) -> Vec<Address> {
        self.remotes.values().filter(|r| r.is_open()).map(|r| r.member.id.clone()).collect()
    }

    /// δ: the time allowed for an answer.
    pub(super) fn delta(&self) -> Duration {
        self.delta_of(Remote::is_open)
    }

    /// The same for those that are meant.
    pub(super) fn delta_of(&self, is_meant: impl Fn(&Remote) -> bool) -> Duration {
        let meant = self.remotes.values().filter(|r| is_meant(r));
        let rtt = meant.filter_map(|r| r.rtt.get()).max();
        Config::DELTA_MIN.max(rtt.unwrap_or_default() * 2)
    }

    /// Dials, unless a dial to that address is under way. False where too many strangers are
    /// being dialled already.
    pub(super) fn dial(&mut self, to: &Address) -> bool {
        if matches!(self.role, Role::Stopped) {
            return true;
        }
        let is_under_way = self.is_dialed(to);
        if !is_under_way && self.is_one_too_many(to) {
            return false;
        }
        if let Some(remote) = self.remotes.get_mut(to) {
            remote.dialed_at = Some(self.now.fast);
        }
        if is_under_way {
            return true;
        }
        self.dialing.insert(to.clone());
        let timeout = self.config.fault();
        self.out.push_back(Output::Dial { to: to.clone(), timeout });
        true
    }

    /// Whether a dial to that address is under way. A connection whose Hello is not yet answered is
    /// one, too.
    pub(super) fn is_dialed(&self, to: &Address) -> bool {
        let is_up = |l: &Link| l.peer.is_none() && l.dialed.as_ref() == Some(to);
        self.dialing.contains(to) || self.links.values().any(is_up)
    }

    pub(super) fn close(&mut self, id: LinkId) {
        self.out.push_back(Output::Close { link: id });
        let Some(link) = self.links.remove(&id) else {
            return;
        };
        // Refusing reads the address afterwards, and so does nobody else.
        if let Some(remote) = link.peer.as_ref().and_then(|p| self.remotes.get_mut(p)) {
            remote.links.retain(|l| *l != id);
            self.spare_the_last(&link);
        }
    }

    /// Of what was one of two connections, the one that is left is no longer surplus.
    fn spare_the_last(&mut self, closed: &Link) {
        let remote = closed.peer.as_ref().and_then(|p| self.remotes.get(p));
        let first = remote.and_then(|r| r.links.first());
        if let Some(link) = first.and_then(|l| self.links.get_mut(l))
            && !cfg!(bully_mutant = "last-connection-surplus")
        {
            link.surplus_until = None;
        }
    }

    /// N2: of two connections to one instance both ends keep the one that the greater instance
    /// opened, and of two opened by the same end the newer. The other is closed after F, so that
    /// what is on its way still arrives.
    pub(super) fn prefer(&mut self, id: &Address) {
        let (now, fault, me) = (self.now.fast, self.config.fault(), self.me.inst);
        let Some(remote) = self.remotes.get_mut(id) else {
            return;
        };
        let mine_wins = me > remote.member.inst;
        let links = &self.links;
        remote.links.sort_by_key(|l| {
            let is_mine = links.get(l).is_some_and(|l| l.dialed.is_some());
            (is_mine != mine_wins, core::cmp::Reverse(*l))
        });
        for surplus in remote.links.iter().skip(1) {
            if let Some(link) = self.links.get_mut(surplus) {
                link.surplus_until.get_or_insert(now.after(fault));
            }
        }
        if let Some(link) = remote.links.first().and_then(|l| self.links.get_mut(l)) {
            link.surplus_until = None;
        }
        self.look_by(now.after(fault));
        // Where all are silent, as after a Hello that waited for a dial, none stands in for another.
        if self.is_heard(id) {
            self.close_silent(id);
        }
    }

    /// Closes the connections to a member that were silent for F; says whether there were any.
    fn close_silent(&mut self, id: &Address) -> bool {
        let links = self.remotes.get(id).map_or(&[][..], |r| r.links.as_slice());
        let is_silent = |l: &&LinkId| self.links.get(l).is_some_and(|l| self.is_silent(l));
        let silent: Vec<LinkId> = links.iter().filter(is_silent).copied().collect();
        for link in &silent {
            self.close(*link);
        }
        !silent.is_empty()
    }

    fn is_silent(&self, link: &Link) -> bool {
        self.now.fast.since(link.heard_at) >= self.config.fault()
    }

    /// Whether `id` was heard within F on an open connection.
    pub(super) fn is_heard(&self, id: &Address) -> bool {
        self.remotes.get(id).is_some_and(|r| {
            r.links.iter().any(|l| self.links.get(l).is_some_and(|l| !self.is_silent(l)))
        })
    }

    pub(super) fn on_link_down(&mut self, id: LinkId) {
        let Some(link) = self.links.remove(&id) else {
            return;
        };
        match link.peer.clone() {
            Some(peer) => {
                if let Some(remote) = self.remotes.get_mut(&peer) {
                    remote.links.retain(|l| *l != id);
                }
                self.spare_the_last(&link);
                self.last_link_closed(&peer, true);
            }
            None => self.closed_before_an_answer(link.dialed.as_ref()),
        }
    }

    /// A3': a process that dies takes its connections down before its listener, and so a close
    /// before the answer proves nothing; the next dial tells. Dialled again once: who closes on
    /// every caller is no reason to call for ever.
    fn closed_before_an_answer(&mut self, dialed: Option<&Address>) {
        let is_again = |dialed: &&Address| !self.dialed_again.contains(*dialed);
        match dialed.filter(is_again).filter(|_| !cfg!(bully_mutant = "no-second-dial")) {
            Some(dialed) => {
                self.dialed_again.insert(dialed.clone());
                self.dial(dialed);
            }
            None => self.unanswered_dial(dialed, &DialError::Reset),
        }
    }

    /// A connection that was dialled ended before its Hello was answered.
    fn unanswered_dial(&mut self, dialed: Option<&Address>, reason: &DialError) {
        if let Some(dialed) = dialed {
            self.dial_ended(dialed, reason);
        }
    }

    /// N2: only the end of the last connection is the end. The member is dialled once at once.
    fn last_link_closed(&mut self, peer: &Address, by_other: bool) {
        let Some(remote) = self.remotes.get_mut(peer) else {
            return;
        };
        if remote.is_open() && !cfg!(bully_mutant = "any-close-counts") {
            return;
        }
        remote.probe = None;
        remote.acked = None;
        remote.since = self.now.fast;
        let left = remote.member.left;
        self.probes_dirty = true;
        self.watchers.remove(peer);
        if !left {
            if let Some(remote) = self.remotes.get_mut(peer) {
                remote.lost = true;
            }
            self.event(Event::MemberLost { id: peer.clone() });
            self.dial(peer);
        }
        if by_other && self.claim.as_ref().is_some_and(|c| c.id == *peer) {
            self.leader_link_closed();
        }
        if !self.late_leader_dials(peer) {
            self.no_answer_from(peer);
        }
    }

    pub(super) fn on_dial_failed(&mut self, dialed: &Address, reason: &DialError) {
        self.dialing.remove(dialed);
        if matches!(self.role, Role::Stopped) {
            return;
        }
        self.dial_ended(dialed, reason);
    }

    fn dial_ended(&mut self, dialed: &Address, reason: &DialError) {
        self.dialed_again.remove(dialed);
        let refused = *reason == DialError::Refused;
        let member = self.member_at(dialed).clone();
        let is_left = self.remotes.get(&member).is_some_and(|r| r.member.left);
        let is_known = self.places.contains_key(dialed) || self.remotes.contains_key(dialed);
        // Where it was the other that got through meanwhile, there is nothing to complain of.
        let is_news = self.complaints.get(dialed) != Some(reason)
            && *dialed != self.me.id
            && !self.is_heard(&member);
        if is_known && !is_left && is_news {
            self.complaints.insert(dialed.clone(), reason.clone());
            self.event(Event::Unreachable { address: dialed.clone(), reason: reason.clone() });
        }
        if refused || cfg!(bully_mutant = "timeout-proves-death") {
            self.proved_dead(dialed);
        } else if self.claim.as_ref().is_some_and(|c| c.id == *dialed) {
            self.leader_is_not_proved_dead();
        }
        // N3: an old connection that is silent as well stands in for nobody.
        let is_refused = refused && !cfg!(bully_mutant = "refusal-spares-silent");
        if (is_refused || *reason == DialError::TimedOut) && self.close_silent(dialed) {
            self.last_link_closed(dialed, false);
        }
        if self.link_to(dialed).is_none() {
            self.late_leader_heard(dialed);
        }
        self.address_unanswered(dialed);
        self.no_longer_duplicate(dialed);
        if Self::is_answer(reason) {
            self.join_answered(dialed);
        }
    }

    /// Who answered at a listed address: it may be listed under a name, and advertise another.
    pub(super) fn member_at<'a>(&'a self, address: &'a Address) -> &'a Address {
        let place = self.places.get(address).filter(|_| !self.remotes.contains_key(address));
        place.and_then(|place| place.id.as_ref()).unwrap_or(address)
    }

    /// A refused dial marks a member dead until it is heard again.
    fn proved_dead(&mut self, id: &Address) {
        // An open connection that speaks is stronger than a refusal on the way to its address.
        if self.is_heard(id) {
            return;
        }
        if let Some(remote) = self.remotes.get_mut(id) {
            remote.refused = true;
            remote.report.live = false;
            self.list_dirty = true;
            self.probes_dirty = true;
        }
        // Not only of members: a leader may be known by its claim alone.
        if self.claim.as_ref().is_some_and(|c| c.id == *id) {
            self.leader_is_dead(Cause::Crash);
        }
        self.no_answer_from(&id.clone());
    }

    fn owed_deadline(&self, link: &Link) -> Option<crate::types::Tick> {
        if cfg!(bully_mutant = "no-one-way-rule") && link.peer.is_some() {
            return None;
        }
        let since = [link.owed_since, link.hello_owed_since];
        let first = since.into_iter().flatten().min();
        first.map(|since| since.after(self.config.fault()))
    }

    /// N3: who owes an answer for F is closed, and dialled anew.
    pub(super) fn links_due(&mut self) {
        let now = self.now.fast;
        let due = |deadline: Option<crate::types::Tick>| deadline.is_some_and(|at| now >= at);
        let owing: Vec<LinkId> = self
            .links
            .iter()
            .filter(|(_, l)| due(self.owed_deadline(l)))
            .map(|(id, _)| *id)
            .collect();
        for id in owing {
            let Some(link) = self.links.get(&id) else {
                continue;
            };
            let (peer, dialed) = (link.peer.clone(), link.dialed.clone());
            self.close(id);
            match peer {
                Some(peer) => self.last_link_closed(&peer, false),
                None => self.unanswered_dial(dialed.as_ref(), &DialError::TimedOut),
            }
        }
        let surplus: Vec<LinkId> =
            self.links.iter().filter(|(_, l)| due(l.surplus_until)).map(|(id, _)| *id).collect();
        for id in surplus {
            self.close(id);
        }
    }

    pub(super) fn links_deadline(&self, next: &mut Earliest) {
        for link in self.links.values() {
            next.maybe(self.owed_deadline(link));
            next.maybe(link.surplus_until);
        }
    }
}
