//! Chance, and how long it is given.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How long, unless the environment says for how many seconds (`make soak`).
pub(crate) fn lasting(usual: Duration) -> Duration {
    let given = std::env::var("SOAK").ok().filter(|text| !text.is_empty());
    given.map_or(usual, |text| Duration::from_secs(text.parse().expect("SOAK is of seconds")))
}

/// A small generator, so that a seed repeats the order of the faults (though not their timing).
pub(crate) struct Dice {
    seed: u64,
    state: u64,
}

impl Dice {
    /// Seeded by the environment or else by the time, and says how.
    pub(crate) fn new() -> Self {
        let given = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok());
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis();
        let seed =
            given.unwrap_or_else(|| u64::try_from(now).expect("before the year 500 million"));
        println!("SEED={seed}");
        Self { seed, state: seed }
    }

    /// What repeats the order.
    #[allow(dead_code, reason = "not every program of tests that includes this shows it")]
    pub(crate) fn seed(&self) -> u64 {
        self.seed
    }

    pub(crate) fn roll(&mut self, sides: usize) -> usize {
        // Knuth's MMIX constants.
        self.state = self
            .state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.state >> 33).expect("31 bits") % sides
    }

    /// A pause of fewer milliseconds than that.
    pub(crate) fn pause(&mut self, below: usize) -> Duration {
        Duration::from_millis(u64::try_from(self.roll(below)).expect("small"))
    }
}
