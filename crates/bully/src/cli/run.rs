//! `bully`: run a node until it is told to end.

use std::future::Future;
use std::io::{self, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use anyhow::Context as _;
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{Notify, watch};

use super::bind;
use super::demo::PARENT;
use super::exit::{Exit, Failure};
use super::interface::Interface;
use super::log::{self, Log};
use super::reload::{Hangup, Hangups, Reloads};
use super::secret::Security;
use super::settings::Settings;
use super::usage::quoted;
use super::webhook::Webhook;
use super::{Ask, Outcome, Tell, ask as asking, notify, tell as telling};
use crate::link;
use crate::{Builder, Elector, Mode, NOTICE, Pins, Secrets, View};

/// Runs a node. Returns when it has left.
pub fn run(settings: &Settings) -> Exit {
    if let Err(why) = end_with_demo() {
        say(&format!("bully: {why}"));
        return Exit::Usage;
    }
    // The room depends on the limit, and is made before the log has a thread.
    raise_descriptor_limit();
    link::make_room_for_listener();
    let log = match log::start(settings.log, settings.log_level) {
        Ok(log) => log,
        Err(error) => {
            say(&format!("bully: the log cannot start: {error}"));
            return Exit::Error;
        }
    };
    let outcome = block_on(async {
        match node(settings, &log).await {
            Ok(exit) => exit,
            Err(error) => {
                // By way of the log: what it said comes before what ended it.
                log.say(&format!("bully: {error:#}"));
                log.flush().await;
                exit_of(&error)
            }
        }
    });
    outcome.unwrap_or_else(|error| {
        say(&format!("bully: {error:#}"));
        Exit::Error
    })
}

/// Asks a node, and prints its answer.
pub fn ask(question: &Ask) -> Exit {
    print_what_comes_of(asking::answer(question))
}

/// Tells a node to do something, and prints what came of it.
pub fn tell(order: &Tell) -> Exit {
    print_what_comes_of(telling::obey(order))
}

fn print_what_comes_of(request: impl Future<Output = Outcome>) -> Exit {
    match block_on(request) {
        Ok(outcome) => print(&outcome),
        Err(error) => {
            say(&format!("bully: {error:#}"));
            Exit::Error
        }
    }
}

pub(super) fn print(outcome: &Outcome) -> Exit {
    // Nobody reads: the exit code says it still.
    let _ = io::stdout().write_all(outcome.stdout.as_bytes());
    let _ = io::stderr().write_all(outcome.stderr.as_bytes());
    outcome.exit
}

/// The exit code that the error itself knows, if it does.
fn exit_of(error: &anyhow::Error) -> Exit {
    error.downcast_ref().map_or(Exit::Error, |failure: &Failure| failure.exit)
}

/// Runs to the end of the future, and not a moment longer: a lookup that no server answers, or a
/// terminal at which nobody types, holds a thread that nobody waits for.
pub(super) fn block_on<T>(future: impl Future<Output = T>) -> anyhow::Result<T> {
    let runtime = runtime()?;
    let outcome = runtime.block_on(future);
    runtime.shutdown_background();
    Ok(outcome)
}

/// One thread suffices for a node, and wakes no other between a word heard and the answer.
pub(super) fn runtime() -> anyhow::Result<Runtime> {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().build().context("the runtime cannot start")
}

/// The first signal hands leadership over and says goodbye; a second one ends at once.
async fn node(settings: &Settings, log: &Log) -> anyhow::Result<Exit> {
    let mut signals = Signals::new()?;
    let reload = Arc::clone(&signals.reload);
    let (elector, interface, mut reloads) = tokio::select! {
        started = start(settings) => started?,
        // No peer knows this node yet: there is nothing to hand over.
        () = signals.next() => {
            log.flush().await;
            return Ok(Exit::Done);
        }
    };
    let told = async {
        notify::ready(elector.view()).await;
        std::future::pending::<()>().await;
    };
    let reloaded = async {
        loop {
            reload.notified().await;
            reloads = std::mem::take(&mut reloads).all().await;
        }
    };
    tokio::select! {
        () = signals.next() => {}
        () = told => {}
        () = reloaded => {}
        () = lost(elector.view()) => {
            // What it was is on standard error: a panic. A supervisor starts the process anew.
            log.say("bully: the node has ended by itself: this is a bug");
            log.flush().await;
            return Ok(Exit::Error);
        }
    }
    let end = async {
        notify::stopping().await;
        elector.shutdown().await;
        // First, since clients are answered until the end: none waits while a reader is waited for.
        log.flush().await;
        interface.stop().await;
    };
    tokio::select! {
        () = end => Ok(Exit::Done),
        () = signals.next() => Ok(Exit::Error),
    }
}

/// Waits for the end of a node that nobody has told to end.
async fn lost(mut view: watch::Receiver<View>) {
    while view.changed().await.is_ok() {}
}

async fn start(settings: &Settings) -> anyhow::Result<(Elector, Interface, Reloads)> {
    let webhook = settings.webhook.as_ref().map(|url| Webhook::new(url.as_str())).transpose();
    let webhook = webhook.map_err(|why| anyhow::anyhow!("the webhook cannot be used: {why}"))?;
    let guard = settings.http_guard.load().map_err(|why| Failure::new(Exit::Usage, why))?;
    let mut reloads = Reloads::default();
    settings.http_guard.reload(&guard, &mut reloads);
    let security = settings.security.as_ref().map(Security::read).transpose();
    let security = security.map_err(|line| Failure::new(Exit::Usage, line))?;
    let builder = || secured(builder(settings), security.as_ref());
    let peers = bind::peers(settings, builder).await?;
    let listeners = bind::http(&settings.http).await?;
    let http = listeners.shown(guard.tls.is_some());
    tracing::warn!(target: NOTICE, "{}", start_line(settings, &http));
    let elector = bind::start(peers, settings, builder).await?;
    if let Some(security) = settings.security.clone().filter(Security::is_in_files) {
        let elector = elector.clone();
        reloads.add("the secret of the peers", move || security.reread(&elector));
    }
    let interface = Interface::start(&elector, settings.show_port, listeners, guard, webhook)?;
    Ok((elector, interface, reloads))
}

pub(super) fn builder(settings: &Settings) -> Builder {
    let mut builder = Elector::builder()
        .nodes(settings.nodes.iter().map(ToString::to_string))
        .port(settings.port)
        .cluster(&settings.cluster)
        .priority(settings.priority)
        .preempt(settings.preempt)
        .heartbeat(settings.heartbeat)
        .mode(settings.mode());
    if let Some(quorum) = &settings.quorum {
        builder = builder.lease(quorum.lease).moved(quorum.moved);
    }
    if let Some(directory) = settings.data_directory() {
        builder = builder.data_dir(directory);
    }
    if let Some(ip) = settings.bind {
        builder = builder.bind(ip);
    }
    if let Some(place) = &settings.advertise {
        builder = builder.advertise(place.to_string());
    }
    builder
}

fn secured(builder: Builder, security: Option<&(Secrets, Option<Pins>)>) -> Builder {
    let Some((secrets, pins)) = security else { return builder };
    let builder = builder.secrets(secrets.clone());
    match pins {
        Some(pins) => builder.pins(pins.clone()),
        None => builder,
    }
}

fn start_line(settings: &Settings, http: &str) -> String {
    let peers =
        SocketAddr::new(settings.bind.unwrap_or(Ipv4Addr::UNSPECIFIED.into()), settings.port);
    let mode = match settings.mode() {
        Mode::Bully => "bully (a split has two leaders)",
        Mode::Quorum => "quorum (experimental)",
    };
    let data = settings.data_directory().map(|directory| format!(", data {}", directory.display()));
    let data = data.unwrap_or_default();
    let secret = match &settings.security {
        Some(Security { peer_keys: Some(_), .. }) => " with secret and listed keys",
        Some(_) => " with secret",
        None if peers.ip().is_loopback() => "",
        None => " without secret",
    };
    format!("bully: mode {mode}, peers {peers}{secret}, {http}{data}")
}

/// SIGTERM and SIGINT, and SIGHUP where it means the end.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangups: Hangups,
    /// Told of each SIGHUP that means something else.
    reload: Arc<Notify>,
}

