//! Connections between nodes, over TCP. Knows frames and messages, and nothing of election.
//!
//! One task per connection, one per dial, one per listener. The owner calls [`Transport`], whose
//! methods never block, and reads [`Events`].

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bully_core::{Address, DialError, Inst, LinkId, Message};

/// What happened on a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// message is always a Hello.
    Message {
        /// On which connection.
        link: LinkId,
        /// From where, an IPv4 address never written as IPv6.
        remote: SocketAddr,
        /// The message.
        message: Message,
    },
    /// The other end closed a known connection, or it broke, or broke a limit. Never follows
    /// [`Transport::close`].
    Down {
        /// Which.
        link: LinkId,
    },
}

/// Bounds on what peers may cost.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    /// Connections in all, accepted and dialled. Only accepted ones are refused for it.
    pub(crate) connections_max: usize,
    /// Accepted connections per IP address that have not been promoted.
    pub(crate) strangers_per_address_max: usize,
    /// An accepted connection must say a whole Hello within this, and then be promoted within as
    /// much again; a dialled one must say its first message within this.
    pub(crate) handshake: Duration,
    /// Frames that wait to be written to one peer; above it the peer is closed.
    pub(crate) queue_frames_max: usize,
    /// Bytes that wait to be written to one peer; above it the peer is closed.
    pub(crate) queue_bytes_max: usize,
    /// How long a closed connection may take to flush.
    pub(crate) flush: Duration,
}

/// All connections of a node. Dropping it closes them at once.
#[derive(Debug)]
pub(crate) struct Transport {}

/// Where a [`Transport`] reports, in order per connection.
#[derive(Debug)]
pub(crate) struct Events {}

impl Transport {
    /// Accept on these listeners. `inst` is the run that [`discover`] recognises.
    ///
    /// # Errors
    /// If a listener cannot be registered with the runtime.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub(crate) fn start(
        listeners: Vec<std::net::TcpListener>,
        inst: Inst,
        limits: Limits,
    ) -> io::Result<(Self, Events)> {
        todo!()
    }

    /// Dial. Answered by exactly one [`LinkEvent::Up`] or [`LinkEvent::DialFailed`].
    pub(crate) fn dial(&self, to: Address, timeout: Duration) {
        todo!()
    }

    /// Queue a message. A peer whose queue overflows is closed and reported down; a connection
    /// that is gone is ignored.
    pub(crate) fn send(&self, link: LinkId, message: &Message) {
        todo!()
    }

    /// The owner has accepted this peer's Hello: the limits on strangers no longer apply.
    pub(crate) fn promote(&self, link: LinkId) {
        todo!()
    }

    /// Close after what was queued has gone out. Nothing more is reported of the connection.
    pub(crate) fn close(&self, link: LinkId) {
        todo!()
    }

    /// Keep one place for each of these addresses: strangers from elsewhere cannot take it.
    pub(crate) fn reserve(&self, addresses: impl IntoIterator<Item = IpAddr>) {
        todo!()
    }

    /// Close all connections, flushing what was queued (within [`Limits::flush`]), and end all
    /// tasks.
    pub(crate) async fn shutdown(self) {
        todo!()
    }
}

impl Events {
    /// The next event; none once the transport is gone and all is read.
    pub(crate) async fn recv(&mut self) -> Option<LinkEvent> {
        todo!()
    }

    /// The next event if there is one now.
    pub(crate) fn try_recv(&mut self) -> Option<LinkEvent> {
        todo!()
    }
}

/// The first of `entries`, in their order, at which this very run (`inst`) answers.
pub(crate) async fn discover(
    entries: &[Address],
    inst: Inst,
    timeout: Duration,
) -> Option<Address> {
    todo!()
}

/// Bind the peers' port: on all addresses, v4 and v6, unless one is given.
///
/// # Errors
/// If the address is in use or not local.
pub(crate) fn bind(
    bind: Option<IpAddr>,
    port: u16,
) -> io::Result<Vec<std::net::TcpListener>> {
    todo!()
}
