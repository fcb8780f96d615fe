//! What happened: the history in memory, and the lines that an operator reads.

mod notices;
#[cfg(test)]
mod tests;
mod words;

use std::collections::VecDeque;
use std::time::SystemTime;

use bully_core::{Address, Cause, Claim, Event};

use self::notices::{Notices, Saying};
use crate::view::{Entry, EntryKind};

/// How many entries are kept of changes of leader, and as many of all else.
const ENTRIES_MAX: usize = 1_024;

/// The target of the lines that are for an operator: whole sentences, at level WARN.
pub const NOTICE: &str = "bully::notice";

/// The history of one run. Who led stands in a ring of its own: whoever reaches the peers' port
/// can cause the rest, and shall not wipe it out.
#[derive(Debug)]
pub(crate) struct Journal {
    me: Address,
    cluster: String,
    reigns: VecDeque<Entry>,
    rest: VecDeque<Entry>,
    /// Counts entries and changes of the view.
    pub(crate) revision: u64,
    /// Since when the present leader is known.
    pub(crate) since: SystemTime,
    leader: Option<Address>,
    notices: Notices,
}

impl Journal {
    pub(crate) fn new(me: Address, cluster: String, now: SystemTime) -> Self {
        Self {
            me,
            cluster,
            reigns: VecDeque::new(),
            rest: VecDeque::new(),
            revision: 0,
            since: now,
            leader: None,
            notices: Notices::default(),
        }
    }

    /// The entries after that revision, oldest first.
    pub(crate) fn after(&self, revision: u64) -> Vec<Entry> {
        let entries = self.reigns.iter().chain(&self.rest);
        let mut entries: Vec<Entry> = entries.filter(|e| e.revision > revision).cloned().collect();
        entries.sort_by_key(|entry| entry.revision);
        entries
    }

    /// The lines that an operator should read now. Saying them may block, and so is for the
    /// caller, who holds no lock then.
    pub(crate) fn take_notices(&mut self) -> Vec<String> {
        self.notices.take()
    }

    /// Enters an event.
    pub(crate) fn enter(&mut self, event: &Event, now: SystemTime) {
        match event {
            Event::Elected { claim, cause } => self.leads(claim, *cause, true, now),
            Event::Following { claim, cause } => self.leads(claim, *cause, false, now),
            Event::Deposed { claim, cause } => self.deposed(claim, *cause, now),
            Event::LeaderLost { claim, cause } => {
                self.since = now;
                let message = format!("{} is lost: {}", claim.id, words::phrase(*cause));
                self.reign(now, EntryKind::LeaderLost, message).about(*cause, claim);
            }
            Event::EpochRaised { claim } => {
                let message = format!("{} leads on under epoch {}", claim.id, claim.epoch.0);
                let entry = self.reign(now, EntryKind::EpochRaised, message);
                entry.epoch = Some(claim.epoch.0);
            }
            Event::Joined { id, leader } => self.joined(id, leader.as_ref(), now),
            Event::Left { id } => self.other(now, EntryKind::Left, format!("{id} left")).of(id),
            Event::MemberLost { id } => {
                self.other(now, EntryKind::MemberLost, format!("{id} is no longer heard")).of(id);
            }
            Event::MemberBack { id } => {
                self.other(now, EntryKind::MemberBack, format!("{id} is heard again")).of(id);
            }
            other => self.enter_trouble(other, now),
        }
    }

