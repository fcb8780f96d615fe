//! The record as protobuf has it: the shape alone, checked by nothing.
//!
//! A tag, once used, keeps its meaning for ever. Identities are 16 bytes, or none where there is
//! none. The shapes are the record's own, though the wire has some that are alike: those change with
//! what versions say to each other, and a record must be read back as it was written.

use prost::Message;

/// A field that this program does not know is skipped, and **gone with its next write**. So one may
/// be added only where nothing is lost with it; whatever a node must not forget comes with a higher
/// [`super::record::FORMAT`], which older programs refuse.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Record {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) inst: Vec<u8>,
    #[prost(uint64, tag = "3")]
    pub(super) boot: u64,
    #[prost(message, optional, tag = "4")]
    pub(super) id: Option<Address>,
    #[prost(bytes = "vec", tag = "5")]
    pub(super) cluster: Vec<u8>,
    #[prost(uint64, tag = "6")]
    pub(super) term: u64,
    #[prost(bytes = "vec", tag = "7")]
    pub(super) voted_for: Vec<u8>,
    #[prost(message, optional, tag = "8")]
    pub(super) roster: Option<Roster>,
    #[prost(uint64, tag = "9")]
    pub(super) lease_max_ns: u64,
    #[prost(uint64, tag = "10")]
    pub(super) round: u64,
    #[prost(message, optional, tag = "11")]
    pub(super) accept: Option<Founding>,
    #[prost(message, optional, tag = "12")]
    pub(super) leaving: Option<Founding>,
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
pub(super) struct Roster {
    #[prost(uint64, tag = "1")]
    pub(super) term: u64,
    #[prost(uint64, tag = "2")]
    pub(super) version: u64,
    #[prost(message, repeated, tag = "3")]
    pub(super) members: Vec<Member>,
    #[prost(bytes = "vec", repeated, tag = "4")]
    pub(super) removed: Vec<Vec<u8>>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Member {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) inst: Vec<u8>,
    #[prost(message, optional, tag = "2")]
    pub(super) id: Option<Address>,
    #[prost(uint64, tag = "3")]
    pub(super) priority: u64,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Founding {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) cluster: Vec<u8>,
    #[prost(message, repeated, tag = "2")]
    pub(super) founders: Vec<Founder>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Founder {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) inst: Vec<u8>,
    #[prost(message, optional, tag = "2")]
    pub(super) id: Option<Address>,
}
