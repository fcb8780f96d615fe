//! What clients notice while a leader leaves.

use serde_json::json;

use super::failover::ms;
use super::{HANDOVER_DARK, HANDOVER_FAILED, HANDOVER_SLOWEST};
use crate::arena::Node;
use crate::clock::{self, Nanos, millis, nanos};
use crate::observe::{LATE, Tally};
use crate::report::{Report, Trial};

/// A group whose leader was told to end, and has.
pub struct Left<'a> {
    pub nodes: &'a [Node],
    pub leader: usize,
    pub struck_at: Nanos,
}

impl Left<'_> {
    /// Enters how many questions failed at the survivors, or named nobody at any node; how long
    /// the slowest answer took; and for how long the leaving node was there and answered nobody.
    pub fn enter(
        &self,
        report: &mut Report,
        tallies: &[Tally],
        number: usize,
    ) -> anyhow::Result<()> {
        let gone_at = self.nodes[self.leader].ended_at().unwrap_or_else(clock::now);
        let (mut failed, mut slowest, mut dark) = (Vec::new(), nanos(LATE), 0);
        for (node, tally) in tallies.iter().enumerate() {
            for failure in tally.failures.iter().filter(|failure| failure.at >= self.struck_at) {
                if node == self.leader && failure.why != "it names nobody" {
                    // Its connections end with it.
                    dark = dark.max(gone_at.saturating_sub(failure.at));
                } else {
                    let after = millis(failure.at - self.struck_at);
                    failed.push(json!({"node": node, "why": failure.why, "after_ms": after}));
                }
            }
            let late = tally.late_at.iter().filter(|(at, took)| at + took >= self.struck_at);
            slowest = late.map(|(_, took)| *took).fold(slowest, Nanos::max);
        }
        let count = f64::from(u32::try_from(failed.len())?);
        let row = |figure, value| ms(figure, "bully", self.nodes.len(), number, Some(value));
        let trial = row(HANDOVER_FAILED, count);
        let detail = json!({"failed": failed});
        report.enter(&Trial { unit: "questions".to_owned(), detail, ..trial })?;
        report.enter(&row(HANDOVER_SLOWEST, millis(slowest)))?;
        report.enter(&row(HANDOVER_DARK, millis(dark)))
    }
}
