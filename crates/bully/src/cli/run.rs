//! `bully`: run a node until it is told to end.

use std::future::Future;
use std::io::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

use super::demo::PARENT;
use super::exit::Exit;
use super::listen::HttpListen;
use super::settings::Settings;
use super::webhook::Webhook;
use super::{Ask, ask as asking, log};
use crate::http;
use crate::{Builder, Elector, NOTICE, StartError};

/// How long a killed process may hold its ports.
const GHOST_WITHIN: Duration = Duration::from_millis(300);

/// Runs a node. Returns when it has left.
pub fn run(settings: &Settings) -> Exit {
    if !end_with_demo() {
        return Exit::Error;
    }
    log::start(settings.log, settings.log_level);
    raise_descriptor_limit();
    let outcome = runtime().and_then(|runtime| runtime.block_on(node(settings)));
    outcome.unwrap_or_else(|error| {
        say(&format!("bully: {error:#}"));
        exit_of(&error)
    })
}

/// Asks a node, and prints its answer.
pub fn ask(question: &Ask) -> Exit {
    let outcome = match runtime() {
        Ok(runtime) => runtime.block_on(asking::answer(question)),
        Err(error) => {
            say(&format!("bully: {error:#}"));
            return Exit::Error;
        }
    };
    // Nobody reads: the exit code says it still.
    let _ = io::stdout().write_all(outcome.stdout.as_bytes());
    let _ = io::stderr().write_all(outcome.stderr.as_bytes());
    outcome.exit
}

/// A taken port has an exit code of its own, so that a supervisor can tell it from a crash.
fn exit_of(error: &anyhow::Error) -> Exit {
    if error.downcast_ref().is_some_and(is_in_use) { Exit::InUse } else { Exit::Error }
}

fn is_in_use(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::AddrInUse
}

fn is_taken(error: &StartError) -> bool {
    matches!(error, StartError::Bind { source, .. } if is_in_use(source))
}

