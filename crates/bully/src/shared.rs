//! What the driver and the handles of a node share: the node itself, so that leadership is asked
//! of it at the time of use.

use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use bully_core::{Address, Config, Event, Input, Node, Output, Role as CoreRole, Status};

use crate::clock::Clock;
use crate::journal::Journal;
use crate::view::{Entry, Leader, Leadership, Member, MemberRole, MemberState, Mode, Role, View};

/// The node's status, and the revision of its history.
pub(crate) type Shown = (Status, u64);

/// A node with its clock and its history.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) node: Address,
    pub(crate) local_addrs: Vec<SocketAddr>,
    pub(crate) run_id: String,
    cluster: String,
    clock: Clock,
    machine: Mutex<Machine>,
    journal: Mutex<Journal>,
}

#[derive(Debug)]
struct Machine {
    node: Node,
    /// The fast clock at the last step.
    stepped_at: bully_core::Tick,
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
        let machine = Machine { node: node(config.clone()), stepped_at };
        let cluster = config.cluster.to_string();
        let journal = Journal::new(config.id.clone(), cluster.clone(), SystemTime::now());
        Self {
            node: config.id.clone(),
            local_addrs,
            run_id: format!("{:08x}", config.inst.0 >> 96),
            cluster,
            clock,
            machine: Mutex::new(machine),
            journal: Mutex::new(journal),
        }
    }

    /// One step of the node; its outputs are to be performed in order.
    pub(crate) fn handle(&self, input: Input) -> Vec<Output> {
        let mut machine = lock(&self.machine);
        let now = self.clock.now();
        machine.stepped_at = now.fast;
        machine.node.handle(input, now);
        std::iter::from_fn(|| machine.node.poll_output()).collect()
    }

    /// How long the node can be left alone.
    pub(crate) fn timeout(&self) -> Duration {
        let machine = lock(&self.machine);
        let now = self.clock.now();
        // A node that waits for nothing still shows that its loop turns.
        machine.node.poll_timeout(now).unwrap_or(Duration::MAX).min(Duration::from_millis(500))
    }

    pub(crate) fn enter(&self, event: &Event, now: SystemTime) {
        lock(&self.journal).enter(event, now);
    }

    pub(crate) fn next_revision(&self) -> u64 {
        let mut journal = lock(&self.journal);
        journal.revision += 1;
        journal.revision
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

    /// What decides whether the view is another.
    pub(crate) fn shown(&self) -> Shown {
        let status = lock(&self.machine).node.status(self.clock.now());
        // Each heartbeat has a new one, and nobody is shown it.
        (Status { seq: 0, ..status }, lock(&self.journal).revision)
    }

    pub(crate) fn view(&self) -> View {
        let status = {
            let machine = lock(&self.machine);
            machine.node.status(self.clock.now())
        };
        let (since, revision) = {
            let journal = lock(&self.journal);
            (journal.since, journal.revision)
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
        lock(&self.journal).after(after)
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
