//! The clock that all processes of a run share: hosts of the lab have networks of their own, but
//! one kernel.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// A moment of CLOCK_MONOTONIC, in nanoseconds: comparable between processes of this machine.
pub type Nanos = u64;

/// Now.
pub fn now() -> Nanos {
    let time = clock_gettime(ClockId::Monotonic);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    seconds * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap_or(0)
}

/// A duration in nanoseconds.
pub fn nanos(duration: Duration) -> Nanos {
    u64::try_from(duration.as_nanos()).unwrap_or(Nanos::MAX)
}

/// A time in milliseconds, for tables.
#[allow(clippy::cast_precision_loss, reason = "a table shows three digits")]
pub fn millis(nanos: Nanos) -> f64 {
    nanos as f64 / 1e6
}
