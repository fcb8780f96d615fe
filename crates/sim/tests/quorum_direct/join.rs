//! Q10 for those that are no members: joining, and replacing a member whose disk is lost.

use std::time::Duration;

use bully_core::quorum::{ClusterId, Config, Event, Input, Join, Leaderless, Message, Stage, Term};
use bully_core::{DialError, Inst};

use crate::bench::{
    Bench, CLUSTER, Effect, H, ME, address, brief, config, events, hb, hello, ms, roster, sent,
    version, writes,
};

pub(crate) fn join(bench: &mut Bench, who: u128) -> Vec<Effect> {
    bench.say(who, Message::Join(Join { cluster: CLUSTER }))
}

#[test]
fn q10_a_newcomer_learns_first_and_is_added_after_three_acknowledgements() {
    let mut bench = Bench::leader(3);
    bench.meet(4, 100);
    assert_eq!(brief(&bench.wait(H)), ["2: Hb", "3: Hb"], "it has not asked");
    bench.all_ack();
    assert_eq!(join(&mut bench, 4), []);
    for _ in 0..2 {
        assert_eq!(brief(&bench.wait(H)), ["2: Hb", "3: Hb", "4: Hb"]);
        bench.all_ack();
        assert_eq!(bench.members(), [1, 2, 3]);
    }
    bench.wait(H);
    bench.acks(2);
    let effects = bench.acks(4);
    assert_eq!(brief(&effects), ["Roster", "write", "2: Hb", "3: Hb", "4: Hb"]);
    assert_eq!(bench.members(), [1, 2, 3, 4]);
}

#[test]
fn q10_a_learner_grants_no_lease() {
    let mut bench = Bench::leader(3);
    bench.meet(4, 100);
    join(&mut bench, 4);
    bench.wait(H);
    let before = bench.remaining();
    bench.acks(4);
    assert_eq!(bench.remaining(), before);
}

#[test]
fn q10_a_learner_that_is_silent_for_two_seconds_is_forgotten() {
    let mut bench = Bench::leader(3);
    bench.meet(4, 100);
    join(&mut bench, 4);
    bench.rule(H, &[2, 3, 4]);
    let effects = bench.rule(ms(1_950), &[2, 3]);
    assert!(sent(&effects, "Hb").iter().any(|(to, _)| *to == 4));
    bench.rule(H, &[2, 3]);
    let effects = bench.rule(H * 4, &[2, 3]);
    assert!(sent(&effects, "Hb").iter().all(|(to, _)| *to != 4), "{effects:?}");
}

#[test]
fn q10_who_asks_for_another_cluster_does_not_learn() {
    let mut bench = Bench::leader(3);
    bench.meet(4, 100);
    bench.say(4, Message::Join(Join { cluster: ClusterId(0xd) }));
    assert_eq!(brief(&bench.wait(H)), ["2: Hb", "3: Hb"]);
}

#[test]
fn q10_an_instance_that_was_removed_never_comes_back() {
    let mut bench = Bench::leader(3);
    bench.hand(Input::Propose(bully_core::quorum::Proposal::Remove(address(3))));
    bench.acks(2);
    assert!(bench.bonds().committed);
    join(&mut bench, 3);
    let effects = bench.rule(H * 5, &[2]);
    assert!(sent(&effects, "Hb").iter().all(|(to, _)| *to == 2), "{effects:?}");
    assert_eq!(bench.members(), [1, 2]);
}

/// A new instance, 33, advertises the address of 3.
fn replacement(bench: &mut Bench) -> Vec<Effect> {
    let roster = bench.node.record().roster.clone();
    let mut hello = hello(33, 100, roster);
    hello.member.id = address(3);
    bench.peers.insert(33, hello);
    bench.connect(33);
    join(bench, 33)
}

#[test]
fn a_lost_disk_is_replaced_once_the_old_instance_was_silent_for_ten_seconds() {
    let mut bench = Bench::leader(3);
    let effects = replacement(&mut bench);
    assert_eq!(events(&effects), [&Event::Replacing { old: Inst(3), new: Inst(33) }]);
    bench.rule(ms(9_900), &[2, 33]);
    assert_eq!(bench.members(), [1, 2, 3]);
    let effects = bench.rule(ms(200), &[2, 33]);
    // First the old one is removed, then the new one is added.
    let rosters: Vec<Vec<u128>> = events(&effects)
        .iter()
        .filter_map(|event| match event {
            Event::Roster(roster) => Some(roster.members.iter().map(|m| m.inst.0).collect()),
            _ => None,
        })
        .collect();
    assert_eq!(rosters, [vec![1, 2], vec![1, 2, 33]]);
    assert_eq!(bench.node.record().roster.removed, [Inst(3)]);
}

#[test]
fn a_member_that_is_silent_and_whose_address_nobody_else_answers_at_stays() {
    let mut bench = Bench::leader(3);
    bench.rule(ms(30_000), &[2]);
    assert_eq!(bench.members(), [1, 2, 3], "it may be partitioned");
    bench.meet(4, 100);
    join(&mut bench, 4);
    bench.rule(ms(1_000), &[2, 4]);
    assert_eq!(bench.members(), [1, 2, 3, 4]);
}

