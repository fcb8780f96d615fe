//! The messages as protobuf has them: the shape alone, checked by nothing. Those of both modes and
//! of bully mode stand here, those of quorum mode in a file of their own.
//!
//! A tag, once used, keeps its meaning for ever. Numbers are 64 bits wide throughout, so that one
//! that is too large is seen and not cut. Durations are in microseconds.

pub(crate) mod quorum;

use prost::{Message, Oneof};

/// What a frame holds. A kind of a later version reads as none.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Envelope {
    #[prost(
        oneof = "Kind",
        tags = "1, 2, 3, 4, 5, 6, 7, 8, 9, 14, 15, \
                16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30"
    )]
    pub(crate) kind: Option<Kind>,
}

/// Up to 3 both modes speak, so that they can refuse each other; up to 9 bully mode alone, 14 and 15
/// whoever looks for itself, from 16 on quorum mode alone. The largest are boxed, so that a
/// heartbeat is not moved about in their size.
#[derive(Clone, PartialEq, Oneof)]
pub(crate) enum Kind {
    #[prost(message, boxed, tag = "1")]
    Hello(Box<Hello>),
    #[prost(message, boxed, tag = "2")]
    HelloAck(Box<Hello>),
    #[prost(message, tag = "3")]
    HelloNack(HelloNack),
    #[prost(message, tag = "4")]
    Beat(Beat),
    #[prost(message, tag = "5")]
    Coord(Beat),
    #[prost(message, tag = "6")]
    BeatAck(BeatAck),
    #[prost(message, tag = "7")]
    Query(Query),
    #[prost(message, tag = "8")]
    QueryAck(QueryAck),
    #[prost(message, tag = "9")]
    Leave(Leave),
    #[prost(message, tag = "14")]
    Identify(Identify),
    #[prost(message, tag = "15")]
    Identified(Identified),
    #[prost(message, tag = "16")]
    PreVote(quorum::PreVote),
    #[prost(message, tag = "17")]
    PreVoteResp(quorum::PreVoteResp),
    #[prost(message, tag = "18")]
    VoteReq(quorum::VoteReq),
    #[prost(message, tag = "19")]
    Vote(quorum::Vote),
    #[prost(message, tag = "20")]
    Hb(quorum::Hb),
    #[prost(message, tag = "21")]
    HbAck(quorum::HbAck),
    #[prost(message, tag = "22")]
    Reject(quorum::Reject),
    #[prost(message, tag = "23")]
    Release(quorum::Release),
    #[prost(message, tag = "24")]
    Farewell(quorum::Farewell),
    #[prost(message, tag = "25")]
    Join(quorum::Cluster),
    #[prost(message, tag = "26")]
    QuorumLeave(quorum::Leave),
    #[prost(message, tag = "27")]
    GenesisAccept(quorum::GenesisAccept),
    #[prost(message, tag = "28")]
    Renounce(quorum::Cluster),
    #[prost(message, tag = "29")]
    Renounced(quorum::Cluster),
    #[prost(message, tag = "30")]
    Formed(quorum::Formed),
}

/// A host, by number or by name, and a port.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Address {
    #[prost(bytes = "vec", tag = "1")]
    pub(crate) ip: Vec<u8>,
    #[prost(string, tag = "2")]
    pub(crate) name: String,
    #[prost(uint64, tag = "3")]
    pub(crate) port: u64,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Claim {
    #[prost(uint64, tag = "1")]
    pub(crate) epoch: u64,
    #[prost(uint64, tag = "2")]
    pub(crate) priority: u64,
    #[prost(message, optional, tag = "3")]
    pub(crate) id: Option<Address>,
    #[prost(bytes = "vec", tag = "4")]
    pub(crate) inst: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Report {
    #[prost(message, optional, tag = "1")]
    pub(crate) claim: Option<Claim>,
    #[prost(uint64, tag = "2")]
    pub(crate) seq: u64,
    #[prost(uint64, tag = "3")]
    pub(crate) age_us: u64,
    #[prost(bool, tag = "4")]
    pub(crate) live: bool,
    #[prost(uint64, tag = "5")]
    pub(crate) size: u64,
}

/// A member's record. Quorum mode has no `inc` and no `left`, and an `ip` in Hello alone.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Member {
    #[prost(message, optional, tag = "1")]
    pub(crate) id: Option<Address>,
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) ip: Vec<u8>,
    #[prost(uint64, tag = "3")]
    pub(crate) priority: u64,
    #[prost(uint64, tag = "4")]
    pub(crate) inc: u64,
    #[prost(bytes = "vec", tag = "5")]
    pub(crate) inst: Vec<u8>,
    #[prost(bool, tag = "6")]
    pub(crate) left: bool,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Listed {
    #[prost(message, optional, tag = "1")]
    pub(crate) member: Option<Member>,
    #[prost(bool, tag = "2")]
    pub(crate) reach: bool,
}

