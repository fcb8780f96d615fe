//! The server under the routes: bounds on what a client may hold of it.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time;

use crate::shortage::Shortage;

/// Above it a connection is closed as soon as it is made.
const CONNECTIONS_MAX: usize = 1024;

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
    serve_at_most(CONNECTIONS_MAX, listener, app, shutdown).await;
}

async fn serve_at_most(
    connections_max: usize,
    listener: TcpListener,
    app: Router,
    shutdown: impl Future<Output = ()>,
) {
    let mut shutdown = pin!(shutdown);
    let room = Arc::new(Semaphore::new(connections_max));
    // Dropped to tell the connections of the end.
    let (open, ended) = watch::channel(());
    let mut connections = JoinSet::new();
    let mut shortage = Shortage::default();
    loop {
        let accepted = tokio::select! {
            biased;
            () = &mut shutdown => break,
            Some(_) = connections.join_next() => continue,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, client)) => {
                let Ok(permit) = Arc::clone(&room).try_acquire_owned() else {
                    continue;
                };
                let connection = converse(stream, client, app.clone(), ended.clone());
                connections.spawn(async move {
                    connection.await;
                    drop(permit);
                });
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

/// Answers the requests of one connection, of which the routes learn from whom they come.
async fn converse(
    stream: TcpStream,
    client: SocketAddr,
    app: Router,
    mut ended: watch::Receiver<()>,
) {
    // All are refinements: a socket that takes none of them still serves.
    let _ = stream.set_nodelay(true);
    let socket = socket2::SockRef::from(&stream);
    let _ = socket.set_tcp_keepalive(&socket2::TcpKeepalive::new().with_time(TAKEN_WITHIN));
    let _ = socket.set_tcp_user_timeout(Some(TAKEN_WITHIN));
    let app = TowerToHyperService::new(app);
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(client));
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
