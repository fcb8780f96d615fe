//! The messages of quorum mode.

use std::sync::Arc;

use bully_core::quorum::{
    Boot, Farewell, Formed, GenesisAccept, Hb, HbAck, Hello, Join, Member, Message, PreVote,
    PreVoteResp, Refusal, Reject, Release, Roster, RosterId, Stage, Stamp, Target, Term, Vote,
    VoteReq,
};
use bully_core::{Config, Inst, Mode, Tick};

use super::super::schema::quorum as schema;
use super::super::schema::{self as shared, Kind, reason, stage};
use super::check::{
    DecodeError, Expected, address, bounds, cluster, cluster_id, count, duration, inst, ip, mode,
    need, number, reason_in_words, small,
};

/// What a kind says; none for one that quorum mode does not speak.
pub(super) fn message(kind: Kind) -> Result<Option<Message>, DecodeError> {
    Ok(Some(match kind {
        Kind::Hello(m) => Message::Hello(hello(*m)?),
        Kind::HelloAck(m) => Message::HelloAck(hello(*m)?),
        Kind::HelloNack(m) => Message::HelloNack(nack(&m)?),
        Kind::PreVote(m) => Message::PreVote(PreVote {
            roster: roster_id(&need("roster", m.roster)?)?,
            nonce: m.nonce,
            probe: m.probe,
        }),
        Kind::PreVoteResp(m) => Message::PreVoteResp(pre_vote_resp(m)?),
        Kind::VoteReq(m) => Message::VoteReq(VoteReq {
            term: term(m.term)?,
            roster: roster_id(&need("roster", m.roster)?)?,
            stamp: stamp(m.stamp),
        }),
        Kind::Vote(m) => Message::Vote(vote(&m)?),
        Kind::Hb(m) => Message::Hb(Hb {
            term: term(m.term)?,
            roster: roster(need("roster", m.roster)?)?,
            stamp: stamp(m.stamp),
        }),
        Kind::HbAck(m) => Message::HbAck(hb_ack(m)?),
        Kind::Reject(m) => Message::Reject(Reject {
            term: term(m.term)?,
            roster: m.roster.map(roster).transpose()?,
        }),
        Kind::Release(m) => Message::Release(Release {
            term: term(m.term)?,
            target: m.target.as_ref().map(target).transpose()?,
            roster: roster(need("roster", m.roster)?)?,
        }),
        Kind::Farewell(m) => Message::Farewell(Farewell {
            cluster: cluster_id(&m.cluster_id)?,
            inst: inst(&m.inst)?,
            term: term(m.term)?,
        }),
        Kind::Join(m) => Message::Join(Join { cluster: cluster_id(&m.cluster_id)? }),
        Kind::QuorumLeave(_) => Message::Leave,
        Kind::GenesisAccept(m) => Message::GenesisAccept(GenesisAccept {
            cluster: cluster_id(&m.cluster_id)?,
            member: member(need("member", m.member)?)?,
        }),
        Kind::Renounce(m) => Message::Renounce(cluster_id(&m.cluster_id)?),
        Kind::Renounced(m) => Message::Renounced(cluster_id(&m.cluster_id)?),
        Kind::Formed(m) => Message::Formed(Formed {
            cluster: cluster_id(&m.cluster_id)?,
            roster: roster(need("roster", m.roster)?)?,
        }),
        _ => return Ok(None),
    }))
}

/// Of one of another mode, which will be refused, only who speaks is read.
fn hello(hello: shared::Hello) -> Result<Hello, DecodeError> {
    let mode = mode(hello.mode)?;
    let standing = match mode {
        Mode::Quorum => need("standing", hello.standing)?,
        _ => schema::Standing::default(),
    };
    let speaker = need("member", hello.member)?;
    Ok(Hello {
        cluster: cluster(&hello.cluster)?,
        mode,
        ip: if speaker.ip.is_empty() { None } else { Some(ip(&speaker.ip)?) },
        member: member(speaker)?,
        boot: boot(standing.boot)?,
        run: standing.run,
        nonce: standing.nonce,
        stage: stage(&standing)?,
        round: number("round", standing.round)?,
        reached: standing.reached.map(|reached| reached_of(&reached)).transpose()?,
        roster: standing.roster.map(roster).transpose()?,
    })
}

