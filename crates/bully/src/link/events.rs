//! What the transport tells its owner.

use std::net::SocketAddr;
use std::sync::Arc;

use bully_core::{Address, DialError, LinkId};
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use super::peer::Peer;
use crate::wire::Message;

/// What happened on a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "nearly all events are messages")]
pub(crate) enum LinkEvent {
    /// A dial succeeded: the other end has sent its preamble.
    Up {
        /// The new connection.
        link: LinkId,
        /// The address that was dialled.
        dialed: Address,
        /// Where that led, an IPv4 address never written as IPv6.
        remote: SocketAddr,
    },
    /// A dial failed.
    DialFailed {
        /// The address that was dialled.
        dialed: Address,
        /// Why.
        reason: DialError,
    },
    /// A message came in. An accepted connection makes itself known by this, and its first
    /// message is always a Hello or, in quorum mode, a guardian's Farewell; nothing more is read of
    /// it until it is promoted. Who has said Farewell says no more: its connection is to be closed.
    Message {
        /// On which connection.
        link: LinkId,
        /// From where, an IPv4 address never written as IPv6.
        remote: SocketAddr,
        /// The message.
        message: Message,
    },
    /// The other end closed a known connection, or it broke, or broke a limit. Never follows
    /// [`Transport::close`](super::Transport::close).
    Down {
        /// Which.
        link: LinkId,
    },
}

/// An event on its way.
#[derive(Debug)]
pub(super) struct Queued {
    pub(super) event: LinkEvent,
    /// Whose it is; none for a dial that failed.
    pub(super) peer: Option<Arc<Peer>>,
    /// What the event takes of its connection's share; given back when the owner takes it.
    pub(super) credit: Option<OwnedSemaphorePermit>,
}

/// Where a [`Transport`](super::Transport) reports, in order per connection.
#[derive(Debug)]
pub(crate) struct Events {
    pub(super) queue: mpsc::UnboundedReceiver<Queued>,
}

impl Events {
    /// The next event; none once the transport is gone and all is read. Loses nothing when it is
    /// dropped before it is ready.
    pub(crate) async fn recv(&mut self) -> Option<LinkEvent> {
        loop {
            if let Some(event) = wanted(self.queue.recv().await?) {
                return Some(event);
            }
        }
    }

    /// The next event if there is one now.
    pub(crate) fn try_recv(&mut self) -> Option<LinkEvent> {
        loop {
            if let Some(event) = wanted(self.queue.try_recv().ok()?) {
                return Some(event);
            }
        }
    }
}

/// The event, unless its connection was closed by the owner meanwhile.
fn wanted(queued: Queued) -> Option<LinkEvent> {
    let Queued { event, peer, credit } = queued;
    drop(credit);
    match peer {
        Some(peer) if peer.is_closed() => None,
        _ => Some(event),
    }
}
