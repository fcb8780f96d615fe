//! When a node wants to be woken.

use core::time::Duration;

use crate::types::{Now, Tick};

/// The earliest of deadlines on two clocks.
pub(super) struct Due {
    now: Now,
    pause: Option<Duration>,
}

impl Due {
    pub(super) fn new(now: Now) -> Self {
        Self { now, pause: None }
    }

    /// How long until the first of them; none if there is none.
    pub(super) fn get(&self) -> Option<Duration> {
        self.pause
    }

    pub(super) fn fast(&mut self, at: Tick) {
        self.pause(at.since(self.now.fast));
    }

    pub(super) fn maybe_fast(&mut self, at: Option<Tick>) {
        if let Some(at) = at {
            self.fast(at);
        }
    }

    pub(super) fn slow(&mut self, at: Tick) {
        self.pause(at.since(self.now.slow));
    }

    fn pause(&mut self, pause: Duration) {
        self.pause = Some(self.pause.map_or(pause, |have| have.min(pause)));
    }
}
