//! Q10: who votes is changed, one member at a time.

use std::collections::BTreeSet;
use std::time::Duration;

use bully_core::Inst;
use bully_core::quorum::{Event, Leaderless, Message, Objection, Proposal};
use bully_sim::quorum::{Fate, World, cluster, running, settle, setup};
use bully_sim::{MS, SEC, US, address};

use crate::{
    HEARTBEAT, HOP, LEASE, SYNC, count_from, crash_bound, has_event, log, next_reign, run_to,
    settles, stays, tail, term_max,
};

/// A change is on the leader's disk, on the others', and acknowledged.
const CHANGE: u64 = 4 * HOP + 2 * SYNC;

fn is_committed(world: &World) -> bool {
    world.leader().is_some_and(|l| world.bonds(l).is_some_and(|b| b.committed))
}

fn remove(world: &mut World, host: usize) {
    let (leader, id) = (world.leader().unwrap(), world.id(host));
    world.propose(leader, Proposal::Remove(id));
}

#[test]
fn q10_a_member_is_removed_in_a_round_trip_and_the_syncs_and_learns_it() {
    let mut world = running(3);
    let start = world.now();
    remove(&mut world, 0);
    world.run_for(CHANGE);
    assert_eq!(world.members(2), [1, 2]);
    assert_eq!(world.members(1), [1, 2]);
    assert!(is_committed(&world));
    assert!(has_event(&world, 0, start, |e| *e == Event::Removed));
    let log = log(&mut world);
    stays(&mut world, 60 * SEC);
    assert_eq!(world.status(0).unwrap().reason, Some(Leaderless::Removed));
    for name in ["VoteReq", "Join"] {
        assert_eq!(count_from(&log, 0, name), 0, "{name}");
    }
    // Two are a majority of two only together.
    world.crash(1);
    world.run_for(5 * SEC);
    assert_eq!(world.leader(), None);
}

/// Q11: it is not in the leader's audience any more, and learns it from whom it asks.
#[test]
fn q11_a_member_that_was_down_as_it_was_removed_learns_it_when_it_is_back() {
    for disk_is_old in [false, true] {
        let mut world = running(4);
        if disk_is_old {
            world.crash(0);
        } else {
            world.isolate(0);
        }
        world.run_for(2 * SEC);
        remove(&mut world, 0);
        world.run_for(SEC);
        assert_eq!(world.members(3), [1, 2, 3]);
        let start = world.now();
        world.heal_all();
        world.start(0);
        world.run_for(12 * SEC);
        assert!(has_event(&world, 0, start, |e| *e == Event::Removed));
        stays(&mut world, 30 * SEC);
        assert_eq!(world.status(0).unwrap().reason, Some(Leaderless::Removed));
    }
}

#[test]
fn q10_a_mistaken_proposal_is_named_and_changes_nothing() {
    let mut world = running(3);
    let version = world.roster(2).unwrap().version;
    let start = world.now();
    world.propose(2, Proposal::Remove(address(7)));
    world.propose(1, Proposal::Remove(address(0)));
    world.input(0, bully_core::quorum::Input::Propose(Proposal::Priority(u32::MAX)));
    let not = |o| move |e: &Event| *e == Event::NotProposed(o);
    assert!(has_event(&world, 2, start, not(Objection::NotMember)));
    assert!(has_event(&world, 1, start, not(Objection::NotLeader)));
    assert!(has_event(&world, 0, start, not(Objection::Priority(u32::MAX))));
    world.propose(2, Proposal::Remove(address(2)));
    assert!(has_event(&world, 2, start, not(Objection::Myself)));
    stays(&mut world, 5 * SEC);
    assert_eq!(world.roster(2).unwrap().version, version);
}