    fn enter_trouble(&mut self, event: &Event, now: SystemTime) {
        let (of, saying, kind, message) = match event {
            Event::Unreachable { address, reason } => {
                let message = words::unreachable(address, reason);
                (address, Saying::Unreachable, EntryKind::Unreachable, message)
            }
            Event::Reachable { address } => {
                (address, Saying::Reachable, EntryKind::Reachable, format!("{address} added"))
            }
            Event::Refused { id, reason } => {
                let message = words::refused(id, reason, &self.cluster);
                (id, Saying::Refused, EntryKind::Refused, message)
            }
            Event::RefusedBy { address, reason } => {
                let by = address.as_ref().unwrap_or(&self.me);
                let message = words::refused_by(by, reason, &self.me, &self.cluster);
                // Who refuses a duplicate is not the point, and so it is said once for all.
                let is_duplicate = *reason == bully_core::NackReason::DuplicateId;
                let of = if is_duplicate { &self.me } else { by };
                (of, Saying::RefusedBy, EntryKind::Refused, message)
            }
            Event::PreemptDiffers { id } => {
                let message =
                    format!("{id} has another value of -preempt: it must be the same everywhere");
                (id, Saying::Preempt, EntryKind::Warning, message)
            }
            Event::EpochDropped { id, epoch } => {
                let by = id.as_ref().unwrap_or(&self.me);
                let message = format!(
                    "{by} sent epoch {}, which no honest node holds: its message was dropped",
                    epoch.0
                );
                (by, Saying::Epoch, EntryKind::Warning, message)
            }
            Event::RecordDropped { from, id, inc } => {
                let by = from.as_ref().unwrap_or(&self.me);
                let message = format!(
                    "{by} told of {id} with incarnation {inc}, which no honest node has: it was \
                     left out"
                );
                (by, Saying::Record, EntryKind::Warning, message)
            }
            _ => return,
        };
        let of = of.clone();
        // The core has said already what is new of an address; of the rest nothing repeats.
        let is_said = match saying {
            Saying::Unreachable | Saying::Reachable => {
                self.notices.say_within(saying, &message, now)
            }
            _ => self.notices.say_once(&of, saying, &message, now),
        };
        if is_said {
            self.other(now, kind, message).of(&of);
        }
    }

    fn leads(&mut self, claim: &Claim, cause: Cause, by_self: bool, now: SystemTime) {
        let is_new = self.leader.as_ref() != Some(&claim.id);
        self.leader = Some(claim.id.clone());
        self.since = now;
        let who = if by_self { " (this node)" } else { "" };
        let message =
            format!("{}{who} leads, epoch {}: {}", claim.id, claim.epoch.0, words::phrase(cause));
        if is_new {
            self.notices.say(&message);
        }
        let entry = self.reign(now, EntryKind::Election, message);
        entry.about(cause, claim);
        entry.leader = Some(claim.id.to_string());
        entry.won = by_self && is_new;
    }

    fn deposed(&mut self, claim: &Claim, cause: Cause, now: SystemTime) {
        self.since = now;
        if cause == Cause::DuplicateId {
            // It waits outside, and others may lead meanwhile without its knowledge.
            self.leader = None;
        }
        let message = format!("this node no longer leads: {}", words::phrase(cause));
        self.reign(now, EntryKind::Deposed, message).about(cause, claim);
    }

    fn joined(&mut self, id: &Address, leader: Option<&Claim>, now: SystemTime) {
        let outcome = match leader {
            Some(claim) => format!("{} leads", claim.id),
            None => "no leader yet".to_owned(),
        };
        let message = format!("{id} joined: {outcome}");
        let entry = self.other(now, EntryKind::Election, message);
        entry.of(id);
        entry.cause = Some(Cause::Join.as_str());
        entry.leader = leader.map(|claim| claim.id.to_string());
        entry.epoch = leader.map(|claim| claim.epoch.0);
    }

    fn reign(&mut self, time: SystemTime, kind: EntryKind, message: String) -> &mut Entry {
        self.revision += 1;
        add(&mut self.reigns, entry(self.revision, time, kind, message))
    }

    fn other(&mut self, time: SystemTime, kind: EntryKind, message: String) -> &mut Entry {
        self.revision += 1;
        add(&mut self.rest, entry(self.revision, time, kind, message))
    }
}

fn entry(revision: u64, time: SystemTime, kind: EntryKind, message: String) -> Entry {
    Entry {
        revision,
        time,
        kind,
        cause: None,
        node: None,
        leader: None,
        epoch: None,
        won: false,
        message,
    }
}

fn add(ring: &mut VecDeque<Entry>, entry: Entry) -> &mut Entry {
    if ring.len() == ENTRIES_MAX {
        ring.pop_front();
    }
    ring.push_back(entry);
    let last = ring.len() - 1;
    &mut ring[last]
}

impl Entry {
    fn about(&mut self, cause: Cause, claim: &Claim) {
        self.cause = Some(cause.as_str());
        self.node = Some(claim.id.to_string());
        self.epoch = Some(claim.epoch.0);
    }

    fn of(&mut self, id: &Address) {
        self.node = Some(id.to_string());
    }
}
