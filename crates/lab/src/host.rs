//! One host of a lab.

use std::ffi::OsStr;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};

use crate::config::{LabConfig, ipv6_beside};
use crate::error::LabError;
use crate::namespace::Namespace;
use crate::process::Process;

/// How long programs that were killed may take to be gone.
const KILLED: Duration = Duration::from_secs(10);

/// One host: a network, addresses and a `/var/lib/bully` of its own; otherwise the files,
/// processes and clock of the machine.
///
/// A clone names the same host. It keeps nothing alive: when the lab is gone, so is the host.
#[derive(Clone, Debug)]
pub struct Host {
    index: usize,
    name: String,
    ipv4: Ipv4Addr,
    ipv6: Option<Ipv6Addr>,
    namespace: Namespace,
}

impl Host {
    pub(crate) fn new(index: usize, config: &LabConfig, ipv6: bool, namespace: Namespace) -> Self {
        let ipv4 = config.ipv4(index);
        Self { index, name: name(ipv4), ipv4, ipv6: ipv6.then(|| ipv6_beside(ipv4)), namespace }
    }

    /// The host's number in the lab, from 0; what the faults take.
    pub fn index(&self) -> usize {
        self.index
    }

    /// `host67` for 192.168.1.67. Resolves to the IPv4 address on every host, unless the
    /// configuration has no names; `host67-v6` to the IPv6 address.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The IPv4 address on `eth0`.
    pub fn ipv4(&self) -> Ipv4Addr {
        self.ipv4
    }

    /// The IPv6 address on `eth0`, where there is IPv6.
    pub fn ipv6(&self) -> Option<Ipv6Addr> {
        self.ipv6
    }

    /// A program to be run on this host. The environment is the test's; the working directory is
    /// `/` and cannot be set. The child's process id is the program's own.
    pub fn command<I, S>(&self, program: impl AsRef<OsStr>, args: I) -> Command
    where
        I: IntoIterator<Item = S>,
        S: AsRef<OsStr>,
    {
        let program = program.as_ref();
        let mut command = if program.as_encoded_bytes().contains(&b'/') {
            // Entering the host leaves the working directory behind.
            let whole = std::path::absolute(program).unwrap_or_else(|_| program.into());
            self.namespace.command(whole.as_os_str())
        } else {
            self.namespace.command(program)
        };
        command.args(args);
        command
    }

    /// Starts a program on this host and gathers what it prints.
    ///
    /// # Errors
    /// If no process could be started. A program that does not exist is no error here: it ends
    /// with exit code 127.
    pub fn spawn<I, S>(&self, program: impl AsRef<OsStr>, args: I) -> Result<Process, LabError>
    where
        I: IntoIterator<Item = S>,
        S: AsRef<OsStr>,
    {
        Process::spawn(self.command(program, args))
    }

    /// Starts a program on this host, with so many more environment variables; an `Env` is one way
    /// to have them.
    ///
    /// # Errors
    /// As `spawn`.
    pub fn spawn_with_env<I, S, K, V>(
        &self,
        program: impl AsRef<OsStr>,
        args: I,
        env: &[(K, V)],
    ) -> Result<Process, LabError>
    where
        I: IntoIterator<Item = S>,
        S: AsRef<OsStr>,
        K: AsRef<OsStr>,
        V: AsRef<OsStr>,
    {
        let mut command = self.command(program, args);
        command.envs(env.iter().map(|(name, value)| (name, value)));
        Process::spawn(command)
    }

