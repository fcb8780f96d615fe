//! L4, L6: what it costs when nothing happens, and when something does.

use bully_core::quorum::Proposal;
use bully_sim::quorum::{cluster, running, settle};
use bully_sim::{MS, SEC};

use crate::{HEARTBEAT, LEASE, next_reign, stays};

/// L6.
#[test]
fn idle_costs_two_messages_per_follower_and_heartbeat_and_keep_alives_between_the_followers() {
    for count in [1_u64, 2, 3, 5, 7] {
        let mut world = running(usize::try_from(count).unwrap());
        world.run_for(20 * SEC);
        let (sent, dials) = (world.sent.clone(), world.dials(0));
        let beats = 400;
        world.run_for(beats * HEARTBEAT);
        let of = |name: &str| world.sent_of(name) - sent.get(name).copied().unwrap_or(0);
        let follower = count - 1;
        assert!(of("Hb").abs_diff(follower * beats) <= follower, "{count}: {}", of("Hb"));
        assert!(of("HbAck") <= of("Hb") + follower);
        let total: u64 = world.sent_total() - sent.values().sum::<u64>();
        // Two followers say Hello when they have not heard each other for 50h.
        let pairs = follower * follower.saturating_sub(1) / 2;
        let alive = of("Hello") + of("HelloAck");
        assert!(alive <= pairs * 4 * beats.div_ceil(50), "{count}: {alive}");
        assert_eq!(total, of("Hb") + of("HbAck") + alive, "{:?}", world.sent);
        assert_eq!(world.dials(0), dials);
    }
}

#[test]
fn a_better_ranked_node_that_waits_for_its_minute_asks_every_five_heartbeats() {
    let mut world = running(5);
    world.crash(4);
    next_reign(&mut world, 3 * SEC);
    world.start(4);
    world.propose(0, Proposal::Priority(200));
    world.run_for(5 * SEC);
    let asked = world.sent_of("PreVote");
    world.run_for(40 * HEARTBEAT);
    let more = world.sent_of("PreVote") - asked;
    assert!((4 * 7..=4 * 9).contains(&more), "{more}");
}

/// L4.
#[test]
fn ten_thousand_heartbeats_without_a_fault_are_one_reign() {
    for count in [2, 3, 5] {
        let mut world = running(count);
        stays(&mut world, 10_000 * HEARTBEAT);
    }
}

#[test]
fn a_failover_costs_a_round_of_questions_and_one_of_votes() {
    for count in [3_usize, 5, 7] {
        let mut world = running(count);
        // After the last heartbeat, that only its own election is counted.
        world.crash(count - 1);
        world.run_for(LEASE - HEARTBEAT - 10 * MS);
        let before = world.sent.clone();
        next_reign(&mut world, 3 * SEC);
        world.run_for(2 * MS);
        let of = |name: &str| world.sent_of(name) - before.get(name).copied().unwrap_or(0);
        let asked = of("PreVote") + of("PreVoteResp") + of("VoteReq") + of("Vote");
        let others = count as u64 - 2;
        assert!(asked <= 4 * others, "{count}: {asked} {:?}", world.sent);
        assert_eq!(of("Reject"), 0);
    }
}

#[test]
fn a_lonely_majority_that_waits_for_its_third_is_quiet() {
    let mut world = cluster(3);
    (0..3).for_each(|h| world.start(h));
    settle(&mut world);
    world.vanish(0);
    world.run_for(60 * SEC);
    let (sent, dials) = (world.sent_total(), world.dials(1) + world.dials(2));
    let beats = 1_000;
    world.run_for(beats * HEARTBEAT);
    assert!(world.sent_total() - sent <= 2 * beats + 4, "{}", world.sent_total() - sent);
    // Both dial it again every 50h at least, a dial taking up to F, and its port is tried no more.
    let dials = (world.dials(1) + world.dials(2) - dials) as u64;
    assert!(dials <= 2 * beats / 50 + 2, "{dials}");
}
