//! The messages of bully mode.

use bully_core as core;
use bully_core::{Config, Epoch, Mode, NackReason};

use super::super::MET_MAX;
use super::super::schema::{self, Kind, reason};
use super::check::{
    DecodeError, address, cluster, count, duration, inst, ip, mode, need, number, reason_in_words,
    small,
};

/// What a kind says; none for one that bully mode does not speak.
pub(super) fn message(kind: Kind) -> Result<Option<core::Message>, DecodeError> {
    Ok(Some(match kind {
        Kind::Hello(m) => core::Message::Hello(hello(*m)?),
        Kind::HelloAck(m) => core::Message::HelloAck(hello(*m)?),
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
        _ => return Ok(None),
    }))
}

fn hello(hello: schema::Hello) -> Result<core::Hello, DecodeError> {
    count("members", hello.members.len(), Config::MEMBERS_MAX)?;
    let mode = mode(hello.mode)?;
    if mode != Mode::Bully {
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

/// A Hello of another mode: it will be refused, and so only who speaks is read. What else it says may
/// have another meaning there.
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
            Err(_) => NackReason::Other(reason_in_words(nack)?),
        },
        reason::MYSELF => NackReason::Myself,
        reason::DUPLICATE_ID => NackReason::DuplicateId,
        reason::FULL => NackReason::Full,
        reason::LEAVING => NackReason::Leaving,
        _ => NackReason::Other(reason_in_words(nack)?),
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
