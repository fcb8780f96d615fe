//! What a node shows: who leads, the members, what happened.

use std::net::IpAddr;
use std::time::{Duration, SystemTime};

/// The two rules of election.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Mode {
    /// Every connected group has a leader; **a split network has two**.
    #[default]
    Bully,
    /// At most one node leads at any moment, and each reign has a fencing token; without a
    /// majority nobody leads. Needs a disk.
    Quorum,
}

impl Mode {
    /// The mode in a word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bully => "bully",
            Self::Quorum => "quorum",
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
    /// Its disk was copied or rolled back: it takes part in nothing.
    Quarantined,
}

impl Role {
    /// The role in a word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Joining => "joining",
            Self::Follower => "follower",
            Self::Electing => "electing",
            Self::Leader => "leader",
            Self::Quarantined => "quarantined",
        }
    }
}

/// Whether this node leads, sampled at one moment by [`Elector::leadership`](crate::Elector::leadership).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Leadership {
    /// It leads, in bully mode. The reign has an epoch, which orders reigns and fences nothing:
    /// across a split another node may lead at the same moment.
    Leader {
        /// The number of the reign; may rise within it. Below 2^53.
        epoch: u64,
    },
    /// It leads, in quorum mode, and no other node does.
    Lease {
        /// To be handed to every resource that the leader's work touches, which must refuse smaller
        /// ones.
        token: Token,
        /// How long that is certain, from the moment of the question on: what is begun on this answer
        /// must be over by then. Note the time before you ask, by a clock that goes on while the
        /// machine is suspended: the process may be frozen before it has the answer. A handover
        /// waits for it, unless [`Elector::relinquish`](crate::Elector::relinquish) says that
        /// nothing acts any more.
        remaining: Duration,
    },
    /// It does not lead.
    NotLeader,
}

impl Leadership {
    /// Whether the node leads.
    pub fn is_leader(self) -> bool {
        !matches!(self, Self::NotLeader)
    }

    /// The fencing token of the reign; none in bully mode, which has none.
    pub fn token(self) -> Option<Token> {
        match self {
            Self::Lease { token, .. } => Some(token),
            _ => None,
        }
    }

    /// How long the answer is certain; none in bully mode, where it never is.
    pub fn remaining(self) -> Option<Duration> {
        match self {
            Self::Lease { remaining, .. } => Some(remaining),
            _ => None,
        }
    }
}

/// A fencing token: greater than that of every earlier reign. Only a node in quorum mode that leads
/// has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(pub(crate) u64);

impl Token {
    /// The number to hand to resources. Below 2^53.
    pub fn get(self) -> u64 {
        self.0
    }
}

impl std::fmt::Display for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(&self.0, f)
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
    /// the first. Bully mode alone.
    pub epoch: Option<u64>,
    /// The fencing token of the present leader's reign, for display: only the leader itself acts
    /// with it, as [`Elector::leadership`](crate::Elector::leadership) hands it out. Quorum mode
    /// alone; none while there is no leader.
    pub token: Option<u64>,
    /// On the leader, in quorum mode: how long its lease ran when the view was taken. For display:
    /// a reign may end sooner.
    pub lease: Option<Duration>,
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
    /// Who votes has changed. Quorum mode alone.
    Members,
    /// The disk failed, or works again. Quorum mode alone.
    Disk,
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
            Self::Members => "members",
            Self::Disk => "disk",
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
    /// `priority`, `merge`, `greater-claim`, `resign`, `duplicate-id`, `late`; in quorum mode
    /// `vacancy`, `handover`, `lapse`, `suspended`, `overtaken`, `preempted`, `resign`, `disk`,
    /// `quarantine`.
    pub cause: Option<&'static str>,
    /// The member or address that it is about.
    pub node: Option<String>,
    /// Who leads after it, where the entry is an election.
    pub leader: Option<String>,
    /// The epoch of that reign, in bully mode.
    pub epoch: Option<u64>,
    /// The fencing token of that reign, in quorum mode.
    pub token: Option<u64>,
    /// This node won: it leads, and did not before.
    pub won: bool,
    /// The entry in a sentence.
    pub message: String,
}
