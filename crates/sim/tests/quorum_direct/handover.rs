//! Q8: a reign is handed to a member.

use bully_core::quorum::{
    Boot, Cause, Event, HbAck, Input, Message, Objection, Proposal, Release, Stamp, Target, Term,
    Vote, VoteReq,
};
use bully_core::{Inst, Tick};

use crate::bench::{
    BOOT, BOOT_OF_PEERS, Bench, DELTA, Effect, H, LEASE, ME, NANO, USABLE, ack, address, brief,
    events, hb, ms, roster, sent, version, writes,
};
use crate::vote::request;

const SENT: Stamp = Stamp(Tick(5_000));

fn hand_over(bench: &mut Bench, to: u128) -> Vec<Effect> {
    bench.hand(Input::Propose(Proposal::HandOver(Some(address(to)))))
}

/// The leader 2 of term 11 hands over.
fn handed(to: u128, boot: Boot, stamp: Stamp) -> Message {
    let target = Some(Target { inst: Inst(to), stamp, boot });
    let roster = roster(11, 1, &[1, 2, 3, 4]);
    Message::Release(Release { term: Term(11), target, roster })
}

/// One of four, that follows 2 in term 11.
fn follower() -> Bench {
    let mut bench = Bench::free(&[100; 4]);
    bench.say(2, hb(11, &[1, 2, 3, 4]));
    bench
}

fn vote_for_me(stamp: Stamp) -> Message {
    let (term, candidate) = (Term(12), Inst(ME));
    Message::Vote(Vote { term, candidate, stamp, boot: BOOT, lease: LEASE })
}

#[test]
fn q8_the_application_stops_first_and_the_leader_beats_on() {
    let mut bench = Bench::leader(3);
    let rest = bench.remaining().expect("leads");
    let effects = hand_over(&mut bench, 2);
    assert_eq!(brief(&effects), ["Revoke"]);
    let [Event::Revoke { cause, deadline, .. }] = events(&effects)[..] else { panic!() };
    assert_eq!((*cause, *deadline), (Cause::Resign, bench.now.fast.after(rest)));
    assert!(!bench.leads(), "as the application sees it");
    assert_eq!(brief(&bench.wait(H)), ["2: Hb", "3: Hb"]);
    assert_eq!(bench.acks(2), []);
    assert!(!bench.leads());
}

#[test]
fn q8_the_next_term_is_the_targets_once_that_is_on_disk() {
    let mut bench = Bench::leader(3);
    hand_over(&mut bench, 2);
    bench.syncs = false;
    let effects = bench.hand(Input::Revoked);
    assert_eq!(brief(&effects), ["write"]);
    assert_eq!(
        (writes(&effects)[0].term, writes(&effects)[0].voted_for),
        (Term(12), Some(Inst(2)))
    );
    let target = Some(Target { inst: Inst(2), stamp: SENT, boot: BOOT_OF_PEERS });
    let roster = bench.node.record().roster.clone();
    let release = Message::Release(Release { term: Term(11), target, roster });
    let vote = Message::Vote(Vote {
        term: Term(12),
        candidate: Inst(2),
        stamp: SENT,
        boot: BOOT_OF_PEERS,
        lease: LEASE,
    });
    let expected =
        [Effect::Send(2, release.clone()), Effect::Send(3, release), Effect::Send(2, vote)];
    assert_eq!(bench.sync(), expected);
    assert_eq!(bench.bonds().closed, Term(11));
    assert_eq!(bench.remaining(), None);
}

#[test]
fn q8_the_old_leader_promises_itself_too() {
    let mut bench = Bench::leader(3);
    hand_over(&mut bench, 2);
    bench.hand(Input::Revoked);
    assert_eq!(bench.bonds().promise, Some((Inst(2), Term(12), LEASE)));
    let req = VoteReq { term: Term(13), roster: version(11, 1), stamp: SENT };
    assert_eq!(brief(&bench.say(3, Message::VoteReq(req))), ["3: Reject"]);
    let effects = bench.wait(LEASE - NANO);
    assert!(sent(&effects, "PreVote").is_empty(), "nor does it stand itself");
}

