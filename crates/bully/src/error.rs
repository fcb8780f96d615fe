//! Why a node could not start, or did not do what it was asked for.

use std::io;
use std::path::PathBuf;

use crate::store::StoreError;

/// Why a node could not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// An address could not be read.
    #[error("{what}: {text:?} is not an address: expected ip, host or [v6], with or without :port")]
    Address {
        /// Which value it was in.
        what: &'static str,
        /// The text.
        text: String,
    },
    /// A value makes no sense.
    #[error("{0}")]
    Config(String),
    /// The peers' port could not be bound.
    #[error("cannot listen for peers on {address}: {source}")]
    Bind {
        /// The address.
        address: String,
        /// The operating system's reason.
        source: io::Error,
    },
    /// What the data directory holds cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The data directory is that of a node at another address.
    #[error(
        "{} belongs to the node at {stored}, and this one is {configured}: two nodes on copies of one \
         disk are unsafe. If the node moved and no copy of it runs, start it once with -moved; if \
         this is a copy, give the node a data directory of its own",
        directory.display()
    )]
    Moved {
        /// Which.
        directory: PathBuf,
        /// What the node advertised.
        stored: String,
        /// What it is to advertise.
        configured: String,
    },
    /// The operating system gave no randomness or no registration of a socket.
    #[error("{0}")]
    System(#[from] io::Error),
}

/// Why something that was asked of a node was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// Only the leader can do it.
    #[error("{}", match leader {
        Some(leader) => format!("{leader} leads: ask it"),
        None => "there is no leader now".to_owned(),
    })]
    NotLeader {
        /// Who leads.
        leader: Option<String>,
    },
    /// Nobody of that address is a member.
    #[error("{0} is no member")]
    NotMember(String),
    /// It is the last that may lead.
    #[error("no other member may lead: the last one cannot be removed or be given priority 0")]
    LastElectable,
    /// It is the leader itself.
    #[error("this node is itself the leader: hand over first (step-down)")]
    Myself,
    /// It has priority 0.
    #[error("{0} has priority 0, and never leads")]
    NeverLeads(String),
    /// Not at this moment.
    #[error(
        "not now: the member has not just acknowledged the leader, or a change of the members is \
         under way"
    )]
    NotNow,
    /// It was begun, and something else came of it.
    #[error("it did not come about: {}", match leader {
        Some(leader) => format!("{leader} leads"),
        None => "there is no leader now".to_owned(),
    })]
    Failed {
        /// Who leads.
        leader: Option<String>,
    },
    /// The priority is too high.
    #[error("priority {0} is too high: expected 0 to {max}", max = bully_core::Config::PRIORITY_MAX)]
    Priority(u32),
    /// That is no address.
    #[error("{0:?} is not an address: expected ip, host or [v6], with or without :port")]
    Address(String),
    /// The node was started without a secret, and its peers with none.
    #[error("the node was started without a secret: start it anew with one")]
    NoSecret,
    /// Bully mode does not know it.
    #[error("bully mode does not do that: only a node in quorum mode does")]
    Mode,
    /// It was begun, and nothing came of it yet.
    #[error("begun, and not done in time: see what the node says later")]
    TimedOut,
    /// The node has ended.
    #[error("the node has ended")]
    Ended,
}
