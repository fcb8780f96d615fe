//! The demo's nodes: processes of this very program, and what they print.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, ChildStderr, Command};
use tokio::sync::mpsc;

/// Set for the demo's nodes, which shall not outlive it: the process id of the demo.
pub(crate) const PARENT: &str = "BULLY_DEMO_PARENT";

/// Each node of the demo has an address of its own.
const HOSTS: [Ipv4Addr; 3] =
    [Ipv4Addr::LOCALHOST, Ipv4Addr::new(127, 0, 0, 2), Ipv4Addr::new(127, 0, 0, 3)];

/// What a node printed, and when.
#[derive(Debug)]
struct Said {
    node: usize,
    /// A process that was killed may have left lines unread: its successor's are told from them.
    run: u32,
    at: Instant,
    /// None at its end.
    line: Option<String>,
}

/// One node of the demo.
#[derive(Debug)]
pub(crate) struct DemoNode {
    pub(crate) name: SocketAddr,
    pub(crate) http: SocketAddr,
    child: Option<Child>,
    run: u32,
    is_frozen: bool,
    /// Whom it named last as the leader, and when.
    leader: Option<(String, Instant)>,
    last_line: String,
}

impl DemoNode {
    pub(crate) fn pid(&self) -> String {
        let id = self.child.as_ref().and_then(Child::id);
        id.map_or_else(|| "-".to_owned(), |id| id.to_string())
    }

    pub(crate) fn state(&self) -> &'static str {
        match (&self.child, self.is_frozen) {
            (None, _) => "dead",
            (Some(_), true) => "frozen",
            (Some(_), false) => "follows",
        }
    }

    fn is_live(&self) -> bool {
        self.child.is_some() && !self.is_frozen
    }

    fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        let id = self.child.as_ref().and_then(Child::id).and_then(|id| i32::try_from(id).ok());
        let pid = id.and_then(Pid::from_raw).context("the node has ended")?;
        kill_process(pid, signal).context("a node cannot be signalled")
    }
}

/// The nodes of the demo.
#[derive(Debug)]
pub(crate) struct Group {
    nodes: Vec<DemoNode>,
    lines: mpsc::UnboundedReceiver<Said>,
    say: mpsc::UnboundedSender<Said>,
}

impl Group {
    /// Starts three nodes on free ports.
    pub(crate) fn start() -> anyhow::Result<Self> {
        let (say, lines) = mpsc::unbounded_channel();
        let nodes = free_addresses()?.into_iter().map(|(name, http)| DemoNode {
            name,
            http,
            child: None,
            run: 0,
            is_frozen: false,
            leader: None,
            last_line: String::new(),
        });
        let mut group = Self { nodes: nodes.collect(), lines, say };
        group.revive()?;
        Ok(group)
    }

    pub(crate) fn nodes(&self) -> &[DemoNode] {
        &self.nodes
    }

    pub(crate) fn name(&self, node: usize) -> SocketAddr {
        self.nodes[node].name
    }

    pub(crate) fn live(&self) -> usize {
        self.nodes.iter().filter(|n| n.is_live()).count()
    }

    /// Starts what is dead, and says which that was.
    pub(crate) fn revive(&mut self) -> anyhow::Result<Vec<usize>> {
        let dead: Vec<usize> =
            (0..self.nodes.len()).filter(|i| self.nodes[*i].child.is_none()).collect();
        let list: Vec<String> = self.nodes.iter().map(|n| n.name.to_string()).collect();
        for index in &dead {
            let node = &mut self.nodes[*index];
            let mut child = spawn(node, &list.join(","))?;
            node.run += 1;
            node.leader = None;
            node.last_line.clear();
            if let Some(stderr) = child.stderr.take() {
                tokio::spawn(read(*index, node.run, stderr, self.say.clone()));
            }
            node.child = Some(child);
        }
        Ok(dead)
    }

    /// Kills a node, and says when.
    pub(crate) async fn kill(&mut self, node: usize) -> anyhow::Result<Instant> {
        let at = Instant::now();
        if let Some(mut child) = self.nodes[node].child.take() {
            child.kill().await.context("a node cannot be killed")?;
        }
        self.nodes[node].leader = None;
        self.nodes[node].is_frozen = false;
        Ok(at)
    }

    /// Freezes a node, and says when.
    pub(crate) fn freeze(&mut self, node: usize) -> anyhow::Result<Instant> {
        let at = Instant::now();
        self.nodes[node].signal(Signal::STOP)?;
        self.nodes[node].is_frozen = true;
        Ok(at)
    }

    /// Thaws what is frozen, and says how many that were.
    pub(crate) fn thaw(&mut self) -> anyhow::Result<usize> {
        let mut count = 0;
        for node in self.nodes.iter_mut().filter(|n| n.is_frozen) {
            node.signal(Signal::CONT)?;
            node.is_frozen = false;
            count += 1;
        }
        Ok(count)
    }

