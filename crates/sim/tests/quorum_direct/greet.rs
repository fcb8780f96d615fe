//! Hellos: who is at the other end of a connection, and whether it is to be believed.

use std::sync::Arc;

use bully_core::quorum::{
    Boot, Cause, ClusterId, Config, Event, Hello, Input, Leaderless, Message, Node, Refusal, Role,
    Stage, StartError,
};
use bully_core::{Inst, Mode};

use crate::bench::{
    BOOT, BOOT_OF_PEERS, Bench, CLUSTER, Effect, H, ME, address, brief, config, events, hb, hello,
    ms, roster, sent, stored,
};
use crate::vote::request;

/// A new connection, whose first word this is.
fn says(bench: &mut Bench, who: u128, own: Hello) -> Vec<Effect> {
    bench.peers.insert(who, own);
    bench.connect(who)
}

fn newcomer() -> Hello {
    hello(4, 100, roster(10, 1, &[1, 2, 3]))
}

fn refuses(bench: &mut Bench, own: Hello, reason: Refusal) {
    let before = bench.node.record().clone();
    let effects = says(bench, 4, own.clone());
    let address = Some(own.member.id);
    let expected = [
        Effect::Event(Event::Refused { address, by_me: true, reason: reason.clone() }),
        Effect::Send(4, Message::HelloNack(reason)),
        Effect::Close(4),
    ];
    assert_eq!(effects, expected);
    assert_eq!(*bench.node.record(), before);
}

#[test]
fn a_node_of_another_cluster_or_mode_is_refused_and_told_why() {
    let mut bench = Bench::voter();
    let name: Arc<str> = Arc::from("other");
    refuses(
        &mut bench,
        Hello { cluster: name, ..newcomer() },
        Refusal::ForeignCluster(Arc::from("bully")),
    );
    refuses(
        &mut bench,
        Hello { mode: Mode::Bully, ..newcomer() },
        Refusal::ForeignMode(Mode::Quorum),
    );
}

#[test]
fn a_node_of_a_cluster_that_was_founded_apart_is_refused_and_changes_nothing() {
    let mut bench = Bench::voter();
    let stage = Stage::Formed(ClusterId(0xd));
    let newer = Some(roster(99, 1, &[4]));
    refuses(
        &mut bench,
        Hello { stage, roster: newer, ..newcomer() },
        Refusal::SplitClusters(CLUSTER),
    );
    // Nor is a member heard any more that says it is of another cluster now.
    let own = hello(2, 100, roster(10, 1, &[1, 2, 3]));
    bench.peers.insert(2, Hello { stage, ..own });
    let link = bench.link_of(2);
    bench.say_hello(2);
    let message = request(11);
    assert_eq!(bench.hand(Input::Message { from: link, message }), []);
    assert_eq!((bench.promise(), bench.term()), (None, 10));
}

#[test]
fn what_comes_before_a_hello_is_not_heard() {
    let mut bench = Bench::voter();
    let from = bench.link(4);
    for message in [request(11), hb(11, &[1, 2, 3]), Message::Leave] {
        assert_eq!(bench.hand(Input::Message { from, message }), []);
    }
    assert_eq!((bench.promise(), bench.term()), (None, 10));
}

#[test]
fn what_a_node_says_that_is_in_no_cluster_is_not_heard_and_it_is_asked_who_it_is() {
    let mut bench = Bench::voter();
    let own = Hello { stage: Stage::Fresh, roster: None, ..newcomer() };
    bench.silent.insert(4);
    says(&mut bench, 4, own);
    bench.wait(H * 5);
    bench.connect(4);
    bench.wait(H * 6);
    assert_eq!(bench.promise(), None);
    bench.connect(4);
    bench.pass(H * 5);
    let effects = bench.say(4, request(11));
    assert!(sent(&effects, "Vote").is_empty(), "{effects:?}");
    assert_eq!(sent(&effects, "Hello").len(), 1, "its word that it is may have been lost");
    assert_eq!((bench.promise(), bench.term()), (None, 10));
    bench.silent.remove(&4);
    bench.peers.insert(4, newcomer());
    bench.say_hello(4);
    assert_eq!(sent(&bench.say(4, request(11)), "Vote").len(), 1);
}

#[test]
fn an_answer_to_no_question_is_no_introduction() {
    let mut bench = Bench::voter();
    let from = bench.link(4);
    let message = Message::HelloAck(newcomer());
    assert_eq!(bench.hand(Input::Message { from, message }), []);
    assert_eq!(bench.hand(Input::Message { from, message: request(11) }), []);
}

