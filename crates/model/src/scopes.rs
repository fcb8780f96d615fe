//! The table of scopes.

use crate::budget::{Budget, Fault};
use crate::clusters::{
    founders, founders_of_overlapping_lists, founders_of_two_lists,
    founders_of_which_one_changes_its_list, four, guarded, mixed, mixed_joiners,
    mixed_joiners_at_once, ranked, shortened, three, three_and_a_joiner, two, two_and_a_joiner,
};
use crate::scope::{Begin, Scope, Spec, Stand};
use crate::seen::Seen;
use crate::state::Law;

/// What a scope is about: its cluster, its adversary, how far it looks.
struct Row {
    name: &'static str,
    hosts: fn() -> Vec<Spec>,
    faults: &'static [(Fault, u8)],
    expects: &'static [Seen],
    /// Faults in all and milliseconds: in the tests, and in `make model`.
    small: (u8, u64),
    large: (u8, u64),
    is: Kind,
}

/// What is particular about a scope.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Nothing.
    Plain,
    /// Members change.
    Members,
    /// The same: the leader may die, and it or the first may be removed.
    Race,
    /// Members change from the start.
    Joiners,
    /// Clocks at the extremes of what is promised.
    Clocks,
    /// Clocks far beyond.
    BadClocks,
    /// It begins with new disks.
    Genesis,
    /// Packets in any order.
    AnyOrder,
}

