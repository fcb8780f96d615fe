//! What a lying member can make a node do: numbers, dials, memory.

use std::time::Duration;

use bully_core::{Address, Beat, Event, Inst, Listed, Member, MemberState, Message, NUMBER_MAX};
use bully_sim::{MS, SEC, World, address, running};

use crate::{agree_within, leaders, stays};

fn record(id: Address, inc: u64, left: bool) -> Member {
    Member { id, ip: None, priority: 100, inc, inst: Inst(666), left }
}

/// A Beat of the leader to `to`, with a list that it never sent.
fn list(world: &mut World, to: usize, version: u64, members: Vec<Member>) {
    let [leader] = leaders(world)[..] else { panic!("one leader") };
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