#[test]
fn an_earlier_start_of_a_node_comes_from_a_disk_that_was_rolled_back() {
    let mut bench = Bench::voter();
    let earlier = Boot(BOOT_OF_PEERS.0 - 1);
    let own = Hello { boot: earlier, run: 222, ..hello(2, 100, roster(10, 1, &[1, 2, 3])) };
    let address = Some(address(2));
    let reason = Refusal::RolledBack;
    let effects = says(&mut bench, 2, own);
    let expected = [
        Effect::Event(Event::Refused { address, by_me: true, reason: reason.clone() }),
        Effect::Send(2, Message::HelloNack(reason)),
        Effect::Close(2),
    ];
    assert_eq!(effects, expected);
}

#[test]
fn two_live_nodes_on_copies_of_one_disk_are_both_refused_and_heard_no_more() {
    let mut bench = Bench::voter();
    let old = bench.link_of(2);
    let own = Hello { run: 222, ..hello(2, 100, roster(10, 1, &[1, 2, 3])) };
    let effects = says(&mut bench, 2, own);
    assert_eq!(brief(&effects), ["2: HelloNack", "Refused", "close 2", "2: HelloNack", "close 2"]);
    assert!(sent(&effects, "HelloNack").iter().all(|(_, m)| **m == copied()));
    assert_eq!(bench.hand(Input::Message { from: old, message: request(11) }), []);
    // Nor when either comes again.
    let effects = says(&mut bench, 2, hello(2, 100, roster(10, 1, &[1, 2, 3])));
    assert_eq!(brief(&effects), ["2: HelloNack", "close 2"]);
    assert_eq!(bench.promise(), None);
}

fn copied() -> Message {
    Message::HelloNack(Refusal::Copied)
}

#[test]
fn what_an_earlier_start_sent_is_not_heard_once_a_later_one_is_known() {
    let mut bench = Bench::voter();
    let old = bench.link_of(2);
    bench.silent.insert(2);
    let later = Boot(BOOT_OF_PEERS.0 + 1);
    let own = Hello { boot: later, run: 222, ..hello(2, 100, roster(10, 1, &[1, 2, 3])) };
    let effects = says(&mut bench, 2, own);
    assert_eq!(sent(&effects, "HelloAck").len(), 1);
    assert_eq!(bench.hand(Input::Message { from: old, message: request(11) }), []);
    assert_eq!(bench.promise(), None);
    let effects = bench.say(2, request(11));
    let [(2, Message::Vote(vote))] = sent(&effects, "Vote")[..] else { panic!("{effects:?}") };
    assert_eq!(vote.boot, later);
}

#[test]
fn whoever_still_answers_on_a_connection_of_an_earlier_start_runs_on_a_copy() {
    let mut bench = Bench::voter();
    let old = bench.link_of(2);
    bench.silent.insert(2);
    let later = Boot(BOOT_OF_PEERS.0 + 1);
    let first = bench.peers[&2].clone();
    let own = Hello { boot: later, run: 222, ..first.clone() };
    let effects = says(&mut bench, 2, own);
    // It was asked there, and answers.
    let asked: Vec<&Message> = sent(&effects, "Hello").iter().map(|(_, m)| *m).collect();
    let Message::Hello(Hello { nonce, .. }) = asked[0] else { panic!() };
    let message = Message::HelloAck(Hello { nonce: *nonce, ..first });
    let effects = bench.hand(Input::Message { from: old, message });
    assert_eq!(sent(&effects, "HelloNack").len(), 2, "{effects:?}");
    assert!(sent(&effects, "HelloNack").iter().all(|(_, m)| **m == copied()));
}

/// A node on a copy of this node's disk.
fn twin(boot: Boot) -> Hello {
    Hello { boot, run: 4_242, ..hello(ME, 100, roster(10, 1, &[1, 2, 3])) }
}

#[test]
fn a_node_that_meets_its_own_copy_takes_part_in_nothing_any_more() {
    let mut bench = Bench::voter();
    let effects = says(&mut bench, ME, twin(BOOT));
    let quarantined = Event::Quarantined { reason: Refusal::Copied };
    assert_eq!(events(&effects), [&quarantined]);
    let mut closed: Vec<String> =
        brief(&effects).into_iter().filter(|w| w.starts_with("close")).collect();
    closed.sort();
    assert_eq!(closed, ["close 1", "close 2", "close 3"]);
    assert_eq!(bench.node.status(bench.now).role, Role::Quarantined);
    assert_eq!(bench.node.status(bench.now).reason, Some(Leaderless::Quarantined));
    assert_eq!(bench.wait(ms(60_000)), [], "it dials nobody");
    bench.peers.remove(&ME);
    assert_eq!(bench.connect(2), [], "and answers nobody");
    assert_eq!(bench.say(2, request(11)), []);
    assert_eq!(brief(&bench.is_dialed(3)), ["close 3"]);
}

