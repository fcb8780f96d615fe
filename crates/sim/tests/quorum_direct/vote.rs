//! Q2, Q3: promises, and the votes that make them.

use std::sync::Arc;
use std::time::Duration;

use bully_core::quorum::{
    Boot, Config, Hb, Message, PreVote, PreVoteResp, Reject, Release, Stamp, Term, Vote, VoteReq,
};
use bully_core::{Inst, Tick};

use crate::bench::{
    BOOT_OF_PEERS, Bench, Effect, LEASE, ME, NANO, brief, config, hb, ms, roster, sent, version,
    writes,
};

/// A request for a vote of a candidate with the first roster.
pub(crate) fn request(term: u64) -> Message {
    let stamp = Stamp(Tick(99));
    Message::VoteReq(VoteReq { term: Term(term), roster: version(10, 1), stamp })
}

fn release(term: u64) -> Message {
    let roster = roster(10, 1, &[1, 2, 3]);
    Message::Release(Release { term: Term(term), target: None, roster })
}

fn reject(term: u64) -> Message {
    Message::Reject(Reject { term: Term(term), roster: None })
}

fn vote(term: u64, candidate: u128) -> Message {
    let (stamp, boot) = (Stamp(Tick(99)), BOOT_OF_PEERS);
    let (term, candidate) = (Term(term), Inst(candidate));
    Message::Vote(Vote { term, candidate, stamp, boot, lease: LEASE })
}

#[test]
fn q2_a_vote_is_sent_only_once_it_is_on_disk() {
    let mut bench = Bench::voter();
    bench.syncs = false;
    let effects = bench.say(2, request(11));
    assert_eq!(brief(&effects), ["write"]);
    assert_eq!(writes(&effects)[0].term, Term(11));
    assert_eq!(writes(&effects)[0].voted_for, Some(Inst(2)));
    assert_eq!(bench.sync(), [Effect::Send(2, vote(11, 2))]);
}

#[test]
fn q2_a_vote_is_a_promise_to_nobody_else_until_it_is_over() {
    let mut bench = Bench::voter();
    bench.say(2, request(11));
    assert_eq!(bench.bonds().promise, Some((Inst(2), Term(11), LEASE)));
    bench.pass(LEASE - NANO);
    assert_eq!(bench.say(3, request(12)), [Effect::Send(3, reject(11))]);
    assert_eq!(bench.promise(), Some((2, 11)));
    bench.pass(NANO);
    assert_eq!(brief(&bench.say(3, request(12))), ["write", "3: Vote"]);
}

#[test]
fn q2_a_promise_is_measured_by_the_slow_clock() {
    let mut bench = Bench::voter();
    bench.say(2, request(11));
    bench.pass_unlike(LEASE * 2, LEASE - NANO);
    assert_eq!(brief(&bench.say(3, request(12))), ["3: Reject"]);
    bench.pass_unlike(Duration::ZERO, NANO);
    assert_eq!(brief(&bench.say(3, request(12))), ["write", "3: Vote"]);
}

#[test]
fn q2_a_refused_request_changes_no_term() {
    let mut bench = Bench::voter();
    bench.say(2, request(11));
    let before = bench.node.record().clone();
    assert_eq!(bench.say(3, request(20)), [Effect::Send(3, reject(11))]);
    assert_eq!(*bench.node.record(), before);
}

#[test]
fn q2_there_is_one_vote_in_a_term() {
    let mut bench = Bench::voter();
    bench.say(2, request(11));
    bench.say(2, release(11));
    assert_eq!(bench.promise(), None);
    assert_eq!(bench.say(3, request(11)), [Effect::Send(3, reject(11))]);
    assert_eq!(brief(&bench.say(3, request(12))), ["write", "3: Vote"]);
    // Nor is there one in a term that is over.
    bench.say(3, release(12));
    assert_eq!(brief(&bench.say(2, request(10))), [""; 0], "released long ago");
    assert_eq!(bench.term(), 12);
}

#[test]
fn q2_there_is_no_vote_in_an_earlier_term() {
    let mut bench = Bench::voter();
    assert_eq!(bench.say(2, request(9)), [Effect::Send(2, reject(10))]);
    assert_eq!(bench.promise(), None);
}

