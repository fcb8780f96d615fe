//! How a state becomes the next one.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use bully_core::quorum::{Event, Input, Node, Output, Pact, Proposal, Stored};

use crate::budget::Fault;
use crate::choices::{Action, Next, choices};
use crate::print::print;
use crate::scope::Scope;
use crate::seen::{Seen, SeenSet};
use crate::state::{Breach, Claim, Law, Packet, Process, State, What, address};
use crate::words;

/// A node may ask for this many timeouts in a row at one moment; more is a spin.
const SPINS_MAX: u8 = 60;

/// So many packets may follow from each other at one moment, since they take no time; more have no
/// end.
const HOPS_MAX: u16 = 5_000;

/// A state under way to the next, and what is told of it.
pub(crate) struct Turn<'a> {
    pub(crate) scope: &'a Scope,
    pub(crate) s: State,
    pub(crate) log: Option<Vec<String>>,
}

impl<'a> Turn<'a> {
    pub(crate) fn new(scope: &'a Scope, mut s: State, is_told: bool) -> Self {
        s.seen = SeenSet::default();
        Self { scope, s, log: is_told.then(Vec::new) }
    }

    pub(crate) fn say(&mut self, line: impl FnOnce(&State) -> String) {
        if let Some(log) = &mut self.log {
            let us = self.s.now / 1_000;
            log.push(format!("{:>9}.{:03} ms  {}", us / 1_000, us % 1_000, line(&self.s)));
        }
    }

    pub(crate) fn breach(&mut self, law: Law, how: String) {
        if self.s.breach.is_none() {
            self.say(|_| format!("BREACH of {law:?}: {how}"));
            self.s.breach = Some(Box::new(Breach { law, how }));
        }
    }

    /// An action, and whatever follows from it without any choice while no time passes.
    pub(crate) fn run(&mut self, action: &Action) {
        self.act(action);
        while self.s.head().is_some() && choices(self.scope, &self.s) == [Action::Go] {
            self.act(&Action::Go);
        }
    }

    fn act(&mut self, action: &Action) {
        self.spend(action);
        match *action {
            Action::Go => self.go(),
            Action::Lose => drop(self.take()),
            Action::Hold => {
                if let Some(packet) = self.take() {
                    self.keep(packet);
                }
            }
            Action::Copy => {
                if let Some(packet) = self.take() {
                    self.keep(packet.clone());
                    self.deliver(packet);
                }
            }
            Action::Overtake(n) => {
                let packet = self.s.queue.remove(n);
                self.deliver(packet);
            }
            Action::Late(n) => {
                let packet = self.s.late.remove(n);
                self.deliver(packet);
            }
            Action::Fail { written } => {
                if let Some(packet) = self.take() {
                    self.sync(packet.host, written, false);
                }
            }
            Action::Crash { host, written } => {
                if let Some((_, state)) = self.s.hosts[host].writing.take().filter(|_| written) {
                    self.store(host, state);
                }
                self.end_process(host);
            }
            Action::Start(host) => self.start(host),
            Action::Farewell(host) => self.farewell(host),
            Action::Pause(host) => self.s.hosts[host].is_paused = true,
            Action::Thaw(host) => self.s.hosts[host].is_paused = false,
            Action::Isolate(host) => {
                let others = (0..self.s.hosts.len()).filter(|n| *n != host);
                self.s.cuts = others.flat_map(|n| [(host, n), (n, host)]).collect();
            }
            Action::Cut(from, to) => self.s.cuts = vec![(from, to)],
            Action::Heal => self.heal(),
            Action::Resign { host, leave } => self.tell(host, Input::Resign { leave }),
            Action::HandOver { host, to } => {
                self.propose(host, Proposal::HandOver(to.map(address)));
            }
            Action::Remove { host, member } => {
                self.propose(host, Proposal::Remove(address(member)));
            }
            Action::Priority { host, to } => self.propose(host, Proposal::Priority(to)),
        }
        self.s.tidy();
        self.judge();
    }