#[test]
fn q10_the_last_member_that_may_lead_keeps_its_priority() {
    let mut world = cluster(3);
    world.setup(0).priority = 0;
    world.setup(1).priority = 0;
    (0..3).for_each(|h| world.start(h));
    settle(&mut world);
    let start = world.now();
    world.propose(2, Proposal::Priority(0));
    let is_last = |e: &Event| *e == Event::NotProposed(Objection::LastElectable);
    assert!(has_event(&world, 2, start, is_last));
    stays(&mut world, 5 * SEC);
    assert!(world.roster(2).unwrap().members.iter().any(|m| m.priority == 100));
    // Another one that may lead makes it possible, and is handed the reign.
    world.propose(1, Proposal::Priority(50));
    world.run_for(SEC);
    let start = world.now();
    world.propose(2, Proposal::Priority(0));
    let (at, host, _) = next_reign(&mut world, SEC);
    assert_eq!(host, 1);
    assert!(at - start <= 2 * HOP + 3 * SYNC, "{} µs", (at - start) / US);
    world.run_for(SEC);
    let priorities = |w: &World| {
        let members = &w.roster(1).unwrap().members;
        let of = |h: usize| members.iter().find(|m| Some(m.inst) == w.inst(h)).unwrap().priority;
        [of(0), of(1), of(2)]
    };
    assert_eq!(priorities(&world), [0, 50, 0]);
}

#[test]
fn q10_a_new_priority_is_a_change_of_the_roster_and_outlasts_its_node() {
    let mut world = running(3);
    let version = world.roster(2).unwrap().version;
    world.propose(1, Proposal::Priority(150));
    world.run_for(CHANGE + HOP);
    for host in 0..3 {
        let roster = world.roster(host).unwrap();
        assert_eq!(roster.version.version, version.version + 1);
        let member = roster.members.iter().find(|m| Some(m.inst) == world.inst(1)).unwrap();
        assert_eq!(member.priority, 150);
    }
    assert!(is_committed(&world));
    world.crash(1);
    world.run_for(100 * MS);
    let roster = world.roster(0).unwrap();
    assert!(roster.members.iter().any(|m| m.priority == 150));
}

#[test]
fn q10_a_member_that_moved_is_found_at_its_new_address_once_it_says_so() {
    let mut world = running(3);
    let nowhere = world.add_host(address(20), setup(20, 1));
    world.crash(0);
    world.add_alias(address(0), nowhere);
    world.add_alias(address(9), 0);
    world.setup(0).id = address(9);
    assert!(world.try_start(0).is_err(), "a copy of a disk looks just like that");
    world.setup(0).moved = true;
    world.start(0);
    let took = world.time_to(5 * SEC, |w| {
        let at = |host| w.roster(host).unwrap().members.iter().any(|m| m.id == address(9));
        (0..3).all(at) && is_committed(w) && w.is_settled()
    });
    assert!(took.is_some(), "{}", world.tell_states());
    assert_eq!(world.roster(2).unwrap().members.len(), 3);
    stays(&mut world, 10 * SEC);
    // Dialled anew, it is dialled there.
    world.crash(0);
    world.setup(0).moved = false;
    world.start(0);
    settles(&mut world, 10 * SEC);
}

/// Scenario 14: a removes d, and nobody hears of it; b is elected, and is to remove a before its
/// own roster is committed.
#[test]
fn q10_a_roster_that_is_not_committed_is_not_changed() {
    let mut world = running(4);
    let [a, b, d] = [3, 2, 0];
    world.filter(move |l| if l.from == a { Fate::Drop } else { Fate::Pass });
    remove(&mut world, d);
    world.run_for(10 * MS);
    assert_eq!(world.stored(a).unwrap().roster.members.len(), 3, "it is on a's disk alone");
    assert_eq!(world.members(b).len(), 4);
    world.unfilter();
    world.isolate(a);
    let (_, host, _) = next_reign(&mut world, 3 * SEC);
    assert_eq!(host, b);
    let version = world.roster(b).unwrap().version;
    world.filter(move |l| match l.message {
        Message::HbAck(_) if l.to == b => Fate::Drop,
        _ => Fate::Pass,
    });
    // The reign has just begun: what is committed already is not what this is about.
    assert!(!is_committed(&world), "{}", world.tell_states());
    remove(&mut world, a);
    world.run_for(500 * MS);
    assert!(world.leads(b));
    assert_eq!(world.roster(b).unwrap().version, version, "blocked");
    world.unfilter();
    world.run_for(500 * MS);
    assert_eq!(world.members(b), [0, 1, 2]);
    world.heal_all();
    world.run_for(20 * SEC);
    assert!(world.is_settled() || world.status(a).unwrap().reason == Some(Leaderless::Removed));
    assert!(world.leads(b));
    assert_eq!(world.members(a), [0, 1, 2]);
}

