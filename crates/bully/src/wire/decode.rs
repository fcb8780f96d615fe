//! From bytes to the core's words: everything is checked, nothing is believed.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bully_core as core;
use bully_core::{Config, Epoch, Host, Inst, Mode, NUMBER_MAX, NackReason};
use prost::Message as _;
use thiserror::Error;

use super::schema::{self, Envelope, Kind, mode, reason};
use super::{CLUSTER_MAX, DURATION_MAX, HOST_MAX, MET_MAX, Packet, REASON_MAX, clip};

/// What the bytes of a frame say; none for a kind of message that this version does not know.
///
/// # Errors
/// What is wrong with them, and what was expected.
pub(crate) fn decode(bytes: &[u8]) -> Result<Option<Packet>, DecodeError> {
    let Some(kind) = Envelope::decode(bytes)?.kind else {
        return Ok(None);
    };
    let message = match kind {
        Kind::Hello(m) => core::Message::Hello(hello(m)?),
        Kind::HelloAck(m) => core::Message::HelloAck(hello(m)?),
        Kind::HelloNack(m) => core::Message::HelloNack(nack(&m)?),
        Kind::Beat(m) => core::Message::Beat(beat(m)?),
        Kind::Coord(m) => core::Message::Coord(beat(m)?),
        Kind::BeatAck(m) => core::Message::BeatAck(beat_ack(m)?),
        Kind::Query(m) => core::Message::Query(core::Query {
            q: number("q", m.q)?,
            report: report(need("report", m.report)?)?,
            need: Epoch(number("need", m.need)?),
            watch: m.watch,
        }),
        Kind::QueryAck(m) => core::Message::QueryAck(core::QueryAck {
            q: number("q", m.q)?,
            report: report(need("report", m.report)?)?,
        }),
        Kind::Leave(m) => core::Message::Leave(core::Leave {
            inc: number("inc", m.inc)?,
            claim: m.claim.map(claim).transpose()?,
            successor: m.successor.map(address).transpose()?,
            gone: m.gone,
        }),
        Kind::Identify(m) => return Ok(Some(Packet::Identify(inst(&m.inst)?))),
        Kind::Identified(m) => return Ok(Some(Packet::Identified { same: m.same })),
    };
    Ok(Some(Packet::Message(message)))
}

