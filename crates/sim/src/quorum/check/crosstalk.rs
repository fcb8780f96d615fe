//! NoCrossTalk: nothing that a node of another cluster says changes a record.

use bully_core::quorum::{Message, Stored};

use super::World;
use crate::quorum::cover::Seen;
use crate::quorum::wire::Origin;

/// A record before a foreign message.
#[derive(Clone, Debug)]
pub(crate) struct Before {
    stored: Stored,
    said: &'static str,
    by: usize,
}

impl World {
    /// What a record is before a message of another cluster, if this is one.
    pub(super) fn before_foreign(
        &mut self,
        host: usize,
        origin: &Origin,
        message: &Message,
    ) -> Option<Before> {
        let owner = &self.hosts[host];
        let record = owner.node()?.record();
        let is_other_name = owner.setup.cluster != self.hosts[origin.host].setup.cluster;
        let is_other = matches!((origin.cluster, record.cluster), (Some(a), Some(b)) if a != b);
        if !is_other_name && !is_other {
            return None;
        }
        let before = Before { stored: record.clone(), said: message.name(), by: origin.host };
        self.cover.saw(Seen::ForeignMessage);
        Some(before)
    }

    pub(super) fn untouched(&self, host: usize, before: &Before) -> Result<(), String> {
        match self.record(host) {
            Some(record) if *record != before.stored => {
                let Before { stored, said, by } = before;
                Err(format!("NoCrossTalk: {said} of {by} made {stored:?} into {record:?}"))
            }
            _ => Ok(()),
        }
    }
}
