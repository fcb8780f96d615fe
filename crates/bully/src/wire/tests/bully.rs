//! Bully mode: bounds, and what is refused.

use std::sync::Arc;
use std::time::Duration;

use bully_core::{
    Address, Beat, BeatAck, Claim, Epoch, Hello, Inst, Listed, Member, Message, Mode, NackReason,
    Report,
};

use super::*;

fn read(frame: &[u8]) -> Message {
    match super::read(frame, Mode::Bully) {
        Ok(Some(Packet::Message(super::Message::Bully(message)))) => message,
        other => panic!("{other:?}"),
    }
}

fn hear(kind: schema::Kind) -> Message {
    match super::hear(kind, Mode::Bully) {
        Ok(super::Message::Bully(message)) => message,
        other => panic!("{other:?}"),
    }
}

/// The largest record there can be.
fn largest_member(i: usize) -> Member {
    let id = longest_name(i);
    Member {
        id,
        ip: Some("ffff:ffff::1".parse().unwrap()),
        priority: 1_000,
        inc: bully_core::NUMBER_MAX,
        inst: Inst(u128::MAX),
        left: true,
    }
}

fn hello(members: Vec<Member>) -> Hello {
    Hello {
        cluster: "c".repeat(CLUSTER_MAX).into(),
        mode: Mode::Bully,
        member: largest_member(0),
        seen: Epoch(5),
        no_preempt: true,
        report: Report::default(),
        members,
    }
}

fn claim() -> Claim {
    Claim { epoch: Epoch(7), priority: 1, id: longest_name(1), inst: Inst(9) }
}

#[test]
fn the_largest_lists_fit_a_members_frame() {
    let members: Vec<_> = (0..1_024).map(largest_member).collect();
    let listed = members.iter().map(|member| Listed { member: member.clone(), reach: true });
    let beat = Message::Coord(Beat {
        claim: claim(),
        seq: 1,
        age: Duration::ZERO,
        size: 1_024,
        mver: u64::MAX,
        hold: Duration::from_secs(1),
        members: Some(listed.collect()),
    });
    let ack = Message::BeatAck(BeatAck {
        report: Report { claim: Some(claim()), ..Report::default() },
        need: Epoch(1),
        met: members.iter().map(|member| member.id.clone()).collect(),
        mver: 1,
    });
    for message in [beat, ack, Message::HelloAck(hello(members))] {
        let whole = framed(message.clone());
        if !matches!(message, Message::HelloAck(_)) {
            assert!(whole.len() > 200 * 1024, "{}", whole.len());
        }
        assert!(whole.len() < FRAME_MAX_MEMBER * 3 / 4, "{}", whole.len());
        assert_eq!(read(&whole), message);
    }
}

#[test]
fn a_hello_is_cut_to_what_a_stranger_may_say() {
    let members: Vec<_> = (0..1_024).map(largest_member).collect();
    let whole = framed(Message::Hello(hello(members.clone())));
    assert!(whole.len() - PREFIX_LEN <= FRAME_MAX_STRANGER, "{}", whole.len());
    assert!(whole.len() > FRAME_MAX_STRANGER - 400, "no more than needed is cut: {}", whole.len());
    let Message::Hello(read) = read(&whole) else { panic!("a Hello") };
    assert!(read.members.len() > 200);
    assert_eq!(read.members, members[..read.members.len()]);
}

#[test]
fn a_hello_with_as_many_ip_addresses_as_may_be_is_whole() {
    let members: Vec<_> = (0..1_024_u16)
        .map(|i| Member { id: Address::new("203.0.113.250", i + 1), ip: None, ..largest_member(0) })
        .collect();
    let message = Message::Hello(hello(members));
    let whole = framed(message.clone());
    assert_eq!(read(&whole), message);
}

#[test]
fn durations_beyond_a_year_are_said_as_a_year() {
    let report = Report { age: Duration::MAX, ..Report::default() };
    let message = Message::QueryAck(bully_core::QueryAck { q: 1, report });
    let Message::QueryAck(ack) = read(&framed(message)) else { panic!("a QueryAck") };
    assert_eq!(ack.report.age, DURATION_MAX);
}

/// A valid Hello, broken by a hand, and what is said of it.
fn broken(damage: impl FnOnce(&mut schema::Hello)) -> String {
    let mut kind = kind_of(Message::Hello(hello(vec![largest_member(2)])));
    let schema::Kind::Hello(hello) = &mut kind else { panic!("a Hello") };
    damage(hello);
    super::hear(kind, Mode::Bully).unwrap_err()
}