/// A frame does not hold what it should.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum DecodeError {
    /// The bytes are no protobuf, or a field is of another type.
    #[error("malformed: {0}")]
    Malformed(#[from] prost::DecodeError),
    /// A field must be there and is not.
    #[error("without {0}")]
    Missing(&'static str),
    /// A number, a length or a count is out of bounds.
    #[error("{field} {value}, expected {expected}")]
    Bounds {
        /// The name of the field.
        field: &'static str,
        /// What it holds.
        value: u64,
        /// What it may hold.
        expected: Expected,
    },
    /// A text cannot be what it should be.
    #[error("{field} {text:?}, expected {expected}")]
    Text {
        /// The name of the field.
        field: &'static str,
        /// The text, or its beginning.
        text: String,
        /// What is expected.
        expected: &'static str,
    },
}

/// What a field may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum Expected {
    /// A number in a range, both ends included.
    #[error("{0} to {1}")]
    Range(u64, u64),
    /// One of a few things.
    #[error("{0}")]
    OneOf(&'static str),
}

fn hello(hello: schema::Hello) -> Result<core::Hello, DecodeError> {
    count("members", hello.members.len(), Config::MEMBERS_MAX)?;
    let mode = mode(hello.mode)?;
    if let Mode::Other(_) = mode {
        return stranger(hello, mode);
    }
    Ok(core::Hello {
        cluster: cluster(&hello.cluster)?,
        mode,
        member: member(need("member", hello.member)?)?,
        seen: Epoch(number("seen", hello.seen)?),
        no_preempt: hello.no_preempt,
        report: report(need("report", hello.report)?)?,
        members: hello.members.into_iter().map(member).collect::<Result<_, _>>()?,
    })
}

/// A Hello of a mode that this version does not know: it will be refused, and so only who speaks is
/// read. What else it says may have another meaning there.
fn stranger(hello: schema::Hello, mode: Mode) -> Result<core::Hello, DecodeError> {
    Ok(core::Hello {
        cluster: cluster(&hello.cluster)?,
        mode,
        member: member(need("member", hello.member)?)?,
        seen: Epoch(0),
        no_preempt: hello.no_preempt,
        report: core::Report::default(),
        members: Vec::new(),
    })
}

fn nack(nack: &schema::HelloNack) -> Result<NackReason, DecodeError> {
    Ok(match nack.reason {
        reason::FOREIGN_CLUSTER => NackReason::ForeignCluster(cluster(&nack.text)?),
        reason::FOREIGN_MODE => match mode(nack.mode) {
            Ok(mode) => NackReason::ForeignMode(mode),
            Err(_) => NackReason::Other("it elects in another mode".into()),
        },
        reason::MYSELF => NackReason::Myself,
        reason::DUPLICATE_ID => NackReason::DuplicateId,
        reason::FULL => NackReason::Full,
        reason::LEAVING => NackReason::Leaving,
        unknown if nack.text.is_empty() => NackReason::Other(format!("reason {unknown}").into()),
        _ => {
            let expected = "at most 200 bytes without control characters";
            NackReason::Other(printable("reason", &nack.text, REASON_MAX, expected)?)
        }
    })
}

fn beat(beat: schema::Beat) -> Result<core::Beat, DecodeError> {
    Ok(core::Beat {
        claim: claim(need("claim", beat.claim)?)?,
        seq: number("seq", beat.seq)?,
        age: duration("age", beat.age_us)?,
        size: small("size", beat.size, u32::MAX)?,
        mver: beat.mver,
        hold: duration("hold", beat.hold_us)?,
        members: beat.members.map(listed).transpose()?,
    })
}

fn listed(list: schema::List) -> Result<Vec<core::Listed>, DecodeError> {
    count("members", list.listed.len(), Config::MEMBERS_MAX)?;
    let listed = |listed: schema::Listed| {
        let member = member(need("member", listed.member)?)?;
        Ok(core::Listed { member, reach: listed.reach })
    };
    list.listed.into_iter().map(listed).collect()
}

fn beat_ack(ack: schema::BeatAck) -> Result<core::BeatAck, DecodeError> {
    count("met", ack.met.len(), MET_MAX)?;
    Ok(core::BeatAck {
        report: report(need("report", ack.report)?)?,
        need: Epoch(number("need", ack.need)?),
        met: ack.met.into_iter().map(address).collect::<Result<_, _>>()?,
        mver: ack.mver,
    })
}

fn report(report: schema::Report) -> Result<core::Report, DecodeError> {
    Ok(core::Report {
        claim: report.claim.map(claim).transpose()?,
        seq: number("seq", report.seq)?,
        age: duration("age", report.age_us)?,
        live: report.live,
        size: small("size", report.size, u32::MAX)?,
    })
}

fn claim(claim: schema::Claim) -> Result<core::Claim, DecodeError> {
    Ok(core::Claim {
        epoch: Epoch(number("epoch", claim.epoch)?),
        priority: small("priority", claim.priority, Config::PRIORITY_MAX)?,
        id: address(need("id", claim.id)?)?,
        inst: inst(&claim.inst)?,
    })
}

fn member(member: schema::Member) -> Result<core::Member, DecodeError> {
    Ok(core::Member {
        id: address(need("id", member.id)?)?,
        ip: if member.ip.is_empty() { None } else { Some(ip(&member.ip)?) },
        priority: small("priority", member.priority, Config::PRIORITY_MAX)?,
        inc: number("inc", member.inc)?,
        inst: inst(&member.inst)?,
        left: member.left,
    })
}

fn address(address: schema::Address) -> Result<core::Address, DecodeError> {
    let port = match u16::try_from(address.port) {
        Ok(port) if port != 0 => port,
        _ => {
            return Err(bounds("port", address.port, Expected::Range(1, u64::from(u16::MAX))));
        }
    };
    let host = match (address.ip.as_slice(), address.name) {
        ([], name) => host_name(&name)?,
        (octets, name) if name.is_empty() => Host::from(ip(octets)?),
        (_, name) => return Err(text("host", &name, "a number or a name, not both")),
    };
    Ok(core::Address { host, port })
}

/// A name of labels as the DNS and `/etc/hosts` have them, an underscore allowed, in lower case.
/// A number that is sent as a name is the number: one node must not have two identities.
fn host_name(name: &str) -> Result<Host, DecodeError> {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    };
    let labels = name.strip_suffix('.').unwrap_or(name);
    if name.len() > HOST_MAX || !labels.split('.').all(label) {
        return Err(text("host", name, "an IP address or a host name"));
    }
    Ok(Host::from(name))
}

