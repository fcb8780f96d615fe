//! Connections behind a shared secret, without sockets: `Noise_XXpsk0_25519_ChaChaPoly_BLAKE2s` of the
//! [Noise Protocol Framework](https://noiseprotocol.org/noise.html), revision 34.
//!
//! Three messages open a connection. The first can be read by who has the secret alone, and shows
//! nothing but that its sender has it, or has recorded somebody who had: nothing is kept of it, nor
//! believed, before the third has come, which only the sender of the first can make. All that nodes
//! say of themselves, their cluster and address as well, comes after that.
//!
//! Then the stream of frames goes on in sealed records, each under the number of its place in its
//! direction: one that is changed, left out, repeated, moved, or sent back to where it came from ends
//! the connection.

#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod handshake;
mod key;
mod record;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, PoisonError};

use bully_core::Address;

pub(crate) use handshake::{HANDSHAKE_MAX, HandshakeError, Initiator, Responder, Session};
pub(crate) use key::{NodeKey, Pinned};
pub use key::{PeerKey, Pins, PinsError};
pub(crate) use record::{Deframer, Sealer};

use crate::secret::Secrets;

/// A node's [`Keyring`], which may be replaced while it runs.
#[derive(Debug)]
pub(crate) struct Keys(Mutex<Arc<Keyring>>);

impl Keys {
    pub(crate) fn new(ring: Keyring) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Arc::new(ring))))
    }

    /// What holds now.
    pub(crate) fn ring(&self) -> Arc<Keyring> {
        Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Change it, for connections to come.
    pub(crate) fn replace(&self, change: impl FnOnce(Keyring) -> Keyring) {
        let mut ring = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *ring = Arc::new(change(Keyring::clone(&ring)));
    }
}

/// By what a node secures its connections.
#[derive(Clone, Debug)]
pub(crate) struct Keyring {
    /// Its own key.
    pub(crate) own: NodeKey,
    /// What it shares with the others.
    pub(crate) secrets: Secrets,
    /// Whom it speaks with; everybody who has the secret, if nothing is said.
    pub(crate) pinned: Option<Pinned>,
}

impl Keyring {
    /// Whether a node with this key is spoken with. This node itself is, which looks for itself in its
    /// list.
    fn wants(&self, key: &PeerKey) -> bool {
        let is_pinned = |pinned: &Pinned| pinned.contains(key);
        *key == self.own.public() || self.pinned.as_ref().is_none_or(is_pinned)
    }

    /// Whether a connection of that session may be, or go on, where its other end has said that it has
    /// this address, if it has.
    pub(crate) fn allows(&self, session: &Session, speaker: Option<&Address>) -> bool {
        let key = session.peer();
        let is_its_own = |pinned: &Pinned| {
            key == self.own.public() || speaker.is_none_or(|address| pinned.allows(&key, address))
        };
        self.secrets.iter().any(|secret| secret == session.secret())
            && self.wants(&key)
            && self.pinned.as_ref().is_none_or(is_its_own)
    }
}