#[test]
fn q2_a_term_in_which_nobody_was_voted_for_is_open() {
    let mut bench = Bench::voter();
    assert_eq!(brief(&bench.say(2, request(10))), ["write", "2: Vote"]);
}

#[test]
fn q2_a_candidate_that_asks_twice_gets_the_same_vote_and_a_promise_from_then_on() {
    let mut bench = Bench::voter();
    bench.say(2, request(11));
    bench.pass(ms(400));
    assert_eq!(bench.say(2, request(11)), [Effect::Send(2, vote(11, 2))]);
    assert_eq!(bench.bonds().promise, Some((Inst(2), Term(11), LEASE)));
}

#[test]
fn q2_a_candidate_with_an_older_roster_is_refused_and_told_the_newer() {
    let mut bench = Bench::voter();
    let stamp = Stamp(Tick(99));
    let req = VoteReq { term: Term(11), roster: version(9, 4), stamp };
    let roster = Some(bench.node.record().roster.clone());
    let expected = Message::Reject(Reject { term: Term(10), roster });
    assert_eq!(bench.say(2, Message::VoteReq(req)), [Effect::Send(2, expected)]);
    assert_eq!(bench.promise(), None);
}

#[test]
fn q2_a_candidate_that_the_own_roster_does_not_know_gets_a_vote() {
    let mut bench = Bench::voter();
    bench.meet(4, 100);
    assert_eq!(brief(&bench.say(4, request(11))), ["write", "4: Vote"]);
}

#[test]
fn q2_a_leader_votes_for_nobody_and_is_not_disturbed() {
    let mut bench = Bench::leader(3);
    let before = bench.node.record().clone();
    assert_eq!(brief(&bench.say(2, request(20))), ["2: Reject"]);
    assert_eq!(*bench.node.record(), before);
    assert!(bench.leads());
}

#[test]
fn q4_a_candidate_is_promised_to_itself() {
    let mut bench = Bench::candidate(3);
    assert_eq!(brief(&bench.say(2, request(12))), ["2: Reject"]);
    assert_eq!(bench.term(), 11);
}

#[test]
fn q3_a_prevote_is_answered_and_nothing_is_kept_of_it() {
    let mut bench = Bench::voter();
    let before = (bench.node.record().clone(), bench.bonds());
    let ask = PreVote { roster: version(10, 1), nonce: 70, probe: false };
    let expected = PreVoteResp {
        nonce: 70,
        granted: true,
        term: Term(10),
        retry_after: Duration::ZERO,
        leader: None,
        roster: None,
    };
    let effects = bench.say(2, Message::PreVote(ask));
    assert_eq!(effects, [Effect::Send(2, Message::PreVoteResp(expected))]);
    assert_eq!((bench.node.record().clone(), bench.bonds()), before);
}

#[test]
fn q3_a_refusal_says_for_how_long_whom_for_and_which_roster_is_newer() {
    let mut bench = Bench::follower();
    bench.pass(ms(300));
    let ask = PreVote { roster: version(10, 1), nonce: 70, probe: false };
    let expected = PreVoteResp {
        nonce: 70,
        granted: false,
        term: Term(11),
        retry_after: ms(700),
        leader: Some(Inst(2)),
        roster: Some(roster(11, 1, &[1, 2, 3])),
    };
    let effects = bench.say(3, Message::PreVote(ask));
    assert_eq!(effects, [Effect::Send(3, Message::PreVoteResp(expected))]);
}

fn is_granted(bench: &mut Bench, who: u128, ask: PreVote) -> bool {
    let effects = bench.say(who, Message::PreVote(ask));
    match effects[..] {
        [Effect::Send(to, Message::PreVoteResp(ref resp))] if to == who => resp.granted,
        _ => panic!("{effects:?}"),
    }
}

#[test]
fn q3_a_probe_is_granted_by_who_leads_or_follows_a_leader_and_is_not_silent() {
    let probe = PreVote { roster: version(11, 1), nonce: 70, probe: true };
    assert!(is_granted(&mut Bench::leader(3), 3, probe.clone()));
    let mut bench = Bench::follower();
    assert!(is_granted(&mut bench, 3, probe.clone()), "though it is promised to another");
    let older = PreVote { roster: version(10, 1), ..probe.clone() };
    assert!(!is_granted(&mut bench, 3, older));
    assert!(!is_granted(&mut Bench::voter(), 3, probe.clone()), "it follows nobody");
    let mut bench = Bench::muted(&[100, 100, 100]);
    bench.say(2, hb(11, &[1, 2, 3]));
    assert!(!is_granted(&mut bench, 3, probe));
}

