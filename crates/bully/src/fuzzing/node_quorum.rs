//! A node of quorum mode.

use std::sync::Arc;
use std::time::Duration;

use bully_core::quorum::{
    self, Boot, ClusterId, Config, Farewell, Formed, GenesisAccept, Hb, HbAck, Hello, Join, Member,
    Message, PreVote, PreVoteResp, Refusal, Reject, Release, Roster, RosterId, Stage, Stamp,
    Stored, Target, Term, Vote, VoteReq,
};
use bully_core::{Address, Inst, Mode, NUMBER_MAX, Tick};

use super::bytes::Bytes;
use super::drive::{Peers, act, live};
use crate::node::Node;
use crate::wire;

const PEERS: Peers = Peers {
    mode: Mode::Quorum,
    hello: |bytes| Message::Hello(hello(bytes)).into(),
    message: |bytes| message(bytes).into(),
    answer: |bytes, message| match message {
        wire::Message::Quorum(message) => answer(bytes, message).map(Into::into),
        wire::Message::Bully(_) => None,
    },
    leap: |most, wall_ms| (most.max(wall_ms / 1_000) + Term::LEAP_MAX).min(NUMBER_MAX),
};

/// The cluster of the record that most lives begin from.
const CLUSTER: ClusterId = ClusterId(77);
const LEASE: Duration = Duration::from_secs(1);

pub(super) fn run(data: &[u8]) {
    let mut bytes = Bytes(data);
    let places: Vec<Address> = (0..3).map(place).take(1 + bytes.below(3)).collect();
    let config = Config {
        cluster: Arc::from("bully"),
        id: places[0].clone(),
        ip: None,
        fresh: Inst(0),
        places: places.clone(),
        priority: bytes.priority(),
        preempt: bytes.flag(),
        heartbeat: Duration::from_millis(150),
        lease: LEASE,
        guardian: bytes.flag(),
        moved: true,
    };
    let stored = match bytes.below(4) {
        0 => None,
        1 => crate::store::fuzz::read(bytes.frame()),
        _ => Some(formed(&mut bytes)),
    };
    let most = stored.as_ref().map_or(0, |stored| stored.term.0.max(stored.roster.version.term.0));
    let node = quorum::Node::new(config, stored, 1).expect("a sound configuration");
    live(Node::Quorum(node), &places, most, bytes, &PEERS);
}

/// Lives in which golden frames are said to a node with a record, or with none, by a member.
pub(super) fn seeds(frames: &[Vec<u8>]) -> Vec<Vec<u8>> {
    // Three places, priority 100, preempt, no guardian; then the record.
    let fresh: &[u8] = &[2, 3, 1, 0, 0];
    let member: &[u8] = &[2, 3, 1, 0, 2, 2, 5];
    let begin: &[u8] = &[act::WRITTEN, act::DIAL_ANSWERED, act::DIAL_ANSWERED, act::ANSWER, 0, 1];
    let pause: &[u8] = &[act::WAIT, 5, act::WRITTEN, act::TIMEOUT, act::WRITTEN, act::ANSWER, 0];
    let mut seeds = Vec::new();
    for setup in [fresh, member] {
        for frame in frames {
            let mut life = [setup, begin, pause, pause].concat();
            for frame in [&frames[0], frame] {
                life.extend([&[act::ACCEPT_WIRE], &frame[..]].concat());
                life.extend([&[act::MESSAGE_WIRE, 0], &frame[..], pause].concat());
            }
            life.extend([act::REFLECT, 0, act::ANSWER, 1, act::TIMEOUT, act::STOPPED]);
            life.extend([act::LINK_DOWN, 0, act::CHANGE, 0, act::WAIT, 5, act::LEAVE]);
            seeds.push(life);
        }
    }
    seeds
}

/// Where the founders are, by their instances.
fn place(n: u8) -> Address {
    Address::new(format!("192.168.1.{}", 67 + n).as_str(), 8_117)
}