    /// Runs a program on this host to its end, without standard input.
    ///
    /// # Errors
    /// If no process could be started, or `command_line` is empty.
    pub fn exec<S: AsRef<OsStr>>(&self, command_line: &[S]) -> io::Result<Output> {
        let Some((program, args)) = command_line.split_first() else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "no program to run"));
        };
        self.command(program, args).stdin(Stdio::null()).output()
    }

    /// Where the machine finds a file of this host: its `/var/lib/bully/x` is to be read, and may
    /// be written, at `host.path("/var/lib/bully/x")`.
    pub fn path(&self, inside: impl AsRef<Path>) -> PathBuf {
        let inside = inside.as_ref();
        let root = PathBuf::from(format!("/proc/{}/root", self.namespace.pid()));
        root.join(inside.strip_prefix("/").unwrap_or(inside))
    }

    /// What names this host's network namespace, such as `net:[4026532281]`; equal to the target
    /// of `/proc/PID/ns/net` of every process on the host.
    ///
    /// # Errors
    /// If the lab is gone.
    pub fn network_namespace(&self) -> io::Result<String> {
        let link = format!("/proc/{}/ns/net", self.namespace.pid());
        Ok(std::fs::read_link(link)?.to_string_lossy().into_owned())
    }

    /// Stops every program on this host. Programs may start others meanwhile: it looks again until
    /// it finds none that it has not stopped.
    pub(crate) fn stop_programs(&self) -> Result<(), LabError> {
        let mut stopped: Vec<Pid> = Vec::new();
        loop {
            let mut running = self.programs()?;
            running.retain(|pid| !stopped.contains(pid));
            if running.is_empty() {
                return Ok(());
            }
            send_all(&running, Signal::STOP);
            stopped.extend(running);
        }
    }

    /// Kills every program on this host, and returns when they have ended.
    pub(crate) fn kill_programs(&self) -> Result<(), LabError> {
        let begun = Instant::now();
        loop {
            let running = self.programs()?;
            if running.is_empty() {
                return Ok(());
            }
            if begun.elapsed() > KILLED {
                return Err(LabError::Late {
                    what: format!("the end of all programs on {}", self.name),
                    waited: KILLED,
                    seen: format!("{running:?}"),
                });
            }
            send_all(&running, Signal::KILL);
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    pub(crate) fn continue_programs(&self) -> Result<(), LabError> {
        send_all(&self.programs()?, Signal::CONT);
        Ok(())
    }

    /// All processes of this host, but for the one that holds its namespaces.
    fn programs(&self) -> Result<Vec<Pid>, LabError> {
        let own = self.network_namespace();
        let own = own.map_err(LabError::io("find the host's namespace"))?;
        let all = std::fs::read_dir("/proc").map_err(LabError::io("read /proc"))?;
        let numbers =
            all.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
        let numbers = numbers.filter(|pid| u32::try_from(*pid) != Ok(self.namespace.pid()));
        // Those that have ended have no namespace any more.
        let here = numbers.filter(|pid| {
            let link = std::fs::read_link(format!("/proc/{pid}/ns/net"));
            link.is_ok_and(|link| link.as_os_str() == OsStr::new(&own))
        });
        Ok(here.filter_map(Pid::from_raw).collect())
    }

    pub(crate) fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// The bridge's end of this host's link.
    pub(crate) fn port(&self) -> String {
        format!("port{}", self.index)
    }

    /// The address of this host's network card.
    pub(crate) fn mac(&self) -> String {
        format!("02:00:00:00:00:{:02x}", self.index)
    }

    /// Lines for `ip -batch` that tell another host how to reach this one.
    pub(crate) fn neighbour(&self, mac: &str) -> String {
        let line = |address: &str| {
            format!("neigh replace {address} lladdr {mac} nud permanent dev eth0\n")
        };
        let ipv4 = line(&self.ipv4.to_string());
        let ipv6 = self.ipv6.map(|address| line(&address.to_string()));
        ipv4 + &ipv6.unwrap_or_default()
    }
}

/// Who has ended meanwhile needs no signal.
fn send_all(to: &[Pid], signal: Signal) {
    for pid in to {
        let _ = rustix::process::kill_process(*pid, signal);
    }
}

pub(crate) fn name(ipv4: Ipv4Addr) -> String {
    let [.., last] = ipv4.octets();
    format!("host{last}")
}
