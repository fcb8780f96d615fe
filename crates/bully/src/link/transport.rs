//! What the owner calls, and what all tasks share.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bully_core::{Address, Inst, LinkId, Mode};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::complaints::Complaints;
use super::events::{Events, LinkEvent, Queued};
use super::peer::{End, Outlet, Peer, Place};
use super::places::{Full, Places};
use super::{Limits, accept, dial, listen};
use crate::noise::{Keys, Session};
use crate::wire::{self, Message};

/// All connections of a node. Dropping it closes them at once, without flushing.
#[derive(Debug)]
pub(crate) struct Transport {
    shared: Arc<Shared>,
    /// The last frame: its memory serves the next one.
    frame: Vec<u8>,
}

/// What happened to connections that were no use, since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Closed at once: there were too many.
    pub(crate) refused: u64,
    /// Closed for what they said.
    pub(crate) nonsense: u64,
    /// Closed for not saying it in time.
    pub(crate) slow: u64,
    /// Closed for not reading what was said to them.
    pub(crate) overflowed: u64,
}

impl Transport {
    /// Accept on these listeners, and speak the messages of this mode, secured by these keys if there
    /// are any. `inst` is the run that [`discover`](super::discover) recognises.
    ///
    /// # Errors
    /// If a listener cannot be registered with the runtime.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub(crate) fn start(
        listeners: Vec<std::net::TcpListener>,
        mode: Mode,
        inst: Inst,
        keys: Option<Arc<Keys>>,
        limits: Limits,
    ) -> io::Result<(Self, Events)> {
        let (events, queue) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            mode,
            inst,
            keys,
            handshakes: Arc::new(Semaphore::new(1)),
            listed_handshakes: Arc::new(Semaphore::new(1)),
            complaints: Mutex::default(),
            events,
            places: Mutex::new(Places::new(&limits)),
            limits,
            peers: Mutex::default(),
            link_next: AtomicU64::new(1),
            counts: Mutex::default(),
            quiet: CancellationToken::new(),
            root: CancellationToken::new(),
            tasks: watch::Sender::new(0),
        });
        // Made before the loops, so that a failure ends the earlier ones too.
        let transport = Self { shared: Arc::clone(&shared), frame: Vec::new() };
        for listener in listeners {
            listener.set_nonblocking(true)?;
            let listener = listen::close_before_connections(listener);
            let listener = TcpListener::from_std(listener)?;
            shared.spawn(accept::accept(listener, accept::Spare::new(), Arc::clone(&shared)));
        }
        Ok((transport, Events { queue }))
    }

    /// Dial. Answered by exactly one [`LinkEvent::Up`] or [`LinkEvent::DialFailed`]. `limit`
    /// covers looking the name up, connecting, and the other end's preamble.
    pub(crate) fn dial(&self, to: Address, limit: Duration) {
        self.shared.spawn(dial::dial(to, limit, Arc::clone(&self.shared)));
    }

    /// Write a message, or queue it where the socket takes no more now. A peer whose queue
    /// overflows is closed and reported down; a connection that is gone is ignored.
    pub(crate) fn send(&mut self, link: LinkId, message: &Message) {
        let Some(peer) = self.shared.peers().get(&link).map(Arc::clone) else {
            return;
        };
        let Limits { queue_frames_max, queue_bytes_max, .. } = self.shared.limits;
        wire::frame_message(message, &mut self.frame);
        peer.send(&self.frame, queue_frames_max, queue_bytes_max);
    }

    /// The owner has accepted this peer's Hello: the limits on strangers no longer apply. To be
    /// called before the HelloAck is sent. Does nothing to a connection that was dialled.
    pub(crate) fn promote(&self, link: LinkId) {
        if let Some(peer) = self.shared.peers().get(&link) {
            peer.promote();
        }
    }

    /// Close after what was queued has gone out. Nothing more is reported of the connection.
    pub(crate) fn close(&self, link: LinkId) {
        if let Some(peer) = self.shared.forget(link) {
            peer.close();
        }
    }

    /// The keys have been replaced: end the connections that would not be opened with the new ones.
    pub(crate) fn expel(&self) {
        let peers = self.shared.peers();
        for peer in peers.values().filter(|peer| !self.shared.allows(peer)) {
            peer.expel();
        }
    }

    /// Keep one place for each of these addresses (two, where one stands here twice): others
    /// cannot take the last ones. Replaces the addresses of the last call.
    pub(crate) fn reserve(&self, addresses: impl IntoIterator<Item = IpAddr>) {
        self.shared.places().reserve(addresses);
    }

    /// What happened to connections that were no use.
    pub(crate) fn counts(&self) -> Counts {
        *self.shared.counts()
    }

    /// Close all connections, flushing what was queued (within [`Limits::flush`], twice), and end
    /// all tasks. The listeners are closed at once.
    pub(crate) async fn shutdown(self) {
        let shared = &self.shared;
        shared.quiet.cancel();
        let peers = std::mem::take(&mut *shared.peers());
        for peer in peers.values() {
            peer.close();
        }
        let ended = || async {
            // The sender is in `shared`, so that this cannot fail.
            let _ = shared.tasks.subscribe().wait_for(|tasks| *tasks == 0).await;
        };
        // A task flushes and lingers, each within the bound.
        let _ = timeout(shared.limits.flush * 2, ended()).await;
        shared.root.cancel();
        ended().await;
    }
}

