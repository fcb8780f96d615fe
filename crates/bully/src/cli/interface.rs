//! The HTTP interface of the program: on a thread of its own, on all its sockets.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};

use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;

use super::guard::Guard;
use super::run::runtime;
use super::socket::SocketFile;
use super::webhook::Webhook;
use crate::http::{self, Options, Tls};
use crate::{Elector, NOTICE};

/// The sockets of the interface, before anybody is answered.
#[derive(Debug, Default)]
pub(super) struct Listeners {
    pub(super) tcp: Vec<TcpListener>,
    pub(super) unix: Vec<(std::os::unix::net::UnixListener, SocketFile)>,
}

impl Listeners {
    /// Where they listen, for people.
    pub(super) fn shown(&self, has_tls: bool) -> String {
        let address = |at: SocketAddr| match at.ip() {
            // A socket for both families shows as the one that everybody knows.
            IpAddr::V6(ip) if ip.is_unspecified() => format!("0.0.0.0:{}", at.port()),
            _ => at.to_string(),
        };
        let tcp = self.tcp.iter().filter_map(|listener| listener.local_addr().ok()).map(address);
        let path = |file: &SocketFile| format!("unix:{}", file.path().display());
        let all: Vec<_> = tcp.chain(self.unix.iter().map(|(_, file)| path(file))).collect();
        match &*all {
            [] => "http off".to_owned(),
            all if has_tls && !self.tcp.is_empty() => format!("https {}", all.join(" and ")),
            all => format!("http {}", all.join(" and ")),
        }
    }
}

/// The interface at work. Neither it nor the election holds the other up.
pub(super) struct Interface {
    stop: oneshot::Sender<()>,
    ended: oneshot::Receiver<()>,
    /// Removed in the end, whatever becomes of the thread.
    files: Vec<SocketFile>,
}

/// What is served at a socket.
enum Served {
    Tcp(std::net::TcpListener),
    Unix(std::os::unix::net::UnixListener),
}

impl Interface {
    /// Answers on all of them. A webhook is looked after on the same thread.
    pub(super) fn start(
        elector: &Elector,
        show_port: bool,
        listeners: Listeners,
        guard: Guard,
        webhook: Option<Webhook>,
    ) -> anyhow::Result<Self> {
        let (stop, stopped) = oneshot::channel::<()>();
        let (end, ended) = oneshot::channel::<()>();
        let Guard { access, tls } = guard;
        let app = http::app(elector.clone(), Options { show_port, access });
        let elector = elector.clone();
        let tcp = listeners.tcp.into_iter().map(TcpListener::into_std);
        let mut served = tcp.map(|tcp| tcp.map(Served::Tcp)).collect::<io::Result<Vec<_>>>()?;
        let (unix, files): (Vec<_>, _) = listeners.unix.into_iter().unzip();
        served.extend(unix.into_iter().map(Served::Unix));
        let runtime = runtime()?;
        std::thread::Builder::new().name("http".to_owned()).spawn(move || {
            runtime.block_on(async move {
                if let Some(webhook) = webhook {
                    webhook.spawn(elector);
                }
                serve(served, tls.as_ref(), &app, async {
                    let _ = stopped.await;
                })
                .await;
            });
            // As with the node's own: the webhook's host may be looked up for long.
            runtime.shutdown_background();
            drop(end);
        })?;
        Ok(Self { stop, ended, files })
    }

    /// Waits until the requests under way have their answers.
    pub(super) async fn stop(self) {
        drop(self.files);
        drop(self.stop);
        // Always an error, since nothing is sent: the thread has let go of its end, be it in a
        // panic, which has been printed.
        let _ = self.ended.await;
    }
}

async fn serve(
    served: Vec<Served>,
    tls: Option<&Tls>,
    app: &axum::Router,
    stopped: impl Future<Output = ()>,
) {
    let (stop, stopping) = watch::channel(());
    let mut servers = JoinSet::new();
    for socket in served {
        let (app, mut stopping) = (app.clone(), stopping.clone());
        let stopped = async move {
            let _ = stopping.changed().await;
        };
        let spawned = match socket {
            Served::Unix(listener) => UnixListener::from_std(listener)
                .map(|listener| servers.spawn(http::serve_unix(listener, app, stopped))),
            Served::Tcp(listener) => TcpListener::from_std(listener).map(|listener| match tls {
                Some(tls) => servers.spawn(http::serve_tls(listener, tls.clone(), app, stopped)),
                None => servers.spawn(http::serve(listener, app, stopped)),
            }),
        };
        if let Err(error) = spawned {
            tracing::warn!(target: NOTICE, "bully: http: {error}");
        }
    }
    stopped.await;
    drop(stop);
    while servers.join_next().await.is_some() {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_is_told_where_it_is_served_and_whether_over_tls() {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let path = folder.path().join("s");
        let tcp = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let at = tcp.local_addr().expect("bound");
        assert_eq!(Listeners::default().shown(true), "http off");
        let mut listeners = Listeners { tcp: vec![tcp], unix: Vec::new() };
        assert_eq!(listeners.shown(false), format!("http {at}"));
        listeners.unix.push(super::super::socket::bind(&path).expect("it is free"));
        let path = path.display();
        assert_eq!(listeners.shown(true), format!("https {at} and unix:{path}"));
        listeners.tcp.clear();
        assert_eq!(listeners.shown(true), format!("http unix:{path}"));
    }
}
