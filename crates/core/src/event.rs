//! What happened, with its cause: for the history, the logs and the application.

use alloc::string::String;
use alloc::sync::Arc;
use core::fmt;

use crate::message::NackReason;
use crate::types::{Address, Claim, Epoch};

/// Something that a node's user may want to know.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Event {
    /// This node leads from now on.
    Elected {
        /// The claim under which it leads.
        claim: Claim,
        /// Why there was an election.
        cause: Cause,
    },
    /// This node no longer leads. Never withheld.
    Deposed {
        /// The claim that is over.
        claim: Claim,
        /// Why it is.
        cause: Cause,
    },
    /// This node follows another leader than before.
    Following {
        /// The leader's claim.
        claim: Claim,
        /// Why it changed.
        cause: Cause,
    },
    /// This node has no leader and seeks one.
    LeaderLost {
        /// The claim of the leader that was lost.
        claim: Claim,
        /// What is known of it.
        cause: Cause,
    },
    /// The reign goes on under a greater epoch.
    EpochRaised {
        /// The claim from now on.
        claim: Claim,
    },
    /// A member joined, which counts as an election; `leader` is its outcome.
    Joined {
        /// Who joined.
        id: Address,
        /// Who leads now, where that is known.
        leader: Option<Claim>,
    },
    /// A member said goodbye.
    Left {
        /// Who left.
        id: Address,
    },
    /// A member is no longer heard.
    MemberLost {
        /// Who.
        id: Address,
    },
    /// A member is heard again.
    MemberBack {
        /// Who.
        id: Address,
    },
    /// An address cannot be dialled, for a reason that is new.
    Unreachable {
        /// Which.
        address: Address,
        /// Why.
        reason: DialError,
    },
    /// An address that was unreachable answers.
    Reachable {
        /// Which.
        address: Address,
    },
    /// This node refused another.
    Refused {
        /// Who the other says it is.
        id: Address,
        /// Why.
        reason: NackReason,
    },
    /// Another refused this node.
    RefusedBy {
        /// The address that was dialled, where this node dialled.
        address: Option<Address>,
        /// Why.
        reason: NackReason,
    },
    /// A member disagrees on `preempt`.
    PreemptDiffers {
        /// Who.
        id: Address,
    },
    /// A message was dropped: no honest node holds such an epoch.
    EpochDropped {
        /// Who sent it.
        id: Option<Address>,
        /// The epoch.
        epoch: Epoch,
    },
    /// A record of a member was dropped: no honest node writes such a number into it. Said once of
    /// each neighbour that tells of one.
    RecordDropped {
        /// Who told of it, where that is known.
        from: Option<Address>,
        /// Whose record it is.
        id: Address,
        /// Its incarnation.
        inc: u64,
    },
    /// The application must stop acting as leader, then say `Input::Revoked`.
    Revoke,
    /// The node has left; nothing follows.
    Stopped,
}

/// Why leadership changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cause {
    /// This node joined.
    Join,
    /// The leader was silent for F.
    Silence,
    /// The leader's process was proved dead.
    Crash,
    /// The leader left or resigned without a successor.
    Leave,
    /// The leader named this successor.
    Handover,
    /// A strictly higher priority took over.
    Priority,
    /// Two groups merged.
    Merge,
    /// A greater claim was heard.
    GreaterClaim,
    /// The application asked.
    Resign,
    /// The node's address is held by another live node.
    DuplicateId,
    /// The leader was late by F and asked its peers: another leads.
    Late,
}

impl Cause {
    /// The cause in a word, for machines.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Join => "join",
            Self::Silence => "silence",
            Self::Crash => "crash",
            Self::Leave => "leave",
            Self::Handover => "handover",
            Self::Priority => "priority",
            Self::Merge => "merge",
            Self::GreaterClaim => "greater-claim",
            Self::Resign => "resign",
            Self::DuplicateId => "duplicate-id",
            Self::Late => "late",
        }
    }
}

/// Why a dial failed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DialError {
    /// Nobody listens there: the one error that proves a process dead.
    Refused,
    /// No answer in time.
    TimedOut,
    /// Connected, then closed before a word.
    Reset,
    /// The host is unreachable.
    NoRoute,
    /// The network is unreachable.
    NetworkUnreachable,
    /// The name has no address. Holds the name.
    NoSuchHost(Arc<str>),
    /// Who answers there speaks another protocol, or another version of it.
    Protocol(String),
    /// Anything else, in the operating system's words.
    Other(String),
}

impl fmt::Display for DialError {
    /// In the words of the 2013 program, which are those of Go's `net` package.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused => f.write_str("connection refused"),
            Self::TimedOut => f.write_str("i/o timeout"),
            Self::Reset => f.write_str("connection reset by peer"),
            Self::NoRoute => f.write_str("no route to host"),
            Self::NetworkUnreachable => f.write_str("network is unreachable"),
            Self::NoSuchHost(name) => write!(f, "lookup {name}: no such host"),
            Self::Protocol(what) | Self::Other(what) => f.write_str(what),
        }
    }
}
