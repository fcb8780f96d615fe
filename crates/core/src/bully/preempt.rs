//! A6: a strictly higher priority takes over, after a hold that grows where leaders change often.

use core::time::Duration;

use super::{Bully, Role};
use crate::event::Cause;
use crate::types::Tick;

/// Changes of leader are counted over this long.
const WINDOW: Duration = Duration::from_secs(60);
/// The hold doubles at most this often.
const DOUBLINGS_MAX: u32 = 6;

impl Bully {
    /// hold₀·2^min(c,6): the first change in a minute is free. The leader states it to all, so
    /// that it outlives the restarts of a node that comes and goes.
    pub(super) fn stated_hold(&self) -> Duration {
        let since = self.now.fast.before(WINDOW);
        let changes = self.changes.iter().filter(|at| **at >= since).count();
        let doublings = u32::try_from(changes.saturating_sub(1)).unwrap_or(DOUBLINGS_MAX);
        self.config.hold() * (1 << doublings.min(DOUBLINGS_MAX))
    }

    fn hold_in_force(&self) -> Duration {
        if cfg!(bully_mutant = "damping-not-shared") { self.stated_hold() } else { self.hold }
    }

    /// When this node takes over, if nothing changes until then.
    pub(super) fn preempt_deadline(&self) -> Option<Tick> {
        let claim = self.claim.as_ref()?;
        let leader = self.remotes.get(&claim.id)?;
        let may = self.config.preempt
            && matches!(self.role, Role::Following)
            && self.via.as_ref() == Some(&claim.id)
            && (self.me.priority > leader.member.priority || cfg!(bully_mutant = "equals-preempt"))
            && self.betters() == 0;
        may.then(|| self.stable_since.after(self.hold_in_force()))
    }

    pub(super) fn preempt_due(&mut self) {
        if self.preempt_deadline().is_some_and(|at| self.now.fast >= at) {
            self.lead(Cause::Priority);
        }
    }
}
