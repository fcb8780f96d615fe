//! The library's front door.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bully_core::{Address, AddressError, ConfigError};
use tokio::sync::{oneshot, watch};

use crate::driver::{Command, Driver};
use crate::link;
use crate::shared::Shared;
use crate::view::{Entry, Leadership, Member, View};

/// A node of an election: it joins the others, and knows at any moment who leads.
///
/// **In bully mode a split network has two leaders.** Use it for work that may be done twice, or
/// that something else fences.
///
/// Clones are handles to the same node. When the last one is dropped the node hands leadership
/// over and leaves in the background, as long as the runtime lives; [`Elector::shutdown`] does so
/// and waits.
#[derive(Clone)]
pub struct Elector {
    shared: Arc<Shared>,
    commands: tokio::sync::mpsc::UnboundedSender<Command>,
    view: watch::Receiver<View>,
}

impl fmt::Debug for Elector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Elector").field("node", &self.node()).finish_non_exhaustive()
    }
}

impl Elector {
    /// A node with the defaults of the command line.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Whether this node leads **at this moment**: samples the clocks at each call, and a node
    /// that was frozen or starved for four heartbeats says no until it has asked its peers. The
    /// only thing to act on; ask again before each step of what only a leader may do.
    pub fn leadership(&self) -> Leadership {
        self.shared.leadership()
    }

    /// Who leads, to be watched. The value may be old by what has happened since the node's last
    /// step: for display, not to act on.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), bully::StartError> {
    /// # let elector = bully::Elector::builder().bind([127, 0, 0, 1].into()).port(0).start().await?;
    /// let mut view = elector.view();
    /// while view.borrow_and_update().leader.is_none() {
    ///     view.changed().await.expect("the node runs as long as a handle to it is held");
    /// }
    /// println!("{} leads", view.borrow().leader.as_ref().expect("just seen").node);
    /// # Ok(())
    /// # }
    /// ```
    pub fn view(&self) -> watch::Receiver<View> {
        self.view.clone()
    }

    /// Who leads, sampled now.
    pub fn sample(&self) -> View {
        self.shared.view()
    }

    /// All members that this node knows, itself included, ordered by address.
    pub fn members(&self) -> Vec<Member> {
        self.shared.members()
    }

    /// What happened, oldest first: at most 1,024 entries.
    pub fn history(&self) -> Vec<Entry> {
        self.shared.history(0)
    }

    /// What happened after the entry with that revision.
    pub fn history_since(&self, revision: u64) -> Vec<Entry> {
        self.shared.history(revision)
    }

    /// The address that this node advertises: its identity.
    pub fn node(&self) -> String {
        self.shared.node.to_string()
    }

    /// The addresses on which it listens for peers.
    pub fn local_addrs(&self) -> &[SocketAddr] {
        &self.shared.local_addrs
    }

    /// A name for this run of the node, which no other run has.
    pub fn run_id(&self) -> &str {
        &self.shared.run_id
    }

    /// How long ago the node's event loop last turned: small unless the process was frozen or
    /// starved.
    pub fn idle_for(&self) -> Duration {
        self.shared.idle_for()
    }

    /// Hand leadership over, and stay as a follower. Returns once another leads, or once no
    /// successor was found; at once if this node does not lead. A node whose priority is strictly
    /// the highest takes leadership back after the hold.
    pub async fn resign(&self) {
        self.command(|done| Command::Resign { leave: false, done }).await;
    }

    /// Hand leadership over, say goodbye, and close all connections.
    pub async fn shutdown(&self) {
        self.command(|done| Command::Resign { leave: true, done }).await;
    }

    /// Change this node's priority. A leader that is given 0 hands over.
    ///
    /// # Errors
    /// If it is above 1,000.
    pub async fn set_priority(&self, priority: u32) -> Result<(), StartError> {
        if priority > bully_core::Config::PRIORITY_MAX {
            return Err(StartError::Config(ConfigError::Priority(priority).to_string()));
        }
        self.command(|done| Command::Priority { priority, done }).await;
        Ok(())
    }

