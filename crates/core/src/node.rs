//! The node: inputs, outputs, and the machine between them.

use core::time::Duration;

use crate::bully::Bully;
use crate::config::{Config, Stored};
use crate::event::{DialError, Event};
use crate::message::Message;
use crate::status::{Leadership, MemberView, Status};
use crate::types::{Address, Now};

/// A connection, numbered by the driver. A number is never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId(pub u64);

/// A write that the node asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PersistId(pub u64);

/// What the driver tells the node.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Input {
    /// The listener is bound: begin. Comes once, first.
    Start,
    /// A deadline of [`Node::poll_timeout`] has passed. Harmless at any other time.
    Timeout,
    /// A message came in. The first one of an accepted connection makes it known.
    Message {
        /// On which connection.
        from: LinkId,
        /// The message.
        message: Message,
    },
    /// A dial succeeded: the other end has shown that it speaks the protocol.
    LinkUp {
        /// The new connection.
        link: LinkId,
        /// The address that was dialled.
        dialed: Address,
    },
    /// A dial failed.
    DialFailed {
        /// The address that was dialled.
        dialed: Address,
        /// Why.
        reason: DialError,
    },
    /// The other end closed a connection, or it broke. Connections that the node itself closed
    /// need no such word.
    LinkDown {
        /// Which.
        link: LinkId,
    },
    /// A write is on disk.
    Persisted {
        /// Which.
        id: PersistId,
    },
    /// A write failed.
    PersistFailed {
        /// Which.
        id: PersistId,
    },
    /// The application has stopped acting as leader.
    Revoked,
    /// Hand leadership over, and then, if `leave`, say goodbye.
    Resign {
        /// Leave the group for good.
        leave: bool,
    },
    /// A change of the node's own record.
    Propose(Proposal),
}

/// A change that a user asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Proposal {
    /// A new priority for this node, at most [`Config::PRIORITY_MAX`]. A leader that is given 0
    /// hands over.
    Priority(u32),
}

/// What the node asks of the driver.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Output {
    /// Write this to disk and say so.
    Persist {
        /// To be echoed.
        id: PersistId,
        /// What to write.
        state: Stored,
    },
    /// Send a message.
    Send {
        /// On this connection.
        to: LinkId,
        /// The message.
        message: Message,
    },
    /// Dial an address; answered by exactly one `LinkUp` or `DialFailed`.
    Dial {
        /// The address.
        to: Address,
        /// When to give up.
        timeout: Duration,
    },
    /// Close a connection, after what was sent on it has gone out.
    Close {
        /// Which.
        link: LinkId,
    },
    /// Something happened.
    Event(Event),
}

/// One node of the election: a pure state machine. See the crate root for its contract.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Node {
    bully: Bully,
}

impl Node {
    /// A node that has not started. `seed` is for the randomness of quorum mode; bully mode uses
    /// none.
    ///
    /// # Panics
    /// If `config` does not pass [`Config::check`].
    #[allow(
        clippy::needless_pass_by_value,
        reason = "the node takes over what an earlier run left"
    )]
    pub fn new(config: Config, stored: Stored, seed: u64) -> Self {
        let _ = seed;
        if let Err(error) = config.check() {
            panic!("unchecked configuration: {error}");
        }
        Self { bully: Bully::new(config, &stored) }
    }

    /// Take one input. Perform all outputs before the next.
    pub fn handle(&mut self, input: Input, now: Now) {
        self.bully.handle(input, now);
    }

    /// The next output, in the order in which they must be performed.
    #[must_use]
    pub fn poll_output(&mut self) -> Option<Output> {
        self.bully.poll_output()
    }

    /// How long until the node wants [`Input::Timeout`]; none if it waits for nothing. Never too
    /// long. Now and then too short, which costs a step that does nothing: to know exactly would
    /// mean to look at all members after each message.
    #[must_use]
    pub fn poll_timeout(&self, now: Now) -> Option<Duration> {
        self.bully.deadline().map(|at| at.since(now.fast))
    }

    /// Whether this node leads at this moment. Ask at the time of use with clocks just sampled;
    /// the answer is old as soon as it is given, and a node that was late says no.
    pub fn leadership(&self, now: Now) -> Leadership {
        self.bully.leadership(now)
    }

    /// Who leads, for display.
    pub fn status(&self, now: Now) -> Status {
        self.bully.status(now)
    }

    /// All members that the node knows, itself included, ordered by address.
    pub fn members(&self, now: Now) -> alloc::vec::Vec<MemberView> {
        self.bully.member_views(now)
    }
}
