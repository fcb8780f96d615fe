//! The goals, each with the row of the table by which it is judged.

use crate::figure::{ALLOCATIONS, BUSY, BYTES, CPU, LEADER_CPU, MEMORY};
use crate::figure::{FAILOVER, FIRST_ANSWER, FLOOR, OWN_STAMPS, SILENT_ADDRESSES, START};
use crate::figure::{HANDOVER, QUORUM_BUSY, QUORUM_STALLS, SYNCS};
use crate::figure::{HANDOVER_DARK, HANDOVER_FAILED, HANDOVER_SLOWEST};
use crate::report::{Report, Values};
use crate::system::{ELECTION, EQUAL, QUICK, QUORUM, SECRET, SECRET_QUORUM};

/// What of a row is judged.
#[derive(Clone, Copy, Debug)]
pub enum Statistic {
    Median,
    Max,
    /// How many trials are above 50 ms.
    Over50,
}

/// Something that the figures ought to show.
#[derive(Clone, Copy, Debug)]
pub struct Goal {
    pub words: &'static str,
    pub figure: &'static str,
    pub system: &'static str,
    pub nodes: usize,
    pub statistic: Statistic,
    pub limit: Limit,
}

/// What it must not exceed.
#[derive(Clone, Copy, Debug)]
pub enum Limit {
    At(f64),
    /// So many times the median of another row.
    Times(f64, &'static str, &'static str, usize),
}

/// What the figures say of a goal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Met,
    Missed,
    NotMeasured,
}

const ETCD: &str = "etcd 100/1000 ms";

const fn goal(
    words: &'static str,
    figure: &'static str,
    nodes: usize,
    statistic: Statistic,
    limit: Limit,
) -> Goal {
    Goal { words, figure, system: "bully", nodes, statistic, limit }
}

use Limit::{At, Times};
use Statistic::{Max, Median, Over50};

