//! Nodes, records and messages as the tests need them.

use std::sync::Arc;
use std::time::Duration;

use bully_core::quorum::{
    Boot, ClusterId, Config, Hb, HbAck, Hello, Member, Message, PreVoteResp, Roster, RosterId,
    Stage, Stamp, Stored, Term,
};
use bully_core::{Address, Inst, Mode, Tick};

/// Between two heartbeats.
pub(crate) const H: Duration = Duration::from_millis(150);
/// How long a node promises itself.
pub(crate) const LEASE: Duration = Duration::from_secs(1);
/// What its holder counts on of that: ⌊1 s · 995/1005⌋ less 20 ms.
pub(crate) const USABLE: Duration = Duration::from_nanos(970_049_751);
/// δ where the round trip is nothing.
pub(crate) const DELTA: Duration = Duration::from_millis(25);
/// The smallest step of a clock.
pub(crate) const NANO: Duration = Duration::from_nanos(1);
/// The cluster that everybody is in.
pub(crate) const CLUSTER: ClusterId = ClusterId(0xc);
/// The node on the bench is that of this number.
pub(crate) const ME: u128 = 1;
/// Its boot, its peers' boots.
pub(crate) const BOOT: Boot = Boot(5);
pub(crate) const BOOT_OF_PEERS: Boot = Boot(7);
/// The wall clock when the others show nothing.
pub(crate) const WALL_MS: u64 = 1_795_400_798_000;

pub(crate) fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

pub(crate) fn address(n: u128) -> Address {
    Address::new(format!("10.0.0.{n}").as_str(), 8117)
}

pub(crate) fn member(n: u128, priority: u32) -> Member {
    Member { inst: Inst(n), id: address(n), priority }
}

/// The roster of these nodes, all of priority 100.
pub(crate) fn roster(term: u64, version: u64, members: &[u128]) -> Arc<Roster> {
    let members = members.iter().map(|n| member(*n, 100)).collect();
    let version = RosterId { term: Term(term), version };
    Arc::new(Roster { version, members, removed: Vec::new() })
}

pub(crate) fn version(term: u64, version: u64) -> RosterId {
    RosterId { term: Term(term), version }
}

pub(crate) fn config(priority: u32) -> Config {
    Config {
        cluster: Arc::from("bully"),
        id: address(ME),
        ip: None,
        fresh: Inst(ME),
        places: Vec::new(),
        priority,
        preempt: true,
        heartbeat: H,
        lease: LEASE,
        guardian: false,
        moved: false,
    }
}

/// The record of a member that was in term 10.
pub(crate) fn stored(roster: Arc<Roster>) -> Stored {
    Stored {
        inst: Inst(ME),
        boot: Boot(BOOT.0 - 1),
        id: address(ME),
        cluster: Some(CLUSTER),
        term: Term(10),
        voted_for: None,
        roster,
        lease_max: LEASE,
        round: 0,
        accept: None,
        leaving: None,
    }
}

pub(crate) fn hello(who: u128, priority: u32, roster: Arc<Roster>) -> Hello {
    Hello {
        cluster: Arc::from("bully"),
        mode: Mode::Quorum,
        member: member(who, priority),
        ip: None,
        boot: BOOT_OF_PEERS,
        run: u64::try_from(who).expect("a small number"),
        nonce: 1,
        stage: Stage::Formed(CLUSTER),
        round: 0,
        reached: None,
        roster: Some(roster),
    }
}

pub(crate) fn granted(nonce: u64) -> Message {
    Message::PreVoteResp(PreVoteResp {
        nonce,
        granted: true,
        term: Term(10),
        retry_after: Duration::ZERO,
        leader: None,
        roster: None,
    })
}

/// A heartbeat of a leader that was elected by the first version of these members' roster.
pub(crate) fn hb(term: u64, members: &[u128]) -> Message {
    let roster = roster(term, 1, members);
    Message::Hb(Hb { term: Term(term), roster, stamp: Stamp(Tick(77)) })
}

pub(crate) fn ack(hb: &Hb) -> HbAck {
    HbAck {
        term: hb.term,
        roster: hb.roster.version,
        stamp: hb.stamp,
        lease: LEASE,
        sent: Stamp(Tick(5_000)),
        unmuted: true,
        wants: false,
    }
}