/// Scenario 35: a is dead; without b no majority of the new roster would be heard.
#[test]
fn q10_a_change_that_its_own_majority_could_not_commit_is_not_begun() {
    let mut world = running(3);
    let [a, b, leader] = [0, 1, 2];
    world.crash(a);
    world.run_for(SEC);
    remove(&mut world, b);
    stays(&mut world, 5 * SEC);
    assert_eq!(world.members(leader), [0, 1, 2]);
    world.crash(leader);
    let start = world.now();
    world.start(a);
    let (at, _, _) = next_reign(&mut world, 12 * SEC);
    assert!(at - start <= 50 * HEARTBEAT + LEASE + tail(2), "{} ms", (at - start) / MS);
}

/// A member dies as another is removed: the change finds no majority, and is taken back.
#[test]
fn q10_a_change_that_finds_no_majority_is_taken_back() {
    let mut world = running(3);
    let (start, version) = (world.now(), world.roster(2).unwrap().version.version);
    world.vanish(0);
    remove(&mut world, 1);
    assert_eq!(world.members(2), [0, 2]);
    world.run_for(2_900 * MS);
    assert!(world.leads(2), "on the strength of the roster before");
    assert!(!is_committed(&world));
    let took = world.time_to(SEC, is_committed);
    assert!(took.is_some(), "{}", world.tell_states());
    let is_aborted = |e: &Event| matches!(e, Event::RosterAborted(_));
    assert!(has_event(&world, 2, start, is_aborted));
    assert_eq!(world.members(2), [0, 1, 2]);
    assert_eq!(world.roster(2).unwrap().version.version, version + 2);
    stays(&mut world, 5 * SEC);
    // With the other back it is done.
    world.start(0);
    let took = world.time_to(12 * SEC, |w| w.members(2) == [0, 2] && is_committed(w));
    assert!(took.is_some(), "{}", world.tell_states());
}

/// The leader dies between the write of a new roster and its majority, whoever has heard of it.
#[test]
fn q10_a_leader_that_dies_in_the_middle_of_a_removal_leaves_one_cluster() {
    for heard in [&[][..], &[0], &[1], &[2], &[0, 1], &[0, 1, 2]] {
        let mut world = running(4);
        let version = world.roster(3).unwrap().version;
        world.filter(move |l| match l.message {
            Message::Hb(hb) if hb.roster.version > version && !heard.contains(&l.to) => Fate::Drop,
            _ => Fate::Pass,
        });
        remove(&mut world, 0);
        run_to(&mut world, 10 * MS, move |w| {
            w.stored(3).is_some_and(|s| s.roster.version > version)
        });
        world.run_for(MS);
        let crash = world.now();
        world.crash_with_app_alive(3);
        let (at, _, _) = next_reign(&mut world, 5 * SEC);
        assert!(at - crash <= crash_bound(2) + 4 * tail(0), "{heard:?}: {} µs", (at - crash) / US);
        world.unfilter();
        world.start(3);
        world.run_for(12 * SEC);
        let leader = world.leader().unwrap();
        let members = world.members(leader);
        assert!([&[0, 1, 2, 3][..], &[1, 2, 3]].contains(&&members[..]), "{members:?}");
        let rosters: Vec<_> = members.iter().map(|m| world.roster(*m).unwrap().version).collect();
        assert!(rosters.windows(2).all(|w| w[0] == w[1]), "{rosters:?}");
    }
}

