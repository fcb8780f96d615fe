//! What a lying member can make a node do: numbers, dials, memory.

use std::time::Duration;

use bully_core::{
    Address, Beat, BeatAck, Claim, Epoch, Event, Inst, Listed, Member, MemberState, Message,
    NUMBER_MAX, NackReason, QueryAck, Report,
};
use bully_sim::{MS, SEC, World, address, running};

use crate::{agree_within, leaders, stays};

fn record(id: Address, inc: u64, left: bool) -> Member {
    Member { id, ip: None, priority: 100, inc, inst: Inst(666), left }
}

/// A Beat of the leader to `to`, with a list that it never sent.
fn list(world: &mut World, to: usize, version: u64, members: Vec<Member>) {
    let named = world.leader_of(to);
    let leader = (0..world.len()).find(|h| Some(world.id(*h)) == named).expect("a leader");
    let beat = Beat {
        claim: world.claim_of(leader).expect("a leader has a claim"),
        seq: 1,
        age: Duration::ZERO,
        size: 3,
        mver: version,
        hold: Duration::ZERO,
        members: Some(members.into_iter().map(|member| Listed { member, reach: true }).collect()),
    };
    world.inject(leader, to, &Message::Beat(beat));
}

fn dropped_records(world: &World, host: usize) -> usize {
    let dropped =
        |(_, h, e): &&(u64, usize, Event)| *h == host && matches!(e, Event::RecordDropped { .. });
    world.events.iter().filter(dropped).count()
}

/// Beyond this a record is not credible to a node that has seen honest ones alone.
const EDGE: u64 = (1 << 32) + (1 << 20);

#[test]
fn a_record_of_this_node_beyond_the_bound_is_dropped_and_said_once_and_nothing_exceeds_the_number()
{
    let mut world = running(3);
    for (version, inc) in [(1, NUMBER_MAX), (2, NUMBER_MAX - 1), (3, 2 * EDGE)] {
        list(&mut world, 0, version, vec![record(address(0), inc, true)]);
        world.run_for(SEC);
    }
    assert_eq!(dropped_records(&world, 0), 1);
    world.set_priority(0, 200);
    world.run_for(10 * SEC);
    assert_eq!((world.agreement(), leaders(&world)), (Ok(()), vec![0]));
}

#[test]
fn a_record_of_another_beyond_the_bound_is_dropped_and_its_owner_stays_a_member() {
    let mut world = running(3);
    list(&mut world, 0, 1, vec![record(address(1), NUMBER_MAX, true)]);
    world.run_for(MS);
    let states: Vec<_> = world.members(0).into_iter().map(|m| m.state).collect();
    assert_eq!(states, [MemberState::Alive; 3]);
    assert_eq!(dropped_records(&world, 0), 1);
    world.set_priority(1, 200);
    world.run_for(10 * SEC);
    assert_eq!(leaders(&world), [1]);
    assert_eq!(world.members(0)[1].priority, 200, "its own word is still newer");
}

#[test]
fn a_record_at_the_very_bound_costs_its_owner_no_connection() {
    // It goes one beyond the bound, and whoever the lie did not reach must believe that, too.
    let mut world = running(3);
    list(&mut world, 0, 1, vec![record(address(0), EDGE, false)]);
    world.run_for(10 * MS);
    world.set_priority(0, 200);
    world.run_for(10 * SEC);
    assert_eq!((world.agreement(), leaders(&world)), (Ok(()), vec![0]));
    // And a newcomer believes it.
    world.crash(1);
    world.run_for(SEC);
    world.start(1);
    world.run_for(SEC);
    assert_eq!(agree_within(&mut world, 10), 0);
    world.resign(0, true);
    world.run_for(SEC);
    assert_eq!(world.members(1)[0].state, MemberState::Left);
    let leader = agree_within(&mut world, 10);
    stays(&mut world, leader, 10 * SEC);
}

fn made_up(n: usize) -> Address {
    let [.., high, low] = n.to_be_bytes();
    Address::new(std::net::IpAddr::from([10, 9, high, low]), 8117)
}

