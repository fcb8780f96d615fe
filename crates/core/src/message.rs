//! What nodes say to each other. Encoding is the driver's.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::net::IpAddr;
use core::time::Duration;

use crate::types::{Address, Claim, Epoch, Inst, Mode};

/// A message between two nodes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Message {
    /// The first word on a connection, and a probe on an open one.
    Hello(Hello),
    /// The answer to a Hello.
    HelloAck(Hello),
    /// The refusal of a Hello; the connection closes.
    HelloNack(NackReason),
    /// The leader lives (or, relayed, lived `age` ago).
    Beat(Beat),
    /// A Beat that begins a reign or raises its epoch.
    Coord(Beat),
    /// The answer to a Beat or a Coord.
    BeatAck(BeatAck),
    /// A node that may have lost its leader asks what its neighbour knows.
    Query(Query),
    /// The answer to a Query.
    QueryAck(QueryAck),
    /// A node leaves, or its reign ends.
    Leave(Leave),
}

impl Message {
    /// The name of the message, for logs and transcripts.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Hello(_) => "Hello",
            Self::HelloAck(_) => "HelloAck",
            Self::HelloNack(_) => "HelloNack",
            Self::Beat(_) => "Beat",
            Self::Coord(_) => "Coord",
            Self::BeatAck(_) => "BeatAck",
            Self::Query(_) => "Query",
            Self::QueryAck(_) => "QueryAck",
            Self::Leave(_) => "Leave",
        }
    }

    /// The greatest epoch that the message mentions.
    pub(crate) fn epoch_max(&self) -> Epoch {
        let of = |claim: &Option<Claim>| claim.as_ref().map_or(Epoch(0), |c| c.epoch);
        match self {
            Self::Hello(h) | Self::HelloAck(h) => h.seen.max(of(&h.report.claim)),
            Self::HelloNack(_) => Epoch(0),
            Self::Beat(b) | Self::Coord(b) => b.claim.epoch,
            Self::BeatAck(a) => a.need.max(of(&a.report.claim)),
            Self::Query(q) => q.need.max(of(&q.report.claim)),
            Self::QueryAck(a) => of(&a.report.claim),
            Self::Leave(l) => of(&l.claim),
        }
    }
}

/// What a node knows of its leader: R in PROTOCOL.md.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Report {
    /// The greatest claim accepted or made; none before the first.
    pub claim: Option<Claim>,
    /// The newest sequence number of that claim.
    pub seq: u64,
    /// How long ago the leader sent it, as far as is known. Zero on the leader.
    pub age: Duration,
    /// The reporter leads, or heard of its leader less than F ago and has no proof of its death.
    pub live: bool,
    /// One and the candidates that acknowledge the claim to its leader.
    pub size: u32,
}

/// Who speaks, and all it knows.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Hello {
    /// The cluster's name.
    pub cluster: Arc<str>,
    /// The mode of election.
    pub mode: Mode,
    /// The speaker's own record.
    pub member: Member,
    /// The greatest epoch it has seen.
    pub seen: Epoch,
    /// Higher priorities wait for the leader to go.
    pub no_preempt: bool,
    /// What it knows of its leader.
    pub report: Report,
    /// All members it knows, itself left out.
    pub members: Vec<Member>,
}

/// The public record of a member. Of two records the one with the higher `inc` wins; at equal
/// `inc` the one that has left.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Member {
    /// The address it advertises: its identity.
    pub id: Address,
    /// The IP address that it resolved its own name to, where `id` is a name.
    pub ip: Option<IpAddr>,
    /// Higher leads; 0 never does.
    pub priority: u32,
    /// The incarnation of this record, raised by its owner alone.
    pub inc: u64,
    /// Which run.
    pub inst: Inst,
    /// It said goodbye.
    pub left: bool,
}

/// A member as the leader sees it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Listed {
    /// Its record.
    pub member: Member,
    /// The leader hears from it.
    pub reach: bool,
}

/// Why a Hello was refused.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NackReason {
    /// The other is of this cluster.
    ForeignCluster(Arc<str>),
    /// The other elects in this mode.
    ForeignMode(Mode),
    /// The caller has reached itself.
    Myself,
    /// The address it advertises is held by another live node.
    DuplicateId,
    /// The member list is full.
    Full,
    /// The other is leaving.
    Leaving,
    /// A reason of a later version.
    Other(Arc<str>),
}

/// The leader lives.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Beat {
    /// The leader's claim.
    pub claim: Claim,
    /// Counts up within a claim.
    pub seq: u64,
    /// Zero from the leader; what has passed since, where it is relayed.
    pub age: Duration,
    /// One and the candidates that acknowledge.
    pub size: u32,
    /// The version of the leader's list: a hash of it.
    pub mver: u64,
    /// How long a higher priority waits before it takes over.
    pub hold: Duration,
    /// The list, where the receiver has another version.
    pub members: Option<Vec<Listed>>,
}

/// The answer to a Beat, accepted or refused.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BeatAck {
    /// What the answerer knows of its leader, now.
    pub report: Report,
    /// An epoch that some leaderless node holds; 0 for none.
    pub need: Epoch,
    /// Nodes met that follow another claim.
    pub met: Vec<Address>,
    /// The version of the leader's list that the answerer has.
    pub mver: u64,
}

/// What do you know of your leader?
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Query {
    /// Echoed in the answer.
    pub q: u64,
    /// What the asker knows.
    pub report: Report,
    /// An epoch that some leaderless node holds; 0 for none.
    pub need: Epoch,
    /// Pass each Beat on to me.
    pub watch: bool,
}

/// The answer to a Query.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct QueryAck {
    /// The number of the query.
    pub q: u64,
    /// What the answerer knows.
    pub report: Report,
}

/// The end of a reign, or goodbye.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Leave {
    /// The incarnation of the sender's record that is over.
    pub inc: u64,
    /// The claim that the sender leads or follows.
    pub claim: Option<Claim>,
    /// Who is asked to lead next.
    pub successor: Option<Address>,
    /// The sender goes; else only its reign ends.
    pub gone: bool,
}
