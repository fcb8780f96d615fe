//! Q8: a reign is handed over.

use std::cell::Cell;
use std::rc::Rc;

use bully_core::quorum::{Cause, Event, Message, Objection, Proposal, Release, Term};
use bully_sim::quorum::{Fate, Letter, World, running};
use bully_sim::{MS, SEC, US, address};

use crate::{
    DELTA, HOP, LEASE, SYNC, crash_bound, has_event, last_cause, log, log_and, lose, next_reign,
    revokes, run_to, settles, stays, tail, term_max, usable_nanos,
};

/// Whether a message hands a reign over.
fn hands_over(letter: &Letter<'_>) -> bool {
    matches!(letter.message, Message::Release(Release { target: Some(_), .. }))
}

fn hand_over(world: &mut World, to: usize) {
    let (leader, id) = (world.leader().unwrap(), world.id(to));
    world.propose(leader, Proposal::HandOver(Some(id)));
}

#[test]
fn q8_a_handover_takes_a_round_trip_the_syncs_and_the_applications_time() {
    for (to, lag) in [(1, 0), (0, 0), (1, 300 * MS), (0, 500 * MS)] {
        let mut world = running(3);
        world.setup(2).revoke_lag = lag;
        let (start, old) = (world.now(), world.token().unwrap());
        hand_over(&mut world, to);
        assert_eq!(revokes(&world, 2, start), [(start, Cause::Resign)]);
        assert!(!world.leads(2), "from the moment at which its application is told");
        let (at, host, token) = next_reign(&mut world, 2 * SEC);
        assert_eq!((host, token), (to, old + 1));
        assert_eq!(last_cause(&world), Some(Cause::Handover));
        let took = at - start;
        assert!(took <= lag + 2 * HOP + 3 * SYNC, "{} µs", took / US);
        assert!(took >= lag + HOP, "{} µs", took / US);
        stays(&mut world, 10 * SEC);
        assert!(world.is_settled());
    }
}

#[test]
fn q8_without_a_name_the_best_ranked_is_meant_and_a_mistake_is_named() {
    let mut world = running(3);
    let start = world.now();
    world.propose(0, Proposal::HandOver(None));
    world.propose(2, Proposal::HandOver(Some(address(9))));
    world.propose(2, Proposal::HandOver(Some(address(2))));
    let not = |o| move |e: &Event| *e == Event::NotProposed(o);
    assert!(has_event(&world, 0, start, not(Objection::NotLeader)));
    assert!(has_event(&world, 2, start, not(Objection::NotMember)));
    assert!(world.leads(2));
    world.propose(2, Proposal::HandOver(None));
    let (_, host, _) = next_reign(&mut world, SEC);
    assert_eq!(host, 1);
}

/// Scenario 11.
#[test]
fn q8_a_release_that_comes_ten_leases_late_changes_nothing() {
    let mut world = running(3);
    world.filter(|letter| if hands_over(letter) { Fate::Delay(10 * LEASE) } else { Fate::Pass });
    let (start, old) = (world.now(), world.token().unwrap());
    hand_over(&mut world, 1);
    let (at, _, token) = next_reign(&mut world, 4 * SEC);
    assert!(token > old);
    assert!(at - start <= crash_bound(0) + SYNC, "{} µs", (at - start) / US);
    stays(&mut world, 20 * SEC);
    assert!(world.is_settled());
}

/// Scenario 11.
#[test]
fn q8_a_handover_that_is_heard_twice_is_one() {
    for again in [10 * US, MS, 500 * MS, 5 * SEC] {
        let mut world = running(3);
        world.filter(move |letter| match letter.message {
            Message::Vote(_) | Message::Release(_) => Fate::Repeat(again),
            _ => Fate::Pass,
        });
        let old = world.token().unwrap();
        hand_over(&mut world, 1);
        let (_, host, token) = next_reign(&mut world, SEC);
        assert_eq!((host, token), (1, old + 1));
        stays(&mut world, 10 * SEC);
    }
}

/// Scenario 11.
#[test]
fn q8_when_the_target_dies_the_others_elect_after_its_lease() {
    for reboots in [false, true] {
        for after in [0, 3 * MS, 6 * MS] {
            let mut world = running(3);
            let (start, old) = (world.now(), world.token().unwrap());
            hand_over(&mut world, 1);
            world.run_for(after);
            world.crash_with_app_alive(1);
            if reboots {
                world.start(1);
            }
            let count = world.reigns().len();
            let (at, host, token) = next_reign(&mut world, 4 * SEC);
            assert_eq!(world.reigns().len(), count + 1);
            assert!(reboots || host != 1);
            assert!(token > old);
            assert!(at - start >= LEASE, "whoever promised waits: {} µs", (at - start) / US);
            assert!(at - start <= after + crash_bound(1) + SYNC, "{} µs", (at - start) / US);
            stays(&mut world, 10 * SEC);
        }
    }
}

