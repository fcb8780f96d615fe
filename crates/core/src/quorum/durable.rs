//! What is on disk, and what waits for it.
//!
//! A step changes the record in memory at once and goes on; whatever would let another node rely on
//! the change is withheld until a write that contains it is synced. What ends a reign waits for
//! nothing.

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use core::time::Duration;

use super::event::{Cause, Event};
use super::message::{Message, Stage};
use super::words::{Boot, Roster, Term};
use super::{Output, Phase, Quorum};
use crate::node::PersistId;
use crate::types::{Inst, Tick};

/// What is done once the record, as it was when this was withheld, is on disk.
#[allow(clippy::large_enum_variant, reason = "most are messages")]
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Deferred {
    /// Begin: the boot counts from now on.
    Boot,
    /// Send, unless the other has been started anew since.
    Send { to: Inst, boot: Boot, message: Message },
    /// Ask for votes in this term.
    Canvass(Term),
    /// Lead in this term.
    Crown(Term),
    /// Give up what was promised in this term.
    Release(Term),
    /// The leader's new roster may be shown.
    Beat,
    /// Say Hello to all: where this node stands has changed.
    Greet,
}

impl Deferred {
    /// Whether `later` says all that this does, and to the same node.
    fn is_repeated_by(&self, later: &Self) -> bool {
        match (self, later) {
            (Self::Send { to, message, .. }, Self::Send { to: same, message: other, .. }) => {
                let is_alike = matches!(
                    (message, other),
                    (Message::HbAck(_), Message::HbAck(_)) | (Message::Vote(_), Message::Vote(_))
                );
                to == same && (is_alike || message == other)
            }
            _ => self == later,
        }
    }
}

/// Of the record on disk, what this node says of itself, and what it may give up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct OnDisk {
    pub(super) term: Term,
    pub(super) stage: Stage,
    pub(super) round: u64,
    pub(super) roster: Arc<Roster>,
}

/// How the record in memory relates to the one on disk.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Disk {
    /// Counts the changes of the record.
    changes: u64,
    /// Up to which change it is on disk.
    synced: u64,
    /// Which write is under way, and what of it is of interest here.
    writing: Option<(u64, OnDisk)>,
    /// When that began, and how long the last one took.
    began: Tick,
    took: Duration,
    /// What is on disk.
    pub(super) on: OnDisk,
    /// The last write failed; when to try again.
    failed: Option<Tick>,
    withheld: VecDeque<(u64, Deferred)>,
}

impl Disk {
    pub(super) fn is_synced(&self) -> bool {
        self.synced == self.changes
    }

    /// How long the last write took.
    pub(super) fn took(&self) -> Duration {
        self.took
    }

    pub(super) fn has_failed(&self) -> bool {
        self.failed.is_some()
    }

    pub(super) fn withholds(&self, what: &Deferred) -> bool {
        self.withheld.iter().any(|(_, w)| w == what)
    }

    pub(super) fn is_idle(&self) -> bool {
        self.withheld.is_empty() && self.writing.is_none()
    }

    pub(super) fn retry_at(&self) -> Option<Tick> {
        self.failed.filter(|_| self.writing.is_none())
    }

    /// Whether the change that was the last one when `mark` was taken is on disk.
    pub(super) fn has(&self, mark: u64) -> bool {
        self.synced >= mark
    }

    pub(super) fn mark(&self) -> u64 {
        self.changes
    }
}

impl Quorum {
    /// The record has been changed.
    pub(super) fn touch(&mut self) {
        self.disk.changes += 1;
    }

    /// Does it now if the record is on disk as it stands, else once it is.
    pub(super) fn after_sync(&mut self, what: Deferred) {
        let is_boot = matches!(what, Deferred::Boot) && cfg!(bully_mutant = "speaks-before-boot");
        if (self.disk.is_synced() && !self.disk.has_failed()) || is_boot {
            self.perform(what);
        } else {
            let mark = self.disk.changes;
            // A disk may hang for long: of what is said again the last word is enough.
            self.disk.withheld.retain(|(at, before)| *at != mark || !before.is_repeated_by(&what));
            self.disk.withheld.push_back((mark, what));
        }
    }