    fn spend(&mut self, action: &Action) {
        let fault = match action {
            Action::Go | Action::Late(_) | Action::Thaw(_) | Action::Heal => return,
            Action::Overtake(_) if self.scope.any_order => return,
            Action::Lose => Fault::Lose,
            Action::Hold => match self.s.head().map(|n| &self.s.queue[n].what) {
                Some(What::Synced) => Fault::SlowDisk,
                Some(What::Revoked { .. }) => Fault::SlowApp,
                _ => Fault::Hold,
            },
            Action::Copy => Fault::Copy,
            Action::Overtake(_) => Fault::Overtake,
            Action::Fail { .. } => Fault::Disk,
            Action::Crash { .. } => Fault::Crash,
            Action::Start(_) => Fault::Start,
            Action::Farewell(_) => Fault::Farewell,
            Action::Pause(_) => Fault::Pause,
            Action::Isolate(_) => Fault::Isolate,
            Action::Cut(..) => Fault::Cut,
            Action::Resign { leave: false, .. } => Fault::Resign,
            Action::Resign { leave: true, .. } => Fault::Leave,
            Action::HandOver { .. } => Fault::HandOver,
            Action::Remove { .. } => Fault::Remove,
            Action::Priority { .. } => Fault::Priority,
        };
        self.say(|s| words::action(s, action));
        self.s.left.spend(fault);
    }

    fn propose(&mut self, host: usize, proposal: Proposal) {
        self.tell(host, Input::Propose(proposal));
    }

    fn take(&mut self) -> Option<Packet> {
        let head = self.s.head()?;
        Some(self.s.queue.remove(head))
    }

    /// In one order, however it came about.
    fn keep(&mut self, packet: Packet) {
        self.s.late.push(packet);
        self.s.late.sort_by_cached_key(words::packet);
    }

    fn go(&mut self) {
        if let Some(packet) = self.take() {
            self.s.spins = 0;
            return self.deliver(packet);
        }
        let Some((at, next)) = self.s.next() else { return };
        self.s.spins = if at > self.s.now { 0 } else { self.s.spins + 1 };
        self.s.hops = if at > self.s.now { 0 } else { self.s.hops };
        self.s.now = at;
        // A lease ends by itself: nobody needs to have been told.
        self.s.tidy();
        self.judge();
        match next {
            Next::Timed(n) => {
                let (_, packet) = self.s.timed.remove(n);
                self.s.queue.push(packet);
            }
            Next::Timeout(host) => {
                self.tell(host, Input::Timeout);
                if self.s.spins > SPINS_MAX {
                    let how = format!("n{} asks for timeouts without end", host + 1);
                    self.breach(Law::Sane, how);
                }
            }
            Next::Nothing => {}
        }
    }

    fn deliver(&mut self, packet: Packet) {
        if !self.s.is_deliverable(&packet) {
            return;
        }
        self.s.hops += 1;
        if self.s.hops > HOPS_MAX {
            let how = format!("packets go round without end: {}", words::packet(&packet));
            return self.breach(Law::Sane, how);
        }
        if !matches!(packet.what, What::Synced) {
            self.say(|_| words::packet(&packet));
        }
        let host = packet.host;
        match packet.what {
            What::Message { link, message, .. } => {
                let message = Arc::unwrap_or_clone(message);
                self.tell(host, Input::Message { from: link, message });
            }
            What::LinkUp { link, dialed } => self.tell(host, Input::LinkUp { link, dialed }),
            What::DialFailed { dialed, reason } => {
                self.tell(host, Input::DialFailed { dialed, reason });
            }
            What::LinkDown { link } => {
                if let Some((conn, side)) = self.s.end(host, link) {
                    self.s.conns[conn].ends[side].is_open = false;
                }
                self.tell(host, Input::LinkDown { link });
            }
            What::Synced => self.sync(host, true, true),
            What::Revoked { token } => {
                let run = packet.run;
                self.s.hosts[host].claims.retain(|c| c.token != token || c.run != run);
                self.tell(host, Input::Revoked);
            }
        }
    }

    /// A write ends.
    fn sync(&mut self, host: usize, written: bool, is_ok: bool) {
        let Some((id, state)) = self.s.hosts[host].writing.take() else { return };
        if written {
            self.store(host, state);
        }
        if is_ok {
            self.say(|_| format!("n{} has synced its disk", host + 1));
            self.tell(host, Input::Persisted { id });
        } else {
            self.s.seen.add(Seen::DiskFailed);
            self.tell(host, Input::PersistFailed { id });
        }
    }

    fn store(&mut self, host: usize, state: Arc<Stored>) {
        self.judge_disk(host, &state);
        self.s.hosts[host].disk = Some(state);
    }

