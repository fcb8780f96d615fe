//! Q4, Q5: who stands, when, and how it wins.

use std::time::Duration;

use bully_core::Inst;
use bully_core::quorum::{Event, Message, PreVoteResp, Reject, Release, Stamp, Term};

use crate::bench::{
    BOOT, Bench, DELTA, Effect, H, LEASE, ME, NANO, USABLE, brief, events, granted, hb, ms, roster,
    sent, version, writes,
};

fn refused(nonce: u64, retry_after: Duration) -> Message {
    Message::PreVoteResp(PreVoteResp {
        nonce,
        granted: false,
        term: Term(10),
        retry_after,
        leader: None,
        roster: None,
    })
}

fn nonce(bench: &Bench) -> u64 {
    let Message::PreVote(ask) = bench.last("PreVote") else { panic!() };
    ask.nonce
}

/// From the end of the mute until it asks.
fn turn(priorities: &[u32]) -> Duration {
    let mut bench = Bench::free(priorities);
    let start = bench.now.fast;
    bench.wait_for("PreVote");
    bench.now.fast.since(start)
}

#[test]
fn q4_who_would_stand_asks_first_and_touches_no_term() {
    let mut bench = Bench::free(&[100, 100, 100]);
    let effects = bench.wait_for("PreVote");
    assert_eq!(brief(&effects), ["2: PreVote", "3: PreVote"]);
    let Message::PreVote(ask) = bench.last("PreVote") else { panic!() };
    assert_eq!((ask.roster, ask.probe), (version(10, 1), false));
    assert_eq!((bench.term(), bench.promise()), (10, None));
}

#[test]
fn q4_rank_delays_by_a_delta_for_each_that_is_better() {
    for (priorities, betters) in [
        (&[100, 100, 100][..], 2),
        (&[300, 200, 100][..], 0),
        (&[200, 300, 100][..], 1),
        (&[100, 0, 200][..], 1),
    ] {
        let turn = turn(priorities);
        let (least, most) = (DELTA * betters, DELTA * betters + DELTA / 2);
        assert!((least..=most).contains(&turn), "{priorities:?}: {turn:?}");
    }
}

#[test]
fn q4_the_last_leader_is_not_waited_for() {
    let mut bench = Bench::free(&[100, 100, 100]);
    bench.say(3, hb(11, &[1, 2, 3]));
    bench.wait(LEASE);
    let start = bench.now.fast;
    bench.wait_for("PreVote");
    let turn = bench.now.fast.since(start);
    assert!((DELTA..=DELTA + DELTA / 2).contains(&turn), "2 is better, 3 is the last: {turn:?}");
}

#[test]
fn q4_who_is_promised_to_another_does_not_ask() {
    let mut bench = Bench::follower();
    let effects = bench.wait(LEASE - NANO);
    assert!(sent(&effects, "PreVote").is_empty(), "{effects:?}");
    // By its slow clock.
    bench.say(2, hb(11, &[1, 2, 3]));
    bench.pass_unlike(LEASE * 3, LEASE / 2);
    let effects = bench.wait(LEASE / 2 - NANO);
    assert!(sent(&effects, "PreVote").is_empty(), "{effects:?}");
    assert!(!sent(&bench.wait(ms(300)), "PreVote").is_empty());
}

#[test]
fn q4_who_has_no_priority_never_stands() {
    let effects = Bench::voter().wait(ms(10_000));
    assert!(sent(&effects, "PreVote").iter().all(|(_, m)| is_probe(m)), "{effects:?}");
}

fn is_probe(message: &Message) -> bool {
    matches!(message, Message::PreVote(ask) if ask.probe)
}

#[test]
fn q11_who_is_no_member_never_stands() {
    let mut bench = Bench::free(&[100, 100, 100]);
    let without_me = roster(11, 2, &[2, 3]);
    bench.say(2, Message::Reject(Reject { term: Term(11), roster: Some(without_me) }));
    let effects = bench.wait(ms(10_000));
    assert!(sent(&effects, "PreVote").iter().all(|(_, m)| is_probe(m)), "{effects:?}");
    assert!(sent(&effects, "VoteReq").is_empty());
}

