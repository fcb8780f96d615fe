//! The founding of a cluster: all nodes of a list agree once.

use bully_core::quorum::{
    Boot, ClusterId, Config, Event, Formed, GenesisAccept, Hello, Input, Leaderless, Message,
    Stage, Stored, Term,
};
use bully_core::{DialError, Inst};

use crate::bench::{
    Bench, DELTA, Effect, H, ME, WALL_MS, address, brief, config, events, hello, member, ms,
    roster, sent, version, writes,
};

fn fresh(places: &[u128]) -> Config {
    Config { places: places.iter().map(|n| address(*n)).collect(), ..config(100) }
}

fn insts(of: &[u128]) -> Vec<Inst> {
    of.iter().map(|n| Inst(*n)).collect()
}

/// A node that is in no cluster, and whom it has reached.
fn founder(who: u128, reached: Option<&[u128]>) -> Hello {
    let hello = hello(who, 100, roster(0, 0, &[]));
    Hello { stage: Stage::Fresh, roster: None, reached: reached.map(insts), ..hello }
}

/// The node 1 with a list of three, which 2 and 3 have, too.
fn started() -> Bench {
    let mut bench = Bench::started(fresh(&[1, 2, 3]), None);
    for who in [2, 3] {
        bench.peers.insert(who, founder(who, Some(&[1, 2, 3])));
    }
    bench
}

/// It has agreed, as nobody else has.
fn agreed() -> (Bench, ClusterId) {
    let mut bench = started();
    bench.is_dialed(2);
    bench.is_dialed(3);
    let accept = bench.node.record().accept.clone().expect("agreed");
    for peer in bench.peers.values_mut() {
        peer.stage = Stage::Accepted(accept.cluster);
    }
    (bench, accept.cluster)
}

fn accepts(bench: &mut Bench, who: u128, cluster: ClusterId) -> Vec<Effect> {
    let accept = GenesisAccept { cluster, member: member(who, 100) };
    bench.say(who, Message::GenesisAccept(accept))
}

/// It takes its word back, for 2 names another set.
fn leaving() -> (Bench, ClusterId, Vec<Effect>) {
    let (mut bench, cluster) = agreed();
    bench.peers.insert(2, founder(2, Some(&[1, 2])));
    let effects = bench.say_hello(2);
    (bench, cluster, effects)
}

fn is_founding(record: &Stored) -> bool {
    record.accept.is_some() || record.cluster.is_some()
}

#[test]
fn genesis_waits_until_every_place_has_answered() {
    let mut bench = started();
    bench.is_dialed(2);
    assert!(!is_founding(bench.node.record()));
    let waiting = Leaderless::WaitingForPlaces(vec![address(3)]);
    assert_eq!(bench.node.status(bench.now).reason, Some(waiting));
    bench.hand(Input::DialFailed { dialed: address(3), reason: DialError::Refused });
    bench.wait(ms(30_000));
    assert!(!is_founding(bench.node.record()), "no answer is no answer");
    bench.is_dialed(3);
    assert!(is_founding(bench.node.record()));
}

#[test]
fn genesis_waits_until_all_name_the_same_set() {
    for reached in [None, Some(&[1, 2][..]), Some(&[1, 2, 3, 4][..])] {
        let mut bench = started();
        bench.peers.insert(3, founder(3, reached));
        bench.is_dialed(2);
        bench.is_dialed(3);
        bench.wait(ms(5_000));
        assert!(!is_founding(bench.node.record()), "{reached:?}");
    }
    let mut bench = started();
    bench.peers.insert(3, founder(3, Some(&[1, 2])));
    bench.is_dialed(2);
    bench.is_dialed(3);
    assert_eq!(bench.node.status(bench.now).reason, Some(Leaderless::ListsDiffer));
}

