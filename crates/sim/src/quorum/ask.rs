//! What a scenario may ask of the world.

use std::fmt::Write;

use bully_core::quorum::{Bonds, ClusterId, Event, Leadership, Node, Roster, Status, Stored};
use bully_core::{Address, Inst};

use super::world::World;

impl World {
    /// How many hosts there are.
    pub fn len(&self) -> usize {
        self.hosts.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.hosts.is_empty()
    }

    /// The address that a host's node advertises.
    pub fn id(&self, host: usize) -> Address {
        self.hosts[host].setup.id.clone()
    }

    /// Whether a process runs there, and is not stopped.
    pub fn is_awake(&self, host: usize) -> bool {
        self.hosts[host].is_awake()
    }

    /// Whether a process is there, stopped or not.
    pub fn is_present(&self, host: usize) -> bool {
        self.hosts[host].process.is_some()
    }

    /// Its node, stopped or not.
    pub fn node(&self, host: usize) -> Option<&Node> {
        self.hosts[host].node()
    }

    /// What its node shows, if one runs, stopped or not.
    pub fn status(&self, host: usize) -> Option<Status> {
        let owner = &self.hosts[host];
        owner.node().map(|n| n.status(owner.now(self.now)))
    }

    /// What its node is bound to, stopped or not.
    pub fn bonds(&self, host: usize) -> Option<Bonds> {
        let owner = &self.hosts[host];
        owner.node().map(|n| n.bonds(owner.now(self.now)))
    }

    /// The record in its node's memory.
    pub fn record(&self, host: usize) -> Option<&Stored> {
        self.hosts[host].node().map(Node::record)
    }

    /// The instance that lives on a host: of its process, else of its disk.
    pub fn inst(&self, host: usize) -> Option<Inst> {
        self.hosts[host].inst()
    }

    /// The host on which an instance lives.
    pub fn host_of(&self, inst: Inst) -> Option<usize> {
        (0..self.len()).find(|h| self.hosts[*h].inst() == Some(inst))
    }

    /// Whether it leads, asked at this moment. A node that is stopped does not answer.
    pub fn leadership(&self, host: usize) -> Leadership {
        let owner = &self.hosts[host];
        owner.awake().map_or(Leadership::NotLeader, |n| n.leadership(owner.now(self.now)))
    }

    /// Whether it says that it leads.
    pub fn leads(&self, host: usize) -> bool {
        self.leadership(host).is_leader()
    }

    /// The first host that says that it leads.
    pub fn leader(&self) -> Option<usize> {
        (0..self.len()).find(|h| self.leads(*h))
    }

    /// The token of that.
    pub fn token(&self) -> Option<u64> {
        match self.leadership(self.leader()?) {
            Leadership::Leader { token, .. } => Some(token.get()),
            _ => None,
        }
    }

    /// The host that a node names as its leader.
    pub fn leader_of(&self, host: usize) -> Option<usize> {
        self.host_of(self.status(host)?.leader?.inst)
    }

    /// Until when, in virtual time, an application acts on this host, with which token: the latest.
    pub fn acts(&self, host: usize) -> Option<(u64, u64)> {
        let apps = self.hosts[host].apps.iter().filter(|a| a.until > self.now);
        apps.map(|a| (a.until, a.token)).max()
    }

    /// The cluster of a host's node, where that is formed.
    pub fn cluster_of(&self, host: usize) -> Option<ClusterId> {
        self.record(host)?.cluster
    }

    /// The roster that a host's node holds.
    pub fn roster(&self, host: usize) -> Option<&Roster> {
        self.record(host).map(|r| &*r.roster)
    }

    /// The hosts of the members of the roster that a host's node holds; gone ones are left out.
    pub fn members(&self, host: usize) -> Vec<usize> {
        let members = self.roster(host).map_or(&[][..], |r| &r.members[..]);
        let mut hosts: Vec<usize> = members.iter().filter_map(|m| self.host_of(m.inst)).collect();
        hosts.sort_unstable();
        hosts
    }

    /// One leads, and every other node that is awake is of its cluster and names it.
    pub fn is_settled(&self) -> bool {
        self.leader().is_some_and(|leader| {
            let awake = (0..self.len()).filter(|h| self.is_awake(*h));
            awake.into_iter().all(|h| self.leader_of(h) == Some(leader))
        })
    }

    /// The events of a host, since a moment.
    pub fn events_of(&self, host: usize, since: u64) -> impl Iterator<Item = &Event> {
        let recent = self.events.iter().filter(move |(at, h, _)| *h == host && *at >= since);
        recent.map(|(_, _, event)| event)
    }

    /// When each reign began, on which host, with which token.
    pub fn reigns(&self) -> Vec<(u64, usize, u64)> {
        let mut reigns = Vec::new();
        for (at, host, event) in &self.events {
            if let Event::Elected { token, .. } = event {
                reigns.push((*at, *host, token.get()));
            }
        }
        reigns
    }

    /// All that was sent so far, by every node.
    pub fn sent_total(&self) -> u64 {
        self.sent.values().sum()
    }

    /// How many of that name were sent so far.
    pub fn sent_of(&self, name: &str) -> u64 {
        self.sent.get(name).copied().unwrap_or(0)
    }

    /// How many dials a host has made.
    pub fn dials(&self, host: usize) -> usize {
        self.conns.iter().filter(|c| c.ends[0].host == host).count()
    }

    /// Connections between two hosts that are open at both ends.
    pub fn open_connections(&self, a: usize, b: usize) -> usize {
        self.connections(a, b).len()
    }

    /// Where every node stands, in words.
    pub fn tell_states(&self) -> String {
        let mut text = String::new();
        for host in 0..self.len() {
            let state = match self.status(host) {
                None => "no process".to_owned(),
                Some(s) => format!(
                    "{:?}, term {}, leader {:?}, roster {:?} of {:?}, {:?}, {:?}",
                    s.role,
                    s.term,
                    s.leader.and_then(|l| self.host_of(l.inst)),
                    s.roster,
                    self.members(host),
                    s.reason,
                    self.bonds(host)
                ),
            };
            let _ = writeln!(text, "  {host}: {state}");
        }
        text
    }
}
