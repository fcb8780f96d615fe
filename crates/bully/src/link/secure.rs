//! What the ends of a connection say before the first frame: preambles and, where they share a secret,
//! the handshake.

use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

use super::peer::End;
use crate::noise::{HANDSHAKE_MAX, HandshakeError, Initiator, Keys, Responder, Session};
use crate::wire::{PREAMBLE_LEN, Preamble, Security};

/// The first word of a node with or without a secret.
pub(super) fn preamble(keys: Option<&Arc<Keys>>) -> Preamble {
    Preamble::of(if keys.is_some() { Security::Noise } else { Security::Plain })
}

/// Read the preamble of the other end. Four bytes that are none end the wait.
pub(super) async fn read_preamble(stream: &mut TcpStream, ours: Preamble) -> Result<(), End> {
    let mut bytes = [0; PREAMBLE_LEN];
    stream.read_exact(&mut bytes[..4]).await?;
    Preamble::check_magic([bytes[0], bytes[1], bytes[2], bytes[3]])?;
    stream.read_exact(&mut bytes[4..]).await?;
    ours.check(bytes)?;
    Ok(())
}

/// At the end that dialled, once the other's preamble is read: say this end's, and shake hands.
pub(super) async fn initiate(
    stream: &mut TcpStream,
    keys: Option<&Arc<Keys>>,
) -> Result<Option<Session>, End> {
    let mut said = preamble(keys).to_bytes().to_vec();
    let Some(keys) = keys else {
        stream.write_all(&said).await?;
        return Ok(None);
    };
    let (initiator, first) = Initiator::begin(&keys.ring())?;
    append(&mut said, &first);
    stream.write_all(&said).await?;
    let second = read_message(stream).await?;
    let (third, session) = initiator.finish(&keys.ring(), &second)?;
    said.clear();
    append(&mut said, &third);
    stream.write_all(&said).await?;
    Ok(Some(session))
}

/// At the end that was dialled, once the preambles are read: shake hands.
///
/// Until the third message has come, the other end may be repeating what it has recorded, as often as
/// it likes. What that costs is done beside the loop, one at a time: the election waits for none of it.
pub(super) async fn respond(
    stream: &mut TcpStream,
    keys: &Keys,
    turns: &Arc<Semaphore>,
) -> Result<Session, End> {
    let first = read_message(stream).await?;
    let mut responder = Responder::begin(&keys.ring(), &first)?;
    let (responder, second) = beside(turns, move || {
        let second = responder.answer()?;
        Ok((responder, second))
    })
    .await?;
    let mut said = Vec::new();
    append(&mut said, &second);
    stream.write_all(&said).await?;
    let third = read_message(stream).await?;
    let ring = keys.ring();
    beside(turns, move || responder.finish(&ring, &third)).await
}

/// Work on another thread, in turn.
async fn beside<T: Send + 'static>(
    turns: &Arc<Semaphore>,
    work: impl FnOnce() -> Result<T, HandshakeError> + Send + 'static,
) -> Result<T, End> {
    // The semaphore is never closed.
    let turn = Arc::clone(turns).acquire_owned().await.ok();
    let done = tokio::task::spawn_blocking(move || {
        let done = work();
        drop(turn);
        done
    });
    // It fails where the runtime ends.
    Ok(done.await.map_err(|_| End::Closed)??)
}

/// The only frame that this end says over a connection, as the other end is to read it.
pub(super) fn sealed(frame: Vec<u8>, session: Option<&Session>) -> Vec<u8> {
    let Some(session) = session else { return frame };
    let mut sealed = Vec::new();
    session.sealer().seal(&frame, &mut sealed);
    sealed
}

fn append(said: &mut Vec<u8>, message: &[u8]) {
    let len = u32::try_from(message.len()).expect("such messages are short");
    said.extend_from_slice(&len.to_be_bytes());
    said.extend_from_slice(message);
}

async fn read_message(stream: &mut TcpStream) -> Result<Vec<u8>, End> {
    let announced = stream.read_u32().await?;
    let len = usize::try_from(announced).unwrap_or(usize::MAX);
    if len > HANDSHAKE_MAX {
        return Err(End::Frame(crate::wire::FrameError::TooLong { announced, max: HANDSHAKE_MAX }));
    }
    let mut message = vec![0; len];
    stream.read_exact(&mut message).await?;
    Ok(message)
}
