//! Q11: nodes that stop, and nodes that leave for good.

use bully_core::quorum::{Cause, Event, Leaderless, Proposal};
use bully_sim::quorum::{DiskMode, World, running};
use bully_sim::{MS, SEC, US};

use crate::{
    HEARTBEAT, HOP, LEASE, SYNC, has_event, next_reign, revokes, settles, stays, tail, term_max,
};

/// The longest that a node takes to stop: 4L + 40h.
const STOP: u64 = 4 * LEASE + 40 * HEARTBEAT;

fn stops(world: &mut World, host: usize, limit: u64) -> u64 {
    let took = world.time_to(limit, |w| !w.is_present(host));
    assert_eq!(world.violation, None);
    took.unwrap_or_else(|| panic!("it does not stop:\n{}", world.tell_states()))
}

#[test]
fn q11_a_leader_that_is_told_to_stop_hands_over_and_is_still_a_member() {
    for lag in [0, 200 * MS] {
        let mut world = running(3);
        world.setup(2).revoke_lag = lag;
        let (start, old) = (world.now(), world.token().unwrap());
        world.resign(2, false);
        assert_eq!(revokes(&world, 2, start), [(start, Cause::Resign)]);
        let (at, host, token) = next_reign(&mut world, SEC);
        assert_eq!((host, token), (1, old + 1));
        assert!(at - start <= lag + 2 * HOP + 3 * SYNC, "{} µs", (at - start) / US);
        let took = stops(&mut world, 2, STOP);
        assert!(took <= 10 * MS, "{} ms", took / MS);
        assert_eq!(world.roster(1).unwrap().members.len(), 3);
        stays(&mut world, 5 * SEC);
        world.start(2);
        settles(&mut world, 10 * SEC);
        assert!(world.leads(1));
    }
}

#[test]
fn q11_a_follower_that_is_told_to_stop_just_does() {
    let mut world = running(3);
    let start = world.now();
    world.resign(0, false);
    let took = stops(&mut world, 0, STOP);
    assert!(took <= 10 * MS, "{} ms", took / MS);
    assert!(has_event(&world, 0, start, |e| *e == Event::Stopped));
    stays(&mut world, 10 * SEC);
    assert_eq!(world.roster(2).unwrap().members.len(), 3);
}

#[test]
fn q11_a_follower_that_leaves_is_removed_and_then_stops() {
    let mut world = running(3);
    world.resign(0, true);
    let took = stops(&mut world, 0, STOP);
    assert!(took <= 10 * (HOP + SYNC) + HEARTBEAT, "{} ms", took / MS);
    world.run_for(100 * MS);
    assert_eq!(world.members(2), [1, 2]);
    stays(&mut world, 20 * SEC);
    // For good.
    world.start(0);
    stays(&mut world, 20 * SEC);
    assert_eq!(world.status(0).unwrap().reason, Some(Leaderless::Removed));
}

#[test]
fn q11_a_leader_that_leaves_hands_over_and_is_removed_by_its_successor() {
    for count in [3, 5] {
        let mut world = running(count);
        let (leader, old) = (count - 1, world.token().unwrap());
        world.resign(leader, true);
        let (_, host, token) = next_reign(&mut world, SEC);
        assert_eq!((host, token), (count - 2, old + 1));
        let took = stops(&mut world, leader, STOP);
        assert!(took <= 4 * HEARTBEAT, "{} ms", took / MS);
        world.run_for(100 * MS);
        assert_eq!(world.members(host), (0..leader).collect::<Vec<_>>());
        stays(&mut world, 20 * SEC);
    }
}

#[test]
fn q11_from_three_to_one_each_leaves_in_its_turn() {
    let mut world = running(3);
    for leader in [2, 1] {
        assert!(world.leads(leader));
        world.resign(leader, true);
        stops(&mut world, leader, STOP);
        settles(&mut world, 5 * SEC);
        world.run_for(SEC);
    }
    assert!(world.leads(0));
    assert_eq!(world.members(0), [0]);
    // The last one cannot leave itself: it stops, and is there again when it is started.
    world.resign(0, true);
    stops(&mut world, 0, STOP);
    let start = world.now();
    world.start(0);
    let (at, host, _) = next_reign(&mut world, 5 * SEC);
    assert_eq!(host, 0);
    assert!(at >= start + LEASE);
}

#[test]
fn q11_a_leader_with_nobody_to_hand_over_to_gives_its_promises_back() {
    // Both followers are within their silence.
    let mut world = running(3);
    world.run_for(HEARTBEAT / 2);
    for host in [0, 1] {
        world.crash(host);
        world.start(host);
    }
    world.run_for(300 * MS);
    assert!(world.leads(2), "it is supported by them");
    let (start, muted) = (world.now(), world.status(1).unwrap().muted);
    world.resign(2, false);
    let took = stops(&mut world, 2, STOP);
    assert!(took <= 10 * MS, "{} ms", took / MS);
    let (at, host, _) = next_reign(&mut world, 3 * SEC);
    assert_eq!(host, 1);
    let bound = crate::nanos(muted) + tail(1);
    assert!(at - start <= bound, "{} ms", (at - start) / MS);
}

