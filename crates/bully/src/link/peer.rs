//! One connection: what its owner holds of it, and the task that reads and writes it.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use bully_core::{Address, LinkId, Mode};
use futures_util::StreamExt;
use thiserror::Error;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{Notify, Semaphore};
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_util::codec::FramedRead;

use super::events::{LinkEvent, Queued};
use super::outbox::Outbox;
use super::transport::Shared;
use crate::noise::{Deframer, HandshakeError, Session};
use crate::wire::{
    self, DecodeError, FRAME_MAX_MEMBER, FRAME_MAX_STRANGER, FrameError, Packet, PreambleError,
};

/// The bytes of one connection that may wait for the owner.
const CREDIT: usize = FRAME_MAX_MEMBER;

/// What even the smallest message costs of [`CREDIT`]: at most 32 wait.
const CREDIT_MIN: usize = CREDIT / 32;

/// The room that a connection has for what it says, at first: a heartbeat fits, and it grows for what
/// does not. A thousand strangers that say nothing have it, too.
const READ_FIRST: usize = 512;

/// What a peer may still say while its connection is being closed; it is read and forgotten,
/// since unread bytes would make the kernel throw away our last words.
const LINGER_MAX: u64 = 1024 * 1024;

pub(super) type Reader = FramedRead<OwnedReadHalf, Deframer>;