/// All goals, in the order in which they are printed.
#[rustfmt::skip]
pub const ALL: &[Goal] = &[
    goal("kill -9, own stamps, 3 nodes: median under 1 ms", OWN_STAMPS, 3, Median, At(1.0)),
    goal("kill -9, own stamps, 7 nodes: median under 2 ms", OWN_STAMPS, 7, Median, At(2.0)),
    goal("kill -9, own stamps: at most 3 times the floor", OWN_STAMPS, 3, Median, Times(3.0, FLOOR, "floor", 3)),
    goal("kill -9, observed, 3 nodes: median under 2.2 ms", FAILOVER[0], 3, Median, At(2.2)),
    goal("kill -9, observed, 7 nodes: median under 4 ms", FAILOVER[0], 7, Median, At(4.0)),
    goal("kill -9, 3 nodes: no trial over 50 ms", FAILOVER[0], 3, Over50, At(0.0)),
    goal("kill -9, 7 nodes: no trial over 50 ms", FAILOVER[0], 7, Over50, At(0.0)),
    goal("SIGTERM: no question fails", HANDOVER_FAILED, 3, Max, At(0.0)),
    goal("SIGTERM: no answer takes over 5 ms", HANDOVER_SLOWEST, 3, Max, At(5.0)),
    goal("SIGTERM: the leaving node answers until it exits (1 ms)", HANDOVER_DARK, 3, Max, At(1.0)),
    goal("SIGSTOP: under 600 ms", FAILOVER[2], 3, Max, At(600.0)),
    goal("vanish: under 600 ms", FAILOVER[3], 3, Max, At(600.0)),
    goal("start to first answer: under 15 ms", FIRST_ANSWER, 1, Max, At(15.0)),
    goal("two silent addresses: first answer under 300 ms", SILENT_ADDRESSES, 1, Max, At(300.0)),
    goal("3 at once agree: worst under 500 ms", START, 3, Max, At(500.0)),
    goal("7 at once agree: worst under 500 ms", START, 7, Max, At(500.0)),
    goal("15 at once agree: worst under 500 ms", START, 15, Max, At(500.0)),
    goal("vanish: at 320 ms as soon as etcd at its defaults", FAILOVER[3], 3, Median, Times(1.0, FAILOVER[3], ETCD, 3)).of(EQUAL),
    goal("idle bytes of the leader of 3, at etcd's detection time: a quarter of etcd's", BYTES[0], 3, Median, Times(0.25, BYTES[0], ETCD, 3)).of(EQUAL),
    goal("idle bytes of a follower of 3: a quarter of etcd's", BYTES[1], 3, Median, Times(0.25, BYTES[1], ETCD, 3)).of(EQUAL),
    goal("idle CPU of the leader of 3: a tenth of etcd's", CPU[0], 3, Median, Times(0.1, CPU[0], ETCD, 3)).of(EQUAL),
    goal("idle CPU of a follower of 3: a tenth of etcd's", CPU[1], 3, Median, Times(0.1, CPU[1], ETCD, 3)).of(EQUAL),
    goal("idle CPU of the leader, 100 to 25: at most linear (4.5 times)", CPU[0], 100, Median, Times(4.5, CPU[0], "bully", 25)),
    goal("idle CPU of a follower, 100 to 7: constant (1.5 times)", CPU[1], 100, Median, Times(1.5, CPU[1], "bully", 7)),
    goal("idle bytes of the leader, 100 to 25: at most linear (4.5 times)", BYTES[0], 100, Median, Times(4.5, BYTES[0], "bully", 25)),
    goal("idle bytes of a follower, 100 to 7: constant (1.5 times)", BYTES[1], 100, Median, Times(1.5, BYTES[1], "bully", 7)),
    goal("the core allocates nothing at steady state", ALLOCATIONS[0], 3, Max, At(0.0)),
    goal("resident memory at 7 nodes: under 12 MiB", MEMORY, 7, Max, At(12.0)),
    goal("/leader, 32 keep-alive connections: under 10 µs CPU", LEADER_CPU[0], 3, Median, At(10.0)),
    goal("no false takeover with four busy processes a core", BUSY, 3, Max, At(0.0)),
    goal("quorum, kill -9 without guardian: median at most 1.1 s", FAILOVER[0], 3, Median, At(1_100.0)).of(QUORUM),
    goal("quorum, kill -9 without guardian: worst under 1.5 s", FAILOVER[0], 3, Max, At(1_500.0)).of(QUORUM),
    goal("quorum, SIGSTOP: median at most 1.1 s", FAILOVER[2], 3, Median, At(1_100.0)).of(QUORUM),
    goal("quorum, SIGSTOP: worst under 1.5 s", FAILOVER[2], 3, Max, At(1_500.0)).of(QUORUM),
    goal("quorum, vanish: median at most 1.1 s", FAILOVER[3], 3, Median, At(1_100.0)).of(QUORUM),
    goal("quorum, vanish: worst under 1.5 s", FAILOVER[3], 3, Max, At(1_500.0)).of(QUORUM),
    goal("quorum, a lease of 300 ms, kill -9: under 350 ms", FAILOVER[0], 3, Max, At(350.0)).of(QUICK),
    goal("quorum, a lease of 300 ms, SIGSTOP: under 350 ms", FAILOVER[2], 3, Max, At(350.0)).of(QUICK),
    goal("quorum, a lease of 300 ms, vanish: under 350 ms", FAILOVER[3], 3, Max, At(350.0)).of(QUICK),
    goal("quorum, kill -9: no later than etcd's servers", FAILOVER[0], 3, Median, Times(1.0, FAILOVER[0], ETCD, 3)).of(QUORUM),
    goal("quorum, kill -9: no later than an election in etcd", FAILOVER[0], 3, Median, Times(1.0, FAILOVER[0], ELECTION, 3)).of(QUORUM),
    goal("quorum, SIGSTOP: no later than etcd's servers", FAILOVER[2], 3, Median, Times(1.0, FAILOVER[2], ETCD, 3)).of(QUORUM),
    goal("quorum, SIGSTOP: no later than an election in etcd", FAILOVER[2], 3, Median, Times(1.0, FAILOVER[2], ELECTION, 3)).of(QUORUM),
    goal("quorum, vanish: no later than etcd's servers", FAILOVER[3], 3, Median, Times(1.0, FAILOVER[3], ETCD, 3)).of(QUORUM),
    goal("quorum, vanish: no later than an election in etcd", FAILOVER[3], 3, Median, Times(1.0, FAILOVER[3], ELECTION, 3)).of(QUORUM),
    goal("quorum, SIGTERM: nobody leads for less than 5 ms", HANDOVER[0], 3, Max, At(5.0)).of(QUORUM),
    goal("quorum, transfer: nobody leads for less than 5 ms", HANDOVER[1], 3, Max, At(5.0)).of(QUORUM),
    goal("quorum, a lease of 300 ms, SIGTERM: nobody leads for less than 5 ms", HANDOVER[0], 3, Max, At(5.0)).of(QUICK),
    goal("quorum, a lease of 300 ms, transfer: nobody leads for less than 5 ms", HANDOVER[1], 3, Max, At(5.0)).of(QUICK),
    goal("quorum, SIGTERM: no longer than etcd's servers", HANDOVER[0], 3, Median, Times(1.0, HANDOVER[0], ETCD, 3)).of(QUORUM),
    goal("quorum, SIGTERM: no longer than an election in etcd", HANDOVER[0], 3, Median, Times(1.0, HANDOVER[0], ELECTION, 3)).of(QUORUM),
    goal("quorum, at rest: no syncs, 3 nodes", SYNCS, 3, Max, At(0.0)).of(QUORUM),
    goal("quorum, at rest: no syncs, 5 nodes", SYNCS, 5, Max, At(0.0)).of(QUORUM),
    goal("quorum, at rest: no syncs, 7 nodes", SYNCS, 7, Max, At(0.0)).of(QUORUM),
    goal("quorum: no change of leader with every core busy", QUORUM_BUSY, 3, Max, At(0.0)).of(QUORUM),
    goal("quorum: no change of leader with a follower's disk that stalls", QUORUM_STALLS, 3, Max, At(0.0)).of(QUORUM),
    goal("with a secret, kill -9: at most a fifth later than without", FAILOVER[0], 3, Median, Times(1.2, FAILOVER[0], SECRET[1], 3)).of(SECRET[0]),
    goal("with a secret, SIGTERM: at most a fifth later than without", FAILOVER[1], 3, Median, Times(1.2, FAILOVER[1], SECRET[1], 3)).of(SECRET[0]),
    goal("with a secret, SIGSTOP: at most a fifth later than without", FAILOVER[2], 3, Median, Times(1.2, FAILOVER[2], SECRET[1], 3)).of(SECRET[0]),
    goal("with a secret, vanish: at most a fifth later than without", FAILOVER[3], 3, Median, Times(1.2, FAILOVER[3], SECRET[1], 3)).of(SECRET[0]),
    goal("with a secret, quorum, kill -9: at most a fifth later than without", FAILOVER[0], 3, Median, Times(1.2, FAILOVER[0], SECRET_QUORUM[1], 3)).of(SECRET_QUORUM[0]),
    goal("with a secret, quorum, SIGSTOP: at most a fifth later than without", FAILOVER[2], 3, Median, Times(1.2, FAILOVER[2], SECRET_QUORUM[1], 3)).of(SECRET_QUORUM[0]),
    goal("with a secret, quorum, vanish: at most a fifth later than without", FAILOVER[3], 3, Median, Times(1.2, FAILOVER[3], SECRET_QUORUM[1], 3)).of(SECRET_QUORUM[0]),
];