/// The record of a member.
fn formed(bytes: &mut Bytes<'_>) -> Stored {
    let count = u8::try_from(1 + bytes.below(4)).unwrap_or(1);
    let term = Term(bytes.number());
    let founder = |n: u8| Member { inst: Inst(n.into()), id: place(n), priority: 100 };
    let roster = Roster {
        version: RosterId { term, version: 1 },
        members: (0..count).map(founder).collect(),
        removed: Vec::new(),
    };
    Stored {
        inst: Inst(0),
        boot: Boot(1),
        id: place(0),
        cluster: Some(CLUSTER),
        term,
        voted_for: None,
        roster: Arc::new(roster),
        lease_max: LEASE,
        round: 0,
        accept: None,
        leaving: None,
    }
}

fn roster_id(bytes: &mut Bytes<'_>) -> RosterId {
    RosterId { term: Term(bytes.number()), version: bytes.number() }
}

/// Sorted most of the time.
fn roster(bytes: &mut Bytes<'_>) -> Arc<Roster> {
    let mut members = bytes.list(5, member);
    if bytes.byte() < 250 {
        members.sort();
        members.dedup_by_key(|member| member.inst);
    }
    let removed = bytes.list(3, Bytes::inst);
    Arc::new(Roster { version: roster_id(bytes), members, removed })
}

fn member(bytes: &mut Bytes<'_>) -> Member {
    let inst = bytes.inst();
    let known = u8::try_from(inst.0).ok().filter(|_| bytes.byte() < 200);
    Member { inst, id: known.map_or_else(|| bytes.address(), place), priority: bytes.priority() }
}

fn stamp(bytes: &mut Bytes<'_>) -> Stamp {
    Stamp(Tick(bytes.number()))
}

fn cluster(bytes: &mut Bytes<'_>) -> ClusterId {
    if bytes.byte() < 200 { CLUSTER } else { ClusterId(bytes.byte().into()) }
}

fn hello(bytes: &mut Bytes<'_>) -> Hello {
    Hello {
        cluster: Arc::from(if bytes.byte() < 250 { "bully" } else { "other" }),
        mode: Mode::Quorum,
        member: member(bytes),
        ip: bytes.maybe(Bytes::ip),
        boot: Boot(bytes.number()),
        run: bytes.number(),
        nonce: bytes.number(),
        stage: match bytes.below(5) {
            0 => Stage::Fresh,
            1 => Stage::Accepted(cluster(bytes)),
            2 => Stage::Leaving(cluster(bytes)),
            _ => Stage::Formed(cluster(bytes)),
        },
        round: bytes.number(),
        reached: bytes.maybe(|bytes| bytes.list(5, Bytes::inst)),
        roster: bytes.maybe(roster),
    }
}

fn message(bytes: &mut Bytes<'_>) -> Message {
    match bytes.below(18) {
        0 => Message::PreVote(PreVote {
            roster: roster_id(bytes),
            nonce: bytes.number(),
            probe: bytes.flag(),
        }),
        1 => Message::PreVoteResp(pre_vote_resp(bytes, 0)),
        2 => Message::VoteReq(VoteReq {
            term: Term(bytes.number()),
            roster: roster_id(bytes),
            stamp: stamp(bytes),
        }),
        3 => {
            let (term, stamp) = (Term(bytes.number()), stamp(bytes));
            Message::Vote(vote(bytes, term, stamp))
        }
        4 => Message::Hb(Hb {
            term: Term(bytes.number()),
            roster: roster(bytes),
            stamp: stamp(bytes),
        }),
        5 => {
            let (term, roster, stamp) = (Term(bytes.number()), roster_id(bytes), stamp(bytes));
            Message::HbAck(hb_ack(bytes, term, roster, stamp))
        }
        6 => Message::Reject(Reject { term: Term(bytes.number()), roster: bytes.maybe(roster) }),
        7 => Message::Release(release(bytes)),
        8 => Message::Farewell(Farewell {
            cluster: cluster(bytes),
            inst: bytes.inst(),
            term: Term(bytes.number()),
        }),
        9 => Message::Join(Join { cluster: cluster(bytes) }),
        10 => Message::Leave,
        11 => {
            Message::GenesisAccept(GenesisAccept { cluster: cluster(bytes), member: member(bytes) })
        }
        12 => Message::Renounce(cluster(bytes)),
        13 => Message::Renounced(cluster(bytes)),
        14 => Message::Formed(Formed { cluster: cluster(bytes), roster: roster(bytes) }),
        15 => Message::Hello(hello(bytes)),
        16 => Message::HelloAck(hello(bytes)),
        _ => Message::HelloNack(match bytes.below(6) {
            0 => Refusal::ForeignCluster(Arc::from("other")),
            1 => Refusal::SplitClusters(cluster(bytes)),
            2 => Refusal::Myself,
            3 => Refusal::Copied,
            4 => Refusal::RolledBack,
            _ => Refusal::Full,
        }),
    }
}