#[test]
fn q8_the_application_is_waited_for_no_longer_than_the_deadline_that_it_was_shown() {
    let mut bench = Bench::leader(3);
    let rest = bench.remaining().expect("leads");
    hand_over(&mut bench, 2);
    // The lease is renewed meanwhile, and the deadline is not.
    let effects = bench.rule(rest - NANO, &[2, 3]);
    assert!(sent(&effects, "Release").is_empty(), "{effects:?}");
    let effects = bench.wait(NANO);
    assert_eq!(brief(&effects), ["write", "2: Release", "3: Release", "2: Vote"]);
}

#[test]
fn q8_a_leader_whose_lease_lapses_meanwhile_gives_up() {
    let mut bench = Bench::leader(3);
    let rest = bench.remaining().expect("leads");
    hand_over(&mut bench, 2);
    let effects = bench.wait(rest);
    assert_eq!(events(&effects).len(), 0, "the application was told already: {effects:?}");
    let releases = sent(&effects, "Release");
    assert!(matches!(releases[..], [(2, Message::Release(r)), (3, _)] if r.target.is_none()));
    assert_eq!(bench.term(), 11);
}

#[test]
fn q8_only_a_member_that_lately_acknowledged_the_roster_and_is_not_silent_is_handed_to() {
    let refused = |effects: &[Effect], why| *effects == [Effect::Event(Event::NotProposed(why))];
    let not_now = |effects: &[Effect]| refused(effects, Objection::NotNow);
    let mut bench = Bench::leader(3);
    bench.wait(H);
    for (who, unmuted) in [(2, false), (3, true)] {
        let ack = HbAck { unmuted, ..ack(&bench.last_hb()) };
        bench.say(who, Message::HbAck(ack));
    }
    assert!(not_now(&hand_over(&mut bench, 2)), "it is muted");
    assert!(refused(&hand_over(&mut bench, 9), Objection::NotMember), "nobody");
    assert!(not_now(&hand_over(&mut bench, ME)));
    bench.rule(H * 3, &[2]);
    assert!(not_now(&hand_over(&mut bench, 3)), "it is not heard of late");
    assert!(bench.leads());
}

#[test]
fn q8_who_never_leads_is_not_handed_to() {
    let mut bench = Bench::leader_with(crate::bench::config(100), &[100, 0, 50]);
    assert_eq!(brief(&hand_over(&mut bench, 2)), ["NotProposed"]);
    let effects = bench.hand(Input::Propose(Proposal::HandOver(None)));
    assert_eq!(brief(&effects), ["Revoke"], "the best-ranked of the others takes it");
    let effects = bench.hand(Input::Revoked);
    assert_eq!(sent(&effects, "Vote")[0].0, 3);
}

#[test]
fn q8_nothing_is_handed_over_before_the_roster_is_committed() {
    let mut bench = Bench::free(&[100, 100, 100]);
    bench.is_elected();
    let older = HbAck { roster: version(10, 1), ..ack(&bench.last_hb()) };
    bench.say(3, Message::HbAck(older));
    assert_eq!(brief(&hand_over(&mut bench, 3)), ["NotProposed"]);
    // Of five, one acknowledgement commits nothing, and its sender could take over.
    let mut bench = Bench::free(&[100; 5]);
    bench.is_elected();
    bench.acks(2);
    assert_eq!(brief(&hand_over(&mut bench, 2)), ["NotProposed"]);
    bench.acks(3);
    assert_eq!(brief(&hand_over(&mut bench, 2)), ["Revoke"]);
}

#[test]
fn q8_who_does_not_lead_hands_nothing_over() {
    let effects = hand_over(&mut Bench::follower(), 3);
    assert_eq!(effects, [Effect::Event(Event::NotProposed(Objection::NotLeader))]);
}

#[test]
fn q8_a_voter_votes_for_the_target_without_being_asked_by_it() {
    let mut bench = follower();
    bench.syncs = false;
    let effects = bench.say(2, handed(3, BOOT_OF_PEERS, SENT));
    assert_eq!(brief(&effects), ["LeaderLost", "write"]);
    assert_eq!(
        (writes(&effects)[0].term, writes(&effects)[0].voted_for),
        (Term(12), Some(Inst(3)))
    );
    assert_eq!(bench.bonds().promise, Some((Inst(3), Term(12), LEASE)));
    let vote = Message::Vote(Vote {
        term: Term(12),
        candidate: Inst(3),
        stamp: SENT,
        boot: BOOT_OF_PEERS,
        lease: LEASE,
    });
    assert_eq!(bench.sync(), [Effect::Send(3, vote)], "with the target's own stamp and boot");
}

