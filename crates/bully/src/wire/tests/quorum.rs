//! Quorum mode: bounds, what is carried whole, and what is refused.

use std::time::Duration;

use bully_core::quorum::{
    Boot, ClusterId, Formed, Hb, HbAck, Hello, Join, Member, Message, PreVote, PreVoteResp,
    Refusal, Reject, Release, Roster, RosterId, Stage, Stamp, Target, Term, Vote, VoteReq,
};
use bully_core::{Inst, Mode, NUMBER_MAX, Tick};

use super::*;

fn read(frame: &[u8]) -> Message {
    match super::read(frame, Mode::Quorum) {
        Ok(Some(Packet::Message(super::Message::Quorum(message)))) => message,
        other => panic!("{other:?}"),
    }
}

fn round_trip(message: Message) -> Message {
    read(&framed(message))
}

fn largest_member(i: usize) -> Member {
    let inst = Inst(u128::MAX - u128::try_from(i).unwrap());
    Member { inst, id: longest_name(i), priority: 1_000 }
}

/// As many voters and removed ones as there may be, with the longest names.
fn largest_roster() -> std::sync::Arc<Roster> {
    std::sync::Arc::new(Roster {
        version: RosterId { term: Term(NUMBER_MAX), version: NUMBER_MAX },
        members: (0..Roster::MEMBERS_MAX).map(largest_member).collect(),
        removed: vec![Inst(u128::MAX); Roster::REMOVED_MAX],
    })
}

fn largest_hello() -> Hello {
    Hello {
        cluster: "c".repeat(CLUSTER_MAX).into(),
        mode: Mode::Quorum,
        member: largest_member(0),
        ip: Some("ffff:ffff::1".parse().unwrap()),
        boot: Boot(NUMBER_MAX),
        run: u64::MAX,
        nonce: u64::MAX,
        stage: Stage::Formed(ClusterId(u128::MAX)),
        round: NUMBER_MAX,
        reached: Some(vec![Inst(u128::MAX); Roster::MEMBERS_MAX]),
        roster: Some(largest_roster()),
    }
}

#[test]
fn the_largest_hello_fits_a_strangers_frame_and_loses_nothing() {
    let hello = Message::Hello(largest_hello());
    let whole = framed(hello.clone());
    assert!(whole.len() > 8 * 1024, "the longest names: {}", whole.len());
    assert!(whole.len() - PREFIX_LEN < FRAME_MAX_STRANGER / 4, "{}", whole.len());
    assert_eq!(read(&whole), hello);
}

#[test]
fn the_largest_rosters_are_carried_whole() {
    let (term, roster) = (Term(NUMBER_MAX), largest_roster());
    let target = Target { inst: Inst(1), stamp: Stamp(Tick(u64::MAX)), boot: Boot(1) };
    let cluster = ClusterId(1);
    for message in [
        Message::HelloAck(largest_hello()),
        Message::Hb(Hb { term, roster: roster.clone(), stamp: Stamp(Tick(u64::MAX)) }),
        Message::Reject(Reject { term, roster: Some(roster.clone()) }),
        Message::Release(Release { term, target: Some(target), roster: roster.clone() }),
        Message::Formed(Formed { cluster, roster }),
    ] {
        assert_eq!(round_trip(message.clone()), message);
    }
}

/// It comes back to its writer, whose lease is counted from it.
#[test]
fn a_stamp_comes_back_to_the_nanosecond_however_long_a_machine_has_been_up() {
    for nanos in [0, 1, (1 << 53) - 1, (1 << 53) + 1, u64::MAX - 1, u64::MAX] {
        let (term, roster, stamp) = (Term(7), RosterId::default(), Stamp(Tick(nanos)));
        let lease = Duration::from_secs(1);
        let (sent, unmuted, wants) = (stamp, true, false);
        let (candidate, boot) = (Inst(2), Boot(3));
        for message in [
            Message::VoteReq(VoteReq { term, roster, stamp }),
            Message::Vote(Vote { term, candidate, stamp, boot, lease }),
            Message::Hb(Hb { term, roster: largest_roster(), stamp }),
            Message::HbAck(HbAck { term, roster, stamp, lease, sent, unmuted, wants }),
        ] {
            assert_eq!(round_trip(message.clone()), message);
        }
    }
}

fn vote(lease: Duration) -> Message {
    let stamp = Stamp(Tick(1));
    Message::Vote(Vote { term: Term(7), candidate: Inst(2), stamp, boot: Boot(3), lease })
}