/// Binds again and again for a moment while a port is taken: a process that was just killed, and
/// is restarted at once, holds its ports until the kernel is done with it.
async fn patiently<T, E>(
    bind: impl AsyncFn() -> Result<T, E>,
    is_taken: impl Fn(&E) -> bool,
) -> Result<T, E> {
    let give_up = Instant::now() + GHOST_WITHIN;
    loop {
        match bind().await {
            Err(error) if is_taken(&error) && Instant::now() < give_up => {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            outcome => return outcome,
        }
    }
}

/// One thread suffices for a node, and wakes no other between a word heard and the answer.
pub(super) fn runtime() -> anyhow::Result<Runtime> {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().build().context("the runtime cannot start")
}

async fn node(settings: &Settings) -> anyhow::Result<Exit> {
    let mut signals = Signals::new()?;
    let webhook = settings.webhook.as_ref().map(|url| Webhook::new(url.as_str())).transpose();
    let webhook = webhook.map_err(|why| anyhow::anyhow!("the webhook cannot be used: {why}"))?;
    let builder = patiently(async || builder(settings).listen(), is_taken).await;
    let builder = builder.map_err(peers_remedy)?;
    let in_use = |e: &anyhow::Error| e.downcast_ref().is_some_and(is_in_use);
    let listeners = patiently(async || bind_http(&settings.http).await, in_use).await?;
    tracing::warn!(target: NOTICE, "{}", start_line(settings, &listeners));
    let elector = builder.start().await.map_err(|error| anyhow::anyhow!("{error}"))?;
    let http = Http::start(&elector, settings.show_port, listeners, webhook)?;
    let outcome = serve_until_told(&elector, &mut signals).await;
    http.stop();
    Ok(outcome)
}

/// The first signal hands leadership over and says goodbye; a second one ends at once.
async fn serve_until_told(elector: &Elector, signals: &mut Signals) -> Exit {
    signals.next().await;
    tokio::select! {
        () = elector.shutdown() => Exit::Done,
        () = signals.next() => Exit::Error,
    }
}

fn builder(settings: &Settings) -> Builder {
    let mut builder = Elector::builder()
        .nodes(settings.nodes.iter().map(ToString::to_string))
        .port(settings.port)
        .cluster(&settings.cluster)
        .priority(settings.priority)
        .preempt(settings.preempt)
        .heartbeat(settings.heartbeat);
    if let Some(ip) = settings.bind {
        builder = builder.bind(ip);
    }
    if let Some(place) = &settings.advertise {
        builder = builder.advertise(place.to_string());
    }
    builder
}

fn peers_remedy(error: StartError) -> anyhow::Error {
    let remedy = match &error {
        StartError::Bind { address, source } => match source.kind() {
            io::ErrorKind::AddrInUse => {
                format!("{address} is taken: end what listens there, or choose another -port")
            }
            io::ErrorKind::AddrNotAvailable => {
                format!("{address} is no address of this machine: choose another -bind")
            }
            _ => format!("cannot listen for peers on {address}"),
        },
        _ => return error.into(),
    };
    match error {
        StartError::Bind { source, .. } => anyhow::Error::new(source).context(remedy),
        other => other.into(),
    }
}

/// The sockets for HTTP; none where it is off.
async fn bind_http(listen: &HttpListen) -> anyhow::Result<Vec<TcpListener>> {
    let place = match listen {
        HttpListen::Off => return Ok(Vec::new()),
        HttpListen::All(port) => {
            let bound = crate::link::bind(None, *port);
            let bound = bound.with_context(|| http_remedy(&format!("0.0.0.0:{port}")))?;
            return bound.into_iter().map(|l| Ok(TcpListener::from_std(l)?)).collect();
        }
        HttpListen::At(place) => place,
    };
    let bound = match place.ip() {
        Some(ip) => crate::link::bind(Some(ip), place.port).and_then(|listeners| {
            listeners.into_iter().map(TcpListener::from_std).collect::<io::Result<Vec<_>>>()
        }),
        None => TcpListener::bind((&*place.host, place.port)).await.map(|l| vec![l]),
    };
    bound.with_context(|| http_remedy(&place.to_string()))
}

fn http_remedy(address: &str) -> String {
    format!(
        "cannot serve HTTP on {address}: end what listens there, or choose another -http=ADDR, or \
         -http=off"
    )
}

fn start_line(settings: &Settings, http: &[TcpListener]) -> String {
    let peers =
        SocketAddr::new(settings.bind.unwrap_or(Ipv4Addr::UNSPECIFIED.into()), settings.port);
    let http = http.first().and_then(|l| l.local_addr().ok()).map_or_else(
        || "off".to_owned(),
        |at| match at.ip() {
            // A socket for both families shows as the one that everybody knows.
            IpAddr::V6(ip) if ip.is_unspecified() => format!("0.0.0.0:{}", at.port()),
            _ => at.to_string(),
        },
    );
    format!(
        "bully: mode bully (a split has two leaders), peers {peers} without secret, http {http}"
    )
}

/// The HTTP interface, on a thread of its own: neither holds the other up.
struct Http {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Http {
    fn start(
        elector: &Elector,
        show_port: bool,
        listeners: Vec<TcpListener>,
        webhook: Option<Webhook>,
    ) -> anyhow::Result<Self> {
        let (stop, stopped) = oneshot::channel::<()>();
        let app = http::app(elector.clone(), http::Options { show_port });
        let elector = elector.clone();
        let listeners =
            listeners.into_iter().map(TcpListener::into_std).collect::<io::Result<Vec<_>>>()?;
        let runtime = runtime()?;
        let thread = std::thread::Builder::new().name("http".to_owned()).spawn(move || {
            runtime.block_on(async move {
                if let Some(webhook) = webhook {
                    webhook.spawn(elector);
                }
                serve(listeners, app, async {
                    let _ = stopped.await;
                })
                .await;
            });
        })?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }

    fn stop(mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // Its panic has been printed; the node has left in good order all the same.
            let _ = thread.join();
        }
    }
}

async fn serve(
    listeners: Vec<std::net::TcpListener>,
    app: axum::Router,
    stopped: impl Future<Output = ()>,
) {
    let (stop, stopping) = tokio::sync::watch::channel(());
    let mut servers = tokio::task::JoinSet::new();
    for listener in listeners {
        let mut stopping = stopping.clone();
        match TcpListener::from_std(listener) {
            Ok(listener) => {
                let stopped = async move {
                    let _ = stopping.changed().await;
                };
                servers.spawn(http::serve(listener, app.clone(), stopped));
            }
            Err(error) => say(&format!("bully: http: {error}")),
        }
    }
    stopped.await;
    drop(stop);
    while servers.join_next().await.is_some() {}
}

/// SIGTERM and SIGINT.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> anyhow::Result<Self> {
        let on = |kind| signal(kind).context("signals cannot be received");
        Ok(Self {
            terminate: on(SignalKind::terminate())?,
            interrupt: on(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// A node of the demo ends with it, however that ends. False if it has ended already.
fn end_with_demo() -> bool {
    use rustix::process::{Signal, getppid, set_parent_process_death_signal};
    let Some(parent) = std::env::var(PARENT).ok() else {
        return true;
    };
    let is_set = set_parent_process_death_signal(Some(Signal::KILL)).is_ok();
    is_set && getppid().is_some_and(|pid| pid.as_raw_nonzero().to_string() == parent)
}

/// A thousand peers and a thousand clients may want one each.
fn raise_descriptor_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum.unwrap_or(65_536).min(65_536);
    if limit.current.is_some_and(|current| current < wanted) {
        // What it cannot have, it does without: sockets are refused later, one by one.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), ..limit });
    }
}

/// A line on standard error. That nobody reads it is no reason to stop.
pub(crate) fn say(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}
