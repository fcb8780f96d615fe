//! What happened in quorum mode, with its cause.

use alloc::sync::Arc;
use core::fmt;

use super::message::Refusal;
use super::words::{ClusterId, Roster, Term, Token};
use crate::event::DialError;
use crate::types::{Address, Inst, Tick};

/// Something that a node's user may want to know.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Event {
    /// This node leads from now on. The application may act until `deadline`, and longer only as
    /// [`super::Node::leadership`] says so at the time of use.
    Elected {
        /// To be handed to resources.
        token: Token,
        /// When the lease ends unless it is renewed, on the fast clock.
        deadline: Tick,
        /// Why there was an election.
        cause: Cause,
    },
    /// The application must stop acting as leader before `deadline`, and then say
    /// [`super::Input::Revoked`], once for each of these. Never withheld.
    Revoke {
        /// Of the reign that ends.
        token: Token,
        /// The latest deadline that it may have been shown, on the fast clock.
        deadline: Tick,
        /// Why it ends.
        cause: Cause,
    },
    /// This node follows another leader than before.
    Following {
        /// Who leads.
        leader: Inst,
        /// In which term.
        term: Term,
    },
    /// The leader is no longer heard, or has ended its reign.
    LeaderLost {
        /// Who led.
        leader: Inst,
    },
    /// This node is in the cluster from now on.
    Formed {
        /// Which.
        cluster: ClusterId,
    },
    /// Who votes has changed.
    Roster(Arc<Roster>),
    /// A change of the roster did not find its majority and was taken back.
    RosterAborted(Arc<Roster>),
    /// A change that was proposed cannot be made.
    NotProposed(Objection),
    /// A new node answers where a member was: once that has been silent for long enough it is
    /// replaced.
    Replacing {
        /// Who was there.
        old: Inst,
        /// Who is.
        new: Inst,
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
    /// Two places of the list lead to one node.
    SamePlace {
        /// The one.
        first: Address,
        /// The other.
        second: Address,
    },
    /// This node refused another, or was refused by it.
    Refused {
        /// The address that the other advertises, or at which it was dialled.
        address: Option<Address>,
        /// This node refused it, not it this node.
        by_me: bool,
        /// Why.
        reason: Refusal,
    },
    /// Nodes of one name belong to clusters that were founded apart. This node joins neither.
    SplitClusters {
        /// The one.
        first: ClusterId,
        /// The other.
        second: ClusterId,
    },
    /// This node's disk was copied or rolled back: it takes part in nothing any more.
    Quarantined {
        /// What was found.
        reason: Refusal,
    },
    /// This node was removed from the cluster.
    Removed,
    /// A message was dropped: no honest node holds such a term.
    TermDropped {
        /// Who sent it, where that is known.
        from: Option<Inst>,
        /// The term.
        term: Term,
    },
    /// A write failed. Until one succeeds the node neither votes nor leads.
    DiskFailed,
    /// A write succeeded again.
    DiskBack,
    /// The node has left; nothing follows.
    Stopped,
}

/// Why leadership changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cause {
    /// Nobody led.
    Vacancy,
    /// The leader handed over.
    Handover,
    /// The lease was not renewed in time.
    Lapse,
    /// The wall clock went on while the others stood still: the machine was suspended.
    Suspended,
    /// A member has seen a higher term or a newer roster, and this node stands again.
    Overtaken,
    /// A better-ranked member took over.
    Preempted,
    /// The application or an operator asked.
    Resign,
    /// The disk failed.
    Disk,
    /// This node's disk was copied or rolled back.
    Quarantine,
}

/// Why a proposal was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Objection {
    /// This node does not lead.
    NotLeader,
    /// Nobody of that name is a member.
    NotMember,
    /// It is the last one that may lead.
    LastElectable,
    /// It is this node, which leads: it must hand over first.
    Myself,
    /// Nobody can be handed the lead at this moment: the roster is not committed, or the member has
    /// not just acknowledged it.
    NotNow,
    /// The priority is too high.
    Priority(u32),
    /// It has priority 0.
    NeverLeads,
}

impl Cause {
    /// The cause in a word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Vacancy => "vacancy",
            Self::Handover => "handover",
            Self::Lapse => "lapse",
            Self::Suspended => "suspended",
            Self::Overtaken => "overtaken",
            Self::Preempted => "preempted",
            Self::Resign => "resign",
            Self::Disk => "disk",
            Self::Quarantine => "quarantine",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