fn stage(standing: &schema::Standing) -> Result<Stage, DecodeError> {
    let cluster = || cluster_id(&standing.cluster_id);
    Ok(match standing.stage {
        stage::FRESH => Stage::Fresh,
        stage::ACCEPTED => Stage::Accepted(cluster()?),
        stage::LEAVING => Stage::Leaving(cluster()?),
        stage::FORMED => Stage::Formed(cluster()?),
        other => return Err(bounds("stage", other, Expected::Range(0, stage::FORMED))),
    })
}

/// Whoever lists as many nodes as may vote reaches no more than that.
fn reached_of(reached: &schema::Insts) -> Result<Vec<Inst>, DecodeError> {
    count("reached", reached.insts.len(), Roster::MEMBERS_MAX)?;
    reached.insts.iter().map(|bytes| inst(bytes)).collect()
}

fn nack(nack: &shared::HelloNack) -> Result<Refusal, DecodeError> {
    Ok(match nack.reason {
        reason::FOREIGN_CLUSTER => Refusal::ForeignCluster(cluster(&nack.text)?),
        reason::FOREIGN_MODE => match mode(nack.mode) {
            Ok(mode) => Refusal::ForeignMode(mode),
            Err(_) => Refusal::Other(reason_in_words(nack)?),
        },
        reason::MYSELF => Refusal::Myself,
        reason::FULL => Refusal::Full,
        reason::SPLIT_CLUSTERS => Refusal::SplitClusters(cluster_id(&nack.cluster_id)?),
        reason::COPIED => Refusal::Copied,
        reason::ROLLED_BACK => Refusal::RolledBack,
        _ => Refusal::Other(reason_in_words(nack)?),
    })
}

fn pre_vote_resp(resp: schema::PreVoteResp) -> Result<PreVoteResp, DecodeError> {
    Ok(PreVoteResp {
        nonce: resp.nonce,
        granted: resp.granted,
        term: term(resp.term)?,
        retry_after: duration("retry_after", resp.retry_after_us)?,
        leader: if resp.leader.is_empty() { None } else { Some(inst(&resp.leader)?) },
        roster: resp.roster.map(roster).transpose()?,
    })
}

fn vote(vote: &schema::Vote) -> Result<Vote, DecodeError> {
    Ok(Vote {
        term: term(vote.term)?,
        candidate: inst(&vote.candidate)?,
        stamp: stamp(vote.stamp),
        boot: boot(vote.boot)?,
        lease: duration("lease", vote.lease_us)?,
    })
}

fn hb_ack(ack: schema::HbAck) -> Result<HbAck, DecodeError> {
    Ok(HbAck {
        term: term(ack.term)?,
        roster: roster_id(&need("roster", ack.roster)?)?,
        stamp: stamp(ack.stamp),
        lease: duration("lease", ack.lease_us)?,
        sent: stamp(ack.sent),
        unmuted: ack.unmuted,
        wants: ack.wants,
    })
}

fn target(target: &schema::Target) -> Result<Target, DecodeError> {
    Ok(Target { inst: inst(&target.inst)?, stamp: stamp(target.stamp), boot: boot(target.boot)? })
}

/// Its size is bounded here; whether it makes sense as a whole is the core's to say.
pub(crate) fn roster(roster: schema::Roster) -> Result<Arc<Roster>, DecodeError> {
    count("members", roster.members.len(), Roster::MEMBERS_MAX)?;
    count("removed", roster.removed.len(), Roster::REMOVED_MAX)?;
    Ok(Arc::new(Roster {
        version: roster_id(&need("version", roster.version)?)?,
        members: roster.members.into_iter().map(member).collect::<Result<_, _>>()?,
        removed: roster.removed.iter().map(|bytes| inst(bytes)).collect::<Result<_, _>>()?,
    }))
}

fn roster_id(id: &schema::RosterId) -> Result<RosterId, DecodeError> {
    Ok(RosterId { term: term(id.term)?, version: number("version", id.version)? })
}

pub(crate) fn member(member: shared::Member) -> Result<Member, DecodeError> {
    Ok(Member {
        inst: inst(&member.inst)?,
        id: address(need("id", member.id)?)?,
        priority: small("priority", member.priority, Config::PRIORITY_MAX)?,
    })
}

fn term(value: u64) -> Result<Term, DecodeError> {
    number("term", value).map(Term)
}

fn boot(value: u64) -> Result<Boot, DecodeError> {
    number("boot", value).map(Boot)
}

/// Every number is a moment: see the schema.
fn stamp(nanos: u64) -> Stamp {
    Stamp(Tick(nanos))
}