    /// At the end of a step: write what has changed, unless a write is under way.
    pub(super) fn write(&mut self) {
        let disk = &self.disk;
        let is_waiting = disk.failed.is_some_and(|at| self.now.fast < at);
        let is_needed = !disk.is_synced() || disk.has_failed();
        if disk.writing.is_some() || is_waiting || !is_needed {
            return;
        }
        let id = PersistId(self.disk.changes);
        self.disk.began = self.now.fast;
        let (term, round) = (self.stored.term, self.stored.round);
        let (stage, roster) = (self.stage(), self.stored.roster.clone());
        self.disk.writing = Some((self.disk.changes, OnDisk { term, stage, round, roster }));
        self.out.push_back(Output::Persist { id, state: self.stored.clone() });
    }

    pub(super) fn on_persisted(&mut self, id: PersistId) {
        let Some((change, on)) = self.disk.writing.clone().filter(|(change, _)| *change == id.0)
        else {
            return;
        };
        (self.disk.writing, self.disk.synced, self.disk.on) = (None, change, on);
        self.disk.took = self.now.fast.since(self.disk.began);
        if self.disk.failed.take().is_some() {
            self.event(Event::DiskBack);
        }
        while let Some((change, _)) = self.disk.withheld.front()
            && *change <= self.disk.synced
        {
            if let Some((_, what)) = self.disk.withheld.pop_front() {
                self.perform(what);
            }
        }
    }

    /// Nobody may rely on this node until a write succeeds. What gives promises back is withheld on,
    /// and so is the boot; whatever else was, its time is over.
    pub(super) fn on_persist_failed(&mut self, id: PersistId) {
        if self.disk.writing.as_ref().is_none_or(|(change, _)| *change != id.0) {
            return;
        }
        self.disk.writing = None;
        if self.disk.failed.replace(self.now.fast.after(self.config.probe())).is_none() {
            self.event(Event::DiskFailed);
        }
        self.disk.withheld.retain(|(_, what)| {
            let is_release = |m: &Message| matches!(m, Message::Release(_));
            match what {
                Deferred::Boot | Deferred::Release(_) => true,
                Deferred::Send { message, .. } => {
                    is_release(message) || cfg!(bully_mutant = "failed-words-go-out")
                }
                _ => false,
            }
        });
        if !cfg!(bully_mutant = "failed-disk-leads-on") {
            self.step_down(Cause::Disk, super::reign::Then::Release);
        }
        self.fail_candidacy();
    }

    fn perform(&mut self, what: Deferred) {
        match what {
            Deferred::Boot => self.begin(),
            Deferred::Send { to, boot, message } => {
                let is_there = self.peers.get(&to).is_some_and(|p| p.boot == boot);
                if let Some(message) = self.still_true(to, message).filter(|_| is_there) {
                    self.send_to(to, message);
                }
            }
            Deferred::Canvass(term) => self.canvass(term),
            Deferred::Crown(term) => self.crown(term),
            Deferred::Release(term) => self.send_release(term),
            Deferred::Greet => self.say_hello_to_all(),
            Deferred::Beat => {
                if let Phase::Leading(_) = self.phase {
                    self.beat();
                }
            }
        }
    }

    /// What is left of a message that was withheld: no word of a promise that is another's by now.
    fn still_true(&self, to: Inst, message: Message) -> Option<Message> {
        let is_held = |holder: Inst| {
            self.promised().is_some_and(|p| p.holder == holder)
                || cfg!(bully_mutant = "no-promise")
                || cfg!(bully_mutant = "no-promise-at-handover")
                || cfg!(bully_mutant = "withheld-words-go-out")
        };
        match message {
            Message::Vote(_) | Message::HbAck(_) => is_held(to).then_some(message),
            Message::Release(release) => {
                let target = release.target.filter(|target| is_held(target.inst));
                Some(Message::Release(super::Release { target, ..release }))
            }
            Message::GenesisAccept(word) => {
                let is_given =
                    self.stored.accept.as_ref().is_some_and(|a| a.cluster == word.cluster);
                is_given.then_some(Message::GenesisAccept(word))
            }
            other => Some(other),
        }
    }

    /// Answers once the record is on disk.
    pub(super) fn answer_after_sync(&mut self, to: Inst, message: Message) {
        let boot = self.peers.get(&to).map_or(Boot(0), |p| p.boot);
        self.after_sync(Deferred::Send { to, boot, message });
    }
}
