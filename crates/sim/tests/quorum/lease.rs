//! Q6 and Q7: a reign rests on a lease, and is over with it.

use std::time::Duration;

use bully_core::quorum::{Cause, Message, Reject, Role, Term, VoteReq};
use bully_sim::quorum::{Fate, cluster, running, settle};
use bully_sim::{MS, SEC, US};

use crate::{
    HEARTBEAT, HOP, LEASE, Resource, SYNC, count_from, crash_bound, has_event, last_cause, log,
    next_reign, remaining, revokes, run_to, stays, tail, term_max, usable_nanos,
};

/// Scenario 2.
#[test]
fn q6_a_leader_that_was_frozen_says_no_at_the_first_read_and_its_token_is_refused() {
    let mut world = running(3);
    let (old, mut resource) = (world.token().unwrap(), Resource::default());
    assert!(resource.write(old));
    let freeze = world.now();
    world.pause(2);
    let (at, host, token) = next_reign(&mut world, 3 * SEC);
    assert_eq!(host, 1);
    assert!(at - freeze <= crash_bound(0));
    assert!(resource.write(token));
    world.run_until(freeze + 3 * LEASE);
    // Before it has read anything of what waits for it.
    assert_ne!(world.status(2).unwrap().role, Role::Leader);
    let thaw = world.now();
    world.thaw(2);
    assert!(!world.leads(2));
    assert_eq!(revokes(&world, 2, freeze), [(thaw, Cause::Lapse)]);
    assert!(!resource.write(old), "the new one has been seen");
    stays(&mut world, 5 * SEC);
    assert!(world.is_settled());
}

/// Scenario 3.
#[test]
fn q7_an_isolated_leader_is_inactive_by_d_and_the_rest_elect_and_the_return_raises_no_term() {
    for phase in 0..10 {
        let mut world = running(3);
        world.run_for(phase * 15 * MS);
        let (cut, old) = (world.now(), world.token().unwrap());
        world.isolate(2);
        let took = world.time_to(2 * SEC, |w| !w.leads(2)).unwrap();
        assert!(took <= usable_nanos(LEASE) + MS, "{} µs", took / US);
        assert!(took >= usable_nanos(LEASE) - HEARTBEAT - 2 * HOP, "{} µs", took / US);
        let (at, host, token) = next_reign(&mut world, 2 * SEC);
        assert_eq!((host, token), (1, old + 1));
        assert!(at - cut <= crash_bound(0), "{} µs", (at - cut) / US);
        world.run_for(10 * SEC);
        world.heal_all();
        stays(&mut world, 20 * SEC);
        assert!(world.is_settled());
        assert_eq!(term_max(&world), old + 1);
    }
}

/// Scenario 34: the acknowledgements would justify a later deadline, but come too late to.
#[test]
fn q7_acks_that_waited_past_the_deadline_revive_nothing() {
    let mut world = running(3);
    let beats = world.sent_of("Hb");
    run_to(&mut world, SEC, move |w| w.sent_of("Hb") > beats);
    let (beat, old) = (world.now(), world.token().unwrap());
    let rest = remaining(&world, 2);
    world.pause(2);
    world.run_for(rest + rest / 50);
    assert!(world.now() < beat + usable_nanos(LEASE), "the acks would last longer");
    assert_eq!(world.leader(), None);
    let thaw = world.now();
    world.thaw(2);
    assert_eq!(revokes(&world, 2, beat), [(thaw, Cause::Lapse)]);
    assert!(!world.leads(2));
    let (_, _, token) = next_reign(&mut world, 2 * SEC);
    assert!(token > old);
}