#[test]
fn q8_a_voter_that_is_bound_to_a_third_takes_a_handover_for_a_release() {
    let mut bench = Bench::free(&[0, 100, 100, 100]);
    bench.say(4, request(11));
    assert_eq!(brief(&bench.say(2, handed(3, BOOT_OF_PEERS, SENT))), ["Roster", "write"]);
    assert_eq!((bench.promise(), bench.term()), (Some((4, 11)), 11));
    // An earlier promise does not stand in the way of what a majority has decided since.
    let mut bench = Bench::free(&[0, 100, 100, 100]);
    bench.say(4, request(10));
    let effects = bench.say(2, handed(3, BOOT_OF_PEERS, SENT));
    assert_eq!(sent(&effects, "Vote").len(), 1, "{effects:?}");
}

#[test]
fn q8_a_voter_of_a_later_term_takes_a_handover_for_a_release() {
    let mut bench = follower();
    bench.pass(LEASE);
    let req = |term| VoteReq { term: Term(term), roster: version(11, 1), stamp: SENT };
    bench.say(4, Message::VoteReq(req(13)));
    assert_eq!(bench.promise(), Some((4, 13)));
    let effects = bench.say(2, handed(3, BOOT_OF_PEERS, SENT));
    assert!(sent(&effects, "Vote").is_empty(), "{effects:?}");
    assert_eq!((bench.promise(), bench.term()), (Some((4, 13)), 13));
    // And one that has voted for another in the term that is handed over.
    let mut bench = follower();
    bench.pass(LEASE);
    bench.say(4, Message::VoteReq(req(12)));
    bench.pass(LEASE);
    let effects = bench.say(2, handed(3, BOOT_OF_PEERS, SENT));
    assert!(sent(&effects, "Vote").is_empty(), "{effects:?}");
}

#[test]
fn q8_a_voter_with_a_newer_roster_takes_a_handover_for_a_release() {
    let mut bench = follower();
    let newer = roster(11, 2, &[1, 2, 3]);
    let end = Release { term: Term(3), target: None, roster: newer };
    bench.say(3, Message::Release(end));
    assert_eq!(brief(&bench.say(2, handed(3, BOOT_OF_PEERS, SENT))), ["LeaderLost"]);
    assert_eq!((bench.promise(), bench.term()), (None, 11));
}

#[test]
fn q8_a_target_that_is_no_member_gets_no_vote() {
    let mut bench = follower();
    bench.meet(9, 100);
    assert_eq!(brief(&bench.say(2, handed(9, BOOT_OF_PEERS, SENT))), ["LeaderLost"]);
    assert_eq!(bench.term(), 11);
}

#[test]
fn q8_the_target_takes_over_only_when_it_is_told_itself() {
    let mut bench = follower();
    let stamp = Stamp(bench.now.fast);
    bench.pass(ms(10));
    let before = bench.node.record().clone();
    for who in [2, 3, 4] {
        assert_eq!(bench.say(who, vote_for_me(stamp)), [], "it keeps them");
    }
    assert_eq!((bench.promise(), bench.node.record()), (Some((2, 11)), &before));
    let effects = bench.say(2, handed(ME, BOOT, stamp));
    let words = ["LeaderLost", "write", "Elected", "2: Hb", "3: Hb", "4: Hb"];
    assert_eq!(brief(&effects), words);
    assert_eq!(writes(&effects)[0].term, Term(12));
    assert_eq!(writes(&effects)[0].voted_for, Some(Inst(ME)));
    assert_eq!(writes(&effects)[0].roster.version, version(12, 1));
    let Event::Elected { token, deadline, cause } = events(&effects)[1] else { panic!() };
    assert_eq!((token.get(), *deadline, *cause), (12, stamp.0.after(USABLE), Cause::Handover));
}

