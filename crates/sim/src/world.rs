//! The world: virtual time, hosts, and what travels between them.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use bully_core::{Address, DialError, Event, Input, Inst, LinkId, Message, Output};

use crate::cover::{Cover, Seen};
use crate::host::{Host, Process, Queued, Setup};
use crate::net::{Conn, End, EndState, Net, Packet};
use crate::queue::{Due, Entry};
use crate::rng::Rng;

/// A node may ask for this many timeouts in a row at one moment; more is a spin.
const SPINS_MAX: u32 = 1_000;

/// Hosts, a network, and a clock that jumps from event to event.
#[derive(Debug)]
pub struct World {
    pub(crate) now: u64,
    pub(crate) rng: Rng,
    /// How the network behaves.
    pub net: Net,
    pub(crate) hosts: Vec<Host>,
    pub(crate) conns: Vec<Conn>,
    pub(crate) by_address: BTreeMap<Address, usize>,
    queue: BinaryHeap<Reverse<Entry<Due>>>,
    order: u64,
    /// Sent into a cut, to arrive when it heals.
    pub(crate) held: Vec<(usize, usize, Packet)>,
    /// What was seen.
    pub cover: Cover,
    /// Messages sent, by name.
    pub sent: BTreeMap<&'static str, u64>,
    /// Every event of every node: when, which host, what.
    pub events: Vec<(u64, usize, Event)>,
    /// Lines of a transcript, where one is kept.
    pub(crate) transcript: Option<Vec<String>>,
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
            hosts: Vec::new(),
            conns: Vec::new(),
            by_address: BTreeMap::new(),
            queue: BinaryHeap::new(),
            order: 0,
            held: Vec::new(),
            cover: Cover::default(),
            sent: BTreeMap::new(),
            events: Vec::new(),
            transcript: None,
            violation: None,
        }
    }

    /// Adds a host that listens at `address`, with nothing running on it.
    pub fn add_host(&mut self, address: Address, setup: Setup) -> usize {
        let index = self.hosts.len();
        self.by_address.insert(address.clone(), index);
        self.hosts.push(Host { address, setup, power: true, process: None, runs: 0 });
        index
    }

    /// Another address under which a host is reached: a name in somebody's list.
    pub fn add_alias(&mut self, alias: Address, host: usize) {
        self.by_address.insert(alias, host);
    }

    /// Virtual nanoseconds since the beginning.
    pub fn now(&self) -> u64 {
        self.now
    }

    pub(crate) fn violated(&mut self, host: usize, what: &str) {
        if self.violation.is_none() {
            let us = self.now / crate::net::US;
            let id = &self.hosts[host].setup.id;
            self.violation = Some(format!("at {us} µs on {host} ({id}): {what}"));
        }
    }

    fn schedule(&mut self, at: u64, due: Due) {
        self.order += 1;
        let late = matches!(due, Due::Timer { .. });
        let order = self.order;
        self.queue.push(Reverse(Entry { at, late, order, due }));
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
            Due::Revoked { host, run } => self.tell(host, run, Input::Revoked),
        }
    }

    fn process(&mut self, host: usize, run: u64) -> Option<&mut Process> {
        self.hosts[host].process.as_mut().filter(|p| p.run == run)
    }

    /// Hands an input to a process, or keeps it until the process is thawed.
    pub(crate) fn tell(&mut self, host: usize, run: u64, input: Input) {
        match self.process(host, run) {
            Some(process) if process.paused => process.inbox.push_back(Queued::Input(input)),
            Some(_) => self.handle(host, input),
            None => {}
        }
    }

    fn timer(&mut self, host: usize, run: u64, at: u64) {
        let clocks = self.hosts[host].clocks(self.now);
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
            self.handle(host, Input::Timeout);
        } else {
            self.arm(host);
        }
    }

    /// Asks the node when it wants to be woken.
    pub(crate) fn arm(&mut self, host: usize) {
        let now = self.now;
        let clocks = self.hosts[host].clocks(now);
        let Some(process) = self.hosts[host].process.as_mut() else {
            return;
        };
        let Some(pause) = process.node.poll_timeout(clocks) else {
            return;
        };
        let at = now + u64::try_from(pause.as_nanos()).unwrap_or(u64::MAX / 2);
        if process.timer_at.is_some_and(|have| have <= at) {
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
    pub(crate) fn handle(&mut self, host: usize, input: Input) {
        let clocks = self.hosts[host].clocks(self.now);
        let Some(process) = self.hosts[host].process.as_mut() else {
            return;
        };
        process.node.handle(input, clocks);
        let run = process.run;
        while let Some(output) = self.process(host, run).and_then(|p| p.node.poll_output()) {
            self.perform(host, run, output);
        }
        self.judge(host);
        self.arm(host);
    }

    /// What must hold after each step of a node.
    fn judge(&mut self, host: usize) {
        let clocks = self.hosts[host].clocks(self.now);
        let Some(process) = self.hosts[host].process.as_mut() else {
            return;
        };
        let status = process.node.status(clocks);
        let leads = process.node.leadership(clocks).is_leader();
        let claim = status.claim.as_ref().filter(|_| leads);
        let checked = process.watch.leads_as_announced(claim);
        let checked = checked.and(process.watch.claim_monotone(&status));
        if let Err(what) = checked {
            self.violated(host, &what);
        }
    }

    fn perform(&mut self, host: usize, run: u64, output: Output) {
        match output {
            Output::Send { to, message } => self.send(host, run, to, message),
            Output::Dial { to, timeout } => {
                let timeout = u64::try_from(timeout.as_nanos()).unwrap_or(u64::MAX / 2);
                self.dial(host, run, to, timeout);
            }
            Output::Close { link } => self.close(host, run, link),
            Output::Event(event) => self.event(host, run, event),
            _ => {}
        }
    }

    fn event(&mut self, host: usize, run: u64, event: Event) {
        self.note_event(host, &event);
        let revoke_lag = self.hosts[host].setup.revoke_lag;
        if let Some(process) = self.process(host, run) {
            let checked = process.watch.event(&event);
            if let Err(what) = checked {
                self.violated(host, &what);
            }
        }
        match event {
            Event::Revoke => self.schedule(self.now + revoke_lag, Due::Revoked { host, run }),
            Event::Stopped => self.end_process(host),
            _ => {}
        }
        self.events.push((self.now, host, event));
    }

    fn send(&mut self, host: usize, run: u64, link: LinkId, message: Message) {
        self.note_sent(host, run, link, &message);
        let Some(&(conn, side)) = self.process(host, run).and_then(|p| p.links.get(&link)) else {
            return;
        };
        if self.conns[conn].ends[side].state != EndState::Open {
            return;
        }
        if self.net.loss > 0 && self.rng.chance(self.net.loss) {
            self.cover.saw(Seen::MessageLost);
            return;
        }
        if self.net.duplication > 0 && self.rng.chance(self.net.duplication) {
            self.cover.saw(Seen::MessageRepeated);
            self.transmit(conn, 1 - side, Packet::Data(message.clone()), self.net.reorder);
        }
        self.transmit(conn, 1 - side, Packet::Data(message), false);
    }

    /// Puts a packet on its way to an end of a connection.
    pub(crate) fn transmit(&mut self, conn: usize, to: usize, packet: Packet, overtaken: bool) {
        let (a, b) = {
            let ends = &self.conns[conn].ends;
            (ends[1 - to].host, ends[to].host)
        };
        if self.net.is_cut(a, b) {
            if self.net.holds && matches!(packet, Packet::Data(_) | Packet::Fin) {
                self.cover.saw(Seen::MessageHeld);
                self.held.push((conn, to, packet));
            }
            return;
        }
        let mut at = self.now + self.net.hop(&mut self.rng, a, b);
        if matches!(packet, Packet::Refusal) && self.net.refusal_lag > 0 {
            at += self.rng.below(self.net.refusal_lag);
        }
        if overtaken {
            at += self.rng.below(self.net.hop_max() * 20 + 1);
        } else {
            let end = &mut self.conns[conn].ends[to];
            at = at.max(end.last_arrival);
            end.last_arrival = at;
        }
        self.schedule(at, Due::Arrive { conn, side: to, packet });
    }

    fn dial(&mut self, host: usize, run: u64, to: Address, timeout: u64) {
        let end = |host, run| End {
            host,
            run,
            link: LinkId(0),
            state: EndState::Opening,
            last_arrival: 0,
        };
        let conn = self.conns.len();
        let target = self.by_address.get(&to).copied();
        self.conns
            .push(Conn { dialed: to, ends: [end(host, run), end(target.unwrap_or(host), 0)] });
        if target.is_some() {
            self.schedule(self.now + timeout, Due::DialTimeout { conn });
            self.transmit(conn, 1, Packet::Syn, false);
        } else {
            // An address of nobody: the packets go nowhere.
            self.schedule(self.now + timeout, Due::DialTimeout { conn });
        }
    }

    fn fail_dial(&mut self, conn: usize, reason: DialError) {
        let entry = &mut self.conns[conn];
        if entry.ends[0].state != EndState::Opening {
            return;
        }
        entry.ends[0].state = EndState::Closed;
        let (host, run, dialed) = (entry.ends[0].host, entry.ends[0].run, entry.dialed.clone());
        match reason {
            DialError::Refused => self.cover.saw(Seen::DialRefused),
            DialError::TimedOut => self.cover.saw(Seen::DialTimedOut),
            _ => {}
        }
        self.tell(host, run, Input::DialFailed { dialed, reason });
    }

    /// The end's process is there, and the end is in that state.
    fn is_at(&self, conn: usize, side: usize, state: EndState) -> bool {
        let end = &self.conns[conn].ends[side];
        let run = self.hosts[end.host].process.as_ref().map(|p| p.run);
        end.state == state && run == Some(end.run)
    }

    fn arrive(&mut self, conn: usize, side: usize, packet: Packet) {
        let host = self.conns[conn].ends[side].host;
        if !self.hosts[host].power {
            return;
        }
        match packet {
            Packet::Syn => self.accept(conn, host),
            Packet::SynAck => self.connected(conn, host),
            Packet::Refusal => self.fail_dial(conn, DialError::Refused),
            Packet::Reset => self.fail_dial(conn, DialError::Reset),
            Packet::Data(message) => {
                if self.is_at(conn, side, EndState::Open) {
                    let end = &self.conns[conn].ends[side];
                    let (run, from) = (end.run, end.link);
                    self.tell(host, run, Input::Message { from, message });
                } else {
                    self.cover.saw(Seen::ResetByLaterRun);
                    self.transmit(conn, 1 - side, Packet::Fin, false);
                }
            }
            Packet::Fin => {
                if side == 0 && self.conns[conn].ends[0].state == EndState::Opening {
                    self.fail_dial(conn, DialError::Reset);
                } else if self.is_at(conn, side, EndState::Open) {
                    let end = &mut self.conns[conn].ends[side];
                    end.state = EndState::Closed;
                    let (run, link) = (end.run, end.link);
                    self.tell(host, run, Input::LinkDown { link });
                }
            }
        }
    }

    /// A SYN reaches a host.
    pub(crate) fn accept(&mut self, conn: usize, host: usize) {
        let Some(process) = self.hosts[host].process.as_mut() else {
            self.transmit(conn, 0, Packet::Refusal, false);
            return;
        };
        if process.paused {
            process.inbox.push_back(Queued::Syn(conn));
            return;
        }
        process.next_link += 1;
        let link = LinkId(process.next_link);
        process.links.insert(link, (conn, 1));
        let end = &mut self.conns[conn].ends[1];
        (end.run, end.link, end.state) = (process.run, link, EndState::Open);
        self.transmit(conn, 0, Packet::SynAck, false);
    }

    fn connected(&mut self, conn: usize, host: usize) {
        if !self.is_at(conn, 0, EndState::Opening) {
            self.transmit(conn, 1, Packet::Fin, false);
            return;
        }
        let Some(process) = self.hosts[host].process.as_mut() else {
            return;
        };
        process.next_link += 1;
        let (link, run) = (LinkId(process.next_link), process.run);
        process.links.insert(link, (conn, 0));
        let entry = &mut self.conns[conn];
        (entry.ends[0].link, entry.ends[0].state) = (link, EndState::Open);
        let dialed = entry.dialed.clone();
        self.tell(host, run, Input::LinkUp { link, dialed });
    }

    fn close(&mut self, host: usize, run: u64, link: LinkId) {
        let Some(&(conn, side)) = self.process(host, run).and_then(|p| p.links.get(&link)) else {
            return;
        };
        self.note_close(conn, side);
        self.shut(conn, side);
    }

    pub(crate) fn shut(&mut self, conn: usize, side: usize) {
        let end = &mut self.conns[conn].ends[side];
        if end.state == EndState::Open {
            end.state = EndState::Closed;
            self.transmit(conn, 1 - side, Packet::Fin, false);
        }
    }

    /// The process is gone; its kernel closes what it had open.
    pub(crate) fn end_process(&mut self, host: usize) {
        let Some(process) = self.hosts[host].process.take() else {
            return;
        };
        for queued in &process.inbox {
            if let Queued::Syn(conn) = queued {
                self.transmit(*conn, 0, Packet::Reset, false);
            }
        }
        for (conn, side) in process.links.into_values() {
            self.shut(conn, side);
        }
    }

    pub(crate) fn inst(&mut self) -> Inst {
        Inst((u128::from(self.rng.bits()) << 64) | u128::from(self.rng.bits()))
    }
}
