//! GenesisUnique: no two clusters that share a founder, as long as no founder's disk was lost.

use std::collections::{BTreeMap, BTreeSet};

use bully_core::Inst;
use bully_core::quorum::{ClusterId, Stored};

/// Who was to found what, and what was founded.
#[derive(Clone, Debug, Default)]
pub(super) struct Foundings {
    founders: BTreeMap<ClusterId, Vec<Inst>>,
    /// What each host's disk is of.
    formed: BTreeMap<usize, ClusterId>,
}

impl Foundings {
    pub(super) fn disk_replaced(&mut self, host: usize) {
        self.formed.remove(&host);
    }

    pub(super) fn synced(
        &mut self,
        host: usize,
        new: &Stored,
        lost: &BTreeSet<Inst>,
    ) -> Result<(), String> {
        for founding in new.accept.iter().chain(&new.leaving) {
            let insts = founding.founders.iter().map(|(inst, _)| *inst);
            self.founders.entry(founding.cluster).or_insert_with(|| insts.collect());
        }
        let Some(cluster) = new.cluster else {
            return Ok(());
        };
        if self.formed.insert(host, cluster) == Some(cluster) {
            return Ok(());
        }
        // The founding of one alone is never seen as agreed to, but formed at once.
        let members = new.roster.members.iter().map(|m| m.inst);
        let mine = self.founders.entry(cluster).or_insert_with(|| members.collect()).clone();
        for (other_host, other) in &self.formed {
            let Some(theirs) = self.founders.get(other).filter(|_| *other != cluster) else {
                continue;
            };
            let shares = mine.iter().any(|inst| theirs.contains(inst));
            let is_lost = mine.iter().chain(theirs).any(|inst| lost.contains(inst));
            if shares && !is_lost {
                return Err(format!(
                    "GenesisUnique: {cluster:?} of {mine:?}, and on {other_host} {other:?} of {theirs:?}"
                ));
            }
        }
        Ok(())
    }
}
