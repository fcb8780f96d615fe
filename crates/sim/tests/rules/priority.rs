//! A6: a strictly higher priority takes over, after a hold.

use bully_core::{Cause, Event};
use bully_sim::{MS, SEC, cluster};

use crate::{elections, leaders, stays};

#[test]
fn a6_a_strictly_higher_priority_takes_over_after_the_hold_and_not_before() {
    let mut world = cluster(3);
    world.setup(0).priority = 200;
    world.start(1);
    world.start(2);
    world.run_for(5 * SEC);
    let start = world.events.len();
    world.start(0);
    world.run_for(790 * MS);
    assert_eq!(elections(&world, start), []);
    world.run_for(20 * MS);
    let [(_, 0, Cause::Priority)] = elections(&world, start)[..] else {
        panic!("{:?}", elections(&world, start))
    };
    assert_eq!(world.agreement(), Ok(()));
    stays(&mut world, 0, 60 * SEC);
}

#[test]
fn a6_without_preempt_the_incumbent_stays() {
    let mut world = cluster(3);
    (0..3).for_each(|h| world.setup(h).preempt = false);
    world.setup(0).priority = 200;
    world.start(1);
    world.start(2);
    world.run_for(5 * SEC);
    world.start(0);
    stays(&mut world, 2, 120 * SEC);
    world.crash(2);
    world.run_for(SEC);
    assert_eq!(leaders(&world), [0]);
}

#[test]
fn a6_a_disagreement_on_preempt_is_reported() {
    let mut world = cluster(2);
    world.setup(0).preempt = false;
    world.start(0);
    world.start(1);
    world.run_for(SEC);
    for host in [0, 1] {
        assert!(
            world
                .events
                .iter()
                .any(|(_, h, e)| { *h == host && matches!(e, Event::PreemptDiffers { .. }) })
        );
    }
}

#[test]
fn a6_a_new_priority_counts_from_when_it_is_known() {
    let mut world = cluster(3);
    (0..3).for_each(|h| world.start(h));
    world.run_for(5 * SEC);
    world.set_priority(0, 150);
    world.run_for(790 * MS);
    assert_eq!(leaders(&world), [2]);
    world.run_for(30 * MS);
    assert_eq!(leaders(&world), [0]);
    // The leader's present priority counts, not that of its claim.
    world.set_priority(0, 50);
    world.run_for(60 * SEC);
    assert_eq!(leaders(&world), [2]);
}

#[test]
fn a6_a_flapping_highest_node_takes_over_ever_less_often_though_each_of_its_runs_knows_nothing() {
    // Scenario 25. Caught here: the mutant in which each node counts changes for itself.
    let mut world = cluster(3);
    world.setup(2).priority = 200;
    world.start(0);
    world.start(1);
    world.run_for(3 * SEC);
    let start = world.events.len();
    for _ in 0..24 {
        world.start(2);
        world.run_for(4_500 * MS);
        world.crash(2);
        world.run_for(500 * MS);
    }
    let takeovers = elections(&world, start)
        .into_iter()
        .filter(|(_, h, cause)| *h == 2 && *cause == Cause::Priority)
        .count();
    // Two minutes: without damping 24.
    assert!((1..=8).contains(&takeovers), "{takeovers}");
}
