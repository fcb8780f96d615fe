//! Connections that others open.

use std::fs::File;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::peer::{self, Begin, End, Place, Reader};
use super::secure;
use super::transport::Shared;
use crate::noise::Session;
use crate::shortage::Shortage;
use crate::wire::{self, Packet};

/// How long to wait for descriptors to become free.
const SHORTAGE_PAUSE: Duration = Duration::from_millis(10);

/// How many connections are turned away between two such waits.
const SHED_MAX: usize = 64;

/// Accept until the transport is quiet. Accepts even where no place or no descriptor is left, and
/// closes at once: who dials learns more from that than from silence.
pub(super) async fn accept(listener: TcpListener, mut spare: Spare, shared: Arc<Shared>) {
    let mut shortage = Shortage::default();
    let quiet = shared.quiet.clone();
    while let Some(accepted) = quiet.run_until_cancelled(listener.accept()).await {
        match accepted {
            Ok((stream, remote)) => admit(stream, remote, &shared),
            Err(error) if is_of_connection(&error) => {}
            Err(error) => {
                if shortage.is_news() {
                    tracing::warn!("peers' connections cannot be accepted: {error}");
                }
                spare.shed(&listener, &shared).await;
                quiet.run_until_cancelled(sleep(SHORTAGE_PAUSE)).await;
            }
        }
    }
}

/// The connection failed before it was accepted; the listener is well.
fn is_of_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::TimedOut
            | io::ErrorKind::Interrupted
    )
}

/// A descriptor kept for the time when there are no others: given up for a moment, it lets the
/// listener accept connections and close them.
pub(super) struct Spare(Option<File>);

impl Spare {
    pub(super) fn new() -> Self {
        Self(File::open("/dev/null").ok())
    }

    /// Turn away those who wait.
    async fn shed(&mut self, listener: &TcpListener, shared: &Shared) {
        self.0 = None;
        for _ in 0..SHED_MAX {
            // None waits, or another thread has taken the descriptor.
            let Ok(Ok(turned_away)) = timeout(Duration::ZERO, listener.accept()).await else {
                break;
            };
            shared.counts().refused += 1;
            drop(turned_away);
        }
        *self = Self::new();
    }
}

fn admit(stream: TcpStream, remote: SocketAddr, shared: &Arc<Shared>) {
    let remote = SocketAddr::new(remote.ip().to_canonical(), remote.port());
    match shared.admit(remote.ip(), true) {
        Ok(place) => shared.spawn(serve(stream, remote, place)),
        Err(full) => tracing::debug!(%remote, "connection refused: {full}"),
    }
}

async fn serve(stream: TcpStream, remote: SocketAddr, place: Place) {
    let shared = Arc::clone(&place.shared);
    let by = Instant::now() + shared.limits.handshake;
    // Futures keep room for what they have been handed: each of these in a room of its own, a thousand
    // strangers that say nothing cost next to nothing.
    let greeted = timeout_at(by, Box::pin(greet(stream, &shared)));
    let greeted = shared.quiet.run_until_cancelled(greeted).await;
    let end = match greeted {
        None | Some(Ok(Ok(None))) => return,
        Some(Ok(Ok(Some(greeted)))) => {
            let Greeted { first, len, reader, writer, session } = greeted;
            let Some((peer, queue)) = shared.register(remote, session) else {
                return;
            };
            let begin = Begin::Accepted { first, len, by };
            return Box::pin(peer::run(peer, place, begin, reader, writer, queue)).await;
        }
        Some(Ok(Err(end))) => end,
        Some(Err(_)) => End::Slow("Hello"),
    };
    shared.count(&end);
    shared.complain(remote.ip(), &end);
    tracing::debug!(%remote, "stranger turned away: {end}");
}

/// Who has said a word that a connection may begin with.
struct Greeted {
    first: Box<Packet>,
    len: usize,
    reader: Reader,
    writer: tokio::net::tcp::OwnedWriteHalf,
    session: Option<Session>,
}

/// Say the preamble, and hear the other's and its first word. None if that was a question that
/// has been answered.
async fn greet(mut stream: TcpStream, shared: &Shared) -> Result<Option<Greeted>, End> {
    stream.set_nodelay(true)?;
    let ours = secure::preamble(shared.keys.as_ref());
    stream.write_all(&ours.to_bytes()).await?;
    secure::read_preamble(&mut stream, ours).await?;
    Box::pin(introduce(stream, shared)).await
}

/// The part of it that follows the preambles.
async fn introduce(mut stream: TcpStream, shared: &Shared) -> Result<Option<Greeted>, End> {
    let session = match &shared.keys {
        Some(keys) => {
            let ip = stream.peer_addr()?.ip().to_canonical();
            let is_listed = shared.places().is_listed(ip);
            let turns = if is_listed { &shared.listed_handshakes } else { &shared.handshakes };
            Some(Box::pin(secure::respond(&mut stream, keys, turns)).await?)
        }
        None => None,
    };
    let (reader, mut writer) = stream.into_split();
    let mut reader = peer::reader(reader, false, session.as_ref());
    match peer::next(&mut reader, shared.mode).await? {
        (Some(Packet::Message(word)), len) if word.is_first_word() => {
            let first = Box::new(Packet::Message(word));
            Ok(Some(Greeted { first, len, reader, writer, session }))
        }
        (Some(Packet::Identify(inst)), _) => {
            let answer = wire::frame(&Packet::Identified { same: inst == shared.inst });
            writer.write_all(&secure::sealed(answer, session.as_ref())).await?;
            writer.shutdown().await?;
            Ok(None)
        }
        (Some(Packet::Message(other)), _) => Err(End::NoHello(other.name())),
        (Some(Packet::Identified { .. }), _) => Err(End::NoHello("Identified")),
        (None, _) => Err(End::NoHello("unknown")),
    }
}
