//! Q13: a guardian ends what a dead node has begun, and gives back what was promised to it.

use bully_core::quorum::{Message, Proposal, Term};
use bully_sim::quorum::{Fate, World, cluster, settle};
use bully_sim::{MS, SEC, US};

use crate::{
    HOP, LEASE, SYNC, crash_bound, log, next_reign, run_to, settles, stays, tail, term_max,
};

/// Three nodes with guardians that take so long to kill the command.
fn guarded(kill_lag: u64) -> World {
    let mut world = cluster(3);
    for host in 0..3 {
        world.setup(host).guardian = true;
        world.setup(host).kill_lag = kill_lag;
        world.start(host);
    }
    settle(&mut world);
    world
}

/// Dial, accept, say it: three hops. Then it is an election like any.
fn farewell_bound() -> u64 {
    3 * HOP + tail(0)
}

/// Scenario 37.
#[test]
fn q13_the_successor_comes_within_milliseconds_of_the_commands_death_and_not_before_it() {
    for lag in [0, 50 * MS, 400 * MS, 700 * MS] {
        let mut world = guarded(lag);
        let (crash, old) = (world.now(), world.token().unwrap());
        let acts = world.acts(2).unwrap().0;
        assert!(acts > crash + 800 * MS);
        world.crash(2);
        let (at, host, token) = next_reign(&mut world, 3 * SEC);
        assert_eq!((host, token), (1, old + 1));
        assert!(at >= crash + lag, "{lag}: {} µs too early", (crash + lag - at) / US);
        assert!(at - crash <= lag + farewell_bound(), "{} µs", (at - crash - lag) / US);
        stays(&mut world, 10 * SEC);
    }
}

#[test]
fn q13_a_command_that_will_not_die_is_over_with_its_lease_for_others() {
    // The guardian tries for longer than the lease: the application stops by its deadline itself.
    let mut world = guarded(5 * SEC);
    let crash = world.now();
    world.crash(2);
    let (at, _, _) = next_reign(&mut world, 3 * SEC);
    assert!(at - crash <= crash_bound(0));
    assert!(at - crash > LEASE / 2);
    // A late farewell frees nobody of what was promised to another.
    stays(&mut world, 20 * SEC);
}

#[test]
fn q13_a_farewell_that_is_lost_costs_the_lease_and_nothing_else() {
    let mut world = guarded(10 * MS);
    world.filter(|l| if l.message.name() == "Farewell" { Fate::Drop } else { Fate::Pass });
    let crash = world.now();
    world.crash(2);
    let (at, host, _) = next_reign(&mut world, 3 * SEC);
    assert_eq!(host, 1);
    assert!(at - crash <= crash_bound(0));
    assert!(at - crash > LEASE / 2);
}

#[test]
fn q13_a_farewell_that_comes_late_or_twice_is_harmless() {
    for by in [500 * MS, 3 * SEC, 20 * SEC] {
        let mut world = guarded(0);
        world.filter(move |l| match l.message {
            Message::Farewell(_) if l.to == 0 => Fate::Delay(by),
            Message::Farewell(_) => Fate::Repeat(by),
            _ => Fate::Pass,
        });
        world.setup(2).restart_after = Some(0);
        world.crash(2);
        next_reign(&mut world, 3 * SEC);
        world.run_for(2 * SEC);
        // The node of that name leads again, in a later term, as the late word arrives.
        let (leader, id) = (world.leader().unwrap(), world.id(2));
        world.propose(leader, Proposal::HandOver(Some(id)));
        assert_eq!(next_reign(&mut world, SEC).1, 2);
        stays(&mut world, 25 * SEC);
        assert!(world.leads(2));
    }
}

#[test]
fn q13_the_node_is_started_again_and_is_silent_like_any() {
    let mut world = guarded(20 * MS);
    world.setup(2).restart_after = Some(10 * MS);
    let log = log(&mut world);
    let crash = world.now();
    world.crash(2);
    let (at, _, token) = next_reign(&mut world, 3 * SEC);
    assert!(at - crash <= 20 * MS + farewell_bound());
    run_to(&mut world, SEC, |w| w.is_present(2));
    settles(&mut world, 5 * SEC);
    let said = log.borrow();
    let binds = |s: &&crate::Sent| s.from == 2 && matches!(s.message.name(), "Vote" | "VoteReq");
    assert!(said.iter().filter(binds).all(|s| s.at >= crash + LEASE));
    assert_eq!(term_max(&world), token);
}

#[test]
fn q13_the_pact_is_made_before_anybody_can_promise_in_its_term() {
    // The candidate dies as its first request is out: the votes for it are given back.
    let mut world = guarded(0);
    world.vanish(2);
    let log = log(&mut world);
    let seen = log.clone();
    let is_request = |s: &crate::Sent| s.message.name() == "VoteReq";
    run_to(&mut world, 3 * SEC, move |_| seen.borrow().iter().any(is_request));
    let candidate = log.borrow().iter().find(|s| is_request(s)).unwrap().from;
    world.start(2);
    world.crash(candidate);
    world.run_for(5 * MS);
    let said = log.borrow();
    let terms = said.iter().filter_map(|s| match &s.message {
        Message::Farewell(f) => Some(f.term),
        _ => None,
    });
    let terms: Vec<Term> = terms.collect();
    assert!(!terms.is_empty());
    let stood = world.stored(candidate).unwrap().term;
    assert!(terms.iter().all(|t| *t == stood), "{terms:?} {stood:?}");
}

#[test]
fn q13_a_successor_by_handover_has_a_pact_too() {
    let mut world = guarded(30 * MS);
    world.propose(2, Proposal::HandOver(None));
    let (_, host, token) = next_reign(&mut world, SEC);
    assert_eq!(host, 1);
    world.run_for(SEC);
    let crash = world.now();
    world.crash(1);
    let (at, _, new) = next_reign(&mut world, 3 * SEC);
    assert_eq!(new, token + 1);
    assert!(at - crash <= 30 * MS + farewell_bound() + tail(0), "{} µs", (at - crash) / US);
}

#[test]
fn q13_the_death_of_a_follower_is_nobodys_business() {
    let mut world = guarded(0);
    world.setup(0).restart_after = Some(100 * MS);
    world.crash(0);
    stays(&mut world, 20 * SEC);
    assert!(world.is_settled());
}

#[test]
fn q13_the_death_of_a_host_is_left_to_the_lease() {
    let mut world = guarded(0);
    let vanish = world.now();
    world.vanish(2);
    let (at, _, _) = next_reign(&mut world, 3 * SEC);
    assert!(at - vanish <= crash_bound(0));
    assert!(at - vanish > LEASE / 2);
    assert!(at - vanish > SYNC);
}

/// A guardian that does not wait for the command's death makes two leaders, and the checkers see it.
#[test]
fn q13_a_guardian_that_speaks_before_the_kill_makes_two_leaders() {
    let mut world = cluster(3);
    for host in 0..3 {
        world.setup(host).guardian = true;
        world.setup(host).hasty = true;
        world.setup(host).kill_lag = 400 * MS;
        world.start(host);
    }
    settle(&mut world);
    world.crash_with_app_alive(2);
    let end = world.now() + 2 * SEC;
    world.run_until(end);
    let found = world.violation.clone().expect("the checkers see nothing");
    assert!(found.contains("AtMostOneActive"), "{found}");
}
