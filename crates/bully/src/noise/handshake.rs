//! The three messages that open a connection.

use std::fmt;
use std::sync::Arc;

use snow::{Builder, HandshakeState, StatelessTransportState};
use thiserror::Error;

use super::record::{Opener, Sealer};
use super::{Keyring, PeerKey};
use crate::secret::Secret;
use crate::wire::{Preamble, Security};

const PROTOCOL: &str = "Noise_XXpsk0_25519_ChaChaPoly_BLAKE2s";

/// Where the secret is mixed in: before all else.
const PSK_PLACE: u8 = 0;

/// The longest message of a handshake: those of this version have 48, 96 and 64 bytes, and those of
/// later ones may say something within.
pub(crate) const HANDSHAKE_MAX: usize = 512;

/// The end that opens the connection: it sends the first message and the third.
#[derive(Debug)]
pub(crate) struct Initiator {
    state: HandshakeState,
    secret: Secret,
}

impl Initiator {
    /// The first message, under the first of the secrets.
    pub(crate) fn begin(ring: &Keyring) -> Result<(Self, Vec<u8>), HandshakeError> {
        let secret = ring.secrets.first().clone();
        let mut state = builder(ring, &secret).build_initiator().map_err(HandshakeError::System)?;
        let message = write(&mut state)?;
        Ok((Self { state, secret }, message))
    }

    /// The third message, in answer to the second. From here on the other end is known to have the
    /// secret, and to speak now.
    pub(crate) fn finish(
        mut self,
        ring: &Keyring,
        second: &[u8],
    ) -> Result<(Vec<u8>, Session), HandshakeError> {
        read(&mut self.state, second)?;
        // Before this end shows itself.
        check_pinned(ring, &self.state)?;
        let third = write(&mut self.state)?;
        Ok((third, Session::new(self.state, self.secret)?))
    }
}

/// The end that was connected to: it sends the second message.
#[derive(Debug)]
pub(crate) struct Responder {
    state: HandshakeState,
    secret: Secret,
}

impl Responder {
    /// Read the first message under each of the secrets. Costs no operation on the curve but one for
    /// each secret on this node's own key: who has none of them makes the node work little.
    pub(crate) fn begin(ring: &Keyring, first: &[u8]) -> Result<Self, HandshakeError> {
        let mut error = HandshakeError::Secret;
        for secret in ring.secrets.iter() {
            let mut state =
                builder(ring, secret).build_responder().map_err(HandshakeError::System)?;
            match read(&mut state, first) {
                Ok(()) => return Ok(Self { state, secret: secret.clone() }),
                Err(HandshakeError::Forged) => {}
                Err(other) => error = other,
            }
        }
        Err(error)
    }

    /// The second message.
    pub(crate) fn answer(&mut self) -> Result<Vec<u8>, HandshakeError> {
        write(&mut self.state)
    }

    /// Read the third message. Only from here on is it known that the other end speaks now: the first
    /// may be one that was recorded.
    pub(crate) fn finish(
        mut self,
        ring: &Keyring,
        third: &[u8],
    ) -> Result<Session, HandshakeError> {
        read(&mut self.state, third)?;
        check_pinned(ring, &self.state)?;
        Session::new(self.state, self.secret)
    }
}

/// An open connection: who is at its other end, and what seals it.
#[derive(Clone)]
pub(crate) struct Session {
    transport: Arc<StatelessTransportState>,
    peer: PeerKey,
    secret: Secret,
}

impl Session {
    fn new(state: HandshakeState, secret: Secret) -> Result<Self, HandshakeError> {
        let peer = peer(&state)?;
        let transport = state.into_stateless_transport_mode().map_err(HandshakeError::System)?;
        Ok(Self { transport: Arc::new(transport), peer, secret })
    }

    /// The key of the node at the other end.
    pub(crate) fn peer(&self) -> PeerKey {
        self.peer
    }

    /// The secret that the ends have in common.
    pub(super) fn secret(&self) -> &Secret {
        &self.secret
    }

    /// What seals this end's records. There may be one: two would use a number twice, and that undoes
    /// the encryption.
    pub(crate) fn sealer(&self) -> Sealer {
        Sealer::new(Arc::clone(&self.transport))
    }

    /// What opens the other end's records.
    pub(crate) fn opener(&self) -> Opener {
        Opener::new(Arc::clone(&self.transport))
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("peer", &self.peer).finish_non_exhaustive()
    }
}

/// A connection was not opened.
#[derive(Debug, Error)]
pub(crate) enum HandshakeError {
    /// The first message was made with none of the secrets.
    #[error("it has another secret (-secret-file)")]
    Secret,
    /// A later message was not made by the one who made the first.
    #[error("its handshake is forged or damaged")]
    Forged,
    /// The other end is not on the list.
    #[error("its key {0} is not among those of -peer-keys")]
    Stranger(PeerKey),
    /// The system has no randomness.
    #[error("the handshake failed: {0}")]
    System(snow::Error),
}

fn builder<'k>(ring: &'k Keyring, secret: &'k Secret) -> Builder<'k> {
    let protocol = PROTOCOL.parse().expect("snow knows this protocol");
    let once = "each is set once";
    Builder::new(protocol)
        .psk(PSK_PLACE, secret.bytes())
        .and_then(|b| b.local_private_key(ring.own.private().bytes()))
        .and_then(|b| b.prologue(&PROLOGUE))
        .expect(once)
}

/// Both ends agree on what was said in the open before.
const PROLOGUE: [u8; 6] = Preamble::of(Security::Noise).prologue();

fn write(state: &mut HandshakeState) -> Result<Vec<u8>, HandshakeError> {
    let mut message = vec![0; HANDSHAKE_MAX];
    let len = state.write_message(&[], &mut message).map_err(HandshakeError::System)?;
    message.truncate(len);
    Ok(message)
}

/// What a message says within is of a later version, and not looked at.
fn read(state: &mut HandshakeState, message: &[u8]) -> Result<(), HandshakeError> {
    let mut said = [0; HANDSHAKE_MAX];
    state.read_message(message, &mut said).map(|_| ()).map_err(|_| HandshakeError::Forged)
}

fn peer(state: &HandshakeState) -> Result<PeerKey, HandshakeError> {
    state.get_remote_static().and_then(PeerKey::from_slice).ok_or(HandshakeError::Forged)
}

fn check_pinned(ring: &Keyring, state: &HandshakeState) -> Result<(), HandshakeError> {
    let peer = peer(state)?;
    if ring.wants(&peer) { Ok(()) } else { Err(HandshakeError::Stranger(peer)) }
}
