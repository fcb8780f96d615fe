//! A3 and A3': the leader dies, by a crash or in silence.

use bully_core::{Cause, Event, Message};
use bully_sim::{MS, SEC, Seen, US, cluster, running};

use crate::{agree_within, elections, leaders, stays};

#[test]
fn a3p_a_crash_costs_one_round_trip_and_one_hop_after_the_close_is_seen_whatever_delta_is() {
    for hop in [250 * US, 5 * MS, 40 * MS] {
        for count in [3, 5, 9] {
            let mut world = cluster(count);
            world.net.delay = (hop, hop);
            (0..count).for_each(|h| world.start(h));
            world.run_for(5 * SEC);
            let [leader] = leaders(&world)[..] else { panic!("one leader") };
            let (crash, start) = (world.now(), world.events.len());
            world.crash(leader);
            world.run_for(4 * hop);
            assert_eq!(world.agreement(), Ok(()), "{count} nodes, hop {hop}");
            let [(at, _, Cause::Crash)] = elections(&world, start)[..] else {
                panic!("one election: {:?}", elections(&world, start))
            };
            assert_eq!(at - crash, 3 * hop, "the FIN's hop, and a round trip");
        }
    }
}

#[test]
fn a3_a_silent_leader_is_replaced_after_f_and_delta() {
    for count in [3, 5, 9] {
        let mut world = running(count);
        let [leader] = leaders(&world)[..] else { panic!("one leader") };
        let (vanish, start) = (world.now(), world.events.len());
        world.vanish(leader);
        world.run_for(SEC);
        let [(at, _, Cause::Silence)] = elections(&world, start)[..] else {
            panic!("one election: {:?}", elections(&world, start))
        };
        // The last Beat was heard at most h before.
        let took = at - vanish;
        let bounds = 325 * MS..=425 * MS + 250 * US;
        assert!(bounds.contains(&took), "{took}");
        assert_eq!(world.agreement(), Ok(()));
    }
}

#[test]
fn a3_each_better_ranked_node_that_died_in_silence_costs_one_delta_more() {
    let mut world = running(5);
    world.vanish(4);
    world.vanish(3);
    world.vanish(2);
    let took = world.time_to_agreement(SEC).unwrap();
    assert!(took <= (400 + 3 * 25 + 2) * MS, "{took}");
    assert!(world.leads(1));
}

#[test]
fn a3_without_the_stagger_all_would_stand_so_the_best_of_the_rest_moves_first() {
    // Caught here: the mutant that asks at once upon a proof of death.
    let mut world = running(9);
    let start = world.events.len();
    world.crash(8);
    world.run_for(SEC);
    let electing = |host| {
        world.events[start..]
            .iter()
            .any(|(_, h, e)| *h == host && matches!(e, Event::Elected { .. }))
    };
    assert_eq!((0..9).filter(|h| electing(*h)).collect::<Vec<_>>(), [7]);
}

#[test]
fn n2_the_close_of_one_of_two_connections_is_no_death() {
    let mut world = running(3);
    let [leader] = leaders(&world)[..] else { panic!("one leader") };
    let start = world.events.len();
    // The connection breaks, the process lives: the dial finds it.
    for other in 0..3 {
        if other != leader {
            world.break_connections(leader, other);
        }
    }
    world.run_for(3 * SEC);
    assert_eq!(elections(&world, start), []);
    assert!(world.leads(leader));
    assert_eq!(world.agreement(), Ok(()));
}

#[test]
fn a3p_a_leader_that_is_back_within_five_milliseconds_is_another_run_and_the_old_one_is_dead() {
    for pause in [0, 100 * US, MS, 5 * MS] {
        let mut world = running(3);
        world.crash(2);
        world.run_for(pause);
        world.start(2);
        let leader = agree_within(&mut world, 150);
        stays(&mut world, leader, 30 * SEC);
        assert_eq!(world.members(0).len(), 3);
    }
}