    /// The live node that all live ones name, if they do.
    pub(crate) fn leader(&self) -> Option<usize> {
        let mut live = self.nodes.iter().filter(|n| n.is_live());
        let (first, _) = live.next()?.leader.as_ref()?;
        if live.any(|n| n.leader.as_ref().map(|(name, _)| name) != Some(first)) {
            return None;
        }
        self.nodes.iter().position(|n| n.is_live() && n.name.to_string() == *first)
    }

    /// Waits until all live nodes name one of them; says which, and since when.
    ///
    /// # Errors
    /// If it takes too long, or a node ends meanwhile: what that one said last is the reason.
    pub(crate) async fn agreement(
        &mut self,
        patience: Duration,
    ) -> anyhow::Result<(usize, Instant)> {
        let wait = async {
            loop {
                if let Some(leader) = self.leader() {
                    return Ok(leader);
                }
                self.listen().await?;
            }
        };
        let leader: Result<anyhow::Result<_>, _> = tokio::time::timeout(patience, wait).await;
        let leader = leader.with_context(|| format!("no agreement within {patience:?}"))??;
        let live = self.nodes.iter().filter(|n| n.is_live());
        let since = live.filter_map(|n| n.leader.as_ref().map(|(_, at)| *at)).max();
        Ok((leader, since.unwrap_or_else(Instant::now)))
    }

    /// Takes the next line that a node prints.
    ///
    /// # Errors
    /// If a node has ended that this group did not kill. It counts as dead from here on.
    pub(crate) async fn listen(&mut self) -> anyhow::Result<()> {
        // This group holds a sender itself, so that the channel never closes.
        let Some(said) = self.lines.recv().await else {
            return Ok(());
        };
        let node = &mut self.nodes[said.node];
        if said.run != node.run || node.child.is_none() {
            return Ok(());
        }
        let Some(line) = said.line else {
            (node.child, node.leader, node.is_frozen) = (None, None, false);
            let last = node.last_line.strip_prefix("bully: ").unwrap_or(&node.last_line);
            anyhow::bail!("{} has ended: {last}", node.name);
        };
        if let Some(leader) = leader_named(&line) {
            node.leader = Some((leader.to_owned(), said.at));
        }
        node.last_line = line;
        Ok(())
    }
}

/// The leader that a line of a node's log names, if it is such a line.
fn leader_named(line: &str) -> Option<&str> {
    let (who, _) = line.split_once(" leads, epoch ")?;
    Some(who.strip_suffix(" (this node)").unwrap_or(who))
}

fn spawn(node: &DemoNode, list: &str) -> anyhow::Result<Child> {
    let program = std::env::current_exe().context("this program cannot find itself")?;
    Command::new(program)
        .arg(format!("-nodes={list}"))
        .arg(format!("-bind={}", node.name.ip()))
        .arg(format!("-port={}", node.name.port()))
        .arg(format!("-http={}", node.http))
        // What the user's environment says of a node is not meant for these.
        .env_clear()
        .env(PARENT, std::process::id().to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .context("a node cannot be started")
}

async fn read(node: usize, run: u32, stderr: ChildStderr, say: mpsc::UnboundedSender<Said>) {
    let mut lines = BufReader::new(stderr).lines();
    loop {
        let line = lines.next_line().await.ok().flatten();
        let is_end = line.is_none();
        if say.send(Said { node, run, at: Instant::now(), line }).is_err() || is_end {
            return;
        }
    }
}

/// Two free ports on each host, for peers and for HTTP; found by binding, all of them before any is
/// free again.
fn free_addresses() -> anyhow::Result<Vec<(SocketAddr, SocketAddr)>> {
    let bind = |host: &Ipv4Addr| {
        let listen = || TcpListener::bind((*host, 0));
        Ok((listen()?, listen()?))
    };
    let listeners = HOSTS.iter().map(bind).collect::<std::io::Result<Vec<_>>>();
    let listeners = listeners.context("127.0.0.1 to 127.0.0.3 cannot be bound")?;
    listeners.iter().map(|(peers, http)| Ok((peers.local_addr()?, http.local_addr()?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The program is that of the tests here, which knows no flag of a node.
    #[tokio::test]
    async fn a_node_that_ends_by_itself_is_told_with_its_last_words() {
        let mut group = Group::start().expect("the program is started");
        let told = group.agreement(Duration::from_secs(20)).await.expect_err("none can lead");
        let (node, last) = told
            .to_string()
            .split_once(" has ended: ")
            .map_or_else(|| panic!("{told}"), |(node, last)| (node.to_owned(), last.to_owned()));
        assert!(group.nodes.iter().any(|n| n.name.to_string() == node), "{told}");
        assert!(last.contains("option"), "{told}");
    }

    #[test]
    fn a_line_of_the_log_names_the_leader() {
        let named = leader_named("127.0.0.1:7 (this node) leads, epoch 9: this node joined");
        assert_eq!(named, Some("127.0.0.1:7"));
        assert_eq!(leader_named("127.0.0.1:7 leads, epoch 9: x"), Some("127.0.0.1:7"));
        assert_eq!(leader_named("127.0.0.1:7 cannot be added: dial tcp"), None);
    }
}
