//! What it costs: messages at rest and per election, and that nothing happens where nothing
//! happens.

use bully_core::Address;
use bully_sim::{MS, SEC, World, cluster, running};

use crate::{agree_within, elections, leaders};

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

/// Nine that list each other, under names perhaps, led by the last. Their first four reach the leader,
/// and none of the four others.
fn cut_behind_a_leader(named: bool) -> World {
    let mut world = cluster(9);
    for host in (0..9).filter(|_| named) {
        let name = |n| Address::new(format!("n{n}.example").as_str(), 8117);
        world.add_alias(name(host), host);
        world.setup(host).places = (0..9).map(name).collect();
    }
    (0..9).for_each(|h| world.start(h));
    assert_eq!(agree_within(&mut world, 200), 8);
    world.run_for(SEC);
    for (a, b) in pairs() {
        world.break_connections(a, b);
        world.cut(a, b);
    }
    world.run_for(220 * SEC);
    assert_eq!(world.agreement(), Ok(()));
    world
}

fn pairs() -> impl Iterator<Item = (usize, usize)> {
    (0..4).flat_map(|a| (4..8).map(move |b| (a, b)))
}

#[test]
fn a4_a_cut_between_followers_that_one_leader_reaches_costs_each_a_dial_per_five_hundred_heartbeats()
 {
    // Caught here: the mutant in which they dial as often as those whom nobody reaches.
    for named in [false, true] {
        let mut world = cut_behind_a_leader(named);
        let dials = |world: &World| (0..9).map(|h| world.dials(h)).sum::<usize>();
        let before = dials(&world);
        world.run_for(1_000 * SEC);
        let made = dials(&world) - before;
        // From both ends, and one more of the name.
        let each = 2 * pairs().count() * (1 + usize::from(named));
        assert!((19 * each..=21 * each).contains(&made), "{made}");
        world.heal_all();
        world.run_for(51 * SEC);
        for (a, b) in pairs() {
            assert_eq!(world.open_connections(a, b), 1, "{a} and {b}");
        }
    }
}

#[test]
fn a4_whom_the_leader_loses_is_sought_as_often_as_ever_however_long_the_pause_had_become() {
    let mut world = cut_behind_a_leader(false);
    assert_eq!(world.open_connections(0, 4), 0);
    world.cut(0, 8);
    world.run_for(10 * SEC);
    world.heal(0, 4);
    world.run_for(5 * SEC);
    assert_eq!(world.open_connections(0, 4), 1);
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
