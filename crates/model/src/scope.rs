//! What is searched: a cluster, what may happen to it, and for how long.

use std::sync::Arc;
use std::time::Duration;

use bully_core::quorum::{Boot, ClusterId, Config, Member, Roster, RosterId, Stored, Term};

use crate::budget::Budget;
use crate::seen::Seen;
use crate::state::{Law, address, inst};

/// The cluster that the members of a scope are in from the beginning.
pub(crate) const CLUSTER: ClusterId = ClusterId(7);

/// Where a host stands when the search begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stand {
    /// A member, whose disk says so, and running.
    Member,
    /// Running on a new disk.
    Fresh,
    /// It has a new disk, and starts as the search begins.
    Joining,
    /// It has a new disk and has not been started.
    Later,
}

/// How a search begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// As the processes start.
    Cold,
    /// With a leader at rest.
    Warm,
    /// The same, and it is the host with the slowest clocks that leads.
    SlowestLeads,
}

/// How one host is set up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spec {
    /// Its rank.
    pub priority: u32,
    /// h, in milliseconds.
    pub heartbeat: u64,
    /// L, in milliseconds.
    pub lease: u64,
    /// Where it stands when the search begins.
    pub stand: Stand,
    /// Its list, as numbers of hosts.
    pub places: Vec<usize>,
    /// It has a guardian (Q13).
    pub guardian: bool,
    /// It takes over from leaders of lower priority (Q9).
    pub preempt: bool,
    /// How it is set up from its second start on, where that differs.
    pub later: Option<Box<Self>>,
}

impl Spec {
    /// A member with the shortest lease that its heartbeat of 100 ms allows.
    pub fn member() -> Self {
        Self {
            priority: 100,
            heartbeat: 100,
            lease: 430,
            stand: Stand::Member,
            places: Vec::new(),
            guardian: false,
            preempt: false,
            later: None,
        }
    }

    /// A host with a new disk.
    pub fn fresh(places: &[usize]) -> Self {
        Self { stand: Stand::Fresh, places: places.to_vec(), ..Self::member() }
    }
}

/// A cluster, an adversary, and an end.
#[derive(Clone, Debug)]
pub struct Scope {
    /// For humans.
    pub name: &'static str,
    /// The hosts.
    pub hosts: Vec<Spec>,
    /// The rates of the hosts' clocks in thousandths: a search of its own for each row.
    pub rates: Vec<Vec<u16>>,
    /// What the adversary may do.
    pub budget: Budget,
    /// How long the search looks ahead, in milliseconds from where it begins.
    pub horizon: u64,
    /// How the search begins.
    pub begin: Begin,
    /// Messages may be delivered in any order at all.
    pub any_order: bool,
    /// Hellos too may be lost, kept and repeated.
    pub hello_faults: bool,
    /// Whose process may die.
    pub mortal: Vec<usize>,
    /// Who may be removed.
    pub removable: Vec<usize>,
    /// To which priorities a node may be set.
    pub priorities: Vec<u32>,
    /// `LeaseSupported` is checked. Not where members change: a lease that was won under the
    /// roster before may outlive it, and that nobody else wins meanwhile is then due to the order
    /// of the changes (Q10), which `AtMostOneActive` judges.
    pub lease_law: bool,
    /// What the search must come across.
    pub expects: Vec<Seen>,
    /// The clocks are worse than what is promised rests on: this law must be seen to break.
    pub breaks: Option<Law>,
}

impl Scope {
    /// A cluster of these hosts at rest, with true clocks, and nothing that happens to it.
    pub fn new(name: &'static str, hosts: Vec<Spec>) -> Self {
        let rates = vec![vec![1_000; hosts.len()]];
        let all: Vec<usize> = (0..hosts.len()).collect();
        Self {
            name,
            mortal: all.clone(),
            removable: all,
            hosts,
            rates,
            budget: Budget::new(0, &[]),
            horizon: 1_000,
            begin: Begin::Warm,
            any_order: false,
            hello_faults: false,
            priorities: Vec::new(),
            lease_law: true,
            expects: Vec::new(),
            breaks: None,
        }
    }

    pub(crate) fn config(&self, host: usize, run: u32) -> Config {
        let first = &self.hosts[host];
        let spec = first.later.as_deref().filter(|_| run > 1).unwrap_or(first);
        Config {
            cluster: Arc::from("bully"),
            id: address(host),
            ip: None,
            fresh: inst(host, run),
            places: spec.places.iter().map(|p| address(*p)).collect(),
            priority: spec.priority,
            preempt: spec.preempt,
            heartbeat: Duration::from_millis(spec.heartbeat),
            lease: Duration::from_millis(spec.lease),
            guardian: spec.guardian,
            moved: false,
        }
    }

    /// The roster at the beginning.
    pub(crate) fn roster(&self) -> Roster {
        let members = self.hosts.iter().enumerate().filter(|(_, spec)| spec.stand == Stand::Member);
        let member = |(n, s): (usize, &Spec)| Member {
            inst: inst(n, 0),
            id: address(n),
            priority: s.priority,
        };
        Roster {
            version: RosterId { term: Term(3), version: 1 },
            members: members.map(member).collect(),
            removed: Vec::new(),
        }
    }

    /// What a host's disk holds at the beginning.
    pub(crate) fn stored(&self, host: usize) -> Option<Stored> {
        let spec = &self.hosts[host];
        (spec.stand == Stand::Member).then(|| Stored {
            inst: inst(host, 0),
            boot: Boot(1),
            id: address(host),
            cluster: Some(CLUSTER),
            term: Term(5),
            voted_for: None,
            roster: Arc::new(self.roster()),
            lease_max: Duration::from_millis(spec.lease),
            round: 0,
            accept: None,
            leaving: None,
        })
    }
}
