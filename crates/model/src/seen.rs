//! What was seen to happen: a search that never saw it has proved little.

use std::fmt;

/// Something that a scope is expected to reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Seen {
    /// A node was elected.
    Reign,
    /// A node was elected after another reign, within the search.
    SecondReign,
    /// A reign was handed over.
    HandoverReign,
    /// A roster with other members was committed.
    Reconfigured,
    /// A node was not allowed to stand, since the one that it asked is promised to another.
    RefusedByPromise,
    /// A node was silent after its start.
    Muted,
    /// A leader was told to stop before its lease had run out.
    StoppedEarly,
    /// An application outlived its node.
    Orphan,
    /// A cluster was founded.
    Formed,
    /// A founding was renounced.
    Renounced,
    /// A guardian's word freed a voter.
    Farewell,
    /// A write failed.
    DiskFailed,
}

impl Seen {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Reign,
        Self::SecondReign,
        Self::HandoverReign,
        Self::Reconfigured,
        Self::RefusedByPromise,
        Self::Muted,
        Self::StoppedEarly,
        Self::Orphan,
        Self::Formed,
        Self::Renounced,
        Self::Farewell,
        Self::DiskFailed,
    ];

    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Self::Reign => "a reign",
            Self::SecondReign => "a second reign",
            Self::HandoverReign => "a reign by handover",
            Self::Reconfigured => "a committed change of the members",
            Self::RefusedByPromise => "a candidate refused by a promise",
            Self::Muted => "a node muted after its start",
            Self::StoppedEarly => "a reign ended before its lease",
            Self::Orphan => "an application that outlived its node",
            Self::Formed => "a cluster founded",
            Self::Renounced => "a founding renounced",
            Self::Farewell => "a guardian's word",
            Self::DiskFailed => "a failed write",
        }
    }
}

/// A set of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SeenSet(u16);

impl SeenSet {
    /// Whether it was seen.
    pub fn has(self, seen: Seen) -> bool {
        self.0 >> (seen as u16) & 1 == 1
    }

    /// Whether everything was.
    pub fn is_all(self) -> bool {
        Seen::ALL.iter().all(|seen| self.has(*seen))
    }

    /// Adds one.
    pub fn add(&mut self, seen: Seen) {
        self.0 |= 1 << (seen as u16);
    }

    /// Adds those of another.
    pub fn join(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

impl fmt::Display for SeenSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = Seen::ALL.iter().filter(|s| self.has(**s)).map(|s| s.name()).collect();
        f.write_str(&names.join(", "))
    }
}
