//! What happened: the history in memory, and the lines that an operator reads.

use std::collections::{BTreeMap, VecDeque};
use std::time::SystemTime;

use bully_core::{Address, Cause, Claim, DialError, Event, NackReason};

use crate::view::{Entry, EntryKind};

/// How many entries are kept.
const ENTRIES_MAX: usize = 1_024;

/// The target of the lines that are for an operator: bare sentences, in every log level but `off`.
pub const NOTICE: &str = "bully::notice";

/// The history of one run.
#[derive(Debug)]
pub(crate) struct Journal {
    me: Address,
    cluster: String,
    entries: VecDeque<Entry>,
    /// Counts entries and changes of the view.
    pub(crate) revision: u64,
    /// Since when the present leader is known.
    pub(crate) since: SystemTime,
    leader: Option<Address>,
    /// What was said of whom: nothing is said twice in a row.
    said: BTreeMap<(Address, Saying), String>,
}

/// Complaints of different kinds about one address do not silence each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Saying {
    Refused,
    RefusedBy,
    Preempt,
    Epoch,
}

impl Journal {
    pub(crate) fn new(me: Address, cluster: String, now: SystemTime) -> Self {
        Self {
            me,
            cluster,
            entries: VecDeque::new(),
            revision: 0,
            since: now,
            leader: None,
            said: BTreeMap::new(),
        }
    }

    pub(crate) fn after(&self, revision: u64) -> Vec<Entry> {
        self.entries.iter().filter(|e| e.revision > revision).cloned().collect()
    }

    /// Enters an event, and says it where an operator should read it.
    pub(crate) fn enter(&mut self, event: &Event, now: SystemTime) {
        match event {
            Event::Elected { claim, cause } => self.leads(claim, *cause, true, now),
            Event::Following { claim, cause } => self.leads(claim, *cause, false, now),
            Event::Deposed { claim, cause } => {
                self.since = now;
                self.add(now, EntryKind::Deposed, "this node no longer leads").about(*cause, claim);
            }
            Event::LeaderLost { claim, cause } => {
                self.since = now;
                let message = format!("{} is lost: {}", claim.id, phrase(*cause));
                self.add(now, EntryKind::LeaderLost, message).about(*cause, claim);
            }
            Event::EpochRaised { claim } => {
                let message = format!("{} leads on under epoch {}", claim.id, claim.epoch.0);
                let entry = self.add(now, EntryKind::EpochRaised, message);
                entry.epoch = Some(claim.epoch.0);
            }
            Event::Joined { id, leader } => self.joined(id, leader.as_ref(), now),
            Event::Left { id } => self.add(now, EntryKind::Left, format!("{id} left")).of(id),
            Event::MemberLost { id } => {
                self.add(now, EntryKind::MemberLost, format!("{id} is no longer heard")).of(id);
            }
            Event::MemberBack { id } => {
                self.add(now, EntryKind::MemberBack, format!("{id} is heard again")).of(id);
            }
            Event::Unreachable { address, reason } => {
                let message = unreachable(address, reason);
                notice(&message);
                self.add(now, EntryKind::Unreachable, message).of(address);
            }
            Event::Reachable { address } => {
                let message = format!("{address} added");
                notice(&message);
                self.add(now, EntryKind::Reachable, message).of(address);
            }
            other => self.enter_trouble(other, now),
        }
    }

    fn enter_trouble(&mut self, event: &Event, now: SystemTime) {
        match event {
            Event::Refused { id, reason } => {
                let message = self.refused(id, reason);
                self.say_once(id, Saying::Refused, EntryKind::Refused, message, now);
            }
            Event::RefusedBy { address, reason } => {
                let by = address.clone().unwrap_or_else(|| self.me.clone());
                let message = self.refused_by(&by, reason);
                self.say_once(&by, Saying::RefusedBy, EntryKind::Refused, message, now);
            }
            Event::PreemptDiffers { id } => {
                let message =
                    format!("{id} has another value of -preempt: it must be the same everywhere");
                self.say_once(id, Saying::Preempt, EntryKind::Warning, message, now);
            }
            Event::EpochDropped { id, epoch } => {
                let by = id.clone().unwrap_or_else(|| self.me.clone());
                let message = format!(
                    "{by} sent epoch {}, which no honest node holds: its message was dropped",
                    epoch.0
                );
                self.say_once(&by, Saying::Epoch, EntryKind::Warning, message, now);
            }
            _ => {}
        }
    }

