//! A1: a node starts and joins.

use bully_core::{Cause, Epoch, Event, Hello, Inst, Member, Message, Mode, NackReason, Report};
use bully_sim::{MS, SEC, US, address, cluster, running, setup};

use crate::{agree_within, elections, stays};

#[test]
fn a1_a_node_alone_leads_at_once_where_the_rest_of_its_list_refuses() {
    let mut world = cluster(3);
    world.start(0);
    world.run_for(MS);
    assert!(world.leads(0));
}

#[test]
fn a1_a_node_alone_leads_after_two_heartbeats_where_its_list_is_silent() {
    let mut world = cluster(2);
    world.vanish(1);
    world.start(0);
    world.run_for(199 * MS);
    assert!(!world.leads(0));
    assert!(world.status(0).unwrap().pending, "/leader waits for the outcome");
    world.run_for(2 * MS);
    assert!(world.leads(0));
}

#[test]
fn a1_a_newcomer_follows_the_live_leader_at_once() {
    let mut world = cluster(3);
    world.start(0);
    world.run_for(SEC);
    for newcomer in [1, 2] {
        let start = world.events.len();
        world.start(newcomer);
        // A dial and a Hello, a round trip each.
        world.run_for(MS);
        assert_eq!(elections(&world, start), []);
        assert_eq!(world.agreement(), Ok(()));
        assert!(world.leads(0));
    }
    stays(&mut world, 0, 60 * SEC);
}

#[test]
fn a1_of_any_number_that_start_at_once_one_leads_within_two_heartbeats() {
    for count in 2..=15 {
        for spread in [0, 50 * US, MS] {
            let mut world = cluster(count);
            for host in 0..count {
                world.start(host);
                world.run_for(spread);
            }
            let leader = agree_within(&mut world, 200);
            if spread == 0 {
                assert_eq!(leader, count - 1, "without an incumbent the highest address leads");
            }
            stays(&mut world, leader, 10 * SEC);
        }
    }
}

#[test]
fn a1_members_that_stand_in_no_list_are_learned_from_others() {
    let mut world = cluster(4);
    for host in 0..4 {
        world.setup(host).places = vec![bully_sim::address(0)];
        world.start(host);
        world.run_for(10 * MS);
    }
    assert_eq!(agree_within(&mut world, 200), 0);
    world.crash(0);
    assert_eq!(agree_within(&mut world, 5), 3);
}

#[test]
fn a1_a_node_reached_under_a_name_and_an_address_is_one_member() {
    let mut world = cluster(2);
    let name = bully_core::Address::new("one.example", 8117);
    world.add_alias(name.clone(), 1);
    world.add_alias(bully_core::Address::new("me.example", 8117), 0);
    world.setup(0).places.push(name);
    world.setup(0).places.push(bully_core::Address::new("me.example", 8117));
    world.start(1);
    world.start(0);
    agree_within(&mut world, 200);
    world.run_for(5 * SEC);
    assert_eq!(world.members(0).len(), 2);
    assert_eq!(world.members(1).len(), 2);
}

#[test]
fn a5_a_joiner_of_equal_priority_and_a_higher_address_leaves_the_incumbent_alone() {
    // Scenario 30.
    let mut world = cluster(3);
    world.start(0);
    world.run_for(SEC);
    world.start(2);
    world.run_for(300 * MS);
    world.start(1);
    stays(&mut world, 0, 120 * SEC);
}

#[test]
fn a1_a_node_of_another_cluster_is_refused_and_both_lead_their_own() {
    let mut world = cluster(2);
    world.setup(1).cluster = "another".into();
    world.start(0);
    world.start(1);
    world.run_for(5 * SEC);
    assert!(world.leads(0) && world.leads(1));
    assert_eq!(world.members(0).len(), 1);
}