/// Scenario 32: {0} with a lease of 2 s becomes {0, 1} and {0, 1, 2}, whose leases are 0.6 s.
#[test]
fn q10_the_deadline_that_was_shown_rests_on_the_present_roster_before_the_next_change() {
    for phase in 0..40 {
        let mut world = cluster(3);
        for (host, ms) in [(0, 2_000), (1, 600), (2, 600)] {
            world.setup(host).lease = Duration::from_millis(ms);
            world.setup(host).heartbeat = Duration::from_millis(100);
            world.setup(host).places = (0..=host).map(address).collect();
        }
        world.start(0);
        world.run_for(2 * SEC);
        assert!(world.leads(0));
        world.start(1);
        world.start(2);
        run_to(&mut world, 10 * SEC, |w| w.members(0).len() == 2);
        world.run_for(phase * 60 * MS);
        let (deadline, _) = world.acts(0).unwrap();
        let size = world.members(0).len();
        world.crash_with_app_alive(0);
        world.run_until(deadline);
        assert_eq!(world.violation, None);
        assert_eq!(world.reigns().len(), 1, "{size}: another leads before the deadline");
        if size == 3 {
            next_reign(&mut world, 5 * SEC);
        }
    }
}

/// Mixed leases, and members that come, change and go, with a leader that dies now and then.
#[test]
fn q10_changes_under_mixed_leases_keep_the_peace() {
    for seed in 0..6 {
        let mut world = cluster(4);
        for host in 0..4 {
            let ms = [600, 2_000, 700, 4_000][(host + seed) % 4];
            world.setup(host).lease = Duration::from_millis(ms);
            world.setup(host).heartbeat = Duration::from_millis(100);
            world.setup(host).places = (0..if host == 3 { 4 } else { 3 }).map(address).collect();
        }
        (0..3).for_each(|h| world.start(h));
        settles(&mut world, 20 * SEC);
        world.start(3);
        for round in 0..6_u32 {
            world.run_for((seed as u64 * 37 + u64::from(round) * 53) % 200 * 10 * MS);
            let other = (seed + round as usize) % 4;
            world.propose(other, Proposal::Priority(100 + round));
            if let Some(leader) = world.leader() {
                world.crash_with_app_alive(leader);
                world.run_for(50 * MS);
                world.start(leader);
            }
            settles(&mut world, 30 * SEC);
        }
        let took = world.time_to(30 * SEC, |w| {
            w.leader().is_some_and(|l| w.members(l).len() == 4) && w.is_settled() && is_committed(w)
        });
        assert!(took.is_some(), "{seed}: {}", world.tell_states());
        assert!(term_max(&world) > 0);
    }
}

/// A removal and a join are wanted at the same moment.
#[test]
fn q10_of_two_changes_that_are_wanted_at_once_each_takes_its_own_turn() {
    let mut world = running(3);
    world.add_host(address(3), setup(3, 4));
    world.start(3);
    run_to(&mut world, 5 * SEC, |w| w.cluster_of(3).is_some());
    // A first change waits for its majority, and what comes meanwhile waits for that.
    world.filter(|l| match l.message {
        Message::HbAck(_) if l.from < 2 => Fate::Drop,
        _ => Fate::Pass,
    });
    world.propose(2, Proposal::Priority(101));
    world.run_for(4 * HEARTBEAT);
    assert!(!is_committed(&world) && world.members(2) == [0, 1, 2], "{}", world.tell_states());
    remove(&mut world, 0);
    world.unfilter();
    let took = world.time_to(5 * SEC, |w| w.members(2) == [1, 2, 3] && is_committed(w));
    assert!(took.is_some(), "{}", world.tell_states());
    let rosters = world.events_of(2, 0).filter_map(|e| match e {
        Event::Roster(roster) => Some(roster.members.iter().map(|m| m.inst).collect()),
        _ => None,
    });
    let rosters: Vec<BTreeSet<Inst>> = rosters.collect();
    for pair in rosters.windows(2) {
        assert!(pair[0].symmetric_difference(&pair[1]).count() <= 1, "{pair:?}");
    }
    stays(&mut world, 5 * SEC);
}
