//! The messages of quorum mode, and the roster, of which the record on disk is made, too.
//!
//! A stamp is a moment of its writer's clock, in nanoseconds. All 64 bits of it are carried: it
//! passes 2^53 after 104 days, it comes back to its writer, and a lease is counted from it. One that
//! was cut or rounded on its way would be another moment.

use prost::Message;

use super::Member;

/// A roster's version.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct RosterId {
    #[prost(uint64, tag = "1")]
    pub(crate) term: u64,
    #[prost(uint64, tag = "2")]
    pub(crate) version: u64,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Roster {
    #[prost(message, optional, tag = "1")]
    pub(crate) version: Option<RosterId>,
    #[prost(message, repeated, tag = "2")]
    pub(crate) members: Vec<Member>,
    #[prost(bytes = "vec", repeated, tag = "3")]
    pub(crate) removed: Vec<Vec<u8>>,
}

/// A list of its own, so that none differs from an empty one.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Insts {
    #[prost(bytes = "vec", repeated, tag = "1")]
    pub(crate) insts: Vec<Vec<u8>>,
}

/// What a Hello says in quorum mode beyond who speaks.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Standing {
    #[prost(uint64, tag = "1")]
    pub(crate) boot: u64,
    /// Random: all its 64 bits count.
    #[prost(fixed64, tag = "2")]
    pub(crate) run: u64,
    /// Whatever its writer likes: all its 64 bits come back to it.
    #[prost(uint64, tag = "3")]
    pub(crate) nonce: u64,
    #[prost(uint64, tag = "4")]
    pub(crate) stage: u64,
    /// Of which cluster the stage is; empty for none.
    #[prost(bytes = "vec", tag = "5")]
    pub(crate) cluster_id: Vec<u8>,
    #[prost(uint64, tag = "6")]
    pub(crate) round: u64,
    #[prost(message, optional, tag = "7")]
    pub(crate) reached: Option<Insts>,
    #[prost(message, optional, tag = "8")]
    pub(crate) roster: Option<Roster>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct PreVote {
    #[prost(message, optional, tag = "1")]
    pub(crate) roster: Option<RosterId>,
    #[prost(uint64, tag = "2")]
    pub(crate) nonce: u64,
    #[prost(bool, tag = "3")]
    pub(crate) probe: bool,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct PreVoteResp {
    #[prost(uint64, tag = "1")]
    pub(crate) nonce: u64,
    #[prost(bool, tag = "2")]
    pub(crate) granted: bool,
    #[prost(uint64, tag = "3")]
    pub(crate) term: u64,
    #[prost(uint64, tag = "4")]
    pub(crate) retry_after_us: u64,
    /// Empty for none.
    #[prost(bytes = "vec", tag = "5")]
    pub(crate) leader: Vec<u8>,
    #[prost(message, optional, tag = "6")]
    pub(crate) roster: Option<Roster>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct VoteReq {
    #[prost(uint64, tag = "1")]
    pub(crate) term: u64,
    #[prost(message, optional, tag = "2")]
    pub(crate) roster: Option<RosterId>,
    #[prost(uint64, tag = "3")]
    pub(crate) stamp: u64,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Vote {
    #[prost(uint64, tag = "1")]
    pub(crate) term: u64,
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) candidate: Vec<u8>,
    #[prost(uint64, tag = "3")]
    pub(crate) stamp: u64,
    #[prost(uint64, tag = "4")]
    pub(crate) boot: u64,
    #[prost(uint64, tag = "5")]
    pub(crate) lease_us: u64,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Hb {
    #[prost(uint64, tag = "1")]
    pub(crate) term: u64,
    #[prost(message, optional, tag = "2")]
    pub(crate) roster: Option<Roster>,
    #[prost(uint64, tag = "3")]
    pub(crate) stamp: u64,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct HbAck {
    #[prost(uint64, tag = "1")]
    pub(crate) term: u64,
    #[prost(message, optional, tag = "2")]
    pub(crate) roster: Option<RosterId>,
    #[prost(uint64, tag = "3")]
    pub(crate) stamp: u64,
    #[prost(uint64, tag = "4")]
    pub(crate) lease_us: u64,
    /// A stamp, too.
    #[prost(uint64, tag = "5")]
    pub(crate) sent: u64,
    #[prost(bool, tag = "6")]
    pub(crate) unmuted: bool,
    #[prost(bool, tag = "7")]
    pub(crate) wants: bool,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Reject {
    #[prost(uint64, tag = "1")]
    pub(crate) term: u64,
    #[prost(message, optional, tag = "2")]
    pub(crate) roster: Option<Roster>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Release {
    #[prost(uint64, tag = "1")]
    pub(crate) term: u64,
    #[prost(message, optional, tag = "2")]
    pub(crate) target: Option<Target>,
    #[prost(message, optional, tag = "3")]
    pub(crate) roster: Option<Roster>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Target {
    #[prost(bytes = "vec", tag = "1")]
    pub(crate) inst: Vec<u8>,
    #[prost(uint64, tag = "2")]
    pub(crate) stamp: u64,
    #[prost(uint64, tag = "3")]
    pub(crate) boot: u64,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Farewell {
    #[prost(bytes = "vec", tag = "1")]
    pub(crate) cluster_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) inst: Vec<u8>,
    #[prost(uint64, tag = "3")]
    pub(crate) term: u64,
}

/// A message that says no more than which cluster it is about.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Cluster {
    #[prost(bytes = "vec", tag = "1")]
    pub(crate) cluster_id: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Leave {}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct GenesisAccept {
    #[prost(bytes = "vec", tag = "1")]
    pub(crate) cluster_id: Vec<u8>,
    #[prost(message, optional, tag = "2")]
    pub(crate) member: Option<Member>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Formed {
    #[prost(bytes = "vec", tag = "1")]
    pub(crate) cluster_id: Vec<u8>,
    #[prost(message, optional, tag = "2")]
    pub(crate) roster: Option<Roster>,
}