/// Scenario 33.
#[test]
fn q6_a_term_is_over_for_others_only_when_the_application_is() {
    let mut world = cluster(3);
    for host in 0..3 {
        world.setup(host).lease = Duration::from_secs(5);
        world.setup(host).revoke_lag = 3 * SEC;
        world.start(host);
    }
    settle(&mut world);
    let (old, start) = (world.token().unwrap(), world.now());
    let log = log(&mut world);
    let reject = Reject { term: Term(old + 5), roster: None };
    world.inject(0, 2, &Message::Reject(reject));
    world.run_for(3 * SEC - 10 * MS);
    assert_eq!(revokes(&world, 2, start), [(start + HOP, Cause::Overtaken)]);
    assert_eq!(world.status(2).unwrap().role, Role::Revoking);
    for name in ["Vote", "Release", "VoteReq", "HbAck"] {
        assert_eq!(count_from(&log, 2, name), 0, "{name}");
    }
    assert_eq!(world.leader(), None);
    let (at, host, token) = next_reign(&mut world, SEC);
    assert_eq!((host, token), (2, old + 6), "the promises are still held: nobody is asked first");
    assert_eq!(last_cause(&world), Some(Cause::Overtaken));
    let took = at - (start + HOP + 3 * SEC);
    assert!(took <= 2 * HOP + 3 * SYNC, "{} µs", took / US);
    let asks = |s: &crate::Sent| matches!(&s.message, Message::PreVote(p) if !p.probe);
    assert!(!log.borrow().iter().any(asks));
    stays(&mut world, 10 * SEC);
}

#[test]
fn q6_who_is_no_member_overthrows_nobody() {
    let mut world = running(3);
    let setup = bully_sim::quorum::setup(3, 4);
    world.add_host(bully_sim::address(3), setup);
    world.start(3);
    run_to(&mut world, 5 * SEC, |w| w.cluster_of(3).is_some());
    assert!(!world.members(2).contains(&3), "it is still a learner");
    let reject = Reject { term: Term(term_max(&world) + 5), roster: None };
    world.inject(3, 2, &Message::Reject(reject));
    stays(&mut world, 5 * SEC);
}

#[test]
fn q7_a_lease_counts_from_the_stamp_however_late_the_ack_comes() {
    let mut world = running(3);
    world.filter(|letter| match letter.message {
        Message::HbAck(_) => Fate::Delay(400 * MS),
        _ => Fate::Pass,
    });
    stays(&mut world, 5 * SEC);
    let most = usable_nanos(LEASE) - 400 * MS;
    for _ in 0..400 {
        world.run_for(MS);
        assert!(remaining(&world, 2) <= most, "{} ms", remaining(&world, 2) / MS);
    }
    assert!(world.leads(2));
}

#[test]
fn q7_acks_slower_than_d_leave_no_lease_at_all() {
    let mut world = running(3);
    let start = world.now();
    world.filter(|letter| match letter.message {
        Message::HbAck(_) => Fate::Delay(980 * MS),
        _ => Fate::Pass,
    });
    world.run_for(2 * SEC);
    assert_eq!(revokes(&world, 2, start)[0].1, Cause::Lapse);
}

#[test]
fn q6_a_heartbeat_of_a_reign_that_was_released_promises_nothing() {
    let mut world = running(3);
    let late = crate::log_and(&mut world, |letter| match letter.message {
        Message::Hb(_) if letter.from == 2 && letter.to == 0 => Fate::Repeat(300 * MS),
        _ => Fate::Pass,
    });
    world.run_for(SEC);
    let old = world.token().unwrap();
    world.propose(2, bully_core::quorum::Proposal::HandOver(None));
    let (_, host, token) = next_reign(&mut world, SEC);
    assert_eq!((host, token), (1, old + 1));
    assert!(late.borrow().iter().any(|s| s.from == 2 && s.to == 0));
    stays(&mut world, 5 * SEC);
    assert_eq!(world.bonds(0).unwrap().promise.map(|p| p.0), world.inst(1));
}

#[test]
fn q6_a_leader_without_its_majority_releases_the_others_at_its_lapse() {
    // The lapse is D after the last renewal, and the promises of those it still reaches would last
    // longer: it gives them back.
    let mut world = running(5);
    let start = world.now();
    for host in [1, 2, 3] {
        world.cut(4, host);
    }
    let (at, host, _) = next_reign(&mut world, 3 * SEC);
    assert_eq!(host, 3);
    assert!(at - start <= LEASE + HOP + tail(0), "{} µs", (at - start) / US);
    assert!(has_event(&world, 4, start, |e| {
        matches!(e, bully_core::quorum::Event::Revoke { cause: Cause::Lapse, .. })
    }));
}

/// A term that no honest node can hold.
#[test]
fn a_term_beyond_all_reason_is_dropped_and_named() {
    let mut world = running(3);
    let start = world.now();
    let leap = Term(term_max(&world) + Term::LEAP_MAX + 10_000);
    let reject = Message::Reject(Reject { term: leap, roster: None });
    world.inject(0, 2, &reject);
    stays(&mut world, 5 * SEC);
    let is_drop = |e: &bully_core::quorum::Event| {
        *e == bully_core::quorum::Event::TermDropped { from: world.inst(0), term: leap }
    };
    assert!(has_event(&world, 2, start, is_drop));
}

