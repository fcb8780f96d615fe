//! The server under the routes: bounds on what a client may hold of it.

mod seats;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time;

use self::seats::Seats;
use super::Caller;
use super::patient::Patient;
use crate::shortage::Shortage;

/// Above it the oldest connection is closed for each that is made. Each holds some 12 KiB, which an
/// allocator does not always give back.
const CONNECTIONS_MAX: usize = 256;

/// A client has this long for the head of a request, from when the connection is made or the last
/// answer sent: it bounds slow writers and idle connections alike.
const HEAD_WITHIN: Duration = Duration::from_secs(5);

/// Far more than the head of a request to any route.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// What was sent must be taken within this: a client that does not read, or whose machine is gone,
/// holds its connection no longer.
const TAKEN_WITHIN: Duration = Duration::from_secs(10);

/// How long answers under way may take once the end has come.
const END_WITHIN: Duration = Duration::from_secs(1);

/// Before the next try where the system takes no connections, for want of descriptors mostly.
const PAUSE: Duration = Duration::from_millis(100);

/// Serves the routes on the listener until the shutdown is ready, and then closes the connections:
/// those under way have a second.
pub async fn serve(listener: TcpListener, app: Router, shutdown: impl Future<Output = ()>) {
    serve_at_most(CONNECTIONS_MAX, Listener::Tcp(listener), app, shutdown).await;
}

/// As [`serve`], over TLS, for whose handshake a client has as long as for the head of a request. What
/// is not TLS is closed.
#[cfg(feature = "tls")]
pub async fn serve_tls(
    listener: TcpListener,
    tls: super::Tls,
    app: Router,
    shutdown: impl Future<Output = ()>,
) {
    serve_at_most(CONNECTIONS_MAX, Listener::Tls(listener, tls), app, shutdown).await;
}

/// As [`serve`], over a Unix socket. Whoever can open it may ask and give orders: its mode, and that
/// of its directory, are for the caller to choose.
pub async fn serve_unix(listener: UnixListener, app: Router, shutdown: impl Future<Output = ()>) {
    serve_at_most(CONNECTIONS_MAX, Listener::Unix(listener), app, shutdown).await;
}

/// Where clients are awaited.
enum Listener {
    Tcp(TcpListener),
    #[cfg(feature = "tls")]
    Tls(TcpListener, super::Tls),
    Unix(UnixListener),
}

/// A client, of whom nothing is read yet.
enum Client {
    Tcp(TcpStream, SocketAddr),
    #[cfg(feature = "tls")]
    Tls(TcpStream, SocketAddr, tokio_rustls::TlsAcceptor),
    Unix(UnixStream),
}

impl Listener {
    async fn accept(&self) -> io::Result<Client> {
        match self {
            Self::Tcp(listener) => {
                listener.accept().await.map(|(stream, client)| Client::Tcp(stream, client))
            }
            #[cfg(feature = "tls")]
            Self::Tls(listener, tls) => {
                let (stream, client) = listener.accept().await?;
                Ok(Client::Tls(stream, client, tls.acceptor()))
            }
            Self::Unix(listener) => listener.accept().await.map(|(stream, _)| Client::Unix(stream)),
        }
    }
}

async fn serve_at_most(
    connections_max: usize,
    listener: Listener,
    app: Router,
    shutdown: impl Future<Output = ()>,
) {
    let mut shutdown = pin!(shutdown);
    let mut seats = Seats::default();
    // Dropped to tell the connections of the end.
    let (open, ended) = watch::channel(());
    let mut connections = JoinSet::new();
    let mut shortage = Shortage::default();
    loop {
        let accepted = tokio::select! {
            biased;
            () = &mut shutdown => break,
            Some(gone) = connections.join_next() => {
                // Who was made to go has no seat any more.
                let _ = gone.map(|seat| seats.leave(seat));
                continue;
            }
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok(client) => {
                seats.make_room(connections_max);
                // In a room of its own, and not in the task's as well.
                let connection = Box::pin(client.serve(app.clone(), ended.clone()));
                let seat = seats.number();
                let handle = connections.spawn(async move {
                    connection.await;
                    seat
                });
                seats.take(seat, handle);
            }
            Err(error) if is_of_connection(&error) => {}
            Err(error) => {
                if shortage.is_news() {
                    tracing::warn!(target: crate::NOTICE, "http takes no connections: {error}");
                }
                tokio::select! {
                    () = &mut shutdown => break,
                    () = time::sleep(PAUSE) => {}
                }
            }
        }
    }
    drop(listener);
    drop(open);
    let all = async { while connections.join_next().await.is_some() {} };
    // What is left after that is cut when the set is dropped.
    let _ = time::timeout(END_WITHIN, all).await;
}

/// Whether accepting failed for this one connection, and not for all.
fn is_of_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

impl Client {
    async fn serve(self, app: Router, ended: watch::Receiver<()>) {
        match self {
            Self::Tcp(stream, address) => {
                refine(&stream);
                let caller = Caller::Tcp { address, is_tls: false };
                converse(Box::new(stream), caller, app, ended).await;
            }
            #[cfg(feature = "tls")]
            Self::Tls(stream, address, acceptor) => {
                refine(&stream);
                // Errors are the client's doing, and it has had its alert.
                let handshake = time::timeout(HEAD_WITHIN, acceptor.accept(stream));
                if let Ok(Ok(stream)) = handshake.await {
                    let caller = Caller::Tcp { address, is_tls: true };
                    converse(Box::new(stream), caller, app, ended).await;
                }
            }
            Self::Unix(stream) => {
                let stream = Patient::new(stream, TAKEN_WITHIN);
                converse(Box::new(stream), Caller::Unix, app, ended).await;
            }
        }
    }
}

/// What is spoken over. Of a known type, there would be the whole of the server's code for each.
trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// All are refinements: a socket that takes none of them still serves.
fn refine(stream: &TcpStream) {
    let _ = stream.set_nodelay(true);
    let socket = socket2::SockRef::from(stream);
    let _ = socket.set_tcp_keepalive(&socket2::TcpKeepalive::new().with_time(TAKEN_WITHIN));
    let _ = socket.set_tcp_user_timeout(Some(TAKEN_WITHIN));
}

/// Answers the requests of one connection, of which the routes learn from whom they come.
async fn converse(
    stream: Box<dyn Stream>,
    caller: Caller,
    app: Router,
    mut ended: watch::Receiver<()>,
) {
    let app = TowerToHyperService::new(app);
    let service = service_fn(move |mut request: Request<Incoming>| {
        if let Caller::Tcp { address, .. } = caller {
            request.extensions_mut().insert(ConnectInfo(address));
        }
        request.extensions_mut().insert(caller);
        app.call(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WITHIN)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    // Errors are the client's doing, and hyper has answered those that can be answered.
    tokio::select! {
        _ = &mut connection => return,
        _ = ended.changed() => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}

#[cfg(test)]
mod tests;
