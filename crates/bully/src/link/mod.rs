//! Connections between nodes, over TCP. Knows frames and messages, and nothing of election.
//!
//! One task per connection, one per dial, one per listener. The owner calls [`Transport`], whose
//! methods never block, and reads [`Events`]. Every connection may have only so much waiting in
//! the events: a peer that floods is slowed by its own socket and starves nobody.

mod accept;
mod complaints;
mod dial;
mod discover;
mod events;
mod listen;
mod outbox;
mod peer;
mod places;
mod secure;
#[cfg(test)]
mod tests;
mod transport;

use std::time::Duration;

pub(crate) use discover::discover;
pub(crate) use events::{Events, LinkEvent};
pub(crate) use listen::bind;
#[cfg(feature = "cli")]
pub(crate) use listen::make_room_for_listener;
pub(crate) use transport::Transport;

/// Bounds on what peers may cost.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    /// Connections in all, accepted and dialled.
    pub(crate) connections_max: usize,
    /// Accepted connections per IP address that have not been promoted.
    pub(crate) strangers_per_address_max: usize,
    /// An accepted connection must say a whole Hello, and be promoted, within this of its
    /// acceptance, or be closed by its owner; a dialled one must say its first message within this.
    pub(crate) handshake: Duration,
    /// Frames that wait to be written to one peer; above it the peer is closed.
    pub(crate) queue_frames_max: usize,
    /// Bytes that wait to be written to one peer; above it the peer is closed.
    pub(crate) queue_bytes_max: usize,
    /// How long a connection that is being closed may take to flush.
    pub(crate) flush: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 1_024,
            strangers_per_address_max: 16,
            handshake: Duration::from_secs(5),
            queue_frames_max: 256,
            queue_bytes_max: 1024 * 1024,
            flush: Duration::from_secs(1),
        }
    }
}
