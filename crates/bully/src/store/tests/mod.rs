//! The record against itself, against damage, and against the operating system.

mod arbitrary;
mod files;
mod golden;
mod hostile;
mod offline;
mod process;

use std::fs::{self, OpenOptions};
use std::sync::Arc;
use std::time::Duration;

use bully_core::quorum::{Boot, ClusterId, Founding, Member, Roster, RosterId, Stored, Term};
use bully_core::{Address, Inst};
use proptest::prelude::*;

use super::*;

const CLUSTER: &str = "bully";

const ME: Inst = Inst(0x0011_2233_4455_6677_8899_aabb_ccdd_eeff);

/// A node that has written nothing but that it has begun.
fn fresh() -> Stored {
    Stored {
        inst: ME,
        boot: Boot(1),
        id: Address::new("192.168.1.67", 8117),
        cluster: None,
        term: Term(0),
        voted_for: None,
        roster: Arc::new(Roster::default()),
        lease_max: Duration::from_secs(1),
        round: 0,
        accept: None,
        leaving: None,
    }
}

/// Three founders, each at an address of another kind.
fn founders() -> Vec<(Inst, Address)> {
    vec![
        (Inst(7), Address::new("node-2.example", 8117)),
        (ME, Address::new("192.168.1.67", 8117)),
        (Inst(u128::MAX), Address::new("2001:db8::3", 65_535)),
    ]
}

/// A node that has given its word to found a cluster.
fn accepted() -> Stored {
    let accept = Founding { cluster: ClusterId(3), founders: founders() };
    Stored { boot: Boot(2), round: 1, accept: Some(accept), ..fresh() }
}

/// A node that takes it back.
fn leaving() -> Stored {
    let state = accepted();
    Stored { round: 2, leaving: state.accept, accept: None, ..state }
}

/// A member of a cluster.
fn formed() -> Stored {
    let member = |(inst, id)| Member { inst, id, priority: 100 };
    let roster = Roster {
        version: RosterId { term: Term(1_795_400_798), version: 4 },
        members: founders().into_iter().map(member).collect(),
        removed: vec![Inst(9), Inst(8)],
    };
    Stored {
        boot: Boot(12),
        cluster: Some(ClusterId(0xfedc_ba98_7654_3210_0123_4567_89ab_cdef)),
        term: Term(1_795_400_799),
        voted_for: Some(Inst(7)),
        roster: Arc::new(roster),
        lease_max: Duration::from_nanos(1_500_000_001),
        round: 3,
        ..fresh()
    }
}

/// The record with the most and the longest of everything.
fn largest() -> Stored {
    let label = "x".repeat(61);
    let name = format!("{label}.{label}.{label}.{label}.abcde");
    let member = |n: u128| {
        let (inst, id) = (Inst(n + (1 << 127)), Address::new(name.as_str(), u16::MAX));
        Member { inst, id, priority: 1_000 }
    };
    let roster = Roster {
        version: RosterId { term: Term(bully_core::NUMBER_MAX), version: 1 << 52 },
        members: (0..31).map(member).collect(),
        removed: (0..32).map(Inst).collect(),
    };
    Stored { roster: Arc::new(roster), ..formed() }
}

proptest! {
    #[test]
    fn any_record_is_read_as_it_was_written(state in arbitrary::stored(), name in "[a-zä ]{1,30}") {
        let bytes = record::to_bytes(&name, &state);
        prop_assert_eq!(record::from_bytes(&bytes, &name), Ok(state));
    }
}

#[test]
fn the_largest_record_is_far_smaller_than_what_is_read() {
    let bytes = record::to_bytes(&"c".repeat(64), &largest());
    assert!(bytes.len() > 8 * 1024, "{}", bytes.len());
    assert!(bytes.len() < record::LEN_MAX / 16, "{}", bytes.len());
    assert_eq!(record::from_bytes(&bytes, &"c".repeat(64)), Ok(largest()));
}