    async fn command(&self, command: impl FnOnce(oneshot::Sender<()>) -> Command) {
        let (done, wait) = oneshot::channel();
        if self.commands.send(command(done)).is_ok() {
            // An error means that the driver has ended, which is what was asked for.
            let _ = wait.await;
        }
    }
}

/// How to start a node. See [`Elector::builder`].
#[derive(Debug)]
pub struct Builder {
    pub(crate) nodes: Vec<String>,
    pub(crate) port: u16,
    pub(crate) bind: Option<IpAddr>,
    pub(crate) listeners: Vec<std::net::TcpListener>,
    pub(crate) advertise: Option<String>,
    pub(crate) cluster: String,
    pub(crate) priority: u32,
    pub(crate) preempt: bool,
    pub(crate) heartbeat: Duration,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            nodes: Vec::new(),
            port: Self::DEFAULT_PORT,
            bind: None,
            listeners: Vec::new(),
            advertise: None,
            cluster: "bully".to_owned(),
            priority: 100,
            preempt: true,
            heartbeat: Duration::from_millis(100),
        }
    }
}

impl Builder {
    /// The port for peers unless told otherwise.
    pub const DEFAULT_PORT: u16 = 8117;

    /// Places to dial: `ip`, `host`, `[v6]`, each with `:port` or with this node's own port. The
    /// node's own address is welcome among them. Members tell each other of the rest.
    pub fn nodes<S: Into<String>>(mut self, nodes: impl IntoIterator<Item = S>) -> Self {
        self.nodes = nodes.into_iter().map(Into::into).collect();
        self
    }

    /// The port for peers: 8117 unless told otherwise; 0 for any free one.
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Listen for peers on this address alone, instead of on all, v4 and v6.
    pub fn bind(mut self, ip: IpAddr) -> Self {
        self.bind = Some(ip);
        self
    }

    /// Listen for peers on this socket, instead of binding one. Its port is the node's. May be
    /// called again for more sockets, of which the first one's port counts.
    ///
    /// ```
    /// use bully::Elector;
    /// use std::net::TcpListener;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), bully::StartError> {
    /// // Two nodes in one process, each on a free port.
    /// let sockets = [TcpListener::bind("127.0.0.1:0")?, TcpListener::bind("127.0.0.1:0")?];
    /// let list = [sockets[0].local_addr()?.to_string(), sockets[1].local_addr()?.to_string()];
    /// let mut nodes = Vec::new();
    /// for socket in sockets {
    ///     nodes.push(Elector::builder().nodes(list.clone()).listener(socket).start().await?);
    /// }
    ///
    /// for node in &nodes {
    ///     let mut view = node.view();
    ///     view.wait_for(|view| view.leader.is_some()).await.expect("the node runs");
    /// }
    /// assert_eq!(nodes[0].sample().leader, nodes[1].sample().leader);
    /// # Ok(())
    /// # }
    /// ```
    pub fn listener(mut self, listener: std::net::TcpListener) -> Self {
        self.listeners.push(listener);
        self
    }

    /// The address to advertise, which is the node's identity: `ip`, `host`, each with `:port` or
    /// with the node's own. Found out if not given.
    pub fn advertise(mut self, address: impl Into<String>) -> Self {
        self.advertise = Some(address.into());
        self
    }

    /// The cluster's name; nodes of another are refused. `bully` unless told otherwise.
    pub fn cluster(mut self, name: impl Into<String>) -> Self {
        self.cluster = name.into();
        self
    }

    /// Higher leads, 0 never does, 1,000 is the most; 100 unless told otherwise.
    pub fn priority(mut self, priority: u32) -> Self {
        self.priority = priority;
        self
    }

    /// Whether a strictly higher priority takes over from a live leader; the same on all nodes.
    pub fn preempt(mut self, preempt: bool) -> Self {
        self.preempt = preempt;
        self
    }

    /// Between two heartbeats: 10 ms to 10 s, 100 ms unless told otherwise. A silent leader is
    /// noticed after four.
    pub fn heartbeat(mut self, heartbeat: Duration) -> Self {
        self.heartbeat = heartbeat;
        self
    }

