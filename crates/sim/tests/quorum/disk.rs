//! Disks that stall, fail, fill up, or are lost with all they held.

use bully_core::quorum::{Cause, ClusterId, Event, Leaderless, Message, Proposal};
use bully_sim::quorum::{DiskMode, Unsynced, cluster, running};
use bully_sim::{MS, SEC, US, address};

use crate::{
    HEARTBEAT, HOP, LEASE, SYNC, count_from, crash_bound, has_event, log, next_reign, revokes,
    run_to, settles, stays, tail, usable_nanos,
};

#[test]
fn q12_a_stalled_disk_that_nothing_needs_disturbs_nobody() {
    let mut world = running(3);
    for host in 0..3 {
        world.set_disk(host, DiskMode::Stalled);
    }
    stays(&mut world, 60 * SEC);
    assert!(world.leads(2));
}

/// Scenario 23: a change is to be written, and the heartbeats that would show it wait.
#[test]
fn q6_a_leader_whose_disk_stalls_lapses_and_its_application_is_told_in_time() {
    let mut world = running(3);
    let (start, old) = (world.now(), world.token().unwrap());
    world.set_disk(2, DiskMode::Stalled);
    world.propose(2, Proposal::Priority(120));
    let (at, host, token) = next_reign(&mut world, 3 * SEC);
    let ends = revokes(&world, 2, start);
    assert_eq!(ends.len(), 1);
    assert_eq!(ends[0].1, Cause::Lapse);
    assert!(ends[0].0 - start <= usable_nanos(LEASE));
    assert_eq!((host, token), (1, old + 1));
    // Its reign's term is on disk, and so its Release does not wait.
    assert!(at - start <= LEASE + HOP + tail(0), "{} µs", (at - start) / US);
    world.run_until(start + 5 * SEC);
    world.set_disk(2, DiskMode::Good);
    stays(&mut world, 50 * SEC);
    assert!(world.is_settled());
}

#[test]
fn q2_a_voter_whose_disk_stalls_votes_when_it_is_back_and_then_it_is_too_late() {
    let mut world = running(3);
    world.set_disk(0, DiskMode::Stalled);
    let log = log(&mut world);
    world.crash(2);
    world.run_for(5 * SEC);
    assert_eq!(world.leader(), None);
    assert_eq!(count_from(&log, 0, "Vote"), 0);
    let back = world.now();
    world.set_disk(0, DiskMode::Good);
    let (at, _, _) = next_reign(&mut world, 5 * SEC);
    assert!(at - back <= LEASE + 2 * HEARTBEAT + tail(2), "{} ms", (at - back) / MS);
}

/// Scenario 24.
#[test]
fn q12_a_voter_whose_disk_is_full_refuses_and_the_others_elect() {
    let mut world = running(5);
    world.set_disk(2, DiskMode::Full);
    let log = log(&mut world);
    let crash = world.now();
    world.crash(4);
    let (at, host, _) = next_reign(&mut world, 3 * SEC);
    assert_eq!(host, 3);
    assert!(at - crash <= crash_bound(0), "{} µs", (at - crash) / US);
    world.run_for(10 * SEC);
    assert_eq!(count_from(&log, 2, "Vote"), 0);
    assert_eq!(count_from(&log, 2, "HbAck"), 0, "it cannot even take up the term");
    assert!(has_event(&world, 2, crash, |e| *e == Event::DiskFailed));
    assert!(!world.status(2).unwrap().disk);
    stays(&mut world, 30 * SEC);
    let back = world.now();
    world.set_disk(2, DiskMode::Good);
    settles(&mut world, 10 * HEARTBEAT);
    assert!(has_event(&world, 2, back, |e| *e == Event::DiskBack));
    assert!(world.status(2).unwrap().disk);
}

/// Scenario 24: with three, its vote is needed.
#[test]
fn q12_without_the_voter_whose_disk_is_full_two_of_three_have_no_leader() {
    let mut world = running(3);
    world.set_disk(0, DiskMode::Full);
    world.crash(2);
    world.run_for(30 * SEC);
    assert_eq!(world.leader(), None);
    world.set_disk(0, DiskMode::Good);
    let (_, host, _) = next_reign(&mut world, 5 * SEC);
    assert_eq!(host, 1);
    stays(&mut world, 10 * SEC);
}

#[test]
fn q12_a_leader_whose_write_fails_steps_down_and_stands_no_more() {
    for mode in [DiskMode::Full, DiskMode::Failing] {
        let mut world = running(3);
        world.set_disk(2, mode);
        let start = world.now();
        let log = log(&mut world);
        world.propose(2, Proposal::Remove(address(0)));
        let (at, host, _) = next_reign(&mut world, 3 * SEC);
        assert_eq!(host, 1);
        assert_eq!(revokes(&world, 2, start)[0].1, Cause::Disk);
        // Its application stops at once, and the promises are given back.
        assert!(at - start <= SYNC + 2 * HOP + tail(1), "{} µs", (at - start) / US);
        world.run_for(20 * SEC);
        for name in ["PreVote", "VoteReq", "Vote", "HbAck"] {
            assert_eq!(count_from(&log, 2, name), 0, "{name}");
        }
        world.set_disk(2, DiskMode::Good);
        settles(&mut world, 10 * SEC);
    }
}