fn leases_said(lease: Duration) -> [Duration; 2] {
    let (term, roster, stamp) = (Term(7), RosterId::default(), Stamp(Tick(1)));
    let (sent, unmuted, wants) = (stamp, true, false);
    let ack = Message::HbAck(HbAck { term, roster, stamp, lease, sent, unmuted, wants });
    match (round_trip(vote(lease)), round_trip(ack)) {
        (Message::Vote(vote), Message::HbAck(ack)) => [vote.lease, ack.lease],
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_lease_is_said_as_it_is_or_shorter_and_never_longer() {
    let nanos = Duration::from_nanos;
    for (lease, said) in [
        (nanos(1_000_000_000), nanos(1_000_000_000)),
        (nanos(40_000_001), nanos(40_000_000)),
        (nanos(40_000_999), nanos(40_000_000)),
        (nanos(999), nanos(0)),
        (Duration::MAX, DURATION_MAX),
    ] {
        assert_eq!(leases_said(lease), [said; 2], "{lease:?}");
    }
}

proptest! {
    #[test]
    fn no_lease_is_said_to_be_longer_than_it_is(
        nanos in prop_oneof![0..120_000_000_000_u64, any::<u64>()],
    ) {
        let lease = Duration::from_nanos(nanos);
        for said in leases_said(lease) {
            prop_assert!(said <= lease);
            prop_assert!(lease.min(DURATION_MAX) < said + Duration::from_micros(1));
        }
    }
}

#[test]
fn nobody_is_said_otherwise_than_a_node_of_number_zero() {
    for leader in [None, Some(Inst(0))] {
        let message = Message::PreVoteResp(PreVoteResp {
            nonce: 1,
            granted: false,
            term: Term(1),
            retry_after: Duration::ZERO,
            leader,
            roster: None,
        });
        assert_eq!(round_trip(message.clone()), message);
    }
    for reached in [None, Some(Vec::new())] {
        let message = Message::Hello(Hello { reached, ..largest_hello() });
        assert_eq!(round_trip(message.clone()), message);
    }
}

/// A valid Hello, broken by a hand, and what is said of it.
fn broken(damage: impl FnOnce(&mut schema::Hello, &mut schema::quorum::Standing)) -> String {
    let mut kind = kind_of(Message::Hello(largest_hello()));
    let schema::Kind::Hello(hello) = &mut kind else { panic!("a Hello") };
    let mut standing = hello.standing.take().unwrap();
    damage(hello, &mut standing);
    hello.standing = Some(standing);
    super::hear(kind, Mode::Quorum).unwrap_err()
}

fn reached(standing: &mut schema::quorum::Standing) -> &mut Vec<Vec<u8>> {
    &mut standing.reached.as_mut().unwrap().insts
}

fn roster(standing: &mut schema::quorum::Standing) -> &mut schema::quorum::Roster {
    standing.roster.as_mut().unwrap()
}

#[test]
fn a_hello_that_no_node_says_is_refused_with_what_was_expected() {
    let number = |field: &str| format!("{field} {}, expected 0 to {NUMBER_MAX}", NUMBER_MAX + 1);
    assert_eq!(broken(|_, s| s.boot = NUMBER_MAX + 1), number("boot"));
    assert_eq!(broken(|_, s| s.round = NUMBER_MAX + 1), number("round"));
    assert_eq!(broken(|_, s| s.stage = 4), "stage 4, expected 0 to 3");
    assert_eq!(broken(|_, s| s.cluster_id = vec![1]), "cluster_id of length 1, expected 16");
    assert_eq!(broken(|_, s| s.cluster_id.clear()), "cluster_id of length 0, expected 16");
    let too_many = broken(|_, s| reached(s).push(vec![0; 16]));
    assert_eq!(too_many, "reached 32, expected 0 to 31");
    assert_eq!(broken(|_, s| reached(s)[7].push(0)), "inst of length 17, expected 16");
    let too_many = broken(|_, s| {
        let member = roster(s).members[0].clone();
        roster(s).members.push(member);
    });
    assert_eq!(too_many, "members 32, expected 0 to 31");
    let too_many = broken(|_, s| roster(s).removed.push(vec![0; 16]));
    assert_eq!(too_many, "removed 33, expected 0 to 32");
    assert_eq!(broken(|_, s| roster(s).removed[3].clear()), "inst of length 0, expected 16");
    assert_eq!(broken(|_, s| roster(s).version = None), "without version");
    let version = |s: &mut schema::quorum::Standing, term, version| {
        roster(s).version = Some(schema::quorum::RosterId { term, version });
    };
    assert_eq!(broken(|_, s| version(s, NUMBER_MAX + 1, 0)), number("term"));
    assert_eq!(broken(|_, s| version(s, 0, NUMBER_MAX + 1)), number("version"));
    let priority = broken(|_, s| roster(s).members[1].priority = 1_001);
    assert_eq!(priority, "priority 1001, expected 0 to 1000");
    assert_eq!(broken(|_, s| roster(s).members[1].id = None), "without id");
    assert_eq!(broken(|h, _| h.member = None), "without member");
    assert_eq!(broken(|h, _| h.cluster.clear()), "without cluster");
    assert_eq!(broken(|h, _| h.mode = 0), "without mode");
    let ip = broken(|h, _| h.member.as_mut().unwrap().ip = vec![0; 5]);
    assert_eq!(ip, "ip of length 5, expected 4 or 16");
    let mut alone = kind_of(Message::Hello(largest_hello()));
    let schema::Kind::Hello(hello) = &mut alone else { panic!("a Hello") };
    hello.standing = None;
    assert_eq!(super::hear(alone, Mode::Quorum).unwrap_err(), "without standing");
}

#[test]
fn a_message_that_no_node_sends_is_refused_with_what_was_expected() {
    use schema::{Kind, quorum as q};
    let refused = |kind: Kind| super::hear(kind, Mode::Quorum).unwrap_err();
    let term = |field: &str| format!("{field} {}, expected 0 to {NUMBER_MAX}", NUMBER_MAX + 1);
    let year = 365 * 24 * 60 * 60 * 1_000_000_u64;
    let long = |field: &str| format!("{field} {}, expected 0 to {year}", year + 1);
    let Kind::Vote(vote) = kind_of(vote(Duration::from_secs(1))) else { panic!("a Vote") };
    let of = |damage: fn(&mut q::Vote)| {
        let mut vote = vote.clone();
        damage(&mut vote);
        refused(Kind::Vote(vote))
    };
    assert_eq!(of(|v| v.term = NUMBER_MAX + 1), term("term"));
    assert_eq!(of(|v| v.boot = NUMBER_MAX + 1), term("boot"));
    assert_eq!(of(|v| v.candidate.clear()), "inst of length 0, expected 16");
    assert_eq!(of(|v| v.lease_us = 31_536_000_000_001), long("lease"));
    let resp = q::PreVoteResp { retry_after_us: year + 1, ..Default::default() };
    assert_eq!(refused(Kind::PreVoteResp(resp)), long("retry_after"));
    let ack = q::HbAck {
        lease_us: u64::MAX,
        roster: Some(q::RosterId::default()),
        term: 1,
        ..Default::default()
    };
    assert!(refused(Kind::HbAck(ack)).starts_with("lease 18446744073709551615, expected"));
    for kind in [
        Kind::PreVote(q::PreVote::default()),
        Kind::VoteReq(q::VoteReq::default()),
        Kind::Hb(q::Hb::default()),
        Kind::HbAck(q::HbAck::default()),
        Kind::Release(q::Release::default()),
        Kind::Formed(q::Formed { cluster_id: vec![0; 16], roster: None }),
    ] {
        assert_eq!(refused(kind), "without roster");
    }
    let accept = q::GenesisAccept { cluster_id: vec![0; 16], member: None };
    assert_eq!(refused(Kind::GenesisAccept(accept)), "without member");
    let cluster = || q::Cluster { cluster_id: vec![0; 15] };
    for kind in [
        Kind::Join(cluster()),
        Kind::Renounce(cluster()),
        Kind::Renounced(cluster()),
        Kind::Formed(q::Formed::default()),
        Kind::Farewell(q::Farewell::default()),
        Kind::GenesisAccept(q::GenesisAccept::default()),
    ] {
        assert!(refused(kind).starts_with("cluster_id of length "));
    }
}

#[test]
fn numbers_that_only_their_writer_reads_may_be_any() {
    for nonce in [0, 1 << 53, u64::MAX] {
        let message = Message::PreVote(PreVote { roster: RosterId::default(), nonce, probe: true });
        assert_eq!(round_trip(message.clone()), message);
        let message = Message::Hello(Hello { run: nonce, nonce, ..largest_hello() });
        assert_eq!(round_trip(message.clone()), message);
    }
}

#[test]
fn reasons_of_later_versions_become_words() {
    let heard = |reason, text: &str| {
        let text = text.to_owned();
        let nack = schema::HelloNack { reason, text, ..Default::default() };
        super::hear(schema::Kind::HelloNack(nack), Mode::Quorum)
    };
    let words = |text: &str| Ok(Message::HelloNack(Refusal::Other(text.into())).into());
    assert_eq!(heard(99, "it is Monday"), words("it is Monday"));
    assert_eq!(heard(99, ""), words("reason 99"));
    assert_eq!(heard(schema::reason::FOREIGN_MODE, ""), words("it elects in another mode"));
    let long = heard(99, &"a".repeat(201)).unwrap_err();
    assert!(long.ends_with("expected at most 200 bytes without control characters"), "{long}");
    let which = heard(schema::reason::SPLIT_CLUSTERS, "").unwrap_err();
    assert_eq!(which, "cluster_id of length 0, expected 16");
    let long = Message::HelloNack(Refusal::Other("ä".repeat(150).into()));
    let clipped = Message::HelloNack(Refusal::Other("ä".repeat(100).into()));
    assert_eq!(round_trip(long), clipped);
    let join = Message::Join(Join { cluster: ClusterId(1) });
    assert_eq!(round_trip(join.clone()), join);
}
