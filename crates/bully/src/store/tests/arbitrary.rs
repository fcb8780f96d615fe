//! Any record that a node could write.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use bully_core::quorum::{
    Boot, ClusterId, Config, Founding, Member, Roster, RosterId, Stored, Term,
};
use bully_core::{Address, Host, Inst, NUMBER_MAX};
use proptest::collection::{btree_map, btree_set};
use proptest::option;
use proptest::prelude::*;

fn number() -> impl Strategy<Value = u64> {
    prop_oneof![0..300_u64, 0..=NUMBER_MAX, Just(NUMBER_MAX)]
}

fn inst() -> impl Strategy<Value = Inst> {
    prop_oneof![(0..40_u128).prop_map(Inst), any::<u128>().prop_map(Inst)]
}

fn address() -> BoxedStrategy<Address> {
    let ip = prop_oneof![
        any::<u32>().prop_map(|ip| IpAddr::from(Ipv4Addr::from(ip))),
        any::<u128>().prop_map(|ip| IpAddr::from(Ipv6Addr::from(ip)).to_canonical()),
    ];
    let name = "[a-z0-9_-]{1,20}(\\.[a-z][a-z0-9]{0,9}){0,3}\\.?";
    let host = prop_oneof![ip.prop_map(Host::from), name.prop_map(|name| Host::from(&*name))];
    (host, 1..=u16::MAX).prop_map(|(host, port)| Address { host, port }).boxed()
}

fn lease() -> impl Strategy<Value = Duration> {
    let most = u64::try_from(Config::LEASE_MAX.as_nanos()).unwrap();
    prop_oneof![0..=most, Just(most)].prop_map(Duration::from_nanos)
}

fn roster() -> impl Strategy<Value = Roster> {
    let members = btree_map(inst(), (address(), 0..=Config::PRIORITY_MAX), 1..=31);
    let version = (number(), 0..NUMBER_MAX);
    (members, btree_set(inst(), 0..=32), version).prop_map(
        |(members, removed, (term, version)): (BTreeMap<_, _>, BTreeSet<Inst>, _)| {
            let member = |(inst, (id, priority))| Member { inst, id, priority };
            Roster {
                version: RosterId { term: Term(term), version },
                members: members.into_iter().map(member).collect(),
                // The latest last, whichever that is.
                removed: removed.into_iter().rev().collect(),
            }
        },
    )
}

/// A founding, whose founders lack the node itself.
fn founding() -> impl Strategy<Value = Founding> {
    (any::<u128>(), btree_map(inst(), address(), 0..=30)).prop_map(|(cluster, founders)| Founding {
        cluster: ClusterId(cluster),
        founders: founders.into_iter().collect(),
    })
}

fn with_itself(mut founding: Founding, me: Inst, id: &Address) -> Founding {
    if founding.founders.iter().all(|(inst, _)| *inst != me) {
        founding.founders.push((me, id.clone()));
    }
    founding.founders.sort();
    founding
}

/// What every node has: `inst`, `boot`, `id`, `lease_max`, `round`.
fn node() -> impl Strategy<Value = Stored> {
    (inst(), number(), address(), lease(), number()).prop_map(
        |(inst, boot, id, lease_max, round)| Stored {
            inst,
            boot: Boot(boot),
            id,
            lease_max,
            round,
            ..super::fresh()
        },
    )
}

fn unformed() -> impl Strategy<Value = Stored> {
    (node(), option::of((any::<bool>(), founding()))).prop_map(|(node, founding)| {
        let Some((is_leaving, founding)) = founding else { return node };
        let founding = Some(with_itself(founding, node.inst, &node.id));
        if is_leaving {
            Stored { leaving: founding, ..node }
        } else {
            Stored { accept: founding, ..node }
        }
    })
}

fn formed() -> impl Strategy<Value = Stored> {
    (node(), any::<u128>(), number(), option::of(inst()), roster()).prop_map(
        |(node, cluster, term, voted_for, roster)| Stored {
            cluster: Some(ClusterId(cluster)),
            term: Term(term),
            voted_for,
            roster: Arc::new(roster),
            ..node
        },
    )
}

pub(super) fn stored() -> impl Strategy<Value = Stored> {
    prop_oneof![unformed(), formed()]
}
