//! From the core's words to bytes.

use std::net::IpAddr;
use std::time::Duration;

use bully_core as core;
use bully_core::{Config, Host, Mode, NackReason};
use bytes::BufMut;
use prost::Message as _;

use super::frame::PREFIX_LEN;
use super::schema::{self, Envelope, Kind, mode, reason};
use super::{DURATION_MAX, FRAME_MAX_STRANGER, MET_MAX, Packet, REASON_MAX, clip};

/// A whole frame, its length included.
///
/// # Panics
/// Never: see [`frame_message`].
pub(crate) fn frame(packet: &Packet) -> Vec<u8> {
    let mut buffer = Vec::new();
    match packet {
        Packet::Message(message) => frame_message(message, &mut buffer),
        Packet::Identify(inst) => {
            put(Kind::Identify(schema::Identify { inst: inst_bytes(*inst) }), &mut buffer);
        }
        Packet::Identified { same } => {
            put(Kind::Identified(schema::Identified { same: *same }), &mut buffer);
        }
    }
    buffer
}

/// Replaces what is in the buffer by a whole frame with a message, its length included.
///
/// Lists are cut to what a receiver allows, and the members of a Hello to what a receiver allows
/// that does not know the sender yet.
///
/// # Panics
/// Never: a frame with all lists at their bounds is far shorter than 4 GiB.
pub(crate) fn frame_message(message: &core::Message, buffer: &mut Vec<u8>) {
    let mut kind = message_kind(message);
    if let Kind::Hello(hello) = &mut kind {
        cut_hello(hello);
    }
    put(kind, buffer);
}

fn put(kind: Kind, buffer: &mut Vec<u8>) {
    let envelope = Envelope { kind: Some(kind) };
    let len = envelope.encoded_len();
    buffer.clear();
    buffer.reserve(PREFIX_LEN + len);
    buffer.put_u32(u32::try_from(len).expect("lists are bounded"));
    envelope.encode_raw(buffer);
}

/// Drop the last members until the frame suits [`FRAME_MAX_STRANGER`].
fn cut_hello(hello: &mut schema::Hello) {
    // A tag and a length of the Hello within its envelope, and of a member within the Hello.
    const HELLO_OVERHEAD: usize = 1 + 4;
    const MEMBER_OVERHEAD: usize = 1 + 2;
    let members = std::mem::take(&mut hello.members);
    let mut room = FRAME_MAX_STRANGER.saturating_sub(hello.encoded_len() + HELLO_OVERHEAD);
    hello.members = members
        .into_iter()
        .map_while(|member| {
            room = room.checked_sub(member.encoded_len() + MEMBER_OVERHEAD)?;
            Some(member)
        })
        .collect();
}

fn message_kind(message: &core::Message) -> Kind {
    match message {
        core::Message::Hello(m) => Kind::Hello(hello(m)),
        core::Message::HelloAck(m) => Kind::HelloAck(hello(m)),
        core::Message::HelloNack(m) => Kind::HelloNack(nack(m)),
        core::Message::Beat(m) => Kind::Beat(beat(m)),
        core::Message::Coord(m) => Kind::Coord(beat(m)),
        core::Message::BeatAck(m) => Kind::BeatAck(schema::BeatAck {
            report: Some(report(&m.report)),
            need: m.need.0,
            met: m.met.iter().take(MET_MAX).map(address).collect(),
            mver: m.mver,
        }),
        core::Message::Query(m) => Kind::Query(schema::Query {
            q: m.q,
            report: Some(report(&m.report)),
            need: m.need.0,
            watch: m.watch,
        }),
        core::Message::QueryAck(m) => {
            Kind::QueryAck(schema::QueryAck { q: m.q, report: Some(report(&m.report)) })
        }
        core::Message::Leave(m) => Kind::Leave(schema::Leave {
            inc: m.inc,
            claim: m.claim.as_ref().map(claim),
            successor: m.successor.as_ref().map(address),
            gone: m.gone,
        }),
    }
}