#[test]
fn a4_met_addresses_that_are_made_up_cost_a_bounded_number_of_dials_events_and_memory() {
    let mut world = running(3);
    let (dials, memory, start) = (world.dials(2), world.memory(2), world.events.len());
    for round in 0..20 {
        let report = Report { claim: world.claim_of(2), live: true, ..Report::default() };
        let met = (0..1_024).map(|n| made_up(round * 1_024 + n)).collect();
        let ack = BeatAck { report, need: Epoch(0), met, mver: 0 };
        world.inject(0, 2, &Message::BeatAck(ack));
        world.run_for(10 * MS);
    }
    assert!(world.memory(2) < memory + 16 * 1_024, "{} after {memory}", world.memory(2));
    world.run_for(60 * SEC);
    assert!(world.dials(2) - dials <= 2 * 16, "{}", world.dials(2) - dials);
    assert_eq!(world.events.len(), start, "{:?}", &world.events[start..]);
    assert!(world.memory(2) < memory + 1_024, "{} after {memory}", world.memory(2));
    stays(&mut world, 2, 10 * SEC);
}

#[test]
fn a2_leaders_that_are_made_up_cost_a_bounded_number_of_dials_and_events() {
    // Each is followed through who told of it, and each is gone to.
    let mut world = running(3);
    let (dials, start) = (world.dials(2), world.events.len());
    for n in 0..300_u16 {
        let epoch = Epoch(bully_sim::WALL_MS + 9_999 + u64::from(n));
        let id = made_up(usize::from(n));
        let claim = Claim { epoch, priority: 1, id, inst: Inst(6) };
        let report = Report { claim: Some(claim), live: true, seq: 1, ..Report::default() };
        world.inject(0, 2, &Message::QueryAck(QueryAck { q: 0, report }));
    }
    world.run_for(60 * SEC);
    assert!(world.dials(2) - dials <= 3 * 16, "{}", world.dials(2) - dials);
    let followed =
        |(_, h, e): &&(u64, usize, Event)| *h == 2 && matches!(e, Event::Following { .. });
    assert!(world.events[start..].iter().filter(followed).count() >= 300);
    let complaint = |(_, _, e): &&(u64, usize, Event)| matches!(e, Event::Unreachable { .. });
    assert_eq!(world.events[start..].iter().find(complaint), None);
    assert_eq!(world.agreement(), Ok(()));
}

#[test]
fn n2_members_that_are_made_up_are_dialled_a_few_at_a_time_and_real_ones_among_them_in_turn() {
    let mut world = running(3);
    // A real one, which knows nobody yet, behind a thousand that are not.
    let mut setup = bully_sim::setup(3, 3);
    setup.places = Vec::new();
    let real = world.add_host(Address::new("z.example", 8117), setup);
    world.setup(real).id = Address::new("z.example", 8117);
    world.start(real);
    world.run_for(SEC);
    let dials = world.dials(0);
    let mut members: Vec<Member> = (0..500).map(|n| record(made_up(n), 1, false)).collect();
    members.push(record(world.id(real), 1, false));
    list(&mut world, 0, 1, members);
    world.run_for(MS);
    assert!(world.dials(0) - dials <= 16);
    world.run_for(60 * SEC);
    assert_eq!(world.open_connections(0, real), 1);
    // Sixteen in F.
    assert!(world.dials(0) - dials <= 16 * 150 + 100, "{}", world.dials(0) - dials);
}

#[test]
fn a4_members_that_are_made_up_and_said_to_be_reached_are_dialled_ever_less_and_forgotten() {
    // The leader tells that lie for an hour, and so it is frozen, and the test speaks for it.
    let mut world = running(2);
    let claim = world.claim_of(1).expect("it leads");
    world.pause(1);
    let mut seq = 1_000_000;
    let mut lie_for = |world: &mut World, secs: u64| {
        let dials = world.dials(0);
        for _ in 0..10 * secs {
            let listed = |n| Listed { member: record(made_up(n), 1, false), reach: true };
            let beat = Beat {
                claim: claim.clone(),
                seq,
                age: Duration::ZERO,
                size: 2,
                mver: 1,
                hold: Duration::ZERO,
                members: (seq == 1_000_000).then(|| (0..500).map(listed).collect()),
            };
            world.inject(1, 0, &Message::Beat(beat));
            world.run_for(100 * MS);
            seq += 1;
        }
        world.dials(0) - dials
    };
    // Sixteen in F at most.
    let made = lie_for(&mut world, 200);
    assert!((500..=16 * 500).contains(&made), "{made}");
    assert_eq!(world.members(0).len(), 502);
    // Each once per 500h.
    let made = lie_for(&mut world, 500);
    assert!(made <= 500 * 11, "{made}");
    lie_for(&mut world, 3_000);
    assert_eq!(world.members(0).len(), 2);
    assert_eq!(lie_for(&mut world, 100), 0);
}