#[test]
fn genesis_a_nodes_word_is_on_disk_before_it_is_given() {
    let mut bench = started();
    bench.is_dialed(2);
    bench.syncs = false;
    let effects = bench.is_dialed(3);
    assert!(sent(&effects, "GenesisAccept").is_empty(), "{effects:?}");
    let accept = writes(&effects)[0].accept.clone().expect("its word");
    let founders = [1, 2, 3].map(|n| (Inst(n), address(n)));
    assert_eq!(accept.founders, founders);
    let effects = bench.sync();
    let word = GenesisAccept { cluster: accept.cluster, member: member(ME, 100) };
    let word = Message::GenesisAccept(word);
    assert_eq!(sent(&effects, "GenesisAccept"), [(2, &word), (3, &word)]);
}

#[test]
fn genesis_a_stage_that_is_not_on_disk_is_not_shown() {
    let mut bench = started();
    bench.is_dialed(2);
    bench.syncs = false;
    bench.is_dialed(3);
    let stage = |effects: &[Effect]| match sent(effects, "HelloAck")[..] {
        [(2, Message::HelloAck(hello))] => hello.stage,
        _ => panic!("{effects:?}"),
    };
    assert_eq!(stage(&bench.say_hello(2)), Stage::Fresh);
    let cluster = bench.node.record().accept.clone().expect("its word").cluster;
    bench.sync();
    assert_eq!(stage(&bench.say_hello(2)), Stage::Accepted(cluster));
}

#[test]
fn genesis_the_words_of_all_found_the_cluster() {
    let (mut bench, cluster) = agreed();
    assert_eq!(accepts(&mut bench, 2, cluster), []);
    bench.syncs = false;
    let word = GenesisAccept { cluster, member: member(3, 70) };
    let effects = bench.say(3, Message::GenesisAccept(word));
    assert_eq!(brief(&effects)[..2], ["Formed", "Roster"]);
    assert!(sent(&effects, "Formed").is_empty(), "nobody is told before it is on disk");
    let record = writes(&effects)[0];
    assert_eq!((record.cluster, &record.accept), (Some(cluster), &None));
    assert_eq!(record.roster.version, version(0, 1));
    assert_eq!(record.roster.members, [member(1, 100), member(2, 100), member(3, 70)]);
    let roster = record.roster.clone();
    let formed = Message::Formed(Formed { cluster, roster });
    assert_eq!(sent(&bench.sync(), "Formed"), [(2, &formed), (3, &formed)]);
}

#[test]
fn genesis_words_for_another_cluster_or_in_anothers_name_found_nothing() {
    let (mut bench, cluster) = agreed();
    accepts(&mut bench, 2, cluster);
    accepts(&mut bench, 3, ClusterId(0xd));
    let forged = GenesisAccept { cluster, member: member(3, 100) };
    bench.say(2, Message::GenesisAccept(forged));
    assert_eq!(bench.node.record().cluster, None);
}

#[test]
fn genesis_a_word_is_given_again_until_the_cluster_is_founded() {
    let (mut bench, cluster) = agreed();
    bench.wait(H * 2);
    for _ in 0..3 {
        let effects = bench.wait(H * 5);
        assert_eq!(sent(&effects, "GenesisAccept").len(), 2, "{effects:?}");
    }
    accepts(&mut bench, 2, cluster);
    accepts(&mut bench, 3, cluster);
    assert!(sent(&bench.wait(H * 10), "GenesisAccept").is_empty());
    let effects = accepts(&mut bench, 2, cluster);
    assert_eq!(brief(&effects), ["2: Formed"], "whoever missed it is told");
}

#[test]
fn genesis_what_was_agreed_to_is_not_forgotten_by_a_restart() {
    let (bench, cluster) = agreed();
    let disk = bench.disk.clone();
    let mut bench = Bench::started(fresh(&[1, 2, 3]), disk);
    for who in [2, 3] {
        let own = founder(who, Some(&[1, 2, 3]));
        bench.peers.insert(who, Hello { stage: Stage::Accepted(cluster), ..own });
        bench.is_dialed(who);
    }
    assert_eq!(bench.node.record().accept.as_ref().map(|a| a.cluster), Some(cluster));
    accepts(&mut bench, 2, cluster);
    accepts(&mut bench, 3, cluster);
    assert_eq!(bench.node.record().cluster, Some(cluster));
}

