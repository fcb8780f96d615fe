//! Q12: a node that is served late by its machine holds back.

use super::Quorum;

impl Quorum {
    /// Before anything else in a step: whether it comes later than it was asked for.
    pub(super) fn note_lateness(&mut self) {
        let heartbeat = self.config.heartbeat;
        let is_late = self.armed.is_some_and(|at| self.now.fast.since(at) > heartbeat);
        if is_late && !cfg!(bully_mutant = "lateness-unnoticed") {
            self.late_until = self.now.fast.after(heartbeat * 10);
        }
    }

    pub(super) fn is_late(&self) -> bool {
        self.now.fast < self.late_until
    }
}
