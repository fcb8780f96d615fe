//! What the world writes down: counts, coverage, the transcript.

use bully_core::{Cause, Event, LinkId, Message, NackReason};

use crate::check::numbers;
use crate::cover::Seen;
use crate::net::EndState;
use crate::world::World;

impl World {
    pub(crate) fn note_sent(&mut self, host: usize, run: u64, link: LinkId, message: &Message) {
        *self.sent.entry(message.name()).or_default() += 1;
        let clock = self.hosts[host].clocks(self.now).fast.0;
        let id = self.hosts[host].setup.id.clone();
        match message {
            Message::Beat(beat) if beat.claim.id != id => self.cover.saw(Seen::RelayedBeat),
            Message::Query(query) if query.watch => self.cover.saw(Seen::WatchAsked),
            Message::BeatAck(ack) => {
                if ack.need.0 > 0 {
                    self.cover.saw(Seen::NeedStated);
                }
                if !ack.met.is_empty() {
                    self.cover.saw(Seen::Met);
                }
            }
            _ => {}
        }
        if self.transcript.is_some() {
            let to = self.hosts[host]
                .process
                .as_ref()
                .filter(|p| p.run == run)
                .and_then(|p| p.links.get(&link))
                .map(|(conn, side)| self.conns[*conn].ends[1 - side].host);
            self.write_sent(host, to, message);
        }
        if let Err(what) = numbers(message) {
            self.violated(host, &what);
        }
        if let Some(process) = self.hosts[host].process.as_mut().filter(|p| p.run == run)
            && let Err(what) = process.watch.seq_fresh(&id, message, clock)
        {
            self.violated(host, &what);
        }
    }

    pub(crate) fn note_event(&mut self, host: usize, event: &Event) {
        self.write_event(host, event);
        let seen = match event {
            Event::Elected { cause, .. } => match cause {
                Cause::Join => Seen::ElectedOnJoin,
                Cause::Silence => Seen::ElectedOnSilence,
                Cause::Crash => Seen::ElectedOnCrash,
                Cause::Leave | Cause::Resign => Seen::ElectedOnLeave,
                Cause::Handover => Seen::ElectedByHandover,
                Cause::Priority => Seen::ElectedByPriority,
                _ => return,
            },
            Event::Deposed { cause, .. } => match cause {
                Cause::Merge => Seen::DeposedByMerge,
                Cause::GreaterClaim => Seen::DeposedByGreaterClaim,
                Cause::Late => Seen::DeposedWhenLate,
                Cause::Resign => Seen::DeposedByResign,
                Cause::DuplicateId => Seen::DeposedAsDuplicate,
                _ => return,
            },
            Event::EpochRaised { .. } => Seen::EpochRaised,
            Event::EpochDropped { .. } => Seen::EpochDropped,
            Event::Refused { reason: NackReason::DuplicateId, .. } => Seen::RefusedDuplicate,
            _ => return,
        };
        self.cover.saw(seen);
    }

    /// A node closes a connection of its own accord.
    pub(crate) fn note_close(&mut self, conn: usize, side: usize) {
        let [a, b] = [0, 1].map(|s| self.conns[conn].ends[s].host);
        if self.net.is_cut(a, b) != self.net.is_cut(b, a) {
            self.cover.saw(Seen::OneWayClosed);
        }
        let (mine, other) = (self.conns[conn].ends[side].host, [a, b][1 - side]);
        let twins = self.hosts[mine].process.iter().flat_map(|p| p.links.values());
        let open = twins.filter(|(c, s)| {
            let ends = &self.conns[*c].ends;
            ends[1 - s].host == other && ends.iter().all(|e| e.state == EndState::Open)
        });
        if open.count() > 1 {
            self.cover.saw(Seen::SurplusClosed);
        }
    }

    /// Counts nodes that follow a leader which they cannot reach.
    pub(crate) fn note_relays(&mut self) {
        for component in self.components() {
            let Some(leader) = component.iter().copied().find(|h| self.leads(*h)) else {
                continue;
            };
            for host in component {
                if self.net.is_cut(host, leader) && self.leader_of(host) == Some(self.id(leader)) {
                    self.cover.saw(Seen::FollowedThroughRelay);
                }
            }
        }
    }
}
