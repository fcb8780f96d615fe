//! Q6, Q7: one reign per term, its heartbeats, and its end.

use std::sync::Arc;

use bully_core::Inst;
use bully_core::quorum::{
    Cause, Event, Input, Message, PreVote, Reject, Release, Role, Roster, Stamp, Term,
};

use crate::bench::{
    Bench, Effect, H, NANO, USABLE, brief, events, hb, ms, roster, sent, version, writes,
};
use crate::vote::request;

/// A heartbeat of term 12 reaches the leader of term 11.
fn overtaken(size: usize) -> Bench {
    let mut bench = Bench::leader(size);
    let effects = bench.say(2, hb(12, &[1, 2, 3]));
    assert_eq!(brief(&effects), ["Revoke"]);
    let [Event::Revoke { cause: Cause::Overtaken, .. }] = events(&effects)[..] else {
        panic!("{effects:?}");
    };
    bench
}

fn release(term: u64, roster: &Arc<Roster>, to: u128) -> Effect {
    let release = Release { term: Term(term), target: None, roster: roster.clone() };
    Effect::Send(to, Message::Release(release))
}

#[test]
fn q7_a_leader_beats_once_per_heartbeat_to_all_members() {
    let mut bench = Bench::leader(3);
    assert_eq!(bench.wait(H - NANO), []);
    let effects = bench.wait(NANO);
    assert_eq!(brief(&effects), ["2: Hb", "3: Hb"]);
    let hb = bench.last_hb();
    assert_eq!((hb.term, hb.roster.version), (Term(11), version(11, 1)));
    assert_eq!(hb.stamp, Stamp(bench.now.fast));
    assert_eq!(brief(&bench.wait(H)), ["2: Hb", "3: Hb"]);
}

#[test]
fn q6_who_is_no_longer_sure_to_lead_stops_beating() {
    let mut bench = overtaken(3);
    let effects = bench.wait(ms(800));
    assert!(sent(&effects, "Hb").is_empty(), "{effects:?}");
}

#[test]
fn q6_no_release_before_the_application_has_stopped() {
    let mut bench = overtaken(3);
    assert!(!bench.leads());
    assert_eq!(bench.node.status(bench.now).role, Role::Revoking);
    assert_eq!(bench.bonds().closed, Term(11));
    bench.pass(ms(300));
    let roster = bench.node.record().roster.clone();
    let effects = bench.hand(Input::Revoked);
    assert_eq!(effects, [release(11, &roster, 2), release(11, &roster, 3)]);
}

#[test]
fn q6_nothing_is_released_by_a_leader_that_steps_down_but_once_it_is_over() {
    let mut bench = Bench::leader(3);
    let rest = bench.remaining().expect("leads");
    assert_eq!(brief(&bench.say(2, hb(12, &[1, 2, 3]))), ["Revoke"]);
    assert_eq!(bench.wait(rest - NANO), [], "the application says nothing");
    assert_eq!(brief(&bench.wait(NANO)), ["2: Release", "3: Release"], "the deadline says it");
    assert_eq!(bench.hand(Input::Revoked), [], "late, and of no use");
}

#[test]
fn q6_each_revoke_awaits_an_answer_of_its_own() {
    let mut bench = Bench::leader(3);
    let rest = bench.remaining().expect("leads");
    assert_eq!(brief(&bench.wait(rest)).iter().filter(|w| *w == "Revoke").count(), 1);
    // The application is still busy with that when the node leads again.
    bench.is_elected();
    assert_eq!(bench.term(), 12);
    assert_eq!(brief(&bench.say(2, hb(13, &[1, 2, 3]))), ["Revoke"]);
    assert_eq!(bench.hand(Input::Revoked), [], "it has stopped acting in term 11");
    assert_eq!(sent(&bench.hand(Input::Revoked), "Release").len(), 2);
}

#[test]
fn q6_until_the_application_has_stopped_the_node_is_bound_to_nobody() {
    let mut bench = overtaken(3);
    let before = bench.node.record().clone();
    assert_eq!(bench.say(2, hb(12, &[1, 2, 3])), [], "no acknowledgement");
    assert_eq!(brief(&bench.say(3, request(20))), ["3: Reject"]);
    let ask = PreVote { roster: version(12, 1), nonce: 1, probe: false };
    let effects = bench.say(3, Message::PreVote(ask));
    let [Effect::Send(3, Message::PreVoteResp(resp))] = &effects[..] else { panic!() };
    assert!(!resp.granted);
    assert_eq!((bench.promise(), bench.node.record()), (None, &before));
    bench.hand(Input::Revoked);
    assert_eq!(sent(&bench.say(2, hb(12, &[1, 2, 3])), "HbAck").len(), 1);
}

#[test]
fn q6_who_revokes_does_not_stand() {
    let mut bench = overtaken(3);
    let rest = USABLE - ms(200);
    assert!(sent(&bench.wait(rest), "PreVote").is_empty());
}

