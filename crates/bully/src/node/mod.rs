//! The core's node, of either mode, in the words of the driver: what a mode alone can do or need
//! stands in the file of that mode.

mod bully;
mod quorum;

use std::time::Duration;

use bully_core::quorum::{Objection, Stored};
use bully_core::{Address, LeaderView, LinkId, MemberView, Now, PersistId};

use crate::link::LinkEvent;
use crate::view::{Leadership, Role};
use crate::wire::Message;

/// A node that is driven.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one of them in a process, or few")]
pub(crate) enum Node {
    Bully(bully_core::Node),
    Quorum(bully_core::quorum::Node),
}

/// What the driver tells it.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "nearly all are messages")]
pub(crate) enum Input {
    Start,
    Timeout,
    Link(LinkEvent),
    Persisted(PersistId),
    PersistFailed(PersistId),
    /// Nothing acts on the reign that was to end.
    Revoked,
    /// Hand over and end.
    Leave,
    Change(Change),
}

/// What an operator or the application asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// Hand over to the best, and stay.
    StepDown,
    /// Hand over to this one.
    Transfer(Address),
    /// A new priority of this node.
    Priority(u32),
    /// A member goes.
    Remove(Address),
}

/// What it asks of the driver.
#[derive(Debug)]
pub(crate) enum Output {
    /// To be written, where there is something to write.
    Persist {
        id: PersistId,
        state: Option<Box<Stored>>,
    },
    Send {
        to: LinkId,
        message: Message,
    },
    Dial {
        to: Address,
        timeout: Duration,
    },
    Close {
        link: LinkId,
    },
    Event(Event),
}

/// Something that happened, in the words of its mode.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    Bully(bully_core::Event),
    Quorum(bully_core::quorum::Event),
}

/// What of an event is the driver's to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Duty {
    /// The application is to stop before this moment of the fast clock; none where nothing that was
    /// told to it holds any longer.
    Revoke { deadline: Option<bully_core::Tick> },
    /// What was asked for last cannot be done.
    Refuse(Objection),
    /// Who votes has changed.
    Roster(Vec<Address>),
    /// The node has left.
    End,
}

impl Event {
    pub(crate) fn duty(&self) -> Option<Duty> {
        match self {
            Self::Bully(event) => bully::duty(event),
            Self::Quorum(event) => quorum::duty(event),
        }
    }
}

/// What a node shows, but for what is new at every moment: two that are equal are one view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) leader: Option<LeaderView>,
    pub(crate) role: Role,
    pub(crate) epoch: Option<u64>,
    pub(crate) token: Option<u64>,
    /// Why there is no leader.
    pub(crate) reason: Option<String>,
    pub(crate) pending: bool,
    pub(crate) priority: u32,
    /// Which roster, and whether it is certain.
    pub(crate) roster: Option<(bully_core::quorum::RosterId, bool)>,
    /// The last write succeeded.
    pub(crate) is_writable: bool,
}

impl Node {
    pub(crate) fn handle(&mut self, input: Input, now: Now) {
        match self {
            Self::Bully(node) => bully::handle(node, input, now),
            Self::Quorum(node) => quorum::handle(node, input, now),
        }
    }

    pub(crate) fn poll_output(&mut self) -> Option<Output> {
        match self {
            Self::Bully(node) => bully::poll_output(node),
            Self::Quorum(node) => quorum::poll_output(node),
        }
    }

    pub(crate) fn poll_timeout(&self, now: Now) -> Option<Duration> {
        match self {
            Self::Bully(node) => node.poll_timeout(now),
            Self::Quorum(node) => node.poll_timeout(now),
        }
    }

    pub(crate) fn leadership(&self, now: Now) -> Leadership {
        match self {
            Self::Bully(node) => bully::leadership(node, now),
            Self::Quorum(node) => quorum::leadership(node, now),
        }
    }

    pub(crate) fn shown(&self, now: Now) -> Shown {
        match self {
            Self::Bully(node) => bully::shown(node, now),
            Self::Quorum(node) => quorum::shown(node, now),
        }
    }

    pub(crate) fn members(&self, now: Now) -> Vec<MemberView> {
        match self {
            Self::Bully(node) => node.members(now),
            Self::Quorum(node) => node.members(now),
        }
    }

    /// Whether what was asked for of this node, `me`, is so; none while it may still come.
    pub(crate) fn is_done(&self, change: &Change, me: &Address, now: Now) -> Option<bool> {
        match self {
            Self::Bully(node) => bully::is_done(node, me, now),
            Self::Quorum(node) => quorum::is_done(node, change, now),
        }
    }
}
