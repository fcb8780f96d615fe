//! Q10: who votes is changed one member at a time.

use std::sync::Arc;

use bully_core::Inst;
use bully_core::quorum::{Event, Hb, HbAck, Input, Message, Objection, Proposal, Roster, Stamp};

use crate::bench::{
    Bench, Effect, H, ME, USABLE, ack, address, brief, config, events, ms, sent, version, writes,
};
use crate::join::join;

fn remove(bench: &mut Bench, who: u128) -> Vec<Effect> {
    bench.hand(Input::Propose(Proposal::Remove(address(who))))
}

fn ack_of(bench: &mut Bench, who: u128, hb: &Hb) -> Vec<Effect> {
    let ack = ack(hb);
    bench.say(who, Message::HbAck(ack))
}

#[test]
fn q10_a_new_roster_is_shown_to_old_and_new_members_once_it_is_on_disk() {
    let mut bench = Bench::leader(3);
    bench.syncs = false;
    let effects = remove(&mut bench, 3);
    assert_eq!(brief(&effects), ["Roster", "write"]);
    let next = writes(&effects)[0].roster.clone();
    assert_eq!((next.version, &next.removed[..]), (version(11, 2), &[Inst(3)][..]));
    assert_eq!(bench.members(), [1, 2]);
    assert!(!bench.bonds().committed);
    assert_eq!(bench.bonds().prev.map(|p| p.members.len()), Some(3));
    // Who heard of it now might be the only one that has it after a crash.
    assert!(sent(&bench.wait(H), "Hb").is_empty());
    let told: Vec<u128> = sent(&bench.sync(), "Hb").iter().map(|(to, _)| *to).collect();
    assert_eq!(told[..2], [2, 3]);
    assert_eq!(bench.last_hb().roster, next);
    assert_eq!(bench.last_hb().stamp, Stamp(bench.now.fast));
}

#[test]
fn q7_after_a_stalled_write_one_heartbeat_goes_out_and_not_each_that_was_due() {
    let mut bench = Bench::leader(3);
    bench.syncs = false;
    remove(&mut bench, 3);
    bench.wait(H * 4);
    assert_eq!(brief(&bench.sync()), ["2: Hb", "3: Hb"]);
}

#[test]
fn q10_a_roster_is_committed_when_its_majority_has_acknowledged_just_it() {
    let mut bench = Bench::leader(3);
    let before = bench.last_hb();
    remove(&mut bench, 3);
    ack_of(&mut bench, 2, &before);
    bench.acks(3);
    assert!(!bench.bonds().committed, "2 has not, and 3 is no member of it");
    bench.acks(2);
    assert!(bench.bonds().committed);
    assert_eq!(bench.bonds().prev, None);
    assert_eq!(brief(&bench.wait(H)), ["2: Hb"], "who is out hears no more");
}

#[test]
fn q10_acknowledgements_of_an_older_roster_commit_nothing() {
    let mut bench = Bench::free(&[100, 100, 100]);
    bench.is_elected();
    for who in [2, 3] {
        let older = HbAck { roster: version(10, 1), ..ack(&bench.last_hb()) };
        bench.say(who, Message::HbAck(older));
    }
    assert!(!bench.bonds().committed);
    bench.acks(3);
    assert!(bench.bonds().committed);
}

#[test]
fn q10_nothing_is_changed_while_the_last_change_is_uncommitted() {
    let mut bench = Bench::leader(5);
    remove(&mut bench, 5);
    assert_eq!(bench.members(), [1, 2, 3, 4]);
    assert_eq!(remove(&mut bench, 4), []);
    assert_eq!(bench.acks(2), [], "two of four");
    assert_eq!(bench.members(), [1, 2, 3, 4]);
    bench.acks(3);
    assert_eq!(bench.members(), [1, 2, 3]);
}

#[test]
fn q10_nothing_is_changed_before_the_roster_is_committed_in_this_term() {
    let mut bench = Bench::free(&[100; 5]);
    bench.is_elected();
    bench.acks(2);
    for who in [3, 4, 5] {
        // They live, and have not taken the roster of this term over.
        let older = HbAck { roster: version(10, 1), ..ack(&bench.last_hb()) };
        bench.say(who, Message::HbAck(older));
    }
    assert_eq!(remove(&mut bench, 5), []);
    assert_eq!(bench.members(), [1, 2, 3, 4, 5]);
    bench.acks(3);
    assert_eq!(bench.members(), [1, 2, 3, 4]);
}

