//! Q1: what a node has promised it forgets with its process, and so it is silent first.

use std::time::Duration;

use bully_core::quorum::{Boot, Leaderless, Message, Vote};
use bully_sim::quorum::{Fate, cluster, running, settle};
use bully_sim::{MS, SEC, US};

use crate::{
    DELTA, HOP, LEASE, SYNC, crash_bound, log, log_and, next_reign, remaining, run_to, settles,
    stays, tail, term_max, usable_nanos,
};

/// Scenario 9: its leader lives and counts on its promise; a challenger asks all the time.
#[test]
fn q1_a_voter_that_restarts_inside_its_promise_votes_for_nobody_before_its_silence_is_over() {
    for phase in 0..8 {
        let mut world = running(3);
        world.cut(0, 2);
        world.run_for(2 * SEC + phase * 20 * MS);
        let log = log(&mut world);
        let (restart, acts) = (world.now(), world.acts(2).unwrap().0);
        world.isolate(2);
        world.crash(1);
        world.start(1);
        let (at, host, _) = next_reign(&mut world, 3 * SEC);
        assert_ne!(host, 2);
        assert!(at >= restart + LEASE && at > acts, "{} µs", (at - restart) / US);
        assert!(at - restart <= LEASE + tail(2), "{} µs", (at - restart) / US);
        let said = log.borrow();
        let binds = |m: &Message| matches!(m, Message::Vote(_) | Message::VoteReq(_));
        let first = said.iter().find(|s| s.from == 1 && binds(&s.message));
        assert!(first.is_none_or(|s| s.at >= restart + LEASE));
        let asks = |s: &&crate::Sent| s.from == 0 && s.message.name() == "PreVote";
        assert!(said.iter().filter(asks).count() > 10, "it was tempted");
    }
}

#[test]
fn q1_a_muted_node_follows_a_leader_and_supports_its_lease() {
    let mut world = running(3);
    world.vanish(0);
    world.crash(1);
    world.start(1);
    world.run_for(300 * MS);
    assert!(world.status(1).unwrap().muted > Duration::ZERO);
    assert_eq!(world.leader_of(1), Some(2));
    stays(&mut world, 5 * SEC);
    assert!(world.leads(2), "one voter that restarted is enough to go on");
}

/// Scenario 10.
#[test]
fn q1_an_application_that_outlives_its_node_keeps_every_other_out_until_its_deadline() {
    for count in [1, 2, 3, 5] {
        for phase in 0..5 {
            let mut world = running(count);
            world.run_for(phase * 31 * MS);
            let (leader, crash) = (world.leader().unwrap(), world.now());
            let (deadline, old) = world.acts(leader).unwrap();
            world.crash_with_app_alive(leader);
            world.start(leader);
            assert_eq!(world.acts(leader), Some((deadline, old)));
            let (at, _, token) = next_reign(&mut world, 5 * SEC);
            assert!(at >= deadline, "{count}: {} µs too early", (deadline - at) / US);
            assert!(token > old);
            let bound = if count < 3 { LEASE + tail(1) + SYNC } else { crash_bound(0) };
            assert!(at - crash <= bound, "{count}: {} µs", (at - crash) / US);
        }
    }
}

#[test]
fn q1_a_node_alone_is_silent_for_its_lease_too() {
    let mut world = running(1);
    let (deadline, old) = world.acts(0).unwrap();
    let crash = world.now();
    world.crash_with_app_alive(0);
    world.start(0);
    world.run_for(500 * MS);
    let reason = world.status(0).unwrap().reason;
    assert!(matches!(reason, Some(Leaderless::Muted(_))), "{reason:?}");
    let (at, _, token) = next_reign(&mut world, 3 * SEC);
    assert!(at >= deadline && at >= crash + LEASE);
    assert!(at <= crash + LEASE + DELTA + 3 * SYNC);
    assert_eq!(token, old + 1);
}

/// Scenario 26.
#[test]
fn q1_after_a_power_cycle_of_all_there_is_a_leader_by_the_silence_and_the_tail() {
    for count in [1, 2, 3, 5] {
        let mut world = running(count);
        let old = world.token().unwrap();
        (0..count).for_each(|h| world.vanish(h));
        world.run_for(5 * SEC);
        let start = world.now();
        (0..count).for_each(|h| world.start(h));
        let (at, host, token) = next_reign(&mut world, 5 * SEC);
        assert_eq!(host, count - 1);
        assert_eq!(token, old + 1);
        assert!(at >= start + LEASE);
        assert!(at - start <= LEASE + tail(0), "{count}: {} µs", (at - start) / US);
        settles(&mut world, SEC);
        stays(&mut world, 10 * SEC);
    }
}

#[test]
fn q1_one_after_the_other_may_be_restarted_and_somebody_leads_within_the_bound_each_time() {
    let mut world = running(3);
    let mut token = world.token().unwrap();
    for round in 0..6 {
        let host = round % 3;
        let was_leader = world.leads(host);
        let crash = world.now();
        world.crash(host);
        world.start(host);
        if was_leader {
            let (at, _, new) = next_reign(&mut world, 3 * SEC);
            assert!(at - crash <= crash_bound(0), "{} µs", (at - crash) / US);
            assert!(new > token);
            token = new;
        }
        world.run_for(3 * SEC);
        assert!(world.is_settled(), "{}", world.tell_states());
    }
    assert_eq!(term_max(&world), token);
}

