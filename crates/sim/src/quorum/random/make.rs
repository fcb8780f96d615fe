//! What a cluster is like, and how it begins.

use std::sync::Arc;
use std::time::Duration;

use bully_core::quorum::usable;

use super::{Clocks, Run};
use crate::quorum::cover::Seen;
use crate::quorum::disk::Unsynced;
use crate::quorum::{Setup, World, setup};
use crate::rng::Rng;
use crate::{MS, SEC, US, WALL_MS, address};

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

impl Run {
    pub(super) fn new(seed: u64, clocks: Clocks) -> Self {
        let mut rng = Rng::new(seed);
        let mut world = World::new(rng.bits());
        let founders = *rng.pick(&[1, 2, 2, 3, 3, 3, 3, 4, 4, 5, 5, 6, 7]);
        let joiners = if founders < 7 { *rng.pick(&[0, 0, 1, 2]) } else { 0 };
        let total = founders + joiners;
        let is_beyond = clocks == Clocks::Beyond;
        let leases = if is_beyond { vec![4 * SEC; total] } else { leases(&mut rng, total) };
        if leases.iter().any(|l| *l != leases[0]) {
            world.cover.saw(Seen::MixedLeases);
        }
        let shortest = leases.iter().min().copied().unwrap_or(SEC);
        let slowest = nanos(usable(Duration::from_nanos(shortest))) / 4;
        let priorities: &[u32] = match rng.below(4) {
            0 => &[100],
            1 => &[0, 100, 200],
            2 => &[100, 200, 300, 400],
            _ => &[50, 100, 100, 100],
        };
        let preempt = rng.chance(700);
        let mut heartbeat = 0;
        for (n, lease) in leases.iter().enumerate() {
            let listed = if n < founders { founders } else { n + 1 };
            let mut setup = setup(n, listed);
            let own = slowest * rng.between(250, 1_000) / 1_000;
            heartbeat = heartbeat.max(own);
            setup.heartbeat = Duration::from_nanos(own).max(Duration::from_millis(10));
            setup.lease = Duration::from_nanos(*lease);
            setup.priority = *rng.pick(priorities);
            setup.preempt = preempt;
            temper(&mut rng, &mut setup);
            if is_beyond {
                (setup.sync, setup.eager) = ((200 * US, 2 * MS), true);
            }
            world.add_host(address(n), setup);
            world.set_unsynced(n, Unsynced::Either);
            set_clocks(&mut rng, &mut world, n, clocks);
        }
        weather(&mut rng, &mut world, slowest);
        let sync = (0..total).map(|n| world.setup(n).sync.1).max().unwrap_or(0);
        let mut run = Self {
            world,
            heartbeat,
            lease: leases.iter().max().copied().unwrap_or(SEC),
            sync,
            founders,
            foreign: Vec::new(),
            gone: Vec::new(),
            wild: rng.chance(80),
            is_beyond,
            lists_differ: false,
            backups: Vec::new(),
            story: Vec::new(),
            rng,
        };
        run.differ();
        run.add_foreign();
        run
    }

    /// Some lists lack a founder, or name somebody else.
    fn differ(&mut self) {
        if self.founders < 2 || !self.rng.chance(80) {
            return;
        }
        self.lists_differ = true;
        self.world.cover.saw(Seen::ListsDiffer);
        let total = self.world.len();
        for _ in 0..=self.rng.below(2) {
            let host = self.rng.index(self.founders);
            let which = self.rng.index(total);
            let places = &mut self.world.setup(host).places;
            if places.contains(&address(which)) {
                places.retain(|p| *p != address(which));
            } else {
                places.push(address(which));
            }
        }
    }

    /// A node of another cluster, or of another cluster of the same name.
    fn add_foreign(&mut self) {
        if !self.rng.chance(150) {
            return;
        }
        let n = self.world.len();
        let mut setup = setup(n, 0);
        if self.rng.chance(700) {
            setup.cluster = Arc::from("another");
        }
        setup.id = address(n);
        setup.places = vec![address(n)];
        self.world.add_host(address(n), setup);
        self.foreign.push(n);
    }

    pub(super) fn begin(&mut self) {
        if self.rng.chance(200) {
            self.topology();
        }
        for host in self.foreign.clone() {
            self.note(&format!("start {host}, a foreign node"));
            self.world.start(host);
            if self.rng.chance(500) {
                // It forms a cluster of its own before it looks at others.
                self.go(100 * MS);
            }
        }
        let spread = *self.rng.pick(&[0, 5 * MS, 300 * MS, 2 * SEC]);
        let missing =
            if self.rng.chance(100) { self.rng.index(self.founders) } else { self.founders };
        for host in 0..self.founders {
            let pause = self.rng.below(spread + 1);
            self.go(pause);
            if host != missing {
                self.start(host);
            }
            if self.rng.chance(60) {
                self.act();
            }
        }
        if self.rng.chance(800) {
            self.go(2 * SEC);
        }
    }
}

/// Of each node how long it promises.
fn leases(rng: &mut Rng, count: usize) -> Vec<u64> {
    let choices = [600 * MS, SEC, SEC, 2 * SEC, 4 * SEC];
    let same = *rng.pick(&choices[..3]);
    let is_mixed = rng.chance(350);
    (0..count).map(|_| if is_mixed { *rng.pick(&choices) } else { same }).collect()
}

/// An application, a disk, a guardian.
fn temper(rng: &mut Rng, setup: &mut Setup) {
    setup.wall_ms = WALL_MS + rng.below(5_000);
    setup.revoke_lag = *rng.pick(&[0, 0, 5 * MS, 100 * MS, 3 * SEC]);
    setup.sync =
        *rng.pick(&[(200 * US, 2 * MS), (200 * US, 2 * MS), (MS, 20 * MS), (20 * MS, 60 * MS)]);
    setup.eager = rng.chance(500);
    setup.guardian = rng.chance(300);
    setup.kill_lag = *rng.pick(&[0, 10 * MS, 2 * SEC]);
    setup.restart_after = *rng.pick(&[None, Some(0), Some(200 * MS)]);
}

fn set_clocks(rng: &mut Rng, world: &mut World, host: usize, clocks: Clocks) {
    let error = match clocks {
        Clocks::InBound => 5_000,
        Clocks::Beyond => 50_000,
    };
    let choices = [-error, -error, 0, error / 2, error, error];
    let a = *rng.pick(&choices);
    let b = if clocks == Clocks::Beyond { a } else { *rng.pick(&choices) };
    if a != 0 || b != 0 {
        world.cover.saw(Seen::MixedClocks);
    }
    world.set_rates(host, a.max(b), a.min(b));
}

/// Delays, loss, repetition.
fn weather(rng: &mut Rng, world: &mut World, heartbeat: u64) {
    let count = world.len();
    let net = &mut world.net;
    net.delay =
        *rng.pick(&[(250 * US, 250 * US), (50 * US, 500 * US), (MS, 3 * MS), (5 * MS, 10 * MS)]);
    if rng.chance(300) {
        for a in 0..count {
            for b in a + 1..count {
                let low = rng.below(heartbeat / 8);
                net.pair_delay.push(((a, b), (low, low + rng.below(5 * MS))));
            }
        }
    }
    net.loss = *rng.pick(&[0, 0, 0, 5, 50]);
    net.duplication = *rng.pick(&[0, 0, 50]);
    net.reorder = rng.chance(500);
    net.holds = rng.chance(500);
    net.refusal_lag = *rng.pick(&[0, MS]);
    world.late = *rng.pick(&[(0, 0), (0, 0), (20, SEC), (10, 9 * SEC), (100, 300 * MS)]);
}
