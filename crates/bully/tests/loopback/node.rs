//! A node on loopback, ended with the test.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// Far above what anything here takes: a test that waits this long has failed.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// A running `bully`.
pub(crate) struct Node {
    child: Child,
    pub(crate) peers: SocketAddr,
    pub(crate) http: SocketAddr,
    stderr: Receiver<String>,
}

/// Addresses that nobody else has: all of 127.0.0.0/8 is this machine's, and the process number
/// gives each run of the tests a host of its own there, a counter each caller a port of its own,
/// below those that the kernel gives away.
pub(crate) fn own<const N: usize>() -> [SocketAddr; N] {
    const PORT_FIRST: u16 = 10_000;
    static COUNT: AtomicU16 = AtomicU16::new(0);
    // Linux counts processes in 22 bits. The bit above keeps clear of 127.0.0.1 and its neighbours.
    let [_, a, b, c] = (std::process::id() | 1 << 22).to_be_bytes();
    let ip = IpAddr::from([127, a, b, c]);
    [(); N].map(|()| SocketAddr::new(ip, PORT_FIRST + COUNT.fetch_add(1, Ordering::Relaxed)))
}

impl Node {
    /// A node that stands alone in its list, with more arguments.
    pub(crate) fn alone(more: &[&str]) -> Self {
        let [peers] = own();
        Self::listed(peers, &[peers], more)
    }

    /// A node at `peers` with this list.
    pub(crate) fn listed(peers: SocketAddr, list: &[SocketAddr], more: &[&str]) -> Self {
        Self::listed_printing(peers, list, more, &[], Stdio::piped())
    }

    /// The same, with more environment, and a standard error that may be the test's own.
    pub(crate) fn listed_printing(
        peers: SocketAddr,
        list: &[SocketAddr],
        more: &[&str],
        env: &[(&str, &str)],
        stderr: Stdio,
    ) -> Self {
        let [http] = own();
        let list: Vec<String> = list.iter().map(ToString::to_string).collect();
        let mut command = Self::command();
        command
            .arg(format!("-port={}", peers.port()))
            .arg(format!("-nodes={}", list.join(",")))
            .arg(format!("-bind={}", peers.ip()))
            .arg(format!("-http={http}"))
            .args(more)
            .envs(env.iter().copied());
        let node = Self::spawn_printing(command, peers, http, stderr);
        until("it leads or follows", || node.leader().is_some());
        node
    }

    /// A node that stands alone, and that serves HTTP in such a way, or to such clients, that it is
    /// not asked here whether it leads; `http` stands for its address in the arguments.
    pub(crate) fn unasked(more: &[&str]) -> Self {
        Self::unasked_by(Self::command(), more)
    }

    /// The same, started by that command.
    pub(crate) fn unasked_by(mut command: Command, more: &[&str]) -> Self {
        let [peers, http] = own();
        unset_settings(&mut command);
        command
            .arg(format!("-port={}", peers.port()))
            .arg(format!("-nodes={peers}"))
            .arg(format!("-bind={}", peers.ip()))
            .args(more.iter().map(|word| word.replace("HTTP", &http.to_string())));
        Self::spawn(command, peers, http)
    }

    /// Waits until it has printed a line with that in it, and gives all that it has printed since.
    pub(crate) fn prints(&self, what: &str) -> Vec<String> {
        let mut lines = Vec::new();
        until(what, || {
            lines.extend(self.printed());
            lines.iter().any(|line: &String| line.contains(what))
        });
        lines
    }

    /// The program, without what this process's environment says of a node.
    pub(crate) fn command() -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bully"));
        command.stdin(Stdio::null());
        unset_settings(&mut command);
        command
    }

    /// Starts a node that is told to be at these addresses.
    pub(crate) fn spawn(command: Command, peers: SocketAddr, http: SocketAddr) -> Self {
        Self::spawn_printing(command, peers, http, Stdio::piped())
    }

    fn spawn_printing(
        mut command: Command,
        peers: SocketAddr,
        http: SocketAddr,
        stderr: Stdio,
    ) -> Self {
        let child = command.stderr(stderr).spawn();
        let mut child = child.expect("bully starts");
        let (say, stderr) = channel();
        if let Some(pipe) = child.stderr.take() {
            std::thread::spawn(move || {
                for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                    let _ = say.send(line);
                }
            });
        }
        Self { child, peers, http, stderr }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has printed since the last call.
    pub(crate) fn printed(&self) -> Vec<String> {
        self.stderr.try_iter().collect()
    }

    /// Whom it names as leader, if anybody.
    pub(crate) fn leader(&self) -> Option<String> {
        let (status, body) = self.get("/leader?wait=0s", "text/plain")?;
        (status == 200).then(|| body.trim_end().to_owned())
    }

    /// The status of the reply to a GET, and its body in the form that is wanted.
    pub(crate) fn get(&self, path: &str, accept: &str) -> Option<(u16, String)> {
        let mut stream = TcpStream::connect(self.http).ok()?;
        stream.set_read_timeout(Some(DEADLINE)).ok()?;
        let head = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept: {accept}\r\n");
        write!(stream, "{head}Connection: close\r\n\r\n").ok()?;
        let mut reply = String::new();
        stream.read_to_string(&mut reply).ok()?;
        let (head, body) = reply.split_once("\r\n\r\n")?;
        let status = head.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
        Some((status, body.to_owned()))
    }

    /// Whether it says of itself that it leads, if it answers.
    pub(crate) fn is_leader(&self) -> Option<bool> {
        self.get("/primary", "*/*").map(|(status, _)| status == 200)
    }

    /// How many descriptors it holds.
    pub(crate) fn descriptors(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.pid())).expect("it runs").count()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.pid()).ok().and_then(Pid::from_raw).expect("a process");
        kill_process(pid, signal).expect("it runs");
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("a child").is_some()
    }

    /// How it ended, within the deadline.
    pub(crate) fn end(&mut self) -> ExitStatus {
        until("it ends", || self.has_ended());
        self.child.wait().expect("a child")
    }

    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Takes from a command what this process's environment says of a node.
fn unset_settings(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if name.as_encoded_bytes().starts_with(b"BULLY_") || name == "NOTIFY_SOCKET" {
            command.env_remove(name);
        }
    }
}

/// A command of the program, to its end: its exit code, and what it printed.
pub(crate) fn bully(line: &[&str]) -> (i32, String) {
    let output = Node::command().args(line).stdin(Stdio::null()).output().expect("bully runs");
    let words = [output.stdout, output.stderr].concat();
    (output.status.code().expect("it ends"), String::from_utf8_lossy(&words).into_owned())
}

/// Waits for a condition.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < DEADLINE, "not within {DEADLINE:?}: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
