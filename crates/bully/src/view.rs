//! What a node shows: who leads, the members, what happened.

use std::net::IpAddr;
use std::time::{Duration, SystemTime};

/// The two rules of election. This version has bully mode alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Mode {
    /// Every connected group has a leader; **a split network has two**.
    #[default]
    Bully,
}

impl Mode {
    /// The mode in a word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bully => "bully",
        }
    }
}

/// The part that this node plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Role {
    /// It has just started and asks who leads, or waits to be let in.
    Joining,
    /// It follows a leader.
    Follower,
    /// It seeks a leader.
    Electing,
    /// It leads.
    Leader,
}

impl Role {
    /// The role in a word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Joining => "joining",
            Self::Follower => "follower",
            Self::Electing => "electing",
            Self::Leader => "leader",
        }
    }
}

/// Whether this node leads, sampled at one moment by [`Elector::leadership`](crate::Elector::leadership).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Leadership {
    /// It leads. In bully mode the reign has an epoch, which orders reigns and fences nothing:
    /// across a split another node may lead at the same moment.
    Leader {
        /// The number of the reign; may rise within it. Below 2^53.
        epoch: u64,
    },
    /// It does not lead.
    NotLeader,
}

impl Leadership {
    /// Whether the node leads.
    pub fn is_leader(self) -> bool {
        matches!(self, Self::Leader { .. })
    }
}

/// A leader.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Leader {
    /// The address it advertises, `host:port`.
    pub node: String,
    /// Its IP address, as it stated it itself; none only for a name that it could not resolve.
    pub ip: Option<IpAddr>,
    /// Its port.
    pub port: u16,
    /// Its present priority.
    pub priority: u32,
}

impl Leader {
    /// The IP address, or, where there is none, the host name.
    pub fn address(&self) -> String {
        match self.ip {
            Some(ip) => ip.to_string(),
            None => self.node.rsplit_once(':').map_or(&*self.node, |(host, _)| host).to_owned(),
        }
    }
}

/// Who leads, as this node knows it. For display: act on
/// [`Elector::leadership`](crate::Elector::leadership) alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// The leader; none while there is none.
    pub leader: Option<Leader>,
    /// The address that this node advertises.
    pub node: String,
    /// This node's part.
    pub role: Role,
    /// The mode of election.
    pub mode: Mode,
    /// The cluster's name.
    pub cluster: String,
    /// The number of the present reign, or of the last one where there is no leader; none before
    /// the first.
    pub epoch: Option<u64>,
    /// Since when this node has known this leader, or has had none.
    pub since: SystemTime,
    /// No leader, and an outcome is near: worth waiting for.
    pub pending: bool,
    /// Why there is no leader, where there is none.
    pub reason: Option<String>,
    /// Counts what happened in this run: two views with one number are the same.
    pub revision: u64,
}

impl View {
    /// Whether this node led when the view was taken.
    pub fn is_leader(&self) -> bool {
        self.role == Role::Leader
    }
}

/// The part that a member plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MemberRole {
    /// It leads.
    Leader,
    /// It may lead, or at least follows.
    Candidate,
    /// It has not yet found a leader.
    Joining,
}

impl MemberRole {
    /// The role in a word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Leader => "leader",
            Self::Candidate => "candidate",
            Self::Joining => "joining",
        }
    }
}

/// Whether a member is heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MemberState {
    /// By the leader, or by this node where there is none.
    Alive,
    /// It is not.
    Unreachable,
    /// It said goodbye.
    Left,
}

impl MemberState {
    /// The state in a word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Alive => "alive",
            Self::Unreachable => "unreachable",
            Self::Left => "left",
        }
    }
}

/// A member, as this node knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The address it advertises, `host:port`.
    pub node: String,
    /// Its IP address, as it stated it itself.
    pub ip: Option<IpAddr>,
    /// Its priority: higher leads, 0 never does.
    pub priority: u32,
    /// Its part.
    pub role: MemberRole,
    /// Whether it is heard.
    pub state: MemberState,
    /// The least of the last eight round trips between this node and it.
    pub rtt: Option<Duration>,
    /// It is this node.
    pub is_self: bool,
}

/// What kind of thing happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EntryKind {
    /// An election ended: somebody leads. A join counts as one.
    Election,
    /// The leader is lost.
    LeaderLost,
    /// This node's reign ended.
    Deposed,
    /// The reign goes on under a greater epoch.
    EpochRaised,
    /// A member said goodbye.
    Left,
    /// A member is no longer heard.
    MemberLost,
    /// A member is heard again.
    MemberBack,
    /// An address cannot be reached, for a reason that is new.
    Unreachable,
    /// An address answers again.
    Reachable,
    /// One node refused another.
    Refused,
    /// Something that an operator should look at.
    Warning,
}

impl EntryKind {
    /// The kind in a word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Election => "election",
            Self::LeaderLost => "leader-lost",
            Self::Deposed => "deposed",
            Self::EpochRaised => "epoch-raised",
            Self::Left => "left",
            Self::MemberLost => "member-lost",
            Self::MemberBack => "member-back",
            Self::Unreachable => "unreachable",
            Self::Reachable => "reachable",
            Self::Refused => "refused",
            Self::Warning => "warning",
        }
    }
}

/// An entry of the history. The history is kept in memory, the last 1,024 entries of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Counts up in one run of the node.
    pub revision: u64,
    /// When, by this machine's wall clock.
    pub time: SystemTime,
    /// What.
    pub kind: EntryKind,
    /// Why, in a word, where a leader changed: `join`, `silence`, `crash`, `leave`, `handover`,
    /// `priority`, `merge`, `greater-claim`, `resign`, `duplicate-id`, `late`.
    pub cause: Option<&'static str>,
    /// The member or address that it is about.
    pub node: Option<String>,
    /// Who leads after it, where the entry is an election.
    pub leader: Option<String>,
    /// The epoch of that reign.
    pub epoch: Option<u64>,
    /// This node won: it leads, and did not before.
    pub won: bool,
    /// The entry in a sentence.
    pub message: String,
}
