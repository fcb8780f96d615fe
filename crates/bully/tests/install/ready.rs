//! What a node tells its service manager.

use std::io::{BufRead as _, BufReader, ErrorKind};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::support::{DEADLINE, bully, get, own, until};

/// What stands in for the service manager.
struct Manager {
    _folder: TempDir,
    path: PathBuf,
    socket: UnixDatagram,
}

impl Manager {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let path = folder.path().join("notify");
        let socket = UnixDatagram::bind(&path).expect("a socket");
        socket.set_read_timeout(Some(DEADLINE)).expect("a deadline");
        Self { _folder: folder, path, socket }
    }

    /// The next word that it is told.
    fn told(&self) -> String {
        let mut word = [0; 4096];
        let length = self.socket.recv(&mut word).expect("a word within the deadline");
        String::from_utf8(word[..length].to_vec()).expect("text")
    }

    fn is_told_nothing(&self) -> bool {
        self.socket.set_nonblocking(true).expect("a socket");
        let told = self.socket.recv(&mut [0; 4096]);
        self.socket.set_nonblocking(false).expect("a socket");
        told.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
    }
}

/// A node under a service manager; ended with the test.
struct Service {
    child: Child,
    http: SocketAddr,
    stderr: Receiver<String>,
}

impl Service {
    fn start(peers: SocketAddr, notify: &str, more: &[&str]) -> Self {
        let [http] = own();
        let child = bully()
            .env("NOTIFY_SOCKET", notify)
            .arg(format!("-bind={}", peers.ip()))
            .arg(format!("-port={}", peers.port()))
            .arg(format!("-http={http}"))
            .args(more)
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn();
        let mut child = child.expect("bully starts");
        let (say, stderr) = channel();
        let lines = BufReader::new(child.stderr.take().expect("piped"));
        std::thread::spawn(move || {
            for line in lines.lines().map_while(Result::ok) {
                let _ = say.send(line);
            }
        });
        Self { child, http, stderr }
    }

    fn leads(&self) -> bool {
        get(self.http, "/primary") == Some(200)
    }

    fn terminate(&self) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).expect("a process");
        kill_process(pid, Signal::TERM).expect("it runs");
    }

    fn exit_code(&mut self) -> Option<i32> {
        let mut status = None;
        until("it ends", || {
            status = self.child.try_wait().expect("a child");
            status.is_some()
        });
        status.and_then(|status| status.code())
    }

    /// The next line that it prints about its manager.
    fn complaint(&self) -> String {
        loop {
            let line = self.stderr.recv_timeout(DEADLINE).expect("it complains");
            if line.contains("NOTIFY_SOCKET") {
                return line;
            }
        }
    }

    /// The lines it has printed about its manager, all of them once it has ended.
    fn complaints(&self) -> Vec<String> {
        self.stderr.iter().filter(|line| line.contains("NOTIFY_SOCKET")).collect()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A peer that takes the connection and says nothing holds the join up, for two heartbeats.
#[test]
fn a_node_is_ready_when_it_has_a_view_and_not_a_moment_before() {
    let [peers, silent] = own();
    let _silent = TcpListener::bind(silent).expect("a free port");
    let manager = Manager::new();
    let list = format!("-nodes={peers},{silent}");
    let notify = manager.path.to_string_lossy();
    let mut node = Service::start(peers, &notify, &[&list, "-heartbeat=1s"]);
    until("it answers", || get(node.http, "/livez") == Some(200));
    assert_eq!(get(node.http, "/leader?wait=0s"), Some(503), "it joins still");
    assert!(manager.is_told_nothing());
    assert_eq!(manager.told(), "READY=1\n");
    assert_eq!(get(node.http, "/leader?wait=0s"), Some(200));
    node.terminate();
    assert_eq!(manager.told(), "STOPPING=1\n");
    assert_eq!(node.exit_code(), Some(0));
    assert!(manager.is_told_nothing(), "that was all");
    assert_eq!(node.complaints(), <[&str; 0]>::default());
}

#[test]
fn a_witness_that_comes_up_first_is_ready_without_a_leader() {
    let [peers] = own();
    let manager = Manager::new();
    let list = format!("-nodes={peers}");
    let notify = manager.path.to_string_lossy();
    let node = Service::start(peers, &notify, &[&list, "-priority=0"]);
    assert_eq!(manager.told(), "READY=1\n");
    assert_eq!(get(node.http, "/leader?wait=0s"), Some(503));
}

#[test]
fn a_manager_that_cannot_be_reached_is_complained_of_once_and_the_node_leads() {
    for notify in ["/nonexistent/notify", "not a socket"] {
        let [peers] = own();
        let list = format!("-nodes={peers}");
        let mut node = Service::start(peers, notify, &[&list]);
        until("it leads", || node.leads());
        let complaint = node.complaint();
        let start = format!("bully: NOTIFY_SOCKET: {notify:?}: ");
        assert!(complaint.starts_with(&start), "{complaint}");
        node.terminate();
        assert_eq!(node.exit_code(), Some(0));
        assert_eq!(node.complaints(), <[&str; 0]>::default());
    }
}

#[test]
fn a_manager_that_reads_nothing_holds_no_node_up() {
    let manager = Manager::new();
    let crowd = UnixDatagram::unbound().expect("a socket");
    crowd.set_nonblocking(true).expect("a socket");
    while crowd.send_to(b"X=1", &manager.path).is_ok() {}
    let [peers] = own();
    let list = format!("-nodes={peers}");
    let notify = manager.path.to_string_lossy();
    let mut node = Service::start(peers, &notify, &[&list]);
    until("it leads", || node.leads());
    until("it complains", || node.stderr.try_iter().any(|line| line.contains("took nothing")));
    assert!(node.leads());
    node.terminate();
    assert_eq!(node.exit_code(), Some(0));
    assert_eq!(node.complaints(), <[&str; 0]>::default(), "once is enough");
}

#[test]
fn an_empty_notify_socket_counts_as_none() {
    let [peers] = own();
    let list = format!("-nodes={peers}");
    let mut node = Service::start(peers, "", &[&list]);
    until("it leads", || node.leads());
    node.terminate();
    assert_eq!(node.exit_code(), Some(0));
    assert_eq!(node.complaints(), <[&str; 0]>::default());
}
