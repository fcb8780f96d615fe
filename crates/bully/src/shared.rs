//! What the driver and the handles of a node share: the node itself, so that leadership is asked
//! of it at the time of use.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use bully_core::quorum::RATE_ERROR_PER_MILLE;
use bully_core::{Address, Now, Tick};

use crate::clock::Clock;
use crate::journal::Journal;
use crate::node::{Change, Duty, Input, Node, Output, Shown};
use crate::noise::Keys;
use crate::view::{Entry, Leader, Leadership, Member, MemberRole, MemberState, Mode, Token, View};

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

/// Who a node is.
#[derive(Debug)]
pub(crate) struct Identity {
    pub(crate) node: Address,
    pub(crate) mode: Mode,
    pub(crate) cluster: String,
    pub(crate) local_addrs: Vec<SocketAddr>,
    /// What addresses without a port have: the port that is listened on.
    pub(crate) port: u16,
    pub(crate) run_id: String,
    /// What secures its connections, if anything.
    pub(crate) keys: Option<Arc<Keys>>,
}

/// A node with its clock and its history.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) identity: Identity,
    clock: Clock,
    machine: Mutex<Machine>,
    /// A write has not come back from the disk for long.
    disk_hangs: AtomicBool,
}

/// Under one lock, so that whoever reads sees a step whole or not at all.
#[derive(Debug)]
struct Machine {
    node: Node,
    journal: Journal,
    /// The fast clock at the last step.
    stepped_at: Tick,
    /// What the node showed after it.
    shown: Option<Shown>,
    /// Until then somebody may act on what [`Shared::leadership`] said.
    answered: Answered,
    /// The reigns that are to end, each until nobody can be acting on it: the oldest first.
    ending: VecDeque<Answered>,
}

/// Until when somebody may act on what was said of a reign.
#[derive(Clone, Copy, Debug)]
struct Answered {
    /// Which; none where nothing was said.
    reign: Option<Token>,
    until: Tick,
}

impl Answered {
    const NOTHING: Self = Self { reign: None, until: Tick(0) };

    /// Nobody acts on it any more, if it was said of that reign.
    fn take_back(&mut self, reign: Token) {
        if self.reign == Some(reign) {
            *self = Self::NOTHING;
        }
    }
}

