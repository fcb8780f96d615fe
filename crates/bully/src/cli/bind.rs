//! What a node must have for itself alone, its sockets and its data directory, and what to say where
//! one is not to be had.

use std::io::{self, ErrorKind};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use tokio::net::{TcpListener, lookup_host};

use super::exit::{Exit, Failure};
use super::interface::Listeners;
use super::listen::{HttpListen, HttpPlace};
use super::place::Place;
use super::settings::Settings;
use super::socket;
use crate::link;
use crate::{Builder, Elector, StartError, StoreError};

/// How long a killed process may hold its ports and its data directory.
const GHOST_WITHIN: Duration = Duration::from_millis(300);

/// Between two tries to have what it holds.
const PAUSE: Duration = Duration::from_millis(5);

fn of_peers(error: &StartError, bind: Option<IpAddr>) -> Failure {
    let StartError::Bind { address, source } = error else {
        return Failure::new(Exit::Error, error.to_string());
    };
    match (source.kind(), bind) {
        (ErrorKind::AddrInUse, _) => {
            let remedy = "end what listens there, or choose another port";
            Failure::new(Exit::InUse, format!("-port: {address} is taken: {remedy}"))
        }
        (ErrorKind::AddrNotAvailable, Some(ip)) => {
            let remedy = "choose one that is, or leave the flag out for all of them";
            Failure::new(
                Exit::Usage,
                format!("-bind: {ip} is no address of this machine: {remedy}"),
            )
        }
        _ => Failure::new(Exit::Error, format!("cannot listen for peers on {address}: {source}")),
    }
}

fn of_http(address: &str, source: &io::Error) -> Failure {
    let (exit, what) = match source.kind() {
        ErrorKind::AddrInUse => (Exit::InUse, "is taken: end what listens there, or choose"),
        ErrorKind::AddrNotAvailable => {
            (Exit::Usage, "is no address of this machine: choose one that is,")
        }
        _ => {
            let line = format!("-http: cannot listen on {address}: {source}");
            return Failure::new(Exit::Error, line);
        }
    };
    let others = if exit == Exit::InUse { "another -http=ADDR," } else { ":PORT for all of them," };
    Failure::new(exit, format!("-http: {address} {what} {others} or -http=off"))
}

fn of_name(host: &str) -> Failure {
    let remedy = "choose an address of this machine, :PORT for all of them, or off";
    Failure::new(Exit::Usage, format!("-http: lookup {host}: no such host: {remedy}"))
}

/// Whatever else keeps a node from starting. What a setting is to blame for is no crash: it is wrong
/// until somebody changes it. That the address is another one may pass, where the network is not up
/// yet.
fn of_start(error: &StartError) -> Failure {
    let exit = match error {
        StartError::Store(StoreError::Locked { .. }) => Exit::InUse,
        StartError::Config(_) | StartError::Address { .. } => Exit::Usage,
        _ => Exit::Error,
    };
    Failure::new(exit, error.to_string())
}

/// The builder with the peers' port bound.
pub(super) async fn peers(
    settings: &Settings,
    builder: impl Fn() -> Builder,
) -> Result<Builder, Failure> {
    let listen = async || builder().listen().map_err(|e| of_peers(&e, settings.bind));
    patiently(listen).await
}

/// The sockets for HTTP; none where it is off.
pub(super) async fn http(listen: &HttpListen) -> Result<Listeners, Failure> {
    let mut listeners = Listeners::default();
    for place in &listen.0 {
        match place {
            HttpPlace::Unix(path) => {
                listeners.unix.push(patiently(async || socket::bind(path)).await?);
            }
            HttpPlace::All(port) => {
                let wrong = |error| of_http(&format!("0.0.0.0:{port}"), &error);
                let bound = patiently(async || bind(None, *port).map_err(wrong)).await?;
                listeners.tcp.extend(bound);
            }
            HttpPlace::At(place) => {
                listeners.tcp.extend(patiently(async || at(place).await).await?);
            }
        }
    }
    Ok(listeners)
}

/// The node. A process that was just killed may hold its data directory for a moment as well, after
/// it has let go of its ports; `build` makes the builder once more then, as in [`peers`].
pub(super) async fn start(
    builder: Builder,
    settings: &Settings,
    build: impl Fn() -> Builder,
) -> Result<Elector, Failure> {
    let give_up = Instant::now() + GHOST_WITHIN;
    let mut builder = builder;
    loop {
        match builder.start().await.map_err(|error| of_start(&error)) {
            Err(failure) if failure.exit == Exit::InUse && Instant::now() < give_up => {
                tokio::time::sleep(PAUSE).await;
            }
            outcome => return outcome,
        }
        builder = peers(settings, &build).await?;
    }
}

/// Binds again and again for a moment while a port is taken: a process that was just killed, and
/// is restarted at once, holds its ports until the kernel is done with it.
async fn patiently<T>(bind: impl AsyncFn() -> Result<T, Failure>) -> Result<T, Failure> {
    let give_up = Instant::now() + GHOST_WITHIN;
    loop {
        match bind().await {
            Err(error) if error.exit == Exit::InUse && Instant::now() < give_up => {
                tokio::time::sleep(PAUSE).await;
            }
            outcome => return outcome,
        }
    }
}

fn bind(ip: Option<IpAddr>, port: u16) -> io::Result<Vec<TcpListener>> {
    link::bind(ip, port)?.into_iter().map(TcpListener::from_std).collect()
}