#[test]
fn a_hello_of_another_mode_is_refused_and_both_ends_say_why() {
    let mut world = running(2);
    let member =
        Member { id: address(0), ip: None, priority: 100, inc: 0, inst: Inst(9), left: false };
    let foreign = Hello {
        cluster: "bully".into(),
        mode: Mode::Other(7),
        member,
        seen: Epoch(0),
        no_preempt: false,
        report: Report::default(),
        members: Vec::new(),
    };
    let start = world.events.len();
    world.inject(0, 1, &Message::Hello(foreign));
    world.run_for(MS);
    let ours = NackReason::ForeignMode(Mode::Bully);
    let said: Vec<_> = world.events[start..].iter().map(|(_, host, e)| (*host, e)).collect();
    let refused = Event::Refused { id: address(0), reason: ours };
    assert!(said.contains(&(1, &refused)), "{said:?}");
    let told = |(host, e): &(usize, &Event)| {
        *host == 0 && matches!(e, Event::RefusedBy { reason: NackReason::ForeignMode(_), .. })
    };
    assert!(said.iter().any(told), "{said:?}");
    // And the other way round: what a node of another mode answers has its sentence, too.
    let theirs = NackReason::ForeignMode(Mode::Other(7));
    world.run_for(10 * SEC);
    let start = world.events.len();
    world.inject(0, 1, &Message::HelloNack(theirs.clone()));
    world.run_for(MS);
    let told = |(_, host, e): &(u64, usize, Event)| {
        *host == 1 && matches!(e, Event::RefusedBy { reason, .. } if *reason == theirs)
    };
    assert!(world.events[start..].iter().any(told));
    world.run_for(10 * SEC);
    assert_eq!(world.agreement(), Ok(()));
}

#[test]
fn n1_a_node_whose_list_names_only_itself_leads() {
    let mut world = cluster(1);
    world.start(0);
    assert!(world.leads(0));
}

#[test]
fn n2_of_connections_dialled_from_both_sides_at_once_one_remains() {
    let mut world = running(2);
    world.run_for(5 * SEC);
    let start = world.sent.get("Hello").copied();
    world.run_for(60 * SEC);
    assert_eq!(world.sent.get("Hello").copied(), start, "a mesh at rest does not probe");
    assert!(world.open_connections(0, 1) == 1);
}

#[test]
fn a_restart_whose_clock_was_set_back_by_a_year_is_followed_like_any_other() {
    let mut world = running(3);
    for host in [2, 1, 0] {
        world.crash(host);
        agree_within(&mut world, 10);
        world.setup(host).wall_ms = setup(host, 3).wall_ms - 31_536_000_000;
        world.start(host);
        agree_within(&mut world, 10);
    }
    // All with the clock set back, and nobody left who remembers.
    (0..3).for_each(|h| world.crash(h));
    (0..3).for_each(|h| world.start(h));
    agree_within(&mut world, 200);
    assert!(
        world
            .events
            .iter()
            .any(|(_, _, e)| matches!(e, bully_core::Event::Elected { cause: Cause::Join, .. }))
    );
}

#[test]
fn a6_a_priority_that_changes_while_a_hello_is_on_its_way_is_announced_after_it() {
    // Else each of the two takes the other for the better one, and none ever stands.
    let mut world = cluster(2);
    world.net.delay = (3 * MS, 3 * MS);
    world.start(0);
    world.run_for(7 * MS);
    world.crash(0);
    world.start(0);
    world.start(1);
    // Both dial; the Hello of 1 is sent after six milliseconds.
    world.run_for(7 * MS);
    world.set_priority(1, 50);
    world.run_for(10 * SEC);
    assert_eq!(world.agreement(), Ok(()));
    for host in [0, 1] {
        let seen: Vec<u32> = world.members(host).iter().map(|m| m.priority).collect();
        assert_eq!(seen, [100, 50], "as {host} sees it");
    }
}

#[test]
fn n2_where_one_of_two_connections_breaks_the_other_is_kept() {
    for which in [0, 1] {
        let mut world = cluster(2);
        (0..2).for_each(|h| world.start(h));
        world.run_for(50 * MS);
        assert_eq!(world.open_connections(0, 1), 2);
        let start = world.events.len();
        world.break_connection(0, 1, which);
        // A surplus connection is closed F after it became one.
        world.run_for(MS);
        // A hop takes 250 µs, so that a connection opened anew would show its gap.
        for _ in 0..5_000 {
            world.run_for(MS / 10);
            assert_eq!(world.open_connections(0, 1), 1, "closed, at {}", world.now());
        }
        world.run_for(5 * SEC);
        let lost = world.events[start..]
            .iter()
            .any(|(_, _, e)| matches!(e, bully_core::Event::MemberLost { .. }));
        assert!(!lost, "the last connection was closed as surplus");
    }
}
