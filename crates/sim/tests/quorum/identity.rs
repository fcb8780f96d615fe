//! Who is who: other clusters, copies of disks, and disks that were rolled back.

use std::sync::Arc;

use bully_core::quorum::{Event, Leaderless, Refusal, Role, StartError};
use bully_sim::quorum::{World, running, setup};
use bully_sim::{MS, SEC, address};

use crate::{has_event, next_reign, settles, stays};

fn is_quarantined(world: &World, host: usize) -> bool {
    world.status(host).is_some_and(|s| s.role == Role::Quarantined)
}

/// Scenario 20.
#[test]
fn another_cluster_at_a_known_address_is_dropped_and_named() {
    let mut world = running(3);
    world.vanish(0);
    let mut other = setup(0, 1);
    other.cluster = Arc::from("other");
    let host = world.add_host(address(0), other);
    let start = world.now();
    world.start(host);
    world.run_for(5 * SEC);
    stays(&mut world, 60 * SEC);
    assert!(world.leads(2));
    assert!(world.reigns().iter().skip(1).all(|r| r.1 == host));
    let is_alarm =
        |e: &Event| matches!(e, Event::Refused { reason: Refusal::ForeignCluster(_), .. });
    assert!(has_event(&world, 2, start, is_alarm));
    assert_eq!(world.members(host), [host], "it is a cluster of its own");
    assert_eq!(world.roster(2).unwrap().members.len(), 3);
}

/// Scenario 20: it is of the same name, and was founded apart.
#[test]
fn clusters_of_one_name_that_were_founded_apart_do_not_mix() {
    let mut world = running(2);
    let apart = |host: usize, list: &[usize]| {
        let mut setup = setup(host, 0);
        setup.places = list.iter().map(|n| address(*n)).collect();
        setup
    };
    for host in [2, 3] {
        world.add_host(address(host), apart(host, &[2, 3]));
        world.start(host);
    }
    world.run_for(5 * SEC);
    assert!(world.leads(1) && world.leads(3), "each side cannot know of the other");
    // A newcomer lists both: it joins neither, and says why.
    let host = world.add_host(address(4), apart(4, &[0, 2, 4]));
    let start = world.now();
    world.start(host);
    world.run_for(30 * SEC);
    assert!(has_event(&world, host, start, |e| matches!(e, Event::SplitClusters { .. })));
    assert_eq!(world.status(host).unwrap().reason, Some(Leaderless::SplitClusters));
    assert!(world.cluster_of(host).is_none());
    assert_eq!((world.members(1), world.members(3)), (vec![0, 1], vec![2, 3]));
    // A member lists the other side from its next start on: both are told.
    world.crash(0);
    world.setup(0).places.push(address(3));
    world.start(0);
    world.run_for(20 * SEC);
    assert!(has_event(&world, 0, start, |e| matches!(e, Event::SplitClusters { .. })));
    assert_eq!((world.members(1), world.members(3)), (vec![0, 1], vec![2, 3]));
    assert_eq!(world.leader_of(0), Some(1), "in its own cluster it goes on");
}

/// Scenario 17.
#[test]
fn a_disk_of_another_address_is_refused_at_the_start() {
    let mut world = running(3);
    world.add_host(address(3), setup(3, 3));
    world.copy_disk(0, 3);
    let refused = world.try_start(3);
    let moved = StartError::Moved { stored: address(0), configured: address(3) };
    assert_eq!(refused, Err(moved));
    stays(&mut world, 10 * SEC);
}

/// Scenario 17: an operator says that it moved, and it did not.
#[test]
fn two_that_live_on_copies_of_one_disk_are_both_quarantined() {
    for victim in [0, 2] {
        let mut world = running(3);
        let mut copy = setup(3, 3);
        copy.moved = true;
        world.add_host(address(3), copy);
        world.copy_disk(victim, 3);
        let start = world.now();
        world.start(3);
        let took = world.time_to(20 * SEC, |w| is_quarantined(w, victim) && is_quarantined(w, 3));
        assert!(took.is_some(), "{victim}: {}", world.tell_states());
        assert!(has_event(&world, 3, start, |e| matches!(e, Event::Quarantined { .. })));
        world.run_for(20 * SEC);
        let leader = world.leader().expect("two of three are left");
        assert!(leader != victim && leader != 3);
        assert!(!world.leads(victim) && !world.leads(3));
        assert_eq!(world.status(3).unwrap().reason, Some(Leaderless::Quarantined));
    }
}