fn ip(octets: &[u8]) -> Result<IpAddr, DecodeError> {
    if let Ok(v4) = <[u8; 4]>::try_from(octets) {
        return Ok(IpAddr::from(v4));
    }
    match <[u8; 16]>::try_from(octets) {
        Ok(v6) => Ok(IpAddr::from(v6).to_canonical()),
        Err(_) => Err(bounds("ip of length", length(octets), Expected::OneOf("4 or 16"))),
    }
}

fn inst(bytes: &[u8]) -> Result<Inst, DecodeError> {
    match <[u8; 16]>::try_from(bytes) {
        Ok(bytes) => Ok(Inst(u128::from_be_bytes(bytes))),
        Err(_) => Err(bounds("inst of length", length(bytes), Expected::OneOf("16"))),
    }
}

fn mode(number: u64) -> Result<Mode, DecodeError> {
    match number {
        mode::BULLY => Ok(Mode::Bully),
        0 => Err(DecodeError::Missing("mode")),
        other => match u16::try_from(other) {
            Ok(other) => Ok(Mode::Other(other)),
            Err(_) => Err(bounds("mode", other, Expected::Range(1, u64::from(u16::MAX)))),
        },
    }
}

fn cluster(name: &str) -> Result<Arc<str>, DecodeError> {
    if name.is_empty() {
        return Err(DecodeError::Missing("cluster"));
    }
    let expected = "at most 64 bytes without control characters";
    printable("cluster", name, CLUSTER_MAX, expected)
}

/// What a person may come to read: short, and without anything that moves the cursor.
fn printable(
    field: &'static str,
    words: &str,
    max: usize,
    expected: &'static str,
) -> Result<Arc<str>, DecodeError> {
    if words.len() > max || words.contains(char::is_control) {
        return Err(text(field, words, expected));
    }
    Ok(words.into())
}

fn number(field: &'static str, value: u64) -> Result<u64, DecodeError> {
    if value > NUMBER_MAX {
        return Err(bounds(field, value, Expected::Range(0, NUMBER_MAX)));
    }
    Ok(value)
}

fn small(field: &'static str, value: u64, max: u32) -> Result<u32, DecodeError> {
    match u32::try_from(value) {
        Ok(small) if small <= max => Ok(small),
        _ => Err(bounds(field, value, Expected::Range(0, u64::from(max)))),
    }
}

fn duration(field: &'static str, micros: u64) -> Result<Duration, DecodeError> {
    let duration = Duration::from_micros(micros);
    if duration > DURATION_MAX {
        let max = u64::try_from(DURATION_MAX.as_micros()).unwrap_or(u64::MAX);
        return Err(bounds(field, micros, Expected::Range(0, max)));
    }
    Ok(duration)
}

fn count(field: &'static str, len: usize, max: usize) -> Result<(), DecodeError> {
    if len > max {
        let wide = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        return Err(bounds(field, wide(len), Expected::Range(0, wide(max))));
    }
    Ok(())
}

fn need<T>(field: &'static str, value: Option<T>) -> Result<T, DecodeError> {
    value.ok_or(DecodeError::Missing(field))
}

fn bounds(field: &'static str, value: u64, expected: Expected) -> DecodeError {
    DecodeError::Bounds { field, value, expected }
}

fn text(field: &'static str, text: &str, expected: &'static str) -> DecodeError {
    let text = clip(text, REASON_MAX).to_owned();
    DecodeError::Text { field, text, expected }
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}
