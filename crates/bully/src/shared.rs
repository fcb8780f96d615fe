//! What the driver and the handles of a node share: the node itself, so that leadership is asked
//! of it at the time of use.

use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use bully_core::{Address, Config, Input, Node, Output, Role as CoreRole, Status};

use crate::clock::Clock;
use crate::journal::Journal;
use crate::view::{Entry, Leader, Leadership, Member, MemberRole, MemberState, Mode, Role, View};

/// The event loop turns at least this often, so that it shows that it does.
const PAUSE_MAX: Duration = Duration::from_millis(500);

/// What one step of the node asks for. Filled anew at each step.
#[derive(Debug, Default)]
pub(crate) struct Step {
    /// To be performed in order.
    pub(crate) outputs: Vec<Output>,
    /// To be said to the operator.
    pub(crate) notices: Vec<String>,
    /// The view is another.
    pub(crate) is_changed: bool,
    /// How long the node can be left alone.
    pub(crate) pause: Duration,
}

/// A node with its clock and its history.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) node: Address,
    pub(crate) local_addrs: Vec<SocketAddr>,
    pub(crate) run_id: String,
    cluster: String,
    clock: Clock,
    machine: Mutex<Machine>,
}

/// Under one lock, so that whoever reads sees a step whole or not at all.
#[derive(Debug)]
struct Machine {
    node: Node,
    journal: Journal,
    /// The fast clock at the last step.
    stepped_at: bully_core::Tick,
    /// What the node showed after it.
    shown: Option<Status>,
}

/// A panic elsewhere is no reason to stop answering: the state is whole after every step.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub(crate) fn new(
        config: &Config,
        local_addrs: Vec<SocketAddr>,
        node: impl FnOnce(Config) -> Node,
    ) -> Self {
        let clock = Clock::new();
        let stepped_at = clock.now().fast;
        let cluster = config.cluster.to_string();
        let journal = Journal::new(config.id.clone(), cluster.clone(), SystemTime::now());
        let machine = Machine { node: node(config.clone()), journal, stepped_at, shown: None };
        Self {
            node: config.id.clone(),
            local_addrs,
            run_id: format!("{:08x}", config.inst.0 >> 96),
            cluster,
            clock,
            machine: Mutex::new(machine),
        }
    }

    /// One step of the node.
    pub(crate) fn handle(&self, input: Input, step: &mut Step) {
        let mut machine = lock(&self.machine);
        let now = self.clock.now();
        machine.handle(input, now, step);
    }

    pub(crate) fn leadership(&self) -> Leadership {
        let machine = lock(&self.machine);
        match machine.node.leadership(self.clock.now()) {
            bully_core::Leadership::Leader(epoch) => Leadership::Leader { epoch: epoch.0 },
            _ => Leadership::NotLeader,
        }
    }

    pub(crate) fn idle_for(&self) -> Duration {
        let stepped_at = lock(&self.machine).stepped_at;
        self.clock.now().fast.since(stepped_at)
    }

    /// Its claim is its own still, and it does not lead: the handover is under way.
    pub(crate) fn is_resigning(&self) -> bool {
        let machine = lock(&self.machine);
        let status = machine.node.status(self.clock.now());
        status.role == CoreRole::Follower && status.claim.is_some_and(|c| c.id == self.node)
    }

    pub(crate) fn view(&self) -> View {
        let (status, since, revision) = {
            let machine = lock(&self.machine);
            let status = machine.node.status(self.clock.now());
            (status, machine.journal.since, machine.journal.revision)
        };
        View {
            leader: status.leader.map(|leader| Leader {
                node: leader.id.to_string(),
                ip: leader.ip,
                port: leader.id.port,
                priority: leader.priority,
            }),
            node: self.node.to_string(),
            role: match status.role {
                CoreRole::Follower => Role::Follower,
                CoreRole::Electing => Role::Electing,
                CoreRole::Leader => Role::Leader,
                _ => Role::Joining,
            },
            mode: Mode::Bully,
            cluster: self.cluster.clone(),
            epoch: status.claim.map(|claim| claim.epoch.0),
            since,
            pending: status.pending,
            reason: status.reason.map(|reason| reason.to_string()),
            revision,
        }
    }

    pub(crate) fn members(&self) -> Vec<Member> {
        let views = {
            let machine = lock(&self.machine);
            machine.node.members(self.clock.now())
        };
        views.iter().map(member).collect()
    }

    pub(crate) fn history(&self, after: u64) -> Vec<Entry> {
        lock(&self.machine).journal.after(after)
    }
}

impl Machine {
    fn handle(&mut self, input: Input, now: bully_core::Now, step: &mut Step) {
        self.stepped_at = now.fast;
        self.node.handle(input, now);
        step.outputs.clear();
        step.outputs.extend(std::iter::from_fn(|| self.node.poll_output()));
        let revision = self.journal.revision;
        for output in &step.outputs {
            if let Output::Event(event) = output {
                self.journal.enter(event, SystemTime::now());
            }
        }
        // Each heartbeat has a new number, and nobody is shown it.
        let shown = Some(Status { seq: 0, ..self.node.status(now) });
        if shown != self.shown {
            self.shown = shown;
            if self.journal.revision == revision {
                self.journal.revision += 1;
            }
        }
        step.is_changed = self.journal.revision != revision;
        step.notices = self.journal.take_notices();
        step.pause = self.node.poll_timeout(now).unwrap_or(PAUSE_MAX).min(PAUSE_MAX);
    }
}

fn member(view: &bully_core::MemberView) -> Member {
    Member {
        node: view.id.to_string(),
        ip: view.ip,
        priority: view.priority,
        role: match view.role {
            bully_core::MemberRole::Leader => MemberRole::Leader,
            bully_core::MemberRole::Joining => MemberRole::Joining,
            _ => MemberRole::Candidate,
        },
        state: match view.state {
            bully_core::MemberState::Left => MemberState::Left,
            bully_core::MemberState::Unreachable => MemberState::Unreachable,
            _ => MemberState::Alive,
        },
        rtt: view.rtt,
        is_self: view.is_self,
    }
}
