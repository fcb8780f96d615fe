//! Q11: a node that stops hands over first, and one that leaves is removed.

use std::sync::Arc;

use bully_core::Inst;
use bully_core::quorum::{Cause, Event, Hb, Input, Message, Release, Roster, Stamp, Term};

use crate::bench::{Bench, Effect, H, LEASE, ME, NANO, brief, events, ms, sent, version};

fn resign(bench: &mut Bench, leave: bool) -> Vec<Effect> {
    bench.hand(Input::Resign { leave })
}

#[test]
fn q11_a_leader_that_stops_hands_over_first() {
    let mut bench = Bench::leader(3);
    let effects = resign(&mut bench, false);
    let [Event::Revoke { cause: Cause::Resign, .. }] = events(&effects)[..] else {
        panic!("{effects:?}");
    };
    assert_eq!(resign(&mut bench, false), [], "once");
    let effects = bench.hand(Input::Revoked);
    assert_eq!(brief(&effects), ["write", "2: Release", "3: Release", "3: Vote", "Stopped"]);
    assert_eq!(bench.wait(ms(10_000)), [], "nothing follows");
}

#[test]
fn q11_a_leader_that_stops_waits_for_the_disk_before_it_is_gone() {
    let mut bench = Bench::leader(3);
    resign(&mut bench, false);
    bench.syncs = false;
    assert_eq!(brief(&bench.hand(Input::Revoked)), ["write"]);
    assert_eq!(brief(&bench.sync()), ["2: Release", "3: Release", "3: Vote", "Stopped"]);
}

#[test]
fn q11_a_leader_that_has_nobody_to_hand_over_to_ends_its_reign() {
    let mut bench = Bench::leader(3);
    bench.pass(H * 2 + NANO);
    assert_eq!(brief(&resign(&mut bench, false)), ["Revoke"]);
    let effects = bench.hand(Input::Revoked);
    assert_eq!(brief(&effects), ["2: Release", "3: Release", "Stopped"]);
    let [(2, Message::Release(release)), _] = sent(&effects, "Release")[..] else { panic!() };
    assert_eq!((release.term, release.target), (Term(11), None));
}

#[test]
fn q11_a_follower_that_stops_just_stops() {
    assert_eq!(brief(&resign(&mut Bench::follower(), false)), ["Stopped"]);
}

#[test]
fn q11_a_candidate_that_stops_gives_its_votes_back() {
    let effects = resign(&mut Bench::candidate(3), false);
    assert_eq!(brief(&effects), ["2: Release", "3: Release", "Stopped"]);
}

#[test]
fn q11_who_leaves_asks_the_leader_to_be_removed_until_it_is() {
    let mut bench = Bench::follower();
    assert_eq!(brief(&resign(&mut bench, true)), ["2: Leave"]);
    assert_eq!(bench.wait(H * 2 - NANO), []);
    assert_eq!(brief(&bench.wait(NANO)), ["2: Leave"]);
    let record = bench.node.record().roster.as_ref().clone();
    let members = record.members.iter().filter(|m| m.inst != Inst(ME)).cloned().collect();
    let without = Roster { version: version(11, 2), members, removed: vec![Inst(ME)] };
    let hb = Hb { term: Term(11), roster: Arc::new(without), stamp: Stamp::default() };
    let effects = bench.say(2, Message::Hb(hb));
    assert_eq!(brief(&effects), ["Roster", "Removed", "write", "2: HbAck", "Stopped"]);
}

#[test]
fn q11_who_leaves_and_is_not_removed_is_gone_in_the_end() {
    let mut bench = Bench::follower();
    resign(&mut bench, true);
    let effects = bench.wait(LEASE * 4 + H * 40);
    assert_eq!(events(&effects).last(), Some(&&Event::Stopped));
    assert!(
        sent(&effects, "PreVote")
            .iter()
            .all(|(_, m)| { matches!(m, Message::PreVote(ask) if ask.probe) }),
        "it does not stand any more"
    );
}

#[test]
fn q11_a_leader_that_leaves_hands_over_and_is_removed_by_its_successor() {
    let mut bench = Bench::leader(3);
    resign(&mut bench, true);
    let effects = bench.hand(Input::Revoked);
    assert_eq!(brief(&effects), ["write", "2: Release", "3: Release", "3: Vote"]);
    let record = bench.node.record().roster.as_ref().clone();
    let roster = Arc::new(Roster { version: version(12, 1), ..record });
    let hb = Hb { term: Term(12), roster, stamp: Stamp::default() };
    let effects = bench.say(3, Message::Hb(hb));
    assert!(brief(&effects).contains(&"3: HbAck".into()), "{effects:?}");
    assert!(!sent(&bench.wait(H * 2), "Leave").is_empty());
}

#[test]
fn q11_a_leader_removes_a_member_that_asks_to_leave_and_nobody_else() {
    let mut bench = Bench::leader(3);
    bench.meet(4, 100);
    assert_eq!(bench.say(4, Message::Leave), []);
    let effects = bench.say(3, Message::Leave);
    assert_eq!(brief(&effects)[..2], ["Roster", "write"]);
    assert_eq!(bench.members(), [1, 2]);
}

#[test]
fn q11_who_is_about_to_stop_takes_no_reign_over() {
    let mut bench = Bench::follower();
    resign(&mut bench, true);
    let stamp = Stamp(bench.now.fast);
    let target =
        Some(bully_core::quorum::Target { inst: Inst(ME), stamp, boot: crate::bench::BOOT });
    let roster = bench.node.record().roster.clone();
    let effects = bench.say(2, Message::Release(Release { term: Term(11), target, roster }));
    assert!(sent(&effects, "VoteReq").is_empty());
    assert_eq!(bench.node.record().voted_for, None);
}

#[test]
fn q6_a_node_that_must_stop_while_its_application_acts_waits_for_that() {
    let mut bench = Bench::leader(3);
    bench.pass(H * 2 + NANO);
    let rest = bench.remaining().expect("leads");
    resign(&mut bench, false);
    assert_eq!(bench.wait(rest - NANO), []);
    assert_eq!(brief(&bench.wait(NANO)), ["2: Release", "3: Release", "Stopped"]);
}