    fn leads(&mut self, claim: &Claim, cause: Cause, by_self: bool, now: SystemTime) {
        let is_new = self.leader.as_ref() != Some(&claim.id);
        let won = by_self && is_new;
        self.leader = Some(claim.id.clone());
        self.since = now;
        let who = if by_self { " (this node)" } else { "" };
        let message =
            format!("{}{who} leads, epoch {}: {}", claim.id, claim.epoch.0, phrase(cause));
        if is_new {
            notice(&message);
        }
        let entry = self.add(now, EntryKind::Election, message);
        entry.about(cause, claim);
        entry.leader = Some(claim.id.to_string());
        entry.won = won;
    }

    fn joined(&mut self, id: &Address, leader: Option<&Claim>, now: SystemTime) {
        let outcome = match leader {
            Some(claim) => format!("{} leads", claim.id),
            None => "no leader yet".to_owned(),
        };
        let entry = self.add(now, EntryKind::Election, format!("{id} joined: {outcome}"));
        entry.node = Some(id.to_string());
        entry.cause = Some(Cause::Join.as_str());
        entry.leader = leader.map(|claim| claim.id.to_string());
        entry.epoch = leader.map(|claim| claim.epoch.0);
    }

    fn refused(&self, id: &Address, reason: &NackReason) -> String {
        let why = match reason {
            NackReason::ForeignCluster(_) => {
                format!("it is of another cluster than {:?}", self.cluster)
            }
            NackReason::ForeignMode(mode) => format!("it is of another mode than {mode}"),
            NackReason::DuplicateId => "that address is held by another live node".to_owned(),
            NackReason::Full => "the member list is full".to_owned(),
            other => format!("{other:?}"),
        };
        format!("{id} refused: {why}")
    }

    fn refused_by(&self, by: &Address, reason: &NackReason) -> String {
        match reason {
            NackReason::ForeignCluster(theirs) => format!(
                "{by} refused this node: it is of cluster {theirs:?}, this node of {:?} (-cluster)",
                self.cluster
            ),
            NackReason::ForeignMode(theirs) => {
                format!("{by} refused this node: it is of mode {theirs} (-mode)")
            }
            NackReason::DuplicateId => format!(
                "{} is held by another live node: this one waits until it is gone, or give it an \
                 address of its own (-advertise)",
                self.me
            ),
            NackReason::Full => format!("{by} refused this node: its member list is full"),
            NackReason::Leaving => format!("{by} refused this node: it is leaving"),
            NackReason::Other(why) => format!("{by} refused this node: {why}"),
            other => format!("{by} refused this node: {other:?}"),
        }
    }

    fn say_once(
        &mut self,
        id: &Address,
        what: Saying,
        kind: EntryKind,
        message: String,
        now: SystemTime,
    ) {
        // Peers choose these addresses: forget rather than grow.
        if self.said.len() >= ENTRIES_MAX {
            self.said.clear();
        }
        let key = (id.clone(), what);
        if self.said.get(&key) == Some(&message) {
            return;
        }
        notice(&message);
        self.said.insert(key, message.clone());
        self.add(now, kind, message).of(id);
    }

    fn add(&mut self, time: SystemTime, kind: EntryKind, message: impl Into<String>) -> &mut Entry {
        self.revision += 1;
        if self.entries.len() == ENTRIES_MAX {
            self.entries.pop_front();
        }
        self.entries.push_back(Entry {
            revision: self.revision,
            time,
            kind,
            cause: None,
            node: None,
            leader: None,
            epoch: None,
            won: false,
            message: message.into(),
        });
        let last = self.entries.len() - 1;
        &mut self.entries[last]
    }
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

fn notice(message: &str) {
    tracing::warn!(target: NOTICE, "{message}");
}

/// In the words of the 2013 program.
fn unreachable(address: &Address, reason: &DialError) -> String {
    match reason {
        DialError::NoSuchHost(_) => format!("{address} cannot be added: dial tcp: {reason}"),
        DialError::Protocol(what) => format!("{address} cannot be added: {what}"),
        _ => format!("{address} cannot be added: dial tcp {address}: {reason}"),
    }
}

/// The cause in a few words, for people.
fn phrase(cause: Cause) -> &'static str {
    match cause {
        Cause::Join => "this node joined",
        Cause::Silence => "the leader fell silent",
        Cause::Crash => "the leader's process died",
        Cause::Leave => "the leader left",
        Cause::Handover => "the leader handed over",
        Cause::Priority => "its priority is higher",
        Cause::Merge => "two groups merged",
        Cause::GreaterClaim => "it holds the greater claim",
        Cause::Resign => "the leader resigned",
        Cause::DuplicateId => "its address is held by another live node",
        Cause::Late => "the leader was late, and another leads",
        _ => "an election",
    }
}