#[test]
fn q3_an_answer_to_an_earlier_question_is_no_grant() {
    let mut bench = Bench::free(&[100, 100, 100]);
    bench.wait_for("PreVote");
    let earlier = nonce(&bench);
    bench.say(2, refused(earlier, ms(0)));
    bench.say(3, refused(earlier, ms(0)));
    bench.wait_for("PreVote");
    assert_ne!(nonce(&bench), earlier);
    assert_eq!(bench.say(2, granted(earlier)), []);
    assert_eq!(brief(&bench.grants(2)), ["write", "2: VoteReq", "3: VoteReq"]);
}

#[test]
fn q4_it_stands_above_every_term_that_the_answers_name() {
    let mut bench = Bench::free(&[100; 5]);
    bench.wait_for("PreVote");
    let nonce = nonce(&bench);
    let resp = |term, granted| PreVoteResp {
        nonce,
        granted,
        term: Term(term),
        retry_after: Duration::ZERO,
        leader: None,
        roster: None,
    };
    bench.say(2, Message::PreVoteResp(resp(15, false)));
    bench.say(3, Message::PreVoteResp(resp(12, true)));
    let effects = bench.say(4, Message::PreVoteResp(resp(10, true)));
    assert_eq!(writes(&effects)[0].term, Term(16));
    assert_eq!(writes(&effects)[0].voted_for, Some(Inst(ME)));
}

#[test]
fn q4_votes_are_asked_for_once_the_vote_for_itself_is_on_disk() {
    let mut bench = Bench::free(&[100, 100, 100]);
    bench.wait_for("PreVote");
    bench.syncs = false;
    assert_eq!(brief(&bench.grants(2)), ["write"]);
    bench.pass(ms(10));
    let effects = bench.sync();
    assert_eq!(brief(&effects), ["2: VoteReq", "3: VoteReq"]);
    let Message::VoteReq(req) = bench.last("VoteReq") else { panic!() };
    assert_eq!((req.term, req.roster), (Term(11), version(10, 1)));
    assert_eq!(req.stamp, Stamp(bench.now.fast), "the leases count from here");
}

#[test]
fn q5_a_majority_leads_once_the_roster_of_its_term_is_on_disk() {
    let mut bench = Bench::candidate(3);
    let stamp = bench.now.fast;
    bench.syncs = false;
    bench.pass(ms(5));
    let effects = bench.votes(2);
    assert_eq!(brief(&effects), ["write"]);
    assert_eq!(writes(&effects)[0].roster.version, version(11, 1));
    assert!(!bench.leads());
    bench.pass(ms(5));
    let effects = bench.sync();
    assert_eq!(brief(&effects), ["Elected", "2: Hb", "3: Hb"]);
    let [Event::Elected { token, deadline, .. }] = events(&effects)[..] else { panic!() };
    assert_eq!(token.get(), 11);
    assert_eq!(*deadline, stamp.after(USABLE));
    assert!(bench.leads());
}

#[test]
fn q5_less_than_a_majority_does_not_lead() {
    let mut bench = Bench::candidate(5);
    assert_eq!(bench.votes(2), []);
    assert_eq!(bench.votes(2), [], "one voter counts once");
    assert_eq!(brief(&bench.votes(3))[..1], ["write"]);
}

#[test]
fn q5_a_lease_that_ran_out_while_the_disk_wrote_is_no_victory() {
    let mut bench = Bench::candidate(3);
    bench.syncs = false;
    bench.votes(2);
    bench.pass(USABLE);
    let effects = bench.sync();
    assert!(!brief(&effects).contains(&"Elected".into()), "{effects:?}");
    assert!(!bench.leads());
    assert_eq!(sent(&effects, "Release").len(), 2);
    assert_eq!(bench.bonds().closed, Term(11));
}

#[test]
fn q5_a_vote_that_was_asked_for_by_an_earlier_start_does_not_count() {
    let mut bench = Bench::candidate(3);
    let mut vote = bench.vote();
    vote.boot.0 -= 1;
    assert_eq!(bench.say(2, Message::Vote(vote)), []);
    assert_eq!(bench.node.record().boot, BOOT);
    assert_eq!(brief(&bench.votes(2))[..1], ["write"]);
}

#[test]
fn q5_a_vote_for_another_or_in_another_term_or_of_the_future_does_not_count() {
    let mut bench = Bench::candidate(3);
    let vote = bench.vote();
    let others = [
        bully_core::quorum::Vote { candidate: Inst(3), ..vote.clone() },
        bully_core::quorum::Vote { term: Term(10), ..vote.clone() },
        bully_core::quorum::Vote { stamp: Stamp(bench.now.fast.after(NANO)), ..vote },
    ];
    for vote in others {
        assert_eq!(bench.say(2, Message::Vote(vote)), []);
    }
}

