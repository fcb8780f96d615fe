//! Clocks at the bound and beyond it, machines that sleep or are halted, and nodes that are late.

use std::time::Duration;

use bully_core::quorum::{Cause, Proposal, Role};
use bully_sim::quorum::{World, cluster, running, settle};
use bully_sim::{MS, SEC, US};

use crate::{
    DELTA, HEARTBEAT, LEASE, Resource, crash_bound, next_reign, revokes, settles, stays, tail,
};

/// A leader by a slow clock, voters by fast ones, or the other way round, wrong by so many
/// millionths; the answers take long. The leader is cut off, at every phase of its heartbeat.
/// The first property that did not hold.
fn strained(ppm: i64, lease: u64, phase: u64) -> Option<String> {
    let mut world = cluster(3);
    world.net.delay = (50 * US, 50 * US);
    for host in 0..3 {
        let ppm = if host == 2 { -ppm } else { ppm };
        world.set_rates(host, ppm, ppm);
        world.setup(host).lease = Duration::from_nanos(lease);
        world.setup(host).sync = (10 * US, 20 * US);
        world.start(host);
    }
    world.time_to(20 * SEC, World::is_settled);
    world.filter(|letter| match letter.message.name() {
        "HbAck" => bully_sim::quorum::Fate::Delay(140 * MS),
        _ => bully_sim::quorum::Fate::Pass,
    });
    world.run_until(world.now() + 2 * SEC + phase * 7 * MS);
    assert!(world.leads(2) || world.violation.is_some());
    world.isolate(2);
    world.run_until(world.now() + 2 * lease);
    world.heal_all();
    world.run_until(world.now() + 5 * SEC);
    world.violation
}

/// Scenario 21.
#[test]
fn clocks_at_the_bound_are_safe_and_ten_times_as_wrong_ones_are_not() {
    for (lease, phases) in [(LEASE, 22), (5 * LEASE, 22), (60 * LEASE, 3)] {
        for phase in 0..phases {
            assert_eq!(strained(5_000, lease, phase), None, "{phase}");
            assert_eq!(strained(-5_000, lease, phase), None, "{phase}");
        }
    }
    // A longer lease would run into the wall clock, which tells such a leader that it is late.
    let found = (0..22).filter(|phase| strained(50_000, LEASE, *phase).is_some());
    assert_eq!(found.count(), 22, "the checkers are blind");
    assert_eq!(strained(50_000, 5 * LEASE, 0), None);
}

/// Scenario 22: the machine sleeps, and its fast clock counts.
#[test]
fn q6_a_leader_whose_host_was_suspended_says_no_at_the_first_read() {
    let mut world = running(3);
    let (old, start) = (world.token().unwrap(), world.now());
    world.suspend(2);
    let (at, _, token) = next_reign(&mut world, 3 * SEC);
    assert!(at - start <= crash_bound(0));
    world.run_until(start + 3_600 * SEC);
    assert_ne!(world.status(2).unwrap().role, Role::Leader);
    world.thaw(2);
    assert!(!world.leads(2));
    assert_eq!(revokes(&world, 2, start).len(), 1);
    let mut resource = Resource::default();
    assert!(resource.write(token) && !resource.write(old));
    stays(&mut world, 20 * SEC);
    assert!(world.is_settled());
}

/// Scenario 22: a follower's promise lasts longer for its sleep, never shorter.
#[test]
fn q1_a_voter_that_sleeps_keeps_its_promise_by_its_slow_clock() {
    let mut world = running(3);
    world.vanish(0);
    world.suspend(1);
    world.run_for(10 * SEC);
    let woken = world.now();
    let rest = world.bonds(1).unwrap().promise.map_or(Duration::ZERO, |p| p.2);
    assert!(rest > Duration::from_millis(800), "{rest:?}");
    world.thaw(1);
    let (at, _, _) = next_reign(&mut world, 12 * SEC);
    assert!(at >= woken);
    settles(&mut world, 12 * SEC);
}

/// Scenario 22: a virtual machine is halted, and only the wall clock betrays it.
#[test]
fn q6_a_leader_that_was_halted_is_told_by_the_wall_clock() {
    let mut world = running(3);
    let start = world.now();
    world.halt(2);
    next_reign(&mut world, 3 * SEC);
    world.run_for(5 * SEC);
    assert_ne!(world.status(2).unwrap().role, Role::Leader, "at the first read");
    world.thaw(2);
    assert_eq!(revokes(&world, 2, start)[0].1, Cause::Suspended);
    world.run_for(20 * SEC);
    assert!(world.is_settled());
}

