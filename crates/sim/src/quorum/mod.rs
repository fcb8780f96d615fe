//! Quorum mode in virtual time: nodes of the shipping core with disks, clocks that run at wrong
//! rates, applications that outlive their daemons, and guardians; and checkers that stand outside
//! the code they check. A seed repeats a run exactly.

mod acts;
mod app;
mod ask;
mod check;
mod clock;
mod cover;
mod disk;
mod host;
mod queue;
pub mod random;
mod transcript;
mod wire;
mod world;

pub use cover::{Cover, Seen};
pub use disk::{DiskMode, Unsynced};
pub use host::Setup;
pub use wire::{Fate, Letter};
pub use world::World;

use std::sync::Arc;
use std::time::Duration;

use crate::{MS, SEC, US, WALL_MS, address};

/// The usual configuration of the nth host of a cluster of `count`: h of 150 ms, L of 1 s, priority
/// 100, an application that stops at once, no guardian.
pub fn setup(n: usize, count: usize) -> Setup {
    Setup {
        id: address(n),
        places: (0..count).map(address).collect(),
        priority: 100,
        preempt: true,
        heartbeat: Duration::from_millis(150),
        lease: Duration::from_secs(1),
        cluster: Arc::from("bully"),
        guardian: false,
        moved: false,
        revoke_lag: 0,
        kill_lag: 0,
        hasty: false,
        restart_after: None,
        sync: (200 * US, 2 * MS),
        eager: true,
        wall_ms: WALL_MS,
    }
}

/// A world of `count` hosts that list each other, none of them started. Their clocks are exact.
pub fn cluster(count: usize) -> World {
    let mut world = World::new(1);
    for n in 0..count {
        world.add_host(address(n), setup(n, count));
    }
    world
}

/// The same, all started at once, formed, at rest, and somebody leads.
///
/// # Panics
/// If nobody does within 20 s.
pub fn running(count: usize) -> World {
    let mut world = cluster(count);
    (0..count).for_each(|n| world.start(n));
    settle(&mut world);
    world
}

/// Runs until somebody leads and all others follow, and two seconds more.
///
/// # Panics
/// If that takes longer than 20 s.
pub fn settle(world: &mut World) {
    let took = world.time_to(20 * SEC, World::is_settled);
    assert!(took.is_some(), "nobody leads: {:?}\n{}", world.violation, world.tell_states());
    world.run_for(2 * SEC);
}
