//! What happened: the history in memory, and the lines that an operator reads.

mod bully;
mod listed;
mod notices;
mod quorum;
#[cfg(test)]
mod tests;
mod words;

use std::collections::VecDeque;
use std::time::SystemTime;

use bully_core::Address;

pub(crate) use self::listed::Listed;
use self::notices::{Notices, Saying};
use crate::node::{Event, Node};
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
    /// The token of its reign, in quorum mode.
    token: Option<u64>,
    /// Who votes, as it was said last.
    members: Option<Vec<Address>>,
    /// Where this node was told to dial.
    listed: Listed,
    notices: Notices,
}

impl Journal {
    pub(crate) fn new(me: Address, cluster: String, listed: Listed, now: SystemTime) -> Self {
        Self {
            me,
            cluster,
            reigns: VecDeque::new(),
            rest: VecDeque::new(),
            revision: 0,
            since: now,
            leader: None,
            token: None,
            members: None,
            listed,
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

    /// Enters an event of that node.
    pub(crate) fn enter(&mut self, event: &Event, node: &Node, now: SystemTime) {
        match event {
            Event::Bully(event) => self.enter_bully(event, now),
            Event::Quorum(event) => self.enter_quorum(event, node, now),
        }
    }

    /// A complaint about that address.
    fn trouble(
        &mut self,
        of: &Address,
        saying: Saying,
        kind: EntryKind,
        message: String,
        now: SystemTime,
    ) {
        // The core has said already what is new of an address; of the rest nothing repeats.
        let is_said = match saying {
            Saying::Unreachable | Saying::Reachable => {
                self.notices.say_within(saying, &message, now)
            }
            _ => self.notices.say_once(of, saying, &message, now),
        };
        if is_said {
            self.other(now, kind, message).of(of);
        }
    }

    /// Something that an operator should look at, of the node itself.
    pub(crate) fn warn(&mut self, line: String, now: SystemTime) {
        self.notices.say(&line);
        self.other(now, EntryKind::Warning, line);
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
        token: None,
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
    fn of(&mut self, id: &Address) {
        self.node = Some(id.to_string());
    }
}
