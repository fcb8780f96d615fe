//! Nodes of different modes understand each other as far as it takes to refuse each other.

use std::sync::Arc;

use bully_core::quorum::{self, Boot, ClusterId, Refusal, Roster, RosterId, Stage, Term};
use bully_core::{Epoch, Inst, NackReason, Report};

use super::*;

const INST: Inst = Inst(0x0011_2233_4455_6677_8899_aabb_ccdd_eeff);

fn id() -> Address {
    Address::new("node-1.example", 8117)
}

fn ip() -> std::net::IpAddr {
    "192.168.1.67".parse().unwrap()
}

/// Of bully mode, with members and a report that mean nothing elsewhere.
fn bully_hello(mode: Mode) -> bully_core::Hello {
    let member = bully_core::Member {
        id: id(),
        ip: Some(ip()),
        priority: 70,
        inc: 3,
        inst: INST,
        left: false,
    };
    bully_core::Hello {
        cluster: Arc::from("bully"),
        mode,
        members: vec![member.clone(); 100],
        member,
        seen: Epoch(1_795_400_798_000),
        no_preempt: true,
        report: Report { seq: 9, size: 3, ..Report::default() },
    }
}

fn quorum_hello(mode: Mode) -> quorum::Hello {
    let member = quorum::Member { inst: INST, id: id(), priority: 70 };
    let version = RosterId { term: Term(7), version: 3 };
    let roster = Roster { version, members: vec![member.clone()], removed: vec![Inst(9)] };
    quorum::Hello {
        cluster: Arc::from("bully"),
        mode,
        member,
        ip: Some(ip()),
        boot: Boot(5),
        run: u64::MAX,
        nonce: 11,
        stage: Stage::Formed(ClusterId(77)),
        round: 2,
        reached: Some(vec![INST]),
        roster: Some(Arc::new(roster)),
    }
}

/// What a node of bully mode reads of a Hello of another mode.
fn in_bully_words(mode: Mode, inc: u64) -> bully_core::Hello {
    let of_bully = bully_hello(mode);
    bully_core::Hello {
        member: bully_core::Member { inc, ..of_bully.member },
        seen: Epoch(0),
        no_preempt: false,
        report: Report::default(),
        members: Vec::new(),
        ..of_bully
    }
}

/// What a node of quorum mode reads of a Hello of another mode.
fn in_quorum_words(mode: Mode) -> quorum::Hello {
    quorum::Hello {
        boot: Boot(0),
        run: 0,
        nonce: 0,
        stage: Stage::Fresh,
        round: 0,
        reached: None,
        roster: None,
        ..quorum_hello(mode)
    }
}

fn heard(message: impl Into<Message>, mode: Mode) -> Message {
    hear(kind_of(message), mode).unwrap()
}

#[test]
fn a_node_of_bully_mode_hears_who_speaks_in_quorum_mode() {
    let said = quorum_hello(Mode::Quorum);
    let expected = in_bully_words(Mode::Quorum, 0);
    let hello = bully_core::Message::Hello;
    let ack = bully_core::Message::HelloAck;
    let heard = |message: quorum::Message| heard(message, Mode::Bully);
    assert_eq!(heard(quorum::Message::Hello(said.clone())), hello(expected.clone()).into());
    assert_eq!(heard(quorum::Message::HelloAck(said)), ack(expected).into());
}

#[test]
fn a_node_of_quorum_mode_hears_who_speaks_in_bully_mode() {
    let said = bully_hello(Mode::Bully);
    let expected = in_quorum_words(Mode::Bully);
    let hello = quorum::Message::Hello;
    let ack = quorum::Message::HelloAck;
    let heard = |message: bully_core::Message| heard(message, Mode::Quorum);
    assert_eq!(heard(bully_core::Message::Hello(said.clone())), hello(expected.clone()).into());
    assert_eq!(heard(bully_core::Message::HelloAck(said)), ack(expected).into());
}