/// A list of its own, so that none differs from an empty one.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct List {
    #[prost(message, repeated, tag = "1")]
    pub(crate) listed: Vec<Listed>,
}

/// Both modes say the first three fields, which are all that a refusal needs; 4 to 7 are bully
/// mode's.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Hello {
    #[prost(string, tag = "1")]
    pub(crate) cluster: String,
    #[prost(uint64, tag = "2")]
    pub(crate) mode: u64,
    #[prost(message, optional, tag = "3")]
    pub(crate) member: Option<Member>,
    #[prost(uint64, tag = "4")]
    pub(crate) seen: u64,
    #[prost(bool, tag = "5")]
    pub(crate) no_preempt: bool,
    #[prost(message, optional, tag = "6")]
    pub(crate) report: Option<Report>,
    #[prost(message, repeated, tag = "7")]
    pub(crate) members: Vec<Member>,
    #[prost(message, optional, tag = "8")]
    pub(crate) standing: Option<quorum::Standing>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct HelloNack {
    #[prost(uint64, tag = "1")]
    pub(crate) reason: u64,
    #[prost(string, tag = "2")]
    pub(crate) text: String,
    #[prost(uint64, tag = "3")]
    pub(crate) mode: u64,
    #[prost(bytes = "vec", tag = "4")]
    pub(crate) cluster_id: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Beat {
    #[prost(message, optional, tag = "1")]
    pub(crate) claim: Option<Claim>,
    #[prost(uint64, tag = "2")]
    pub(crate) seq: u64,
    #[prost(uint64, tag = "3")]
    pub(crate) age_us: u64,
    #[prost(uint64, tag = "4")]
    pub(crate) size: u64,
    /// A hash and no number: all its 64 bits count.
    #[prost(fixed64, tag = "5")]
    pub(crate) mver: u64,
    #[prost(uint64, tag = "6")]
    pub(crate) hold_us: u64,
    #[prost(message, optional, tag = "7")]
    pub(crate) members: Option<List>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct BeatAck {
    #[prost(message, optional, tag = "1")]
    pub(crate) report: Option<Report>,
    #[prost(uint64, tag = "2")]
    pub(crate) need: u64,
    #[prost(message, repeated, tag = "3")]
    pub(crate) met: Vec<Address>,
    #[prost(fixed64, tag = "4")]
    pub(crate) mver: u64,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Query {
    #[prost(uint64, tag = "1")]
    pub(crate) q: u64,
    #[prost(message, optional, tag = "2")]
    pub(crate) report: Option<Report>,
    #[prost(uint64, tag = "3")]
    pub(crate) need: u64,
    #[prost(bool, tag = "4")]
    pub(crate) watch: bool,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct QueryAck {
    #[prost(uint64, tag = "1")]
    pub(crate) q: u64,
    #[prost(message, optional, tag = "2")]
    pub(crate) report: Option<Report>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Leave {
    #[prost(uint64, tag = "1")]
    pub(crate) inc: u64,
    #[prost(message, optional, tag = "2")]
    pub(crate) claim: Option<Claim>,
    #[prost(message, optional, tag = "3")]
    pub(crate) successor: Option<Address>,
    #[prost(bool, tag = "4")]
    pub(crate) gone: bool,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Identify {
    #[prost(bytes = "vec", tag = "1")]
    pub(crate) inst: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Identified {
    #[prost(bool, tag = "1")]
    pub(crate) same: bool,
}

/// The numbers of the modes.
pub(crate) mod mode {
    pub(crate) const BULLY: u64 = 1;
    pub(crate) const QUORUM: u64 = 2;
}

/// The numbers of the stages on the way into a cluster.
pub(crate) mod stage {
    pub(crate) const FRESH: u64 = 0;
    pub(crate) const ACCEPTED: u64 = 1;
    pub(crate) const LEAVING: u64 = 2;
    pub(crate) const FORMED: u64 = 3;
}

/// The numbers of the reasons to refuse a Hello. 0 is a reason in words.
pub(crate) mod reason {
    pub(crate) const IN_WORDS: u64 = 0;
    pub(crate) const FOREIGN_CLUSTER: u64 = 1;
    pub(crate) const FOREIGN_MODE: u64 = 2;
    pub(crate) const MYSELF: u64 = 3;
    pub(crate) const DUPLICATE_ID: u64 = 4;
    pub(crate) const FULL: u64 = 5;
    pub(crate) const LEAVING: u64 = 6;
    pub(crate) const SPLIT_CLUSTERS: u64 = 7;
    pub(crate) const COPIED: u64 = 8;
    pub(crate) const ROLLED_BACK: u64 = 9;
}
