//! A1: the start of a node.

use alloc::collections::BTreeSet;

use super::{Bully, Role};
use crate::event::{Cause, DialError, Event};
use crate::types::Address;

impl Bully {
    /// Dials the whole list side by side. The listener is bound already (N1), so that of any two
    /// nodes that start together at least one dial succeeds.
    pub(super) fn on_start(&mut self) {
        let own = self.me.id.clone();
        if let Some(place) = self.places.get_mut(&own) {
            place.is_self = true;
        }
        let pending: BTreeSet<Address> =
            self.places.iter().filter(|(_, p)| !p.is_self).map(|(a, _)| a.clone()).collect();
        let until = self.now.fast.after(self.config.join());
        self.stable_since = self.now.fast;
        self.role = Role::Joining { until, pending: pending.clone() };
        for address in &pending {
            self.dial(address);
        }
        self.probes_dirty = true;
        self.join_due();
    }

    /// A listed address has answered, in whatever way.
    pub(super) fn join_answered(&mut self, address: &Address) {
        if let Role::Joining { pending, .. } = &mut self.role {
            pending.remove(address);
            self.join_due();
        }
    }

    /// Whether a failed dial counts as an answer: it does where no better one is to be expected.
    pub(super) fn is_answer(reason: &DialError) -> bool {
        !matches!(reason, DialError::TimedOut | DialError::Reset)
    }

    /// Ends the join when all have answered, or after 2h.
    pub(super) fn join_due(&mut self) {
        let Role::Joining { until, pending } = &self.role else {
            return;
        };
        if !pending.is_empty() && self.now.fast < *until {
            return;
        }
        if !self.duplicate.is_empty() {
            self.wait_for_address();
            return;
        }
        self.start_election(Cause::Join);
    }

    /// Another live node holds this node's address: stand aside until it is gone.
    pub(super) fn wait_for_address(&mut self) {
        if let (Role::Leading(_), Some(claim)) = (&self.role, self.claim.clone()) {
            self.event(Event::Deposed { claim, cause: Cause::DuplicateId });
        }
        self.role = Role::Waiting;
        self.probes_dirty = true;
    }

    /// An address that had refused this node as a duplicate no longer does.
    pub(super) fn no_longer_duplicate(&mut self, address: &Address) {
        if self.duplicate.remove(address).is_some()
            && self.duplicate.is_empty()
            && matches!(self.role, Role::Waiting)
        {
            self.start_election(Cause::Join);
        }
    }
}