const TABLE: &[Row] = &[
    Row {
        name: "failover",
        hosts: three,
        faults: &[(Fault::Crash, 2), (Fault::Start, 2), (Fault::Hold, 1), (Fault::Copy, 1)],
        expects: &[Seen::SecondReign, Seen::Orphan],
        small: (1, 1_100),
        large: (2, 1_500),
        is: Kind::Plain,
    },
    Row {
        name: "restart inside a promise",
        hosts: three,
        faults: &[(Fault::Crash, 2), (Fault::Start, 2)],
        expects: &[Seen::SecondReign, Seen::Muted, Seen::RefusedByPromise],
        small: (2, 500),
        large: (2, 1_500),
        is: Kind::Plain,
    },
    Row {
        name: "an election with packets late and twice",
        hosts: three,
        faults: &[
            (Fault::Crash, 1),
            (Fault::Start, 1),
            (Fault::Hold, 2),
            (Fault::Copy, 1),
            (Fault::Overtake, 1),
        ],
        expects: &[Seen::SecondReign],
        small: (1, 700),
        large: (2, 900),
        is: Kind::Plain,
    },
    Row {
        name: "handover, its packets late and twice",
        hosts: three,
        faults: &[(Fault::HandOver, 1), (Fault::Hold, 2), (Fault::Copy, 2), (Fault::SlowApp, 1)],
        expects: &[Seen::HandoverReign, Seen::StoppedEarly],
        small: (1, 300),
        large: (2, 700),
        is: Kind::Plain,
    },
    Row {
        name: "handover and crashes",
        hosts: three,
        faults: &[
            (Fault::HandOver, 1),
            (Fault::Resign, 1),
            (Fault::Crash, 1),
            (Fault::Start, 1),
            (Fault::Hold, 1),
        ],
        expects: &[Seen::HandoverReign],
        small: (1, 150),
        large: (2, 350),
        is: Kind::Plain,
    },
    Row {
        name: "handovers to and fro",
        hosts: two,
        faults: &[(Fault::HandOver, 3), (Fault::Copy, 1), (Fault::Hold, 1)],
        expects: &[Seen::HandoverReign],
        small: (1, 400),
        large: (2, 800),
        is: Kind::Plain,
    },
    Row {
        name: "removals and the leader's death",
        hosts: three,
        faults: &[
            (Fault::Remove, 2),
            (Fault::Crash, 1),
            (Fault::Start, 1),
            (Fault::Hold, 1),
            (Fault::SlowDisk, 1),
        ],
        expects: &[Seen::Reconfigured],
        small: (1, 250),
        large: (2, 600),
        is: Kind::Members,
    },
    Row {
        name: "leaving",
        hosts: three,
        faults: &[(Fault::Leave, 1), (Fault::Crash, 1), (Fault::Start, 1), (Fault::Hold, 1)],
        expects: &[Seen::Reconfigured],
        small: (1, 450),
        large: (2, 800),
        is: Kind::Members,
    },
    Row {
        name: "a joiner and the leader's death",
        hosts: two_and_a_joiner,
        faults: &[(Fault::Start, 2), (Fault::Crash, 1), (Fault::Hold, 1), (Fault::SlowDisk, 1)],
        expects: &[Seen::Reconfigured],
        small: (1, 800),
        large: (2, 800),
        is: Kind::Members,
    },
    Row {
        name: "a joiner and a removal",
        hosts: three_and_a_joiner,
        faults: &[(Fault::Remove, 1), (Fault::Priority, 1), (Fault::Hold, 2), (Fault::Crash, 1)],
        expects: &[Seen::Reconfigured],
        small: (0, 600),
        large: (2, 500),
        is: Kind::Race,
    },
    Row {
        name: "four members and removals that race",
        hosts: four,
        faults: &[(Fault::Remove, 2), (Fault::Crash, 1), (Fault::Hold, 1)],
        expects: &[Seen::Reconfigured, Seen::SecondReign],
        small: (2, 600),
        large: (2, 900),
        is: Kind::Race,
    },
    Row {
        name: "two join a leader with a longer lease, which dies",
        hosts: mixed_joiners_at_once,
        faults: &[(Fault::Crash, 1), (Fault::Hold, 1), (Fault::Copy, 1)],
        expects: &[Seen::Reconfigured],
        small: (1, 4_500),
        large: (2, 4_500),
        is: Kind::Joiners,
    },
    Row {
        name: "leases of 2 s and 600 ms, joiners, the leader's death",
        hosts: mixed_joiners,
        faults: &[(Fault::Start, 3), (Fault::Crash, 1), (Fault::Hold, 1), (Fault::Isolate, 1)],
        expects: &[Seen::Reconfigured],
        small: (1, 500),
        large: (1, 1_500),
        is: Kind::Members,
    },
    Row {
        name: "leases of 2 s and 600 ms",
        hosts: mixed,
        faults: &[
            (Fault::Crash, 2),
            (Fault::Start, 2),
            (Fault::Hold, 1),
            (Fault::HandOver, 1),
            (Fault::Isolate, 1),
        ],
        expects: &[Seen::SecondReign],
        small: (1, 900),
        large: (1, 4_000),
        is: Kind::Plain,
    },
    Row {
        name: "leases shortened at a restart",
        hosts: shortened,
        faults: &[(Fault::Crash, 2), (Fault::Start, 2)],
        expects: &[Seen::SecondReign, Seen::Muted],
        small: (2, 1_100),
        large: (2, 1_800),
        is: Kind::Plain,
    },
    Row {
        name: "acks that come late to a leader that is cut off",
        hosts: three,
        faults: &[(Fault::Hold, 1), (Fault::Isolate, 1)],
        expects: &[Seen::SecondReign],
        small: (2, 600),
        large: (2, 1_000),
        is: Kind::Plain,
    },
    Row {
        name: "an application that is slow to stop, twice",
        hosts: two,
        faults: &[(Fault::HandOver, 3), (Fault::SlowApp, 2)],
        expects: &[Seen::StoppedEarly, Seen::HandoverReign],
        small: (2, 750),
        large: (2, 1_500),
        is: Kind::Plain,
    },
    Row {
        name: "disks that fail or stall",
        hosts: three,
        faults: &[
            (Fault::Disk, 2),
            (Fault::SlowDisk, 1),
            (Fault::Crash, 1),
            (Fault::Start, 1),
            (Fault::HandOver, 1),
        ],
        expects: &[Seen::SecondReign],
        small: (1, 700),
        large: (2, 800),
        is: Kind::Plain,
    },
    Row {
        name: "cuts, and an application that is slow to stop",
        hosts: three,
        faults: &[
            (Fault::Isolate, 1),
            (Fault::Cut, 1),
            (Fault::SlowApp, 1),
            (Fault::Hold, 1),
            (Fault::Resign, 1),
        ],
        expects: &[Seen::SecondReign, Seen::StoppedEarly],
        small: (1, 800),
        large: (2, 700),
        is: Kind::Plain,
    },
    Row {
        name: "pauses",
        hosts: three,
        faults: &[(Fault::Pause, 2), (Fault::Hold, 1), (Fault::Crash, 1), (Fault::Start, 1)],
        expects: &[Seen::SecondReign],
        small: (1, 1_000),
        large: (2, 1_200),
        is: Kind::Plain,
    },
    Row {
        name: "clocks at the extremes",
        hosts: three,
        faults: &[
            (Fault::Isolate, 1),
            (Fault::Crash, 1),
            (Fault::Start, 1),
            (Fault::Hold, 1),
            (Fault::Pause, 1),
        ],
        expects: &[Seen::SecondReign],
        small: (1, 700),
        large: (2, 1_000),
        is: Kind::Clocks,
    },
    Row {
        name: "clocks ten times worse than is promised",
        hosts: three,
        faults: &[(Fault::Isolate, 1), (Fault::Crash, 1), (Fault::Pause, 1)],
        expects: &[],
        small: (1, 1_000),
        large: (1, 1_200),
        is: Kind::BadClocks,
    },
    Row {
        name: "a guardian's word",
        hosts: guarded,
        faults: &[
            (Fault::Farewell, 1),
            (Fault::Crash, 1),
            (Fault::Start, 1),
            (Fault::Hold, 1),
            (Fault::Copy, 1),
        ],
        expects: &[Seen::SecondReign, Seen::Farewell],
        small: (1, 600),
        large: (2, 1_000),
        is: Kind::Plain,
    },
    Row {
        name: "priorities that change",
        hosts: ranked,
        faults: &[(Fault::Priority, 2), (Fault::Crash, 1), (Fault::Start, 1), (Fault::Hold, 1)],
        expects: &[],
        small: (1, 150),
        large: (1, 400),
        is: Kind::Members,
    },
    Row {
        name: "a founding",
        hosts: founders,
        faults: &[(Fault::Hold, 2), (Fault::Copy, 1), (Fault::Crash, 1), (Fault::Start, 1)],
        expects: &[Seen::Formed],
        small: (1, 500),
        large: (2, 800),
        is: Kind::Genesis,
    },
    Row {
        name: "a founding by two lists",
        hosts: founders_of_two_lists,
        faults: &[(Fault::Hold, 2), (Fault::Copy, 1), (Fault::Crash, 1), (Fault::Start, 1)],
        expects: &[Seen::Formed],
        small: (1, 500),
        large: (2, 800),
        is: Kind::Genesis,
    },
    Row {
        name: "a founding by lists that overlap",
        hosts: founders_of_overlapping_lists,
        faults: &[(Fault::Hold, 1), (Fault::Crash, 1), (Fault::Start, 1)],
        expects: &[],
        small: (1, 400),
        large: (2, 800),
        is: Kind::Genesis,
    },
    Row {
        name: "a founding, and a list that changes",
        hosts: founders_of_which_one_changes_its_list,
        faults: &[(Fault::Crash, 1), (Fault::Start, 1), (Fault::Hold, 1), (Fault::SlowDisk, 1)],
        expects: &[Seen::Formed, Seen::Renounced],
        small: (1, 500),
        large: (3, 500),
        is: Kind::Genesis,
    },
    Row {
        name: "an election in any order",
        hosts: three,
        faults: &[(Fault::Crash, 1), (Fault::Start, 1)],
        expects: &[Seen::SecondReign],
        small: (1, 500),
        large: (1, 1_000),
        is: Kind::AnyOrder,
    },
];

