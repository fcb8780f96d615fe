//! One message of each kind of quorum mode, with all its fields.

use std::sync::Arc;
use std::time::Duration;

use bully_core::quorum::{
    Boot, ClusterId, Farewell, Formed, GenesisAccept, Hb, HbAck, Hello, Join, Member, Message,
    PreVote, PreVoteResp, Refusal, Reject, Release, Roster, RosterId, Stage, Stamp, Target, Term,
    Vote, VoteReq,
};
use bully_core::{Address, Inst, Mode, Tick};

const TERM: Term = Term(1_795_400_798);
const CLUSTER: ClusterId = ClusterId(0x0f1e_2d3c_4b5a_6978_8796_a5b4_c3d2_e1f0);
const INST: Inst = Inst(0x0011_2233_4455_6677_8899_aabb_ccdd_eeff);
const VERSION: RosterId = RosterId { term: TERM, version: 4 };
/// Of a machine that has been up for a year and a half.
const STAMP: Stamp = Stamp(Tick(47_304_000_123_456_789));
const LEASE: Duration = Duration::from_secs(1);

fn member(inst: u128, id: Address) -> Member {
    Member { inst: Inst(inst), id, priority: 100 }
}

fn roster() -> Arc<Roster> {
    Arc::new(Roster {
        version: VERSION,
        members: vec![
            member(7, Address::new("192.168.1.67", 8117)),
            member(8, Address::new("fe80::1", 1)),
            Member { priority: 0, ..member(INST.0, Address::new("node-3.example", 65_535)) },
        ],
        removed: vec![Inst(5), Inst(6)],
    })
}

fn hello(stage: Stage) -> Hello {
    let is_formed = matches!(stage, Stage::Formed(_));
    Hello {
        cluster: Arc::from("bully"),
        mode: Mode::Quorum,
        member: member(INST.0, Address::new("node-3.example", 8117)),
        ip: Some("10.0.0.3".parse().unwrap()),
        boot: Boot(12),
        run: 0xfedc_ba98_7654_3210,
        nonce: 300,
        stage,
        round: 2,
        reached: (!is_formed).then(|| vec![Inst(7), Inst(8), INST]),
        roster: is_formed.then(roster),
    }
}

fn hellos() -> Vec<(&'static str, Message)> {
    vec![
        ("quorum_hello", Message::Hello(hello(Stage::Formed(CLUSTER)))),
        ("quorum_hello_ack", Message::HelloAck(hello(Stage::Formed(CLUSTER)))),
        ("quorum_hello_fresh", Message::Hello(hello(Stage::Fresh))),
        ("quorum_hello_accepted", Message::Hello(hello(Stage::Accepted(CLUSTER)))),
        ("quorum_hello_leaving", Message::Hello(hello(Stage::Leaving(CLUSTER)))),
        ("quorum_nack_foreign_mode", Message::HelloNack(Refusal::ForeignMode(Mode::Quorum))),
        ("quorum_nack_split_clusters", Message::HelloNack(Refusal::SplitClusters(CLUSTER))),
        ("quorum_nack_copied", Message::HelloNack(Refusal::Copied)),
        ("quorum_nack_rolled_back", Message::HelloNack(Refusal::RolledBack)),
    ]
}

pub(super) fn messages() -> Vec<(&'static str, Message)> {
    let resp = PreVoteResp {
        nonce: 301,
        granted: true,
        term: TERM,
        retry_after: Duration::from_micros(812_345),
        leader: Some(INST),
        roster: Some(roster()),
    };
    let request = VoteReq { term: TERM, roster: VERSION, stamp: STAMP };
    let vote = Vote { term: TERM, candidate: INST, stamp: STAMP, boot: Boot(12), lease: LEASE };
    let ack = HbAck {
        term: TERM,
        roster: VERSION,
        stamp: STAMP,
        lease: LEASE,
        sent: Stamp(Tick(u64::MAX)),
        unmuted: true,
        wants: true,
    };
    let target = Some(Target { inst: INST, stamp: STAMP, boot: Boot(12) });
    let accept = GenesisAccept { cluster: CLUSTER, member: roster().members[1].clone() };
    let mut messages = hellos();
    messages.extend([
        ("quorum_pre_vote", Message::PreVote(PreVote { roster: VERSION, nonce: 301, probe: true })),
        ("quorum_pre_vote_resp", Message::PreVoteResp(resp)),
        ("quorum_vote_req", Message::VoteReq(request)),
        ("quorum_vote", Message::Vote(vote)),
        ("quorum_hb", Message::Hb(Hb { term: TERM, roster: roster(), stamp: STAMP })),
        ("quorum_hb_ack", Message::HbAck(ack)),
        ("quorum_reject", Message::Reject(Reject { term: TERM, roster: Some(roster()) })),
        ("quorum_release", Message::Release(Release { term: TERM, target, roster: roster() })),
        (
            "quorum_farewell",
            Message::Farewell(Farewell { cluster: CLUSTER, inst: INST, term: TERM }),
        ),
        ("quorum_join", Message::Join(Join { cluster: CLUSTER })),
        ("quorum_leave", Message::Leave),
        ("quorum_genesis_accept", Message::GenesisAccept(accept)),
        ("quorum_renounce", Message::Renounce(CLUSTER)),
        ("quorum_renounced", Message::Renounced(CLUSTER)),
        ("quorum_formed", Message::Formed(Formed { cluster: CLUSTER, roster: roster() })),
    ]);
    messages
}