#[test]
fn q8_the_old_leader_may_die_as_soon_as_it_has_sent_its_release() {
    let mut world = running(3);
    let old = world.token().unwrap();
    let releases = world.sent_of("Release");
    let start = world.now();
    hand_over(&mut world, 1);
    run_to(&mut world, 10 * MS, move |w| w.sent_of("Release") > releases);
    world.crash(2);
    let (at, host, token) = next_reign(&mut world, SEC);
    assert_eq!((host, token), (1, old + 1), "the votes of the others are enough");
    assert!(at - start <= 2 * HOP + 3 * SYNC + MS);
    stays(&mut world, 5 * SEC);
}

#[test]
fn q8_an_old_leader_that_dies_before_its_release_costs_a_lease() {
    let mut world = running(3);
    world.setup(2).revoke_lag = 100 * MS;
    hand_over(&mut world, 1);
    world.run_for(50 * MS);
    let crash = world.now();
    world.crash(2);
    let (at, host, _) = next_reign(&mut world, 3 * SEC);
    assert_eq!(host, 1);
    assert!(at - crash <= crash_bound(0));
    assert!(at - crash >= LEASE / 2);
}

/// Scenario 12. The successor's lease rests on the old leader's promise alone, and the third node
/// would vote for the old leader at once.
#[test]
fn q8c_the_old_leader_is_promised_to_its_successor_and_does_not_stand() {
    let mut world = running(3);
    world.cut(0, 1);
    let log = log_and(&mut world, |letter| {
        if hands_over(letter) && letter.to == 0 { Fate::Drop } else { Fate::Pass }
    });
    let old = world.token().unwrap();
    hand_over(&mut world, 1);
    let (won, host, token) = next_reign(&mut world, SEC);
    assert_eq!((host, token), (1, old + 1));
    let promise = world.bonds(2).unwrap().promise.map(|(holder, term, _)| (holder, term));
    assert_eq!(promise, Some((world.inst(1).unwrap(), Term(token))));
    let (deadline, _) = world.acts(1).unwrap();
    assert!(deadline > won + usable_nanos(LEASE) / 2);
    world.isolate(1);
    let (at, host, _) = next_reign(&mut world, 4 * SEC);
    assert_ne!(host, 1);
    assert!(at >= deadline, "{} µs too early", deadline.saturating_sub(at) / US);
    let stood = |s: &&crate::Sent| s.from == 2 && s.at < deadline;
    assert!(log.borrow().iter().filter(stood).all(|s| s.message.name() != "PreVote"));
}

/// Scenario 13.
#[test]
fn q8_votes_for_a_reign_that_has_lapsed_do_not_bring_it_back() {
    let mut world = running(3);
    let log = log(&mut world);
    let old = world.token().unwrap();
    hand_over(&mut world, 1);
    let (_, _, token) = next_reign(&mut world, SEC);
    assert_eq!(token, old + 1);
    let stale: Vec<crate::Sent> = log.borrow().iter().filter(|s| s.to == 1).cloned().collect();
    let stale = stale.into_iter().filter(|s| matches!(s.message.name(), "Vote" | "Release"));
    let stale: Vec<crate::Sent> = stale.collect();
    assert_eq!(stale.len(), 3, "the release, and two votes");
    world.unfilter();
    let start = world.now();
    // Its followers fall silent, and their connections stand.
    world.filter(|letter| if letter.from == 1 { Fate::Drop } else { Fate::Pass });
    run_to(&mut world, 2 * SEC, |w| !w.leads(1));
    assert_eq!(revokes(&world, 1, start)[0].1, Cause::Lapse);
    for _ in 0..100 {
        for sent in &stale {
            world.inject(sent.from, 1, &sent.message);
        }
        world.run_for(20 * MS);
    }
    world.unfilter();
    settles(&mut world, 10 * SEC);
    let again = world.reigns().iter().filter(|r| r.2 == token).count();
    assert_eq!(again, 1);
}

/// Q8a: the successor waits for the application, and no longer than the deadline that it was shown.
#[test]
fn q8a_an_application_that_never_answers_holds_the_reign_until_its_deadline() {
    let mut world = running(3);
    world.setup(2).revoke_lag = 10 * SEC;
    let start = world.now();
    let (deadline, old) = world.acts(2).unwrap();
    hand_over(&mut world, 1);
    run_to(&mut world, 2 * SEC, move |w| w.now() >= deadline - MS);
    assert_eq!(world.leader(), None);
    assert_eq!(term_max(&world), old);
    let (at, host, token) = next_reign(&mut world, SEC);
    assert_eq!((host, token), (1, old + 1));
    assert!(at >= deadline);
    assert!(at - deadline <= 2 * HOP + 3 * SYNC + MS, "{} µs", (at - deadline) / US);
    assert!(at - start <= LEASE);
}