#[test]
fn q3_a_probe_is_refused_by_who_has_promised_itself_to_another_than_it_followed() {
    let mut bench = Bench::follower();
    bench.pass(LEASE);
    let req = VoteReq { term: Term(12), roster: version(11, 1), stamp: Stamp(Tick(99)) };
    bench.say(3, Message::VoteReq(req));
    assert_eq!(bench.promise(), Some((3, 12)));
    let probe = PreVote { roster: version(11, 1), nonce: 70, probe: true };
    assert!(!is_granted(&mut bench, 2, probe), "it follows nobody");
}

#[test]
fn q3_an_answer_brings_a_newer_roster_which_is_taken_over() {
    let mut bench = Bench::free(&[100, 100, 100]);
    bench.wait_for("PreVote");
    let newer = roster(12, 3, &[1, 2, 3, 4]);
    let resp = PreVoteResp {
        nonce: 0,
        granted: false,
        term: Term(12),
        retry_after: Duration::ZERO,
        leader: None,
        roster: Some(newer.clone()),
    };
    let effects = bench.say(2, Message::PreVoteResp(resp));
    assert_eq!(brief(&effects), ["Roster", "dial", "write"]);
    assert_eq!(writes(&effects)[0].roster, newer);
    assert_eq!(bench.term(), 10, "that is all: no term is adopted with it");
}

#[test]
fn q3_who_follows_nobody_and_does_not_stand_asks_around_ever_less_often() {
    let mut bench = Bench::voter();
    let mut asked = Vec::new();
    for step in 0..300_u64 {
        let effects = bench.wait(ms(100));
        for (to, message) in sent(&effects, "PreVote") {
            assert!(matches!(message, Message::PreVote(ask) if ask.probe));
            asked.push((step / 10, to));
        }
    }
    let times: Vec<u64> = asked.iter().filter(|(_, to)| *to == 2).map(|(at, _)| *at).collect();
    let pauses: Vec<u64> = times.windows(2).map(|w| w[1] - w[0]).collect();
    assert!(times.len() >= 4 && pauses.is_sorted(), "{times:?}");
    assert!(*pauses.last().unwrap() <= 8, "at most fifty heartbeats apart: {pauses:?}");
}

#[test]
fn q7_a_promise_to_the_same_holder_is_never_shortened() {
    let mut bench = Bench::voter();
    bench.say(2, hb(11, &[1, 2, 3]));
    bench.pass(ms(100));
    // A vote for the same node in a later term holds from then on.
    let req = VoteReq { term: Term(12), roster: version(11, 1), stamp: Stamp(Tick(99)) };
    bench.say(2, Message::VoteReq(req));
    assert_eq!(bench.bonds().promise, Some((Inst(2), Term(12), LEASE)));
}

#[test]
fn q2_a_vote_says_for_how_long_this_voter_promises_itself() {
    let config = Config { lease: ms(3_000), ..config(0) };
    let mut bench = Bench::muted_with(config, &[0, 100, 100]);
    bench.wait(ms(3_000));
    let effects = bench.say(2, request(11));
    let [(2, Message::Vote(vote))] = sent(&effects, "Vote")[..] else { panic!("{effects:?}") };
    assert_eq!(vote.lease, ms(3_000));
    assert_eq!(vote.boot, BOOT_OF_PEERS);
    assert_eq!(bench.bonds().promise, Some((Inst(2), Term(11), ms(3_000))));
}

#[test]
fn q2_a_withheld_vote_is_not_sent_to_a_later_start_of_the_candidate() {
    let mut bench = Bench::voter();
    bench.syncs = false;
    bench.say(2, request(11));
    if let Some(peer) = bench.peers.get_mut(&2) {
        (peer.boot, peer.run) = (Boot(BOOT_OF_PEERS.0 + 1), 222);
    }
    bench.connect(2);
    let effects = bench.sync();
    assert!(sent(&effects, "Vote").is_empty(), "{effects:?}");
}

