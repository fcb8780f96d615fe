//! Any message of quorum mode.

use std::sync::Arc;

use bully_core::Tick;
use bully_core::quorum::{
    Boot, ClusterId, Farewell, Formed, GenesisAccept, Hb, HbAck, Hello, Join, Member, Message,
    PreVote, PreVoteResp, Refusal, Reject, Release, Roster, RosterId, Stage, Stamp, Target, Term,
    Vote, VoteReq,
};

use super::*;

fn term() -> impl Strategy<Value = Term> {
    number().prop_map(Term)
}

fn boot() -> impl Strategy<Value = Boot> {
    number().prop_map(Boot)
}

fn stamp() -> impl Strategy<Value = Stamp> {
    prop_oneof![any::<u64>(), Just(u64::MAX)].prop_map(|nanos| Stamp(Tick(nanos)))
}

fn cluster_id() -> impl Strategy<Value = ClusterId> {
    any::<u128>().prop_map(ClusterId)
}

fn member() -> BoxedStrategy<Member> {
    (inst(), address(), priority())
        .prop_map(|(inst, id, priority)| Member { inst, id, priority })
        .boxed()
}

fn roster_id() -> impl Strategy<Value = RosterId> {
    (term(), number()).prop_map(|(term, version)| RosterId { term, version })
}

fn roster() -> BoxedStrategy<Arc<Roster>> {
    (roster_id(), vec(member(), 0..5), vec(inst(), 0..3))
        .prop_map(|(version, members, removed)| Arc::new(Roster { version, members, removed }))
        .boxed()
}

fn stage() -> impl Strategy<Value = Stage> {
    prop_oneof![
        Just(Stage::Fresh),
        cluster_id().prop_map(Stage::Accepted),
        cluster_id().prop_map(Stage::Leaving),
        cluster_id().prop_map(Stage::Formed),
    ]
}

fn hello() -> BoxedStrategy<Hello> {
    let speaker = (cluster(), member(), option::of(ip()), boot());
    let numbers = (any::<u64>(), any::<u64>(), number());
    let lists = (option::of(vec(inst(), 0..5)), option::of(roster()));
    (speaker, numbers, stage(), lists)
        .prop_map(|((cluster, member, ip, boot), (run, nonce, round), stage, (reached, roster))| {
            let (cluster, mode) = (cluster.into(), Mode::Quorum);
            Hello { cluster, mode, member, ip, boot, run, nonce, stage, round, reached, roster }
        })
        .boxed()
}

fn refusal() -> BoxedStrategy<Refusal> {
    prop_oneof![
        cluster().prop_map(|name| Refusal::ForeignCluster(name.into())),
        mode().prop_map(Refusal::ForeignMode),
        cluster_id().prop_map(Refusal::SplitClusters),
        Just(Refusal::Myself),
        Just(Refusal::Copied),
        Just(Refusal::Full),
        Just(Refusal::RolledBack),
        "[a-zA-Z ü]{1,100}".prop_map(|words| Refusal::Other(words.into())),
    ]
    .boxed()
}

fn pre_vote_resp() -> BoxedStrategy<PreVoteResp> {
    let promised = (any::<u64>(), any::<bool>(), term(), duration());
    (promised, option::of(inst()), option::of(roster()))
        .prop_map(|((nonce, granted, term, retry_after), leader, roster)| PreVoteResp {
            nonce,
            granted,
            term,
            retry_after,
            leader,
            roster,
        })
        .boxed()
}

fn hb_ack() -> BoxedStrategy<HbAck> {
    let flags = (any::<bool>(), any::<bool>());
    (term(), roster_id(), stamp(), duration(), stamp(), flags)
        .prop_map(|(term, roster, stamp, lease, sent, (unmuted, wants))| HbAck {
            term,
            roster,
            stamp,
            lease,
            sent,
            unmuted,
            wants,
        })
        .boxed()
}

/// PreVote to Vote.
fn election() -> BoxedStrategy<Message> {
    prop_oneof![
        (roster_id(), any::<u64>(), any::<bool>())
            .prop_map(|(roster, nonce, probe)| Message::PreVote(PreVote { roster, nonce, probe })),
        pre_vote_resp().prop_map(Message::PreVoteResp),
        (term(), roster_id(), stamp())
            .prop_map(|(term, roster, stamp)| Message::VoteReq(VoteReq { term, roster, stamp })),
        (term(), inst(), stamp(), boot(), duration()).prop_map(
            |(term, candidate, stamp, boot, lease)| {
                Message::Vote(Vote { term, candidate, stamp, boot, lease })
            }
        ),
    ]
    .boxed()
}

/// Hb to Farewell.
fn reign() -> BoxedStrategy<Message> {
    let target = (inst(), stamp(), boot());
    let target = target.prop_map(|(inst, stamp, boot)| Target { inst, stamp, boot });
    prop_oneof![
        (term(), roster(), stamp()).prop_map(|(term, roster, stamp)| Message::Hb(Hb {
            term,
            roster,
            stamp
        })),
        hb_ack().prop_map(Message::HbAck),
        (term(), option::of(roster()))
            .prop_map(|(term, roster)| Message::Reject(Reject { term, roster })),
        (term(), option::of(target), roster())
            .prop_map(|(term, target, roster)| Message::Release(Release { term, target, roster })),
        (cluster_id(), inst(), term())
            .prop_map(|(cluster, inst, term)| Message::Farewell(Farewell { cluster, inst, term })),
    ]
    .boxed()
}

/// Join to Formed.
fn membership() -> BoxedStrategy<Message> {
    prop_oneof![
        cluster_id().prop_map(|cluster| Message::Join(Join { cluster })),
        Just(Message::Leave),
        (cluster_id(), member()).prop_map(|(cluster, member)| Message::GenesisAccept(
            GenesisAccept { cluster, member }
        )),
        cluster_id().prop_map(Message::Renounce),
        cluster_id().prop_map(Message::Renounced),
        (cluster_id(), roster())
            .prop_map(|(cluster, roster)| Message::Formed(Formed { cluster, roster })),
    ]
    .boxed()
}

pub(super) fn message() -> BoxedStrategy<Message> {
    prop_oneof![
        1 => hello().prop_map(Message::Hello),
        1 => hello().prop_map(Message::HelloAck),
        1 => refusal().prop_map(Message::HelloNack),
        4 => election(),
        5 => reign(),
        6 => membership(),
    ]
    .boxed()
}