#[test]
fn a_hello_of_a_mode_of_a_later_version_is_read_as_far_as_its_refusal_asks_for() {
    let mode = Mode::Other(7);
    let mut kind = kind_of(bully_core::Message::Hello(bully_hello(mode)));
    let schema::Kind::Hello(foreign) = &mut kind else { panic!("a Hello") };
    // What only that mode understands.
    (foreign.seen, foreign.report, foreign.no_preempt) = (u64::MAX, None, false);
    foreign.standing = Some(schema::quorum::Standing {
        boot: u64::MAX,
        stage: 99,
        cluster_id: vec![1],
        ..Default::default()
    });
    let bully = bully_core::Message::Hello(in_bully_words(mode, 3));
    assert_eq!(hear(kind.clone(), Mode::Bully), Ok(bully.into()));
    let quorum = quorum::Message::Hello(in_quorum_words(mode));
    assert_eq!(hear(kind, Mode::Quorum), Ok(quorum.into()));
}

#[test]
fn a_refusal_for_the_mode_is_understood_by_both() {
    for mode in [Mode::Bully, Mode::Quorum, Mode::Other(7)] {
        let of_bully = bully_core::Message::HelloNack(NackReason::ForeignMode(mode));
        let of_quorum = quorum::Message::HelloNack(Refusal::ForeignMode(mode));
        assert_eq!(heard(of_bully.clone(), Mode::Quorum), of_quorum.clone().into());
        assert_eq!(heard(of_quorum, Mode::Bully), of_bully.into());
    }
}

#[test]
fn the_other_reasons_that_both_modes_have_are_understood_by_both() {
    for (bully, quorum) in [
        (NackReason::ForeignCluster("other".into()), Refusal::ForeignCluster("other".into())),
        (NackReason::Myself, Refusal::Myself),
        (NackReason::Full, Refusal::Full),
        (NackReason::Other("it is Monday".into()), Refusal::Other("it is Monday".into())),
    ] {
        let of_bully = bully_core::Message::HelloNack(bully);
        let of_quorum = quorum::Message::HelloNack(quorum);
        assert_eq!(heard(of_bully.clone(), Mode::Quorum), of_quorum.clone().into());
        assert_eq!(heard(of_quorum, Mode::Bully), of_bully.into());
    }
}

#[test]
fn a_reason_that_one_mode_alone_has_is_words_to_the_other() {
    for (reason, words) in [
        (NackReason::DuplicateId, "that address is held by another live node"),
        (NackReason::Leaving, "it is leaving"),
    ] {
        let heard = heard(bully_core::Message::HelloNack(reason), Mode::Quorum);
        assert_eq!(heard, quorum::Message::HelloNack(Refusal::Other(words.into())).into());
    }
    let split = "it is of a cluster of this name that was founded apart";
    for (reason, words) in [
        (Refusal::SplitClusters(ClusterId(1)), split),
        (Refusal::Copied, "two live nodes run on copies of one disk"),
        (Refusal::RolledBack, "a later start of this node has been heard"),
    ] {
        let heard = heard(quorum::Message::HelloNack(reason), Mode::Bully);
        assert_eq!(heard, bully_core::Message::HelloNack(NackReason::Other(words.into())).into());
    }
}

/// As versions skip it that know one mode alone.
#[test]
fn what_only_the_other_mode_speaks_is_skipped() {
    let skipped = |kind: schema::Kind, mode| {
        let envelope = schema::Envelope { kind: Some(kind) };
        decode(&prost::Message::encode_to_vec(&envelope), mode) == Ok(None)
    };
    let query_ack = bully_core::QueryAck { q: 1, report: Report::default() };
    let query_ack = kind_of(bully_core::Message::QueryAck(query_ack));
    assert!(skipped(query_ack.clone(), Mode::Quorum) && !skipped(query_ack, Mode::Bully));
    for message in [quorum::Message::Leave, quorum::Message::Renounce(ClusterId(1))] {
        let kind = kind_of(message);
        assert!(skipped(kind.clone(), Mode::Bully) && !skipped(kind, Mode::Quorum));
    }
}
