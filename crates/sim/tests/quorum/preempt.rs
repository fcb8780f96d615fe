//! Q9: a better-ranked member is given the lead.

use bully_core::quorum::{Cause, Event, Proposal};
use bully_sim::quorum::{World, cluster, running, settle};
use bully_sim::{MS, SEC};

use crate::{HEARTBEAT, HOP, SYNC, last_cause, next_reign, revokes, settles, stays, term_max};

/// The wish is known within a probe's pause, is told within h, and must last 10h.
const PATIENCE: u64 = 5 * HEARTBEAT + HEARTBEAT + 10 * HEARTBEAT + HEARTBEAT;

fn patience() -> u64 {
    PATIENCE + 6 * HOP + 6 * SYNC
}

#[test]
fn q9_the_highest_priority_leads_within_its_patience() {
    let mut world = running(3);
    let start = world.now();
    world.propose(0, Proposal::Priority(200));
    let (at, host, _) = next_reign(&mut world, 10 * SEC);
    assert_eq!(host, 0);
    assert!(at - start <= patience(), "{} ms", (at - start) / MS);
    assert!(at - start >= 10 * HEARTBEAT);
    let ends = revokes(&world, 2, start);
    assert_eq!(ends.len(), 1);
    assert_eq!(ends[0].1, Cause::Preempted);
    assert_eq!(last_cause(&world), Some(Cause::Handover));
    stays(&mut world, 70 * SEC);
}

/// L2.
#[test]
fn q9_a_reign_that_follows_another_is_left_in_peace_for_a_minute() {
    let mut world = running(3);
    world.crash(2);
    let (began, host, _) = next_reign(&mut world, 3 * SEC);
    assert_eq!(host, 1);
    world.setup(2).priority = 200;
    world.start(2);
    let (at, host, _) = next_reign(&mut world, 100 * SEC);
    assert_eq!(host, 2);
    assert!(at - began >= 60 * SEC, "{} ms", (at - began) / MS);
    assert!(at - began <= 60 * SEC + patience(), "{} ms", (at - began) / MS);
    stays(&mut world, 100 * SEC);
}

#[test]
fn q9_without_preemption_the_incumbent_stays() {
    let mut world = cluster(3);
    for host in 0..3 {
        world.setup(host).preempt = false;
        world.start(host);
    }
    settle(&mut world);
    world.propose(0, Proposal::Priority(200));
    stays(&mut world, 300 * SEC);
    assert!(world.leads(2));
    // At the next election it counts.
    world.crash(2);
    let (_, host, _) = next_reign(&mut world, 3 * SEC);
    assert_eq!(host, 0);
}

#[test]
fn q9_equals_do_not_take_over() {
    let mut world = running(3);
    world.crash(2);
    next_reign(&mut world, 3 * SEC);
    world.start(2);
    stays(&mut world, 300 * SEC);
    assert!(world.leads(1), "though 2 has the higher address");
}

/// Scenario 25.
#[test]
fn q9_a_node_that_flaps_changes_the_leader_once_a_minute_at_most() {
    let mut world = cluster(3);
    world.setup(0).priority = 200;
    (0..3).for_each(|h| world.start(h));
    settle(&mut world);
    assert!(world.leads(0));
    for _ in 0..60 {
        world.crash(0);
        world.run_for(5 * SEC);
        world.start(0);
        world.run_for(5 * SEC);
    }
    let of_it = world.reigns().into_iter().filter(|r| r.1 == 0).map(|r| r.0);
    let of_it: Vec<u64> = of_it.collect();
    assert!(of_it.len() >= 5, "it is given the lead now and then: {of_it:?}");
    for pair in of_it.windows(2) {
        assert!(pair[1] - pair[0] >= 60 * SEC, "{of_it:?}");
    }
}

/// The best-ranked reaches the leader, and no majority: given the lead it would lose it.
#[test]
fn q9_who_reaches_no_majority_is_not_given_the_lead() {
    let mut world = running(5);
    for host in [1, 2, 3] {
        world.cut(0, host);
    }
    world.propose(0, Proposal::Priority(200));
    stays(&mut world, 180 * SEC);
    assert!(world.leads(4));
    let healed = world.now();
    world.heal_all();
    let (at, host, _) = next_reign(&mut world, 30 * SEC);
    assert_eq!(host, 0);
    // It dials the others again, and then it takes its patience.
    assert!(at - healed <= 50 * HEARTBEAT + patience() + 5 * HEARTBEAT, "{}", (at - healed) / MS);
}

#[test]
fn q9_a_wish_that_is_broken_off_begins_anew() {
    let mut world = running(3);
    world.propose(0, Proposal::Priority(200));
    let start = world.now();
    // Each second it is out of reach for longer than its wish lasts.
    for _ in 0..20 {
        world.run_for(SEC);
        world.propose(0, Proposal::Priority(100));
        world.run_for(500 * MS);
        world.propose(0, Proposal::Priority(200));
    }
    assert!(world.leads(2));
    assert!(world.reigns().iter().all(|r| r.0 < start));
}

#[test]
fn q9_a_leader_whose_priority_becomes_zero_gives_the_lead_away() {
    let mut world = running(3);
    let (start, old) = (world.now(), term_max(&world));
    world.propose(2, Proposal::Priority(0));
    let (at, host, token) = next_reign(&mut world, 10 * SEC);
    assert_eq!((host, token), (1, old + 1));
    assert!(at - start <= patience(), "{} ms", (at - start) / MS);
    world.crash(1);
    let (_, host, _) = next_reign(&mut world, 3 * SEC);
    assert_eq!(host, 0, "2 votes, and does not stand");
    world.crash(0);
    world.run_for(10 * SEC);
    assert_eq!(world.leader(), None);
}

#[test]
fn q9_a_handover_that_fails_doubles_the_pause() {
    let mut world = cluster(3);
    world.setup(1).priority = 0;
    (0..3).for_each(|h| world.start(h));
    settle(&mut world);
    world.propose(0, Proposal::Priority(200));
    // It dies each time as it is given the lead.
    let mut at = Vec::new();
    for round in 1..=3 {
        let took = world.time_to(600 * SEC, |w| preemptions(w) == round);
        assert!(took.is_some(), "{}", world.tell_states());
        at.push(world.now());
        world.crash(0);
        settles(&mut world, 5 * SEC);
        assert!(world.leads(2));
        world.start(0);
    }
    let pauses: Vec<u64> = at.windows(2).map(|w| w[1] - w[0]).collect();
    for (n, pause) in pauses.into_iter().enumerate() {
        let least = (60 * SEC) << n;
        assert!((least - MS..=least + patience()).contains(&pause), "{n}: {} ms", pause / MS);
    }
}

fn preemptions(world: &World) -> usize {
    let is = |e: &Event| matches!(e, Event::Revoke { cause: Cause::Preempted, .. });
    world.events.iter().filter(|(_, _, event)| is(event)).count()
}

/// The best of those that want to lead dies while the leader must not yet yield.
#[test]
fn q9_one_that_wanted_to_lead_and_died_stands_in_no_others_way() {
    let mut world = running(3);
    world.crash(2);
    world.run_for(5 * SEC);
    world.start(2);
    world.run_for(5 * SEC);
    assert!(world.leads(1));
    world.propose(0, Proposal::Priority(200));
    world.propose(2, Proposal::Priority(300));
    world.run_for(10 * SEC);
    world.crash(2);
    let took = world.time_to(80 * SEC, |w| w.leads(0));
    assert!(took.is_some(), "{}", world.tell_states());
}