#[test]
fn genesis_a_word_is_taken_back_durably_and_the_others_are_asked_to_do_so() {
    let (mut bench, cluster) = agreed();
    bench.syncs = false;
    bench.peers.insert(2, founder(2, Some(&[1, 2])));
    let effects = bench.say_hello(2);
    let record = writes(&effects)[0];
    assert_eq!((&record.accept, record.round), (&None, 1));
    assert_eq!(record.leaving.as_ref().map(|l| l.cluster), Some(cluster));
    assert!(sent(&effects, "Renounce").is_empty());
    let renounce = Message::Renounce(cluster);
    assert_eq!(sent(&bench.sync(), "Renounce"), [(2, &renounce), (3, &renounce)]);
    // Until all have.
    bench.syncs = true;
    bench.say(2, Message::Renounced(cluster));
    assert!(bench.node.record().leaving.is_some());
    bench.wait(H * 2);
    assert_eq!(sent(&bench.wait(H * 5), "Renounce"), [(3, &renounce)]);
    bench.say(3, Message::Renounced(cluster));
    assert_eq!(bench.node.record().leaving, None);
}

#[test]
fn genesis_a_word_that_is_being_taken_back_founds_nothing_though_it_is_counted_late() {
    let (mut bench, cluster, _) = leaving();
    // That nobody else is formed says nothing: words are on their way.
    accepts(&mut bench, 2, cluster);
    accepts(&mut bench, 3, cluster);
    assert_eq!(bench.node.record().cluster, None);
    // Nor is another cluster agreed to meanwhile, though now all name the same.
    bench.peers.insert(2, founder(2, Some(&[1, 2, 3])));
    bench.peers.insert(3, founder(3, Some(&[1, 2, 3])));
    bench.say_hello(2);
    bench.say_hello(3);
    assert!(!is_founding(bench.node.record()));
    assert!(bench.node.record().leaving.is_some());
}

#[test]
fn genesis_what_was_taken_back_is_never_agreed_to_again() {
    let (mut bench, cluster, _) = leaving();
    for who in [2, 3] {
        bench.peers.insert(who, founder(who, Some(&[1, 2, 3])));
        bench.say_hello(who);
        bench.say(who, Message::Renounced(cluster));
    }
    let again = bench.node.record().accept.as_ref().map(|a| a.cluster);
    assert!(again.is_some_and(|again| again != cluster), "another, for its round is another");
    assert_eq!(bench.node.record().round, 1);
}

#[test]
fn genesis_whoever_has_given_its_word_is_in_the_cluster_that_somebody_counted_it_for() {
    let (mut bench, cluster, _) = leaving();
    let roster = roster(0, 1, &[1, 2, 3]);
    let effects = bench.say(3, Message::Formed(Formed { cluster, roster: roster.clone() }));
    assert!(brief(&effects).contains(&"Formed".into()), "{effects:?}");
    assert_eq!(bench.node.record().cluster, Some(cluster));
    assert_eq!((&bench.node.record().leaving, &bench.node.record().roster), (&None, &roster));
    // A Hello says it as well.
    let (mut bench, cluster) = agreed();
    let own = hello(2, 100, roster);
    bench.peers.insert(2, Hello { stage: Stage::Formed(cluster), ..own });
    bench.say_hello(2);
    assert_eq!(bench.node.record().cluster, Some(cluster));
}

#[test]
fn genesis_a_cluster_that_one_gave_no_word_to_is_not_entered_by_hearsay() {
    let (mut bench, _) = agreed();
    let cluster = ClusterId(0xd);
    let roster = roster(0, 1, &[1, 2, 3]);
    bench.say(3, Message::Formed(Formed { cluster, roster }));
    assert_eq!(bench.node.record().cluster, None);
}