fn pre_vote_resp(bytes: &mut Bytes<'_>, nonce: u64) -> PreVoteResp {
    PreVoteResp {
        nonce,
        granted: bytes.flag(),
        term: Term(bytes.number()),
        retry_after: Duration::from_millis(bytes.byte().into()),
        leader: bytes.maybe(Bytes::inst),
        roster: bytes.maybe(roster),
    }
}

fn vote(bytes: &mut Bytes<'_>, term: Term, stamp: Stamp) -> Vote {
    let lease = [LEASE, Duration::ZERO, Config::LEASE_MAX, Config::LEASE_MAX * 9];
    Vote {
        term,
        candidate: Inst(u128::from(bytes.byte() / 128)),
        stamp,
        boot: Boot(bytes.number()),
        lease: lease[bytes.below(4)],
    }
}

fn hb_ack(bytes: &mut Bytes<'_>, term: Term, roster: RosterId, echoed: Stamp) -> HbAck {
    HbAck {
        term,
        roster,
        stamp: echoed,
        lease: if bytes.byte() < 200 { LEASE } else { Config::LEASE_MAX * 9 },
        sent: stamp(bytes),
        unmuted: bytes.flag(),
        wants: bytes.flag(),
    }
}

fn release(bytes: &mut Bytes<'_>) -> Release {
    let target = |bytes: &mut Bytes<'_>| Target {
        inst: bytes.inst(),
        stamp: stamp(bytes),
        boot: Boot(bytes.number()),
    };
    Release { term: Term(bytes.number()), target: bytes.maybe(target), roster: roster(bytes) }
}

/// As a peer would answer that makes up the rest.
fn answer(bytes: &mut Bytes<'_>, message: &Message) -> Option<Message> {
    Some(match message {
        // Of its own cluster, whichever that is.
        Message::Hello(said) => {
            let Hello { stage, roster, .. } = said.clone();
            Message::HelloAck(Hello { stage, roster, nonce: said.nonce, ..hello(bytes) })
        }
        Message::PreVote(asked) => Message::PreVoteResp(pre_vote_resp(bytes, asked.nonce)),
        Message::VoteReq(asked) => Message::Vote(vote(bytes, asked.term, asked.stamp)),
        Message::Hb(hb) => Message::HbAck(hb_ack(bytes, hb.term, hb.roster.version, hb.stamp)),
        Message::HbAck(ack) => {
            let term = Term((ack.term.0 + u64::from(bytes.byte() & 1)).min(NUMBER_MAX));
            Message::Hb(Hb { term, roster: roster(bytes), stamp: stamp(bytes) })
        }
        Message::Vote(vote) => {
            Message::Hb(Hb { term: vote.term, roster: roster(bytes), stamp: stamp(bytes) })
        }
        Message::GenesisAccept(accept) => {
            Message::GenesisAccept(GenesisAccept { cluster: accept.cluster, member: member(bytes) })
        }
        Message::Renounce(cluster) => Message::Renounced(*cluster),
        _ => return None,
    })
}