#[test]
fn q6_a_leader_whose_write_fails_gives_nothing_back_before_its_application_has_stopped() {
    let mut world = running(3);
    world.setup(2).revoke_lag = 400 * MS;
    world.set_disk(2, DiskMode::Full);
    let start = world.now();
    world.propose(2, Proposal::Priority(50));
    let (at, host, _) = next_reign(&mut world, 3 * SEC);
    assert_eq!(host, 1);
    assert!(at - start >= 400 * MS);
    assert!(at - start <= 400 * MS + SYNC + 2 * HOP + tail(1), "{} µs", (at - start) / US);
}

/// Who crashes with a write under way has the old record or the new one, and either is sound.
#[test]
fn q2_a_vote_that_was_not_synced_may_be_on_the_disk_or_not() {
    for unsynced in [Unsynced::Lost, Unsynced::Kept, Unsynced::Either] {
        for victim in [0, 1] {
            let mut world = running(3);
            for host in 0..2 {
                world.set_unsynced(host, unsynced);
                world.setup(host).sync = (5 * MS, 9 * MS);
            }
            world.crash(2);
            let terms = |w: &bully_sim::quorum::World| {
                w.record(victim).map(|r| r.term) > w.stored(victim).map(|s| s.term)
            };
            run_to(&mut world, 3 * SEC, terms);
            world.crash(victim);
            world.start(victim);
            next_reign(&mut world, 20 * SEC);
            world.start(2);
            settles(&mut world, 20 * SEC);
        }
    }
}

/// The disk fails as a candidate has won: its roster is not on disk, and it does not lead.
#[test]
fn q5_a_victory_that_cannot_be_written_is_none() {
    let mut world = running(3);
    world.crash(2);
    run_to(&mut world, 3 * SEC, |w| {
        w.record(1).unwrap().term > w.record(2).map_or(w.stored(2).unwrap().term, |r| r.term)
    });
    // Its vote for itself is under way, which is the first of two writes.
    run_to(&mut world, 10 * MS, |w| w.sent_of("VoteReq") >= 2);
    world.set_disk(1, DiskMode::Full);
    let start = world.now();
    world.run_for(10 * SEC);
    assert!(world.reigns().iter().all(|(at, host, _)| *host != 1 || *at < start));
    world.set_disk(1, DiskMode::Good);
    settles(&mut world, 10 * SEC);
}

/// An operator knows that the other one of two is gone for good.
#[test]
fn recover_makes_a_cluster_of_one_whose_tokens_exceed_all_earlier_ones() {
    let mut world = running(2);
    let (old, was) = (world.token().unwrap(), world.cluster_of(0).unwrap());
    world.vanish(1);
    // For all that is known its disk is lost: what returns of it is another cluster's.
    let kept = world.snapshot(1);
    world.wipe(1);
    world.write_disk(1, kept);
    world.run_for(30 * SEC);
    assert_eq!(world.leader(), None);
    world.crash(0);
    let record = world.snapshot(0).unwrap();
    let new = ClusterId(was.0 ^ 7);
    let wall = bully_sim::WALL_MS + world.now() / MS;
    world.write_disk(0, Some(record.recover(new, 100, wall)));
    let start = world.now();
    world.start(0);
    let (at, host, token) = next_reign(&mut world, 5 * SEC);
    assert_eq!(host, 0);
    assert!(at >= start + LEASE, "it may still be bound");
    assert!(token > old + 1_000_000, "{token}");
    assert_eq!(world.cluster_of(0), Some(new));
    stays(&mut world, 10 * SEC);
    // The other comes back with its disk: it is of another cluster, and is told so.
    world.start(1);
    world.run_for(20 * SEC);
    assert!(!world.leads(1));
    assert!(has_event(&world, 1, start, |e| matches!(e, Event::SplitClusters { .. })));
    assert_eq!(world.status(1).unwrap().reason, Some(Leaderless::SplitClusters));
    // Wiped, it joins.
    world.crash(1);
    world.wipe(1);
    world.start(1);
    let took = world.time_to(30 * SEC, |w| w.members(0) == [0, 1] && w.is_settled());
    assert!(took.is_some(), "{}", world.tell_states());
    assert!(world.leads(0));
}

