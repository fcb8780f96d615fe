//! A5 and N3: groups part and meet, and links that work in one direction only.

use bully_core::Event;
use bully_sim::{MS, SEC, Seen, World, address, cluster, running};

use crate::{agree_within, elections, leaders, stays};

fn chain(count: usize) -> Vec<(usize, usize)> {
    (1..count).map(|n| (n - 1, n)).collect()
}

fn with_shape(count: usize, edges: &[(usize, usize)]) -> World {
    let mut world = cluster(count);
    world.only(edges);
    (0..count).for_each(|h| world.start(h));
    world
}

#[test]
fn a3_a_chain_of_three_four_and_nine_has_one_leader_through_relays() {
    // Scenario 31.
    for count in [3, 4, 9] {
        let mut world = with_shape(count, &chain(count));
        world.run_for(8 * SEC);
        assert_eq!(world.agreement(), Ok(()), "{count}");
        let [leader] = leaders(&world)[..] else { panic!("one leader") };
        assert!(world.cover.count(Seen::RelayedBeat) > 0);
        stays(&mut world, leader, 300 * SEC);
    }
}

#[test]
fn a3_a_ring_of_eight_has_one_leader_through_relays() {
    let mut ring = chain(8);
    ring.push((7, 0));
    let mut world = with_shape(8, &ring);
    world.run_for(8 * SEC);
    assert_eq!(world.agreement(), Ok(()));
    let [leader] = leaders(&world)[..] else { panic!("one leader") };
    stays(&mut world, leader, 300 * SEC);
}

#[test]
fn a_chain_led_from_either_end_keeps_its_leader_for_an_hour() {
    // Scenario 7, in bully mode.
    for leader in [0, 2] {
        let mut world = cluster(3);
        world.only(&chain(3));
        world.start(leader);
        world.run_for(SEC);
        world.start(1);
        world.start(2 - leader);
        assert_eq!(agree_within(&mut world, 1_000), leader);
        stays(&mut world, leader, 3_600 * SEC);
    }
}

#[test]
fn a5_two_leaders_that_cannot_meet_agree_through_those_between_them() {
    for count in [3, 4, 5, 6] {
        let mut world = running(count);
        let group: Vec<usize> = (0..count).map(|h| usize::from(h >= count / 2)).collect();
        world.split(&group);
        world.run_for(3 * SEC);
        assert_eq!(leaders(&world).len(), 2);
        // The leaders' own link stays cut.
        let found = leaders(&world);
        let (a, b) = (found[0], found[1]);
        world.heal_all();
        world.cut(a, b);
        let took = world.last_disagreement(8 * SEC).expect("agreement");
        assert!(took <= 7 * SEC, "{count}: {took}");
        let [leader] = leaders(&world)[..] else { panic!("one leader") };
        stays(&mut world, leader, 60 * SEC);
    }
}

#[test]
fn a5_a_split_of_four_has_two_leaders_and_one_again_after_it_heals() {
    // Scenario 4.
    let mut world = running(4);
    world.split(&[0, 0, 1, 1]);
    agree_within(&mut world, 600);
    assert_eq!(leaders(&world).len(), 2);
    world.run_for(10 * SEC);
    world.heal_all();
    agree_within(&mut world, 6_000);
    assert_eq!(leaders(&world).len(), 1);
}

#[test]
fn a5_the_greater_group_wins_a_merge_whatever_the_priorities() {
    // Caught here: the mutant that merges by priority first.
    let mut world = cluster(4);
    world.setup(3).priority = 200;
    (0..4).for_each(|h| world.start(h));
    world.run_for(3 * SEC);
    world.split(&[0, 0, 0, 1]);
    world.run_for(3 * SEC);
    assert!(world.leads(2) && world.leads(3));
    world.heal_all();
    let start = world.events.len();
    assert_eq!(agree_within(&mut world, 6_000), 2, "three against one");
    assert_eq!(elections(&world, start), []);
    // Priority has its turn after the hold.
    world.run_for(60 * SEC);
    assert_eq!(leaders(&world), [3]);
}

