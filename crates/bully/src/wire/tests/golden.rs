//! Frames kept as files: what a version has said, later ones must understand.
//!
//! `BULLY_REWRITE=1 cargo test -p bully golden` writes them anew. A file that changes is a change
//! of the wire: commit only one that you understand.

mod quorum;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Once};
use std::time::Duration;

use bully_core as core;
use bully_core::{
    Address, Beat, BeatAck, Claim, Epoch, Hello, Inst, Leave, Listed, Member, Mode, NackReason,
    Query, QueryAck, Report,
};
use bytes::BytesMut;
use tokio_util::codec::Decoder;

use super::super::frame::PREFIX_LEN;
use super::super::{FRAME_MAX_MEMBER, FrameDecoder, Message, Packet, decode, frame};
use super::MODES;

fn claim() -> Claim {
    Claim {
        epoch: Epoch(1_795_400_798_000),
        priority: 100,
        id: Address::new("192.168.1.68", 8117),
        inst: Inst(0x0011_2233_4455_6677_8899_aabb_ccdd_eeff),
    }
}

fn report() -> Report {
    let age = Duration::from_micros(1_500);
    Report { claim: Some(claim()), seq: 300, age, live: true, size: 3 }
}

fn members() -> Vec<Member> {
    let member = |id: Address, ip: Option<&str>| Member {
        id,
        ip: ip.map(|ip| ip.parse().unwrap()),
        priority: 100,
        inc: 2,
        inst: Inst(7),
        left: true,
    };
    vec![
        member(Address::new("192.168.1.67", 8117), None),
        member(Address::new("fe80::1", 1), None),
        member(Address::new("node-3.example", 65_535), Some("10.0.0.3")),
        member(Address::new("node-4.example", 8117), Some("2001:db8::4")),
    ]
}

fn hello() -> Hello {
    Hello {
        cluster: Arc::from("bully"),
        mode: Mode::Bully,
        member: members().remove(2),
        seen: Epoch(1_795_400_798_001),
        no_preempt: true,
        report: report(),
        members: members(),
    }
}

fn beat(members: Option<Vec<Listed>>) -> Beat {
    Beat {
        claim: claim(),
        seq: 301,
        age: Duration::from_micros(250),
        size: 3,
        mver: 0x0123_4567_89ab_cdef,
        hold: Duration::from_millis(800),
        members,
    }
}

/// One packet of each kind, with all its fields, and the mode of who says it.
fn packets() -> Vec<(&'static str, Mode, Packet)> {
    let bully = bully().into_iter().map(|(name, packet)| (name, Mode::Bully, packet));
    let of_quorum = |(name, message)| (name, Mode::Quorum, Packet::Message(Message::from(message)));
    bully.chain(quorum::messages().into_iter().map(of_quorum)).collect()
}

fn bully() -> Vec<(&'static str, Packet)> {
    let listed = members().into_iter().map(|member| Listed { member, reach: true }).collect();
    let say = |message: core::Message| Packet::Message(message.into());
    let nack = |reason| say(core::Message::HelloNack(reason));
    let met = vec![Address::new("10.0.0.9", 8117), Address::new("node-9", 8117)];
    let need = Epoch(1_795_400_798_002);
    let (successor, report) = (Some(Address::new("192.168.1.69", 8117)), report());
    let query = Query { q: 9, report: report.clone(), need, watch: true };
    let query_ack = QueryAck { q: 9, report: report.clone() };
    let beat_ack = BeatAck { report, need, met, mver: 0x0123_4567_89ab_cdef };
    let leave = Leave { inc: 2, claim: Some(claim()), successor, gone: true };
    vec![
        ("hello", say(core::Message::Hello(hello()))),
        ("hello_ack", say(core::Message::HelloAck(hello()))),
        ("nack_foreign_cluster", nack(NackReason::ForeignCluster("other".into()))),
        ("nack_foreign_mode", nack(NackReason::ForeignMode(Mode::Bully))),
        ("nack_myself", nack(NackReason::Myself)),
        ("nack_duplicate_id", nack(NackReason::DuplicateId)),
        ("nack_full", nack(NackReason::Full)),
        ("nack_leaving", nack(NackReason::Leaving)),
        ("nack_other", nack(NackReason::Other("in words".into()))),
        ("beat", say(core::Message::Beat(beat(None)))),
        ("beat_with_members", say(core::Message::Beat(beat(Some(listed))))),
        ("coord", say(core::Message::Coord(beat(Some(Vec::new()))))),
        ("beat_ack", say(core::Message::BeatAck(beat_ack))),
        ("query", say(core::Message::Query(query))),
        ("query_ack", say(core::Message::QueryAck(query_ack))),
        ("leave", say(core::Message::Leave(leave))),
        ("identify", Packet::Identify(Inst(0x0011_2233_4455_6677_8899_aabb_ccdd_eeff))),
        ("identified", Packet::Identified { same: true }),
    ]
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/wire/golden")
}