/// Rows of rates: each host is once the one whose clock is slow while the others' are fast, and once
/// the other way round.
fn rates(hosts: usize, by: u16) -> Vec<Vec<u16>> {
    let (low, high) = (1_000 - by, 1_000 + by);
    let row = |n, one, others| (0..hosts).map(|m| if n == m { one } else { others }).collect();
    let slow = (0..hosts).map(|n| row(n, low, high));
    slow.chain((0..hosts).map(|n| row(n, high, low))).collect()
}

impl Row {
    fn scope(&self, (total, horizon): (u8, u64), faults: &[(Fault, u8)]) -> Scope {
        let scope = Scope {
            budget: Budget::new(total, faults),
            horizon,
            expects: self.expects.to_vec(),
            ..Scope::new(self.name, (self.hosts)())
        };
        match self.is {
            Kind::Plain => scope,
            Kind::Members => Scope { lease_law: false, priorities: vec![0, 400], ..scope },
            Kind::Race => {
                let last = scope.hosts.iter().rposition(|s| s.stand == Stand::Member);
                let leader = last.unwrap_or(0);
                let removable = vec![0, leader];
                let priorities = vec![50];
                let mortal = vec![leader];
                Scope { lease_law: false, mortal, removable, priorities, ..scope }
            }
            Kind::Joiners => Scope { begin: Begin::Cold, lease_law: false, ..scope },
            Kind::Clocks => {
                Scope { rates: rates(scope.hosts.len(), 5), begin: Begin::SlowestLeads, ..scope }
            }
            Kind::BadClocks => Scope {
                rates: rates(scope.hosts.len(), 50),
                begin: Begin::SlowestLeads,
                lease_law: false,
                breaks: Some(Law::AtMostOneActive),
                ..scope
            },
            Kind::Genesis => {
                Scope { begin: Begin::Cold, hello_faults: true, lease_law: false, ..scope }
            }
            Kind::AnyOrder => Scope { any_order: true, ..scope },
        }
    }
}

