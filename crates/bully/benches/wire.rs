//! What the codec costs: time, and allocations. `cargo bench -p bully --bench wire`.

// The codec is no part of the library's interface, and so is compiled in here.
#[path = "../src/wire/mod.rs"]
#[allow(dead_code, unused_imports, unreachable_pub, reason = "the program uses the rest")]
mod wire;

/// What the codec's own checks of hostile bytes, compiled in with it, ask of the library.
#[cfg(any(test, fuzzing))]
mod fuzzing {
    pub(crate) fn assert_one_line(_: &str) {}
}

use std::sync::Arc;
use std::time::Duration;

use bully_core::quorum::{self, Hb, HbAck, Roster, RosterId, Stamp, Term};
use bully_core::{
    Address, Beat, BeatAck, Claim, Epoch, Inst, Listed, Member, Message, Mode, Report, Tick,
};
use divan::{AllocProfiler, Bencher, black_box};

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

const KINDS: [&str; 5] = ["Beat", "BeatAck", "Beat with 100 members", "Hb of 3 members", "HbAck"];

fn main() {
    divan::main();
}

fn address(host: u8) -> Address {
    Address::new(std::net::IpAddr::from([192, 168, 1, host]), 8117)
}

fn member(host: u8) -> Member {
    let inst = Inst(u128::from(host) << 100);
    Member { id: address(host), ip: None, priority: 100, inc: 0, inst, left: false }
}

fn message(kind: &str) -> (Mode, wire::Message) {
    match kind {
        "Hb of 3 members" | "HbAck" => (Mode::Quorum, of_quorum(kind).into()),
        _ => (Mode::Bully, of_bully(kind).into()),
    }
}

/// On machines that have been up for ten days.
fn of_quorum(kind: &str) -> quorum::Message {
    let (term, stamp) = (Term(1_795_400_798), Stamp(Tick(864_000_123_456_789)));
    let version = RosterId { term, version: 3 };
    let voter = |host| quorum::Member {
        inst: Inst(u128::from(host) << 100),
        id: address(host),
        priority: 100,
    };
    if kind == "HbAck" {
        return quorum::Message::HbAck(HbAck {
            term,
            roster: version,
            stamp,
            lease: Duration::from_secs(1),
            sent: stamp,
            unmuted: true,
            wants: false,
        });
    }
    let members = (67..70).map(voter).collect();
    let roster = Arc::new(Roster { version, members, removed: Vec::new() });
    quorum::Message::Hb(Hb { term, roster, stamp })
}

fn of_bully(kind: &str) -> Message {
    let epoch = Epoch(1_795_400_798_000);
    let claim = Claim { epoch, priority: 100, id: address(69), inst: Inst(u128::MAX / 3) };
    let report = Report {
        claim: Some(claim.clone()),
        seq: 86_400,
        age: Duration::ZERO,
        live: true,
        size: 3,
    };
    let listed = |host| Listed { member: member(host), reach: true };
    let members = (kind == KINDS[2]).then(|| (0..100).map(listed).collect());
    match kind {
        "BeatAck" => Message::BeatAck(BeatAck {
            report,
            need: Epoch(0),
            met: Vec::new(),
            mver: u64::MAX / 5,
        }),
        _ => Message::Beat(Beat {
            claim,
            seq: 86_400,
            age: Duration::ZERO,
            size: 3,
            mver: u64::MAX / 5,
            hold: Duration::from_millis(800),
            members,
        }),
    }
}

#[divan::bench(args = KINDS, max_time = 1)]
fn encode(bencher: Bencher<'_, '_>, kind: &str) {
    let (_, message) = message(kind);
    let mut buffer = Vec::new();
    bencher.bench_local(move || {
        wire::frame_message(black_box(&message), &mut buffer);
        buffer.len()
    });
}

#[divan::bench(args = KINDS, max_time = 1)]
fn decode(bencher: Bencher<'_, '_>, kind: &str) {
    let mut frame = Vec::new();
    let (mode, message) = message(kind);
    wire::frame_message(&message, &mut frame);
    let bytes = frame.split_off(4);
    bencher.bench_local(move || wire::decode(black_box(&bytes), mode).expect("what was encoded"));
}