#[test]
fn a_cluster_whose_disks_are_all_lost_is_founded_anew_above_its_old_tokens() {
    let mut world = running(3);
    let (old, was) = (world.token().unwrap(), world.cluster_of(0));
    (0..3).for_each(|h| world.vanish(h));
    (0..3).for_each(|h| world.wipe(h));
    world.run_for(5 * SEC);
    (0..3).for_each(|h| world.start(h));
    let (_, _, token) = next_reign(&mut world, 5 * SEC);
    assert!(token > old, "the first term follows the wall clock");
    assert_ne!(world.cluster_of(0), was);
    settles(&mut world, SEC);
}

#[test]
fn q1_a_node_whose_disk_cannot_be_written_as_it_starts_takes_no_part() {
    let mut world = cluster(3);
    (0..3).for_each(|h| world.start(h));
    settles(&mut world, 5 * SEC);
    world.crash(0);
    world.set_disk(0, DiskMode::Full);
    let log = log(&mut world);
    world.start(0);
    world.run_for(20 * SEC);
    let said = log.borrow().iter().filter(|s| s.from == 0).count();
    assert_eq!(said, 0);
    world.set_disk(0, DiskMode::Good);
    settles(&mut world, 10 * SEC);
    assert!(log.borrow().iter().any(|s| matches!(s.message, Message::HbAck(_)) && s.from == 0));
}

#[test]
fn q8_a_leader_whose_disk_stalls_as_it_hands_over_is_replaced_by_the_others() {
    for mode in [DiskMode::Stalled, DiskMode::Full, DiskMode::Failing] {
        let mut world = running(3);
        world.set_disk(2, mode);
        let start = world.now();
        world.propose(2, Proposal::HandOver(None));
        let (at, host, _) = next_reign(&mut world, 3 * SEC);
        assert_eq!(host, 1);
        assert!(at - start <= crash_bound(0) + SYNC, "{} µs", (at - start) / US);
        world.run_for(5 * SEC);
        world.set_disk(2, DiskMode::Good);
        stays(&mut world, 20 * SEC);
        assert!(world.is_settled());
    }
}

#[test]
fn q8_a_successor_whose_disk_fails_costs_a_lease() {
    for mode in [DiskMode::Stalled, DiskMode::Full, DiskMode::Failing] {
        let mut world = running(3);
        world.set_disk(1, mode);
        let start = world.now();
        world.propose(2, Proposal::HandOver(Some(address(1))));
        let (at, host, _) = next_reign(&mut world, 3 * SEC);
        assert_ne!(host, 1);
        assert!(at - start <= crash_bound(1) + SYNC, "{} µs", (at - start) / US);
        world.run_for(5 * SEC);
        world.set_disk(1, DiskMode::Good);
        stays(&mut world, 20 * SEC);
        assert!(world.is_settled());
    }
}

#[test]
fn q10_a_joiner_whose_disk_fails_waits_and_joins_later() {
    for mode in [DiskMode::Stalled, DiskMode::Full, DiskMode::Failing] {
        let mut world = running(2);
        let host = world.add_host(address(2), bully_sim::quorum::setup(2, 3));
        world.start(host);
        run_to(&mut world, 5 * SEC, move |w| w.cluster_of(host).is_some());
        world.set_disk(host, mode);
        world.run_for(10 * SEC);
        assert_eq!(world.members(1), [0, 1], "a learner has the roster on its disk");
        world.set_disk(host, DiskMode::Good);
        let took = world.time_to(10 * SEC, |w| w.members(1) == [0, 1, 2] && w.is_settled());
        assert!(took.is_some(), "{}", world.tell_states());
        assert_eq!(world.reigns().len(), 1);
    }
}

/// Of two nodes one loses its disk: nobody can say whom it had promised what, but an operator may.
#[test]
fn in_a_cluster_of_two_a_lost_disk_waits_for_an_operator() {
    let mut world = running(2);
    let old = world.token().unwrap();
    world.crash(0);
    world.wipe(0);
    world.start(0);
    world.run_for(60 * SEC);
    assert_eq!(world.leader(), None);
    assert_eq!(world.status(0).unwrap().reason, Some(Leaderless::Joining));
    let missing = Leaderless::NoQuorum(vec![address(0)]);
    assert_eq!(world.status(1).unwrap().reason, Some(missing));
    world.crash(1);
    let record = world.snapshot(1).unwrap();
    let new = ClusterId(record.cluster.unwrap().0 ^ 7);
    let wall = bully_sim::WALL_MS + world.now() / MS;
    world.write_disk(1, Some(record.recover(new, 100, wall)));
    world.start(1);
    next_reign(&mut world, 5 * SEC);
    // The other has heard the old cluster's leader once, and belongs to that: it says so.
    world.run_for(10 * SEC);
    assert_eq!(world.status(0).unwrap().reason, Some(Leaderless::SplitClusters));
    world.crash(0);
    world.wipe(0);
    world.start(0);
    let took = world.time_to(30 * SEC, |w| w.members(1) == [0, 1] && w.is_settled());
    assert!(took.is_some(), "{}", world.tell_states());
    assert!(world.token().unwrap() > old + 1_000_000);
}
