//! Q3 to Q5: the leader is gone, and who leads then, and when.

use bully_core::quorum::{Cause, Leaderless};
use bully_sim::quorum::{Fate, World, cluster, running, settle};
use bully_sim::{MS, SEC, US};

use crate::{
    DELTA, HEARTBEAT, HOP, LEASE, SYNC, count_from, crash_bound, last_cause, log, next_reign,
    settles, stays, tail, term_max,
};

/// Scenario 1.
#[test]
fn q5_the_next_in_rank_leads_within_the_bound_after_a_crash_with_a_larger_token() {
    for count in [3, 4, 5, 7] {
        for phase in 0..8 {
            let mut world = running(count);
            world.run_for(phase * 20 * MS);
            let (old, leader) = (world.token().unwrap(), world.leader().unwrap());
            assert_eq!(leader, count - 1, "the best-ranked leads first");
            let crash = world.now();
            world.crash(leader);
            let (at, host, token) = next_reign(&mut world, 3 * SEC);
            assert_eq!(host, count - 2);
            assert!(at - crash <= crash_bound(0), "{count}: {} µs", (at - crash) / US);
            // The voters' promises are kept: the last heartbeat was at most h before.
            assert!(at - crash >= LEASE - HEARTBEAT, "{count}: {} µs", (at - crash) / US);
            assert_eq!(token, old + 1);
            assert_eq!(last_cause(&world), Some(Cause::Vacancy));
            stays(&mut world, 5 * SEC);
            assert!(world.is_settled());
        }
    }
}

#[test]
fn q5_a_host_that_loses_power_costs_no_more_than_a_crash() {
    let mut world = running(3);
    let vanish = world.now();
    world.vanish(2);
    let (at, host, _) = next_reign(&mut world, 3 * SEC);
    assert_eq!(host, 1);
    assert!(at - vanish <= crash_bound(0));
}

#[test]
fn q4_each_better_ranked_node_that_is_down_costs_one_delta() {
    for (count, down) in [(5, 1), (7, 2)] {
        let mut world = running(count);
        let start = world.now();
        for host in count - 1 - down..count {
            world.vanish(host);
        }
        let (at, host, _) = next_reign(&mut world, 3 * SEC);
        assert_eq!(host, count - 2 - down);
        let bound = crash_bound(down as u64);
        assert!(at - start <= bound, "{} µs", (at - start) / US);
        // Its turn comes after theirs.
        let turn = LEASE - HEARTBEAT + down as u64 * DELTA;
        assert!(at - start >= turn, "{} µs", (at - start) / US);
    }
}

#[test]
fn q4_the_bound_grows_with_the_round_trip_and_no_faster() {
    for hop in [50 * US, 5 * MS, 20 * MS] {
        let mut world = cluster(5);
        world.net.delay = (hop, hop);
        (0..5).for_each(|h| world.start(h));
        settle(&mut world);
        let (leader, crash) = (world.leader().unwrap(), world.now());
        world.crash(leader);
        let (at, host, _) = next_reign(&mut world, 3 * SEC);
        assert_eq!(host, 3);
        let rtt = 2 * hop;
        let delta = DELTA.max(2 * rtt);
        assert!(at - crash <= hop + LEASE + delta + 2 * rtt + 3 * SYNC, "{} µs", (at - crash) / US);
        stays(&mut world, 5 * SEC);
    }
}

#[test]
fn q5_slow_clocks_within_the_bound_cost_no_more_than_l_by_their_rate() {
    let mut world = cluster(3);
    for host in 0..3 {
        world.set_rates(host, -5_000, -5_000);
        world.start(host);
    }
    settle(&mut world);
    let crash = world.now();
    world.crash(2);
    let (at, ..) = next_reign(&mut world, 3 * SEC);
    let bound = HOP + (LEASE + tail(0)) * 1_000 / 995;
    assert!(at - crash <= bound, "{} µs", (at - crash) / US);
    assert!(at - crash > LEASE - HEARTBEAT);
}

#[test]
fn q3_a_cluster_that_lost_its_majority_has_no_leader_and_says_whom_it_misses() {
    let mut world = running(5);
    let token = world.token().unwrap();
    for host in [4, 3, 2] {
        world.crash(host);
    }
    world.run_for(30 * SEC);
    assert_eq!(world.leader(), None);
    assert_eq!(term_max(&world), token, "who asks in vain takes up no term");
    let Some(Leaderless::NoQuorum(mut missing)) = world.status(0).unwrap().reason else {
        panic!("{}", world.tell_states())
    };
    missing.sort();
    assert_eq!(missing, [world.id(2), world.id(3), world.id(4)]);
    let back = world.now();
    world.start(2);
    let (at, _, new) = next_reign(&mut world, 12 * SEC);
    // One is back: it is silent for L, and the others dial it again at the latest after 50h.
    assert!(at - back >= LEASE);
    assert!(at - back <= LEASE + 50 * HEARTBEAT + tail(2), "{} ms", (at - back) / MS);
    assert!(new > token);
}

#[test]
fn q4_of_two_nodes_neither_leads_alone_and_both_do_not_need_to_be_asked_twice() {
    let mut world = running(2);
    let token = world.token().unwrap();
    world.crash(1);
    world.run_for(20 * SEC);
    assert_eq!(world.leader(), None);
    assert_eq!(term_max(&world), token);
    world.start(1);
    let (_, _, new) = next_reign(&mut world, 12 * SEC);
    assert_eq!(new, token + 1);
    settles(&mut world, SEC);
}

