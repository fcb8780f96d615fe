//! The promises of a voter as they follow from what it was told and what it says: none is broken,
//! nothing is promised in the silence after a start, nor while the node's own application acts.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use bully_core::quorum::{Message, Stamp, Stored, Term};
use bully_core::{Inst, Now, Tick};

/// So many requests, heartbeats and acknowledgements are remembered.
const RECEIPTS_MAX: usize = 256;

/// One run of a voter.
#[derive(Clone, Debug)]
pub(crate) struct Twin {
    own: Duration,
    mute_until: Tick,
    /// When what came from whom, by the slow clock: a promise counts from the receipt.
    receipts: VecDeque<(Inst, Term, Stamp, Tick)>,
    promises: BTreeMap<Inst, (Term, Tick)>,
    freed: BTreeMap<Inst, Term>,
    /// The greatest term of a heartbeat: whoever led in a smaller one leads no more.
    led: Term,
}

impl Twin {
    pub(super) fn new(stored: Option<&Stored>, own: Duration, now: Now) -> Self {
        let formed = stored.filter(|s| s.cluster.is_some());
        let mute = formed.map_or(Duration::ZERO, |s| s.lease_max.max(own));
        Self {
            own,
            mute_until: now.slow.after(mute),
            receipts: VecDeque::new(),
            promises: BTreeMap::new(),
            freed: BTreeMap::new(),
            led: Term(0),
        }
    }

    pub(super) fn received(&mut self, from: Inst, message: &Message, now: Tick) {
        let (term, stamp) = match message {
            Message::VoteReq(req) => (req.term, req.stamp),
            Message::Hb(hb) => {
                // Who leads in a term has won it by a majority that was bound to nobody else: no
                // lease of another, up to that term, is left that a promise could hold up.
                self.promises.retain(|holder, (of, _)| *holder == from || *of > hb.term);
                self.led = self.led.max(hb.term);
                (hb.term, hb.stamp)
            }
            Message::Release(release) => {
                self.free(from, release.term);
                let Some(target) = &release.target else {
                    return;
                };
                // The vote is for the target, whose stamp it echoes.
                let term = Term(release.term.0 + 1);
                self.receive(target.inst, term, target.stamp, now);
                return;
            }
            // A handover would echo this stamp, and lasts from then on.
            Message::HbAck(ack) => (Term(ack.term.0 + 1), ack.sent),
            Message::Farewell(farewell) => return self.free(farewell.inst, farewell.term),
            _ => return,
        };
        self.receive(from, term, stamp, now);
    }

    fn receive(&mut self, holder: Inst, term: Term, stamp: Stamp, now: Tick) {
        if self.receipts.len() == RECEIPTS_MAX {
            self.receipts.pop_front();
        }
        self.receipts.push_back((holder, term, stamp, now));
    }

    fn free(&mut self, holder: Inst, term: Term) {
        let freed = self.freed.entry(holder).or_insert(term);
        *freed = term.max(*freed);
        if self.promises.get(&holder).is_some_and(|(of, _)| *of <= term) {
            self.promises.remove(&holder);
        }
    }

    pub(super) fn sent(
        &mut self,
        me: Inst,
        to: Option<Inst>,
        message: &Message,
        now: Tick,
    ) -> Result<(), String> {
        let is_muted = now < self.mute_until;
        match message {
            Message::Vote(vote) => {
                self.unmuted(is_muted, message)?;
                self.promise(vote.candidate, vote.term, vote.stamp, vote.lease, now)
            }
            Message::HbAck(ack) => {
                if ack.unmuted {
                    self.unmuted(is_muted, message)?;
                }
                if ack.term < self.led {
                    return Ok(());
                }
                let of_stamp = |(_, term, stamp, _): &&(Inst, Term, Stamp, Tick)| {
                    (*term, *stamp) == (ack.term, ack.stamp)
                };
                let leader = self.receipts.iter().rev().find(of_stamp).map(|r| r.0).or(to);
                leader.map_or(Ok(()), |leader| {
                    self.promise(leader, ack.term, ack.stamp, ack.lease, now)
                })
            }
            Message::VoteReq(req) => {
                self.unmuted(is_muted, message)?;
                self.keeps(me, req.term, now)
            }
            Message::Release(release) => {
                // Q8c: who hands over is promised to the next, too.
                match &release.target {
                    Some(target) if self.promises.get(&target.inst).is_none_or(|p| p.1 <= now) => {
                        let term = Term(release.term.0 + 1);
                        self.promise(target.inst, term, target.stamp, self.own, now)
                    }
                    _ => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }

    fn unmuted(&self, is_muted: bool, message: &Message) -> Result<(), String> {
        if is_muted {
            return Err(format!("Mute: until {:?}, and it sends {message:?}", self.mute_until));
        }
        Ok(())
    }

    /// No promise to another than `holder` holds.
    fn keeps(&self, holder: Inst, term: Term, now: Tick) -> Result<(), String> {
        let others = self.promises.iter().filter(|(other, _)| **other != holder);
        for (other, (of, until)) in others {
            if *until > now {
                let rest = until.since(now);
                return Err(format!(
                    "PromiseKept: to {other:?} in {of} for {rest:?} more, and now {holder:?} in {term}"
                ));
            }
        }
        Ok(())
    }

    fn promise(
        &mut self,
        holder: Inst,
        term: Term,
        stamp: Stamp,
        lease: Duration,
        now: Tick,
    ) -> Result<(), String> {
        let of_it =
            |(h, t, s, _): &&(Inst, Term, Stamp, Tick)| (*h, *t, *s) == (holder, term, stamp);
        // What was heard so long ago that it is forgotten here binds nobody any more.
        let Some(base) = self.receipts.iter().rev().find(of_it).map(|r| r.3) else {
            return Ok(());
        };
        let until = base.after(lease);
        if until > now {
            self.keeps(holder, term, now)?;
        }
        if self.freed.get(&holder).is_some_and(|freed| *freed >= term) {
            return Ok(());
        }
        let entry = self.promises.entry(holder).or_insert((term, until));
        *entry = (term.max(entry.0), until.max(entry.1));
        Ok(())
    }
}
