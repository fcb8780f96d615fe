//! What nodes say to each other in quorum mode. Encoding is the driver's.
//!
//! But for the Hellos and a guardian's word, a message speaks for the instance that its connection
//! was bound to by a Hello, and for that boot of it.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::net::IpAddr;
use core::time::Duration;

use super::words::{Boot, ClusterId, Member, Roster, RosterId, Stamp, Term};
use crate::types::{Inst, Mode};

/// A message between two nodes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Message {
    /// The first word on a connection, and said again later.
    Hello(Hello),
    /// The answer to a Hello.
    HelloAck(Hello),
    /// The refusal of a Hello; the connection closes.
    HelloNack(Refusal),
    /// May I stand?
    PreVote(PreVote),
    /// The answer to a PreVote.
    PreVoteResp(PreVoteResp),
    /// A candidate asks for a vote.
    VoteReq(VoteReq),
    /// A vote, which is a lease.
    Vote(Vote),
    /// The leader lives, and asks for its lease to be renewed.
    Hb(Hb),
    /// The lease is renewed.
    HbAck(HbAck),
    /// A heartbeat or a candidate came too late.
    Reject(Reject),
    /// What was promised to the sender is no longer needed.
    Release(Release),
    /// A dead node's guardian releases what was promised to it (Q13). Needs no Hello.
    Farewell(Farewell),
    /// A node that is no member asks to become one.
    Join(Join),
    /// A member asks to be removed.
    Leave,
    /// A founder agrees.
    GenesisAccept(GenesisAccept),
    /// A founder takes its word back, and asks the others to do so.
    Renounce(ClusterId),
    /// They have.
    Renounced(ClusterId),
    /// The cluster exists.
    Formed(Formed),
}

impl Message {
    /// The name of the message, for logs and transcripts.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Hello(_) => "Hello",
            Self::HelloAck(_) => "HelloAck",
            Self::HelloNack(_) => "HelloNack",
            Self::PreVote(_) => "PreVote",
            Self::PreVoteResp(_) => "PreVoteResp",
            Self::VoteReq(_) => "VoteReq",
            Self::Vote(_) => "Vote",
            Self::Hb(_) => "Hb",
            Self::HbAck(_) => "HbAck",
            Self::Reject(_) => "Reject",
            Self::Release(_) => "Release",
            Self::Farewell(_) => "Farewell",
            Self::Join(_) => "Join",
            Self::Leave => "Leave",
            Self::GenesisAccept(_) => "GenesisAccept",
            Self::Renounce(_) => "Renounce",
            Self::Renounced(_) => "Renounced",
            Self::Formed(_) => "Formed",
        }
    }

    /// The greatest term that the message mentions.
    pub(crate) fn term_max(&self) -> Term {
        let of = |roster: &Option<Arc<Roster>>| roster.as_ref().map_or(Term(0), |r| r.version.term);
        match self {
            Self::Hello(h) | Self::HelloAck(h) => of(&h.roster),
            Self::PreVote(p) => p.roster.term,
            Self::PreVoteResp(p) => p.term.max(of(&p.roster)),
            Self::VoteReq(v) => v.term.max(v.roster.term),
            Self::Vote(v) => v.term,
            Self::Hb(h) => h.term.max(h.roster.version.term),
            Self::HbAck(a) => a.term.max(a.roster.term),
            Self::Reject(r) => r.term.max(of(&r.roster)),
            Self::Release(r) => r.term.max(r.roster.version.term),
            Self::Farewell(f) => f.term,
            Self::Formed(f) => f.roster.version.term,
            Self::HelloNack(_)
            | Self::Join(_)
            | Self::Leave
            | Self::GenesisAccept(_)
            | Self::Renounce(_)
            | Self::Renounced(_) => Term(0),
        }
    }

    /// The roster that the message carries.
    pub(crate) fn roster(&self) -> Option<&Arc<Roster>> {
        match self {
            Self::Hello(h) | Self::HelloAck(h) => h.roster.as_ref(),
            Self::PreVoteResp(p) => p.roster.as_ref(),
            Self::Hb(h) => Some(&h.roster),
            Self::Reject(r) => r.roster.as_ref(),
            Self::Release(r) => Some(&r.roster),
            Self::Formed(f) => Some(&f.roster),
            _ => None,
        }
    }
}

/// Who speaks.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Hello {
    /// The cluster's name.
    pub cluster: Arc<str>,
    /// The mode of election.
    pub mode: Mode,
    /// The speaker, and the priority that it is configured with.
    pub member: Member,
    /// What the address that it advertises resolves to there, where that is a name.
    pub ip: Option<IpAddr>,
    /// Which start of it.
    pub boot: Boot,
    /// Which process: a random number. Of one boot there is one, unless the disk was copied.
    pub run: u64,
    /// Echoed in the answer, so that an answer is known to be one.
    pub nonce: u64,
    /// Where it stands on the way into a cluster.
    pub stage: Stage,
    /// Counts what it has renounced.
    pub round: u64,
    /// Whom it has reached at the places of its list, itself included; none until all have answered.
    pub reached: Option<Vec<Inst>>,
    /// Who votes, where it is in a cluster.
    pub roster: Option<Arc<Roster>>,
}

