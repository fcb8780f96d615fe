//! Q1, and what waits for the disk.

use std::time::Duration;

use bully_core::quorum::{
    Boot, Cause, Event, Input, Leaderless, Message, PreVote, Release, Role, Target, Term,
};
use bully_core::{Inst, LinkId};

use crate::bench::{
    BOOT, Bench, DELTA, Effect, H, LEASE, ME, NANO, brief, config, events, hb, hello, ms, roster,
    sent, stored, version, writes,
};
use crate::vote::request;

fn release(term: u64) -> Message {
    let roster = roster(10, 1, &[1, 2, 3]);
    Message::Release(Release { term: Term(term), target: None, roster })
}

#[test]
fn q1_after_a_start_a_member_votes_for_nobody_for_one_lease() {
    let mut bench = Bench::muted(&[0, 100, 100]);
    bench.pass(LEASE - NANO);
    assert_eq!(brief(&bench.say(2, request(11))), ["2: Reject"]);
    let ask = PreVote { roster: version(10, 1), nonce: 1, probe: false };
    let effects = bench.say(2, Message::PreVote(ask));
    let [Effect::Send(2, Message::PreVoteResp(resp))] = &effects[..] else { panic!() };
    assert!(!resp.granted);
    assert_eq!(bench.term(), 10);
    bench.pass(NANO);
    assert_eq!(brief(&bench.say(2, request(11))), ["write", "2: Vote"]);
}

#[test]
fn q1_the_silence_lasts_as_long_as_the_longest_lease_that_was_ever_promised() {
    let mut stored = stored(roster(10, 1, &[1, 2, 3]));
    stored.lease_max = ms(4_000);
    let mut bench = Bench::started(config(100), Some(stored));
    bench.meet(2, 100);
    bench.pass(ms(4_000) - NANO);
    assert_eq!(brief(&bench.say(2, request(11))), ["2: Reject"]);
    bench.pass(NANO);
    assert_eq!(sent(&bench.say(2, request(11)), "Vote").len(), 1);
}

#[test]
fn q1_the_silence_is_measured_by_the_slow_clock() {
    let mut bench = Bench::muted(&[0, 100, 100]);
    bench.pass_unlike(LEASE * 2, LEASE - NANO);
    assert_eq!(brief(&bench.say(2, request(11))), ["2: Reject"]);
    bench.pass_unlike(Duration::ZERO, NANO);
    assert_eq!(brief(&bench.say(2, request(11))), ["write", "2: Vote"]);
}

#[test]
fn q1_who_is_silent_does_not_stand() {
    let mut bench = Bench::muted(&[300, 100, 100]);
    let effects = bench.wait(LEASE - NANO);
    let asked = sent(&effects, "PreVote");
    let is_probe = |m: &Message| matches!(m, Message::PreVote(ask) if ask.probe);
    assert!(asked.iter().all(|(_, m)| is_probe(m)), "{effects:?}");
    assert!(matches!(bench.node.status(bench.now).reason, Some(Leaderless::Muted(_))));
    assert!(!sent(&bench.wait(DELTA), "PreVote").is_empty());
}

#[test]
fn q1_who_is_silent_acknowledges_heartbeats_and_says_that_it_is() {
    let mut bench = Bench::muted(&[100, 100, 100]);
    let effects = bench.say(2, hb(11, &[1, 2, 3]));
    let [(2, Message::HbAck(ack))] = sent(&effects, "HbAck")[..] else { panic!("{effects:?}") };
    assert!(!ack.unmuted);
    assert_eq!(bench.promise(), Some((2, 11)));
}

#[test]
fn q1_a_release_frees_a_promise_of_this_start_and_does_not_shorten_the_silence() {
    let mut bench = Bench::muted(&[0, 100, 100]);
    bench.say(2, hb(11, &[1, 2, 3]));
    bench.pass(ms(500));
    bench.say(2, release(11));
    assert_eq!(bench.promise(), None);
    assert_eq!(bench.bonds().muted, ms(500));
    assert_eq!(brief(&bench.say(3, request(12))), ["3: Reject"]);
}