#[test]
fn q2_a_release_by_another_than_the_holder_frees_nothing() {
    let mut bench = Bench::voter();
    bench.say(2, request(11));
    bench.say(3, release(11));
    assert_eq!(bench.promise(), Some((2, 11)));
}

#[test]
fn q6_a_release_frees_what_was_promised_up_to_its_term_and_nothing_later() {
    let mut bench = Bench::voter();
    bench.say(2, request(12));
    assert_eq!(brief(&bench.say(2, release(11))), [""; 0]);
    assert_eq!(bench.promise(), Some((2, 12)));
    assert_eq!(brief(&bench.say(3, request(13))), ["3: Reject"]);
    bench.say(2, release(12));
    assert_eq!(bench.promise(), None);
    assert_eq!(brief(&bench.say(3, request(13))), ["write", "3: Vote"]);
}

#[test]
fn q6_what_comes_late_of_a_released_term_is_not_heard() {
    let mut bench = Bench::follower();
    bench.say(2, release(11));
    assert_eq!(bench.promise(), None);
    assert_eq!(bench.say(2, hb(11, &[1, 2, 3])), [], "it would renew a dead promise");
    assert_eq!(bench.promise(), None);
    let req = VoteReq { term: Term(11), roster: version(11, 1), stamp: Stamp(Tick(99)) };
    assert_eq!(bench.say(2, Message::VoteReq(req)), []);
    assert_eq!(bench.promise(), None);
    // What comes of a later one is.
    assert_eq!(
        brief(&bench.say(2, hb(12, &[1, 2, 3]))),
        ["Roster", "Following", "write", "2: HbAck"]
    );
}

#[test]
fn q7_a_heartbeat_of_an_earlier_term_is_refused() {
    let mut bench = Bench::follower();
    bench.say(2, release(11));
    let late = Hb { term: Term(10), roster: roster(11, 1, &[1, 2, 3]), stamp: Stamp(Tick(77)) };
    assert_eq!(bench.say(3, Message::Hb(late)), [Effect::Send(3, reject(11))]);
    assert_eq!((bench.promise(), bench.term()), (None, 11));
}

#[test]
fn q7_a_heartbeat_with_an_older_roster_is_refused_and_told_the_newer() {
    let mut bench = Bench::follower();
    bench.say(2, Message::Release(Release { term: Term(11), target: None, roster: newest() }));
    // A leader that has missed a change of roster may not renew what was promised under that.
    assert_eq!(bench.say(3, hb(12, &[1, 2, 3])), [Effect::Send(3, newer())]);
    assert_eq!((bench.promise(), bench.term()), (None, 11));
}

fn newest() -> Arc<bully_core::quorum::Roster> {
    roster(12, 2, &[1, 2, 3])
}

fn newer() -> Message {
    Message::Reject(Reject { term: Term(11), roster: Some(newest()) })
}

#[test]
fn q7_a_heartbeat_is_acknowledged_once_what_it_brought_is_on_disk() {
    let mut bench = Bench::voter();
    bench.syncs = false;
    let effects = bench.say(2, hb(11, &[1, 2, 3]));
    assert_eq!(brief(&effects), ["Roster", "Following", "write"]);
    assert_eq!(writes(&effects)[0].term, Term(11));
    let effects = bench.sync();
    let [Effect::Send(2, Message::HbAck(ack))] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!((ack.term, ack.roster, ack.stamp), (Term(11), version(11, 1), Stamp(Tick(77))));
    assert_eq!((ack.lease, ack.unmuted, ack.wants), (LEASE, true, false));
    assert_eq!(ack.sent, Stamp(bench.now.fast));
    assert_eq!(bench.promise(), Some((2, 11)));
    // What is there already is acknowledged at once.
    assert_eq!(brief(&bench.say(2, hb(11, &[1, 2, 3]))), ["2: HbAck"]);
}

#[test]
fn q7_a_leader_that_is_not_heard_for_as_long_as_the_promise_is_lost() {
    let mut bench = Bench::voter();
    bench.say(2, hb(11, &[1, 2, 3]));
    let effects = bench.wait(LEASE - NANO);
    assert!(!brief(&effects).contains(&"LeaderLost".into()));
    assert!(brief(&bench.wait(NANO)).contains(&"LeaderLost".into()));
    assert_eq!(bench.node.status(bench.now).leader, None);
    assert_eq!(bench.node.status(bench.now).inst, Inst(ME));
}