/// Q2: a refused request changes no term, and so a candidate in vain deposes nobody.
#[test]
fn q2_a_request_that_is_refused_takes_nobody_into_its_term() {
    let mut world = running(3);
    let roster = world.roster(0).unwrap().version;
    let log = log(&mut world);
    let term = Term(term_max(&world) + 5);
    let stamp = bully_core::quorum::Stamp(bully_core::Tick(1));
    let request = Message::VoteReq(VoteReq { term, roster, stamp });
    for to in [1, 2] {
        world.inject(0, to, &request);
    }
    stays(&mut world, 5 * SEC);
    assert_eq!((count_from(&log, 1, "Reject"), count_from(&log, 2, "Reject")), (1, 1));
}

/// Q7: of a heartbeat with an older roster than its own nobody takes notice but by a refusal.
#[test]
fn q7_a_heartbeat_with_an_older_roster_is_refused() {
    let mut world = running(3);
    let before = log(&mut world);
    world.run_for(SEC);
    let is_beat = |s: &&crate::Sent| s.message.name() == "Hb" && s.to == 0;
    let old = before.borrow().iter().rev().find(is_beat).cloned().unwrap();
    world.propose(1, bully_core::quorum::Proposal::Priority(150));
    world.run_for(100 * MS);
    let log = log(&mut world);
    world.inject(2, 0, &old.message);
    world.run_for(HOP);
    assert_eq!(count_from(&log, 0, "Reject"), 1);
    assert_eq!(count_from(&log, 0, "HbAck"), 0);
    world.run_for(SEC);
    assert!(world.leads(2), "it has the newer one itself");
}

/// Q6: a heartbeat that was on its way as its reign ended binds nobody who has been released.
#[test]
fn q6_a_heartbeat_that_comes_after_the_release_delays_no_election() {
    for phase in 0..10 {
        let mut world = running(3);
        world.run_for(phase * 150 * MS);
        world.filter(|letter| match letter.message {
            Message::Hb(_) if letter.from == 2 => Fate::Repeat(6 * MS),
            _ => Fate::Pass,
        });
        let beats = world.sent_of("Hb");
        run_to(&mut world, SEC, move |w| w.sent_of("Hb") > beats);
        world.run_for(5 * MS);
        let end = world.now();
        world.jump_wall(2, 3_600_000);
        world.input(2, bully_core::quorum::Input::Timeout);
        assert_eq!(revokes(&world, 2, end), [(end, Cause::Suspended)]);
        // The old leader may stand again, but for this.
        world.run_for(100 * US);
        world.isolate(2);
        let (at, host, _) = next_reign(&mut world, 3 * SEC);
        assert_eq!(host, 1);
        assert!(at - end <= HOP + tail(1), "{} µs", (at - end) / US);
    }
}

/// Q6: a Release is of its term and of earlier ones, however late it comes.
#[test]
fn q6_a_release_of_an_earlier_term_frees_nobody_of_a_later_promise() {
    let mut world = running(3);
    let log = log(&mut world);
    for to in [1, 2] {
        let leader = world.leader().unwrap();
        let id = world.id(to);
        world.propose(leader, bully_core::quorum::Proposal::HandOver(Some(id)));
        assert_eq!(next_reign(&mut world, SEC).1, to);
        world.run_for(SEC);
    }
    let is_first = |s: &&crate::Sent| s.message.name() == "Release" && (s.from, s.to) == (2, 0);
    let first = log.borrow().iter().find(is_first).cloned().unwrap();
    world.unfilter();
    let term = term_max(&world);
    let promise = |w: &bully_sim::quorum::World| {
        w.bonds(0).unwrap().promise.map(|(holder, term, _)| (holder, term))
    };
    assert_eq!(promise(&world), Some((world.inst(2).unwrap(), Term(term))));
    world.inject(2, 0, &first.message);
    world.run_for(HOP);
    assert_eq!(promise(&world), Some((world.inst(2).unwrap(), Term(term))));
    stays(&mut world, 5 * SEC);
}