#[test]
fn q1_who_is_silent_takes_part_in_no_handover() {
    for target in [ME, 3] {
        let mut bench = Bench::muted(&[100, 100, 100]);
        bench.say(2, hb(11, &[1, 2, 3]));
        let stamp = bully_core::quorum::Stamp(bench.now.fast);
        let target = Some(Target { inst: Inst(target), stamp, boot: BOOT });
        let roster = roster(11, 1, &[1, 2, 3]);
        let effects = bench.say(2, Message::Release(Release { term: Term(11), target, roster }));
        assert_eq!(brief(&effects), ["LeaderLost"]);
        assert_eq!((bench.promise(), bench.term()), (None, 11));
    }
}

#[test]
fn q1_the_longest_lease_is_on_disk_with_the_boot_before_it_is_promised() {
    let mut record = stored(roster(10, 1, &[1, 2, 3]));
    record.lease_max = ms(700);
    let mut bench = Bench::unstarted(config(100), Some(record));
    bench.syncs = false;
    let effects = bench.hand(Input::Start);
    assert_eq!(brief(&effects), ["write"]);
    assert_eq!(writes(&effects)[0].lease_max, LEASE);
    assert_eq!(writes(&effects)[0].boot, BOOT);
}

#[test]
fn q1_the_longest_lease_falls_to_the_own_when_the_silence_is_over_and_not_before() {
    let mut record = stored(roster(10, 1, &[1, 2, 3]));
    record.lease_max = ms(4_000);
    let mut bench = Bench::started(config(0), Some(record));
    assert!(writes(&bench.wait(ms(4_000) - NANO)).is_empty());
    assert_eq!(bench.disk.as_ref().unwrap().lease_max, ms(4_000));
    bench.wait(NANO);
    assert_eq!(bench.disk.as_ref().unwrap().lease_max, LEASE);
}

#[test]
fn nothing_is_said_before_the_boot_is_on_disk() {
    let mut bench = Bench::unstarted(config(100), Some(stored(roster(10, 1, &[1, 2, 3]))));
    bench.syncs = false;
    assert_eq!(brief(&bench.hand(Input::Start)), ["write"]);
    assert_eq!(brief(&bench.is_dialed(2)), ["close 2"]);
    bench.peers.insert(3, hello(3, 100, roster(10, 1, &[1, 2, 3])));
    assert_eq!(bench.connect(3), []);
    assert_eq!(bench.hand(Input::Timeout), []);
    assert_eq!(brief(&bench.sync()), ["3: HelloAck", "3: Hello", "dial"]);
    // A moment of one boot must never be taken for one of another: the hellos name it.
    bench.syncs = true;
    let effects = bench.is_dialed(2);
    let [(2, Message::Hello(hello))] = sent(&effects, "Hello")[..] else { panic!("{effects:?}") };
    assert_eq!(hello.boot, BOOT);
}

#[test]
fn every_start_counts_one_more_boot_and_closes_what_the_disk_holds() {
    let mut bench = Bench::leader(3);
    let mut disk = bench.disk.clone().expect("written");
    assert_eq!((disk.boot, disk.term), (BOOT, Term(11)));
    disk.id = crate::bench::address(ME);
    bench = Bench::started(config(100), Some(disk));
    assert_eq!(bench.node.record().boot, Boot(BOOT.0 + 1));
    assert_eq!(bench.bonds().closed, Term(11), "no start acts in a term of an earlier one");
    bench.meet(2, 100);
    bench.meet(3, 100);
    bench.wait(LEASE);
    let effects = bench.stands();
    assert_eq!(writes(&effects)[0].term, Term(12));
}

#[test]
fn q6_a_failed_write_ends_the_reign() {
    let mut bench = Bench::leader(3);
    bench.meet(4, 100);
    bench.syncs = false;
    bench.hand(Input::Propose(bully_core::quorum::Proposal::Remove(crate::bench::address(3))));
    let effects = bench.fail();
    assert_eq!(brief(&effects), ["DiskFailed", "Revoke"]);
    let Event::Revoke { cause, .. } = events(&effects)[1] else { panic!() };
    assert_eq!(*cause, Cause::Disk);
    assert!(!bench.leads());
    let effects = bench.hand(Input::Revoked);
    assert_eq!(brief(&effects), ["2: Release", "3: Release"], "its term is on disk");
}

