//! Q13: what a guardian is told, and what its word is worth.

use bully_core::Inst;
use bully_core::quorum::{
    ClusterId, Config, Farewell, Input, Message, Pact, Proposal, Release, Stamp, Target, Term, Vote,
};

use crate::bench::{
    BOOT, Bench, CLUSTER, Effect, LEASE, ME, address, brief, config, hb, roster, sent,
};
use crate::join::join;
use crate::vote::request;

fn guarded() -> Config {
    Config { guardian: true, ..config(100) }
}

fn pacts(effects: &[Effect]) -> Vec<&Pact> {
    let mut found = Vec::new();
    for effect in effects {
        if let Effect::Announce(pact) = effect {
            found.push(pact);
        }
    }
    found
}

fn pact(term: u64, members: &[u128]) -> Pact {
    let members = members.iter().map(|n| address(*n)).collect();
    Pact { cluster: CLUSTER, inst: Inst(ME), term: Term(term), members }
}

#[test]
fn q13_the_guardian_is_told_of_a_term_on_disk_before_anybody_is_asked_for_a_vote_in_it() {
    let mut bench = Bench::free_with(guarded(), &[100, 100, 100]);
    let effects = bench.wait_for("PreVote");
    assert!(pacts(&effects).is_empty());
    bench.syncs = false;
    assert_eq!(brief(&bench.grants(2)), ["write"], "a term that is not on disk is guessed");
    let effects = bench.sync();
    assert_eq!(brief(&effects), ["announce", "2: VoteReq", "3: VoteReq"]);
    assert_eq!(pacts(&effects), [&pact(11, &[2, 3])]);
}

#[test]
fn q13_the_guardian_is_told_of_a_handover_that_was_won_once_that_is_on_disk() {
    let mut bench = Bench::free_with(guarded(), &[100, 100, 100]);
    bench.say(2, hb(11, &[1, 2, 3]));
    let stamp = Stamp(bench.now.fast);
    let target = Some(Target { inst: Inst(ME), stamp, boot: BOOT });
    let roster = roster(11, 1, &[1, 2, 3]);
    let vote = Vote { term: Term(12), candidate: Inst(ME), stamp, boot: BOOT, lease: LEASE };
    bench.say(3, Message::Vote(vote));
    bench.syncs = false;
    let effects = bench.say(2, Message::Release(Release { term: Term(11), target, roster }));
    assert_eq!(brief(&effects), ["LeaderLost", "write"]);
    let effects = bench.sync();
    assert_eq!(brief(&effects), ["announce", "Elected", "2: Hb", "3: Hb"]);
    assert_eq!(pacts(&effects), [&pact(12, &[2, 3])]);
}

#[test]
fn q13_the_guardian_knows_all_that_may_have_promised_themselves() {
    let mut bench = Bench::leader_with(guarded(), &[100, 100, 100]);
    let remove = Proposal::Remove(address(3));
    let effects = bench.hand(Input::Propose(remove));
    assert!(pacts(&effects).is_empty(), "they are the same, before and after");
    let effects = bench.acks(2);
    assert_eq!(pacts(&effects), [&pact(11, &[2])]);
    bench.meet(4, 100);
    join(&mut bench, 4);
    let effects = bench.rule(crate::bench::H * 3, &[2, 4]);
    assert_eq!(bench.members(), [1, 2, 4]);
    let words = brief(&effects);
    let told = words.iter().position(|w| w == "announce").expect("told");
    assert_eq!(pacts(&effects), [&pact(11, &[2, 4])]);
    let shown = effects.iter().position(|e| match e {
        Effect::Send(4, Message::Hb(hb)) => hb.roster.has(Inst(4)),
        _ => false,
    });
    assert!(shown.is_none_or(|shown| told < shown), "before 4 can promise itself as a member");
}

#[test]
fn q13_without_a_guardian_nothing_is_announced() {
    let mut bench = Bench::free(&[100, 100, 100]);
    assert!(pacts(&bench.is_elected()).is_empty());
}

#[test]
fn q13_a_pact_is_announced_when_it_is_new() {
    let mut bench = Bench::leader_with(guarded(), &[100, 100, 100]);
    assert!(pacts(&bench.rule(LEASE * 5, &[2, 3])).is_empty());
}

fn farewell(cluster: ClusterId, who: u128, term: u64) -> Message {
    Message::Farewell(Farewell { cluster, inst: Inst(who), term: Term(term) })
}

#[test]
fn q13_the_word_of_a_guardian_frees_what_was_promised_to_the_dead_up_to_its_term() {
    let mut bench = Bench::follower();
    let from = bench.link(8);
    let message = pact(11, &[]).farewell();
    let Message::Farewell(ref said) = message else { panic!() };
    assert_eq!((said.inst, said.term, said.cluster), (Inst(ME), Term(11), CLUSTER));
    let message = farewell(CLUSTER, 2, 11);
    let effects = bench.hand(Input::Message { from, message });
    assert_eq!(brief(&effects), ["LeaderLost", "close 8"]);
    assert_eq!(bench.promise(), None);
    assert_eq!(bench.say(2, hb(11, &[1, 2, 3])), [], "late packets of the dead");
}

#[test]
fn q13_the_word_of_a_guardian_frees_nothing_later_nothing_of_others_and_of_no_other_cluster() {
    let mut bench = Bench::follower();
    for message in [
        farewell(CLUSTER, 2, 10),
        farewell(CLUSTER, 3, 11),
        farewell(ClusterId(0xd), 2, 11),
        farewell(CLUSTER, ME, 11),
        farewell(CLUSTER, 99, 11),
    ] {
        let from = bench.link(8);
        let effects = bench.hand(Input::Message { from, message });
        assert_eq!(brief(&effects), ["close 8"]);
        assert_eq!(bench.promise(), Some((2, 11)));
    }
}

#[test]
fn q13_after_the_word_of_a_guardian_another_may_be_voted_for() {
    let mut bench = Bench::voter();
    bench.say(2, request(11));
    let from = bench.link(8);
    bench.hand(Input::Message { from, message: farewell(CLUSTER, 2, 11) });
    assert_eq!(sent(&bench.say(3, request(12)), "Vote").len(), 1);
}