fn hello(hello: &core::Hello) -> schema::Hello {
    schema::Hello {
        cluster: hello.cluster.to_string(),
        mode: mode_number(hello.mode),
        member: Some(member(&hello.member)),
        seen: hello.seen.0,
        no_preempt: hello.no_preempt,
        report: Some(report(&hello.report)),
        members: hello.members.iter().take(Config::MEMBERS_MAX).map(member).collect(),
    }
}

fn nack(nack: &NackReason) -> schema::HelloNack {
    let plain = |reason| schema::HelloNack { reason, ..Default::default() };
    match nack {
        NackReason::ForeignCluster(name) => {
            schema::HelloNack { text: name.to_string(), ..plain(reason::FOREIGN_CLUSTER) }
        }
        NackReason::ForeignMode(mode) => {
            schema::HelloNack { mode: mode_number(*mode), ..plain(reason::FOREIGN_MODE) }
        }
        NackReason::Myself => plain(reason::MYSELF),
        NackReason::DuplicateId => plain(reason::DUPLICATE_ID),
        NackReason::Full => plain(reason::FULL),
        NackReason::Leaving => plain(reason::LEAVING),
        NackReason::Other(text) => {
            let text = clip(text, REASON_MAX).to_owned();
            schema::HelloNack { text, ..plain(reason::IN_WORDS) }
        }
        // A reason that the core has learnt and this module has not: its name serves.
        unknown => schema::HelloNack { text: format!("{unknown:?}"), ..plain(reason::IN_WORDS) },
    }
}

fn beat(beat: &core::Beat) -> schema::Beat {
    let listed =
        |l: &core::Listed| schema::Listed { member: Some(member(&l.member)), reach: l.reach };
    schema::Beat {
        claim: Some(claim(&beat.claim)),
        seq: beat.seq,
        age_us: micros(beat.age),
        size: u64::from(beat.size),
        mver: beat.mver,
        hold_us: micros(beat.hold),
        members: beat.members.as_ref().map(|members| schema::List {
            listed: members.iter().take(Config::MEMBERS_MAX).map(listed).collect(),
        }),
    }
}

fn report(report: &core::Report) -> schema::Report {
    schema::Report {
        claim: report.claim.as_ref().map(claim),
        seq: report.seq,
        age_us: micros(report.age),
        live: report.live,
        size: u64::from(report.size),
    }
}

fn claim(claim: &core::Claim) -> schema::Claim {
    schema::Claim {
        epoch: claim.epoch.0,
        priority: u64::from(claim.priority),
        id: Some(address(&claim.id)),
        inst: inst_bytes(claim.inst),
    }
}

fn member(member: &core::Member) -> schema::Member {
    schema::Member {
        id: Some(address(&member.id)),
        ip: member.ip.map(ip_bytes).unwrap_or_default(),
        priority: u64::from(member.priority),
        inc: member.inc,
        inst: inst_bytes(member.inst),
        left: member.left,
    }
}

fn address(address: &core::Address) -> schema::Address {
    let port = u64::from(address.port);
    match &address.host {
        Host::Name(name) => schema::Address { name: name.to_string(), port, ..Default::default() },
        Host::V4(ip) => schema::Address { ip: ip.octets().into(), port, ..Default::default() },
        Host::V6(ip) => schema::Address { ip: ip.octets().into(), port, ..Default::default() },
    }
}

fn ip_bytes(ip: IpAddr) -> Vec<u8> {
    match ip {
        IpAddr::V4(ip) => ip.octets().into(),
        IpAddr::V6(ip) => ip.octets().into(),
    }
}

fn inst_bytes(inst: core::Inst) -> Vec<u8> {
    inst.0.to_be_bytes().into()
}

fn mode_number(mode: Mode) -> u64 {
    match mode {
        Mode::Bully => mode::BULLY,
        Mode::Other(number) => u64::from(number),
        // A mode that this module does not know cannot be in force.
        _ => 0,
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.min(DURATION_MAX).as_micros()).unwrap_or(u64::MAX)
}
