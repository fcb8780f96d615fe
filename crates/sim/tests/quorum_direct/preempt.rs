//! Q9: a better-ranked follower that reaches a quorum is given the lead.

use std::sync::Arc;
use std::time::Duration;

use bully_core::Tick;
use bully_core::quorum::{
    Cause, Config, Event, Hb, HbAck, Message, PreVoteResp, Roster, Stamp, Term,
};

use crate::bench::{Bench, Effect, H, LEASE, ack, config, events, ms, sent, version};

/// 2 leads in term 11 and beats.
fn beat(bench: &mut Bench) -> Vec<Effect> {
    let roster = bench.node.record().roster.as_ref().clone();
    let roster = Arc::new(Roster { version: version(11, 1), ..roster });
    bench.say(2, Message::Hb(Hb { term: Term(11), roster, stamp: Stamp(Tick(77)) }))
}

fn wants(effects: &[Effect]) -> bool {
    match sent(effects, "HbAck")[..] {
        [(2, Message::HbAck(ack))] => ack.wants,
        _ => panic!("{effects:?}"),
    }
}

/// So long a time under the heartbeats of 2: when it asked, and whether it wants to lead at last.
/// What it asks is granted by the others.
fn follow(bench: &mut Bench, time: Duration, grants: bool) -> (Vec<Duration>, bool) {
    let start = bench.now.fast;
    let mut asked = Vec::new();
    let mut wanted = wants(&beat(bench));
    while bench.now.fast.since(start) < time {
        let effects = bench.wait(H);
        if let [(2, Message::PreVote(ask)), (3, _)] = sent(&effects, "PreVote")[..] {
            assert!(ask.probe, "it does not stand");
            asked.push(bench.now.fast.since(start));
            if grants {
                bench.grants(3);
            }
        }
        wanted = wants(&beat(bench));
    }
    (asked, wanted)
}

#[test]
fn q9_a_better_follower_asks_every_five_heartbeats_whether_it_reaches_a_quorum() {
    let mut bench = Bench::free(&[200, 100, 100]);
    let (asked, wanted) = follow(&mut bench, ms(3_000), true);
    assert!(wanted);
    assert!(asked.len() >= 3 && asked.windows(2).all(|w| w[1] - w[0] == H * 5), "{asked:?}");
}

#[test]
fn q9_a_follower_that_reaches_no_quorum_does_not_want_to_lead() {
    let mut bench = Bench::free(&[200, 100, 100]);
    assert!(!follow(&mut bench, ms(3_000), false).1);
    // And one that reached it ten heartbeats ago no longer does.
    follow(&mut bench, H * 6, true);
    assert!(!follow(&mut bench, H * 12, false).1);
}

#[test]
fn q9_a_follower_that_is_not_better_or_must_not_preempt_does_not_ask() {
    let patient = Config { preempt: false, ..config(200) };
    for mut bench in [
        Bench::free(&[100, 100, 100]),
        Bench::free(&[50, 100, 100]),
        Bench::free(&[0, 100, 100]),
        Bench::free_with(patient, &[200, 100, 100]),
    ] {
        let (asked, wanted) = follow(&mut bench, ms(3_000), true);
        assert_eq!((asked, wanted), (Vec::new(), false));
    }
}

#[test]
fn q9_an_answer_to_an_earlier_probe_does_not_count() {
    let mut bench = Bench::free(&[200, 100, 100]);
    beat(&mut bench);
    let resp = |nonce| PreVoteResp {
        nonce,
        granted: true,
        term: Term(11),
        retry_after: Duration::ZERO,
        leader: None,
        roster: None,
    };
    follow(&mut bench, ms(3_000), false);
    let Message::PreVote(ask) = bench.last("PreVote").clone() else { panic!() };
    bench.say(3, Message::PreVoteResp(resp(ask.nonce - 1)));
    assert!(!wants(&beat(&mut bench)));
    bench.say(3, Message::PreVoteResp(resp(ask.nonce)));
    assert!(wants(&beat(&mut bench)));
}

/// The leader's next heartbeat is acknowledged by 2, which wants to lead or does not, and by 3.
fn step(bench: &mut Bench, wants: bool) -> Vec<Effect> {
    let mut effects = bench.wait(H);
    bench.acks(3);
    let ack = HbAck { wants, ..ack(&bench.last_hb()) };
    effects.extend(bench.say(2, Message::HbAck(ack)));
    effects
}

/// How long until the leader gives way to 2; none if it does not within so many heartbeats.
fn gives_way(bench: &mut Bench, beats: u32) -> Option<Duration> {
    let start = bench.now.fast;
    for _ in 0..beats {
        let effects = step(bench, true);
        if let [Event::Revoke { cause, .. }] = events(&effects)[..] {
            assert_eq!(*cause, Cause::Preempted);
            return Some(bench.now.fast.since(start));
        }
    }
    None
}

#[test]
fn q9_a_leader_gives_way_to_a_better_that_wanted_for_ten_heartbeats() {
    let mut bench = Bench::leader_with(config(100), &[100, 200, 100]);
    assert_eq!(gives_way(&mut bench, 20), Some(H * 11), "the first shows when it began");
}

#[test]
fn q9_a_break_begins_the_ten_heartbeats_anew() {
    let mut bench = Bench::leader_with(config(100), &[100, 200, 100]);
    assert_eq!(gives_way(&mut bench, 8), None);
    step(&mut bench, false);
    assert_eq!(gives_way(&mut bench, 20), Some(H * 11));
}

#[test]
fn q9_a_leader_gives_way_to_nobody_of_its_own_priority_or_where_it_must_not() {
    let mut bench = Bench::leader_with(config(100), &[100, 100, 100]);
    assert_eq!(gives_way(&mut bench, 40), None);
    let patient = Config { preempt: false, ..config(100) };
    let mut bench = Bench::leader_with(patient, &[100, 200, 100]);
    assert_eq!(gives_way(&mut bench, 40), None);
}

#[test]
fn q9_a_reign_that_followed_another_is_not_given_up_for_a_minute() {
    let mut bench = Bench::free(&[100, 200, 100]);
    beat(&mut bench);
    bench.wait(LEASE);
    bench.is_elected();
    let elected = bench.now.fast;
    bench.all_ack();
    assert!(gives_way(&mut bench, 800).is_some());
    let took = bench.now.fast.since(elected);
    assert!((ms(60_000)..ms(60_000) + H).contains(&took), "{took:?}");
}

#[test]
fn q9_after_a_handover_that_failed_the_pause_doubles() {
    let mut bench = Bench::leader_with(config(100), &[100, 200, 100]);
    let mut pauses = Vec::new();
    let mut before = bench.now.fast;
    for _ in 0..3 {
        assert!(gives_way(&mut bench, 2_000).is_some());
        pauses.push(bench.now.fast.since(before).as_secs());
        before = bench.now.fast;
        // 2 never leads.
        bench.hand(bully_core::quorum::Input::Revoked);
        bench.wait(LEASE);
        bench.is_elected();
        bench.all_ack();
    }
    assert_eq!(pauses, [1, 60, 120]);
}

#[test]
fn q9_a_leader_does_not_give_way_to_one_that_is_silent_after_its_start() {
    let mut bench = Bench::leader_with(config(100), &[100, 200, 100]);
    for _ in 0..30 {
        bench.wait(H);
        bench.acks(3);
        let ack = HbAck { wants: true, unmuted: false, ..ack(&bench.last_hb()) };
        assert_eq!(bench.say(2, Message::HbAck(ack)), []);
    }
    assert!(bench.leads());
}
