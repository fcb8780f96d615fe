//! How a node is started.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::driver::Driver;
use crate::elector::Elector;
use crate::error::StartError;
use crate::link;
use crate::noise::Pins;
use crate::secret::Secrets;
use crate::view::Mode;

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
    pub(crate) heartbeat: Option<Duration>,
    pub(crate) mode: Mode,
    pub(crate) lease: Duration,
    pub(crate) data_dir: Option<PathBuf>,
    pub(crate) moved: bool,
    pub(crate) secrets: Option<Secrets>,
    pub(crate) pins: Option<Pins>,
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
            heartbeat: None,
            mode: Mode::Bully,
            lease: Self::DEFAULT_LEASE,
            data_dir: None,
            moved: false,
            secrets: None,
            pins: None,
        }
    }
}

impl Builder {
    /// The port for peers unless told otherwise.
    pub const DEFAULT_PORT: u16 = 8117;
    /// The lease of quorum mode unless told otherwise.
    pub const DEFAULT_LEASE: Duration = Duration::from_secs(1);

    /// The time between heartbeats in a mode unless told otherwise.
    pub const fn default_heartbeat(mode: Mode) -> Duration {
        match mode {
            Mode::Bully => Duration::from_millis(100),
            Mode::Quorum => Duration::from_millis(150),
        }
    }

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

    /// Between two heartbeats: 10 ms to 10 s; unless told otherwise 100 ms, in quorum mode 150 ms. In
    /// bully mode a silent leader is noticed after four.
    pub fn heartbeat(mut self, heartbeat: Duration) -> Self {
        self.heartbeat = Some(heartbeat);
        self
    }

    /// How to elect; bully mode unless told otherwise. Quorum mode needs [`Builder::data_dir`].
    pub fn mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    /// Quorum mode: how long a node promises itself to a leader, and so about how long a leader that
    /// dies is missed; 1 s unless told otherwise. What is left of it after the clocks' possible error
    /// must be at least four heartbeats, of the slowest node of the cluster.
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = lease;
        self
    }

    /// Where the node keeps what it must not forget, in quorum mode, and, in either mode, its own key
    /// where it has a secret. Its own, on a disk that keeps what was synced; made if it is not there,
    /// and locked against other processes. In quorum mode a copy of it, or an older version brought
    /// back, is a second node that claims to be the first: unsafe. In bully mode without a secret there
    /// is nothing to keep.
    pub fn data_dir(mut self, directory: impl Into<PathBuf>) -> Self {
        self.data_dir = Some(directory.into());
        self
    }

    /// Quorum mode: the node may advertise another address than the one in its data directory: it
    /// has moved, with its disk, and left no copy behind.
    pub fn moved(mut self, moved: bool) -> Self {
        self.moved = moved;
        self
    }

    /// What the members share, and nobody else: peers' connections are encrypted, and only who has a
    /// secret can join. All nodes need one; without it whoever reaches the peers' port can.
    pub fn secrets(mut self, secrets: impl Into<Secrets>) -> Self {
        self.secrets = Some(secrets.into());
        self
    }

    /// The keys of the nodes to speak with, to the exclusion of all others who have the secret. A
    /// node's key is [`Elector::key`]; it outlives the run where there is a data directory.
    pub fn pins(mut self, pins: Pins) -> Self {
        self.pins = Some(pins);
        self
    }

    /// Whether a lease fits a heartbeat, for who reads them from elsewhere.
    #[cfg(feature = "cli")]
    pub(crate) fn check_times(lease: Duration, heartbeat: Duration) -> Result<(), String> {
        bully_core::quorum::Config::check_times(lease, heartbeat).map_err(|e| e.to_string())
    }

    pub(crate) fn heartbeat_or_default(&self) -> Duration {
        self.heartbeat.unwrap_or(Self::default_heartbeat(self.mode))
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
        Ok(Elector::new(shared, commands, view))
    }
}
