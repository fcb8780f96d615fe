//! Hosts, and the processes on them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bully_core::quorum::{Config, Input, Node, Pact, StartError};
use bully_core::{Address, Inst, LinkId, Now};

use super::app::App;
use super::check::Watch;
use super::clock::{Clocks, Standing};
use super::disk::Disk;
use super::wire::Origin;

/// How a host is configured: its node from the next start on, its application, its disk.
#[allow(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
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
    /// L.
    pub lease: Duration,
    /// The name of its cluster.
    pub cluster: Arc<str>,
    /// A guardian holds the node's pact, and kills the application when the node is dead.
    pub guardian: bool,
    /// The node may start on a disk of another address.
    pub moved: bool,
    /// The application takes so long to stop when it is told to, in nanoseconds.
    pub revoke_lag: u64,
    /// The guardian takes so long to kill the application.
    pub kill_lag: u64,
    /// The guardian says farewell before it has killed the application: a mistake (Q13) that the
    /// checkers must find.
    pub hasty: bool,
    /// The guardian starts the node again so long after its farewell; else nobody does.
    pub restart_after: Option<u64>,
    /// A write takes from … to, in nanoseconds.
    pub sync: (u64, u64),
    /// The application asks after every step of its node for how long it leads, not now and then.
    pub eager: bool,
    /// Its wall clock, in milliseconds since 1970 at virtual time zero.
    pub wall_ms: u64,
}

/// A machine with an address, on which at most one process runs at a time.
#[derive(Clone, Debug)]
pub(crate) struct Host {
    pub(crate) setup: Setup,
    /// The machine is on: its kernel answers.
    pub(crate) power: bool,
    pub(crate) clocks: Clocks,
    /// Of the rates of its clocks, in millionths: fast, slow.
    pub(crate) errors_ppm: (i64, i64),
    pub(crate) disk: Disk,
    pub(crate) process: Option<Process>,
    /// What acts on this host in the belief that its node leads.
    pub(crate) apps: Vec<App>,
    /// What the guardian was told last.
    pub(crate) pact: Option<Pact>,
    /// The guardian is killing the application of a dead node.
    pub(crate) killing: bool,
    /// Its last process stopped of its own accord.
    pub(crate) has_left: bool,
    /// Counts processes.
    pub(crate) runs: u64,
    /// Until when, in true time, the node's own answer holds that it leads.
    pub(crate) leads_until: u64,
}

/// What waits for a process that is stopped.
#[allow(clippy::large_enum_variant, reason = "most are of the large kind")]
#[derive(Clone, Debug)]
pub(crate) enum Queued {
    Input(Input, Option<Origin>),
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
    pub(crate) fn new(setup: Setup, zero: u64) -> Self {
        Self {
            setup,
            power: true,
            clocks: Clocks::new(0, zero, (0, 0)),
            errors_ppm: (0, 0),
            disk: Disk::default(),
            process: None,
            apps: Vec::new(),
            pact: None,
            killing: false,
            has_left: false,
            runs: 0,
            leads_until: 0,
        }
    }

    /// The node of its process, if one runs.
    pub(crate) fn node(&self) -> Option<&Node> {
        self.process.as_ref().map(|p| &p.node)
    }

    /// Its node, if that can be asked.
    pub(crate) fn awake(&self) -> Option<&Node> {
        self.process.as_ref().filter(|p| !p.paused).map(|p| &p.node)
    }

    pub(crate) fn is_awake(&self) -> bool {
        self.awake().is_some()
    }

    pub(crate) fn is_machine_awake(&self) -> bool {
        self.power && self.clocks.standing == Standing::None
    }

    /// The clocks of this host.
    pub(crate) fn now(&self, now: u64) -> Now {
        self.clocks.now(now, self.setup.wall_ms)
    }

    /// The instance that lives here: of its process, else of its disk.
    pub(crate) fn inst(&self) -> Option<Inst> {
        let stored = self.disk.stored.as_ref().map(|s| s.inst);
        self.node().map(|n| n.record().inst).or(stored)
    }

    pub(crate) fn spawn(&mut self, fresh: Inst, seed: u64, now: u64) -> Result<(), StartError> {
        let config = Config {
            cluster: self.setup.cluster.clone(),
            id: self.setup.id.clone(),
            ip: None,
            fresh,
            places: self.setup.places.clone(),
            priority: self.setup.priority,
            preempt: self.setup.preempt,
            heartbeat: self.setup.heartbeat,
            lease: self.setup.lease,
            guardian: self.setup.guardian,
            moved: self.setup.moved,
        };
        let node = Node::new(config, self.disk.stored.clone(), seed)?;
        self.runs += 1;
        self.has_left = false;
        let stored = self.disk.stored.as_ref();
        let watch = Watch::new(stored, self.setup.lease, self.clocks.now(now, 0));
        self.process = Some(Process {
            node,
            run: self.runs,
            paused: false,
            inbox: VecDeque::new(),
            links: BTreeMap::new(),
            next_link: self.runs << 32,
            timer_at: None,
            spins: 0,
            watch,
        });
        Ok(())
    }
}
