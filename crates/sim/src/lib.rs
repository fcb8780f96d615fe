//! The protocol in virtual time: many nodes of the shipping core, a network with faults, and
//! checkers that stand outside the code they check. A seed repeats a run exactly.

mod ask;
mod check;
mod cover;
mod faults;
mod host;
mod net;
mod notes;
mod queue;
pub mod quorum;
pub mod random;
pub mod rest;
mod rng;
mod transcript;
mod world;

pub use cover::{Cover, Seen};
pub use host::Setup;
pub use net::{MS, Net, SEC, US};
pub use rng::Rng;
pub use world::World;

use std::sync::Arc;
use std::time::Duration;

use bully_core::Address;

/// The address of the nth host: the quick start's.
pub fn address(n: usize) -> Address {
    let octet = u8::try_from(67 + n).unwrap_or(u8::MAX);
    Address::new(std::net::IpAddr::from([192, 168, 1, octet]), 8117)
}

/// The wall clock at the beginning.
pub const WALL_MS: u64 = 1_795_400_798_000;

/// The usual configuration of the nth host of a cluster of `count`.
pub fn setup(n: usize, count: usize) -> Setup {
    Setup {
        id: address(n),
        places: (0..count).map(address).collect(),
        priority: 100,
        preempt: true,
        heartbeat: Duration::from_millis(100),
        cluster: Arc::from("bully"),
        revoke_lag: 0,
        wall_ms: WALL_MS,
    }
}

/// A world of `count` hosts that list each other, none of them started.
pub fn cluster(count: usize) -> World {
    let mut world = World::new(1);
    for n in 0..count {
        world.add_host(address(n), setup(n, count));
    }
    world
}

/// The same, all started at once, and at rest.
pub fn running(count: usize) -> World {
    let mut world = cluster(count);
    (0..count).for_each(|n| world.start(n));
    world.run_for(2 * SEC);
    world
}