/// Why a connection ended.
#[derive(Debug, Error)]
pub(super) enum End {
    #[error("it closed")]
    Closed,
    #[error("it is slow: no {0} in time")]
    Slow(&'static str),
    #[error("{0}")]
    Preamble(#[from] PreambleError),
    #[error("{0}")]
    Handshake(#[from] HandshakeError),
    #[error("it says that it is {0}, and its key is not the one of that node (-peer-keys)")]
    Impostor(Address),
    #[error("its secret or its key is accepted no longer")]
    Expelled,
    #[error("{0}")]
    Frame(#[from] FrameError),
    #[error("{0}")]
    Decode(#[from] DecodeError),
    #[error("its first word is {0}, expected Hello")]
    NoHello(&'static str),
    #[error("it does not read: too much waits to be written")]
    Overflow,
    #[error("{0}")]
    Io(#[from] std::io::Error),
}

impl End {
    /// The peer said something that no node says.
    pub(super) fn is_nonsense(&self) -> bool {
        match self {
            Self::Preamble(_)
            | Self::Handshake(_)
            | Self::Decode(_)
            | Self::NoHello(_)
            | Self::Impostor(_) => true,
            Self::Frame(error) => {
                matches!(error, FrameError::TooLong { .. } | FrameError::Forged)
            }
            Self::Closed | Self::Slow(_) | Self::Overflow | Self::Expelled | Self::Io(_) => false,
        }
    }

    /// Whether an operator can do something about it: two nodes are not set up alike.
    pub(super) fn is_for_operators(&self) -> bool {
        match self {
            Self::Preamble(error) => !matches!(error, PreambleError::Foreign(_)),
            Self::Handshake(error) => {
                matches!(error, HandshakeError::Secret | HandshakeError::Stranger(_))
            }
            Self::Impostor(_) => true,
            _ => false,
        }
    }
}

/// A place among the connections, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) shared: Arc<Shared>,
    pub(super) ip: IpAddr,
    pub(super) stranger: AtomicBool,
}

impl Place {
    fn promote(&self) {
        if self.stranger.swap(false, Ordering::AcqRel) {
            self.shared.places().promote(self.ip);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.shared.places().leave(self.ip, *self.stranger.get_mut());
    }
}

/// What the owner holds of a connection.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) link: LinkId,
    pub(super) remote: SocketAddr,
    /// What secures it; none without a secret.
    session: Option<Session>,
    /// Who it has said that it is, where its session may bind it to an address.
    speaker: OnceLock<Address>,
    outbox: Outbox,
    credit: Arc<Semaphore>,
    /// The owner has heard of it.
    known: AtomicBool,
    /// The owner wants nothing more of it.
    closed: AtomicBool,
    /// Its session is not to be any longer.
    expelled: AtomicBool,
    /// It is closed, or does not read what is written to it.
    stop: Notify,
    promoted: Notify,
}

/// What the task of a connection holds of its outbox: once it is dropped, the socket is the task's
/// alone.
#[derive(Debug)]
pub(super) struct Outlet(Arc<Peer>);

impl Drop for Outlet {
    fn drop(&mut self) {
        self.0.outbox.drop_all();
    }
}

impl Peer {
    /// A connection, and the way out of it.
    pub(super) fn new(
        link: LinkId,
        remote: SocketAddr,
        session: Option<Session>,
    ) -> (Arc<Self>, Outlet) {
        let peer = Arc::new(Self {
            link,
            remote,
            outbox: Outbox::new(session.as_ref().map(Session::sealer)),
            session,
            speaker: OnceLock::new(),
            credit: Arc::new(Semaphore::new(CREDIT)),
            known: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            expelled: AtomicBool::new(false),
            stop: Notify::new(),
            promoted: Notify::new(),
        });
        (Arc::clone(&peer), Outlet(peer))
    }

    /// Write a frame, or queue it, unless too much is queued.
    pub(super) fn send(&self, frame: &[u8], frames_max: usize, bytes_max: usize) {
        if !self.outbox.send(frame, frames_max, bytes_max) {
            self.stop.notify_one();
        }
    }

    pub(super) fn promote(&self) {
        self.promoted.notify_one();
    }

    /// Write what is queued and end.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.outbox.shut();
        self.stop.notify_one();
    }

    /// End it at once, as if it had broken.
    pub(super) fn expel(&self) {
        self.expelled.store(true, Ordering::Release);
        self.stop.notify_one();
    }

    pub(super) fn speaker(&self) -> Option<&Address> {
        self.speaker.get()
    }

    pub(super) fn session(&self) -> Option<&Session> {
        self.session.as_ref()
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Hand a packet's message to the owner, once the owner has taken enough of the earlier ones.
    async fn report(
        self: &Arc<Self>,
        shared: &Shared,
        packet: Packet,
        len: usize,
    ) -> Result<(), End> {
        let Packet::Message(message) = packet else {
            return Ok(());
        };
        if let (Some(_), Some(speaker)) = (&self.session, message.speaker())
            && self.speaker.get() != Some(speaker)
        {
            if !shared.allows(self) {
                return Err(End::Expelled);
            }
            let is_first = self.speaker.set(speaker.clone()).is_ok();
            // Asked after it was noted: a list that is replaced meanwhile finds it there.
            if !is_first || !shared.allows(self) {
                return Err(End::Impostor(speaker.clone()));
            }
        }
        let cost = u32::try_from(len.clamp(CREDIT_MIN, CREDIT)).unwrap_or(u32::MAX);
        // The semaphore is never closed.
        let credit = Arc::clone(&self.credit).acquire_many_owned(cost).await.ok();
        let event = LinkEvent::Message { link: self.link, remote: self.remote, message };
        self.known.store(true, Ordering::Release);
        shared.report(Queued { event, peer: Some(Arc::clone(self)), credit });
        Ok(())
    }
}

/// How a connection came to be.
pub(super) enum Begin {
    /// It was dialled: its first message must come by then.
    Dialed { by: Instant },
    /// It was accepted, and this was its first word: it must be promoted by then.
    Accepted { first: Box<Packet>, len: usize, by: Instant },
}

/// Read and write a connection until it ends, and say so.
pub(super) async fn run(
    peer: Arc<Peer>,
    place: Place,
    begin: Begin,
    mut reader: Reader,
    writer: OwnedWriteHalf,
    outlet: Outlet,
) {
    let shared = Arc::clone(&place.shared);
    if matches!(begin, Begin::Dialed { .. }) {
        peer.known.store(true, Ordering::Release);
    }
    let writer = Arc::new(writer);
    peer.outbox.open(Arc::clone(&writer));
    let end = {
        let write = async {
            let error = peer.outbox.drain(&writer).await.err()?;
            // What the other end said before it broke the connection may still be read.
            sleep(shared.limits.flush).await;
            Some(End::Io(error))
        };
        tokio::pin!(write);
        tokio::select! {
            () = peer.stop.notified() => {
                if peer.is_closed() {
                    let _ = timeout(shared.limits.flush, &mut write).await;
                }
                None
            }
            end = read(&peer, &place, &shared, begin, &mut reader) => Some(end),
            end = &mut write => end,
        }
    };
    let end = end.or_else(|| match peer.expelled.load(Ordering::Acquire) {
        _ if peer.is_closed() => None,
        true => Some(End::Expelled),
        // An outbox that is shut, but not by a close, holds too much.
        false => Some(End::Overflow),
    });
    if let Some(end) = &end {
        // Before the work of closing it: the line's time is that of the end.
        tracing::debug!(remote = %peer.remote, link = peer.link.0, "connection ends: {end}");
    }
    drop(outlet);
    match end {
        None => {
            if let Some(writer) = Arc::into_inner(writer) {
                linger(reader.get_mut(), writer, shared.limits.flush).await;
            }
        }
        Some(end) => {
            // Beyond a close that came at the same time, if any, nothing is reported.
            shared.count(&end);
            shared.complain(peer.remote.ip(), &end);
            drop((reader, writer));
            shared.forget(peer.link);
            drop(place);
            // Who was turned away at its first word was never there.
            if peer.known.load(Ordering::Acquire) {
                let event = LinkEvent::Down { link: peer.link };
                shared.report(Queued { event, peer: Some(peer), credit: None });
            }
        }
    }
}

/// Say that nothing follows, and give the other end a moment to read our last words.
async fn linger(
    reader: &mut OwnedReadHalf,
    mut writer: OwnedWriteHalf,
    flush: std::time::Duration,
) {
    let _ = timeout(flush, async {
        writer.shutdown().await?;
        tokio::io::copy(&mut reader.take(LINGER_MAX), &mut tokio::io::sink()).await
    })
    .await;
}

async fn read(
    peer: &Arc<Peer>,
    place: &Place,
    shared: &Shared,
    begin: Begin,
    reader: &mut Reader,
) -> End {
    let first = match begin {
        Begin::Accepted { first, len, by } => match peer.report(shared, *first, len).await {
            Ok(()) => {
                let promoted = timeout_at(by, peer.promoted.notified()).await;
                promoted.map_err(|_| End::Slow("acceptance"))
            }
            Err(end) => Err(end),
        },
        Begin::Dialed { by } => match timeout_at(by, next(reader, shared.mode)).await {
            Ok(Ok((Some(packet), len))) => peer.report(shared, packet, len).await,
            Ok(Ok((None, _))) => Ok(()),
            Ok(Err(end)) => Err(end),
            Err(_) => Err(End::Slow("first message")),
        },
    };
    if let Err(end) = first {
        return end;
    }
    place.promote();
    reader.decoder_mut().allow(FRAME_MAX_MEMBER);
    loop {
        let taken = match next(reader, shared.mode).await {
            Ok((Some(packet), len)) => peer.report(shared, packet, len).await,
            Ok((None, _)) => Ok(()),
            Err(end) => Err(end),
        };
        if let Err(end) = taken {
            return end;
        }
    }
}

/// The next frame, and its length. A packet of a later version, or that a node of this mode does
/// not speak, reads as none.
pub(super) async fn next(reader: &mut Reader, mode: Mode) -> Result<(Option<Packet>, usize), End> {
    let frame = reader.next().await.ok_or(End::Closed)??;
    Ok((wire::decode(&frame, mode)?, frame.len()))
}

/// A reader of frames as a stranger may send them.
pub(super) fn reader(half: OwnedReadHalf, dialed: bool, session: Option<&Session>) -> Reader {
    let max = if dialed { FRAME_MAX_MEMBER } else { FRAME_MAX_STRANGER };
    let deframer = Deframer::new(max, session.map(Session::opener));
    FramedRead::with_capacity(half, deframer, READ_FIRST)
}