    /// Bind the port now, so that one that is taken is known before anything else is done.
    /// [`Builder::start`] does so itself where it was not done.
    ///
    /// # Errors
    /// If the port cannot be bound.
    pub fn listen(mut self) -> Result<Self, StartError> {
        if self.listeners.is_empty() {
            let ip = self.bind.map_or_else(|| "0.0.0.0".to_owned(), |ip| ip.to_string());
            let address = format!("{ip}:{}", self.port);
            self.listeners = link::bind(self.bind, self.port)
                .map_err(|source| StartError::Bind { address, source })?;
        }
        Ok(self)
    }

    /// Start the node.
    ///
    /// # Errors
    /// If a value makes no sense, or the port cannot be bound.
    ///
    /// # Panics
    /// Outside a tokio runtime with time and I/O enabled.
    pub async fn start(self) -> Result<Elector, StartError> {
        let (driver, shared, commands, view) = Driver::prepare(self).await?;
        tokio::spawn(driver.run());
        Ok(Elector { shared, commands, view })
    }
}

/// Why a node could not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// An address could not be read.
    #[error("{what}: {text:?} is not an address: expected ip, host or [v6], with or without :port")]
    Address {
        /// Which value it was in.
        what: &'static str,
        /// The text.
        text: String,
    },
    /// A value makes no sense.
    #[error("{0}")]
    Config(String),
    /// The peers' port could not be bound.
    #[error("cannot listen for peers on {address}: {source}")]
    Bind {
        /// The address.
        address: String,
        /// The operating system's reason.
        source: io::Error,
    },
    /// The operating system gave no randomness or no registration of a socket.
    #[error("{0}")]
    System(#[from] io::Error),
}

/// Reads an address as people write it, with `port` where it has none.
pub(crate) fn parse_place(
    what: &'static str,
    text: &str,
    port: u16,
) -> Result<Address, StartError> {
    let wrong = |_: AddressError| StartError::Address { what, text: text.to_owned() };
    let bare = text.trim();
    let unbracketed = bare.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(bare);
    let address = match unbracketed.parse::<IpAddr>() {
        Ok(ip) => Address::new(ip, port),
        Err(_) if bare.contains(':') => bare.parse().map_err(wrong)?,
        Err(_) => format!("{bare}:{port}").parse().map_err(wrong)?,
    };
    let is_sound = match &address.host {
        bully_core::Host::Name(name) => is_host_name(name),
        host => host.ip().is_some_and(is_dialable),
    };
    if address.port == 0 || !is_sound { Err(wrong(AddressError)) } else { Ok(address) }
}

/// Whether a node can be there: neither "all addresses" nor a group of them.
fn is_dialable(ip: IpAddr) -> bool {
    !ip.is_unspecified() && !ip.is_multicast()
}

/// Whether the text can be a host name: labels of letters, digits, `-` and `_`, at most 253 bytes.
fn is_host_name(name: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    name.len() <= 253 && name.strip_suffix('.').unwrap_or(name).split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_may_lack_a_port() {
        for (text, expected) in [
            ("192.168.1.67", "192.168.1.67:8117"),
            (" 192.168.1.67:1 ", "192.168.1.67:1"),
            ("Host-a", "host-a:8117"),
            ("host.example:7", "host.example:7"),
            ("::1", "[::1]:8117"),
            ("[::1]", "[::1]:8117"),
            ("[::1]:9", "[::1]:9"),
        ] {
            assert_eq!(parse_place("nodes", text, 8117).unwrap().to_string(), expected);
        }
    }

    #[test]
    fn what_is_no_place_is_an_error_that_names_it() {
        for text in [
            "",
            ":",
            "0.0.0.0",
            "224.0.0.1:1",
            "[::]:1",
            "a:b",
            "a:0",
            "a b",
            "a..b",
            "[::1",
            "http://a",
            "a:70000",
        ] {
            let error = parse_place("nodes", text, 8117).unwrap_err().to_string();
            assert!(error.starts_with(&format!("nodes: {text:?} is not an address")), "{error}");
        }
    }
}
