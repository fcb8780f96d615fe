//! A node on loopback, ended with the test.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// Far above what anything here takes: a test that waits this long has failed.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// A running `bully`.
pub(crate) struct Node {
    child: Child,
    pub(crate) peers: SocketAddr,
    pub(crate) http: SocketAddr,
    stderr: Receiver<String>,
}

/// Addresses that were free a moment ago.
pub(crate) fn free<const N: usize>() -> [SocketAddr; N] {
    let listeners = [(); N].map(|()| TcpListener::bind("127.0.0.1:0").expect("a free port"));
    listeners.map(|l| l.local_addr().expect("bound"))
}

impl Node {
    /// A node that stands alone in its list, with more arguments.
    pub(crate) fn alone(more: &[&str]) -> Self {
        let [peers] = free();
        Self::listed(peers, &[peers], more)
    }

    /// A node at `peers` with this list.
    pub(crate) fn listed(peers: SocketAddr, list: &[SocketAddr], more: &[&str]) -> Self {
        let [http] = free();
        let list: Vec<String> = list.iter().map(ToString::to_string).collect();
        let mut child = Command::new(env!("CARGO_BIN_EXE_bully"))
            .arg(format!("-port={}", peers.port()))
            .arg(format!("-nodes={}", list.join(",")))
            .arg(format!("-bind={}", peers.ip()))
            .arg(format!("-http={http}"))
            .args(more)
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("bully starts");
        let (say, stderr) = channel();
        let lines = BufReader::new(child.stderr.take().expect("piped"));
        std::thread::spawn(move || {
            for line in lines.lines().map_while(Result::ok) {
                let _ = say.send(line);
            }
        });
        let node = Self { child, peers, http, stderr };
        until("it leads or follows", || node.leader().is_some());
        node
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
        let reply = self.get("/leader?wait=0s")?;
        let (head, body) = reply.split_once("\r\n\r\n")?;
        head.starts_with("HTTP/1.1 200").then(|| body.trim_end().to_owned())
    }

    /// The whole reply to a GET.
    pub(crate) fn get(&self, path: &str) -> Option<String> {
        let mut stream = TcpStream::connect(self.http).ok()?;
        stream.set_read_timeout(Some(DEADLINE)).ok()?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            .ok()?;
        let mut reply = String::new();
        stream.read_to_string(&mut reply).ok()?;
        Some(reply)
    }

    /// How many descriptors it holds.
    pub(crate) fn descriptors(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.pid())).expect("it runs").count()
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

/// Waits for a condition.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < DEADLINE, "not within {DEADLINE:?}: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