#[test]
fn q12_after_a_failed_write_a_node_binds_itself_to_nobody_until_one_succeeds() {
    let mut bench = Bench::voter();
    bench.syncs = false;
    bench.say(2, request(11));
    assert_eq!(brief(&bench.fail()), ["DiskFailed"]);
    bench.say(2, release(11));
    assert_eq!((bench.promise(), bench.bonds().muted), (None, Duration::ZERO));
    assert_eq!(brief(&bench.say(3, request(12))), ["3: Reject"]);
    assert_eq!(bench.say(3, hb(12, &[1, 2, 3])), []);
    assert_eq!(bench.term(), 11);
    assert!(!bench.node.status(bench.now).disk);
    // It tries again, and is back.
    bench.syncs = true;
    let effects = bench.wait(H * 5);
    assert!(brief(&effects).contains(&"DiskBack".into()), "{effects:?}");
    assert!(sent(&effects, "Vote").is_empty(), "what was withheld has had its time");
    assert_eq!(brief(&bench.say(3, request(12))), ["write", "3: Vote"]);
}

#[test]
fn q12_a_failed_write_is_tried_again_after_five_heartbeats() {
    let mut bench = Bench::voter();
    bench.syncs = false;
    bench.say(2, request(11));
    bench.fail();
    assert!(writes(&bench.wait(H * 5 - NANO)).is_empty());
    let effects = bench.wait(NANO);
    assert_eq!(writes(&effects).len(), 1);
    assert_eq!(writes(&effects)[0].term, Term(11), "the vote stands, for it may be on disk");
    assert_eq!(brief(&bench.fail()), [""; 0], "said once");
}

#[test]
fn q12_what_a_failed_write_withheld_is_not_said_when_a_later_one_succeeds() {
    let mut bench = Bench::voter();
    bench.syncs = false;
    bench.say(2, request(11));
    bench.fail();
    bench.syncs = true;
    let effects = bench.wait(H * 5);
    assert_eq!(bench.promise(), Some((2, 11)));
    assert!(brief(&effects).contains(&"DiskBack".into()));
    assert!(sent(&effects, "Vote").is_empty(), "{effects:?}");
}

#[test]
fn q2_a_withheld_word_of_a_promise_that_is_anothers_by_now_is_not_said() {
    let mut bench = Bench::voter();
    bench.syncs = false;
    assert_eq!(brief(&bench.say(2, request(11))), ["write"]);
    bench.say(2, release(11));
    assert_eq!(brief(&bench.say(3, request(12))), [""; 0], "a write is under way");
    assert_eq!(brief(&bench.sync()), ["write"], "a vote for 2 would be a lie by now");
    assert_eq!(brief(&bench.sync()), ["3: Vote"]);
}

#[test]
fn q2_a_withheld_word_of_a_promise_that_is_over_is_not_said() {
    let mut bench = Bench::voter();
    bench.syncs = false;
    bench.say(2, request(11));
    bench.pass(LEASE);
    assert_eq!(bench.sync(), []);
}

#[test]
fn q4_a_term_that_is_not_on_disk_is_not_given_back_before_it_is() {
    let mut bench = Bench::free(&[100, 100, 100]);
    bench.wait_for("PreVote");
    bench.syncs = false;
    bench.grants(2);
    // After a crash here it might stand in this term again.
    let effects = bench.say(3, hb(11, &[1, 2, 3]));
    assert!(sent(&effects, "Release").is_empty(), "{effects:?}");
    assert_eq!(bench.bonds().closed, Term(11));
    assert_eq!(sent(&bench.sync(), "Release").len(), 2);
}