    pub(crate) fn start(&mut self, host: usize) {
        let now = self.s.now;
        let h = &mut self.s.hosts[host];
        (h.run, h.began, h.writing, h.pact) = (h.run + 1, now, None, None);
        let config = self.scope.config(host, h.run);
        let stored = h.disk.as_deref().cloned();
        match Node::new(config, stored, host as u64 * 1_000 + u64::from(h.run)) {
            Ok(node) => {
                h.process = Some(Arc::new(Process { node, due: None, print: 0 }));
                self.tell(host, Input::Start);
            }
            Err(error) => self.breach(Law::Sane, format!("n{} does not start: {error}", host + 1)),
        }
    }

    /// One step of a node, and what it asks for.
    pub(crate) fn tell(&mut self, host: usize, input: Input) {
        let now = self.s.clock(host);
        let Some(process) = self.s.hosts[host].process.as_mut() else { return };
        let Process { node, due, print: hash } = Arc::make_mut(process);
        let stepped = catch_unwind(AssertUnwindSafe(|| {
            node.handle(input, now);
            let outputs: Vec<_> = std::iter::from_fn(|| node.poll_output()).collect();
            *due = node.poll_timeout(now).map(|pause| now.fast.after(pause));
            *hash = print(node);
            outputs
        }));
        let Ok(outputs) = stepped else {
            return self.breach(Law::Sane, format!("n{} panics", host + 1));
        };
        let mut is_over = false;
        for output in outputs {
            is_over |= matches!(output, Output::Event(Event::Stopped));
            self.perform(host, output);
        }
        self.observe(host);
        if is_over {
            self.end_process(host);
        }
    }

    fn perform(&mut self, host: usize, output: Output) {
        match output {
            Output::Persist { id, state } => {
                if self.s.hosts[host].writing.is_some() {
                    let how = format!("n{} writes while a write is under way", host + 1);
                    self.breach(Law::Sane, how);
                }
                self.s.hosts[host].writing = Some((id, Arc::new(state)));
                self.queue(host, What::Synced);
            }
            Output::Send { to, message } => self.send(host, to, message),
            Output::Dial { to, timeout } => self.dial(host, to, timeout),
            Output::Close { link } => {
                if let Some((conn, side)) = self.s.end(host, link) {
                    self.say(|_| format!("n{} closes a connection", host + 1));
                    self.close(conn, side);
                }
            }
            Output::Announce(pact) => self.announce(host, pact),
            Output::Event(event) => self.event(host, &event),
            _ => {}
        }
    }

    fn announce(&mut self, host: usize, pact: Pact) {
        if self.s.hosts[host].disk.as_ref().is_none_or(|d| d.term < pact.term) {
            let how = format!("n{} announces term {} before it is on disk", host + 1, pact.term);
            self.breach(Law::PersistBeforeSend, how);
        }
        self.s.hosts[host].pact = Some(pact);
    }

    fn event(&mut self, host: usize, event: &Event) {
        self.say(|_| format!("n{}: {event:?}", host + 1));
        match *event {
            Event::Elected { token, deadline, cause } => {
                let (h, node) = (&self.s.hosts[host], self.s.hosts[host].node());
                let (until, run) = (h.moment(deadline), h.run);
                let Some(roster) = node.map(|n| n.record().roster.clone()) else { return };
                let token = token.get();
                let claim = Claim { token, until, run, roster };
                self.judge_election(host, token, cause);
                self.s.hosts[host].told = Some(token);
                self.s.hosts[host].claims.push(claim);
            }
            Event::Revoke { token, deadline, .. } => {
                self.revoke(host, token.get(), deadline);
                self.queue(host, What::Revoked { token: token.get() });
            }
            Event::Formed { .. } => self.s.seen.add(Seen::Formed),
            _ => {}
        }
    }

    fn revoke(&mut self, host: usize, token: u64, deadline: bully_core::Tick) {
        let h = &mut self.s.hosts[host];
        let (end, now, run) = (h.moment(deadline), self.s.now, h.run);
        h.told = None;
        let Some(claim) = h.claims.iter().find(|c| c.token == token && c.run == run) else {
            return;
        };
        let shown = claim.until;
        if end > now {
            self.s.seen.add(Seen::StoppedEarly);
        }
        if shown > end {
            let how = format!("n{} was shown {shown} ns, beyond its end at {end} ns", host + 1);
            self.breach(Law::Announced, how);
        }
    }
}
