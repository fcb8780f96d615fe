//! What the benchmark measures and no program needs.

use crate::noise::{Initiator, Keyring, NodeKey, Responder};
use crate::secret::{Secret, Secrets};

/// Two nodes that share a secret.
#[derive(Debug)]
pub struct Pair(Keyring, Keyring);

impl Default for Pair {
    fn default() -> Self {
        let secrets = Secrets::from(Secret::from([7; Secret::LEN]));
        let ring = |private: u8| Keyring {
            own: NodeKey::from_private([private; Secret::LEN].into()),
            secrets: secrets.clone(),
            pinned: None,
        };
        Self(ring(1), ring(2))
    }
}

impl Pair {
    /// One whole handshake, both ends of it.
    ///
    /// # Panics
    /// If the system has no randomness.
    pub fn shake_hands(&self) {
        let Self(one, other) = self;
        let opened = Initiator::begin(one).and_then(|(initiator, first)| {
            let mut responder = Responder::begin(other, &first)?;
            let (third, _) = initiator.finish(one, &responder.answer()?)?;
            responder.finish(other, &third)
        });
        opened.expect("they share a secret");
    }
}