#[test]
fn a4_a_leader_stopped_and_thawed_asks_before_it_answers_that_it_leads() {
    for length in [450 * MS, 900 * MS, 5 * SEC, 3_600 * SEC] {
        let mut world = running(3);
        let [old] = leaders(&world)[..] else { panic!("one leader") };
        world.pause(old);
        world.run_for(length);
        let [new] = leaders(&world)[..] else { panic!("one leader") };
        assert!(!world.would_say_it_leads(old), "stopped for {length}: it must ask first");
        let start = world.events.len();
        world.thaw(old);
        assert!(!world.leads(old), "the Coord is read before the timers");
        world.run_for(20 * SEC);
        assert_eq!(elections(&world, start), [], "and nothing is disturbed");
        assert!(world.leads(new));
        assert_eq!(world.agreement(), Ok(()));
    }
}

#[test]
fn a4_a_late_leader_whose_connections_were_closed_asks_by_the_dials_that_follow() {
    // A whole host froze: what its peers said meanwhile, their goodbyes too, never reached it.
    // Caught here: the mutant that takes a close for an answer.
    for frozen in [500 * MS, SEC, 3 * SEC, 8 * SEC] {
        for (count, hop) in [(3, 250 * US), (3, 5 * MS), (2, 30 * MS), (3, 30 * MS)] {
            let mut world = running(count);
            world.net.delay = (hop, hop);
            world.run_for(SEC);
            let [old] = leaders(&world)[..] else { panic!("one leader") };
            world.pause(old);
            (0..count).filter(|h| *h != old).for_each(|h| world.cut(old, h));
            world.run_for(frozen);
            world.heal_all();
            world.thaw(old);
            let thawed = world.now();
            while world.agreement().is_err() {
                assert!(!world.would_say_it_leads(old), "after {frozen} ns");
                assert!(world.now() - thawed < SEC, "{:?}", world.agreement());
                world.run_for(50 * US);
            }
            assert!(!world.leads(old));
        }
    }
}

#[test]
fn a4_a_late_leader_whom_nobody_replaced_leads_on_under_its_claim() {
    let mut world = running(1);
    world.pause(0);
    world.run_for(5 * SEC);
    assert!(!world.would_say_it_leads(0));
    let claim = world.claim_of(0);
    world.thaw(0);
    world.run_for(30 * MS);
    assert!(world.leads(0));
    assert_eq!(world.claim_of(0), claim);
}

#[test]
fn a_starved_follower_reads_what_it_missed_before_it_suspects_anybody() {
    // Scenario 28. Caught here: the mutant that looks at its timers first.
    let mut world = running(3);
    let [leader] = leaders(&world)[..] else { panic!("one leader") };
    let start = world.events.len();
    for _ in 0..20 {
        for follower in (0..3).filter(|h| *h != leader) {
            // Longer than F, shorter than what makes others close the connection.
            world.pause(follower);
            world.run_for(401 * MS);
            world.thaw(follower);
            world.run_for(700 * MS);
        }
    }
    let lost = world.events[start..]
        .iter()
        .filter(|(_, _, e)| matches!(e, Event::LeaderLost { .. } | Event::Elected { .. }))
        .count();
    assert_eq!(lost, 0);
    assert!(world.leads(leader));
}

#[test]
fn a2_word_of_a_dead_leader_that_goes_round_keeps_nobody_waiting() {
    let mut world = running(4);
    world.net.reorder = true;
    world.net.duplication = 900;
    world.run_for(SEC);
    let [leader] = leaders(&world)[..] else { panic!("one leader") };
    world.crash(leader);
    agree_within(&mut world, 200);
    assert!(world.cover.count(Seen::MessageRepeated) > 0);
}

#[test]
fn a_message_on_a_connection_without_a_hello_is_ignored() {
    let mut world = running(2);
    let claim = world.claim_of(0);
    let link = bully_core::LinkId(9_999);
    let leave = bully_core::Leave { inc: 9, claim: claim.clone(), successor: None, gone: true };
    world.input(0, bully_core::Input::Message { from: link, message: Message::Leave(leave) });
    world.run_for(SEC);
    assert_eq!(world.claim_of(0), claim);
}

#[test]
fn the_length_of_a_pause_is_no_round_trip() {
    // A Hello is answered while its sender is stopped; the answer is read eight seconds later.
    let mut world = running(3);
    world.set_priority(0, 50);
    world.pause(0);
    world.run_for(300 * MS);
    world.split(&[1, 0, 0]);
    world.run_for(8 * SEC);
    world.thaw(0);
    world.run_for(600 * MS);
    assert!(world.leads(0), "the stagger lasted longer: {:?}", world.status(0));
}