/// Scenario 27: what counts is what was promised, not what is configured now.
#[test]
fn q1_a_node_with_a_shorter_lease_than_it_promised_is_silent_for_what_it_promised() {
    let mut world = cluster(3);
    for host in 0..3 {
        world.setup(host).lease = Duration::from_secs(4);
        world.start(host);
    }
    settle(&mut world);
    world.cut(0, 2);
    world.run_for(6 * SEC);
    let (restart, acts) = (world.now(), world.acts(2).unwrap().0);
    assert!(acts > restart + 3 * SEC);
    world.isolate(2);
    world.crash(1);
    world.setup(1).lease = Duration::from_millis(700);
    world.start(1);
    assert_eq!(world.status(1).unwrap().muted, Duration::from_secs(4));
    let (at, _, _) = next_reign(&mut world, 8 * SEC);
    assert!(at > acts && at >= restart + 4 * SEC);
    // The silence over, a shorter one is enough.
    world.run_for(SEC);
    assert_eq!(world.stored(1).unwrap().lease_max, Duration::from_millis(700));
    world.crash(1);
    world.start(1);
    assert_eq!(world.status(1).unwrap().muted, Duration::from_millis(700));
}

/// Scenario 27.
#[test]
fn q7_the_lease_of_each_grant_counts_and_no_more_than_the_holders_own() {
    let mut world = cluster(3);
    for (host, ms) in [(0, 4_000), (1, 4_000), (2, 700)] {
        world.setup(host).lease = Duration::from_millis(ms);
        world.start(host);
    }
    settle(&mut world);
    assert!(world.leads(2));
    for _ in 0..500 {
        world.run_for(MS);
        assert!(remaining(&world, 2) <= usable_nanos(700 * MS));
    }
    // It is silent for its own lease only; the others are bound for theirs.
    let crash = world.now();
    world.crash_with_app_alive(2);
    world.start(2);
    let (at, host, _) = next_reign(&mut world, 8 * SEC);
    assert_eq!(host, 2, "the promises to it are still held");
    assert!(at >= crash + 700 * MS);
    assert!(at <= crash + 700 * MS + tail(0) + 2 * DELTA, "{} µs", (at - crash) / US);
}

/// Scenario 27.
#[test]
fn q7_a_leader_of_a_long_lease_counts_on_what_each_voter_promises() {
    let mut world = cluster(3);
    for (host, ms) in [(0, 700), (1, 700), (2, 4_000)] {
        world.setup(host).lease = Duration::from_millis(ms);
        world.start(host);
    }
    settle(&mut world);
    for _ in 0..500 {
        world.run_for(MS);
        assert!(remaining(&world, 2) <= usable_nanos(700 * MS));
    }
    let crash = world.now();
    world.crash_with_app_alive(2);
    let (at, host, _) = next_reign(&mut world, 3 * SEC);
    assert_eq!(host, 1);
    assert!(at - crash <= 700 * MS + HOP + tail(0), "{} µs", (at - crash) / US);
}

/// Scenario 27.
#[test]
fn q1_a_rolling_change_of_the_lease_keeps_the_peace() {
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
        let mut world = running(3);
        for ms in [3_000, 700, 2_000] {
            for host in order {
                world.crash_with_app_alive(host);
                world.setup(host).lease = Duration::from_millis(ms);
                world.start(host);
                world.run_for(200 * MS);
                settles(&mut world, 12 * SEC);
            }
        }
        stays(&mut world, 10 * SEC);
    }
}

/// Q1: a boot is on the disk before a word of it is said.
#[test]
fn q1_a_node_says_nothing_before_its_boot_is_on_disk() {
    let mut world = running(3);
    world.crash(0);
    world.set_disk(0, bully_sim::quorum::DiskMode::Stalled);
    let log = log(&mut world);
    world.start(0);
    world.run_for(5 * SEC);
    assert!(log.borrow().iter().all(|s| s.from != 0));
    assert_eq!(world.dials(0), {
        world.run_for(5 * SEC);
        world.dials(0)
    });
    world.set_disk(0, bully_sim::quorum::DiskMode::Good);
    settles(&mut world, 10 * SEC);
}

/// Stamps of an earlier boot are not of this one's clock.
#[test]
fn q5_a_vote_for_another_boot_counts_for_nothing() {
    for is_right in [false, true] {
        let mut world = running(3);
        world.crash(2);
        let log = log_and(&mut world, |letter| match letter.message {
            Message::Vote(_) => Fate::Drop,
            _ => Fate::Pass,
        });
        let request = |s: &crate::Sent| match &s.message {
            Message::VoteReq(req) if s.from == 1 => Some(req.clone()),
            _ => None,
        };
        let seen = log.clone();
        run_to(&mut world, 3 * SEC, move |_| seen.borrow().iter().any(|s| request(s).is_some()));
        let asked = log.borrow().iter().find_map(request).unwrap();
        // The other has voted by then.
        world.run_for(SYNC + 2 * HOP);
        let boot = world.record(1).unwrap().boot;
        let boot = if is_right { boot } else { Boot(boot.0 - 1) };
        let (candidate, lease) = (world.inst(1).unwrap(), Duration::from_secs(1));
        let (term, stamp) = (asked.term, asked.stamp);
        let vote = Vote { term, candidate, stamp, boot, lease };
        world.inject(0, 1, &Message::Vote(vote));
        world.run_for(2 * HOP + SYNC);
        assert_eq!(world.leads(1), is_right);
    }
}
