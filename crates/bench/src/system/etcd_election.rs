//! An election in etcd, on a lease of two seconds, the least that etcd grants: its election API, by way
//! of its JSON gateway. One server, which must not fail.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde_json::{Value, json};
use tokio::signal::unix::{SignalKind, signal};

use super::System;
use crate::arena::{Arena, Node, program};
use crate::observe::{Target, Transport};

/// Its name in tables.
pub const ELECTION: &str = "etcd election 2 s";

const PORT: u16 = 2379;

/// Where the server keeps its files.
const FOLDER: &str = "/var/lib/bully/election";

/// What it grants at least.
const LEASE: Duration = Duration::from_secs(2);

/// How often a client renews within a lease, as etcd's own does.
const RENEWALS: u32 = 3;

/// `leader`, as the gateway takes bytes: in base64.
const NAME: &str = "bGVhZGVy";

/// The election.
#[derive(Clone, Copy, Debug)]
pub struct EtcdElection;

impl System for EtcdElection {
    fn name(&self) -> String {
        ELECTION.to_owned()
    }

    fn check(&self) -> anyhow::Result<()> {
        program("etcd").map(|_| ())
    }

    fn clean(&self, arena: &Arena) -> anyhow::Result<()> {
        // There is none before the first trial.
        let _ = std::fs::remove_dir_all(arena.observer().path(FOLDER));
        Ok(())
    }

    fn start_beside(&self, arena: &Arena) -> anyhow::Result<Option<Node>> {
        let host = arena.observer();
        let urls = format!("http://{}:{PORT}", host.ipv4());
        let folder = format!("--data-dir={FOLDER}");
        let (listen, advertise) =
            (format!("--listen-client-urls={urls}"), format!("--advertise-client-urls={urls}"));
        let words = [&*folder, &listen, &advertise, "--logger=zap", "--log-level=error"];
        Ok(Some(vec![host.spawn(program("etcd")?, words)?].into()))
    }

    fn start(&self, arena: &Arena, node: usize, _folder: &str) -> anyhow::Result<Node> {
        let this = std::env::current_exe().context("this program's own path")?;
        let server = format!("{}:{PORT}", arena.observer().ipv4());
        let words = ["etcd-campaign".to_owned(), server, node.to_string()];
        Ok(vec![arena.spawn(node, this, words)?].into())
    }

    /// One for all: the holder's name stands in the election.
    fn targets(&self, arena: &Arena) -> Vec<Target> {
        let body = json!({ "name": NAME }).to_string();
        let length = body.len();
        vec![Target {
            address: (arena.observer().ipv4(), PORT).into(),
            ask: format!(
                "POST /v3/election/leader HTTP/1.1\r\nHost: bench\r\nContent-Length: {length}\r\n\r\n{body}"
            ),
            transport: Transport::Http,
            after: "\"value\":\"".to_owned(),
            until: "\"".to_owned(),
        }]
    }

    fn agreed(&self, arena: &Arena, answers: &[Option<String>], asked: &[usize]) -> Option<usize> {
        let holder: usize = answers.first()?.as_ref()?.strip_prefix("node")?.parse().ok()?;
        (holder < arena.nodes() && asked.contains(&holder)).then_some(holder)
    }

    fn period(&self) -> Duration {
        LEASE / RENEWALS
    }

    fn settles_in(&self) -> Duration {
        LEASE
    }
}

/// One contender: takes a lease, stands for election, and renews the lease for as long as it lives. On
/// SIGTERM it gives the lease back, as etcd's own clients do, and ends.
///
/// # Errors
/// If the server cannot be reached, or refuses.
pub fn campaign(server: SocketAddr, node: usize) -> anyhow::Result<()> {
    // The server may just have been started.
    let mut stream = connect(server)?;
    let granted = ask(&mut stream, "/v3/lease/grant", &json!({"TTL": LEASE.as_secs()}))?;
    let lease = granted["ID"].as_str().context("a lease")?.to_owned();
    let renewing = lease.clone();
    std::thread::spawn(move || {
        loop {
            std::thread::sleep(LEASE / RENEWALS);
            // A host that has vanished for a while tries again.
            let _ = ask(&mut stream, "/v3/lease/keepalive", &json!({ "ID": renewing }));
        }
    });
    let mut leaving = TcpStream::connect(server).context("etcd")?;
    let (held, told) = (lease.clone(), terminated()?);
    std::thread::spawn(move || {
        told();
        let _ = ask(&mut leaving, "/v3/lease/revoke", &json!({ "ID": held }));
        std::process::exit(0);
    });
    let mut standing = TcpStream::connect(server).context("etcd")?;
    // Eight letters are whole base64, and are read back as they are.
    let words = json!({"name": NAME, "lease": lease, "value": format!("node{node:04}")});
    ask(&mut standing, "/v3/election/campaign", &words)?;
    loop {
        std::thread::park();
    }
}

/// From now on SIGTERM ends nothing: what this returns waits for it.
fn terminated() -> anyhow::Result<impl FnOnce() + Send + 'static> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut signals = {
        let _entered = runtime.enter();
        signal(SignalKind::terminate()).context("SIGTERM")?
    };
    Ok(move || {
        runtime.block_on(signals.recv());
    })
}

fn connect(server: SocketAddr) -> anyhow::Result<TcpStream> {
    for _ in 0..500 {
        if let Ok(stream) = TcpStream::connect(server) {
            stream.set_nodelay(true)?;
            return Ok(stream);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    bail!("etcd does not listen")
}

/// Asks the gateway, on a connection that is kept.
fn ask(stream: &mut TcpStream, path: &str, words: &Value) -> anyhow::Result<Value> {
    let body = words.to_string();
    let length = body.len();
    let head = format!("POST {path} HTTP/1.1\r\nHost: bench\r\nContent-Length: {length}\r\n\r\n");
    stream.write_all((head + &body).as_bytes())?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut length = None;
    loop {
        let mut line = String::new();
        anyhow::ensure!(reader.read_line(&mut line)? > 0, "etcd closed the connection");
        let line = line.trim_end().to_ascii_lowercase();
        if let Some(text) = line.strip_prefix("content-length:") {
            length = text.trim().parse::<usize>().ok();
        }
        if line.is_empty() {
            break;
        }
    }
    let Some(length) = length else {
        // A stream of one answer, in a chunk: its length, then itself.
        let mut size = String::new();
        reader.read_line(&mut size)?;
        let size = usize::from_str_radix(size.trim(), 16).context("a chunk")?;
        let mut chunk = vec![0; size + "\r\n0\r\n\r\n".len()];
        reader.read_exact(&mut chunk)?;
        return serde_json::from_slice(&chunk[..size]).context(path.to_owned());
    };
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    serde_json::from_slice(&body).context(path.to_owned())
}
