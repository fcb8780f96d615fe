//! bully itself, and the program of 2013, whose command line it shares.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use bully_lab::{Env, Process};

use super::{System, same_address};
use crate::arena::{Arena, Node};
use crate::observe::{Target, Transport};

/// The name of [`Bully::as_slow_as_etcd`].
pub const EQUAL: &str = "bully 320 ms";
/// The name of [`Bully::quorum`].
pub const QUORUM: &str = "bully quorum";
/// The name of [`Bully::quick_quorum`].
pub const QUICK: &str = "bully quorum 300 ms";

/// The names of [`Bully::with_secret`], and of [`Bully::without_secret`] beside it, in bully mode.
pub const SECRET: [&str; 2] = ["bully, secret", "bully, no secret"];
/// The same in quorum mode.
pub const SECRET_QUORUM: [&str; 2] = ["quorum, secret", "quorum, no secret"];

/// A program with the command line of the quick start.
#[derive(Clone, Debug)]
pub struct Bully {
    name: String,
    program: PathBuf,
    ask: &'static str,
    heartbeat: Duration,
    stagger: Duration,
    more: Vec<String>,
    /// Standard error goes into a file.
    is_logging: bool,
    /// Addresses that the nodes list besides those of one another.
    listed: Vec<String>,
    /// The lease, in quorum mode.
    lease: Option<Duration>,
    /// The environment of one of the nodes.
    environment: Option<(usize, Env)>,
}

impl Bully {
    /// The binary that was built with this one.
    ///
    /// # Errors
    /// If it is not there.
    pub fn built() -> anyhow::Result<Self> {
        let this = std::env::current_exe().context("this program's own path")?;
        Ok(Self::at(this.with_file_name("bully")))
    }

    /// This binary.
    pub fn at(program: PathBuf) -> Self {
        // Entering a host leaves the working directory behind.
        let program = std::path::absolute(&program).unwrap_or(program);
        Self {
            name: "bully".to_owned(),
            program,
            ask: "/leader?wait=0s",
            heartbeat: Duration::from_millis(100),
            stagger: Duration::ZERO,
            more: Vec::new(),
            is_logging: false,
            listed: Vec::new(),
            lease: None,
            environment: None,
        }
    }

    /// In quorum mode, at its defaults: a heartbeat each 150 ms, a lease of 1 s.
    pub fn quorum(&self) -> Self {
        let (heartbeat, lease) = (Duration::from_millis(150), Some(Duration::from_secs(1)));
        Self { name: QUORUM.to_owned(), heartbeat, lease, ..self.with(&["-mode=quorum"]) }
    }

    /// In quorum mode, with a lease of 300 ms.
    pub fn quick_quorum(&self) -> Self {
        let flags = ["-mode=quorum", "-lease=300ms", "-heartbeat=40ms"];
        let (heartbeat, lease) = (Duration::from_millis(40), Some(Duration::from_millis(300)));
        Self { name: QUICK.to_owned(), heartbeat, lease, ..self.with(&flags) }
    }

    /// Its nodes share the secret in that file.
    pub fn with_secret(&self, file: &Path) -> Self {
        let flag = format!("-secret-file={}", file.display());
        Self { name: self.names()[0].to_owned(), ..self.with(&[&flag]) }
    }

    /// The same without one, under a name that tells it from what was measured at another time.
    pub fn without_secret(&self) -> Self {
        Self { name: self.names()[1].to_owned(), ..self.clone() }
    }

    fn names(&self) -> [&'static str; 2] {
        if self.is_quorum() { SECRET_QUORUM } else { SECRET }
    }

    pub fn is_quorum(&self) -> bool {
        self.lease.is_some()
    }

    /// The binary.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// One of its nodes lives in this environment.
    pub fn with_environment(&self, node: usize, environment: Env) -> Self {
        Self { environment: Some((node, environment)), ..self.clone() }
    }