/// The scopes of the tests, each of which is searched whole within seconds.
pub fn small() -> Vec<Scope> {
    TABLE.iter().map(|row| row.scope(row.small, row.faults)).collect()
}

/// The scopes of `make model`.
pub fn large() -> Vec<Scope> {
    TABLE.iter().map(|row| row.scope(row.large, row.faults)).collect()
}

/// For random walks: the same clusters, with many faults of every kind and for longer.
pub fn walks() -> Vec<Scope> {
    let all = [
        (Fault::Lose, 40),
        (Fault::Hold, 20),
        (Fault::Copy, 10),
        (Fault::Overtake, 20),
        (Fault::Crash, 6),
        (Fault::Start, 8),
        (Fault::Disk, 3),
        (Fault::SlowDisk, 6),
        (Fault::SlowApp, 4),
        (Fault::Pause, 4),
        (Fault::Isolate, 4),
        (Fault::Cut, 4),
        (Fault::Resign, 1),
        (Fault::Leave, 1),
        (Fault::HandOver, 3),
        (Fault::Remove, 2),
        (Fault::Priority, 2),
        (Fault::Farewell, 4),
    ];
    let is_sound = |row: &&Row| !matches!(row.is, Kind::BadClocks | Kind::AnyOrder);
    let scope = |row: &Row| {
        let scope = row.scope((120, 12_000), &all);
        let rates = [rates(scope.hosts.len(), 5), scope.rates].concat();
        Scope { rates, lease_law: false, expects: Vec::new(), ..scope }
    };
    TABLE.iter().filter(is_sound).map(scope).collect()
}
