//! What a scenario may ask of the world.

use std::collections::BTreeSet;

use bully_core::{Address, Cause, Claim, Event, MemberView, Status};

use crate::net::EndState;
use crate::world::World;

impl World {
    /// What a node says of itself.
    pub fn status(&self, host: usize) -> Option<Status> {
        let host = &self.hosts[host];
        host.node().map(|n| n.status(host.clocks(self.now)))
    }

    /// Its members as it sees them.
    pub fn members(&self, host: usize) -> Vec<MemberView> {
        let host = &self.hosts[host];
        host.node().map_or_else(Vec::new, |n| n.members(host.clocks(self.now)))
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
            && host.node().is_some_and(|n| n.leadership(host.clocks(self.now)).is_leader())
    }

    /// What the node would say at this moment if it ran, though it may be stopped.
    pub fn would_say_it_leads(&self, host: usize) -> bool {
        let host = &self.hosts[host];
        host.node().is_some_and(|n| n.leadership(host.clocks(self.now)).is_leader())
    }

    /// How much a node holds: its state, written out.
    pub fn memory(&self, host: usize) -> usize {
        self.hosts[host].node().map_or(0, |n| format!("{n:?}").len())
    }

    /// How many dials a host has made.
    pub fn dials(&self, host: usize) -> usize {
        self.conns.iter().filter(|c| c.ends[0].host == host).count()
    }

    /// Connections between two hosts that are open at both ends.
    pub fn open_connections(&self, a: usize, b: usize) -> usize {
        self.connections(a, b).len()
    }

    pub(crate) fn connections(&self, a: usize, b: usize) -> Vec<usize> {
        let is_between = |ends: &[crate::net::End; 2]| {
            (ends[0].host == a && ends[1].host == b) || (ends[0].host == b && ends[1].host == a)
        };
        let conns = self.conns.iter().enumerate();
        conns
            .filter(|(_, c)| {
                is_between(&c.ends) && c.ends.iter().all(|e| e.state == EndState::Open)
            })
            .map(|(n, _)| n)
            .collect()
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
        let mut left: BTreeSet<usize> = (0..self.len()).filter(|h| self.is_running(*h)).collect();
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
                for b in &near {
                    left.remove(b);
                }
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
        let electable = component.iter().any(|h| self.status(*h).is_some_and(|s| s.priority > 0));
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

    /// Runs for `limit` and says when the last disagreement ended; none if it has not. The moment
    /// in which word of a takeover by priority is on its way does not count.
    pub fn last_disagreement(&mut self, limit: u64) -> Option<u64> {
        const LOOK: u64 = 5 * crate::net::MS;
        let start = self.now;
        let mut settled = Some(0);
        loop {
            let agreed = self.agreement().is_ok() || self.is_takeover_under_way();
            match (agreed, settled) {
                (true, None) => settled = Some(self.now - start),
                (false, _) => settled = None,
                _ => {}
            }
            if self.now >= start + limit || self.violation.is_some() {
                return settled;
            }
            self.run_until((self.now + LOOK).min(start + limit));
        }
    }

    fn is_takeover_under_way(&self) -> bool {
        let since = self.now.saturating_sub(self.grace());
        let recent = self.events.iter().rev().take_while(|(at, _, _)| *at >= since);
        recent
            .into_iter()
            .any(|(_, _, event)| matches!(event, Event::Elected { cause: Cause::Priority, .. }))
    }

    /// How long word of a takeover may be on its way: there, back to one who holds a greater
    /// claim, and there again, through as many relays as there are nodes.
    pub(crate) fn grace(&self) -> u64 {
        (self.len() as u64 + 4) * self.net.hop_max() + 2 * crate::net::MS
    }
}