#[test]
fn genesis_who_is_asked_to_take_back_what_it_agreed_to_does_so_before_it_answers() {
    let (mut bench, cluster) = agreed();
    bench.syncs = false;
    let effects = bench.say(2, Message::Renounce(cluster));
    assert!(sent(&effects, "Renounced").is_empty());
    assert_eq!((&writes(&effects)[0].accept, writes(&effects)[0].round), (&None, 1));
    let effects = bench.sync();
    assert_eq!(sent(&effects, "Renounced"), [(2, &Message::Renounced(cluster))]);
    assert_eq!(sent(&effects, "Renounce").len(), 2, "it asks, too");
}

#[test]
fn genesis_who_is_asked_before_it_agreed_counts_a_round_so_that_it_never_will() {
    let mut bench = started();
    bench.is_dialed(2);
    bench.syncs = false;
    let cluster = ClusterId(0xd);
    let effects = bench.say(2, Message::Renounce(cluster));
    assert_eq!(brief(&effects), ["write"]);
    assert_eq!(writes(&effects)[0].round, 1);
    let effects = bench.sync();
    let words = brief(&effects);
    assert_eq!(words, ["2: Hello", "2: Renounced"], "the new round first");
    let [(2, Message::Hello(hello))] = sent(&effects, "Hello")[..] else { panic!() };
    assert_eq!(hello.round, 1);
    // Asked again it answers, and counts it once.
    assert_eq!(brief(&bench.say(2, Message::Renounce(cluster))), ["2: Renounced"]);
    assert_eq!(bench.node.record().round, 1);
}

#[test]
fn genesis_who_has_agreed_to_another_cluster_answers_and_keeps_its_word() {
    let (mut bench, cluster) = agreed();
    let other = ClusterId(0xd);
    let effects = bench.say(2, Message::Renounce(other));
    assert_eq!(effects, [Effect::Send(2, Message::Renounced(other))]);
    assert_eq!(bench.node.record().round, 0, "its round grows before it agrees to anything else");
    assert_eq!(bench.node.record().accept.as_ref().map(|a| a.cluster), Some(cluster));
}

#[test]
fn genesis_a_founder_that_comes_late_takes_the_term_of_the_roster() {
    let (mut bench, cluster) = agreed();
    let term = WALL_MS / 1_000 + 3;
    bench.say(3, Message::Formed(Formed { cluster, roster: roster(term, 2, &[1, 2, 3]) }));
    assert_eq!(bench.term(), term);
    for who in [2, 3] {
        bench.peers.get_mut(&who).expect("met").stage = Stage::Formed(cluster);
        bench.say_hello(who);
    }
    bench.stands();
    assert_eq!(bench.term(), term + 1, "and stands above it, whatever the wall clock says");
}

#[test]
fn genesis_who_is_in_the_cluster_says_so_to_whoever_would_take_its_word_back() {
    let (mut bench, cluster) = agreed();
    accepts(&mut bench, 2, cluster);
    accepts(&mut bench, 3, cluster);
    let effects = bench.say(2, Message::Renounce(cluster));
    assert_eq!(brief(&effects), ["2: Formed"]);
    assert_eq!(bench.node.record().cluster, Some(cluster));
}

#[test]
fn genesis_a_founder_that_was_wiped_ends_the_founding_and_needs_no_answer() {
    let (mut bench, cluster) = agreed();
    // Another instance answers at the address of 3.
    bench.hand(Input::LinkDown { link: bench.link_of(3) });
    let mut hello = founder(33, Some(&[1, 2, 33]));
    hello.member.id = address(3);
    bench.peers.insert(33, hello);
    let link = bench.link(33);
    let effects = bench.hand(Input::LinkUp { link, dialed: address(3) });
    assert_eq!(bench.node.record().leaving.as_ref().map(|l| l.cluster), Some(cluster));
    assert!(sent(&effects, "Renounce").contains(&(2, &Message::Renounce(cluster))));
    bench.peers.insert(2, founder(2, Some(&[1, 2, 33])));
    bench.say_hello(2);
    bench.say(2, Message::Renounced(cluster));
    assert_eq!(bench.node.record().leaving, None, "nobody is left who could count its word");
    let accept = bench.node.record().accept.clone().expect("a founding with the new instance");
    assert_eq!(accept.founders.len(), 3);
    assert!(accept.founders.contains(&(Inst(33), address(3))));
}

