//! Which lines an operator is told: nothing twice in a row, and no more of a kind than can be
//! read.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use bully_core::Address;

/// At most this many lines of a kind in a window: peers, and whoever reaches the port, choose how
/// often there is something to say.
const LINES_MAX: u32 = 64;

/// The window.
const WINDOW: Duration = Duration::from_secs(60);

/// At most so many addresses are remembered for what was said of them.
const SAID_MAX: usize = 1_024;

/// Kinds of lines. Complaints of different kinds about one address do not silence each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Saying {
    Unreachable,
    Reachable,
    Refused,
    RefusedBy,
    Preempt,
    Epoch,
    Record,
}

/// The lines that wait to be said, and what decides which are.
#[derive(Debug, Default)]
pub(super) struct Notices {
    lines: Vec<String>,
    said: BTreeMap<(Address, Saying), String>,
    windows: BTreeMap<Saying, Window>,
}

#[derive(Debug)]
struct Window {
    since: SystemTime,
    lines: u32,
    withheld: u32,
}

impl Notices {
    /// A line that is always said.
    pub(super) fn say(&mut self, line: &str) {
        self.lines.push(line.to_owned());
    }

    /// A line of a kind that others can cause; true if it is said.
    pub(super) fn say_within(&mut self, kind: Saying, line: &str, now: SystemTime) -> bool {
        let window =
            self.windows.entry(kind).or_insert(Window { since: now, lines: 0, withheld: 0 });
        // A clock that was set back begins a new window, too.
        if now.duration_since(window.since).map_or(true, |passed| passed >= WINDOW) {
            if window.withheld > 0 {
                self.lines.push(format!("{} more such lines were left out", window.withheld));
            }
            *window = Window { since: now, lines: 0, withheld: 0 };
        }
        window.lines += 1;
        if window.lines > LINES_MAX {
            window.withheld += 1;
            return false;
        }
        self.lines.push(line.to_owned());
        true
    }

    /// The same, unless it was the last thing said of this address.
    pub(super) fn say_once(
        &mut self,
        of: &Address,
        kind: Saying,
        line: &str,
        now: SystemTime,
    ) -> bool {
        let key = (of.clone(), kind);
        if self.said.get(&key).is_some_and(|said| said == line) {
            return false;
        }
        // Others choose these addresses: forget rather than grow.
        if self.said.len() >= SAID_MAX {
            self.said.clear();
        }
        self.said.insert(key, line.to_owned());
        self.say_within(kind, line, now)
    }

    /// The lines to be said now.
    pub(super) fn take(&mut self) -> Vec<String> {
        std::mem::take(&mut self.lines)
    }
}
