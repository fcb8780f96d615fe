//! What it costs: messages at rest and per election, and that nothing happens where nothing
//! happens.

use bully_sim::{MS, SEC, World, cluster, running};

use crate::{elections, leaders};

fn sent(world: &World, names: &[&str]) -> u64 {
    names.iter().filter_map(|n| world.sent.get(n)).sum()
}

#[test]
fn l6_at_rest_a_heartbeat_and_its_answer_per_follower_and_nothing_else() {
    for count in 1..=15 {
        let mut world = running(count);
        world.run_for(30 * SEC);
        let before: u64 = world.sent.values().sum();
        world.run_for(100 * SEC);
        let all: u64 = world.sent.values().sum::<u64>() - before;
        let n = count as u64;
        assert!(all <= 2 * (n - 1) * 1_001, "{count}: {all}");
        assert!(all >= 2 * (n - 1) * 999, "{count}: {all}");
    }
}

#[test]
fn l6_relayed_followers_cost_a_beat_and_its_answer_too() {
    for count in [3, 4, 9] {
        let mut world = cluster(count);
        let chain: Vec<_> = (1..count).map(|n| (n - 1, n)).collect();
        world.only(&chain);
        (0..count).for_each(|h| world.start(h));
        world.run_for(30 * SEC);
        let names = ["Beat", "BeatAck"];
        let before = sent(&world, &names);
        world.run_for(100 * SEC);
        let n = count as u64;
        let all = sent(&world, &names) - before;
        assert!(all <= 2 * (n - 1) * 1_001, "{count}: {all}");
    }
}

#[test]
fn l6_a_crash_costs_three_messages_per_survivor_but_the_new_leader() {
    let names = ["Query", "QueryAck", "Coord"];
    for count in 3..=15 {
        let mut world = running(count);
        let before = sent(&world, &names);
        world.crash(count - 1);
        world.run_for(300 * MS);
        assert_eq!(world.agreement(), Ok(()));
        let all = sent(&world, &names) - before;
        assert!(all <= 3 * (count as u64 - 2), "{count}: {all}");
    }
}

#[test]
fn l6_a_silent_death_costs_three_messages_per_member_but_the_new_leader() {
    let names = ["Query", "QueryAck", "Coord"];
    for count in 3..=15 {
        let mut world = running(count);
        let before = sent(&world, &names);
        world.vanish(count - 1);
        world.run_for(900 * MS);
        assert_eq!(world.agreement(), Ok(()));
        let all = sent(&world, &names) - before;
        assert!(all <= 3 * (count as u64 - 1), "{count}: {all}");
    }
}

#[test]
fn l4_no_leader_changes_in_a_hundred_thousand_heartbeats_without_faults() {
    let mut world = cluster(5);
    world.net.delay = (100_000, 30 * MS);
    (0..5).for_each(|h| world.start(h));
    world.run_for(5 * SEC);
    let leader = leaders(&world);
    let start = world.events.len();
    world.run_for(10_000 * SEC);
    assert_eq!(elections(&world, start), []);
    assert_eq!(leaders(&world), leader);
    assert_eq!(world.events.len(), start, "nothing at all happened");
}

#[test]
fn a_hundred_nodes_elect_and_rest() {
    let mut world = running(100);
    assert_eq!(world.agreement(), Ok(()));
    let leader = leaders(&world)[0];
    world.crash(leader);
    world.run_for(5 * SEC);
    assert_eq!(world.agreement(), Ok(()));
    let before: u64 = world.sent.values().sum();
    world.run_for(10 * SEC);
    let all = world.sent.values().sum::<u64>() - before;
    // One address refuses, and is probed.
    assert!(all <= 2 * 98 * 101 + 98, "{all}");
}