/// Every address that the place stands for. Of a name's several, those that cannot be had are done
/// without: `localhost` has one that a machine without IPv6 lacks.
async fn at(place: &Place) -> Result<Vec<TcpListener>, Failure> {
    let wrong = |error: &io::Error| of_http(&place.to_string(), error);
    if let Some(ip) = place.ip() {
        return bind(Some(ip), place.port).map_err(|error| wrong(&error));
    }
    let found = lookup_host((&*place.host, place.port)).await;
    let found = found.map_err(|_| of_name(&place.host))?;
    let mut bound: Vec<TcpListener> = Vec::new();
    let mut refused = None;
    for ip in found.map(|address| address.ip().to_canonical()) {
        let addresses = || bound.iter().filter_map(|listener| listener.local_addr().ok());
        if addresses().any(|address| address.ip() == ip) {
            continue;
        }
        // A port that the system chose for the first address is meant for all.
        let port = addresses().next().map_or(place.port, |address| address.port());
        match bind(Some(ip), port) {
            Ok(listeners) => bound.extend(listeners),
            Err(error) if error.kind() == ErrorKind::AddrInUse => return Err(wrong(&error)),
            Err(error) => refused = Some(error),
        }
    }
    match refused {
        _ if !bound.is_empty() => Ok(bound),
        Some(error) => Err(wrong(&error)),
        None => Err(of_name(&place.host)),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::net::SocketAddr;

    use super::*;

    fn listen(text: &str) -> HttpListen {
        HttpListen::parse(text).expect("a place to listen")
    }

    #[tokio::test]
    async fn a_name_is_served_on_each_address_that_it_stands_for_at_one_port() {
        let expected: BTreeSet<IpAddr> = lookup_host(("localhost", 1))
            .await
            .expect("every machine knows it")
            .map(|address| address.ip())
            .filter(|ip| std::net::TcpListener::bind((*ip, 0)).is_ok())
            .collect();
        let bound = http(&listen("localhost:0")).await.expect("it is free");
        let bound: Vec<_> = bound.tcp.iter().map(|l| l.local_addr().expect("bound")).collect();
        assert_eq!(bound.iter().map(SocketAddr::ip).collect::<BTreeSet<_>>(), expected);
        assert!(bound.iter().all(|address| address.port() == bound[0].port()), "{bound:?}");
    }

    /// The settings of a node with its data in that folder and its peers on a free port.
    fn settings(folder: &tempfile::TempDir) -> Settings {
        let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = free.local_addr().expect("bound").port();
        let data_dir = folder.path().to_str().expect("the path of a test is UTF-8");
        crate::cli::tests::configured(
            &[
                "-mode=quorum",
                "-bind=127.0.0.1",
                &format!("-port={port}"),
                &format!("-data-dir={data_dir}"),
            ],
            &[],
        )
        .settings
    }

    async fn started(settings: &Settings) -> Result<Elector, Failure> {
        let build = || super::super::run::builder(settings);
        let builder = peers(settings, build).await.expect("the port is free");
        start(builder, settings, build).await
    }

    #[tokio::test]
    async fn a_data_directory_in_use_has_an_exit_code_of_its_own() {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let settings = settings(&folder);
        let directory = settings.data_directory().expect("quorum mode has one");
        let holder = crate::store::Store::open(&directory, "bully").expect("nobody else has it");
        let failure = started(&settings).await.expect_err("it is held");
        assert_eq!(failure.exit, Exit::InUse);
        assert!(failure.to_string().contains(&directory.display().to_string()), "{failure}");
        drop(holder);
    }

    #[tokio::test]
    async fn a_data_directory_that_a_killed_process_still_holds_is_waited_for() {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let settings = settings(&folder);
        let directory = settings.data_directory().expect("quorum mode has one");
        let holder = crate::store::Store::open(&directory, "bully").expect("nobody else has it");
        let ghost = async {
            tokio::time::sleep(PAUSE * 3).await;
            drop(holder);
        };
        let (started, ()) = tokio::join!(started(&settings), ghost);
        // Whatever became of it, it was not kept out.
        assert_ne!(started.err().map(|failure| failure.exit), Some(Exit::InUse));
    }

    #[tokio::test]
    async fn a_damaged_record_is_told_and_left_alone() {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let settings = settings(&folder);
        let directory = settings.data_directory().expect("quorum mode has one");
        std::fs::create_dir_all(&directory).expect("a directory");
        let state = directory.join("state");
        std::fs::write(&state, "nonsense").expect("it is written");
        let failure = started(&settings).await.expect_err("it is damaged");
        assert_eq!(failure.exit, Exit::Error);
        assert!(failure.to_string().contains(&state.display().to_string()), "{failure}");
        assert_eq!(std::fs::read(&state).expect("it is there"), b"nonsense");
    }

    #[tokio::test]
    async fn what_cannot_be_had_is_told_with_its_flag_its_remedy_and_its_exit_code() {
        let holder = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let taken = holder.local_addr().expect("bound").to_string();
        let end = "is taken: end what listens there, or choose another -http=ADDR, or -http=off";
        let choose = "is no address of this machine: choose one that is, :PORT for all of them, or \
                      -http=off";
        for (place, exit, what) in
            [(&*taken, Exit::InUse, end), ("192.0.2.1:1", Exit::Usage, choose)]
        {
            let error = http(&listen(place)).await.expect_err("it is not to be had");
            assert_eq!(error.exit, exit);
            assert_eq!(error.to_string(), format!("-http: {place} {what}"));
        }
    }
}
