//! A7's last part, and the bounds on numbers: who a node is, and what a lie can cost.

use std::time::Duration;

use bully_core::{
    Beat, Claim, Epoch, Event, Inst, Leaderless, Message, NackReason, Query, QueryAck, Report,
};
use bully_sim::{MS, SEC, Seen, WALL_MS, World, address, running, setup};

use crate::{agree_within, elections, leaders, stays};

/// A host that listens at its own address and advertises another's.
fn with_impostor(count: usize, of: usize) -> (World, usize) {
    let mut world = running(count);
    let mut setup = setup(count, count);
    setup.id = address(of);
    let impostor = world.add_host(address(count), setup);
    (world, impostor)
}

fn is_refused(world: &World, host: usize) -> bool {
    matches!(world.status(host).unwrap().reason, Some(Leaderless::DuplicateId(_)))
}

#[test]
fn a7_a_newcomer_that_names_a_live_nodes_address_is_refused_and_nobody_else_is_disturbed() {
    for of in [0, 2] {
        let (mut world, impostor) = with_impostor(3, of);
        let start = world.events.len();
        world.start(impostor);
        world.run_for(SEC);
        assert!(is_refused(&world, impostor), "{:?}", world.status(impostor));
        assert!(world.cover.count(Seen::RefusedDuplicate) > 0);
        world.run_for(60 * SEC);
        assert_eq!(elections(&world, start), []);
        assert_eq!(leaders(&world), [2]);
        assert!(is_refused(&world, impostor));
    }
}

#[test]
fn a7_the_newcomer_is_let_in_once_the_other_is_gone() {
    let (mut world, impostor) = with_impostor(3, 0);
    world.start(impostor);
    world.run_for(3 * SEC);
    assert!(is_refused(&world, impostor));
    world.crash(0);
    world.run_for(7 * SEC);
    assert_eq!(world.agreement(), Ok(()));
    assert_eq!(world.leader_of(impostor), Some(address(2)));
    assert_eq!(world.members(impostor).len(), 3);
}

#[test]
fn a7_the_newcomer_is_let_in_once_the_other_has_left() {
    let (mut world, impostor) = with_impostor(3, 0);
    world.start(impostor);
    world.run_for(3 * SEC);
    world.resign(0, true);
    world.run_for(7 * SEC);
    assert_eq!(world.agreement(), Ok(()));
    assert_eq!(world.leader_of(impostor), Some(address(2)));
}

#[test]
fn a7_a_newcomer_that_a_learned_member_refused_asks_it_again_though_no_list_names_it() {
    // 0 cannot reach the holder and lets the newcomer in, which so learns of 1, and 1 refuses it.
    let (mut world, newcomer) = with_impostor(3, 2);
    world.setup(newcomer).places = vec![address(0)];
    world.cut(0, 2);
    world.start(newcomer);
    world.run_for(3 * SEC);
    assert!(is_refused(&world, newcomer), "{:?}", world.status(newcomer));
    world.run_for(60 * SEC);
    assert!(is_refused(&world, newcomer), "{:?}", world.status(newcomer));
    world.crash(2);
    world.run_for(7 * SEC);
    assert_eq!(world.agreement(), Ok(()));
    assert!(world.leader_of(newcomer).is_some(), "{:?}", world.status(newcomer));
}

#[test]
fn a7_a_ghost_of_a_machine_that_lost_power_gives_way_to_its_next_run() {
    for host in 0..3 {
        let mut world = running(3);
        world.vanish(host);
        world.run_for(5 * MS);
        world.start(host);
        let leader = agree_within(&mut world, 1_000);
        stays(&mut world, leader, 30 * SEC);
        assert!(
            !world.events.iter().any(|(_, _, e)| matches!(
                e,
                Event::Refused { reason: NackReason::DuplicateId, .. }
            ))
        );
    }
}

/// A claim at an epoch that a lie made up.
fn lie(from: usize, epoch: u64) -> Report {
    Report {
        claim: Some(Claim {
            epoch: Epoch(epoch),
            priority: 1_000,
            id: address(from),
            inst: Inst(666),
        }),
        seq: 1,
        age: Duration::from_secs(60),
        live: false,
        size: 9,
    }
}

const EDGE: u64 = Epoch::WALL_MAX + Epoch::LEAP_MAX;

