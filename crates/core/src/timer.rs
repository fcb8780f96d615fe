//! Deadlines and round trips.

use core::time::Duration;

use crate::types::Tick;

/// The earliest of the deadlines it was given.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Earliest(Option<Tick>);

impl Earliest {
    pub(crate) fn at(&mut self, deadline: Tick) {
        self.0 = Some(self.0.map_or(deadline, |have| have.min(deadline)));
    }

    pub(crate) fn maybe(&mut self, deadline: Option<Tick>) {
        if let Some(deadline) = deadline {
            self.at(deadline);
        }
    }

    pub(crate) fn get(self) -> Option<Tick> {
        self.0
    }
}

/// The round trip of a neighbour: the least of the last eight, so that neither a busy machine
/// nor a lost packet makes the node wait longer than the network asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct RoundTrip {
    last: [Option<Duration>; 8],
    next: usize,
}

impl RoundTrip {
    pub(crate) fn record(&mut self, took: Duration) {
        self.last[self.next % self.last.len()] = Some(took);
        self.next = (self.next + 1) % self.last.len();
    }

    pub(crate) fn get(&self) -> Option<Duration> {
        self.last.iter().flatten().min().copied()
    }
}

/// When to probe an address next: at P, doubling while nothing changes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Probe {
    pub(crate) at: Tick,
    pub(crate) pause: Duration,
    /// Up to this the pause doubles.
    pub(crate) longest: Duration,
}

impl Probe {
    pub(crate) fn first(now: Tick, pause: Duration, longest: Duration) -> Self {
        Self { at: now.after(pause), pause, longest }
    }

    pub(crate) fn again(&mut self, now: Tick) {
        self.pause = (self.pause * 2).min(self.longest);
        self.at = now.after(self.pause);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_round_trip_is_the_least_of_the_last_eight() {
        let mut rtt = RoundTrip::default();
        assert_eq!(rtt.get(), None);
        for ms in [5, 1, 9, 9, 9, 9, 9, 9] {
            rtt.record(Duration::from_millis(ms));
        }
        assert_eq!(rtt.get(), Some(Duration::from_millis(1)));
        rtt.record(Duration::from_millis(7));
        rtt.record(Duration::from_millis(7));
        assert_eq!(rtt.get(), Some(Duration::from_millis(7)));
    }

    #[test]
    fn a_probe_doubles_its_pause_up_to_the_longest() {
        let max = Duration::from_secs(3);
        let mut probe = Probe::first(Tick(0), Duration::from_secs(1), max);
        probe.again(probe.at);
        assert_eq!(probe.pause, Duration::from_secs(2));
        probe.again(probe.at);
        assert_eq!((probe.pause, probe.at), (max, Tick(6_000_000_000)));
    }
}