impl Drop for Transport {
    fn drop(&mut self) {
        self.shared.quiet.cancel();
        self.shared.root.cancel();
    }
}

/// What all tasks share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) mode: Mode,
    pub(super) inst: Inst,
    /// What secures connections; none without a secret.
    pub(super) keys: Option<Arc<Keys>>,
    /// Whose turn it is to work at a handshake.
    pub(super) handshakes: Arc<Semaphore>,
    /// The same for who comes from a listed address: they do not wait behind the others.
    pub(super) listed_handshakes: Arc<Semaphore>,
    complaints: Mutex<Complaints>,
    pub(super) limits: Limits,
    events: mpsc::UnboundedSender<Queued>,
    places: Mutex<Places>,
    peers: Mutex<BTreeMap<LinkId, Arc<Peer>>>,
    link_next: AtomicU64,
    counts: Mutex<Counts>,
    /// Nothing new is begun.
    pub(super) quiet: CancellationToken,
    /// All tasks end.
    root: CancellationToken,
    /// How many there are.
    tasks: watch::Sender<usize>,
}

impl Shared {
    /// Run a task until it ends or the transport does.
    pub(super) fn spawn(self: &Arc<Self>, work: impl Future<Output = ()> + Send + 'static) {
        let counted = Counted::new(&self.tasks);
        let root = self.root.clone();
        // Handed on as it is, it would have its room three times.
        let work = Box::pin(work);
        tokio::spawn(async move {
            let _counted = counted;
            root.run_until_cancelled_owned(work).await;
        });
    }

    /// Take a place for a connection, or count that there is none.
    pub(super) fn admit(self: &Arc<Self>, ip: IpAddr, stranger: bool) -> Result<Place, Full> {
        let taken = {
            let mut places = self.places();
            if stranger { places.take_stranger(ip) } else { places.take(ip) }
        };
        match taken {
            Ok(()) => {
                Ok(Place { shared: Arc::clone(self), ip, stranger: AtomicBool::new(stranger) })
            }
            Err(full) => {
                self.counts().refused += 1;
                Err(full)
            }
        }
    }

    /// Number a connection; none if the transport is shutting down.
    pub(super) fn register(
        &self,
        remote: SocketAddr,
        session: Option<Session>,
    ) -> Option<(Arc<Peer>, Outlet)> {
        let mut peers = self.peers();
        // Asked under the lock: a shutdown that has taken the peers misses none.
        if self.quiet.is_cancelled() {
            return None;
        }
        let link = LinkId(self.link_next.fetch_add(1, Ordering::Relaxed));
        let (peer, outlet) = Peer::new(link, remote, session);
        // Under the lock, too: keys that were replaced meanwhile find it here, or are seen here.
        if !self.allows(&peer) {
            peer.expel();
        }
        peers.insert(link, Arc::clone(&peer));
        Some((peer, outlet))
    }

    pub(super) fn forget(&self, link: LinkId) -> Option<Arc<Peer>> {
        self.peers().remove(&link)
    }

    pub(super) fn report(&self, queued: Queued) {
        // Who has dropped the events wants to hear nothing.
        let _ = self.events.send(queued);
    }

    pub(super) fn report_event(&self, event: LinkEvent) {
        self.report(Queued { event, peer: None, credit: None });
    }

    /// Whether that connection may be, as far as is known who is at its other end.
    pub(super) fn allows(&self, peer: &Peer) -> bool {
        match (&self.keys, peer.session()) {
            (Some(keys), Some(session)) => keys.ring().allows(session, peer.speaker()),
            (keys, _) => keys.is_none(),
        }
    }

    /// Say that somebody there was turned away, where an operator can do something about it.
    pub(super) fn complain(&self, ip: IpAddr, end: &End) {
        if !end.is_for_operators() {
            return;
        }
        let mut complaints = self.complaints.lock().unwrap_or_else(PoisonError::into_inner);
        if complaints.is_news(ip, end.to_string()) {
            tracing::warn!(target: crate::NOTICE, "{ip} was turned away: {end}");
        }
    }

    /// Count a connection that ended like this.
    pub(super) fn count(&self, end: &End) {
        let mut counts = self.counts();
        match end {
            end if end.is_nonsense() => counts.nonsense += 1,
            End::Slow(_) => counts.slow += 1,
            End::Overflow => counts.overflowed += 1,
            _ => {}
        }
    }

    pub(super) fn places(&self) -> MutexGuard<'_, Places> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn peers(&self) -> MutexGuard<'_, BTreeMap<LinkId, Arc<Peer>>> {
        self.peers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A task among those that a shutdown waits for.
struct Counted(watch::Sender<usize>);

impl Counted {
    fn new(tasks: &watch::Sender<usize>) -> Self {
        tasks.send_modify(|tasks| *tasks += 1);
        Self(tasks.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.send_modify(|tasks| *tasks -= 1);
    }
}