/// Scenario 17: both are started from the copies, with the same number of the start.
#[test]
fn two_live_boots_of_one_instance_are_both_quarantined() {
    let mut world = running(3);
    world.crash(0);
    let mut copy = setup(3, 3);
    copy.moved = true;
    world.add_host(address(3), copy);
    world.copy_disk(0, 3);
    world.start(0);
    world.run_for(100 * MS);
    world.start(3);
    let took = world.time_to(20 * SEC, |w| is_quarantined(w, 0) && is_quarantined(w, 3));
    assert!(took.is_some(), "{}", world.tell_states());
    stays(&mut world, 30 * SEC);
}

/// Scenario 17: a virtual machine is rolled back to a snapshot.
#[test]
fn a_disk_that_was_rolled_back_is_quarantined_and_treated_as_lost() {
    for starts_since in [1, 3] {
        let mut world = running(3);
        let backup = world.snapshot(0);
        for _ in 0..starts_since {
            world.crash(0);
            world.start(0);
            world.run_for(3 * SEC);
        }
        world.crash(0);
        world.put_disk(0, backup);
        let start = world.now();
        world.start(0);
        let took = world.time_to(10 * SEC, |w| is_quarantined(w, 0));
        assert!(took.is_some(), "{starts_since}: {}", world.tell_states());
        assert!(has_event(&world, 0, start, |e| matches!(e, Event::Quarantined { .. })));
        stays(&mut world, 20 * SEC);
        assert!(world.leads(2));
        // As the operator is told to.
        world.crash(0);
        world.wipe(0);
        world.start(0);
        let took = world.time_to(30 * SEC, |w| w.members(2) == [0, 1, 2] && w.is_settled());
        assert!(took.is_some(), "{}", world.tell_states());
    }
}

/// A disk of before the last start that nobody has heard of is no roll-back that shows; what was
/// said since is on it no more, and only best effort is promised. Its term is known to others.
#[test]
fn a_leader_that_was_rolled_back_leads_no_more_under_its_old_token() {
    let mut world = running(3);
    let (backup, old) = (world.snapshot(2), world.token().unwrap());
    world.crash(2);
    world.start(2);
    let (_, _, token) = next_reign(&mut world, 3 * SEC);
    assert!(token > old);
    world.run_for(3 * SEC);
    world.crash(2);
    world.put_disk(2, backup);
    world.start(2);
    world.run_for(20 * SEC);
    assert!(is_quarantined(&world, 2));
    let again = world.reigns().iter().filter(|r| r.2 == old).count();
    assert_eq!(again, 1);
}

#[test]
fn an_instance_that_answers_at_an_address_of_another_is_known_by_its_number() {
    // The addresses of two members are exchanged behind their backs.
    let mut world = running(3);
    world.add_alias(address(0), 1);
    world.add_alias(address(1), 0);
    for (a, b) in [(0, 1), (0, 2), (1, 2)] {
        world.break_connections(a, b);
    }
    world.run_for(10 * SEC);
    settles(&mut world, 20 * SEC);
    let leader = world.leader().unwrap();
    assert_eq!(world.members(leader), [0, 1, 2]);
    stays(&mut world, 20 * SEC);
}

/// N: of several connections between two nodes one is left.
#[test]
fn a_pair_of_nodes_keeps_one_connection() {
    let mut world = running(5);
    world.run_for(20 * SEC);
    for a in 0..5 {
        for b in 0..a {
            assert_eq!(world.open_connections(a, b), 1, "{a} {b}");
        }
    }
    for a in 0..5 {
        for b in 0..a {
            world.break_connections(a, b);
        }
    }
    stays(&mut world, 20 * SEC);
    for a in 0..5 {
        for b in 0..a {
            assert_eq!(world.open_connections(a, b), 1, "{a} {b}");
        }
    }
}
