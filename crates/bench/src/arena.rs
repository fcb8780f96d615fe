//! Where systems are measured: hosts of the lab for their nodes, and one more for the observer.

use std::ffi::OsStr;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use bully_lab::{Host, Lab, LabConfig, Process};
use rustix::process::{Pid, Signal, kill_process};

use crate::clock::{self, Nanos, nanos};

/// How long a held program may take to its stop.
const HELD: Duration = Duration::from_secs(10);

/// A lab whose last host is the observer's.
#[derive(Debug)]
pub struct Arena {
    lab: Lab,
    nodes: usize,
    folders: AtomicU64,
    /// Programs are held at their start until they are released.
    is_held: AtomicBool,
}

impl Arena {
    /// Hosts for so many nodes.
    ///
    /// # Errors
    /// If the machine gives no lab.
    pub fn new(nodes: usize) -> anyhow::Result<Self> {
        let lab = Lab::new(&LabConfig::of(nodes + 1)).context("the lab")?;
        Ok(Self { lab, nodes, folders: AtomicU64::new(0), is_held: AtomicBool::new(false) })
    }

    pub fn lab(&self) -> &Lab {
        &self.lab
    }

    /// How many hosts are there for nodes.
    pub fn nodes(&self) -> usize {
        self.nodes
    }

    pub fn host(&self, node: usize) -> &Host {
        self.lab.host(node)
    }

    pub fn observer(&self) -> &Host {
        self.lab.host(self.nodes)
    }

    pub fn ip(&self, node: usize) -> Ipv4Addr {
        self.host(node).ipv4()
    }

    /// The node whose host has this address.
    pub fn node_of(&self, ip: &str) -> Option<usize> {
        (0..self.nodes).find(|node| self.ip(*node).to_string() == ip)
    }

    /// Whether the programs started from now on stop just before their first instruction, to be
    /// released all at once.
    pub fn hold(&self, is_held: bool) {
        self.is_held.store(is_held, Ordering::Relaxed);
    }

    /// Starts a program for a node on its host.
    ///
    /// # Errors
    /// If no process could be started.
    pub fn spawn<S: AsRef<OsStr>>(
        &self,
        node: usize,
        program: impl AsRef<OsStr>,
        words: impl IntoIterator<Item = S>,
    ) -> anyhow::Result<Process> {
        self.spawn_with("", node, program, words)
    }

    /// The same, with its standard error written into a file of the host: nobody is woken to read
    /// what it says at a moment that is being measured.
    ///
    /// # Errors
    /// If no process could be started.
    pub fn spawn_logging<S: AsRef<OsStr>>(
        &self,
        node: usize,
        program: impl AsRef<OsStr>,
        words: impl IntoIterator<Item = S>,
        log: &str,
    ) -> anyhow::Result<Process> {
        self.spawn_with(&format!("exec 2>{log}; "), node, program, words)
    }

    fn spawn_with<S: AsRef<OsStr>>(
        &self,
        first: &str,
        node: usize,
        program: impl AsRef<OsStr>,
        words: impl IntoIterator<Item = S>,
    ) -> anyhow::Result<Process> {
        let is_held = self.is_held.load(Ordering::Relaxed);
        let stop = if is_held { "kill -STOP $$; " } else { "" };
        let script = format!("{first}{stop}exec \"$0\" \"$@\"");
        let words = words.into_iter().map(|word| word.as_ref().to_owned());
        let shell = ["-c".into(), script.into(), program.as_ref().to_owned()];
        let process = self.host(node).spawn("/bin/sh", shell.into_iter().chain(words))?;
        let begun = Instant::now();
        while is_held && !is_stopped(process.pid()) {
            anyhow::ensure!(begun.elapsed() < HELD, "a program does not start");
            std::thread::sleep(Duration::from_micros(200));
        }
        Ok(process)
    }

    /// A new folder, of the same name on every node's host, instead of the last one. Hosts keep
    /// theirs in memory: no system waits for a disk.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn folder(&self) -> anyhow::Result<String> {
        let number = self.folders.fetch_add(1, Ordering::Relaxed);
        let last = format!("/var/lib/bully/{}", number.saturating_sub(1));
        let inside = format!("/var/lib/bully/{number}");
        for node in 0..self.nodes {
            // That of the last trial, whose nodes are dead. There is none before the first.
            let _ = std::fs::remove_dir_all(self.host(node).path(&last));
            let outside = self.host(node).path(&inside);
            std::fs::create_dir(&outside).with_context(|| format!("make {inside} on a host"))?;
        }
        Ok(inside)
    }
}

/// What runs on a host for one node of a system.
#[derive(Debug)]
pub struct Node {
    pub processes: Vec<Process>,
    /// Where the first of them writes its standard error, if not to this process.
    log: Option<PathBuf>,
}

impl From<Vec<Process>> for Node {
    fn from(processes: Vec<Process>) -> Self {
        Self { processes, log: None }
    }
}

impl Node {
    /// A process whose standard error goes into that file, as this process finds it.
    pub fn logging(process: Process, log: PathBuf) -> Self {
        Self { processes: vec![process], log: Some(log) }
    }

    /// Sends a signal to all processes of the node at once, those that they started included.
    pub fn signal(&self, signal: Signal) {
        let mut pids: Vec<u32> = self.processes.iter().map(Process::pid).collect();
        let mut next = 0;
        while let Some(&pid) = pids.get(next) {
            pids.extend(children(pid));
            next += 1;
        }
        for pid in pids {
            if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
                let _ = kill_process(pid, signal);
            }
        }
    }

    /// What the node itself said on standard error.
    pub fn lines(&self) -> Vec<String> {
        match &self.log {
            Some(log) => {
                let text = std::fs::read_to_string(log).unwrap_or_default();
                text.lines().map(ToOwned::to_owned).collect()
            }
            None => self.processes.first().map(Process::stderr_lines).unwrap_or_default(),
        }
    }

    /// When the node itself was seen to have ended.
    pub fn ended_at(&self) -> Option<Nanos> {
        let ended = self.processes.first()?.ended_at()?;
        Some(clock::now().saturating_sub(nanos(ended.elapsed())))
    }

    /// The process id of the node itself.
    pub fn pid(&self) -> u32 {
        self.processes.first().map_or(0, Process::pid)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // A frozen process with children would leave them.
        self.signal(Signal::KILL);
    }
}

fn is_stopped(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name before it may hold anything, a bracket included.
    stat.rsplit_once(')').is_some_and(|(_, rest)| rest.trim_start().starts_with('T'))
}

fn children(pid: u32) -> Vec<u32> {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let lists = threads.filter_map(|t| std::fs::read_to_string(t.path().join("children")).ok());
    lists
        .flat_map(|l| l.split_whitespace().filter_map(|p| p.parse().ok()).collect::<Vec<_>>())
        .collect()
}

/// A program in a folder of `PATH`, or of those where Debian keeps servers.
///
/// # Errors
/// A line that names it, if it is in none.
pub fn program(name: &str) -> anyhow::Result<PathBuf> {
    let path = std::env::var("PATH").unwrap_or_default();
    let folders = path.split(':').chain(["/usr/sbin", "/usr/local/sbin", "/sbin"]);
    let mut found = folders.map(|folder| Path::new(folder).join(name)).filter(|p| p.is_file());
    match found.next() {
        Some(path) => Ok(path),
        None => bail!("{name} is not installed"),
    }
}
