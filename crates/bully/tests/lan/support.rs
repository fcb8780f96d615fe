//! A LAN of hosts that run `bully`.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use bully_lab::{Host, HttpReply, Lab, LabConfig, Process, lab_or_skip};

use super::proc;

/// Far above what anything here takes: a test that waits this long has failed.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// How long one question may take.
const ANSWER: Duration = Duration::from_secs(5);

/// A lab, and on each host at most one node.
pub(crate) struct Lan {
    pub(crate) lab: Lab,
    nodes: Vec<RefCell<Option<Process>>>,
}

impl Lan {
    /// None, and a line that says why, where namespaces cannot be had.
    pub(crate) fn new(test: &str, hosts: usize) -> Option<Self> {
        let lab = lab_or_skip(test, &LabConfig::of(hosts))?;
        Some(Self { lab, nodes: (0..hosts).map(|_| RefCell::new(None)).collect() })
    }

    pub(crate) fn host(&self, host: usize) -> &Host {
        self.lab.host(host)
    }

    /// The addresses of the first `count` hosts, with ports, as `-nodes` takes them.
    pub(crate) fn list(&self, count: usize) -> String {
        let place = |host: &Host| format!("{}:8117", host.ipv4());
        self.lab.hosts()[..count].iter().map(place).collect::<Vec<_>>().join(",")
    }

    /// Runs `bully` with these arguments on a host.
    pub(crate) fn run(&self, host: usize, arguments: &[&str]) {
        let node = self.spawn(host, arguments);
        self.put(host, node);
    }

    pub(crate) fn spawn(&self, host: usize, arguments: &[&str]) -> Process {
        let bully = env!("CARGO_BIN_EXE_bully");
        self.host(host).spawn(bully, arguments.iter().copied()).expect("bully starts")
    }

    /// The command line of the quick start, with the first `count` hosts listed and more flags.
    pub(crate) fn join(&self, host: usize, count: usize, more: &[&str]) {
        let nodes = format!("-nodes={}", self.list(count));
        let mut arguments = vec!["-port=8117", &nodes, "-http=0.0.0.0:8080"];
        arguments.extend(more);
        self.run(host, &arguments);
    }

    /// As `join`, for each of these hosts.
    pub(crate) fn join_all(&self, hosts: &[usize], count: usize) {
        for host in hosts {
            self.join(*host, count, &[]);
        }
    }

    /// Stops these nodes, with SIGSTOP, one after the other and at once.
    pub(crate) fn freeze_all(&self, hosts: &[usize]) {
        for host in hosts {
            assert!(self.node(*host, Process::freeze));
        }
    }

    /// Lets these nodes go on.
    pub(crate) fn thaw_all(&self, hosts: &[usize]) {
        for host in hosts {
            assert!(self.node(*host, Process::thaw));
        }
    }

    /// Runs all hosts with one command line, and waits until they agree.
    pub(crate) fn form(&self, more: &[&str]) -> String {
        let hosts = self.lab.hosts().len();
        (0..hosts).for_each(|host| self.join(host, hosts, more));
        self.agreed(&(0..hosts).collect::<Vec<_>>())
    }

    pub(crate) fn node<T>(&self, host: usize, ask: impl FnOnce(&Process) -> T) -> T {
        let node = self.nodes[host].borrow();
        ask(node.as_ref().expect("a node runs on this host"))
    }

    /// A program that stands still before its first instruction, until `Process::thaw`. What has
    /// already been started and looked up for it then takes no time.
    pub(crate) fn held(&self, host: usize, program: &str, arguments: &[&str]) -> Process {
        let words = ["-c", "kill -STOP $$; exec \"$@\"", "sh", program];
        let words = words.iter().chain(arguments).copied();
        let held = self.host(host).spawn("sh", words).expect("a shell starts");
        self.until("it stands still", || proc::state(held.pid()) == Some('T'));
        held
    }

    /// A node held like this, with the command line of `join`.
    pub(crate) fn held_node(&self, host: usize, count: usize) -> Process {
        let nodes = format!("-nodes={}", self.list(count));
        let bully = env!("CARGO_BIN_EXE_bully");
        self.held(host, bully, &["-port=8117", &nodes, "-http=0.0.0.0:8080"])
    }

    /// Makes a program the node of its host. The one before it is killed, if it is not dead yet.
    pub(crate) fn put(&self, host: usize, node: Process) {
        *self.nodes[host].borrow_mut() = Some(node);
    }

    pub(crate) fn kill(&self, host: usize) {
        self.kill_all(&[host]);
    }

    /// Kills these nodes in one breath, and waits for their ends. Returns how long the breath was.
    pub(crate) fn kill_all(&self, hosts: &[usize]) -> Duration {
        let start = Instant::now();
        for host in hosts {
            self.node(*host, Process::kill);
        }
        let took = start.elapsed();
        for host in hosts {
            self.node(*host, |node| node.wait(DEADLINE)).expect("a killed node ends");
        }
        took
    }

    pub(crate) fn stderr(&self, host: usize) -> Vec<String> {
        self.node(host, Process::stderr_lines)
    }

    /// The host's address as text.
    pub(crate) fn ip(&self, host: usize) -> String {
        self.host(host).ipv4().to_string()
    }

    pub(crate) fn host_of(&self, ip: &str) -> usize {
        let found = self.lab.hosts().iter().position(|h| h.ipv4().to_string() == ip);
        found.unwrap_or_else(|| panic!("{ip} is no host"))
    }

    /// Asks a host's own node.
    pub(crate) fn get(&self, host: usize, path: &str) -> std::io::Result<HttpReply> {
        self.host(host).http_get(&format!("http://{}:8080{path}", self.ip(host)), ANSWER)
    }

    /// Whom a node names, if it names anybody right now.
    pub(crate) fn leader(&self, host: usize) -> Option<String> {
        let reply = self.get(host, "/leader?wait=0s").ok().filter(|r| r.status == 200)?;
        Some(reply.text().trim_end().to_owned())
    }

    /// Waits until these hosts name one of themselves.
    pub(crate) fn agreed(&self, hosts: &[usize]) -> String {
        let ips: Vec<String> = hosts.iter().map(|h| self.ip(*h)).collect();
        let mut last = Vec::new();
        self.until("these hosts agree on one of themselves", || {
            last = hosts.iter().map(|h| self.leader(*h)).collect();
            match &last[0] {
                Some(first) => {
                    ips.contains(first) && last.iter().all(|l| l.as_ref() == Some(first))
                }
                None => false,
            }
        });
        last[0].clone().unwrap_or_default()
    }

    /// Waits for a condition, and shows all that the nodes said if it does not come.
    pub(crate) fn until(&self, what: &str, mut holds: impl FnMut() -> bool) {
        let start = Instant::now();
        while !holds() {
            assert!(start.elapsed() < DEADLINE, "not within {DEADLINE:?}: {what}{}", self.said());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub(crate) fn said(&self) -> String {
        let mut said = String::new();
        for (host, node) in self.nodes.iter().enumerate() {
            if let Some(node) = node.borrow().as_ref() {
                let _ = write!(said, "\n--- {}\n{}", self.ip(host), node.stderr());
                if let Ok(reply) = self.get(host, "/v1/history") {
                    let _ = write!(said, "\n{}", reply.text());
                }
            }
        }
        said
    }
}