#[test]
fn a_list_full_of_made_up_members_lets_in_who_is_listed_and_who_speaks_for_itself() {
    let mut world = bully_sim::cluster(4);
    (0..3).for_each(|h| world.start(h));
    world.run_for(SEC);
    let stranger = world.add_host(address(4), bully_sim::setup(4, 1));
    let made_up: Vec<Member> = (0..1_100).map(|n| record(made_up(n), 1, n % 2 == 0)).collect();
    list(&mut world, 0, 1, made_up);
    world.run_for(MS);
    let known = world.members(0).len();
    assert!((1_000..=1_024).contains(&known), "{known}");
    for host in [3, stranger] {
        world.start(host);
        world.run_for(SEC);
        let view = world.members(0).into_iter().find(|m| m.id == world.id(host));
        assert_eq!(view.map(|v| v.state), Some(MemberState::Alive));
    }
    let full = |(_, _, e): &&(u64, usize, Event)| {
        matches!(e, Event::Refused { reason: NackReason::Full, .. })
    };
    assert_eq!(world.events.iter().find(full), None);
    assert_eq!(world.agreement(), Ok(()));
}

/// Three that list each other and two that they learn of, at a slow heartbeat.
fn with_guests() -> World {
    let mut world = bully_sim::cluster(5);
    for host in 0..5 {
        world.setup(host).places = (0..3).map(address).collect();
        world.setup(host).heartbeat = Duration::from_secs(4);
        world.start(host);
    }
    world.run_for(60 * SEC);
    assert_eq!(world.members(0).len(), 5);
    world
}

const MINUTE: u64 = 60 * SEC;

#[test]
fn who_left_is_forgotten_after_ten_minutes_and_who_was_lost_after_an_hour_unless_it_is_listed() {
    let mut world = with_guests();
    world.resign(3, true);
    world.crash(4);
    world.crash(0);
    world.run_for(9 * MINUTE);
    assert_eq!(world.members(1).len(), 5);
    world.run_for(3 * MINUTE);
    let ids = |world: &World| world.members(1).into_iter().map(|m| m.id).collect::<Vec<_>>();
    assert_eq!(ids(&world), [0, 1, 2, 4].map(address));
    world.run_for(45 * MINUTE);
    assert_eq!(ids(&world), [0, 1, 2, 4].map(address));
    world.run_for(8 * MINUTE);
    assert_eq!(ids(&world), [0, 1, 2].map(address));
    // Whoever comes back is a member like any other.
    (3..5).for_each(|h| world.start(h));
    world.start(0);
    world.run_for(MINUTE);
    assert_eq!(ids(&world).len(), 5);
    assert_eq!(world.agreement(), Ok(()));
}

#[test]
fn who_was_forgotten_is_not_learned_again_from_those_that_forget_later() {
    let mut world = with_guests();
    world.crash(3);
    world.resign(4, true);
    // A node that starts anew learns of both, and so forgets them later than the rest does.
    for host in [1, 0, 2, 1, 0, 2] {
        world.run_for(9 * MINUTE);
        world.crash(host);
        world.run_for(20 * SEC);
        world.start(host);
    }
    let known = |world: &World| (0..3).any(|h| world.members(h).len() > 3);
    world.run_for(43 * MINUTE);
    assert_eq!([1, 2].map(|h| world.members(h).len()), [3, 4], "one has forgotten, one not yet");
    world.break_connections(1, 2);
    world.run_for(MINUTE);
    assert_eq!(world.members(1).len(), 3);
    world.run_for(20 * MINUTE);
    assert!(!known(&world));
    for host in [0, 1, 2] {
        world.run_for(20 * MINUTE);
        world.crash(host);
        world.start(host);
        world.run_for(MINUTE);
        assert!(!known(&world));
    }
}

#[test]
fn two_that_forgot_each_other_in_a_long_split_are_members_again_after_it() {
    let mut world = with_guests();
    world.split(&[0, 0, 0, 1, 1]);
    world.run_for(90 * MINUTE);
    assert_eq!(world.members(0).len(), 3);
    world.heal_all();
    world.run_for(10 * MINUTE);
    assert_eq!(world.agreement(), Ok(()));
    for host in 0..5 {
        let alive = |m: &&bully_core::MemberView| m.state == MemberState::Alive;
        assert_eq!(world.members(host).iter().filter(alive).count(), 5, "as {host} sees it");
    }
}
