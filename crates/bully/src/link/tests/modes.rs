//! Both modes on one kind of connection: what a node of quorum mode may begin with, and how nodes of
//! different modes refuse each other.

use bully_core::quorum::{
    self, Boot, ClusterId, Farewell, Refusal, Roster, RosterId, Stage, Stamp, Term, VoteReq,
};
use bully_core::{NackReason, Tick};

use super::*;

fn start(mode: Mode, limits: Limits) -> Node {
    Node::start_as(Inst(1), mode, limits)
}

fn quorum_member(i: usize) -> quorum::Member {
    let label = "x".repeat(58);
    let name = format!("{i:04}-{label}.{label}.{label}.{label}");
    quorum::Member {
        inst: Inst(u128::try_from(i).unwrap()),
        id: Address::new(name.as_str(), 8117),
        priority: 100,
    }
}

/// With the largest roster that there may be.
fn quorum_hello() -> quorum::Hello {
    let roster = Roster {
        version: RosterId { term: Term(7), version: 3 },
        members: (0..Roster::MEMBERS_MAX).map(quorum_member).collect(),
        removed: vec![Inst(u128::MAX); Roster::REMOVED_MAX],
    };
    quorum::Hello {
        cluster: Arc::from("bully"),
        mode: Mode::Quorum,
        member: quorum_member(9),
        ip: None,
        boot: Boot(1),
        run: 2,
        nonce: 3,
        stage: Stage::Formed(ClusterId(7)),
        round: 0,
        reached: Some(vec![Inst(u128::MAX); Roster::MEMBERS_MAX]),
        roster: Some(Arc::new(roster)),
    }
}

fn farewell() -> Message {
    let farewell = Farewell { cluster: ClusterId(7), inst: Inst(2), term: Term(9) };
    quorum::Message::Farewell(farewell).into()
}

fn request(term: u64) -> Message {
    let (term, roster, stamp) = (Term(term), RosterId::default(), Stamp(Tick(u64::MAX)));
    quorum::Message::VoteReq(VoteReq { term, roster, stamp }).into()
}

#[tokio::test]
async fn nodes_of_quorum_mode_speak_it_both_ways() {
    let (mut a, mut b) = (start(Mode::Quorum, patient()), start(Mode::Quorum, patient()));
    a.transport.dial(b.address(), SOON);
    let LinkEvent::Up { link: ab, .. } = a.event().await else { panic!("up") };
    let hello = Message::from(quorum::Message::Hello(quorum_hello()));
    a.transport.send(ab, &hello);
    let (ba, heard) = b.message().await;
    assert_eq!(heard, hello, "whole, though it comes from a stranger");
    b.transport.promote(ba);
    let ack = Message::from(quorum::Message::HelloAck(quorum_hello()));
    assert!(ack.is_hello_ack());
    b.transport.send(ba, &ack);
    assert_eq!(a.message().await, (ab, ack));
    for term in 0..50 {
        a.transport.send(ab, &request(term));
        assert_eq!(b.message().await, (ba, request(term)));
    }
}

#[tokio::test]
async fn a_guardians_farewell_needs_no_hello_and_its_connection_is_the_owners_to_close() {
    let mut node = start(Mode::Quorum, patient());
    let mut raw = Raw::connect(node.at).await;
    raw.say_preamble().await;
    raw.say(&frame(farewell())).await;
    let (link, message) = node.message().await;
    assert_eq!(message, farewell());
    raw.hear_preamble().await;
    assert!(raw.is_open().await);
    node.transport.close(link);
    assert_eq!(raw.hear_end().await, b"");
    node.says_nothing().await;
    assert_eq!(node.transport.counts().nonsense, 0);
}

#[tokio::test]
async fn a_farewell_counts_though_its_guardian_is_gone_at_once() {
    let mut node = start(Mode::Quorum, patient());
    let mut raw = Raw::connect(node.at).await;
    raw.say_preamble().await;
    raw.say(&frame(farewell())).await;
    drop(raw);
    assert_eq!(node.message().await.1, farewell());
}

#[tokio::test]
async fn after_a_farewell_nothing_is_heard_and_the_time_limit_ends_the_connection() {
    let limits = Limits { handshake: Duration::from_millis(200), ..Limits::default() };
    let mut node = start(Mode::Quorum, limits);
    let mut raw = Raw::connect(node.at).await;
    raw.say_preamble().await;
    raw.say(&frame(farewell())).await;
    raw.say(&frame(request(1))).await;
    let (link, message) = node.message().await;
    assert_eq!(message, farewell());
    assert_eq!(node.event().await, LinkEvent::Down { link });
    raw.hear_end().await;
}

#[tokio::test]
async fn a_stranger_may_begin_with_no_other_word() {
    let mut node = start(Mode::Quorum, patient());
    let ack = Message::from(quorum::Message::HelloAck(quorum_hello()));
    for (count, word) in (1..).zip([request(1), ack, query(1)]) {
        let mut raw = Raw::connect(node.at).await;
        raw.say_preamble().await;
        raw.say(&frame(word.clone())).await;
        raw.hear_end().await;
        assert_eq!(node.transport.counts().nonsense, count, "{word:?}");
    }
    node.says_nothing().await;
}

#[tokio::test]
async fn a_node_of_bully_mode_knows_no_guardians() {
    let mut node = start(Mode::Bully, patient());
    let mut raw = Raw::connect(node.at).await;
    raw.say_preamble().await;
    raw.say(&frame(farewell())).await;
    raw.hear_end().await;
    assert_eq!(node.transport.counts().nonsense, 1);
    node.says_nothing().await;
}

#[tokio::test]
async fn nodes_of_different_modes_tell_each_other_so() {
    let of_bully = |mode| Message::from(core::Message::HelloNack(NackReason::ForeignMode(mode)));
    let of_quorum = |mode| Message::from(quorum::Message::HelloNack(Refusal::ForeignMode(mode)));
    let of_quorum_hello = Message::from(quorum::Message::Hello(quorum_hello()));
    for (dials, says, hears) in
        [(Mode::Bully, hello(), Mode::Quorum), (Mode::Quorum, of_quorum_hello, Mode::Bully)]
    {
        let (mut a, mut b) = (start(dials, patient()), start(hears, patient()));
        a.transport.dial(b.address(), SOON);
        let LinkEvent::Up { link: ab, .. } = a.event().await else { panic!("up") };
        a.transport.send(ab, &says);
        let (ba, heard) = b.message().await;
        let (mode, nack, understood) = match heard {
            Message::Bully(core::Message::Hello(hello)) => {
                (hello.mode, of_bully(hears), of_quorum(hears))
            }
            Message::Quorum(quorum::Message::Hello(hello)) => {
                (hello.mode, of_quorum(hears), of_bully(hears))
            }
            other => panic!("{other:?}"),
        };
        assert_eq!(mode, dials);
        b.transport.send(ba, &nack);
        b.transport.close(ba);
        assert_eq!(a.message().await, (ab, understood));
        assert_eq!(a.event().await, LinkEvent::Down { link: ab });
    }
}
