//! The clocks of a machine.

use bully_core::{Now, Tick};

/// A rate of one: ticks per million nanoseconds of true time.
const EXACT: u64 = 1_000_000;

/// A clock that runs at a constant rate, until that is changed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    /// In true time, when it showed `tick`.
    since: u64,
    tick: u64,
    /// Per million nanoseconds; 0 while it stands still.
    rate: u64,
}

impl Clock {
    fn new(now: u64, tick: u64, error_ppm: i64) -> Self {
        Self { since: now, tick, rate: EXACT.saturating_add_signed(error_ppm) }
    }

    fn at(&self, now: u64) -> u64 {
        let passed = u128::from(now - self.since) * u128::from(self.rate) / u128::from(EXACT);
        self.tick + u64::try_from(passed).unwrap_or(u64::MAX / 2)
    }

    fn set_rate(&mut self, now: u64, rate: u64) {
        (self.tick, self.since, self.rate) = (self.at(now), now, rate);
    }

    /// How long in true time until so many ticks have passed, rounded up.
    fn true_time(&self, ticks: u64) -> u64 {
        let rate = u128::from(self.rate.max(1));
        let wide = (u128::from(ticks) * u128::from(EXACT)).div_ceil(rate);
        u64::try_from(wide).unwrap_or(u64::MAX / 4).min(u64::MAX / 4)
    }
}

/// What stands still, and what goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    None,
    /// The machine sleeps: its slow clock stands still, its fast clock counts.
    Asleep,
    /// The virtual machine is halted: of all its clocks none counts, and only the wall clock knows.
    Halted,
}

/// The two monotonic clocks of a machine, from its power-on, and the errors of their rates.
#[derive(Clone, Debug)]
pub(crate) struct Clocks {
    fast: Clock,
    slow: Clock,
    rates: (u64, u64),
    pub(crate) standing: Standing,
}

impl Clocks {
    /// Clocks that show other numbers than those of any other power-on.
    pub(crate) fn new(now: u64, zero: u64, errors_ppm: (i64, i64)) -> Self {
        let fast = Clock::new(now, zero, errors_ppm.0);
        let slow = Clock::new(now, zero / 2, errors_ppm.1);
        Self { fast, slow, rates: (fast.rate, slow.rate), standing: Standing::None }
    }

    pub(crate) fn now(&self, now: u64, wall_ms: u64) -> Now {
        Now {
            fast: Tick(self.fast.at(now)),
            slow: Tick(self.slow.at(now)),
            wall_ms: wall_ms + now / 1_000_000,
        }
    }

    pub(crate) fn stand(&mut self, now: u64, standing: Standing) {
        self.standing = standing;
        let (fast, slow) = self.rates;
        self.fast.set_rate(now, if standing == Standing::Halted { 0 } else { fast });
        self.slow.set_rate(now, if standing == Standing::None { slow } else { 0 });
    }

    /// The first moment in true time at which the fast clock shows `tick`; `now` if that is past.
    pub(crate) fn when_fast(&self, now: u64, tick: Tick) -> u64 {
        let ticks = tick.0.saturating_sub(self.fast.tick);
        now.max(self.fast.since + self.fast.true_time(ticks))
    }

    /// How long a wait is in true time, if it is measured by the slower of the clocks, awake.
    pub(crate) fn wait(&self, ticks: u64) -> u64 {
        let awake = Clock { rate: self.rates.1, ..self.slow };
        awake.true_time(ticks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_err_by_their_rates_and_stand_still_when_told() {
        let mut clocks = Clocks::new(1_000, 50, (5_000, -5_000));
        let at = |clocks: &Clocks, now| {
            let now = clocks.now(now, 7);
            (now.fast.0 - 50, now.slow.0 - 25)
        };
        assert_eq!(at(&clocks, 1_001_000), (1_005_000, 995_000));
        clocks.stand(1_001_000, Standing::Asleep);
        assert_eq!(at(&clocks, 2_001_000), (2_010_000, 995_000));
        clocks.stand(2_001_000, Standing::Halted);
        assert_eq!(at(&clocks, 3_001_000), (2_010_000, 995_000));
        clocks.stand(3_001_000, Standing::None);
        assert_eq!(at(&clocks, 4_001_000), (3_015_000, 1_990_000));
        assert_eq!(clocks.when_fast(4_001_000, Tick(50 + 3_015_000 + 1_005)), 4_002_000);
        assert_eq!(clocks.wait(995), 1_000);
    }
}
