//! The messages as protobuf has them: the shape alone, checked by nothing.
//!
//! A tag, once used, keeps its meaning for ever. Numbers are 64 bits wide throughout, so that one
//! that is too large is seen and not cut. Durations are in microseconds.

use prost::{Message, Oneof};

/// What a frame holds. A kind of a later version reads as none.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Envelope {
    #[prost(oneof = "Kind", tags = "1, 2, 3, 4, 5, 6, 7, 8, 9, 14, 15")]
    pub(super) kind: Option<Kind>,
}

#[derive(Clone, PartialEq, Oneof)]
pub(super) enum Kind {
    #[prost(message, tag = "1")]
    Hello(Hello),
    #[prost(message, tag = "2")]
    HelloAck(Hello),
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
}

/// A host, by number or by name, and a port.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Address {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) ip: Vec<u8>,
    #[prost(string, tag = "2")]
    pub(super) name: String,
    #[prost(uint64, tag = "3")]
    pub(super) port: u64,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Claim {
    #[prost(uint64, tag = "1")]
    pub(super) epoch: u64,
    #[prost(uint64, tag = "2")]
    pub(super) priority: u64,
    #[prost(message, optional, tag = "3")]
    pub(super) id: Option<Address>,
    #[prost(bytes = "vec", tag = "4")]
    pub(super) inst: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Report {
    #[prost(message, optional, tag = "1")]
    pub(super) claim: Option<Claim>,
    #[prost(uint64, tag = "2")]
    pub(super) seq: u64,
    #[prost(uint64, tag = "3")]
    pub(super) age_us: u64,
    #[prost(bool, tag = "4")]
    pub(super) live: bool,
    #[prost(uint64, tag = "5")]
    pub(super) size: u64,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Member {
    #[prost(message, optional, tag = "1")]
    pub(super) id: Option<Address>,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) ip: Vec<u8>,
    #[prost(uint64, tag = "3")]
    pub(super) priority: u64,
    #[prost(uint64, tag = "4")]
    pub(super) inc: u64,
    #[prost(bytes = "vec", tag = "5")]
    pub(super) inst: Vec<u8>,
    #[prost(bool, tag = "6")]
    pub(super) left: bool,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Listed {
    #[prost(message, optional, tag = "1")]
    pub(super) member: Option<Member>,
    #[prost(bool, tag = "2")]
    pub(super) reach: bool,
}

/// A list of its own, so that none differs from an empty one.
#[derive(Clone, PartialEq, Message)]
pub(super) struct List {
    #[prost(message, repeated, tag = "1")]
    pub(super) listed: Vec<Listed>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Hello {
    #[prost(string, tag = "1")]
    pub(super) cluster: String,
    #[prost(uint64, tag = "2")]
    pub(super) mode: u64,
    #[prost(message, optional, tag = "3")]
    pub(super) member: Option<Member>,
    #[prost(uint64, tag = "4")]
    pub(super) seen: u64,
    #[prost(bool, tag = "5")]
    pub(super) no_preempt: bool,
    #[prost(message, optional, tag = "6")]
    pub(super) report: Option<Report>,
    #[prost(message, repeated, tag = "7")]
    pub(super) members: Vec<Member>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct HelloNack {
    #[prost(uint64, tag = "1")]
    pub(super) reason: u64,
    #[prost(string, tag = "2")]
    pub(super) text: String,
    #[prost(uint64, tag = "3")]
    pub(super) mode: u64,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Beat {
    #[prost(message, optional, tag = "1")]
    pub(super) claim: Option<Claim>,
    #[prost(uint64, tag = "2")]
    pub(super) seq: u64,
    #[prost(uint64, tag = "3")]
    pub(super) age_us: u64,
    #[prost(uint64, tag = "4")]
    pub(super) size: u64,
    /// A hash and no number: all its 64 bits count.
    #[prost(fixed64, tag = "5")]
    pub(super) mver: u64,
    #[prost(uint64, tag = "6")]
    pub(super) hold_us: u64,
    #[prost(message, optional, tag = "7")]
    pub(super) members: Option<List>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct BeatAck {
    #[prost(message, optional, tag = "1")]
    pub(super) report: Option<Report>,
    #[prost(uint64, tag = "2")]
    pub(super) need: u64,
    #[prost(message, repeated, tag = "3")]
    pub(super) met: Vec<Address>,
    #[prost(fixed64, tag = "4")]
    pub(super) mver: u64,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Query {
    #[prost(uint64, tag = "1")]
    pub(super) q: u64,
    #[prost(message, optional, tag = "2")]
    pub(super) report: Option<Report>,
    #[prost(uint64, tag = "3")]
    pub(super) need: u64,
    #[prost(bool, tag = "4")]
    pub(super) watch: bool,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct QueryAck {
    #[prost(uint64, tag = "1")]
    pub(super) q: u64,
    #[prost(message, optional, tag = "2")]
    pub(super) report: Option<Report>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Leave {
    #[prost(uint64, tag = "1")]
    pub(super) inc: u64,
    #[prost(message, optional, tag = "2")]
    pub(super) claim: Option<Claim>,
    #[prost(message, optional, tag = "3")]
    pub(super) successor: Option<Address>,
    #[prost(bool, tag = "4")]
    pub(super) gone: bool,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Identify {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) inst: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Identified {
    #[prost(bool, tag = "1")]
    pub(super) same: bool,
}

/// The numbers of the modes.
pub(super) mod mode {
    pub(in super::super) const BULLY: u64 = 1;
}

/// The numbers of the reasons to refuse a Hello. 0 is a reason in words.
pub(super) mod reason {
    pub(in super::super) const IN_WORDS: u64 = 0;
    pub(in super::super) const FOREIGN_CLUSTER: u64 = 1;
    pub(in super::super) const FOREIGN_MODE: u64 = 2;
    pub(in super::super) const MYSELF: u64 = 3;
    pub(in super::super) const DUPLICATE_ID: u64 = 4;
    pub(in super::super) const FULL: u64 = 5;
    pub(in super::super) const LEAVING: u64 = 6;
}