/// A panic elsewhere is no reason to stop answering: the state is whole after every step.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub(crate) fn new(identity: Identity, journal: Journal, node: Node) -> Self {
        let clock = Clock::new();
        let stepped_at = clock.now().fast;
        let machine = Machine {
            node,
            journal,
            stepped_at,
            shown: None,
            answered: Answered::NOTHING,
            ending: VecDeque::new(),
        };
        Self { identity, clock, machine: Mutex::new(machine), disk_hangs: AtomicBool::new(false) }
    }

    /// One step of the node.
    pub(crate) fn handle(&self, input: Input, step: &mut Step) {
        let mut machine = lock(&self.machine);
        let now = self.clock.now();
        machine.handle(input, now, step);
    }

    /// Whether the node leads, for who acts on it: a lease that is told here is waited for.
    pub(crate) fn leadership(&self) -> Leadership {
        let mut machine = lock(&self.machine);
        let now = self.clock.now();
        let leadership = machine.node.leadership(now);
        let Leadership::Lease { token, remaining } = leadership else { return leadership };
        let until = machine.answered.until.max(now.fast.after(remaining));
        machine.answered = Answered { reign: Some(token), until };
        // The application measures with another clock, which may be as much slower as this one is
        // faster.
        let (slowest, fastest) = (1_000 - RATE_ERROR_PER_MILLE, 1_000 + RATE_ERROR_PER_MILLE);
        Leadership::Lease { token, remaining: remaining * slowest / fastest }
    }

    /// The same for who does not act on it.
    pub(crate) fn leads(&self) -> bool {
        let machine = lock(&self.machine);
        machine.node.leadership(self.clock.now()).is_leader()
    }

    /// Nobody acts any longer on what was told of that reign.
    pub(crate) fn relinquish(&self, reign: Token) {
        let mut machine = lock(&self.machine);
        machine.answered.take_back(reign);
        machine.ending.iter_mut().for_each(|answered| answered.take_back(reign));
    }

    /// Whether a reign has ended on which nobody can be acting any more, and the node has not been
    /// told: true once for each.
    pub(crate) fn take_ended(&self) -> bool {
        let mut machine = lock(&self.machine);
        let now = self.clock.now().fast;
        let is_ended = machine.ending.front().is_some_and(|answered| answered.until <= now);
        if is_ended {
            machine.ending.pop_front();
        }
        is_ended
    }

    pub(crate) fn idle_for(&self) -> Duration {
        let stepped_at = lock(&self.machine).stepped_at;
        self.clock.now().fast.since(stepped_at)
    }

    /// Whether what was asked for is so; none while it may still come.
    pub(crate) fn is_done(&self, change: &Change) -> Option<bool> {
        let machine = lock(&self.machine);
        machine.node.is_done(change, &self.identity.node, self.clock.now())
    }

    /// The moment after this pause, by the clock that deadlines of this node are measured with.
    pub(crate) fn after(&self, pause: Duration) -> Tick {
        self.clock.now().fast.after(pause)
    }

    pub(crate) fn is_past(&self, at: Tick) -> bool {
        self.clock.now().fast >= at
    }

    pub(crate) fn set_disk_hangs(&self, hangs: bool) {
        self.disk_hangs.store(hangs, Ordering::Release);
    }

    pub(crate) fn is_writable(&self) -> bool {
        !self.disk_hangs.load(Ordering::Acquire)
            && lock(&self.machine).node.shown(self.clock.now()).is_writable
    }

    pub(crate) fn view(&self) -> View {
        let (shown, leadership, since, revision) = {
            let machine = lock(&self.machine);
            let now = self.clock.now();
            let (shown, leadership) = (machine.node.shown(now), machine.node.leadership(now));
            (shown, leadership, machine.journal.since, machine.journal.revision)
        };
        View {
            leader: shown.leader.map(|leader| Leader {
                node: leader.id.to_string(),
                ip: leader.ip,
                port: leader.id.port,
                priority: leader.priority,
            }),
            node: self.identity.node.to_string(),
            role: shown.role,
            mode: self.identity.mode,
            cluster: self.identity.cluster.clone(),
            epoch: shown.epoch,
            token: shown.token,
            lease: leadership.remaining(),
            since,
            pending: shown.pending,
            reason: shown.reason,
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
    fn handle(&mut self, input: Input, now: Now, step: &mut Step) {
        self.stepped_at = now.fast;
        self.node.handle(input, now);
        step.outputs.clear();
        step.outputs.extend(std::iter::from_fn(|| self.node.poll_output()));
        let revision = self.journal.revision;
        for output in &step.outputs {
            if let Output::Event(event) = output {
                self.journal.enter(event, &self.node, SystemTime::now());
                if let Some(Duty::Revoke { deadline }) = event.duty() {
                    self.ending.push_back(self.until(deadline));
                }
            }
        }
        let shown = Some(self.node.shown(now));
        if shown != self.shown {
            self.shown = shown;
            if self.journal.revision == revision {
                self.journal.revision += 1;
            }
        }
        step.is_changed = self.journal.revision != revision;
        step.notices = self.journal.take_notices();
        step.pause = self.node.poll_timeout(now).unwrap_or(PAUSE_MAX).min(PAUSE_MAX);
        if let Some(answered) = self.ending.front() {
            step.pause = step.pause.min(answered.until.since(now.fast));
        }
    }

    /// How long somebody may act on a reign that ends.
    fn until(&self, deadline: Option<Tick>) -> Answered {
        let until = deadline.map_or(Tick(0), |deadline| self.answered.until.min(deadline));
        Answered { until, ..self.answered }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::Listed;
    use bully_core::{Inst, quorum};

    /// A node in quorum mode that is alone in its cluster, and leads.
    fn leader() -> (Shared, Step) {
        let node: Address = "127.0.0.1:8117".parse().unwrap();
        let config = quorum::Config {
            cluster: "bully".into(),
            id: node.clone(),
            ip: None,
            fresh: Inst(7),
            places: Vec::new(),
            priority: 100,
            preempt: true,
            heartbeat: Duration::from_secs(1),
            lease: Duration::from_secs(60),
            guardian: false,
            moved: false,
        };
        let identity = Identity {
            node: node.clone(),
            mode: Mode::Quorum,
            cluster: "bully".to_owned(),
            local_addrs: Vec::new(),
            port: 8117,
            keys: None,
            run_id: "1".to_owned(),
        };
        let journal = Journal::new(node, "bully".to_owned(), Listed::default(), SystemTime::now());
        let node = Node::Quorum(quorum::Node::new(config, None, 1).unwrap());
        let shared = Shared::new(identity, journal, node);
        let mut step = Step::default();
        let mut inputs = VecDeque::from([Input::Start]);
        for _ in 0..10_000 {
            if shared.leads() {
                return (shared, step);
            }
            shared.handle(inputs.pop_front().unwrap_or(Input::Timeout), &mut step);
            for output in step.outputs.drain(..) {
                if let Output::Persist { id, .. } = output {
                    inputs.push_back(Input::Persisted(id));
                }
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        panic!("it leads alone");
    }

    fn end(shared: &Shared, step: &mut Step) {
        shared.handle(Input::Leave, step);
        assert!(!shared.leads());
    }

    #[test]
    fn a_reign_that_nobody_was_told_of_is_over_at_once() {
        let (shared, mut step) = leader();
        end(&shared, &mut step);
        assert!(shared.take_ended());
        assert!(!shared.take_ended(), "once for each reign");
    }

    #[test]
    fn an_answer_that_still_holds_is_waited_for_until_nobody_acts_on_it() {
        let (shared, mut step) = leader();
        let Leadership::Lease { token, remaining } = shared.leadership() else { panic!() };
        assert!(token.get() > 1 && remaining > Duration::from_secs(30));
        let known = shared.view().lease.expect("it leads");
        assert!(
            remaining < known * 995 / 1_000,
            "by a slow clock, too: {remaining:?} of {known:?}"
        );
        end(&shared, &mut step);
        assert!(!shared.take_ended());
        assert!(!shared.leadership().is_leader(), "nothing more is promised meanwhile");
        shared.relinquish(Token(token.get() - 1));
        assert!(!shared.take_ended(), "that was another reign");
        shared.relinquish(token);
        assert!(shared.take_ended());
    }

    #[test]
    fn what_is_asked_after_it_was_said_that_nobody_acts_counts_again() {
        let (shared, mut step) = leader();
        shared.relinquish(shared.leadership().token().expect("it leads"));
        assert!(shared.leadership().is_leader());
        end(&shared, &mut step);
        assert!(!shared.take_ended());
    }

    #[test]
    fn what_is_told_for_display_is_not_waited_for() {
        let (shared, mut step) = leader();
        assert!(shared.leads());
        let view = shared.view();
        assert!(view.is_leader() && view.token.is_some() && view.lease.is_some());
        end(&shared, &mut step);
        assert!(shared.take_ended());
    }
}
