//! A node of bully mode.

use std::sync::Arc;
use std::time::Duration;

use bully_core::{
    Address, Beat, BeatAck, Claim, Config, Epoch, Hello, Inst, Leave, Listed, Member, Message,
    Mode, NackReason, Query, QueryAck, Report, Stored,
};

use super::bytes::Bytes;
use super::drive::{Peers, act, leap_of_epochs, live};
use crate::node::Node;
use crate::wire;

const PEERS: Peers = Peers {
    mode: Mode::Bully,
    hello: |bytes| Message::Hello(hello(bytes)).into(),
    message: |bytes| message(bytes).into(),
    answer: |bytes, message| match message {
        wire::Message::Bully(message) => answer(bytes, message).map(Into::into),
        wire::Message::Quorum(_) => None,
    },
    leap: leap_of_epochs,
};

pub(super) fn run(data: &[u8]) {
    let mut bytes = Bytes(data);
    let address = |n: u8| Address::new(format!("192.168.1.{n}").as_str(), 8_117);
    let places: Vec<Address> = (67..=69).map(address).take(1 + bytes.below(3)).collect();
    let config = Config {
        cluster: Arc::from("bully"),
        mode: Mode::Bully,
        id: places[0].clone(),
        ip: None,
        inst: Inst(0),
        places: places.clone(),
        priority: bytes.priority(),
        preempt: bytes.flag(),
        heartbeat: Duration::from_millis(100),
        persist: bytes.flag(),
    };
    let seen = Epoch(if bytes.flag() { bytes.number() } else { 0 });
    let node = Node::Bully(bully_core::Node::new(config, Stored { seen }, 1));
    live(node, &places, seen.0, bytes, &PEERS);
}

/// Lives in which golden frames are said to a follower, or to a leader, by a member.
pub(super) fn seeds(frames: &[Vec<u8>]) -> Vec<Vec<u8>> {
    // Three places, priority 100, preempt, no persist, nothing seen.
    let setup: &[u8] = &[2, 3, 1, 0, 0];
    let alone: &[u8] = &[act::DIAL_FAILED, 0, act::DIAL_FAILED, 0, act::TIMEOUT, act::TIMEOUT];
    let met: &[u8] = &[act::DIAL_ANSWERED, act::ANSWER, 0, 9, 3, act::TIMEOUT, act::WAIT, 4];
    let mut seeds = Vec::new();
    for begin in [alone, met] {
        for frame in frames {
            let mut life = [setup, begin].concat();
            for frame in [&frames[0], frame] {
                life.extend([&[act::ACCEPT_WIRE], &frame[..]].concat());
                life.extend([&[act::MESSAGE_WIRE, 0], &frame[..]].concat());
            }
            life.extend([act::REFLECT, 0, act::ANSWER, 1, 3, act::TIMEOUT, act::STOPPED]);
            life.extend([act::LINK_DOWN, 0, act::CHANGE, 0, act::WAIT, 5, act::LEAVE]);
            seeds.push(life);
        }
    }
    seeds
}

fn claim(bytes: &mut Bytes<'_>) -> Claim {
    Claim {
        epoch: Epoch(bytes.number()),
        priority: bytes.priority(),
        id: bytes.address(),
        inst: bytes.inst(),
    }
}

fn report(bytes: &mut Bytes<'_>) -> Report {
    Report {
        claim: bytes.maybe(claim),
        seq: bytes.number(),
        age: age(bytes),
        live: bytes.flag(),
        size: u32::from(bytes.byte()),
    }
}

fn age(bytes: &mut Bytes<'_>) -> Duration {
    let year_s = 365 * 24 * 60 * 60;
    [
        Duration::ZERO,
        Duration::from_millis(1),
        Duration::from_millis(401),
        Duration::from_secs(year_s),
    ][bytes.below(4)]
}

fn member(bytes: &mut Bytes<'_>) -> Member {
    Member {
        id: bytes.address(),
        ip: bytes.maybe(Bytes::ip),
        priority: bytes.priority(),
        inc: bytes.number(),
        inst: bytes.inst(),
        left: bytes.flag(),
    }
}

