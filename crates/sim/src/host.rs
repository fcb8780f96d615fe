//! Hosts, and the processes on them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bully_core::{Address, Config, Input, Inst, LinkId, Mode, Node, Now, Stored, Tick};

use crate::check::Watch;

/// How a node is configured.
#[derive(Clone, Debug)]
pub struct Setup {
    /// What it advertises.
    pub id: Address,
    /// Its list.
    pub places: Vec<Address>,
    /// Its priority.
    pub priority: u32,
    /// Whether higher priorities take over.
    pub preempt: bool,
    /// h.
    pub heartbeat: Duration,
    /// The name of its cluster.
    pub cluster: Arc<str>,
    /// The application takes so long to stop, in nanoseconds.
    pub revoke_lag: u64,
    /// Its wall clock, in milliseconds since 1970 at virtual time zero.
    pub wall_ms: u64,
}

/// A machine with an address, on which at most one process runs at a time.
#[derive(Clone, Debug)]
pub(crate) struct Host {
    /// Where it listens.
    pub(crate) address: Address,
    pub(crate) setup: Setup,
    /// The machine is on: its kernel answers.
    pub(crate) power: bool,
    pub(crate) process: Option<Process>,
    /// Counts processes.
    pub(crate) runs: u64,
}

/// What waits for a process that is stopped.
#[allow(clippy::large_enum_variant, reason = "most are of the large kind")]
#[derive(Clone, Debug)]
pub(crate) enum Queued {
    Input(Input),
    /// A connection to accept.
    Syn(usize),
}

/// One run of the program.
#[derive(Clone, Debug)]
pub(crate) struct Process {
    pub(crate) node: Node,
    pub(crate) run: u64,
    pub(crate) paused: bool,
    pub(crate) inbox: VecDeque<Queued>,
    /// Which connection, and which end of it.
    pub(crate) links: BTreeMap<LinkId, (usize, usize)>,
    pub(crate) next_link: u64,
    pub(crate) timer_at: Option<u64>,
    /// Timeouts in a row at one moment: a node that asks for ever more of them spins.
    pub(crate) spins: u32,
    pub(crate) watch: Watch,
}

impl Host {
    /// The node of its process, if one runs.
    pub(crate) fn node(&self) -> Option<&Node> {
        self.process.as_ref().map(|p| &p.node)
    }

    pub(crate) fn is_running(&self) -> bool {
        self.process.as_ref().is_some_and(|p| !p.paused)
    }

    /// The clocks of this host. Their zero is the host's own.
    pub(crate) fn clocks(&self, now: u64) -> Now {
        let tick = Tick(now + self.zero());
        Now { fast: tick, slow: tick, wall_ms: self.setup.wall_ms + now / 1_000_000 }
    }

    fn zero(&self) -> u64 {
        u64::from(self.address.port) * 1_000_003
    }

    pub(crate) fn spawn(&mut self, inst: Inst) {
        self.runs += 1;
        let config = Config {
            cluster: self.setup.cluster.clone(),
            mode: Mode::Bully,
            id: self.setup.id.clone(),
            ip: None,
            inst,
            places: self.setup.places.clone(),
            priority: self.setup.priority,
            preempt: self.setup.preempt,
            heartbeat: self.setup.heartbeat,
            persist: false,
        };
        self.process = Some(Process {
            node: Node::new(config, Stored::default(), 0),
            run: self.runs,
            paused: false,
            inbox: VecDeque::new(),
            links: BTreeMap::new(),
            next_link: 0,
            timer_at: None,
            spins: 0,
            watch: Watch::default(),
        });
    }
}