/// Where a node stands on the way into a cluster.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Nothing is decided.
    #[default]
    Fresh,
    /// It will found this cluster with the others.
    Accepted(ClusterId),
    /// It is taking its word back.
    Leaving(ClusterId),
    /// It is in this cluster.
    Formed(ClusterId),
}

/// Why a Hello was refused.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Refusal {
    /// The other is of this cluster.
    ForeignCluster(Arc<str>),
    /// The other elects in this mode.
    ForeignMode(Mode),
    /// Both are of clusters of one name that were founded apart: this is the other's.
    SplitClusters(ClusterId),
    /// The caller has reached itself.
    Myself,
    /// Two live nodes run on copies of one disk.
    Copied,
    /// The node knows as many others as it can hold.
    Full,
    /// A later start of the caller has been heard: its disk was rolled back.
    RolledBack,
    /// A reason of a later version, or of another mode.
    Other(Arc<str>),
}

/// May I stand?
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PreVote {
    /// The roster that the asker has.
    pub roster: RosterId,
    /// Echoed.
    pub nonce: u64,
    /// Not to stand, but to know whether a quorum is reached (Q9).
    pub probe: bool,
}

/// The answer to a PreVote.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PreVoteResp {
    /// Of the question.
    pub nonce: u64,
    /// It may.
    pub granted: bool,
    /// The answerer's term.
    pub term: Term,
    /// How long until its promise to another is over.
    pub retry_after: Duration,
    /// Whom it last knew to lead.
    pub leader: Option<Inst>,
    /// Its roster, where that is newer.
    pub roster: Option<Arc<Roster>>,
}

/// A candidate asks for a vote.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct VoteReq {
    /// The candidate's term.
    pub term: Term,
    /// Its roster.
    pub roster: RosterId,
    /// When it was sent, by its own clock.
    pub stamp: Stamp,
}

/// A vote, which is a lease: the voter promises itself to nobody else for `lease`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Vote {
    /// In which term.
    pub term: Term,
    /// For whom.
    pub candidate: Inst,
    /// Of the candidate's clock: before the promise was made.
    pub stamp: Stamp,
    /// Of which start of the candidate.
    pub boot: Boot,
    /// How long the promise holds, on the voter's clock.
    pub lease: Duration,
}

/// The leader lives.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Hb {
    /// Its term.
    pub term: Term,
    /// Who votes.
    pub roster: Arc<Roster>,
    /// When it was sent, by the leader's clock.
    pub stamp: Stamp,
}

/// The lease is renewed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HbAck {
    /// The leader's term.
    pub term: Term,
    /// The roster that the voter has on disk.
    pub roster: RosterId,
    /// Of the heartbeat.
    pub stamp: Stamp,
    /// How long the promise holds, on the voter's clock.
    pub lease: Duration,
    /// When it was sent, by the voter's clock.
    pub sent: Stamp,
    /// It may vote and lead: its silence after a start is over.
    pub unmuted: bool,
    /// It is better ranked, and reaches a quorum (Q9).
    pub wants: bool,
}

/// A heartbeat or a candidate came too late.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reject {
    /// The receiver's term.
    pub term: Term,
    /// Its roster, where that is newer.
    pub roster: Option<Arc<Roster>>,
}

/// What was promised to the sender up to `term` is no longer needed, and it will not act in those
/// terms again.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Release {
    /// Up to this term.
    pub term: Term,
    /// To whom the reign is handed.
    pub target: Option<Target>,
    /// The sender's roster.
    pub roster: Arc<Roster>,
}

/// To whom a reign is handed (Q8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Target {
    /// Who.
    pub inst: Inst,
    /// A moment of its clock, before any promise of this handover.
    pub stamp: Stamp,
    /// Of which start.
    pub boot: Boot,
}

/// A dead node's guardian releases what was promised to it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Farewell {
    /// Of which cluster.
    pub cluster: ClusterId,
    /// Who is dead.
    pub inst: Inst,
    /// The last term that it announced.
    pub term: Term,
}

/// A node that is no member asks to become one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Join {
    /// The cluster that it means.
    pub cluster: ClusterId,
}

/// A founder agrees to found a cluster.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct GenesisAccept {
    /// Which.
    pub cluster: ClusterId,
    /// Its own record.
    pub member: Member,
}

/// The cluster exists.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Formed {
    /// Which.
    pub cluster: ClusterId,
    /// Who votes.
    pub roster: Arc<Roster>,
}
