//! What a scenario does to the world, and what it may ask of it.

use bully_core::{Event, Input, Message, Proposal};

use crate::cover::Seen;
use crate::host::Queued;
use crate::net::Packet;
use crate::world::World;

impl World {
    /// Runs for so many nanoseconds. A property that does not hold panics.
    ///
    /// # Panics
    /// With the property.
    pub fn run_for(&mut self, nanos: u64) {
        self.run_until(self.now + nanos);
        if let Some(what) = &self.violation {
            panic!("{what}");
        }
    }

    /// Starts a process on a host that has none.
    pub fn start(&mut self, host: usize) {
        if self.hosts[host].process.is_some() {
            return;
        }
        let inst = self.inst();
        self.hosts[host].power = true;
        self.hosts[host].spawn(inst);
        self.handle(host, Input::Start);
    }

    /// Kills the process: its connections close, and then its port refuses.
    pub fn crash(&mut self, host: usize) {
        self.end_process(host);
    }

    /// The machine loses power: nothing is closed, nothing answers.
    pub fn vanish(&mut self, host: usize) {
        self.hosts[host].process = None;
        self.hosts[host].power = false;
    }

    /// The machine is on again, and no process is started: its port refuses.
    pub fn power_on(&mut self, host: usize) {
        self.hosts[host].power = true;
    }

    /// SIGSTOP.
    pub fn pause(&mut self, host: usize) {
        if let Some(process) = &mut self.hosts[host].process {
            process.paused = true;
        }
    }

    /// SIGCONT: all that has arrived is read before any timer.
    pub fn thaw(&mut self, host: usize) {
        let Some(process) = self.hosts[host].process.as_mut().filter(|p| p.paused) else {
            return;
        };
        process.paused = false;
        process.timer_at = None;
        let run = process.run;
        if self.leads_by_its_events(host) {
            self.cover.saw(Seen::LeaderThawedOverdue);
        }
        loop {
            let queued = self.hosts[host]
                .process
                .as_mut()
                .filter(|p| p.run == run)
                .and_then(|p| p.inbox.pop_front());
            match queued {
                Some(Queued::Input(input)) => self.handle(host, input),
                Some(Queued::Syn(conn)) => self.accept(conn, host),
                None => break,
            }
        }
        self.arm(host);
    }

    fn leads_by_its_events(&self, host: usize) -> bool {
        let of_host = self.events.iter().rev().filter(|(_, h, _)| *h == host);
        for (_, _, event) in of_host {
            match event {
                Event::Elected { .. } | Event::EpochRaised { .. } => return true,
                Event::Deposed { .. } | Event::Following { .. } | Event::LeaderLost { .. } => {
                    return false;
                }
                _ => {}
            }
        }
        false
    }

    /// SIGTERM (`leave`), or the request to step down.
    pub fn resign(&mut self, host: usize, leave: bool) {
        self.input(host, Input::Resign { leave });
    }

    /// A new priority, for this run and later ones.
    pub fn set_priority(&mut self, host: usize, priority: u32) {
        self.hosts[host].setup.priority = priority;
        self.input(host, Input::Propose(Proposal::Priority(priority)));
    }

    /// Any input.
    pub fn input(&mut self, host: usize, input: Input) {
        if let Some(run) = self.hosts[host].process.as_ref().map(|p| p.run) {
            self.tell(host, run, input);
        }
    }

    /// The configuration of a host's next run.
    pub fn setup(&mut self, host: usize) -> &mut crate::host::Setup {
        &mut self.hosts[host].setup
    }

    /// Cuts one direction.
    pub fn cut_one_way(&mut self, from: usize, to: usize) {
        self.net.cut.insert((from, to));
    }

    /// Cuts both directions.
    pub fn cut(&mut self, a: usize, b: usize) {
        self.cut_one_way(a, b);
        self.cut_one_way(b, a);
    }

    /// Cuts all but these pairs.
    pub fn only(&mut self, edges: &[(usize, usize)]) {
        for a in 0..self.hosts.len() {
            for b in 0..a {
                if edges.contains(&(a, b)) || edges.contains(&(b, a)) {
                    self.heal(a, b);
                } else {
                    self.cut(a, b);
                }
            }
        }
    }

    /// Cuts the hosts into groups that do not reach each other.
    pub fn split(&mut self, group_of: &[usize]) {
        for a in 0..group_of.len() {
            for b in 0..a {
                if group_of[a] == group_of[b] {
                    self.heal(a, b);
                } else {
                    self.cut(a, b);
                }
            }
        }
    }

    /// Mends both directions between two hosts.
    pub fn heal(&mut self, a: usize, b: usize) {
        self.net.cut.remove(&(a, b));
        self.net.cut.remove(&(b, a));
        self.release_held();
    }

    /// Mends everything.
    pub fn heal_all(&mut self) {
        self.net.cut.clear();
        self.release_held();
    }

    fn release_held(&mut self) {
        for (conn, to, packet) in std::mem::take(&mut self.held) {
            // What is still cut is held again.
            self.transmit(conn, to, packet, false);
        }
    }

    /// Delivers a message to `to` on each connection that it has with `from`.
    pub fn inject(&mut self, from: usize, to: usize, message: &Message) {
        self.cover.saw(Seen::HostileMessage);
        let Some(process) = &self.hosts[to].process else {
            return;
        };
        let ends: Vec<(usize, usize)> = process
            .links
            .values()
            .filter(|(conn, side)| self.conns[*conn].ends[1 - side].host == from)
            .copied()
            .collect();
        for (conn, side) in ends {
            self.transmit(conn, side, Packet::Data(message.clone()), false);
        }
    }

    /// Every connection between two hosts breaks; both ends see it after a hop.
    pub fn break_connections(&mut self, a: usize, b: usize) {
        for conn in (0..self.open_connections(a, b)).rev() {
            self.break_connection(a, b, conn);
        }
    }

    /// One of the connections between two hosts breaks.
    pub fn break_connection(&mut self, a: usize, b: usize, which: usize) {
        if let Some(conn) = self.connections(a, b).get(which).copied() {
            self.transmit(conn, 0, Packet::Fin, false);
            self.transmit(conn, 1, Packet::Fin, false);
        }
    }
}
