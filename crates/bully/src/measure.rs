//! What the benchmark measures and no program needs.

use crate::noise::{Initiator, Keyring, NodeKey, Responder};
use crate::secret::{Secret, Secrets};

/// One whole handshake between two nodes that share a secret, both ends of it.
///
/// # Panics
/// If the system has no randomness.
pub fn handshake() {
    let secrets = Secrets::from(Secret::from([7; Secret::LEN]));
    let ring = |private: u8| Keyring {
        own: NodeKey::from_private([private; Secret::LEN].into()),
        secrets: secrets.clone(),
        pinned: None,
    };
    let (one, other) = (ring(1), ring(2));
    let opened = Initiator::begin(&one).and_then(|(initiator, first)| {
        let mut responder = Responder::begin(&other, &first)?;
        let (third, _) = initiator.finish(&one, &responder.answer()?)?;
        responder.finish(&other, &third)
    });
    opened.expect("they share a secret");
}
