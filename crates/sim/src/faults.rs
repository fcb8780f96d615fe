//! What a scenario does to the world, and what it may ask of it.

use std::collections::BTreeSet;

use bully_core::{Address, Claim, Event, Input, MemberView, Message, Proposal, Status};

use crate::host::Queued;
use crate::net::Packet;
use crate::world::World;
use crate::cover::Seen;

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

    /// What a node says of itself.
    pub fn status(&self, host: usize) -> Option<Status> {
        let host = &self.hosts[host];
        host.node().map(|n| n.status(host.clocks(self.now)))
    }

    /// Its members as it sees them.
    pub fn members(&self, host: usize) -> Vec<MemberView> {
        let host = &self.hosts[host];
        host.node()
            .map_or_else(Vec::new, |n| n.members(host.clocks(self.now)))
    }

    /// The address of the leader that a node names.
    pub fn leader_of(&self, host: usize) -> Option<Address> {
        self.status(host)?.leader.map(|l| l.id)
    }

    /// The claim that a node holds.
    pub fn claim_of(&self, host: usize) -> Option<Claim> {
        self.status(host)?.claim
    }

    /// Whether the node itself says that it leads.
    pub fn leads(&self, host: usize) -> bool {
        let host = &self.hosts[host];
        host.is_running()
            && host
                .node()
                .is_some_and(|n| n.leadership(host.clocks(self.now)).is_leader())
    }

    /// The address of a host's node.
    pub fn id(&self, host: usize) -> Address {
        self.hosts[host].setup.id.clone()
    }

    /// How many hosts there are.
    pub fn len(&self) -> usize {
        self.hosts.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.hosts.is_empty()
    }

    /// Whether a process runs there, and is not stopped.
    pub fn is_running(&self, host: usize) -> bool {
        self.hosts[host].is_running()
    }

    /// Whether a process is there, stopped or not.
    pub fn is_present(&self, host: usize) -> bool {
        self.hosts[host].process.is_some()
    }

    /// Running hosts by component: joined where both directions pass.
    pub fn components(&self) -> Vec<Vec<usize>> {
        let mut left: BTreeSet<usize> =
            (0..self.len()).filter(|h| self.is_running(*h)).collect();
        let mut components = Vec::new();
        while let Some(first) = left.pop_first() {
            let (mut found, mut next) = (vec![first], 0);
            while next < found.len() {
                let a = found[next];
                next += 1;
                let near: Vec<usize> = left
                    .iter()
                    .filter(|b| !self.net.is_cut(a, **b) && !self.net.is_cut(**b, a))
                    .copied()
                    .collect();
                near.iter().for_each(|b| {
                    left.remove(b);
                });
                found.extend(near);
            }
            found.sort_unstable();
            components.push(found);
        }
        components
    }

    /// Agreement: in each component all name the same leader, which is of the component and says
    /// so itself, and no other does. A component in which nobody may lead has none.
    ///
    /// # Errors
    /// The first component that does not agree.
    pub fn agreement(&self) -> Result<(), String> {
        for component in self.components() {
            self.agreement_in(&component)?;
        }
        Ok(())
    }

    fn agreement_in(&self, component: &[usize]) -> Result<(), String> {
        let leaders: Vec<usize> = component.iter().filter(|h| self.leads(**h)).copied().collect();
        let electable = component.iter().any(|h| {
            self.status(*h).is_some_and(|s| s.priority > 0)
        });
        if !electable {
            return match leaders.as_slice() {
                [] => Ok(()),
                _ => Err(format!("{leaders:?} lead with priority 0")),
            };
        }
        let [leader] = leaders.as_slice() else {
            return Err(format!("{component:?} has the leaders {leaders:?}"));
        };
        let id = self.id(*leader);
        for host in component {
            let named = self.leader_of(*host);
            if named.as_ref() != Some(&id) {
                return Err(format!("{host} names {named:?}, the leader is {leader} ({id})"));
            }
        }
        Ok(())
    }

    /// Runs until all agree, looking each millisecond; the time it took, or none after `limit`.
    pub fn time_to_agreement(&mut self, limit: u64) -> Option<u64> {
        let (start, mut now) = (self.now, self.now);
        loop {
            if self.violation.is_some() {
                return None;
            }
            if self.agreement().is_ok() {
                return Some(self.now - start);
            }
            if now >= start + limit {
                return None;
            }
            now += crate::net::MS;
            self.run_until(now);
        }
    }

    /// Runs for `limit` and says when the last disagreement ended; none if it has not.
    pub fn last_disagreement(&mut self, limit: u64) -> Option<u64> {
        const LOOK: u64 = 5 * crate::net::MS;
        let start = self.now;
        let mut settled = Some(0);
        while self.now < start + limit && self.violation.is_none() {
            match (self.agreement().is_ok(), settled) {
                (true, None) => settled = Some(self.now - start),
                (false, _) => settled = None,
                _ => {}
            }
            self.run_until((self.now + LOOK).min(start + limit));
        }
        settled.filter(|_| self.agreement().is_ok())
    }
}