#[test]
fn a5_three_groups_that_meet_at_once_have_one_leader_at_once_and_the_highest_priority_after_hold() {
    // Scenario 29.
    let mut world = cluster(9);
    world.setup(0).priority = 200;
    (0..9).for_each(|h| world.start(h));
    world.run_for(3 * SEC);
    world.split(&[0, 1, 2, 0, 1, 2, 0, 1, 2]);
    world.run_for(20 * SEC);
    assert_eq!(leaders(&world).len(), 3);
    world.heal_all();
    let leader = agree_within(&mut world, 6_000);
    // Three groups are equal in size: their leaders' priority decides already.
    assert_eq!(leader, 0);
    stays(&mut world, 0, 120 * SEC);
}

#[test]
fn a5_a_node_that_comes_back_alone_again_and_again_takes_nobody_from_the_greater_group() {
    // What a follower heard of it when it came back before is no second word of its reign. Caught
    // here: the mutant in which meetings add up.
    let mut world = cluster(3);
    world.start(0);
    world.run_for(SEC);
    world.start(1);
    world.start(2);
    assert_eq!(agree_within(&mut world, 1_000), 0);
    for round in 0..12 {
        world.split(&[0, 1, 0]);
        world.run_for(2 * SEC + round * 137 * MS);
        assert_eq!(leaders(&world), [0, 1]);
        let start = world.events.len();
        world.heal_all();
        assert_eq!(agree_within(&mut world, 6_000), 0, "two against one in round {round}");
        assert_eq!(elections(&world, start), []);
    }
}

#[test]
fn a5_on_equal_size_priority_decides_and_then_the_address() {
    let mut world = running(2);
    world.cut(0, 1);
    world.run_for(5 * SEC);
    assert_eq!(leaders(&world), [0, 1]);
    world.heal_all();
    assert_eq!(agree_within(&mut world, 6_000), 1);
}

#[test]
fn n3_a_link_that_works_from_the_leader_only_is_no_link() {
    // Scenario 8. Caught here: the mutant without the rule.
    one_way(|world, leader, follower| world.cut_one_way(follower, leader));
}

#[test]
fn n3_a_link_that_works_towards_the_leader_only_is_no_link() {
    one_way(World::cut_one_way);
}

fn one_way(cut: impl Fn(&mut World, usize, usize)) {
    // Of three the third relays.
    let mut world = running(3);
    let [leader] = leaders(&world)[..] else { panic!("one leader") };
    let (start, follower) = (world.events.len(), 0);
    assert_ne!(leader, follower);
    cut(&mut world, leader, follower);
    world.run_for(5 * SEC);
    assert_eq!(elections(&world, start), [], "no disruption");
    assert_eq!(world.agreement(), Ok(()));
    assert!(world.cover.count(Seen::OneWayClosed) > 0);
    assert_eq!(world.open_connections(leader, follower), 0);
    stays(&mut world, leader, 60 * SEC);
    // Of two each leads its own side.
    let mut world = running(2);
    let [leader] = leaders(&world)[..] else { panic!("one leader") };
    cut(&mut world, leader, 1 - leader);
    agree_within(&mut world, 1_000);
    assert_eq!(leaders(&world).len(), 2);
    stays(&mut world, leader, 60 * SEC);
    world.heal_all();
    agree_within(&mut world, 6_000);
}

#[test]
fn a4_at_the_border_followers_probe_and_so_groups_whose_leaders_are_apart_meet() {
    // Caught here: the mutant in which only leaders probe. 0 and 3 lead, and only 1 and 2 can
    // reach each other.
    let mut world = cluster(4);
    world.setup(0).priority = 200;
    world.setup(3).priority = 200;
    world.only(&[(0, 1), (2, 3)]);
    (0..4).for_each(|h| world.start(h));
    world.run_for(5 * SEC);
    assert_eq!(leaders(&world), [0, 3]);
    world.only(&[(0, 1), (1, 2), (2, 3)]);
    let took = world.last_disagreement(8 * SEC).expect("agreement");
    assert!(took <= 7 * SEC, "{took}");
}