/// Scenario 22: no clock is left to tell it; the token still fences.
#[test]
fn q6_where_all_clocks_stood_still_two_may_believe_and_the_token_fences() {
    let mut world = running(3);
    let old = world.token().unwrap();
    world.halt(2);
    let (_, host, token) = next_reign(&mut world, 3 * SEC);
    let halted_for = 5 * SEC;
    world.run_for(halted_for);
    world.jump_wall(2, -i64::try_from(10 * SEC / MS).unwrap());
    assert_eq!(world.status(2).unwrap().role, Role::Leader, "it cannot know");
    let mut resource = Resource::default();
    assert!(resource.write(token) && !resource.write(old));
    world.thaw(2);
    world.run_for(2 * SEC);
    assert!(!world.leads(2) && world.leads(host), "it learns it from the others");
}

#[test]
fn q6_a_wall_clock_that_is_set_forward_costs_a_reign_at_most_and_back_none() {
    let mut world = running(3);
    let start = world.now();
    world.jump_wall(2, -3_600_000);
    stays(&mut world, 20 * SEC);
    world.jump_wall(2, 150);
    stays(&mut world, 20 * SEC);
    let jump = world.now();
    world.jump_wall(2, 3_600_000);
    let (at, _, _) = next_reign(&mut world, 3 * SEC);
    assert_eq!(revokes(&world, 2, start)[0].1, Cause::Suspended);
    assert!(at - jump <= HEARTBEAT + tail(2), "its promises are given back: {}", (at - jump) / MS);
    stays(&mut world, 20 * SEC);
}

/// Scenario 28.
#[test]
fn q12_a_follower_that_starves_changes_no_leader() {
    for follower in [0, 1] {
        for (frozen, awake) in [(400, 5), (900, 20), (3_000, 100), (140, 10)] {
            let mut world = running(3);
            for _ in 0..60 {
                world.pause(follower);
                stays(&mut world, frozen * MS);
                world.thaw(follower);
                stays(&mut world, awake * MS);
            }
            assert!(world.leads(2));
            stays(&mut world, 10 * SEC);
            assert!(world.is_settled());
        }
    }
}

/// Scenario 28: though it is the best-ranked, and would like to lead.
#[test]
fn q12_a_node_that_is_late_does_not_want_the_lead() {
    let mut world = running(3);
    world.propose(0, Proposal::Priority(200));
    for _ in 0..100 {
        world.pause(0);
        stays(&mut world, 350 * MS);
        world.thaw(0);
        stays(&mut world, 150 * MS);
    }
    let (_, host, _) = next_reign(&mut world, 10 * SEC);
    assert_eq!(host, 0, "once it is served again");
}

#[test]
fn q12_a_node_that_was_late_stands_a_heartbeat_later() {
    let mut world = running(3);
    world.pause(1);
    world.run_for(400 * MS);
    world.thaw(1);
    world.run_for(50 * MS);
    let crash = world.now();
    world.crash(2);
    let (at, host, _) = next_reign(&mut world, 3 * SEC);
    assert_eq!(host, 0, "the next in rank waits its δ, which is less than h");
    assert!(at - crash <= crash_bound(1) + DELTA, "{} µs", (at - crash) / US);
    assert!(at - crash < LEASE + HEARTBEAT);
}

/// Frozen and thawed again and again, for longer than a lease or shorter: nobody is harmed.
#[test]
fn q6_a_leader_that_is_frozen_now_and_then_keeps_or_loses_its_reign_and_never_both() {
    for frozen in [500, 800, 950, 965, 975, 990, 1_010, 1_100, 1_400] {
        let mut world = running(3);
        for _ in 0..8 {
            let Some(leader) = world.leader() else { break };
            world.pause(leader);
            world.run_for(frozen * MS);
            world.thaw(leader);
            settles(&mut world, 5 * SEC);
            world.run_for(700 * MS);
        }
        let most = if frozen < 800 { 1 } else { 9 };
        assert!(world.reigns().len() <= most, "{frozen}: {:?}", world.reigns());
        stays(&mut world, 5 * SEC);
    }
}

/// Machines whose clocks differ, and nothing else.
#[test]
fn q7_clocks_within_the_bound_change_no_leader_in_an_hour() {
    let mut world = cluster(3);
    for (host, fast, slow) in [(0, 5_000, -5_000), (1, -5_000, -5_000), (2, 5_000, 5_000)] {
        world.set_rates(host, fast, slow);
        world.start(host);
    }
    settle(&mut world);
    stays(&mut world, 3_600 * SEC);
}