fn hello(bytes: &mut Bytes<'_>) -> Hello {
    Hello {
        cluster: Arc::from(if bytes.byte() < 250 { "bully" } else { "other" }),
        mode: Mode::Bully,
        member: member(bytes),
        seen: Epoch(bytes.number()),
        no_preempt: bytes.flag(),
        report: report(bytes),
        members: members(bytes),
    }
}

/// A few members, or a crowd that is made up.
fn members(bytes: &mut Bytes<'_>) -> Vec<Member> {
    if bytes.byte() < 250 {
        return bytes.list(5, member);
    }
    let (net, count) = (bytes.byte(), 4 * bytes.below(256));
    let crowd = |n: usize| {
        let [high, low] = u16::try_from(n).unwrap_or(0).to_be_bytes();
        let id = Address::new(format!("10.{net}.{high}.{low}").as_str(), 8_117);
        Member { id, ip: None, priority: 100, inc: 1, inst: Inst(9), left: false }
    };
    (0..count).map(crowd).collect()
}

fn beat(bytes: &mut Bytes<'_>) -> Beat {
    let listed = |bytes: &mut Bytes<'_>| {
        let reach = bytes.flag();
        members(bytes).into_iter().map(|member| Listed { member, reach }).collect()
    };
    Beat {
        claim: claim(bytes),
        seq: bytes.number(),
        age: age(bytes),
        size: u32::from(bytes.byte()),
        mver: bytes.number(),
        hold: age(bytes),
        members: bytes.maybe(listed),
    }
}

fn beat_ack(bytes: &mut Bytes<'_>) -> BeatAck {
    BeatAck {
        report: report(bytes),
        need: Epoch(bytes.number()),
        met: bytes.list(20, Bytes::address),
        mver: bytes.number(),
    }
}

fn message(bytes: &mut Bytes<'_>) -> Message {
    match bytes.below(9) {
        0 => Message::Beat(beat(bytes)),
        1 => Message::Coord(beat(bytes)),
        2 => Message::BeatAck(beat_ack(bytes)),
        3 => Message::Query(Query {
            q: bytes.number(),
            report: report(bytes),
            need: Epoch(bytes.number()),
            watch: bytes.flag(),
        }),
        4 => Message::QueryAck(QueryAck { q: bytes.number(), report: report(bytes) }),
        5 => Message::Leave(Leave {
            inc: bytes.number(),
            claim: bytes.maybe(claim),
            successor: bytes.maybe(Bytes::address),
            gone: bytes.flag(),
        }),
        6 => Message::Hello(hello(bytes)),
        7 => Message::HelloAck(hello(bytes)),
        _ => Message::HelloNack(match bytes.below(6) {
            0 => NackReason::ForeignCluster(Arc::from("other")),
            1 => NackReason::ForeignMode(Mode::Quorum),
            2 => NackReason::Myself,
            3 => NackReason::DuplicateId,
            4 => NackReason::Full,
            _ => NackReason::Leaving,
        }),
    }
}

/// As a peer would answer that makes up the rest.
fn answer(bytes: &mut Bytes<'_>, message: &Message) -> Option<Message> {
    Some(match message {
        Message::Hello(_) => Message::HelloAck(hello(bytes)),
        Message::Beat(beat) | Message::Coord(beat) => {
            let live = bytes.flag();
            let report =
                Report { claim: Some(beat.claim.clone()), seq: beat.seq, live, ..report(bytes) };
            Message::BeatAck(BeatAck { report, mver: beat.mver, ..beat_ack(bytes) })
        }
        Message::Query(query) => Message::QueryAck(QueryAck { q: query.q, report: report(bytes) }),
        // What the other end would say in its place.
        Message::BeatAck(ack) => {
            Message::Beat(Beat { claim: ack.report.claim.clone()?, ..beat(bytes) })
        }
        _ => return None,
    })
}