#[test]
fn a2_a_leader_with_an_outdated_claim_learns_of_the_greater_one_from_its_beats_acks() {
    // Caught here: the mutant whose acks carry no claim. The old leader was cut off, and comes
    // back on a connection that never broke.
    let mut world = running(3);
    world.net.holds = true;
    world.pause(2);
    world.run_for(500 * MS);
    world.cut(2, 1);
    world.cut(2, 0);
    world.thaw(2);
    world.run_for(100 * MS);
    world.heal(2, 0);
    let took = world.time_to_agreement(300 * MS);
    assert!(took.is_some(), "{:?}", world.agreement());
}

#[test]
fn a_long_cut_probes_ever_less() {
    let mut world = running(3);
    world.split(&[0, 0, 1]);
    world.run_for(60 * SEC);
    let before = world.cover.count(Seen::DialTimedOut);
    world.run_for(50 * SEC);
    let dials = world.cover.count(Seen::DialTimedOut) - before;
    // Two on one side, one on the other: four directed pairs, each P_max apart.
    assert!(dials <= 4 * 11, "{dials}");
    assert!(!world.events.iter().any(|(_, _, e)| matches!(e, Event::EpochDropped { .. })));
}

#[test]
fn a2_a_relay_under_a_smaller_claim_is_told_of_the_greater_one_at_once() {
    // So a merge runs along a chain in hops, and does not creep a probe at a time.
    for (end, count) in [(0, 8), (7, 8), (0, 9), (8, 9)] {
        let mut world = cluster(count);
        world.setup(end).priority = 200;
        world.only(&chain(count));
        (0..count).for_each(|h| world.start(h));
        world.run_for(20 * SEC);
        let (a, b) = (count / 2 - 1, count / 2);
        world.cut(a, b);
        world.run_for(600 * MS);
        assert_eq!(leaders(&world).len(), 2);
        world.heal(a, b);
        let took = world.last_disagreement(8 * SEC).expect("agreement");
        assert!(took <= 1_300 * MS, "{count} from {end}: {took}");
    }
}

#[test]
fn n3_a_refused_dial_closes_the_connection_that_was_silent_for_f() {
    // A follower owes and is owed nothing there: only its probe finds out. The kernel that lost
    // power and came back knows nothing of the connection, and nobody writes to it.
    let mut world = running(3);
    assert_eq!((leaders(&world), world.open_connections(0, 1)), (vec![2], 1));
    world.vanish(0);
    world.power_on(0);
    world.run_for(20 * SEC);
    assert!(world.cover.count(Seen::DialRefused) > 0);
    assert_eq!(world.open_connections(0, 1), 0);
    let lost = |(_, host, e): &(u64, usize, Event)| {
        *host == 1 && matches!(e, Event::MemberLost { id } if *id == address(0))
    };
    assert!(world.events.iter().any(lost));
}

#[test]
fn a4_followers_that_lost_each_other_meet_again_though_the_leader_reaches_both() {
    // Else there is nobody whom they could ask when the leader dies, and each of them leads. Caught
    // here: the mutant in which they stay apart.
    for (pause, count) in [(600, 3), (600, 5), (900, 3), (1_100, 5)] {
        let mut world = running(count);
        // A switch that flaps.
        for round in 0..7 {
            world.split(&(0..count).collect::<Vec<_>>());
            world.run_for((pause + 37 * round) * MS);
            world.heal_all();
            world.run_for((pause / 2 + 61 * round) * MS);
        }
        agree_within(&mut world, 6_000);
        world.run_for(6 * SEC);
        for pair in (0..count).flat_map(|a| (a + 1..count).map(move |b| (a, b))) {
            assert_eq!(world.open_connections(pair.0, pair.1), 1, "{pair:?} of {count}");
        }
        let [leader] = leaders(&world)[..] else { panic!("one leader") };
        let start = world.events.len();
        world.crash(leader);
        world.run_for(2 * SEC);
        assert_eq!(elections(&world, start).len(), 1, "one successor");
    }
}
