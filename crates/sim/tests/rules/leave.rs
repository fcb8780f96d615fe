//! A7: a leader hands over, a node leaves.

use bully_core::{Cause, Claim, Epoch, Event, Inst, Leave, MemberState, Message};
use bully_sim::{MS, SEC, address, running};

use crate::{agree_within, elections, leaders, stays};

#[test]
fn a7_a_leader_that_leaves_hands_over_to_the_best_ranked_and_nobody_is_without_a_leader() {
    let mut world = running(3);
    let start = world.events.len();
    world.resign(2, true);
    world.run_for(2 * MS);
    assert_eq!(agree_within(&mut world, 1), 1);
    let [(_, 1, Cause::Handover)] = elections(&world, start)[..] else {
        panic!("{:?}", elections(&world, start))
    };
    let lost = |e: &Event| matches!(e, Event::LeaderLost { .. });
    assert!(!world.events[start..].iter().any(|(_, _, e)| lost(e)));
    assert!(!world.is_present(2));
    stays(&mut world, 1, 30 * SEC);
    let left = world.members(0).into_iter().find(|m| m.id == address(2));
    assert_eq!(left.map(|m| m.state), Some(MemberState::Left));
}

#[test]
fn a7_the_reign_ends_before_the_application_has_stopped_and_the_next_begins_after() {
    let mut world = running(3);
    world.setup(2).revoke_lag = 300 * MS;
    let start = world.events.len();
    let resigned = world.now();
    world.resign(2, false);
    assert!(!world.leads(2));
    world.run_for(SEC);
    let [(at, 1, Cause::Handover)] = elections(&world, start)[..] else {
        panic!("{:?}", elections(&world, start))
    };
    assert!(at - resigned >= 300 * MS);
    assert_eq!(world.agreement(), Ok(()));
}

#[test]
fn a7_a_leader_without_followers_leaves_alone() {
    let mut world = running(1);
    world.resign(0, true);
    world.run_for(MS);
    assert!(!world.is_present(0));
}

#[test]
fn a7_a_leader_without_followers_that_is_to_step_down_leads_again() {
    let mut world = running(1);
    world.resign(0, false);
    world.run_for(SEC);
    assert!(world.leads(0));
}

#[test]
fn a7_where_the_successor_is_stopped_the_next_is_asked() {
    let mut world = running(4);
    world.pause(2);
    world.resign(3, true);
    world.run_for(200 * MS);
    assert_eq!(leaders(&world), [1]);
    world.thaw(2);
    world.run_for(2 * SEC);
    assert_eq!(world.agreement(), Ok(()));
}

#[test]
fn a7_a_follower_that_leaves_disturbs_nobody_and_is_not_dialled_again() {
    let mut world = running(3);
    let start = world.events.len();
    world.resign(0, true);
    world.run_for(60 * SEC);
    assert_eq!(elections(&world, start), []);
    let left = world.events[start..].iter().filter(|(_, _, e)| matches!(e, Event::Left { .. }));
    assert_eq!(left.count(), 2);
    assert_eq!(world.cover.count(bully_sim::Seen::DialRefused), 0);
}

#[test]
fn a7_a_node_that_left_and_comes_back_is_a_member_again() {
    let mut world = running(3);
    for host in [0, 2, 1] {
        world.resign(host, true);
        world.run_for(3 * SEC);
        world.start(host);
        world.run_for(SEC);
        agree_within(&mut world, 10);
        for view in world.members(0) {
            assert_eq!(view.state, MemberState::Alive, "{}", view.id);
        }
    }
}

#[test]
fn a6_a_leader_set_to_priority_zero_hands_over_and_stays_a_member() {
    let mut world = running(3);
    world.set_priority(2, 0);
    world.run_for(10 * MS);
    assert_eq!(agree_within(&mut world, 10), 1);
    world.run_for(SEC);
    assert_eq!(world.members(0).iter().filter(|m| m.state == MemberState::Alive).count(), 3);
    assert_eq!(world.status(2).unwrap().priority, 0);
    stays(&mut world, 1, 60 * SEC);
    // And it never leads, whoever is gone.
    world.crash(1);
    assert_eq!(agree_within(&mut world, 10), 0);
    world.crash(0);
    world.run_for(60 * SEC);
    assert!(leaders(&world).is_empty());
    assert_eq!(world.status(2).unwrap().reason, Some(bully_core::Leaderless::PriorityZero));
}

#[test]
fn a6_the_last_electable_node_set_to_priority_zero_leaves_a_cluster_without_a_leader() {
    let mut world = running(2);
    world.set_priority(0, 0);
    world.run_for(SEC);
    world.set_priority(1, 0);
    world.run_for(10 * SEC);
    assert!(leaders(&world).is_empty());
    world.set_priority(0, 7);
    assert_eq!(agree_within(&mut world, 1_000), 0);
}

#[test]
fn a7_word_that_an_earlier_reign_is_over_says_nothing_of_the_present_one() {
    let mut world = running(3);
    let present = world.claim_of(2).expect("a leader");
    let end_of = |claim: &Claim| {
        let claim = Some(claim.clone());
        Message::Leave(Leave { inc: 0, claim, successor: None, gone: false })
    };
    let earlier = Claim { epoch: Epoch(present.epoch.0 - 1), ..present.clone() };
    let of_another_run = Claim { inst: Inst(7), ..present.clone() };
    let start = world.events.len();
    for claim in [earlier, of_another_run] {
        (0..2).for_each(|h| world.inject(2, h, &end_of(&claim)));
        stays(&mut world, 2, SEC);
    }
    let lost = |(_, _, e): &(u64, usize, Event)| matches!(e, Event::LeaderLost { .. });
    assert!(!world.events[start..].iter().any(lost));
    world.inject(2, 0, &end_of(&present));
    world.run_for(SEC);
    assert!(world.events[start..].iter().any(lost), "that of the present one ends it");
}
