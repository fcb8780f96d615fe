//! The world: virtual time, hosts, and what happens to them.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use bully_core::quorum::{Event, Input, Message, Output};
use bully_core::{Address, DialError, Inst};

use super::check::Checks;
use super::cover::Cover;
use super::host::{Host, Process, Queued, Setup};
use super::queue::Due;
use super::wire::{Fate, Letter, Origin, Packet};
use crate::net::{Conn, Net};
use crate::queue::Entry;
use crate::rng::Rng;

/// A node may ask for this many timeouts in a row at one moment; more is a spin.
const SPINS_MAX: u32 = 1_000;

/// Decides what becomes of each message, before the weather does.
pub(crate) type Filter = Box<dyn FnMut(&Letter<'_>) -> Fate>;

/// Hosts, a network, and a clock that jumps from event to event.
pub struct World {
    pub(crate) now: u64,
    pub(crate) rng: Rng,
    /// How the network behaves.
    pub net: Net,
    /// Of a thousand messages so many arrive late, by at most so many nanoseconds.
    pub late: (u64, u64),
    pub(crate) filter: Option<Filter>,
    pub(crate) hosts: Vec<Host>,
    pub(crate) conns: Vec<Conn>,
    pub(crate) by_address: BTreeMap<Address, usize>,
    queue: BinaryHeap<Reverse<Entry<Due>>>,
    order: u64,
    /// Sent into a cut, to arrive when it heals.
    pub(crate) held: Vec<(usize, usize, Packet)>,
    /// What guardians will say on connections that are being opened.
    pub(crate) farewells: BTreeMap<usize, (Message, Origin)>,
    pub(crate) checks: Checks,
    /// What was seen.
    pub cover: Cover,
    /// Messages sent, by name.
    pub sent: BTreeMap<&'static str, u64>,
    /// Steps that nodes have taken.
    pub steps: u64,
    /// Every event of every node: when, which host, what.
    pub events: Vec<(u64, usize, Event)>,
    /// Lines of a transcript, where one is kept.
    pub(crate) transcript: Option<Vec<String>>,
    /// Messages that it leaves out.
    pub(crate) hidden: Vec<String>,
    /// The first property that did not hold.
    pub violation: Option<String>,
}

impl World {
    /// An empty world.
    pub fn new(seed: u64) -> Self {
        Self {
            now: 0,
            rng: Rng::new(seed),
            net: Net::default(),
            late: (0, 0),
            filter: None,
            hosts: Vec::new(),
            conns: Vec::new(),
            by_address: BTreeMap::new(),
            queue: BinaryHeap::new(),
            order: 0,
            held: Vec::new(),
            farewells: BTreeMap::new(),
            checks: Checks::default(),
            cover: Cover::default(),
            sent: BTreeMap::new(),
            steps: 0,
            events: Vec::new(),
            transcript: None,
            hidden: Vec::new(),
            violation: None,
        }
    }

    /// Adds a host that listens at `address`, with nothing running on it and nothing on its disk.
    pub fn add_host(&mut self, address: Address, setup: Setup) -> usize {
        let index = self.hosts.len();
        self.by_address.insert(address, index);
        let zero = self.zero();
        self.hosts.push(Host::new(setup, zero));
        index
    }

    /// Another address under which a host is reached: a name in somebody's list, or the address
    /// of another host, which is reached there no more.
    pub fn add_alias(&mut self, alias: Address, host: usize) {
        self.by_address.insert(alias, host);
    }

    /// Virtual nanoseconds since the beginning.
    pub fn now(&self) -> u64 {
        self.now
    }

    /// What a clock shows at a power-on.
    pub(crate) fn zero(&mut self) -> u64 {
        1 + self.rng.below(1 << 50)
    }

    pub(crate) fn draw_inst(&mut self) -> Inst {
        Inst((u128::from(self.rng.bits()) << 64) | u128::from(self.rng.bits()))
    }

    pub(crate) fn violated(&mut self, host: usize, what: &str) {
        if self.violation.is_none() {
            let us = self.now / crate::US;
            let id = &self.hosts[host].setup.id;
            self.violation = Some(format!("at {us} µs on {host} ({id}): {what}"));
            self.say(&format!("violation on {host}: {what}"));
        }
    }

    pub(crate) fn check(&mut self, host: usize, checked: Result<(), String>) {
        if let Err(what) = checked {
            self.violated(host, &what);
        }
    }

    pub(crate) fn schedule(&mut self, at: u64, due: Due) {
        self.order += 1;
        let late = matches!(due, Due::Timer { .. });
        let order = self.order;
        self.queue.push(Reverse(Entry { at, late, order, due }));
    }

    /// Loses what is still on its way and would come late.
    pub fn lose_late(&mut self) {
        let limit = self.now + 200 * crate::MS;
        self.queue.retain(|Reverse(entry)| {
            let is_data = matches!(entry.due, Due::Arrive { packet: Packet::Data(..), .. });
            !is_data || entry.at <= limit
        });
    }

    /// Runs until `at`, or until a property does not hold.
    pub fn run_until(&mut self, at: u64) {
        while self.violation.is_none() {
            match self.queue.peek() {
                Some(Reverse(entry)) if entry.at <= at => {}
                _ => break,
            }
            self.step();
        }
        self.now = self.now.max(at);
    }

    fn step(&mut self) {
        let Some(Reverse(entry)) = self.queue.pop() else {
            return;
        };
        self.now = self.now.max(entry.at);
        match entry.due {
            Due::Arrive { conn, side, packet } => self.arrive(conn, side, packet),
            Due::DialTimeout { conn } => self.fail_dial(conn, DialError::TimedOut),
            Due::Timer { host, run } => self.timer(host, run, entry.at),
            Due::Synced { host, run, id } => self.synced(host, run, id),
            Due::Stopped { host, run, token } => self.app_stopped(host, run, token),
            Due::Look { host, run } => self.look_now_and_then(host, run),
            Due::Killed { host } => self.killed(host),
            Due::Restart { host } if self.hosts[host].has_left => {}
            Due::Restart { host } => self.start(host),
        }
    }

    pub(crate) fn process(&mut self, host: usize, run: u64) -> Option<&mut Process> {
        self.hosts[host].process.as_mut().filter(|p| p.run == run)
    }

    /// Hands an input to a process, or keeps it until the process is thawed.
    pub(crate) fn tell(&mut self, host: usize, run: u64, input: Input, origin: Option<Origin>) {
        match self.process(host, run) {
            Some(process) if process.paused => {
                process.inbox.push_back(Queued::Input(input, origin));
            }
            Some(_) => self.handle(host, input, origin),
            None => {}
        }
    }

    fn timer(&mut self, host: usize, run: u64, at: u64) {
        let clocks = self.hosts[host].now(self.now);
        let Some(process) = self.process(host, run) else {
            return;
        };
        if process.timer_at != Some(at) || process.paused {
            return;
        }
        process.timer_at = None;
        if process.node.poll_timeout(clocks).is_some_and(|d| d.is_zero()) {
            process.spins += 1;
            if process.spins > SPINS_MAX {
                self.violated(host, "it asks for timeouts without end");
                return;
            }
            self.handle(host, Input::Timeout, None);
        } else {
            self.arm(host);
        }
    }

    /// Asks the node when it wants to be woken.
    pub(crate) fn arm(&mut self, host: usize) {
        let now = self.now;
        let clocks = self.hosts[host].now(now);
        let owner = &mut self.hosts[host];
        let Some(process) = owner.process.as_mut() else {
            return;
        };
        let Some(pause) = process.node.poll_timeout(clocks) else {
            return;
        };
        let ticks = u64::try_from(pause.as_nanos()).unwrap_or(u64::MAX / 4);
        let at = now + owner.clocks.wait(ticks);
        if process.timer_at.is_some_and(|have| have <= at && have >= now) {
            return;
        }
        if at > now {
            process.spins = 0;
        }
        process.timer_at = Some(at);
        let run = process.run;
        self.schedule(at, Due::Timer { host, run });
    }

    /// One step of a node, and all that follows from it at once.
    pub(crate) fn handle(&mut self, host: usize, input: Input, origin: Option<Origin>) {
        let clocks = self.hosts[host].now(self.now);
        let Some(process) = self.hosts[host].process.as_mut() else {
            return;
        };
        self.steps += 1;
        let run = process.run;
        let foreign = self.before_step(host, &input, origin.as_ref());
        let Some(process) = self.hosts[host].process.as_mut() else {
            return;
        };
        process.node.handle(input, clocks);
        while let Some(output) = self.process(host, run).and_then(|p| p.node.poll_output()) {
            self.perform(host, run, output);
        }
        self.after_step(host, foreign);
        self.arm(host);
    }

    fn perform(&mut self, host: usize, run: u64, output: Output) {
        match output {
            Output::Persist { id, state } => self.persist(host, run, id, state),
            Output::Send { to, message } => self.send(host, run, to, message),
            Output::Dial { to, timeout } => {
                let timeout = u64::try_from(timeout.as_nanos()).unwrap_or(u64::MAX / 4);
                self.dial(host, run, to, timeout);
            }
            Output::Close { link } => self.close(host, run, link),
            Output::Announce(pact) => {
                let checked = super::check::persist::announced(&pact, self.stored(host));
                self.check(host, checked);
                self.hosts[host].pact = Some(pact);
            }
            Output::Event(event) => self.event(host, run, event),
            other => self.violated(host, &format!("an output of no driver's: {other:?}")),
        }
    }

    fn event(&mut self, host: usize, run: u64, event: Event) {
        self.note_event(host, run, &event);
        self.tell_app(host, run, &event);
        if event == Event::Stopped {
            self.hosts[host].has_left = true;
            self.end_process(host, true);
        }
        self.events.push((self.now, host, event));
    }

    /// The process is gone; its kernel closes what it had open.
    pub(crate) fn end_process(&mut self, host: usize, app_lives: bool) {
        let Some(process) = self.hosts[host].process.take() else {
            return;
        };
        self.end_write(host);
        self.hosts[host].leads_until = 0;
        self.close_all(process);
        self.bury(host, app_lives);
    }
}