impl Signals {
    fn new() -> anyhow::Result<Self> {
        let on = |kind| signal(kind).context("signals cannot be received");
        Ok(Self {
            terminate: on(SignalKind::terminate())?,
            interrupt: on(SignalKind::interrupt())?,
            hangups: Hangups::new().context("signals cannot be received")?,
            reload: Arc::default(),
        })
    }

    /// Waits for one that means the end.
    async fn next(&mut self) {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return,
                _ = self.interrupt.recv() => return,
                hangup = self.hangups.next() => match hangup {
                    Hangup::End => return,
                    Hangup::Reload => self.reload.notify_one(),
                },
            }
        }
    }
}

/// A node of the demo ends with it, however that ends.
///
/// # Errors
/// One line, where the demo has ended already, or somebody else set its variable.
fn end_with_demo() -> Result<(), String> {
    use rustix::process::{Signal, getppid, set_parent_process_death_signal};
    let Some(parent) = std::env::var(PARENT).ok().filter(|parent| !parent.is_empty()) else {
        return Ok(());
    };
    // Asked for before the look at who the parent is: it may end in between.
    set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(|error| format!("prctl: {error}"))?;
    if getppid().is_some_and(|pid| pid.as_raw_nonzero().to_string() == parent) {
        return Ok(());
    }
    Err(format!("{PARENT}: {} did not start this process: only the demo sets it", quoted(&parent)))
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

/// A line on standard error, which waits for whoever reads it: never from a node that runs. That
/// nobody reads it is no reason to stop.
pub(crate) fn say(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::tests::configured;

    #[test]
    fn the_first_line_says_how_it_elects_where_it_listens_and_where_its_data_are() {
        let settings = configured(&[], &[]).settings;
        let bully = "bully: mode bully (a split has two leaders), peers 0.0.0.0:8117 without \
                     secret, https 0.0.0.0:8443";
        assert_eq!(start_line(&settings, "https 0.0.0.0:8443"), bully);
        let line = ["-mode=quorum", "-data-dir=/var/lib/bully", "-http=off", "-port=9"];
        let quorum = "bully: mode quorum (experimental), peers 0.0.0.0:9 without secret, http off, \
                      data /var/lib/bully/bully/9";
        assert_eq!(start_line(&configured(&line, &[]).settings, "http off"), quorum);
    }

    #[test]
    fn the_first_line_says_whether_peers_are_known_by_a_secret() {
        let secret = ("BULLY_SECRET", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");
        for (line, variables, said) in [
            (&[][..], &[][..], "peers 0.0.0.0:8117 without secret, "),
            (&["-bind=10.0.0.1"], &[], "peers 10.0.0.1:8117 without secret, "),
            (&["-bind=127.0.0.1"], &[], "peers 127.0.0.1:8117, "),
            (&[], &[secret], "peers 0.0.0.0:8117 with secret, "),
            (&["-peer-keys=/k"], &[secret], "peers 0.0.0.0:8117 with secret and listed keys, "),
        ] {
            let line = start_line(&configured(line, variables).settings, "http off");
            assert!(line.contains(said), "{line}");
        }
    }

    #[test]
    fn the_builder_is_told_every_setting_of_the_mode() {
        let line = ["-mode=quorum", "-data-dir=/d", "-lease=2s", "-moved", "-heartbeat=90ms"];
        let builder = builder(&configured(&line, &[]).settings);
        assert_eq!((builder.mode, builder.moved), (Mode::Quorum, true));
        assert_eq!(builder.lease, std::time::Duration::from_secs(2));
        assert_eq!(builder.heartbeat, Some(std::time::Duration::from_millis(90)));
        assert_eq!(builder.data_dir, Some("/d/bully/8117".into()));
        let builder = self::builder(&configured(&[], &[]).settings);
        assert_eq!((builder.mode, builder.moved, builder.data_dir), (Mode::Bully, false, None));
    }
}