/// Sixteen bytes a line.
fn to_hex(bytes: &[u8]) -> String {
    let line = |bytes: &[u8]| {
        let words: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        words.join(" ") + "\n"
    };
    bytes.chunks(16).map(line).collect()
}

fn from_hex(text: &str) -> Vec<u8> {
    text.split_whitespace().map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect()
}

fn rewrite() {
    for (name, _, packet) in packets() {
        let path = folder().join(name).with_extension("hex");
        std::fs::write(path, to_hex(&frame(&packet))).unwrap();
    }
}

fn kept() -> BTreeMap<String, Vec<u8>> {
    // Once, so that no test reads what another is writing.
    static REWRITE: Once = Once::new();
    if std::env::var_os("BULLY_REWRITE").is_some() {
        REWRITE.call_once(rewrite);
    }
    let entries = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    entries
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, from_hex(&std::fs::read_to_string(path).unwrap()))
        })
        .collect()
}

#[test]
fn golden_frames_are_said_and_understood() {
    let mut kept = kept();
    for (name, mode, packet) in packets() {
        let bytes = kept.remove(name).unwrap_or_else(|| panic!("no golden frame {name}"));
        let mut decoder = FrameDecoder { max: FRAME_MAX_MEMBER };
        let payload = decoder.decode(&mut BytesMut::from(&bytes[..])).unwrap().unwrap();
        assert_eq!(decode(&payload, mode), Ok(Some(packet.clone())), "{name}");
        assert_eq!(to_hex(&bytes), to_hex(&frame(&packet)), "{name}");
    }
    assert_eq!(kept.keys().collect::<Vec<_>>(), Vec::<&String>::new(), "of no packet");
}

#[test]
fn fields_and_messages_of_later_versions_are_skipped() {
    for (name, mode) in [("leave", Mode::Bully), ("quorum_farewell", Mode::Quorum)] {
        let bytes = kept().remove(name).unwrap();
        let payload = &bytes[PREFIX_LEN..];
        let known = decode(payload, mode).unwrap();
        assert!(known.is_some());
        // Field 100, a number, beside the message, …
        let beside = [payload, &[0xa0, 0x06, 1]].concat();
        assert_eq!(decode(&beside, mode).unwrap(), known);
        // … and within it: its tag, of one byte or two, its length, and its fields.
        let (tag, rest) = payload.split_at(if payload[0] < 0x80 { 1 } else { 2 });
        let [length, fields @ ..] = rest else { panic!("a message") };
        assert!(*length < 0x70, "the length is one byte");
        let within = [tag, &[length + 3], fields, &[0xa0, 0x06, 1]].concat();
        assert_eq!(decode(&within, mode).unwrap(), known);
        // A message with tag 100, and no message at all.
        assert_eq!(decode(&[0xa2, 0x06, 2, 8, 1], mode), Ok(None));
        assert_eq!(decode(&[], mode), Ok(None));
    }
}

#[test]
fn golden_frames_with_any_one_bit_flipped_or_cut_short_are_no_harm() {
    for (_, bytes) in kept() {
        let payload = &bytes[PREFIX_LEN..];
        for mode in MODES {
            for at in 0..payload.len() {
                for bit in 0..8 {
                    let mut flipped = payload.to_vec();
                    flipped[at] ^= 1 << bit;
                    let _ = decode(&flipped, mode).map_err(|error| error.to_string());
                }
                let _ = decode(&payload[..at], mode).map_err(|error| error.to_string());
            }
        }
    }
}