#[test]
fn an_earlier_start_of_this_very_node_is_told_so_and_proves_no_copy() {
    let mut bench = Bench::voter();
    let effects = says(&mut bench, ME, twin(Boot(BOOT.0 - 1)));
    let told = Effect::Send(ME, Message::HelloNack(Refusal::RolledBack));
    assert!(effects.contains(&told), "{effects:?}");
    assert_eq!(bench.node.status(bench.now).role, Role::Electing);
}

#[test]
fn a_leader_that_meets_its_own_copy_ends_its_reign_and_gives_nothing_back() {
    let mut bench = Bench::leader(3);
    let effects = says(&mut bench, ME, twin(BOOT));
    let Event::Revoke { cause, .. } = events(&effects)[0] else { panic!("{effects:?}") };
    assert_eq!(*cause, Cause::Quarantine);
    assert!(!bench.leads());
    bench.peers.remove(&ME);
    assert_eq!(bench.hand(Input::Revoked), [], "the copy may lead on its promises");
    assert_eq!(bench.wait(ms(60_000)), []);
}

#[test]
fn a_node_that_is_told_that_its_disk_was_rolled_back_takes_part_in_nothing_any_more() {
    for reason in [Refusal::RolledBack, Refusal::Copied] {
        let mut bench = Bench::voter();
        let effects = bench.say(2, Message::HelloNack(reason.clone()));
        assert_eq!(events(&effects), [&Event::Quarantined { reason }]);
        assert_eq!(bench.node.status(bench.now).role, Role::Quarantined);
    }
}

#[test]
fn a_refusal_is_named_once_and_its_address_is_not_dialled_in_a_circle() {
    let mut bench = Bench::started(config(100), Some(stored(roster(10, 1, &[1, 2, 3]))));
    bench.silent.insert(2);
    bench.is_dialed(2);
    let reason = Refusal::ForeignCluster(Arc::from("other"));
    let effects = bench.say(2, Message::HelloNack(reason.clone()));
    let expected = Event::Refused { address: Some(address(2)), by_me: false, reason };
    assert!(events(&effects).contains(&&expected), "{effects:?}");
    let dials = |effects: &[Effect]| brief(effects).iter().filter(|w| *w == "dial").count();
    assert_eq!(dials(&effects), 0, "{effects:?}");
    let is_complaint = |e: &&&Event| matches!(e, Event::Unreachable { .. });
    assert!(events(&effects).iter().filter(is_complaint).count() <= 1, "{effects:?}");
    assert_eq!(dials(&bench.wait(H * 5)), 1, "one failure, and not two");
}

#[test]
fn a_refusal_for_a_reason_that_it_does_not_know_is_named_and_ends_the_connection_alone() {
    let mut bench = Bench::voter();
    let reason = Refusal::Other(Arc::from("it is Monday"));
    let effects = bench.say(2, Message::HelloNack(reason.clone()));
    let refused =
        |e: &&&Event| matches!(e, Event::Refused { by_me: false, reason: r, .. } if *r == reason);
    assert_eq!(events(&effects).iter().filter(refused).count(), 1, "{effects:?}");
    assert!(brief(&effects).contains(&"close 2".into()), "{effects:?}");
    assert_ne!(bench.node.status(bench.now).role, Role::Quarantined);
}

#[test]
fn a_disk_of_another_address_starts_no_node_unless_that_has_moved() {
    let mut record = stored(roster(10, 1, &[1, 2, 3]));
    record.id = address(77);
    let refused = Node::new(config(100), Some(record.clone()), 1).unwrap_err();
    let (stored, configured) = (address(77), address(ME));
    assert_eq!(refused, StartError::Moved { stored, configured });
    let moved = Node::new(Config { moved: true, ..config(100) }, Some(record), 1).unwrap();
    assert_eq!(moved.record().id, address(ME));
    assert_eq!(moved.record().inst, Inst(ME));
}

#[test]
fn of_two_connections_the_one_that_the_greater_instance_opened_is_kept() {
    let mut bench = Bench::voter();
    let first = bench.link_of(2);
    let effects = bench.is_dialed(2);
    assert!(!brief(&effects).iter().any(|w| w.starts_with("close")), "2 is greater: it closes");
    bench.hand(Input::LinkDown { link: bench.link_of(2) });
    // What is left is used.
    assert_eq!(
        sent(&bench.hand(Input::Message { from: first, message: request(11) }), "Vote").len(),
        1
    );
}

#[test]
fn who_owes_a_leader_an_answer_for_as_long_as_its_lease_is_dialled_anew() {
    let mut bench = Bench::leader(3);
    bench.silent.insert(3);
    let effects = bench.rule(H * 8, &[2]);
    let words = brief(&effects);
    let closed = words.iter().position(|w| w == "close 3");
    let dialed = words.iter().position(|w| w == "dial");
    assert!(closed.is_some() && !words.contains(&"close 2".into()), "{words:?}");
    // The first dial to it was answered by nobody yet, so that there is none but that.
    assert_eq!(dialed, None);
}
