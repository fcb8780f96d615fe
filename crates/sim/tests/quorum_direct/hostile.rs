//! What no honest node would send, and what costs memory.

use std::sync::Arc;
use std::time::Duration;

use bully_core::quorum::{
    Event, Farewell, HbAck, Input, Message, Reject, Release, Roster, Stamp, Term, Vote,
};
use bully_core::{Inst, NUMBER_MAX, Tick};

use crate::bench::{
    BOOT, Bench, CLUSTER, Effect, H, ME, USABLE, WALL_MS, ack, brief, events, hb, hello, roster,
    sent, version,
};
use crate::vote::request;

/// The greatest term that is believed where the own is small.
const CREDIBLE: u64 = WALL_MS / 1_000 + (1 << 32);

#[test]
fn a_term_that_no_honest_node_holds_is_dropped_and_named_and_changes_nothing() {
    for mut bench in [Bench::voter(), Bench::follower(), Bench::leader(3)] {
        let before = (bench.node.record().clone(), bench.bonds());
        let term = Term(CREDIBLE + 3_600);
        let reject = Reject { term, roster: None };
        for message in [request(term.0), hb(term.0, &[1, 2, 3]), Message::Reject(reject)] {
            let from = Some(Inst(2));
            let dropped = Effect::Event(Event::TermDropped { from, term });
            assert_eq!(bench.say(2, message), [dropped]);
        }
        assert_eq!((bench.node.record().clone(), bench.bonds()), before);
    }
}

#[test]
fn a_term_far_ahead_that_is_credible_is_believed_and_leaves_room() {
    let mut bench = Bench::voter();
    let effects = bench.say(2, request(CREDIBLE));
    assert_eq!(sent(&effects, "Vote").len(), 1);
    assert!(bench.term() < NUMBER_MAX / 2);
}

#[test]
fn a_roster_that_no_honest_node_writes_is_dropped() {
    let good = roster(12, 9, &[1, 2, 3]).as_ref().clone();
    let unordered =
        Roster { members: good.members.iter().rev().cloned().collect(), ..good.clone() };
    let twice = Roster { members: vec![good.members[0].clone(); 2], ..good.clone() };
    let nobody = Roster { members: Vec::new(), ..good.clone() };
    let many: Vec<u128> = (1..=32).collect();
    let many = roster(12, 9, &many).as_ref().clone();
    let long = Roster { removed: vec![Inst(9); 33], ..good };
    for bad in [unordered, twice, nobody, many, long] {
        let mut bench = Bench::follower();
        let reject = Reject { term: Term(11), roster: Some(Arc::new(bad)) };
        assert_eq!(bench.say(2, Message::Reject(reject)), []);
        assert_eq!(bench.node.record().roster.version, version(11, 1));
    }
}

#[test]
fn an_acknowledgement_that_promises_for_ever_counts_as_the_own_lease() {
    let mut bench = Bench::leader(3);
    bench.wait(H);
    for who in [2, 3] {
        let ack = HbAck { lease: Duration::MAX, ..ack(&bench.last_hb()) };
        bench.say(who, Message::HbAck(ack));
    }
    assert_eq!(bench.remaining(), Some(USABLE));
}

#[test]
fn votes_that_nobody_asked_for_make_no_leader() {
    let mut bench = Bench::follower();
    for term in 0..40 {
        let vote = Vote {
            term: Term(term),
            candidate: Inst(ME),
            stamp: Stamp(bench.now.fast),
            boot: BOOT,
            lease: Duration::from_secs(1),
        };
        for who in [2, 3] {
            assert_eq!(bench.say(who, Message::Vote(vote.clone())), []);
        }
    }
    assert!(!bench.leads());
    assert_eq!(bench.promise(), Some((2, 11)));
}

#[test]
fn words_of_strangers_about_strangers_are_not_remembered() {
    let mut bench = Bench::voter();
    let before = bench.node.clone();
    for n in 0..1_000 {
        let from = bench.link(8);
        let inst = Inst(1_000 + n);
        let message = Message::Farewell(Farewell { cluster: CLUSTER, inst, term: Term(11) });
        assert_eq!(brief(&bench.hand(Input::Message { from, message })), ["close 8"]);
    }
    assert_eq!(bench.node, before);
}

#[test]
fn so_many_nodes_are_known_and_no_more_but_for_members() {
    let mut bench = Bench::voter();
    let mut refused = 0;
    for n in 100..400 {
        let own = hello(n, 100, roster(10, 1, &[1, 2, 3]));
        bench.peers.insert(n, own);
        refused += usize::from(brief(&bench.connect(n)).contains(&"Refused".into()));
    }
    assert_eq!(refused, 300 - (124 - 2));
    let effects = bench.connect(2);
    assert!(!brief(&effects).contains(&"Refused".into()), "{effects:?}");
    assert_eq!(sent(&bench.say(2, request(11)), "Vote").len(), 1);
}

#[test]
fn stamps_of_any_size_are_echoed_and_do_no_harm() {
    let mut bench = Bench::leader(3);
    bench.wait(H);
    let before = bench.remaining();
    let ack = HbAck { stamp: Stamp(Tick(u64::MAX)), ..ack(&bench.last_hb()) };
    assert_eq!(bench.say(2, Message::HbAck(ack)), []);
    assert_eq!(bench.remaining(), before);
}

#[test]
fn a_release_of_a_term_that_never_was_frees_the_promise_and_no_more() {
    let mut bench = Bench::follower();
    let roster = bench.node.record().roster.clone();
    let release = Release { term: Term(1_000), target: None, roster };
    let effects = bench.say(2, Message::Release(release));
    assert!(matches!(events(&effects)[..], [Event::LeaderLost { .. }]));
    assert_eq!((bench.promise(), bench.term()), (None, 11));
}

#[test]
fn whatever_the_own_number_the_greatest_is_never_exceeded() {
    let mut record = crate::bench::stored(roster(10, 1, &[1]));
    record.term = Term(NUMBER_MAX);
    let mut bench = Bench::started(crate::bench::config(100), Some(record));
    let effects = bench.wait(Duration::from_secs(60));
    assert!(!bench.leads(), "{effects:?}");
    assert_eq!(bench.term(), NUMBER_MAX);
}
