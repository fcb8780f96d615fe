//! The node in quorum mode: inputs, outputs, and the machine between them.

use alloc::vec::Vec;
use core::time::Duration;

use super::Quorum;
use super::config::{Config, ConfigError};
use super::event::Event;
use super::guardian::Pact;
use super::message::Message;
use super::status::{Leadership, Status};
use super::stored::Stored;
use super::words::Member;
use crate::event::DialError;
use crate::node::{LinkId, PersistId};
use crate::status::MemberView;
use crate::types::{Address, Inst, Now};

/// What the driver tells the node.
#[allow(clippy::large_enum_variant, reason = "most are of the large kind")]
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
    /// The other end closed a connection, or it broke.
    LinkDown {
        /// Which.
        link: LinkId,
    },
    /// A write is on disk, synced.
    Persisted {
        /// Which.
        id: PersistId,
    },
    /// A write failed. What is on disk is the old record or the new one.
    PersistFailed {
        /// Which.
        id: PersistId,
    },
    /// The application has stopped acting as leader: exactly one for each [`Event::Revoke`], in
    /// their order.
    Revoked,
    /// Hand leadership over and stop; if `leave`, be removed from the cluster before that.
    Resign {
        /// Leave the cluster for good.
        leave: bool,
    },
    /// A change that an operator asks for.
    Propose(Proposal),
}

/// A change that an operator asks for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Proposal {
    /// A new priority for this node, at most [`Config::PRIORITY_MAX`].
    Priority(u32),
    /// As leader: remove the member that advertises this address.
    Remove(Address),
    /// As leader: hand over to the member that advertises this address, or to the best-ranked.
    HandOver(Option<Address>),
}

/// What the node asks of the driver.
#[allow(clippy::large_enum_variant, reason = "most are of the large kind")]
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Output {
    /// Write this to disk in place of what is there, sync it, and say so. Only one is under way at a
    /// time; one that failed comes again, perhaps under the same number. The node goes on meanwhile, and withholds what depends on it.
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
    /// Where there is a guardian: hand it this, before any output that follows. In place of the
    /// pact that it had.
    Announce(Pact),
    /// Something happened.
    Event(Event),
}

/// Why a node cannot start on what its disk holds.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StartError {
    /// The configuration.
    Config(ConfigError),
    /// The disk is that of a node at another address: a copy, or a host that moved.
    Moved {
        /// What it advertised.
        stored: Address,
        /// What it is to advertise.
        configured: Address,
    },
}

impl core::fmt::Display for StartError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Config(error) => error.fmt(f),
            Self::Moved { stored, configured } => write!(
                f,
                "this disk belongs to {stored}, not to {configured}: two nodes on copies of one disk \
                 are unsafe, and a node that really moved must say so"
            ),
        }
    }
}

impl core::error::Error for StartError {}

/// One node of quorum mode: a pure state machine. See [`super`] for its contract.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Node {
    quorum: Quorum,
}

impl Node {
    /// A node that has not started. `stored` is what its disk holds, none if nothing or nothing
    /// that can be read; `seed` must come from the machine's randomness at each start: delays follow
    /// from it, and two processes on copies of one disk are told apart by it.
    ///
    /// # Errors
    /// If `config` does not pass [`Config::check`], or the disk belongs to another address.
    pub fn new(config: Config, stored: Option<Stored>, seed: u64) -> Result<Self, StartError> {
        config.check().map_err(StartError::Config)?;
        if let Some(stored) = stored.as_ref().filter(|s| s.id != config.id && !config.moved) {
            let (stored, configured) = (stored.id.clone(), config.id);
            return Err(StartError::Moved { stored, configured });
        }
        Ok(Self { quorum: Quorum::new(config, stored, seed) })
    }

    /// Take one input. Perform all outputs before the next.
    pub fn handle(&mut self, input: Input, now: Now) {
        self.quorum.handle(input, now);
    }

    /// The next output, in the order in which they must be performed.
    #[must_use]
    pub fn poll_output(&mut self) -> Option<Output> {
        self.quorum.poll_output()
    }

    /// How long until the node wants [`Input::Timeout`]; none if it waits for nothing.
    #[must_use]
    pub fn poll_timeout(&self, now: Now) -> Option<Duration> {
        self.quorum.poll_timeout(now)
    }

    /// Whether this node leads at this moment, and for how long that is certain. Ask at the time of
    /// use with clocks just sampled; never cache the answer.
    pub fn leadership(&self, now: Now) -> Leadership {
        self.quorum.leadership(now)
    }

    /// What the node knows, for display.
    pub fn status(&self, now: Now) -> Status {
        self.quorum.status(now)
    }

    /// The voters, and whoever asks to become one, in the order of their addresses; for display.
    pub fn members(&self, now: Now) -> Vec<MemberView> {
        self.quorum.members(now)
    }

    /// What is known of an instance that this node has heard of: its address and priority.
    pub fn member(&self, inst: Inst) -> Option<Member> {
        self.quorum.record_of(inst)
    }

    /// The node's record in its present state: what the next write will put on disk.
    pub fn record(&self) -> &Stored {
        self.quorum.record()
    }

    /// What this node is bound to at this moment, for checkers.
    pub fn bonds(&self, now: Now) -> super::views::Bonds {
        self.quorum.bonds(now)
    }
}