#[test]
fn an_epoch_beyond_the_bound_is_dropped_counted_and_costs_nothing() {
    let mut world = running(3);
    let claim = world.claim_of(2);
    for epoch in [EDGE + 1, 1 << 53, u64::MAX] {
        let message = Message::QueryAck(QueryAck { q: 0, report: lie(0, epoch) });
        world.inject(0, 2, &message);
    }
    world.run_for(10 * SEC);
    assert!(world.cover.count(Seen::EpochDropped) >= 3);
    assert_eq!(world.claim_of(2), claim);
    assert_eq!(world.agreement(), Ok(()));
}

#[test]
fn an_epoch_at_the_very_bound_splits_nobody_for_good() {
    // The counter-example to the bound as it was first written: one node is moved to the edge,
    // its next claim lies one beyond, and whoever the lie did not reach drops all that it says.
    let mut world = running(3);
    let query = Query { q: 1, report: lie(0, EDGE), need: Epoch(EDGE), watch: false };
    world.inject(0, 2, &Message::Query(query));
    world.run_for(10 * SEC);
    for host in [2, 1, 0] {
        world.crash(host);
        agree_within(&mut world, 10);
        world.start(host);
        world.run_for(12 * SEC);
        assert_eq!(world.agreement(), Ok(()));
    }
    // Nodes that never heard of it meet those that did.
    world.split(&[0, 0, 1]);
    world.run_for(SEC);
    world.crash(2);
    world.start(2);
    world.run_for(SEC);
    world.heal_all();
    agree_within(&mut world, 12_000);
}

#[test]
fn many_epochs_at_the_moving_bound_do_not_exhaust_the_number() {
    let mut world = running(3);
    let mut edge = EDGE;
    for _ in 0..1_000 {
        let report = lie(0, edge);
        world.inject(0, 2, &Message::QueryAck(QueryAck { q: 0, report }));
        world.run_for(MS);
        edge += Epoch::LEAP_MAX;
    }
    world.crash(2);
    agree_within(&mut world, 12_000);
    world.start(2);
    world.run_for(20 * SEC);
    assert_eq!(world.agreement(), Ok(()));
    assert!(world.claim_of(0).unwrap().epoch.0 < bully_core::NUMBER_MAX / 1_000);
}

#[test]
fn a_clock_years_ahead_costs_nothing() {
    let mut world = running(3);
    world.crash(2);
    world.run_for(SEC);
    world.setup(2).wall_ms = WALL_MS * 1_000;
    world.start(2);
    world.run_for(SEC);
    world.crash(1);
    assert_eq!(agree_within(&mut world, 10), 2);
    assert_eq!(world.claim_of(0).unwrap().epoch, Epoch(Epoch::WALL_MAX));
    world.crash(2);
    agree_within(&mut world, 10);
    assert_eq!(world.claim_of(0).unwrap().epoch, Epoch(Epoch::WALL_MAX + 1));
    world.start(1);
    agree_within(&mut world, 1_000);
}

#[test]
fn a2_a_claim_that_names_this_node_under_another_run_is_never_accepted() {
    let mut world = running(2);
    let [leader] = leaders(&world)[..] else { panic!("one leader") };
    let (other, claim) = (1 - leader, world.claim_of(leader));
    let beat = Beat {
        claim: Claim {
            epoch: Epoch(WALL_MS + 9_999_999),
            priority: 100,
            id: address(leader),
            inst: Inst(1),
        },
        seq: 1,
        age: Duration::ZERO,
        size: 9,
        mver: 1,
        hold: Duration::ZERO,
        members: None,
    };
    world.inject(other, leader, &Message::Beat(beat));
    world.run_for(10 * SEC);
    assert_eq!(world.claim_of(leader).map(|c| c.inst), claim.map(|c| c.inst));
    assert_eq!(world.agreement(), Ok(()));
}

#[test]
fn a7_of_two_leaders_that_hold_one_address_apart_the_one_that_answers_there_remains() {
    let (mut world, impostor) = with_impostor(3, 0);
    (0..3).for_each(|h| world.cut(h, impostor));
    world.start(impostor);
    world.run_for(3 * SEC);
    assert!(world.leads(impostor));
    world.heal_all();
    world.run_for(20 * SEC);
    assert!(is_refused(&world, impostor), "{:?}", world.status(impostor));
    assert!(world.cover.count(Seen::DeposedAsDuplicate) > 0);
    assert_eq!(leaders(&world), [2]);
}
