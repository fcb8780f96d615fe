//! What a scenario does to the world.

use bully_core::quorum::{Input, Message, Proposal, StartError};

use super::clock::{Clocks, Standing};
use super::cover::Seen;
use super::host::Queued;
use super::wire::{Fate, Letter, Origin};
use super::world::World;
use crate::MS;

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

    /// Runs until the condition holds, looking each millisecond; the time it took, or none if it
    /// did not within `limit`, or a property did not hold.
    pub fn time_to(&mut self, limit: u64, holds: impl Fn(&Self) -> bool) -> Option<u64> {
        let start = self.now;
        while self.violation.is_none() {
            if holds(self) {
                return Some(self.now - start);
            }
            if self.now >= start + limit {
                return None;
            }
            self.run_until(self.now + MS);
        }
        None
    }

    /// Starts a process on a host that has none, and whose guardian has done with the last one.
    /// Does nothing on any other.
    pub fn start(&mut self, host: usize) {
        if let Err(error) = self.try_start(host) {
            self.say_line(host, &format!("does not start: {error}"));
            self.cover.saw(Seen::StartRefused);
        }
    }

    /// The same, and says if the node refuses its disk.
    ///
    /// # Errors
    /// The node's.
    pub fn try_start(&mut self, host: usize) -> Result<(), StartError> {
        if self.hosts[host].process.is_some() || self.hosts[host].killing {
            return Ok(());
        }
        self.power_on(host);
        let (fresh, seed, now) = (self.draw_inst(), self.rng.bits(), self.now);
        self.hosts[host].spawn(fresh, seed, now)?;
        self.say_line(host, "starts");
        self.handle(host, Input::Start, None);
        Ok(())
    }

    /// The process dies, and its application with it: at once, or where there is a guardian by its
    /// hand. Connections close, and then the port refuses.
    pub fn crash(&mut self, host: usize) {
        self.say_line(host, "crashes");
        self.end_process(host, false);
    }

    /// The process dies; its application acts on until the last deadline that it was shown, unless
    /// a guardian kills it.
    pub fn crash_with_app_alive(&mut self, host: usize) {
        self.say_line(host, "crashes, its application lives");
        self.end_process(host, true);
    }

    /// The machine loses power: nothing is closed, nothing answers, nothing acts.
    pub fn vanish(&mut self, host: usize) {
        self.say_line(host, "loses power");
        if self.hosts[host].process.is_some() {
            self.end_write(host);
        }
        let owner = &mut self.hosts[host];
        (owner.process, owner.power, owner.killing) = (None, false, false);
        (owner.pact, owner.leads_until) = (None, 0);
        owner.apps.clear();
    }

    /// The machine is on again, its clocks begin anew, and no process is started: its port refuses.
    pub fn power_on(&mut self, host: usize) {
        if !self.hosts[host].power {
            self.hosts[host].power = true;
            self.reset_clocks(host);
        }
    }

    fn reset_clocks(&mut self, host: usize) {
        let zero = self.zero();
        let errors = self.hosts[host].errors_ppm;
        self.hosts[host].clocks = Clocks::new(self.now, zero, errors);
    }

    /// By how many millionths the clocks of a machine go wrong: the fast one, and the slow one,
    /// which is no faster. Only where nothing runs: the machine is started anew.
    ///
    /// # Panics
    /// If a process runs.
    pub fn set_rates(&mut self, host: usize, fast_ppm: i64, slow_ppm: i64) {
        assert!(self.hosts[host].process.is_none(), "a node runs by the clocks of {host}");
        assert!(slow_ppm <= fast_ppm, "the slow clock is the faster one");
        self.hosts[host].apps.clear();
        self.hosts[host].errors_ppm = (fast_ppm, slow_ppm);
        self.reset_clocks(host);
    }

    /// The wall clock jumps, by so many milliseconds.
    pub fn jump_wall(&mut self, host: usize, by_ms: i64) {
        let wall = &mut self.hosts[host].setup.wall_ms;
        *wall = wall.saturating_add_signed(by_ms);
    }

    /// SIGSTOP for the node; its application goes on.
    pub fn pause(&mut self, host: usize) {
        if let Some(process) = &mut self.hosts[host].process {
            process.paused = true;
            self.say_line(host, "is stopped");
        }
    }

    /// SIGCONT: all that has arrived is read before any timer.
    pub fn thaw(&mut self, host: usize) {
        let now = self.now;
        let owner = &mut self.hosts[host];
        if owner.clocks.standing != Standing::None {
            owner.clocks.stand(now, Standing::None);
        }
        let Some(process) = owner.process.as_mut().filter(|p| p.paused) else {
            return;
        };
        process.paused = false;
        process.timer_at = None;
        let run = process.run;
        if !owner.apps.is_empty() {
            self.cover.saw(Seen::LeaderThawed);
        }
        self.say_line(host, "goes on");
        loop {
            match self.process(host, run).and_then(|p| p.inbox.pop_front()) {
                Some(Queued::Input(input, origin)) => self.handle(host, input, origin),
                Some(Queued::Syn(conn)) => self.accept(conn, host),
                None => break,
            }
        }
        self.arm(host);
    }

    /// The machine sleeps, with all that runs on it: its fast clock counts, its slow one does not.
    /// [`World::thaw`] wakes it.
    pub fn suspend(&mut self, host: usize) {
        self.cover.saw(Seen::Suspended);
        self.say_line(host, "sleeps");
        self.stand_still(host, Standing::Asleep);
    }

    /// The virtual machine is halted: none of its clocks counts but the wall clock, which no bound
    /// on rates allows. [`World::thaw`] lets it go on.
    pub fn halt(&mut self, host: usize) {
        self.say_line(host, "is halted");
        self.checks.best_effort = true;
        self.stand_still(host, Standing::Halted);
    }

    fn stand_still(&mut self, host: usize, standing: Standing) {
        let now = self.now;
        let owner = &mut self.hosts[host];
        owner.clocks.stand(now, standing);
        if let Some(process) = &mut owner.process {
            process.paused = true;
        }
    }

    /// SIGTERM, or to be removed for good (`leave`).
    pub fn resign(&mut self, host: usize, leave: bool) {
        self.say_line(host, if leave { "is told to leave" } else { "is told to stop" });
        self.input(host, Input::Resign { leave });
    }

    /// An operator's change.
    pub fn propose(&mut self, host: usize, proposal: Proposal) {
        self.say_line(host, &format!("is asked for {proposal:?}"));
        if let Proposal::Priority(priority) = proposal {
            self.hosts[host].setup.priority = priority;
        }
        self.input(host, Input::Propose(proposal));
    }

    /// Any input.
    pub fn input(&mut self, host: usize, input: Input) {
        if let Some(run) = self.hosts[host].process.as_ref().map(|p| p.run) {
            self.tell(host, run, input, None);
        }
    }

    /// The configuration of a host's next run.
    pub fn setup(&mut self, host: usize) -> &mut super::Setup {
        &mut self.hosts[host].setup
    }

    /// Decides from now on what becomes of each message, before loss and delay do.
    pub fn filter(&mut self, filter: impl FnMut(&Letter<'_>) -> Fate + 'static) {
        self.filter = Some(Box::new(filter));
    }

    /// No longer.
    pub fn unfilter(&mut self) {
        self.filter = None;
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

    /// Cuts a host from all others.
    pub fn isolate(&mut self, host: usize) {
        for other in (0..self.hosts.len()).filter(|h| *h != host) {
            self.cut(host, other);
        }
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

    /// Delivers a message to `to` on each connection that it has with `from`, in the name of the
    /// instance there.
    pub fn inject(&mut self, from: usize, to: usize, message: &Message) {
        let Some(inst) = self.hosts[from].inst() else {
            return;
        };
        let cluster = self.hosts[from].node().and_then(|n| n.record().cluster);
        let origin = Origin { host: from, inst, cluster };
        for conn in self.connections(from, to) {
            let side = usize::from(self.conns[conn].ends[1].host == to);
            self.forge(conn, side, message.clone(), origin);
        }
    }

    /// Every connection between two hosts breaks; both ends see it after a hop.
    pub fn break_connections(&mut self, a: usize, b: usize) {
        for conn in self.connections(a, b) {
            self.transmit_fin(conn, 0);
            self.transmit_fin(conn, 1);
        }
    }
}