#[test]
fn q6_the_end_of_a_reign_does_not_wait_for_a_stalled_disk() {
    let mut bench = Bench::leader(3);
    bench.syncs = false;
    bench.hand(Input::Propose(bully_core::quorum::Proposal::Remove(crate::bench::address(3))));
    let rest = bench.remaining().expect("leads");
    let effects = bench.wait(rest);
    assert!(writes(&effects).is_empty(), "one is under way: {effects:?}");
    assert_eq!(brief(&effects), ["Revoke", "2: Release", "3: Release"]);
}

#[test]
fn q12_a_candidate_whose_disk_fails_gives_up() {
    let mut bench = Bench::candidate(3);
    bench.syncs = false;
    bench.votes(2);
    let effects = bench.fail();
    assert_eq!(brief(&effects), ["DiskFailed", "2: Release", "3: Release"]);
    assert_eq!(bench.bonds().closed, Term(11));
    assert!(!bench.leads());
}

#[test]
fn an_answer_to_a_write_that_is_not_under_way_means_nothing() {
    let mut bench = Bench::voter();
    bench.syncs = false;
    bench.say(2, request(11));
    let other = bully_core::PersistId(u64::MAX);
    assert_eq!(bench.hand(Input::Persisted { id: other }), []);
    assert_eq!(bench.hand(Input::PersistFailed { id: other }), []);
    assert_eq!(brief(&bench.sync()), ["2: Vote"]);
}

#[test]
fn a_timeout_at_any_moment_changes_nothing() {
    for mut bench in [
        Bench::muted(&[100, 100, 100]),
        Bench::voter(),
        Bench::follower(),
        Bench::candidate(3),
        Bench::leader(3),
    ] {
        bench.hand(Input::Timeout);
        let (record, bonds) = (bench.node.record().clone(), bench.bonds());
        assert_eq!(bench.hand(Input::Timeout), []);
        assert_eq!((bench.node.record().clone(), bench.bonds()), (record, bonds));
    }
}

#[test]
fn an_unknown_connection_that_goes_down_means_nothing() {
    let mut bench = Bench::leader(3);
    assert_eq!(bench.hand(Input::LinkDown { link: LinkId(999) }), []);
    assert_eq!(bench.node.status(bench.now).role, Role::Leader);
}

/// The write of its own vote is waited for, and then those of the others.
#[test]
fn q4_a_candidacy_waits_for_slow_disks() {
    let mut bench = Bench::free(&[100, 100, 100]);
    bench.wait_for("PreVote");
    bench.syncs = false;
    bench.grants(2);
    let effects = bench.wait(DELTA * 8);
    assert!(sent(&effects, "VoteReq").is_empty(), "{effects:?}");
    let effects = bench.sync();
    assert_eq!(sent(&effects, "VoteReq").len(), 2, "it still stands: {effects:?}");
    // As long again, and more, for the voters' disks; then it is lost.
    let effects = bench.wait(DELTA * 16);
    assert!(sent(&effects, "Release").is_empty(), "{effects:?}");
    let effects = bench.wait(DELTA * 4);
    assert_eq!(sent(&effects, "Release").len(), 2, "{effects:?}");
}

#[test]
fn a_disk_that_hangs_makes_nothing_pile_up() {
    let mut bench = Bench::voter();
    bench.syncs = false;
    for _ in 0..200 {
        bench.say(2, hb(12, &[1, 2, 3]));
        bench.pass(H);
    }
    let effects = bench.sync();
    assert_eq!(sent(&effects, "HbAck").len(), 1, "the last one says it all: {effects:?}");
}

#[test]
fn a_hello_that_comes_before_the_boot_is_on_disk_is_answered_once_it_is() {
    let mut bench = Bench::unstarted(config(100), Some(stored(roster(10, 1, &[1, 2, 3]))));
    bench.syncs = false;
    bench.hand(Input::Start);
    for who in [2, 3] {
        bench.peers.insert(who, hello(who, 100, roster(10, 1, &[1, 2, 3])));
        assert_eq!(bench.connect(who), []);
    }
    // The second connection is gone before that.
    bench.hand(Input::LinkDown { link: LinkId(2) });
    let effects = bench.sync();
    let answered: Vec<u128> = sent(&effects, "HelloAck").iter().map(|(to, _)| *to).collect();
    assert_eq!(answered, [2], "{effects:?}");
}
