//! What a node says of itself when asked.

use core::fmt;
use core::net::IpAddr;
use core::time::Duration;

use crate::types::{Address, Claim, Epoch};

/// Whether a node leads, sampled at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Leadership {
    /// It leads under this epoch. In bully mode nothing forbids a second leader across a split,
    /// and so there is no fencing token here.
    Leader(Epoch),
    /// It does not.
    NotLeader,
}

impl Leadership {
    /// Whether the node leads.
    pub fn is_leader(self) -> bool {
        matches!(self, Self::Leader(_))
    }
}

/// The part a node plays, for display.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Role {
    /// It has just started and asks who leads.
    Joining,
    /// It follows a leader.
    Follower,
    /// It seeks a leader.
    Electing,
    /// It leads.
    Leader,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Joining => "joining",
            Self::Follower => "follower",
            Self::Electing => "electing",
            Self::Leader => "leader",
        })
    }
}

/// Who leads, as one node knows it at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Status {
    /// This node's part.
    pub role: Role,
    /// The leader, unless there is none or it is being sought.
    pub leader: Option<LeaderView>,
    /// The greatest claim accepted or made, of a dead leader too.
    pub claim: Option<Claim>,
    /// The newest sequence number of that claim.
    pub seq: u64,
    /// An outcome is near: worth waiting for.
    pub pending: bool,
    /// Why there is no leader, where there is none.
    pub reason: Option<Leaderless>,
    /// This node's own priority.
    pub priority: u32,
}

/// The leader as one node knows it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LeaderView {
    /// The address it advertises.
    pub id: Address,
    /// The IP address that it stated, or its `id`'s; none only for a name it could not resolve.
    pub ip: Option<IpAddr>,
    /// Its present priority.
    pub priority: u32,
}

/// Why a node has no leader.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Leaderless {
    /// It asks the listed addresses.
    Joining,
    /// It elects.
    Electing,
    /// This node may not lead, and knows nobody who does.
    PriorityZero,
    /// Its address is held by another live node.
    DuplicateId(Address),
    /// It is leaving, or has left.
    Leaving,
}

impl fmt::Display for Leaderless {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Joining => f.write_str("joining: asking the listed addresses who leads"),
            Self::Electing => f.write_str("an election is under way"),
            Self::PriorityZero => {
                f.write_str("no leader in reach, and this node's priority is 0: it never leads")
            }
            Self::DuplicateId(id) => {
                write!(f, "waiting: {id} is held by another live node")
            }
            Self::Leaving => f.write_str("this node is leaving"),
        }
    }
}

/// A member as one node knows it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MemberView {
    /// The address it advertises.
    pub id: Address,
    /// The IP address that it stated, or its `id`'s.
    pub ip: Option<IpAddr>,
    /// Its priority.
    pub priority: u32,
    /// Its part.
    pub role: MemberRole,
    /// Whether it is heard.
    pub state: MemberState,
    /// The least of the last eight round trips to it, where any was measured.
    pub rtt: Option<Duration>,
    /// It is this node.
    pub is_self: bool,
}

/// The part a member plays.
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

impl fmt::Display for MemberRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Leader => "leader",
            Self::Candidate => "candidate",
            Self::Joining => "joining",
        })
    }
}

/// Whether a member is heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MemberState {
    /// It is heard: by the leader, or by this node where there is none.
    Alive,
    /// It is not.
    Unreachable,
    /// It said goodbye.
    Left,
}

impl fmt::Display for MemberState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Alive => "alive",
            Self::Unreachable => "unreachable",
            Self::Left => "left",
        })
    }
}