#[test]
fn q8_a_node_that_is_muted_is_handed_nothing() {
    let mut world = running(3);
    world.crash(1);
    world.start(1);
    world.run_for(400 * MS);
    let start = world.now();
    hand_over(&mut world, 1);
    assert!(has_event(&world, 2, start, |e| matches!(e, Event::NotProposed(_))));
    assert!(world.leads(2));
    world.propose(2, Proposal::HandOver(None));
    let (_, host, _) = next_reign(&mut world, SEC);
    assert_eq!(host, 0);
}

/// What it acknowledged before it was started again is not its word.
#[test]
fn q8_a_node_that_was_just_started_again_is_handed_nothing() {
    let mut world = running(3);
    let beats = world.sent_of("Hb");
    run_to(&mut world, SEC, move |w| w.sent_of("Hb") > beats);
    world.run_for(10 * MS);
    world.crash(1);
    world.start(1);
    world.run_for(20 * MS);
    let start = world.now();
    hand_over(&mut world, 1);
    assert!(has_event(&world, 2, start, |e| matches!(e, Event::NotProposed(_))));
    assert!(world.leads(2));
    stays(&mut world, 5 * SEC);
}

#[test]
fn q8_nobody_hands_over_to_a_node_that_was_not_heard_just_now() {
    let mut world = running(3);
    world.cut(1, 2);
    world.run_for(400 * MS);
    let start = world.now();
    hand_over(&mut world, 1);
    assert!(has_event(&world, 2, start, |e| matches!(e, Event::NotProposed(_))));
    stays(&mut world, 5 * SEC);
}

/// Q8: an earlier Vote than its Release is kept, and does nothing on its own.
#[test]
fn q8_the_votes_may_come_before_the_release() {
    let mut world = running(5);
    let reached = Rc::new(Cell::new(0));
    let seen = reached.clone();
    world.filter(move |letter| match letter.message {
        Message::Release(_) if letter.to == 3 => Fate::Delay(10 * MS),
        Message::Vote(_) => {
            seen.set(seen.get() + 1);
            Fate::Pass
        }
        _ => Fate::Pass,
    });
    let (start, old) = (world.now(), world.token().unwrap());
    hand_over(&mut world, 3);
    world.run_for(9 * MS);
    assert_eq!(reached.get(), 4);
    assert_eq!(world.leader(), None);
    let (at, host, token) = next_reign(&mut world, SEC);
    assert_eq!((host, token), (3, old + 1));
    assert!(at - start <= 10 * MS + HOP + 3 * SYNC, "{} µs", (at - start) / US);
}

/// Q8: the candidacy is over after 6δ, and frees both terms.
#[test]
fn q8_a_handover_to_a_node_that_nobody_reaches_ends_in_an_election() {
    let mut world = running(5);
    let start = world.now();
    world.filter(|letter| match letter.message {
        Message::Vote(_) => Fate::Drop,
        _ => Fate::Pass,
    });
    hand_over(&mut world, 3);
    world.run_for(200 * MS);
    assert_eq!(world.leader(), None);
    world.unfilter();
    let (at, _, _) = next_reign(&mut world, 3 * SEC);
    assert!(at - start <= 200 * MS + 2 * DELTA + tail(4), "{} ms", (at - start) / MS);
    stays(&mut world, 5 * SEC);
}

/// Whoever dies at whatever moment, its application living on, and is started again at once.
#[test]
fn q8_any_node_may_die_at_any_moment_of_a_handover() {
    for moment in 0..24 {
        for victim in 0..3 {
            let mut world = running(3);
            world.setup(2).revoke_lag = MS;
            let (start, old) = (world.now(), world.token().unwrap());
            hand_over(&mut world, 1);
            world.run_for(moment * 400 * US);
            world.crash_with_app_alive(victim);
            world.start(victim);
            settles(&mut world, 6 * SEC);
            let reigns = world.reigns();
            let after: Vec<_> = reigns.iter().filter(|r| r.0 >= start).collect();
            assert!((1..=3).contains(&after.len()), "{victim} {moment}: {after:?}");
            assert!(after.iter().all(|r| r.2 > old));
            stays(&mut world, 5 * SEC);
        }
    }
}

#[test]
fn q8_any_message_of_a_handover_may_be_lost() {
    for number in 0..16 {
        let mut world = running(3);
        let start = world.now();
        hand_over(&mut world, 1);
        lose(&mut world, number);
        let (at, ..) = next_reign(&mut world, 4 * SEC);
        assert!(at - start <= crash_bound(1) + SYNC, "{number}: {} µs", (at - start) / US);
        world.run_for(3 * SEC);
        stays(&mut world, 5 * SEC);
    }
}