fn member(hello: &mut schema::Hello) -> &mut schema::Member {
    hello.member.as_mut().unwrap()
}

fn id(hello: &mut schema::Hello) -> &mut schema::Address {
    member(hello).id.as_mut().unwrap()
}

#[test]
fn what_no_node_says_is_refused_with_what_was_expected() {
    let named = |name: &str| broken(|h| id(h).name = name.to_owned());
    let host = "expected an IP address or a host name";
    assert_eq!(
        broken(|h| h.seen = 1 << 53),
        format!("seen {}, expected 0 to {}", 1_u64 << 53, (1_u64 << 53) - 1)
    );
    assert_eq!(broken(|h| member(h).priority = 1_001), "priority 1001, expected 0 to 1000");
    assert_eq!(
        broken(|h| member(h).priority = (1 << 32) + 5),
        "priority 4294967301, expected 0 to 1000"
    );
    assert_eq!(broken(|h| id(h).port = 0), "port 0, expected 1 to 65535");
    assert_eq!(broken(|h| id(h).port = 65_536), "port 65536, expected 1 to 65535");
    assert_eq!(broken(|h| member(h).inst = vec![0; 15]), "inst of length 15, expected 16");
    assert_eq!(broken(|h| member(h).ip = vec![0; 5]), "ip of length 5, expected 4 or 16");
    assert_eq!(broken(|h| h.mode = 0), "without mode");
    assert_eq!(broken(|h| h.mode = 65_536), "mode 65536, expected 1 to 65535");
    let cluster = "expected at most 64 bytes without control characters";
    let long = "c".repeat(65);
    assert_eq!(broken(|h| h.cluster.clone_from(&long)), format!("cluster {long:?}, {cluster}"));
    assert_eq!(broken(|h| h.cluster.clear()), "without cluster");
    assert_eq!(broken(|h| h.cluster = "a\nb".to_owned()), format!("cluster \"a\\nb\", {cluster}"));
    assert_eq!(broken(|h| h.member = None), "without member");
    assert_eq!(broken(|h| h.report = None), "without report");
    assert_eq!(broken(|h| h.members[0].id = None), "without id");
    assert_eq!(
        broken(|h| h.members = vec![h.members[0].clone(); 1_025]),
        "members 1025, expected 0 to 1024"
    );
    assert_eq!(
        broken(|h| h.report.as_mut().unwrap().age_us = u64::MAX),
        "age 18446744073709551615, expected 0 to 31536000000000"
    );
    assert_eq!(named(""), format!("host \"\", {host}"));
    assert!(named(&"a.".repeat(127)).ends_with(host), "254 bytes");
    for name in ["a b", "a..b", ".a", "\u{1b}[2J", "ä", &"a".repeat(64)] {
        assert_eq!(named(name), format!("host {name:?}, {host}"));
    }
    assert!(
        broken(|h| id(h).ip = vec![1, 2, 3, 4]).ends_with("expected a number or a name, not both")
    );
}

#[test]
fn one_address_has_one_identity_however_it_is_written() {
    let id_of = |address: schema::Address| {
        let leave = schema::Leave { successor: Some(address), ..Default::default() };
        match hear(schema::Kind::Leave(leave)) {
            Message::Leave(leave) => leave.successor.unwrap(),
            other => panic!("{other:?}"),
        }
    };
    let mapped = "::ffff:10.0.0.1".parse::<std::net::Ipv6Addr>().unwrap().octets().to_vec();
    let number = schema::Address { ip: mapped, port: 1, ..Default::default() };
    assert_eq!(id_of(number), Address::new("10.0.0.1", 1));
    let name =
        |name: &str| schema::Address { name: name.to_owned(), port: 1, ..Default::default() };
    assert_eq!(id_of(name("10.0.0.1")), Address::new("10.0.0.1", 1));
    assert_eq!(id_of(name("Node-A.Example.")), Address::new("node-a.example.", 1));
}

#[test]
fn reasons_of_later_versions_become_words() {
    let heard = |reason, text: &str, mode| {
        let text = text.to_owned();
        let nack = schema::HelloNack { reason, text, mode, ..Default::default() };
        match hear(schema::Kind::HelloNack(nack)) {
            Message::HelloNack(reason) => reason,
            other => panic!("{other:?}"),
        }
    };
    let words = |text: &str| NackReason::Other(Arc::from(text));
    assert_eq!(heard(99, "it is Monday", 0), words("it is Monday"));
    assert_eq!(heard(99, "", 0), words("reason 99"));
    assert_eq!(heard(schema::reason::FOREIGN_MODE, "", 0), words("it elects in another mode"));
}
