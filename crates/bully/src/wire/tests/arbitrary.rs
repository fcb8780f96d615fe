//! Any packet that a node could send, and the mode of who sends it.

mod quorum;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use bully_core::{
    Address, Beat, BeatAck, Claim, Config, Epoch, Hello, Host, Inst, Leave, Listed, Member,
    Message, Mode, NUMBER_MAX, NackReason, Query, QueryAck, Report,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::Packet;

fn number() -> impl Strategy<Value = u64> {
    prop_oneof![0..300_u64, 0..=NUMBER_MAX, Just(NUMBER_MAX)]
}

fn epoch() -> impl Strategy<Value = Epoch> {
    number().prop_map(Epoch)
}

fn inst() -> impl Strategy<Value = Inst> {
    any::<u128>().prop_map(Inst)
}

fn priority() -> impl Strategy<Value = u32> {
    0..=Config::PRIORITY_MAX
}

fn duration() -> impl Strategy<Value = Duration> {
    let year_us = 365 * 24 * 60 * 60 * 1_000_000_u64;
    prop_oneof![0..1_000_000_u64, 0..=year_us].prop_map(Duration::from_micros)
}

fn ip() -> impl Strategy<Value = IpAddr> {
    prop_oneof![
        any::<u32>().prop_map(|ip| Ipv4Addr::from(ip).into()),
        any::<u128>().prop_map(|ip| IpAddr::from(Ipv6Addr::from(ip)).to_canonical()),
    ]
}

fn address() -> BoxedStrategy<Address> {
    let name = "[a-z0-9_-]{1,20}(\\.[a-z][a-z0-9]{0,9}){0,3}";
    let host =
        prop_oneof![ip().prop_map(Host::from), name.prop_map(|name| Host::from(name.as_str()))];
    (host, 1..=u16::MAX).prop_map(|(host, port)| Address { host, port }).boxed()
}

fn claim() -> BoxedStrategy<Claim> {
    (epoch(), priority(), address(), inst())
        .prop_map(|(epoch, priority, id, inst)| Claim { epoch, priority, id, inst })
        .boxed()
}

fn report() -> BoxedStrategy<Report> {
    (option::of(claim()), number(), duration(), any::<bool>(), any::<u32>())
        .prop_map(|(claim, seq, age, live, size)| Report { claim, seq, age, live, size })
        .boxed()
}

fn member() -> BoxedStrategy<Member> {
    (address(), option::of(ip()), priority(), number(), inst(), any::<bool>())
        .prop_map(|(id, ip, priority, inc, inst, left)| Member {
            id,
            ip,
            priority,
            inc,
            inst,
            left,
        })
        .boxed()
}

fn listed() -> impl Strategy<Value = Listed> {
    (member(), any::<bool>()).prop_map(|(member, reach)| Listed { member, reach })
}

fn mode() -> impl Strategy<Value = Mode> {
    prop_oneof![Just(Mode::Bully), Just(Mode::Quorum), (3..=u16::MAX).prop_map(Mode::Other)]
}

fn cluster() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9 ä._-]{1,32}"
}

fn hello() -> BoxedStrategy<Hello> {
    (cluster(), member(), epoch(), any::<bool>(), report(), vec(member(), 0..6))
        .prop_map(|(cluster, member, seen, no_preempt, report, members)| Hello {
            cluster: cluster.into(),
            mode: Mode::Bully,
            member,
            seen,
            no_preempt,
            report,
            members,
        })
        .boxed()
}

fn nack() -> BoxedStrategy<NackReason> {
    prop_oneof![
        cluster().prop_map(|name| NackReason::ForeignCluster(name.into())),
        mode().prop_map(NackReason::ForeignMode),
        Just(NackReason::Myself),
        Just(NackReason::DuplicateId),
        Just(NackReason::Full),
        Just(NackReason::Leaving),
        "[a-zA-Z ü]{1,100}".prop_map(|words| NackReason::Other(words.into())),
    ]
    .boxed()
}

fn beat() -> BoxedStrategy<Beat> {
    let numbers = (number(), duration(), any::<u32>(), any::<u64>(), duration());
    (claim(), numbers, option::of(vec(listed(), 0..6)))
        .prop_map(|(claim, (seq, age, size, mver, hold), members)| Beat {
            claim,
            seq,
            age,
            size,
            mver,
            hold,
            members,
        })
        .boxed()
}

fn message() -> BoxedStrategy<Message> {
    prop_oneof![
        hello().prop_map(Message::Hello),
        hello().prop_map(Message::HelloAck),
        nack().prop_map(Message::HelloNack),
        beat().prop_map(Message::Beat),
        beat().prop_map(Message::Coord),
        (report(), epoch(), vec(address(), 0..6), any::<u64>()).prop_map(
            |(report, need, met, mver)| Message::BeatAck(BeatAck { report, need, met, mver })
        ),
        (number(), report(), epoch(), any::<bool>()).prop_map(|(q, report, need, watch)| {
            Message::Query(Query { q, report, need, watch })
        }),
        (number(), report()).prop_map(|(q, report)| Message::QueryAck(QueryAck { q, report })),
        (number(), option::of(claim()), option::of(address()), any::<bool>()).prop_map(
            |(inc, claim, successor, gone)| Message::Leave(Leave { inc, claim, successor, gone })
        ),
    ]
    .boxed()
}

pub(super) fn packet() -> impl Strategy<Value = (Mode, Packet)> {
    let mode = prop_oneof![Just(Mode::Bully), Just(Mode::Quorum)];
    let of_any_mode = prop_oneof![
        inst().prop_map(Packet::Identify),
        any::<bool>().prop_map(|same| Packet::Identified { same }),
    ];
    prop_oneof![
        9 => message().prop_map(|message| (Mode::Bully, Packet::Message(message.into()))),
        9 => quorum::message().prop_map(|message| (Mode::Quorum, Packet::Message(message.into()))),
        2 => (mode, of_any_mode),
    ]
}