impl Goal {
    /// The same for another system than bully at its defaults.
    const fn of(self, system: &'static str) -> Self {
        Self { system, ..self }
    }

    /// The verdict, and a line that gives the figures.
    pub fn judge(&self, report: &Report) -> (Verdict, String) {
        let of = |figure: &str, system: &str, nodes| {
            report.values(&(figure.to_owned(), system.to_owned(), nodes)).filter(|v| v.count() > 0)
        };
        let Some(values) = of(self.figure, self.system, self.nodes) else {
            return (Verdict::NotMeasured, self.words.to_owned());
        };
        let value = self.value(values);
        let (limit, beside) = match self.limit {
            At(limit) => (limit, String::new()),
            Times(times, figure, system, nodes) => {
                let Some(other) = of(figure, system, nodes) else {
                    return (Verdict::NotMeasured, self.words.to_owned());
                };
                let median = other.percentile(50);
                let beside =
                    format!("; {:.2} times {median:.2} of {system}, {nodes} nodes", value / median);
                (times * median, beside)
            }
        };
        let all_have_values = values.failed == 0 || matches!(self.statistic, Over50);
        let is_met = value <= limit && all_have_values;
        let verdict = if is_met { Verdict::Met } else { Verdict::Missed };
        let (words, unit, count) = (self.words, self.unit(values), values.count());
        (verdict, format!("{words}: {value:.2} {unit}{beside} (n = {count})"))
    }

