//! One test per sentence of PROTOCOL.md: each cites the rule that it holds the core to.

mod bounds;
mod cost;
mod direct;
mod failover;
mod identity;
mod leave;
mod one;
mod partition;
mod priority;
mod start;

use bully_core::{Cause, Event};
use bully_sim::{MS, World};

/// All elections since `start`: when, on which host, why.
fn elections(world: &World, start: usize) -> Vec<(u64, usize, Cause)> {
    let elected = world.events[start..].iter().filter_map(|(at, host, event)| match event {
        Event::Elected { cause, .. } => Some((*at, *host, *cause)),
        _ => None,
    });
    elected.collect()
}

/// All agree within `limit` milliseconds, and the leader is returned.
fn agree_within(world: &mut World, limit: u64) -> usize {
    let took = world.time_to_agreement(limit * MS);
    assert_eq!(world.violation, None);
    assert!(took.is_some(), "after {limit} ms: {}", world.agreement().unwrap_err());
    leaders(world)[0]
}

fn leaders(world: &World) -> Vec<usize> {
    (0..world.len()).filter(|h| world.leads(*h)).collect()
}

/// From here on the leader stays, for so long.
fn stays(world: &mut World, leader: usize, nanos: u64) {
    let start = world.events.len();
    world.run_for(nanos);
    assert_eq!(elections(world, start), []);
    assert_eq!(world.agreement(), Ok(()));
    assert!(world.leads(leader));
}