#[test]
fn q8_votes_that_come_after_the_release_count_as_well() {
    let mut bench = follower();
    let stamp = Stamp(bench.now.fast);
    assert_eq!(brief(&bench.say(2, handed(ME, BOOT, stamp))), ["LeaderLost", "write"]);
    assert_eq!(brief(&bench.say(2, vote_for_me(stamp))), [""; 0], "two of four are no majority");
    let effects = bench.say(3, vote_for_me(stamp));
    assert_eq!(brief(&effects)[..2], ["write", "Elected"]);
}

#[test]
fn q8_a_handover_to_an_earlier_start_is_a_release() {
    let mut bench = follower();
    let stamp = Stamp(bench.now.fast);
    let earlier = Boot(BOOT.0 - 1);
    assert_eq!(brief(&bench.say(2, handed(ME, earlier, stamp))), ["LeaderLost"]);
    assert_eq!(bench.term(), 11);
    assert_eq!(brief(&bench.say(2, vote_for_me(stamp))), [""; 0]);
}

#[test]
fn q8_a_moment_of_an_earlier_start_of_the_target_is_worth_nothing() {
    let mut bench = Bench::leader(3);
    hand_over(&mut bench, 2);
    // 2 starts anew while the application stops: its clock has begun anew, too.
    if let Some(peer) = bench.peers.get_mut(&2) {
        (peer.boot, peer.run) = (Boot(BOOT_OF_PEERS.0 + 1), 222);
    }
    bench.hand(Input::LinkDown { link: bench.link_of(2) });
    bench.connect(2);
    let effects = bench.hand(Input::Revoked);
    assert_eq!(brief(&effects), ["2: Release", "3: Release"]);
    let [(2, Message::Release(release)), _] = sent(&effects, "Release")[..] else { panic!() };
    assert_eq!((release.term, release.target), (Term(11), None));
    assert_eq!((bench.promise(), bench.term()), (None, 11));
}

#[test]
fn q8_a_target_that_has_given_the_next_term_up_gets_no_vote_in_it() {
    let mut bench = follower();
    let roster = roster(11, 1, &[1, 2, 3, 4]);
    let gone = Release { term: Term(12), target: None, roster };
    bench.say(3, Message::Release(gone));
    let effects = bench.say(2, handed(3, BOOT_OF_PEERS, SENT));
    assert_eq!(brief(&effects), ["LeaderLost"]);
    assert_eq!((bench.promise(), bench.term()), (None, 11));
}

#[test]
fn q8_what_was_withheld_of_a_handover_goes_out_though_a_write_failed() {
    let mut bench = Bench::leader(3);
    hand_over(&mut bench, 2);
    bench.syncs = false;
    bench.hand(Input::Revoked);
    assert_eq!(brief(&bench.fail()), ["DiskFailed"]);
    bench.syncs = true;
    let effects = bench.wait(H * 5);
    assert_eq!(sent(&effects, "Release").len(), 2, "the term is over all the same: {effects:?}");
}

#[test]
fn q8_a_handover_that_found_no_votes_ends_after_six_deltas_and_is_not_taken_up_again() {
    let mut bench = follower();
    let stamp = Stamp(bench.now.fast);
    bench.say(2, handed(ME, BOOT, stamp));
    assert!(sent(&bench.wait(DELTA * 6 - NANO), "Release").is_empty());
    let effects = bench.wait(NANO);
    let [(2, Message::Release(release)), (3, _), (4, _)] = sent(&effects, "Release")[..] else {
        panic!("{effects:?}");
    };
    assert_eq!(release.term, Term(12));
    assert_eq!(bench.bonds().closed, Term(12));
    // Everything comes twice, and the votes were delayed.
    let mut effects = bench.say(2, handed(ME, BOOT, stamp));
    for who in [2, 3, 4] {
        effects.extend(bench.say(who, vote_for_me(stamp)));
    }
    assert_eq!(effects, []);
    assert!(!bench.leads());
}

#[test]
fn q8_a_release_that_comes_late_again_is_harmless() {
    let mut bench = follower();
    let stamp = Stamp(bench.now.fast);
    bench.say(2, handed(ME, BOOT, stamp));
    bench.say(2, vote_for_me(stamp));
    bench.say(3, vote_for_me(stamp));
    assert!(bench.leads());
    let before = bench.node.record().clone();
    assert_eq!(bench.say(2, handed(ME, BOOT, stamp)), []);
    assert_eq!((bench.leads(), bench.node.record()), (true, &before));
}