    fn value(&self, values: &Values) -> f64 {
        match self.statistic {
            Median => values.percentile(50),
            Max => values.max(),
            Over50 => f64::from(u32::try_from(values.over(50.0)).unwrap_or(u32::MAX)),
        }
    }

    fn unit(&self, values: &Values) -> String {
        match self.statistic {
            Over50 => "trials".to_owned(),
            Median | Max => values.unit.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Trial;

    fn report(rows: &[(&str, &str, usize, Option<f64>)]) -> Report {
        let mut report = Report::read(&[]).expect("no file");
        for (figure, system, nodes, value) in rows {
            let (figure, system) = ((*figure).to_owned(), (*system).to_owned());
            let (unit, detail) = ("ms".to_owned(), serde_json::Value::Null);
            let trial =
                Trial { figure, system, nodes: *nodes, number: 0, value: *value, unit, detail };
            report.enter(&trial).expect("no file");
        }
        report
    }

    #[test]
    fn a_goal_is_judged_by_its_own_row_and_a_trial_without_a_value_misses_it() {
        let goal = goal("one", START, 3, Max, At(500.0));
        let judged = |rows: &[_]| goal.judge(&report(rows)).0;
        assert_eq!(judged(&[(START, "bully", 7, Some(1.0))]), Verdict::NotMeasured);
        let fine = (START, "bully", 3, Some(499.0));
        assert_eq!(judged(&[fine]), Verdict::Met);
        assert_eq!(judged(&[fine, (START, "bully", 3, Some(501.0))]), Verdict::Missed);
        assert_eq!(judged(&[fine, (START, "bully", 3, None)]), Verdict::Missed);
    }

    #[test]
    fn a_ratio_needs_both_rows() {
        let goal = goal("two", OWN_STAMPS, 3, Median, Times(3.0, FLOOR, "floor", 3));
        let own = (OWN_STAMPS, "bully", 3, Some(2.9));
        assert_eq!(goal.judge(&report(&[own])).0, Verdict::NotMeasured);
        assert_eq!(goal.judge(&report(&[own, (FLOOR, "floor", 3, Some(1.0))])).0, Verdict::Met);
        assert_eq!(goal.judge(&report(&[own, (FLOOR, "floor", 3, Some(0.9))])).0, Verdict::Missed);
    }

    #[test]
    fn slow_trials_are_counted_with_those_that_have_no_value() {
        let goal = goal("three", FAILOVER[0], 3, Over50, At(0.0));
        let row = |value| (FAILOVER[0], "bully", 3, value);
        assert_eq!(goal.judge(&report(&[row(Some(49.0))])).0, Verdict::Met);
        assert_eq!(goal.judge(&report(&[row(Some(49.0)), row(None)])).0, Verdict::Missed);
    }
}
