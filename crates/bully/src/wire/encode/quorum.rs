//! The messages of quorum mode. No list is cut: a roster without some of its voters would be another
//! roster, and the core makes none that is longer than a receiver allows.

use bully_core::quorum::{
    ClusterId, HbAck, Hello, Member, Message, PreVoteResp, Refusal, Roster, RosterId, Stage, Stamp,
    Target, Vote,
};

use super::super::schema::quorum as schema;
use super::super::schema::{self as shared, Kind, reason, stage};
use super::{
    address, foreign_cluster, foreign_mode, in_words, inst_bytes, ip_bytes, micros, mode_number,
    plain,
};

pub(super) fn kind(message: &Message) -> Kind {
    match message {
        Message::Hello(m) => Kind::Hello(Box::new(hello(m))),
        Message::HelloAck(m) => Kind::HelloAck(Box::new(hello(m))),
        Message::HelloNack(m) => Kind::HelloNack(nack(m)),
        Message::PreVote(m) => Kind::PreVote(schema::PreVote {
            roster: Some(roster_id(m.roster)),
            nonce: m.nonce,
            probe: m.probe,
        }),
        Message::PreVoteResp(m) => Kind::PreVoteResp(pre_vote_resp(m)),
        Message::VoteReq(m) => Kind::VoteReq(schema::VoteReq {
            term: m.term.0,
            roster: Some(roster_id(m.roster)),
            stamp: nanos(m.stamp),
        }),
        Message::Vote(m) => Kind::Vote(vote(m)),
        Message::Hb(m) => Kind::Hb(schema::Hb {
            term: m.term.0,
            roster: Some(roster(&m.roster)),
            stamp: nanos(m.stamp),
        }),
        Message::HbAck(m) => Kind::HbAck(hb_ack(m)),
        Message::Reject(m) => {
            Kind::Reject(schema::Reject { term: m.term.0, roster: m.roster.as_deref().map(roster) })
        }
        Message::Release(m) => Kind::Release(schema::Release {
            term: m.term.0,
            target: m.target.as_ref().map(target),
            roster: Some(roster(&m.roster)),
        }),
        Message::Farewell(m) => Kind::Farewell(schema::Farewell {
            cluster_id: cluster_bytes(m.cluster),
            inst: inst_bytes(m.inst),
            term: m.term.0,
        }),
        Message::Join(m) => Kind::Join(cluster(m.cluster)),
        Message::Leave => Kind::QuorumLeave(schema::Leave {}),
        Message::GenesisAccept(m) => Kind::GenesisAccept(schema::GenesisAccept {
            cluster_id: cluster_bytes(m.cluster),
            member: Some(member(&m.member)),
        }),
        Message::Renounce(id) => Kind::Renounce(cluster(*id)),
        Message::Renounced(id) => Kind::Renounced(cluster(*id)),
        Message::Formed(m) => Kind::Formed(schema::Formed {
            cluster_id: cluster_bytes(m.cluster),
            roster: Some(roster(&m.roster)),
        }),
    }
}

fn hello(hello: &Hello) -> shared::Hello {
    let (stage, of) = match hello.stage {
        Stage::Fresh => (stage::FRESH, None),
        Stage::Accepted(cluster) => (stage::ACCEPTED, Some(cluster)),
        Stage::Leaving(cluster) => (stage::LEAVING, Some(cluster)),
        Stage::Formed(cluster) => (stage::FORMED, Some(cluster)),
    };
    let insts = |reached: &Vec<_>| reached.iter().copied().map(inst_bytes).collect();
    let standing = schema::Standing {
        boot: hello.boot.0,
        run: hello.run,
        nonce: hello.nonce,
        stage,
        cluster_id: of.map(cluster_bytes).unwrap_or_default(),
        round: hello.round,
        reached: hello.reached.as_ref().map(|reached| schema::Insts { insts: insts(reached) }),
        roster: hello.roster.as_deref().map(roster),
    };
    let ip = hello.ip.map(ip_bytes).unwrap_or_default();
    shared::Hello {
        cluster: hello.cluster.to_string(),
        mode: mode_number(hello.mode),
        member: Some(shared::Member { ip, ..member(&hello.member) }),
        standing: Some(standing),
        ..Default::default()
    }
}

fn nack(refusal: &Refusal) -> shared::HelloNack {
    match refusal {
        Refusal::ForeignCluster(name) => foreign_cluster(name),
        Refusal::ForeignMode(mode) => foreign_mode(*mode),
        Refusal::SplitClusters(id) => {
            let cluster_id = cluster_bytes(*id);
            shared::HelloNack { cluster_id, ..plain(reason::SPLIT_CLUSTERS) }
        }
        Refusal::Myself => plain(reason::MYSELF),
        Refusal::Copied => plain(reason::COPIED),
        Refusal::Full => plain(reason::FULL),
        Refusal::RolledBack => plain(reason::ROLLED_BACK),
        Refusal::Other(text) => in_words(text),
        // A reason that the core has learnt and this module has not: its name serves.
        unknown => in_words(&format!("{unknown:?}")),
    }
}

/// Rounded down, a candidate asks again up to a microsecond too early, and is refused once more.
fn pre_vote_resp(resp: &PreVoteResp) -> schema::PreVoteResp {
    schema::PreVoteResp {
        nonce: resp.nonce,
        granted: resp.granted,
        term: resp.term.0,
        retry_after_us: micros(resp.retry_after),
        leader: resp.leader.map(inst_bytes).unwrap_or_default(),
        roster: resp.roster.as_deref().map(roster),
    }
}

fn vote(vote: &Vote) -> schema::Vote {
    schema::Vote {
        term: vote.term.0,
        candidate: inst_bytes(vote.candidate),
        stamp: nanos(vote.stamp),
        boot: vote.boot.0,
        lease_us: micros(vote.lease),
    }
}

fn hb_ack(ack: &HbAck) -> schema::HbAck {
    schema::HbAck {
        term: ack.term.0,
        roster: Some(roster_id(ack.roster)),
        stamp: nanos(ack.stamp),
        lease_us: micros(ack.lease),
        sent: nanos(ack.sent),
        unmuted: ack.unmuted,
        wants: ack.wants,
    }
}

fn target(target: &Target) -> schema::Target {
    schema::Target {
        inst: inst_bytes(target.inst),
        stamp: nanos(target.stamp),
        boot: target.boot.0,
    }
}

pub(crate) fn roster(roster: &Roster) -> schema::Roster {
    schema::Roster {
        version: Some(roster_id(roster.version)),
        members: roster.members.iter().map(member).collect(),
        removed: roster.removed.iter().copied().map(inst_bytes).collect(),
    }
}

fn roster_id(id: RosterId) -> schema::RosterId {
    schema::RosterId { term: id.term.0, version: id.version }
}

pub(crate) fn member(member: &Member) -> shared::Member {
    shared::Member {
        id: Some(address(&member.id)),
        priority: u64::from(member.priority),
        inst: inst_bytes(member.inst),
        ..Default::default()
    }
}

fn cluster(id: ClusterId) -> schema::Cluster {
    schema::Cluster { cluster_id: cluster_bytes(id) }
}

pub(crate) fn cluster_bytes(id: ClusterId) -> Vec<u8> {
    id.0.to_be_bytes().into()
}

fn nanos(stamp: Stamp) -> u64 {
    stamp.0.0
}
