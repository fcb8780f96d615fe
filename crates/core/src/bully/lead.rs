//! A4: what a leader does.

use alloc::vec::Vec;

use super::bounds::MET_MAX;
use super::{Bully, Late, Reign, Role};
use crate::event::{Cause, Event};
use crate::members::{List, Remote};
use crate::message::{Beat, BeatAck, Listed, Message};
use crate::node::LinkId;
use crate::types::{Address, Claim, Epoch};

impl Bully {
    /// Begins a reign: a new claim, told to every neighbour, the silent ones and the old leader
    /// too. Once thawed it reads this before its timers.
    pub(super) fn lead(&mut self, cause: Cause) {
        let was_leader = self.claim.as_ref().is_some_and(|c| c.id == self.me.id);
        self.claim_anew();
        let next_beat = self.now.fast.after(self.config.heartbeat);
        self.role = Role::Leading(Reign { next_beat, late: None });
        for remote in self.remotes.values_mut() {
            remote.acked = None;
            remote.list_acked = 0;
            remote.leader_reach = None;
            remote.reach = remote.is_open();
        }
        self.watchers.clear();
        self.dead = None;
        self.list_dirty = true;
        self.stable_since = self.now.fast;
        if !was_leader {
            self.leader_changed();
        }
        self.probes_dirty = true;
        let claim = self.claim.clone().unwrap_or_else(|| unreachable!("just claimed"));
        self.event(Event::Elected { claim, cause });
        self.coord();
    }

    fn claim_anew(&mut self) {
        let epoch = Epoch::next(self.seen, self.now.wall_ms);
        self.see(epoch);
        self.claim = Some(Claim {
            epoch,
            priority: self.me.priority,
            id: self.me.id.clone(),
            inst: self.me.inst,
        });
        self.seq = 1;
        self.heard_at = self.now.fast;
        self.via = None;
        self.need = Epoch(0);
        self.persist();
    }

    /// The same reign under a greater epoch, so that one who holds a greater claim can follow.
    pub(super) fn raise_epoch(&mut self) {
        self.claim_anew();
        self.renew_acknowledgements();
        let claim = self.claim.clone().unwrap_or_else(|| unreachable!("just claimed"));
        self.event(Event::EpochRaised { claim });
        self.coord();
    }

    /// Whoever acknowledged before gets F again: the number is another, or this leader was late
    /// and could not have heard.
    pub(super) fn renew_acknowledgements(&mut self) {
        let (claim, now) = (self.claim.clone(), self.now.fast);
        for remote in self.remotes.values_mut() {
            remote.acked = remote.acked.take().and(claim.clone().map(|c| (c, now)));
        }
    }

    fn coord(&mut self) {
        self.refresh_list();
        self.beat(true, Remote::is_open);
    }

    /// A4: one Beat, to a neighbour that has just become known or asked.
    pub(super) fn beat_one(&mut self, id: &Address) {
        self.refresh_list();
        self.beat(false, |remote| remote.member.id == *id);
    }

    /// One Beat, or Coord, to each member that is `meant`, with the list where it has another.
    fn beat(&mut self, is_coord: bool, meant: impl Fn(&Remote) -> bool) {
        let (seq, now) = (self.seq, self.now.fast);
        let beat = Beat { hold: self.stated_hold(), ..self.relayed(self.list.version) };
        // Taken out to be walked while this node sends, which looks at connections alone.
        let mut remotes = core::mem::take(&mut self.remotes);
        for remote in remotes.values_mut().filter(|remote| meant(remote)) {
            remote.beat_sent = Some((seq, now));
            let known = if is_coord { 0 } else { remote.list_acked };
            let beat = Beat { members: self.list.unless_known(known), ..beat.clone() };
            if let Some(link) = remote.links.first() {
                self.send(*link, if is_coord { Message::Coord(beat) } else { Message::Beat(beat) });
            }
        }
        self.remotes = remotes;
    }