#[test]
fn q7_a_refusal_in_a_higher_term_ends_the_reign_and_the_next_is_stood_for_without_asking() {
    let mut bench = Bench::leader(3);
    let reject = Message::Reject(Reject { term: Term(20), roster: None });
    let effects = bench.say(2, reject);
    assert_eq!(brief(&effects), ["Revoke"]);
    assert_eq!(bench.term(), 11, "and changes no term");
    let effects = bench.hand(Input::Revoked);
    assert_eq!(brief(&effects), ["write", "2: VoteReq", "3: VoteReq"]);
    assert_eq!(
        (writes(&effects)[0].term, writes(&effects)[0].voted_for),
        (Term(21), Some(Inst(1)))
    );
    // If that fails, its Release frees both terms.
    let effects = bench.wait(ms(75));
    let [(2, Message::Release(r)), (3, _)] = sent(&effects, "Release")[..] else {
        panic!("{effects:?}");
    };
    assert_eq!(r.term, Term(21));
}

#[test]
fn q7_a_refusal_with_a_newer_roster_ends_the_reign_and_is_learned_from() {
    let mut bench = Bench::leader(3);
    let newer = roster(11, 7, &[1, 2, 3, 4]);
    let reject = Message::Reject(Reject { term: Term(11), roster: Some(newer.clone()) });
    assert_eq!(brief(&bench.say(2, reject)), ["Revoke", "Roster", "dial", "write"]);
    assert_eq!(bench.node.record().roster, newer);
}

#[test]
fn q7_a_refusal_of_an_earlier_term_or_of_who_is_no_member_means_nothing() {
    let mut bench = Bench::leader(3);
    let reject = |term| Message::Reject(Reject { term: Term(term), roster: None });
    assert_eq!(bench.say(2, reject(11)), []);
    bench.meet(4, 100);
    assert_eq!(bench.say(4, reject(20)), []);
    assert!(bench.leads());
}

#[test]
fn q7_a_leader_does_not_take_over_a_roster_that_another_brings() {
    let mut bench = Bench::leader(3);
    let resp = bully_core::quorum::PreVoteResp {
        nonce: 0,
        granted: false,
        term: Term(12),
        retry_after: ms(0),
        leader: None,
        roster: Some(roster(12, 1, &[2, 3])),
    };
    assert_eq!(bench.say(2, Message::PreVoteResp(resp)), []);
    assert_eq!((bench.members(), bench.leads()), (vec![1, 2, 3], true));
}

#[test]
fn q6_a_lapse_releases_at_once_for_the_deadline_has_passed() {
    let mut bench = Bench::leader(3);
    let rest = bench.remaining().expect("leads");
    let effects = bench.wait(rest);
    let tail = &brief(&effects)[effects.len() - 3..];
    assert_eq!(tail, ["Revoke", "2: Release", "3: Release"]);
    assert_eq!(bench.bonds().closed, Term(11));
    // It may stand again, in a later term.
    let effects = bench.stands();
    assert_eq!(writes(&effects)[0].term, Term(12));
}

#[test]
fn q7_a_heartbeat_of_the_same_term_or_an_earlier_one_does_not_disturb_a_leader() {
    let mut bench = Bench::leader(3);
    assert_eq!(brief(&bench.say(2, hb(11, &[1, 2, 3]))), [""; 0]);
    assert_eq!(brief(&bench.say(2, hb(10, &[1, 2, 3]))), ["2: Reject"]);
    assert!(bench.leads());
}

#[test]
fn q7_a_follower_says_whom_it_follows_and_whom_it_lost() {
    let mut bench = Bench::voter();
    let effects = bench.say(2, hb(11, &[1, 2, 3]));
    let expected = Event::Following { leader: Inst(2), term: Term(11) };
    assert!(events(&effects).contains(&&expected));
    let leader = bench.node.status(bench.now).leader.expect("followed");
    assert_eq!(leader.inst, Inst(2));
    let roster = bench.node.record().roster.clone();
    let end = Release { term: Term(11), target: None, roster };
    let effects = bench.say(2, Message::Release(end));
    assert_eq!(effects, [Effect::Event(Event::LeaderLost { leader: Inst(2) })]);
}

#[test]
fn q7_who_follows_takes_the_term_of_the_heartbeat_and_has_voted_for_nobody_in_it() {
    let mut bench = Bench::voter();
    bench.say(2, request(11));
    let effects = bench.say(3, hb(12, &[1, 2, 3]));
    assert_eq!(writes(&effects)[0].term, Term(12));
    assert_eq!(writes(&effects)[0].voted_for, None);
    assert_eq!(
        bench.promise(),
        Some((3, 12)),
        "who leads in a later term was elected by a majority"
    );
}

#[test]
fn a_reign_that_is_over_answers_no_acknowledgement_and_shows_no_leader() {
    let mut bench = overtaken(3);
    assert_eq!(bench.acks(2), []);
    assert_eq!(bench.acks(3), []);
    assert_eq!(bench.bonds().reign, None);
    assert_eq!(bench.node.status(bench.now).leader, None);
}
