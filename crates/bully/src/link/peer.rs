//! One connection: what its owner holds of it, and the task that reads and writes it.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bully_core::{LinkId, Mode};
use futures_util::StreamExt;
use thiserror::Error;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{Notify, Semaphore};
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_util::codec::FramedRead;

use super::events::{LinkEvent, Queued};
use super::outbox::Outbox;
use super::transport::Shared;
use crate::wire::{
    self, DecodeError, FRAME_MAX_MEMBER, FRAME_MAX_STRANGER, FrameDecoder, FrameError, Packet,
    PreambleError,
};

/// The bytes of one connection that may wait for the owner.
const CREDIT: usize = FRAME_MAX_MEMBER;

/// What even the smallest message costs of [`CREDIT`]: at most 32 wait.
const CREDIT_MIN: usize = CREDIT / 32;

/// What a peer may still say while its connection is being closed; it is read and forgotten,
/// since unread bytes would make the kernel throw away our last words.
const LINGER_MAX: u64 = 1024 * 1024;

pub(super) type Reader = FramedRead<OwnedReadHalf, FrameDecoder>;

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
            Self::Preamble(_) | Self::Decode(_) | Self::NoHello(_) => true,
            Self::Frame(error) => matches!(error, FrameError::TooLong { .. }),
            Self::Closed | Self::Slow(_) | Self::Overflow | Self::Io(_) => false,
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
    outbox: Outbox,
    credit: Arc<Semaphore>,
    /// The owner wants nothing more of it.
    closed: AtomicBool,
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
    pub(super) fn new(link: LinkId, remote: SocketAddr) -> (Arc<Self>, Outlet) {
        let peer = Arc::new(Self {
            link,
            remote,
            outbox: Outbox::default(),
            credit: Arc::new(Semaphore::new(CREDIT)),
            closed: AtomicBool::new(false),
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

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Hand a packet's message to the owner, once the owner has taken enough of the earlier ones.
    async fn report(self: &Arc<Self>, shared: &Shared, packet: Packet, len: usize) {
        let Packet::Message(message) = packet else {
            return;
        };
        let cost = u32::try_from(len.clamp(CREDIT_MIN, CREDIT)).unwrap_or(u32::MAX);
        // The semaphore is never closed.
        let credit = Arc::clone(&self.credit).acquire_many_owned(cost).await.ok();
        let event = LinkEvent::Message { link: self.link, remote: self.remote, message };
        shared.report(Queued { event, peer: Some(Arc::clone(self)), credit });
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
    // An outbox that is shut, but not by a close, holds too much.
    let end = end.or_else(|| (!peer.is_closed()).then_some(End::Overflow));
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
            drop((reader, writer));
            shared.forget(peer.link);
            shared.count(&end);
            let event = LinkEvent::Down { link: peer.link };
            drop(place);
            shared.report(Queued { event, peer: Some(peer), credit: None });
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
        Begin::Accepted { first, len, by } => {
            peer.report(shared, *first, len).await;
            timeout_at(by, peer.promoted.notified()).await.map_err(|_| End::Slow("acceptance"))
        }
        Begin::Dialed { by } => match timeout_at(by, next(reader, shared.mode)).await {
            Ok(Ok((packet, len))) => {
                if let Some(packet) = packet {
                    peer.report(shared, packet, len).await;
                }
                Ok(())
            }
            Ok(Err(end)) => Err(end),
            Err(_) => Err(End::Slow("first message")),
        },
    };
    if let Err(end) = first {
        return end;
    }
    place.promote();
    reader.decoder_mut().max = FRAME_MAX_MEMBER;
    loop {
        match next(reader, shared.mode).await {
            Ok((Some(packet), len)) => peer.report(shared, packet, len).await,
            Ok((None, _)) => {}
            Err(end) => return end,
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
pub(super) fn reader(half: OwnedReadHalf, dialed: bool) -> Reader {
    let max = if dialed { FRAME_MAX_MEMBER } else { FRAME_MAX_STRANGER };
    FramedRead::new(half, FrameDecoder { max })
}

/// Read the preamble of the other end. Four bytes that are none end the wait.
pub(super) async fn read_preamble(stream: &mut TcpStream) -> Result<(), End> {
    let mut bytes = [0; wire::PREAMBLE_LEN];
    stream.read_exact(&mut bytes[..4]).await?;
    wire::Preamble::check_magic([bytes[0], bytes[1], bytes[2], bytes[3]])?;
    stream.read_exact(&mut bytes[4..]).await?;
    wire::Preamble::check(bytes)?;
    Ok(())
}