/// Q4: votes that split are given back, and no lease is waited for.
#[test]
fn q4_a_candidate_that_fails_gives_its_votes_back() {
    let mut world = running(3);
    world.crash(2);
    // The answers to the first candidacy are lost.
    let log = crate::log_and(&mut world, {
        let mut lost = 0;
        move |letter| {
            if letter.message.name() == "Vote" && lost < 1 {
                lost += 1;
                return Fate::Drop;
            }
            Fate::Pass
        }
    });
    let start = world.now();
    let (at, host, _) = next_reign(&mut world, 4 * SEC);
    assert_eq!(count_from(&log, 1, "Release"), 1, "to the other one that lives");
    // The candidacy ends after 3δ, the next comes within 2δ, and then it is as it was.
    assert!(at - start <= crash_bound(0) + 5 * DELTA + tail(0), "{} ms", (at - start) / MS);
    assert!(host < 2);
}

#[test]
fn q4_priority_zero_promises_and_votes_and_never_stands() {
    let mut world = cluster(3);
    world.setup(1).priority = 0;
    (0..3).for_each(|h| world.start(h));
    settle(&mut world);
    let log = log(&mut world);
    world.crash(2);
    let (_, host, _) = next_reign(&mut world, 3 * SEC);
    assert_eq!(host, 0, "a witness counts");
    world.crash(0);
    world.start(2);
    let (_, host, _) = next_reign(&mut world, 12 * SEC);
    assert_eq!(host, 2);
    world.crash(2);
    world.run_for(5 * SEC);
    assert_eq!(world.leader(), None);
    assert_eq!(count_from(&log, 1, "VoteReq"), 0);
    assert!(count_from(&log, 1, "Vote") >= 1);
}

/// Q3: whoever asks in vain disturbs nobody.
#[test]
fn q3_a_node_that_is_cut_off_and_comes_back_raises_no_term() {
    for host in [0, 1] {
        let mut world = running(3);
        let term = term_max(&world);
        world.isolate(host);
        stays(&mut world, 20 * SEC);
        world.heal_all();
        stays(&mut world, 10 * SEC);
        assert!(world.is_settled());
        assert_eq!(term_max(&world), term);
    }
}

/// δ follows the round trip as it is now, not as it was when the connection was made.
#[test]
fn q4_a_network_that_becomes_slow_delays_an_election_and_does_not_prevent_it() {
    for hop in [15 * MS, 30 * MS, 80 * MS] {
        let mut world = running(3);
        world.net.delay = (hop, hop);
        stays(&mut world, 5 * SEC);
        let crash = world.now();
        world.crash(2);
        let (at, ..) = next_reign(&mut world, 20 * SEC);
        let (rtt, delta) = (2 * hop, DELTA.max(4 * hop));
        let bound = hop + LEASE + 3 * delta + 4 * rtt + 3 * SYNC + 2 * (2 * delta + rtt);
        assert!(at - crash <= bound, "{} ms: {} ms", hop / MS, (at - crash) / MS);
        stays(&mut world, 5 * SEC);
    }
}

#[test]
fn q5_any_other_node_may_die_at_any_moment_of_an_election() {
    for moment in 0..40 {
        for victim in 0..3 {
            let mut world = running(4);
            let crash = world.now();
            world.crash_with_app_alive(3);
            world.run_until(crash + LEASE - HEARTBEAT / 2 + moment * 5 * MS);
            world.crash_with_app_alive(victim);
            world.start(victim);
            settles(&mut world, 6 * SEC);
            // It may be needed, and is silent first.
            let (at, ..) = world.reigns().into_iter().find(|r| r.0 > crash).unwrap();
            let bound = LEASE + HEARTBEAT + LEASE + tail(3) + 4 * DELTA;
            assert!(at - crash <= bound, "{victim} {moment}: {} ms", (at - crash) / MS);
            stays(&mut world, 4 * SEC);
        }
    }
}

#[test]
fn q5_any_message_of_an_election_may_be_lost() {
    for number in 0..24 {
        let mut world = running(4);
        let crash = world.now();
        world.crash(3);
        crate::lose(&mut world, number);
        let (at, ..) = next_reign(&mut world, 4 * SEC);
        let bound = crash_bound(1) + 8 * DELTA;
        assert!(at - crash <= bound, "{number}: {} µs", (at - crash) / US);
        world.run_for(2 * SEC);
        stays(&mut world, 5 * SEC);
    }
}

/// Disks on which no two writes fit into the time that the network alone would need.
#[test]
fn q4_slow_disks_delay_an_election_and_do_not_prevent_it() {
    for (nodes, sync) in [(1, 100 * MS), (3, 45 * MS), (3, 100 * MS)] {
        let mut world = cluster(nodes);
        for host in 0..nodes {
            world.setup(host).sync = (sync, sync);
            world.start(host);
        }
        let took = world.time_to(10 * SEC, World::is_settled);
        assert!(took.is_some(), "{nodes} nodes, {} ms: {}", sync / MS, world.tell_states());
    }
}
