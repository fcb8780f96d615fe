//! What a node keeps on disk, in one record.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use super::words::{Boot, ClusterId, Member, Roster, RosterId, Term};
use crate::types::{Address, Inst};

/// The durable record of a node. A driver writes it whole, syncs it, and only then says so.
///
/// A record that cannot be read is a lost disk: give [`super::Node::new`] none.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Stored {
    /// Who this node is.
    pub inst: Inst,
    /// Counts its starts.
    pub boot: Boot,
    /// The address that it advertised last.
    pub id: Address,
    /// Its cluster, once that is formed.
    pub cluster: Option<ClusterId>,
    /// The greatest term that it has taken part in.
    pub term: Term,
    /// Whom it voted for in that term.
    pub voted_for: Option<Inst>,
    /// Who votes.
    pub roster: Arc<Roster>,
    /// It has promised no longer than this.
    pub lease_max: Duration,
    /// Counts what it has renounced before it was in a cluster.
    pub round: u64,
    /// The cluster that it has agreed to found.
    pub accept: Option<Founding>,
    /// The cluster that it takes its word back from.
    pub leaving: Option<Founding>,
}

/// A cluster that is to be founded, and by whom.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Founding {
    /// Which cluster: a hash of its name, its founders and their rounds.
    pub cluster: ClusterId,
    /// The founders and where each was reached, this node included, in the order of their instances.
    pub founders: Vec<(Inst, Address)>,
}

impl Founding {
    /// The founders but for `me`.
    pub(crate) fn others(&self, me: Inst) -> Vec<Inst> {
        self.founders.iter().map(|(inst, _)| *inst).filter(|inst| *inst != me).collect()
    }
}

impl Stored {
    /// A node that has never been anywhere.
    pub(crate) fn fresh(inst: Inst, id: Address) -> Self {
        Self {
            inst,
            boot: Boot(0),
            id,
            cluster: None,
            term: Term(0),
            voted_for: None,
            roster: Arc::new(Roster::default()),
            lease_max: Duration::ZERO,
            round: 0,
            accept: None,
            leaving: None,
        }
    }

    /// **Unsafe for data:** a cluster of this node alone, for an operator who knows that every other
    /// member is gone for good. Nothing can check that; whoever comes back makes a second cluster.
    /// The new cluster's tokens exceed those of the old one by a million terms.
    #[must_use]
    pub fn recover(mut self, cluster: ClusterId, priority: u32, wall_ms: u64) -> Self {
        let term = (self.term.0 + 1_000_000).max(wall_ms / 1_000);
        let term = Term(term.min(crate::types::NUMBER_MAX));
        let me = Member { inst: self.inst, id: self.id.clone(), priority: priority.max(1) };
        let version = RosterId { term, version: self.roster.version.version + 1 };
        self.roster = Arc::new(Roster { version, members: [me].into(), removed: Vec::new() });
        (self.cluster, self.term, self.voted_for) = (Some(cluster), term, None);
        (self.accept, self.leaving) = (None, None);
        self
    }

    /// The record of a node that gives up a founding which can never be completed, since a founder
    /// is gone for good. That founder must be wiped should it come back.
    ///
    /// # Errors
    /// If the node is in a cluster: then it has voted and promised, and must not forget it.
    pub fn reset_genesis(self, fresh: Inst) -> Result<Self, AlreadyFormed> {
        match self.cluster {
            Some(cluster) => Err(AlreadyFormed(cluster)),
            None => Ok(Self::fresh(fresh, self.id)),
        }
    }
}

/// A node that is in a cluster cannot begin anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AlreadyFormed(pub ClusterId);

impl fmt::Display for AlreadyFormed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the node is a member of cluster {:?}", self.0)
    }
}

impl core::error::Error for AlreadyFormed {}