    /// Has the leader, a node on that host, hand over to another; by a process of its own.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn transfer(&self, arena: &Arena, leader: usize, to: usize) -> anyhow::Result<Process> {
        let to = format!("-to={}:8117", arena.ip(to));
        arena.spawn(leader, &self.program, ["transfer", &to])
    }

    /// Gives the node of a host another priority.
    ///
    /// # Errors
    /// If its machine starts no process.
    pub fn prioritize(&self, arena: &Arena, node: usize, priority: u32) -> anyhow::Result<Process> {
        arena.spawn(node, &self.program, ["priority", &priority.to_string()])
    }

    /// The program of 2013, built from its own source. It gives no sign of life, and nodes that
    /// start at once deadlock more often than not.
    pub fn go(program: PathBuf) -> Self {
        let name = "Go bully (2013)".to_owned();
        Self { name, ask: "/leader", stagger: Duration::from_millis(500), ..Self::at(program) }
    }

    /// Asked so that an answer waits for the outcome of an election, as it does by default.
    pub fn waiting(&self) -> Self {
        Self { ask: "/leader", ..self.clone() }
    }

    /// With more flags.
    pub fn with(&self, flags: &[&str]) -> Self {
        let more = self.more.iter().cloned().chain(flags.iter().map(ToString::to_string));
        Self { more: more.collect(), ..self.clone() }
    }

    /// Nodes say on standard error, with their own stamps, what they see.
    pub fn with_stamps(&self) -> Self {
        Self { is_logging: true, ..self.with(&["-log=json", "-log-level=debug"]) }
    }

    /// With heartbeats so rare that a silent leader is noticed as late as by etcd at its defaults
    /// (1.27 s in the median; "failover: vanish" shows both).
    pub fn as_slow_as_etcd(&self) -> Self {
        let heartbeat = Duration::from_millis(320);
        Self { name: EQUAL.to_owned(), heartbeat, ..self.with(&["-heartbeat=320ms"]) }
    }

    /// With more addresses in the list.
    pub fn listing(&self, addresses: &[String]) -> Self {
        Self { listed: addresses.to_vec(), ..self.clone() }
    }
}

impl System for Bully {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn check(&self) -> anyhow::Result<()> {
        anyhow::ensure!(self.program.is_file(), "{} is not built", self.program.display());
        Ok(())
    }

    fn start(&self, arena: &Arena, node: usize, folder: &str) -> anyhow::Result<Node> {
        let own = (0..arena.nodes()).map(|node| format!("{}:8117", arena.ip(node)));
        let list: Vec<String> = own.chain(self.listed.iter().cloned()).collect();
        let nodes = format!("-nodes={}", list.join(","));
        let data = format!("-data-dir={folder}");
        let mut words = vec!["-port=8117", &nodes, "-http=0.0.0.0:8080"];
        words.extend(self.more.iter().map(String::as_str));
        words.extend(self.lease.map(|_| &*data));
        if self.is_logging {
            let log = format!("{folder}/stderr");
            let process = arena.spawn_logging(node, &self.program, words, &log)?;
            return Ok(Node::logging(process, arena.host(node).path(&log)));
        }
        match &self.environment {
            Some((of, environment)) if *of == node => {
                let set = environment.iter().map(|(name, value)| format!("{name}={value}").into());
                let own = std::iter::once(self.program.clone().into_os_string());
                let words = set.chain(own).chain(words.into_iter().map(OsString::from));
                Ok(vec![arena.spawn(node, "env", words)?].into())
            }
            _ => Ok(vec![arena.spawn(node, &self.program, words)?].into()),
        }
    }

    fn targets(&self, arena: &Arena) -> Vec<Target> {
        let target = |node| Target {
            address: (arena.ip(node), 8080).into(),
            ask: format!("GET {} HTTP/1.1\r\nHost: bench\r\n\r\n", self.ask),
            transport: Transport::Http,
            after: String::new(),
            until: String::new(),
        };
        (0..arena.nodes()).map(target).collect()
    }

    fn agreed(&self, arena: &Arena, answers: &[Option<String>], asked: &[usize]) -> Option<usize> {
        same_address(arena, answers, asked)
    }

    fn period(&self) -> Duration {
        self.heartbeat
    }

    fn stagger(&self) -> Duration {
        self.stagger
    }

    fn settles_in(&self) -> Duration {
        // In quorum mode whoever was started is silent for a lease, and then votes.
        Duration::from_millis(400) + self.lease.unwrap_or_default()
    }
}
