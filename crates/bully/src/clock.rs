//! The clocks of PROTOCOL.md section 1: never `std::time::Instant`, whose clock stops while a
//! machine is suspended.

use std::sync::Mutex;
use std::time::{SystemTime, UNIX_EPOCH};

use bully_core::{Now, Tick};
use rustix::time::{ClockId, clock_gettime};

/// Samples of BOOTTIME, MONOTONIC and MONOTONIC_RAW, in nanoseconds.
type Sample = [u64; 3];

/// A fast clock, never slower than any of the machine's three, and a slow one, never faster.
/// Both begin near zero.
#[derive(Debug)]
pub(crate) struct Clock {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    last: Sample,
    fast: u64,
    slow: u64,
}

impl Clock {
    pub(crate) fn new() -> Self {
        // Not zero: "an hour ago" must be a moment, too.
        let start = 1_000_000_000_000_000;
        Self { state: Mutex::new(State { last: sample(), fast: start, slow: start }) }
    }

    pub(crate) fn now(&self) -> Now {
        let mut state = self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        state.advance(sample());
        Now { fast: Tick(state.fast), slow: Tick(state.slow), wall_ms: wall_ms(SystemTime::now()) }
    }
}

impl State {
    fn advance(&mut self, new: Sample) {
        let deltas = [0, 1, 2].map(|i: usize| new[i].saturating_sub(self.last[i]));
        self.fast += deltas.into_iter().max().unwrap_or(0);
        self.slow += deltas.into_iter().min().unwrap_or(0);
        self.last = new;
    }
}

fn sample() -> Sample {
    [ClockId::Boottime, ClockId::Monotonic, ClockId::MonotonicRaw].map(|id| {
        let time = clock_gettime(id);
        let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
        seconds * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap_or(0)
    })
}

/// Milliseconds since 1970; 0 before.
pub(crate) fn wall_ms(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fast_clock_takes_the_largest_step_and_the_slow_one_the_smallest() {
        let mut state = State { last: [10, 10, 10], fast: 0, slow: 0 };
        state.advance([40, 20, 30]);
        assert_eq!((state.fast, state.slow), (30, 10));
    }

    #[test]
    fn neither_clock_ever_goes_back() {
        let mut state = State { last: [10, 10, 10], fast: 5, slow: 5 };
        state.advance([0, 0, 0]);
        assert_eq!((state.fast, state.slow), (5, 5));
        state.advance([10, 0, 0]);
        assert_eq!((state.fast, state.slow), (15, 5));
    }

    #[test]
    fn both_clocks_advance() {
        let clock = Clock::new();
        let first = clock.now();
        while clock.now().slow == first.slow {
            std::thread::yield_now();
        }
        assert!(clock.now().fast > first.fast);
    }
}
