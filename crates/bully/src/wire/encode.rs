//! From the core's words to bytes.

mod bully;
pub(crate) mod quorum;

use std::net::IpAddr;
use std::time::Duration;

use bully_core as core;
use bully_core::{Host, Mode};
use bytes::BufMut;
use prost::Message as _;

use super::frame::PREFIX_LEN;
use super::schema::{self, Envelope, Kind, mode, reason};
use super::{DURATION_MAX, FRAME_MAX_STRANGER, Message, Packet, REASON_MAX, clip};

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
/// Lists of bully mode are cut to what a receiver allows, and the members of its Hello to what a
/// receiver allows that does not know the sender yet.
///
/// # Panics
/// Never: a frame with all lists at their bounds is far shorter than 4 GiB.
pub(crate) fn frame_message(message: &Message, buffer: &mut Vec<u8>) {
    let mut kind = match message {
        Message::Bully(message) => bully::kind(message),
        Message::Quorum(message) => quorum::kind(message),
    };
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

pub(crate) fn address(address: &core::Address) -> schema::Address {
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

pub(crate) fn inst_bytes(inst: core::Inst) -> Vec<u8> {
    inst.0.to_be_bytes().into()
}

fn mode_number(mode: Mode) -> u64 {
    match mode {
        Mode::Bully => mode::BULLY,
        Mode::Quorum => mode::QUORUM,
        Mode::Other(number) => u64::from(number),
        // A mode that this module does not know cannot be in force.
        _ => 0,
    }
}

/// A reason that needs no more than its number.
fn plain(reason: u64) -> schema::HelloNack {
    schema::HelloNack { reason, ..Default::default() }
}

fn foreign_cluster(name: &str) -> schema::HelloNack {
    schema::HelloNack { text: name.to_owned(), ..plain(reason::FOREIGN_CLUSTER) }
}

/// The same of both modes: each must understand the other's.
fn foreign_mode(mode: Mode) -> schema::HelloNack {
    schema::HelloNack { mode: mode_number(mode), ..plain(reason::FOREIGN_MODE) }
}

fn in_words(text: &str) -> schema::HelloNack {
    schema::HelloNack { text: clip(text, REASON_MAX).to_owned(), ..plain(reason::IN_WORDS) }
}

/// Whole microseconds, rounded down. A voter's promise rests on that: the leader may count on less
/// of it than was promised, and never on more.
pub(crate) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.min(DURATION_MAX).as_micros()).unwrap_or(u64::MAX)
}