#[test]
fn n3_a_lost_hello_is_said_again_though_other_answers_come() {
    // Else a change of priority would be lost with it, and all would wait for one that never
    // stands.
    let mut world = running(3);
    world.net.loss = 1_000;
    world.set_priority(2, 0);
    world.set_priority(1, 70);
    world.run_for(10 * MS);
    world.net.loss = 0;
    world.run_for(5 * SEC);
    for host in 0..3 {
        let seen: Vec<u32> = world.members(host).iter().map(|m| m.priority).collect();
        assert_eq!(seen, [100, 70, 0], "as {host} sees it");
    }
    assert_eq!(world.agreement(), Ok(()));
}

#[test]
fn a2_a_leader_that_stepped_down_and_leads_again_is_no_longer_taken_for_dead() {
    let mut world = running(2);
    let [leader] = leaders(&world)[..] else { panic!("one leader") };
    world.set_priority(1 - leader, 0);
    world.run_for(SEC);
    world.resign(leader, false);
    world.run_for(SEC);
    assert!(world.leads(leader));
    assert_eq!(world.agreement(), Ok(()));
    // A third that reaches only the follower hears of a live leader.
    let mut third = bully_sim::setup(2, 3);
    third.priority = 0;
    let third = world.add_host(bully_sim::address(2), third);
    world.cut(third, leader);
    world.start(third);
    world.run_for(2 * SEC);
    assert_eq!(world.agreement(), Ok(()));
}

#[test]
fn a3_a_live_leader_below_a_leaderless_nodes_claim_raises_its_epoch() {
    // 0 followed a leader with a clock far ahead, which nobody else ever heard of.
    let mut world = cluster(3);
    world.setup(2).wall_ms += 3_600_000;
    world.split(&[0, 1, 0]);
    (0..3).for_each(|h| world.start(h));
    world.run_for(3 * SEC);
    assert!(world.leads(2) && world.leads(1));
    world.pause(0);
    world.vanish(2);
    world.run_for(10 * SEC);
    world.heal_all();
    world.thaw(0);
    world.run_for(7 * SEC);
    assert_eq!(world.agreement(), Ok(()));
    let [leader] = leaders(&world)[..] else { panic!("one leader") };
    assert!(world.claim_of(leader).unwrap().epoch.0 > bully_sim::WALL_MS + 3_600_000);
}

#[test]
fn n3_a_new_priority_whose_hello_was_lost_is_known_though_queries_were_answered() {
    // Else 0 waits for good for a better-ranked node that never stands.
    let mut world = running(3);
    world.vanish(2);
    world.run_for(100 * MS);
    world.net.loss = 1_000;
    world.set_priority(1, 0);
    world.net.loss = 0;
    world.run_for(2 * SEC);
    assert_eq!(leaders(&world), [0]);
    assert_eq!(world.agreement(), Ok(()));
}

#[test]
fn a4_a_late_leader_that_leads_on_counts_on_those_that_acknowledged_before() {
    // The machines of all were suspended. Who had no time to answer is not unreached, and a first
    // Beat of size 1 would lose the next merge.
    let mut world = running(3);
    world.write_transcript();
    (0..3).for_each(|h| world.pause(h));
    world.run_for(SEC);
    world.take_transcript();
    world.thaw(2);
    // δ for the questions, and 3δ for the dials.
    world.run_for(105 * MS);
    let told = world.take_transcript();
    let beats: Vec<&str> = told.lines().filter(|l| l.contains("Beat ")).collect();
    assert_eq!(beats.len(), 2, "{told}");
    assert!(beats.iter().all(|b| b.contains("size 3") && !b.contains("list of")), "{told}");
    (0..2).for_each(|h| world.thaw(h));
    world.run_for(2 * MS);
    for host in 0..3 {
        let states: Vec<_> = world.members(host).into_iter().map(|m| m.state).collect();
        assert_eq!(states, [bully_core::MemberState::Alive; 3], "as {host} sees it");
    }
    stays(&mut world, 2, 10 * SEC);
}