#[test]
fn genesis_a_node_alone_on_its_list_founds_a_cluster_and_its_first_token_follows_the_wall() {
    let mut bench = Bench::started(fresh(&[]), None);
    assert!(bench.node.record().cluster.is_some());
    bench.wait(DELTA);
    assert!(bench.leads(), "a new instance is not silent first");
    assert_eq!(bench.term(), WALL_MS / 1_000);
}

#[test]
fn genesis_where_a_cluster_is_it_is_joined_and_none_is_founded() {
    let mut bench = started();
    bench.peers.insert(3, hello(3, 100, roster(11, 1, &[3, 4])));
    bench.is_dialed(2);
    bench.is_dialed(3);
    bench.wait(ms(1_000));
    assert!(!is_founding(bench.node.record()));
    assert_eq!(bench.node.status(bench.now).reason, Some(Leaderless::Joining));
}

#[test]
fn genesis_two_places_of_one_node_count_once_and_are_named() {
    let mut bench = Bench::started(fresh(&[1, 2, 9]), None);
    bench.peers.insert(2, founder(2, Some(&[1, 2])));
    bench.is_dialed(2);
    let link = bench.link(2);
    let effects = bench.hand(Input::LinkUp { link, dialed: address(9) });
    let expected = Event::SamePlace { first: address(2), second: address(9) };
    assert!(events(&effects).contains(&&expected), "{effects:?}");
    let founders = bench.node.record().accept.as_ref().map(|a| a.founders.len());
    assert_eq!(founders, Some(2));
}

#[test]
fn genesis_the_own_address_under_another_name_is_this_node() {
    let mut bench = Bench::started(fresh(&[9, 2]), None);
    bench.peers.insert(2, founder(2, Some(&[1, 2])));
    bench.is_dialed(2);
    assert!(!is_founding(bench.node.record()));
    // It dials itself: the Hello comes back on the other end of the connection.
    bench.silent.insert(9);
    let link = bench.link(9);
    let effects = bench.hand(Input::LinkUp { link, dialed: address(9) });
    let [(9, Message::Hello(own))] = sent(&effects, "Hello")[..] else { panic!() };
    let from = bench.link(10);
    let effects = bench.hand(Input::Message { from, message: Message::Hello(own.clone()) });
    assert_eq!(brief(&effects), ["10: HelloNack", "close 10"]);
    let nack = sent(&effects, "HelloNack")[0].1.clone();
    bench.hand(Input::Message { from: link, message: nack });
    assert!(is_founding(bench.node.record()));
}

#[test]
fn genesis_may_be_reset_by_an_operator_while_there_is_no_cluster_and_not_later() {
    let (bench, cluster) = agreed();
    let disk = bench.disk.clone().expect("written");
    let reset = disk.clone().reset_genesis(Inst(77)).expect("not formed");
    assert_eq!((reset.inst, reset.round, &reset.accept), (Inst(77), 0, &None));
    let formed = Stored { cluster: Some(cluster), ..disk.clone() };
    assert!(formed.reset_genesis(Inst(77)).is_err());
    // Recovery by hand makes a cluster of one, with tokens far above.
    let alone = Stored { cluster: Some(cluster), ..disk }.recover(ClusterId(1), 0, WALL_MS);
    assert_eq!(alone.roster.members, [member(ME, 1)]);
    assert_eq!(alone.term.0, WALL_MS / 1_000);
    assert_eq!((alone.voted_for, alone.boot, &alone.accept), (None, Boot(1), &None));
    let later = Stored { term: Term(u64::from(u32::MAX)), ..alone };
    let later = later.recover(ClusterId(2), 7, WALL_MS);
    assert_eq!(later.term.0, u64::from(u32::MAX) + 1_000_000);
}