#[test]
fn q10_one_member_changes_at_a_time() {
    let mut bench = Bench::free(&[100; 4]);
    bench.is_elected();
    bench.meet(5, 100);
    join(&mut bench, 5);
    // A learner is ready and a member is to go when the roster is committed.
    for _ in 0..3 {
        bench.wait(H);
        bench.acks(5);
        let older = HbAck { roster: version(10, 1), ..ack(&bench.last_hb()) };
        bench.say(2, Message::HbAck(older.clone()));
        bench.say(3, Message::HbAck(older));
    }
    assert_eq!(remove(&mut bench, 4), []);
    bench.acks(2);
    bench.acks(3);
    assert_eq!(bench.members(), [1, 2, 3]);
    bench.acks(2);
    bench.acks(3);
    assert_eq!(bench.members(), [1, 2, 3, 5]);
}

#[test]
fn q10_the_deadline_that_was_shown_rests_on_the_present_roster_before_the_next_change() {
    let mut bench = Bench::leader(3);
    bench.meet(4, 100);
    join(&mut bench, 4);
    bench.rule(H * 2, &[2, 3, 4]);
    bench.wait(H);
    bench.acks(4);
    assert_eq!(bench.members(), [1, 2, 3, 4]);
    let first = bench.last_hb();
    assert_eq!(first.roster.members.len(), 4);
    bench.wait(H);
    // With 2 alone the lease is that of the roster before, of three: a majority of four did not
    // grant it.
    bench.acks(2);
    assert_eq!(bench.remaining(), Some(USABLE));
    ack_of(&mut bench, 3, &first);
    assert!(bench.bonds().committed);
    ack_of(&mut bench, 3, &first);
    assert_eq!(bench.remaining(), Some(USABLE), "what was shown is never taken back");
    assert_eq!(remove(&mut bench, 4), []);
    assert_eq!(bench.members(), [1, 2, 3, 4]);
    bench.acks(3);
    assert_eq!(bench.members(), [1, 2, 3]);
}

#[test]
fn q10_a_majority_of_the_new_roster_was_heard_within_three_heartbeats() {
    let mut bench = Bench::leader(3);
    bench.rule(H * 4, &[2]);
    // 3 is dead. Without 2 the leader could never commit the new roster, and would be needed for ever.
    assert_eq!(remove(&mut bench, 2), []);
    bench.rule(H * 4, &[2]);
    assert_eq!(bench.members(), [1, 2, 3]);
    bench.acks(3);
    assert_eq!(bench.members(), [1, 3]);
}

#[test]
fn q10_nothing_is_changed_once_a_handover_has_begun() {
    let mut bench = Bench::leader(4);
    bench.hand(Input::Propose(Proposal::HandOver(Some(address(2)))));
    assert_eq!(remove(&mut bench, 4), []);
    bench.rule(H * 3, &[2, 3]);
    assert_eq!(bench.members(), [1, 2, 3, 4]);
}

#[test]
fn q10_while_a_roster_is_uncommitted_the_majority_of_the_one_before_keeps_the_lease() {
    let mut bench = Bench::leader(3);
    remove(&mut bench, 3);
    bench.wait(H);
    let before = bench.remaining().expect("leads");
    bench.acks(3);
    assert_eq!(bench.remaining(), Some(USABLE), "with the removed member alone");
    assert_ne!(bench.remaining(), Some(before));
    bench.acks(2);
    assert!(bench.bonds().committed);
    bench.wait(H);
    let before = bench.remaining();
    bench.acks(3);
    assert_eq!(bench.remaining(), before, "from then on it is nothing");
}

#[test]
fn q10_a_roster_that_found_no_majority_for_three_seconds_is_taken_back() {
    let mut bench = Bench::leader(3);
    remove(&mut bench, 3);
    let aborted = bench.node.record().roster.clone();
    let effects = bench.rule(ms(2_999), &[3]);
    assert!(events(&effects).is_empty(), "{effects:?}");
    let effects = bench.wait(ms(1));
    assert_eq!(brief(&effects)[..3], ["RosterAborted", "Roster", "write"]);
    let [Event::RosterAborted(old), Event::Roster(new)] = events(&effects)[..] else { panic!() };
    assert_eq!(*old, aborted);
    assert_eq!((new.version, new.members.len()), (version(11, 3), 3));
    assert_eq!(new.removed, [], "nobody is out");
    assert_eq!(bench.bonds().prev, Some(aborted), "only these two are in play");
    assert_eq!(sent(&effects, "Hb").len(), 2);
    // 2 acknowledges at last: then it is out of the question no more.
    bench.acks(3);
    assert!(bench.bonds().committed);
}