    pub(super) fn reign_due(&mut self) {
        let now = self.now.fast;
        let Role::Leading(reign) = &mut self.role else {
            return;
        };
        match &reign.late {
            Some(Late::Draining) => self.ask_as_late_leader(),
            Some(Late::Asking { .. }) => self.late_leader_due(),
            None if now >= reign.next_beat => {
                reign.next_beat = now.after(self.config.heartbeat);
                self.beat_all();
            }
            _ => {}
        }
    }

    pub(super) fn beat_all(&mut self) {
        self.seq += 1;
        self.heard_at = self.now.fast;
        self.hold = self.stated_hold();
        self.refresh_list();
        let me = self.me.id.clone();
        self.beat(false, |r| r.is_open() && !r.refused && !r.follows_other(&me));
    }

    /// Brings the list up to date: who acknowledged within F is reached.
    fn refresh_list(&mut self) {
        let fresh = self.now.fast.before(self.config.fault());
        for remote in self.remotes.values_mut() {
            let reach = match &remote.acked {
                Some((_, at)) => remote.is_open() && *at >= fresh,
                // It has not had its F yet.
                None => {
                    remote.is_open() && self.now.fast.since(self.stable_since) < self.config.fault()
                }
            };
            if reach != remote.reach {
                remote.reach = reach;
                self.list_dirty = true;
                self.probes_dirty = true;
            }
        }
        if !core::mem::take(&mut self.list_dirty) && self.list.entries.is_some() && self.seq > 1 {
            return;
        }
        let mut entries = Vec::with_capacity(self.remotes.len() + 1);
        entries.push(Listed { member: self.me.clone(), reach: true });
        entries.extend(
            self.remotes.values().map(|r| Listed { member: r.member.clone(), reach: r.reach }),
        );
        self.list = List::new(entries);
    }

    pub(super) fn on_beat_ack(&mut self, from: &Address, link: LinkId, ack: &BeatAck) {
        self.settle(link);
        self.note_report(from, &ack.report);
        if !self.is_heard_as_leader() {
            self.on_watcher_ack(from, ack);
            return;
        }
        if ack.report.claim == self.claim {
            self.acknowledged(from, ack);
        } else if ack.report.claim > self.claim {
            if ack.report.live {
                self.take_report(from, &ack.report);
            } else if self.leads() {
                self.raise_epoch();
            }
        }
        let mine = self.claim.as_ref().map_or(Epoch(0), |c| c.epoch);
        if self.leads() && ack.need >= mine {
            self.raise_epoch();
        }
        for id in ack.met.iter().take(MET_MAX) {
            if *id != self.me.id {
                self.contact(id);
            }
        }
    }

    fn acknowledged(&mut self, from: &Address, ack: &BeatAck) {
        let (now, seq, claim) = (self.now.fast, self.seq, self.claim.clone());
        let mut took = None;
        let Some(remote) = self.remotes.get_mut(from) else {
            return;
        };
        if let Some((sent_seq, at)) = remote.beat_sent
            && sent_seq == ack.report.seq
            && sent_seq == seq
        {
            took = Some(now.since(at));
            remote.beat_sent = None;
        }
        remote.acked = claim.map(|c| (c, now));
        remote.list_acked = ack.mver;
        if !remote.reach {
            self.list_dirty = true;
        }
        if let Some(took) = took {
            self.measured(from, took);
        }
    }

    /// A follower that passes Beats on is acknowledged by those that watch it, and passes on what
    /// they say.
    fn on_watcher_ack(&mut self, from: &Address, ack: &BeatAck) {
        let now = self.now.fast;
        if let Some(watcher) = self.watchers.get_mut(from) {
            watcher.acked_at = now;
            watcher.list_acked = ack.mver;
            self.need = self.need.max(ack.need);
            ack.met.iter().take(MET_MAX).for_each(|id| self.meet(id.clone()));
        }
        self.take_report(from, &ack.report);
    }
}