#[test]
fn q11_without_a_leader_a_node_that_leaves_stops_all_the_same() {
    let mut world = running(3);
    world.crash(2);
    world.crash(1);
    world.run_for(5 * SEC);
    let took = {
        world.resign(0, true);
        stops(&mut world, 0, STOP + SEC)
    };
    assert!(took <= STOP + MS, "{} ms", took / MS);
    assert_eq!(world.stored(0).unwrap().roster.members.len(), 3, "it is still a member");
    (0..3).for_each(|h| world.start(h));
    settles(&mut world, 10 * SEC);
}

#[test]
fn q11_a_node_that_waits_for_its_cluster_stops_at_once() {
    let mut world = bully_sim::quorum::cluster(3);
    world.start(0);
    world.run_for(5 * SEC);
    world.resign(0, true);
    let took = stops(&mut world, 0, STOP);
    assert!(took <= 10 * MS, "{} ms", took / MS);
}

#[test]
fn q11_all_may_be_told_to_stop_at_once() {
    for count in [1, 2, 3, 5] {
        let mut world = running(count);
        let old = term_max(&world);
        (0..count).for_each(|h| world.resign(h, false));
        for host in 0..count {
            let took = stops(&mut world, host, STOP);
            assert!(took <= LEASE, "{} ms", took / MS);
        }
        let start = world.now();
        (0..count).for_each(|h| world.start(h));
        let (at, _, token) = next_reign(&mut world, 5 * SEC);
        assert!(at - start <= LEASE + tail(1));
        assert!(token > old);
    }
}

#[test]
fn q11_a_leader_that_stops_while_its_application_hangs_does_so_by_the_deadline() {
    let mut world = running(3);
    world.setup(2).revoke_lag = 30 * SEC;
    let start = world.now();
    world.resign(2, false);
    let took = stops(&mut world, 2, STOP);
    assert!(took <= LEASE + 10 * MS, "{} ms", took / MS);
    let (at, host, _) = next_reign(&mut world, 3 * SEC);
    assert_eq!(host, 1);
    assert!(at - start <= LEASE + 2 * HOP + 3 * SYNC, "{} µs", (at - start) / US);
}

#[test]
fn q11_a_rolling_replacement_of_all_nodes_leaves_none_of_the_old_ones() {
    let mut world = running(3);
    for host in 3..6 {
        let mut newcomer = bully_sim::quorum::setup(host, 0);
        newcomer.places = (0..=host).map(bully_sim::address).collect();
        world.add_host(bully_sim::address(host), newcomer);
        world.start(host);
        let took =
            world.time_to(20 * SEC, |w| w.leader().is_some_and(|l| w.members(l).contains(&host)));
        assert!(took.is_some(), "{}", world.tell_states());
        world.resign(host - 3, true);
        stops(&mut world, host - 3, STOP);
        settles(&mut world, 10 * SEC);
    }
    let leader = world.leader().unwrap();
    assert_eq!(world.members(leader), [3, 4, 5]);
    world.run_for(SEC);
    world.propose(leader, Proposal::HandOver(None));
    next_reign(&mut world, SEC);
    stays(&mut world, 10 * SEC);
}

#[test]
fn q11_two_may_leave_at_once_the_leader_among_them() {
    for pair in [[0, 1], [0, 2], [1, 2]] {
        let mut world = running(4);
        for host in pair {
            world.resign(host, true);
        }
        for host in pair {
            stops(&mut world, host, STOP);
        }
        let left: Vec<usize> = (0..4).filter(|h| !pair.contains(h)).collect();
        let took = world
            .time_to(10 * SEC, |w| w.is_settled() && left.iter().all(|h| w.members(*h) == left));
        assert!(took.is_some(), "{pair:?}: {}", world.tell_states());
    }
    let mut world = running(4);
    world.resign(3, true);
    world.resign(2, true);
    for host in [2, 3] {
        stops(&mut world, host, STOP);
    }
    settles(&mut world, 10 * SEC);
}

#[test]
fn q11_a_node_whose_disk_stalls_stops_all_the_same() {
    for host in [0, 2] {
        for leave in [false, true] {
            let mut world = running(3);
            world.set_disk(host, DiskMode::Stalled);
            world.resign(host, leave);
            stops(&mut world, host, STOP + MS);
            settles(&mut world, 5 * SEC);
        }
    }
}