#[test]
fn q10_the_end_of_a_reign_is_told_to_the_members_of_both_rosters() {
    let mut bench = Bench::leader(3);
    remove(&mut bench, 3);
    let rest = bench.remaining().expect("leads");
    let effects = bench.wait(rest);
    let told: Vec<u128> = sent(&effects, "Release").iter().map(|(to, _)| *to).collect();
    assert_eq!(told, [2, 3], "3 has promised itself, too");
}

#[test]
fn q10_the_leader_removes_neither_itself_nor_the_last_that_may_lead_nor_a_stranger() {
    let mut bench = Bench::leader_with(config(100), &[100, 0, 0]);
    for (who, why) in [(ME, Objection::Myself), (9, Objection::NotMember)] {
        assert_eq!(remove(&mut bench, who), [Effect::Event(Event::NotProposed(why))]);
    }
    let effects = remove(&mut Bench::follower(), 3);
    assert_eq!(effects, [Effect::Event(Event::NotProposed(Objection::NotLeader))]);
    // Nor does it become unable to lead itself, where nobody else could.
    let effects = bench.hand(Input::Propose(Proposal::Priority(0)));
    assert_eq!(effects, [Effect::Event(Event::NotProposed(Objection::LastElectable))]);
    bench.rule(H * 4, &[2, 3]);
    assert_eq!(bench.node.record().roster.members[0].priority, 100);
    // Where another can, it is one that leads no longer, and hands over.
    let effects = Bench::leader(3).hand(Input::Propose(Proposal::Priority(0)));
    assert!(brief(&effects).contains(&"Revoke".into()), "{effects:?}");
}

#[test]
fn q10_a_member_that_states_another_priority_or_address_is_so_recorded_on_its_own_word() {
    let mut bench = Bench::leader(3);
    bench.peers.get_mut(&2).unwrap().member.priority = 50;
    let effects = bench.say_hello(2);
    assert!(brief(&effects).contains(&"Roster".into()), "{effects:?}");
    assert_eq!(bench.node.record().roster.member(Inst(2)).unwrap().priority, 50);
    bench.all_ack();
    bench.peers.get_mut(&3).unwrap().member.id = address(33);
    bench.say_hello(3);
    assert_eq!(bench.node.record().roster.member(Inst(3)).unwrap().id, address(33));
    assert_eq!(bench.node.record().roster.version, version(11, 3));
    bench.all_ack();
    bench.hand(Input::Propose(Proposal::Priority(7)));
    assert_eq!(bench.node.record().roster.member(Inst(ME)).unwrap().priority, 7);
}

#[test]
fn q10_a_member_does_not_take_anothers_address() {
    let mut bench = Bench::leader(3);
    bench.peers.get_mut(&3).unwrap().member.id = address(2);
    bench.say_hello(3);
    assert_eq!(bench.node.record().roster.version, version(11, 1));
}

#[test]
fn q10_a_follower_takes_the_newer_roster_over_and_acknowledges_that() {
    let mut bench = Bench::follower();
    let record = bench.node.record().roster.as_ref().clone();
    let next = Arc::new(Roster { version: version(11, 2), ..record });
    let term = bully_core::quorum::Term(11);
    let effects = bench.say(2, Message::Hb(Hb { term, roster: next, stamp: Stamp::default() }));
    assert_eq!(brief(&effects), ["Roster", "write", "2: HbAck"]);
    let [(2, Message::HbAck(ack))] = sent(&effects, "HbAck")[..] else { panic!() };
    assert_eq!(ack.roster, version(11, 2));
}

#[test]
fn a_roster_that_is_not_on_disk_is_shown_to_nobody() {
    let mut bench = Bench::leader(3);
    bench.syncs = false;
    remove(&mut bench, 3);
    let ask = bully_core::quorum::PreVote { roster: version(10, 1), nonce: 9, probe: true };
    let effects = bench.say(3, Message::PreVote(ask));
    let [Effect::Send(3, Message::PreVoteResp(resp))] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!(resp.roster.as_ref().unwrap().version, version(11, 1));
    let effects = bench.say_hello(3);
    let [(3, Message::HelloAck(hello))] = sent(&effects, "HelloAck")[..] else { panic!() };
    assert_eq!(hello.roster.as_ref().unwrap().version, version(11, 1));
    let left = bench.remaining().expect("leads");
    let effects = bench.wait(left);
    let [(2, Message::Release(release)), (3, _)] = sent(&effects, "Release")[..] else {
        panic!("{effects:?}");
    };
    assert_eq!(release.roster.version, version(11, 1));
}
