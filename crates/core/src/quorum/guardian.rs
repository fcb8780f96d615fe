//! Q13: what a guardian is told, and what it says once its node is dead.
//!
//! The guardian is the parent process of the node. It may say farewell only when (a) it has reaped
//! the node, and (b) every process that acts on the node's leadership is dead. It says so in the term
//! of the last pact, never in a greater one, and only then starts the node again.

use alloc::vec::Vec;

use super::Quorum;
use super::message::{Farewell, Message};
use super::words::{ClusterId, Term};
use crate::node::LinkId;
use crate::types::{Address, Inst};

/// What a node hands to its guardian while it lives.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pact {
    /// Its cluster.
    pub cluster: ClusterId,
    /// The node.
    pub inst: Inst,
    /// The greatest term in which it may lead. On disk before it is announced.
    pub term: Term,
    /// Every member that may have promised itself to the node.
    pub members: Vec<Address>,
}

impl Pact {
    /// What to send to each of [`Pact::members`], as the first and only message of a connection.
    pub fn farewell(&self) -> Message {
        let Self { cluster, inst, term, .. } = *self;
        let term =
            if cfg!(bully_mutant = "farewell-of-a-guessed-term") { Term(term.0 + 1) } else { term };
        Message::Farewell(Farewell { cluster, inst, term })
    }
}

impl Quorum {
    /// Announces what is new. Called before anything is sent that a member may answer by a promise.
    pub(super) fn announce_pact(&mut self) {
        let Some(cluster) = self.stored.cluster.filter(|_| self.config.guardian) else {
            return;
        };
        let Some(term) = self.pact_term else { return };
        let prev = self.prev.as_ref().filter(|_| !cfg!(bully_mutant = "pact-without-previous"));
        let rosters = core::iter::once(&self.stored.roster).chain(prev);
        let others = rosters.flat_map(|r| &r.members).filter(|m| m.inst != self.stored.inst);
        let mut members: Vec<Address> = others.map(|m| m.id.clone()).collect();
        members.sort();
        members.dedup();
        let pact = Pact { cluster, inst: self.stored.inst, term, members };
        if self.pact.as_ref() != Some(&pact) {
            self.pact = Some(pact.clone());
            self.out.push_back(super::Output::Announce(pact));
        }
    }

    pub(super) fn on_farewell(&mut self, link: LinkId, farewell: &Farewell) {
        let is_ours = Some(farewell.cluster) == self.stored.cluster
            || cfg!(bully_mutant = "farewell-of-any-cluster");
        if is_ours && farewell.inst != self.stored.inst {
            self.released_by(farewell.inst, farewell.term);
        }
        // Only a connection that no Hello was said on is a guardian's.
        if !self.links.contains_key(&link) {
            self.out.push_back(super::Output::Close { link });
        }
    }
}
