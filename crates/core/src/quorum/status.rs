//! What a node in quorum mode says of itself when asked.

use alloc::vec::Vec;
use core::fmt;
use core::net::IpAddr;
use core::time::Duration;

use super::words::{Member, RosterId, Term, Token};
use crate::types::{Address, Inst};

/// Whether a node leads, sampled at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Leadership {
    /// It leads, and no other node does.
    Leader {
        /// To be handed to resources.
        token: Token,
        /// How long this answer holds, by the fast clock that it was asked with: whatever is begun
        /// must be over by then. Who measures by another clock may count on [`super::usable`] of it.
        remaining: Duration,
    },
    /// It does not.
    NotLeader,
}

impl Leadership {
    /// Whether the node leads.
    pub fn is_leader(self) -> bool {
        matches!(self, Self::Leader { .. })
    }
}

/// The part a node plays, for display.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Role {
    /// It is in no cluster yet, or no member of it.
    Joining,
    /// It has a leader.
    Follower,
    /// It has none.
    Electing,
    /// It leads.
    Leader,
    /// Its reign is over for others only when its application has stopped.
    Revoking,
    /// It takes part in nothing.
    Quarantined,
}

/// What one node knows at one moment, for display: no answer to whether it leads.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Status {
    /// This node's part.
    pub role: Role,
    /// Its instance.
    pub inst: Inst,
    /// The priority that it is configured with; the roster's follows it.
    pub priority: u32,
    /// The greatest term that it has taken part in.
    pub term: Term,
    /// Who leads, as far as it knows.
    pub leader: Option<Member>,
    /// What the leader's address resolves to there, where it is a name and the leader has said so.
    pub leader_ip: Option<IpAddr>,
    /// The term of that leader's reign: its fencing token, as far as this node knows.
    pub reign: Option<Term>,
    /// Who leads as others say, where this node itself does not hear it.
    pub hint: Option<Member>,
    /// The version of the roster.
    pub roster: RosterId,
    /// Who votes, in the order of rank, best first.
    pub members: Vec<Member>,
    /// Its majority has acknowledged the roster to this leader.
    pub committed: bool,
    /// How long it will not vote yet after its start.
    pub muted: Duration,
    /// The last write succeeded.
    pub disk: bool,
    /// Why it has no leader, where it has none.
    pub reason: Option<Leaderless>,
    /// No leader, and an outcome is near: a majority is reached.
    pub pending: bool,
}

/// Why a node has no leader.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Leaderless {
    /// The cluster is not formed, and these places have not answered.
    WaitingForPlaces(Vec<Address>),
    /// The cluster is not formed, and its founders do not name each other.
    ListsDiffer,
    /// The cluster is not formed, and every founder has priority 0: it could never have a leader.
    NobodyElectable,
    /// It asks to join.
    Joining,
    /// A majority is needed, and of these members nothing is heard.
    NoQuorum(Vec<Address>),
    /// An election is under way.
    Electing,
    /// It has just started, and must be silent for so long.
    Muted(Duration),
    /// The application of its last reign has not stopped.
    Revoking,
    /// It was removed.
    Removed,
    /// Its disk was copied or rolled back.
    Quarantined,
    /// Clusters of one name were founded apart.
    SplitClusters,
}

impl fmt::Display for Leaderless {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |f: &mut fmt::Formatter<'_>, addresses: &[Address]| {
            for (n, address) in addresses.iter().enumerate() {
                write!(f, "{}{address}", if n == 0 { " " } else { ", " })?;
            }
            Ok(())
        };
        match self {
            Self::WaitingForPlaces(places) => {
                f.write_str("no leader: waiting for")?;
                list(f, places)
            }
            Self::ListsDiffer => f.write_str("no leader: the nodes' lists do not name each other"),
            Self::NobodyElectable => {
                f.write_str("no leader: every listed node has priority 0, and may not lead")
            }
            Self::Joining => f.write_str("joining the cluster"),
            Self::NoQuorum(members) => {
                f.write_str("no leader: no majority without")?;
                list(f, members)
            }
            Self::Electing => f.write_str("an election is under way"),
            Self::Muted(rest) => {
                write!(f, "started lately: silent for another {} ms", rest.as_millis())
            }
            Self::Revoking => f.write_str("the application of the last reign has not stopped"),
            Self::Removed => f.write_str("this node was removed from the cluster"),
            Self::Quarantined => {
                f.write_str("this node's disk was copied or rolled back: wipe it and start anew")
            }
            Self::SplitClusters => {
                f.write_str("clusters of this name were founded apart: this node joins neither")
            }
        }
    }
}
