//! The messages of bully mode.

use bully_core as core;
use bully_core::{Config, NackReason};

use super::super::MET_MAX;
use super::super::schema::{self, Kind, reason};
use super::{
    address, foreign_cluster, foreign_mode, in_words, inst_bytes, ip_bytes, micros, mode_number,
    plain,
};

pub(super) fn kind(message: &core::Message) -> Kind {
    match message {
        core::Message::Hello(m) => Kind::Hello(Box::new(hello(m))),
        core::Message::HelloAck(m) => Kind::HelloAck(Box::new(hello(m))),
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
        standing: None,
    }
}

fn nack(nack: &NackReason) -> schema::HelloNack {
    match nack {
        NackReason::ForeignCluster(name) => foreign_cluster(name),
        NackReason::ForeignMode(mode) => foreign_mode(*mode),
        NackReason::Myself => plain(reason::MYSELF),
        NackReason::DuplicateId => plain(reason::DUPLICATE_ID),
        NackReason::Full => plain(reason::FULL),
        NackReason::Leaving => plain(reason::LEAVING),
        NackReason::Other(text) => in_words(text),
        // A reason that the core has learnt and this module has not: its name serves.
        unknown => in_words(&format!("{unknown:?}")),
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