#[test]
fn a_member_that_is_heard_is_not_replaced_by_who_claims_its_address() {
    let mut bench = Bench::leader(3);
    replacement(&mut bench);
    bench.rule(ms(30_000), &[2, 3, 33]);
    assert_eq!(bench.members(), [1, 2, 3]);
}

/// A node without a disk, whose list names 2 and 3.
fn newcomer() -> Bench {
    let places = vec![address(ME), address(2), address(3)];
    let mut bench = Bench::started(Config { places, ..config(100) }, None);
    for who in [2, 3] {
        bench.peers.insert(who, hello(who, 100, roster(11, 1, &[2, 3])));
    }
    bench
}

fn refused(who: u128) -> Input {
    Input::DialFailed { dialed: address(who), reason: DialError::Refused }
}

#[test]
fn q10_a_newcomer_asks_the_cluster_that_its_places_lead_to() {
    let mut bench = newcomer();
    bench.is_dialed(2);
    assert!(sent(&bench.wait(H * 8), "Join").is_empty(), "3 has neither answered nor failed");
    bench.hand(refused(3));
    let effects = bench.wait(H * 5);
    assert_eq!(sent(&effects, "Join"), [(2, &Message::Join(Join { cluster: CLUSTER }))]);
    assert_eq!(bench.node.status(bench.now).reason, Some(Leaderless::Joining));
    assert!(!sent(&bench.wait(H * 5), "Join").is_empty(), "it asks again");
    assert_eq!(bench.node.record().accept, None, "where there is a cluster it founds none");
}

#[test]
fn q10_a_newcomer_is_in_the_cluster_with_the_first_heartbeat_and_need_not_be_silent() {
    let mut bench = newcomer();
    bench.is_dialed(2);
    bench.is_dialed(3);
    bench.syncs = false;
    let effects = bench.say(2, hb(11, &[2, 3]));
    let words = brief(&effects);
    assert_eq!(words[..3], ["Formed", "Roster", "Following"], "{words:?}");
    assert!(sent(&effects, "HbAck").is_empty());
    assert_eq!(writes(&effects)[0].cluster, Some(CLUSTER));
    assert_eq!(writes(&effects)[0].term, Term(11));
    let effects = bench.sync();
    let [(2, Message::HbAck(ack))] = sent(&effects, "HbAck")[..] else { panic!("{effects:?}") };
    assert!(ack.unmuted, "a new instance has nothing to forget");
    let [(2, Message::Hello(hello)), ..] = sent(&effects, "Hello")[..] else { panic!() };
    assert_eq!(hello.stage, Stage::Formed(CLUSTER));
    // It is no member yet: it never stands, and goes on asking.
    bench.syncs = true;
    let effects = bench.wait(ms(3_000));
    assert!(sent(&effects, "VoteReq").is_empty());
    assert!(!sent(&effects, "Join").is_empty());
}

#[test]
fn q10_a_heartbeat_makes_nobody_a_member_that_did_not_ask() {
    let mut bench = newcomer();
    bench.is_dialed(2);
    // 3 has neither answered nor failed.
    assert_eq!(brief(&bench.say(2, hb(11, &[2, 3]))), [""; 0]);
    assert_eq!(bench.node.record().cluster, None);
}

#[test]
fn two_clusters_of_one_name_are_joined_by_nobody() {
    let mut bench = newcomer();
    bench.peers.get_mut(&3).unwrap().stage = Stage::Formed(ClusterId(0xd));
    bench.is_dialed(2);
    let effects = bench.is_dialed(3);
    let expected = Event::SplitClusters { first: CLUSTER, second: ClusterId(0xd) };
    assert_eq!(events(&effects), [&expected]);
    assert_eq!(bench.node.status(bench.now).reason, Some(Leaderless::SplitClusters));
    let effects = bench.wait(ms(3_000));
    assert!(sent(&effects, "Join").is_empty(), "{effects:?}");
    assert!(events(&effects).is_empty(), "said once");
    assert_eq!(bench.say(2, hb(11, &[2, 3])), []);
    assert_eq!(bench.node.record().cluster, None);
    assert_eq!(bench.node.record().accept, None);
}

#[test]
fn q11_a_node_that_was_removed_learns_it_and_does_not_ask_to_come_back() {
    let mut bench = Bench::follower();
    let mut without = roster(11, 2, &[2, 3]).as_ref().clone();
    without.removed = vec![Inst(ME)];
    let reject = bully_core::quorum::Reject { term: Term(11), roster: Some(without.into()) };
    let effects = bench.say(3, Message::Reject(reject));
    assert_eq!(brief(&effects), ["Roster", "Removed", "write"]);
    let effects = bench.wait(ms(5_000));
    assert!(sent(&effects, "Join").is_empty(), "{effects:?}");
    assert!(sent(&effects, "VoteReq").is_empty(), "{effects:?}");
    assert_eq!(bench.node.status(bench.now).reason, Some(Leaderless::Removed));
    assert_eq!(bench.node.record().roster.version, version(11, 2));
    assert_eq!(bench.remaining().unwrap_or(Duration::ZERO), Duration::ZERO);
}