#[test]
fn q4_a_candidacy_that_failed_gives_its_votes_back_and_closes_its_term() {
    let mut bench = Bench::candidate(5);
    bench.votes(2);
    bench.wait(DELTA * 3 - NANO);
    assert_eq!(bench.bonds().closed, Term(10));
    let effects = bench.wait(NANO);
    let roster = bench.node.record().roster.clone();
    let release = Release { term: Term(11), target: None, roster };
    let release = |to| Effect::Send(to, Message::Release(release.clone()));
    assert_eq!(effects, [release(2), release(3), release(4), release(5)]);
    assert_eq!(bench.bonds().closed, Term(11));
}

#[test]
fn q4_a_majority_of_refusals_ends_a_candidacy_at_once() {
    let mut bench = Bench::candidate(3);
    let reject = Message::Reject(Reject { term: Term(12), roster: None });
    assert_eq!(bench.say(2, reject.clone()), []);
    assert_eq!(brief(&bench.say(3, reject)), ["2: Release", "3: Release"]);
    assert_eq!(bench.term(), 11, "what a refusal names changes no term");
}

#[test]
fn q4_a_term_that_was_closed_is_never_stood_in_again() {
    let mut bench = Bench::candidate(3);
    bench.wait(DELTA * 3);
    assert_eq!(bench.bonds().closed, Term(11));
    let effects = bench.stands();
    assert_eq!(writes(&effects)[0].term, Term(12));
    // Nor does a vote in it count any more.
    let mut vote = bench.vote();
    vote.term = Term(11);
    assert_eq!(bench.say(2, Message::Vote(vote)), []);
}

#[test]
fn q4_who_has_failed_asks_again_after_one_to_two_deltas() {
    let mut bench = Bench::candidate(3);
    bench.wait(DELTA * 3);
    let start = bench.now.fast;
    bench.wait_for("PreVote");
    let pause = bench.now.fast.since(start);
    assert!((DELTA..=DELTA * 2).contains(&pause), "{pause:?}");
    assert_eq!(bench.promise(), None, "a failure binds it to nobody");
}

#[test]
fn q4_who_is_refused_for_a_promise_asks_again_when_that_is_over_but_within_two_heartbeats() {
    for (rest, least, most) in [(ms(100), ms(100), ms(101)), (ms(900), H * 2, H * 2 + NANO)] {
        let mut bench = Bench::free(&[100, 100, 100]);
        bench.wait_for("PreVote");
        let nonce = nonce(&bench);
        bench.say(2, refused(nonce, rest));
        bench.say(3, refused(nonce, rest));
        let start = bench.now.fast;
        bench.wait_for("PreVote");
        let pause = bench.now.fast.since(start);
        assert!((least..=most).contains(&pause), "{rest:?}: {pause:?}");
    }
}

#[test]
fn q4_a_newer_roster_ends_the_candidacy_whose_votes_were_counted_by_an_older() {
    let mut bench = Bench::candidate(3);
    let newer = roster(12, 2, &[1, 2, 3, 4]);
    let reject = Reject { term: Term(12), roster: Some(newer) };
    let effects = bench.say(3, Message::Reject(reject));
    assert_eq!(sent(&effects, "Release").len(), 2, "{effects:?}");
    assert_eq!(bench.bonds().closed, Term(11));
    let effects = bench.votes(2);
    assert_eq!(brief(&effects), [""; 0]);
    assert!(!bench.leads());
}

#[test]
fn q7_a_candidate_follows_whoever_leads_in_its_term_or_a_later_one() {
    let mut bench = Bench::candidate(3);
    let effects = bench.say(2, hb(11, &[1, 2, 3]));
    let words = brief(&effects);
    assert_eq!(words, ["2: Release", "3: Release", "Roster", "Following", "write", "2: HbAck"]);
    assert_eq!(bench.promise(), Some((2, 11)));
    assert_eq!(bench.bonds().closed, Term(11));
}

#[test]
fn q5_a_cluster_of_one_leads_by_its_own_vote() {
    let mut bench = Bench::free(&[100]);
    let effects = bench.wait(DELTA);
    assert_eq!(brief(&effects), ["write", "write", "Elected"]);
    assert!(bench.remaining().is_some_and(|rest| rest <= USABLE && rest >= USABLE - DELTA));
}
