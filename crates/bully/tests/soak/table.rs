//! What a soak has seen, for people.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::check::gaps;
use super::store::Write;
use super::watch::Nanos;

/// Nobody claiming to lead for longer than this counts as nobody leading: well above the pause between
/// two questions, on a busy machine too.
const GAP: Nanos = 50_000_000;

/// A fault, and when it began.
pub(crate) type Fault = (Nanos, String);

pub(crate) struct Table {
    seconds: f64,
    faults: BTreeMap<String, usize>,
    pub(crate) reigns: usize,
    accepted: usize,
    refused: usize,
    /// Of the time, in per cent.
    led: f64,
    /// How long, since when, and what was the matter.
    longest: Option<(f64, f64, Vec<String>)>,
    seed: u64,
}

impl Table {
    pub(crate) fn of(
        history: &[Write],
        (begun, ended): (Nanos, Nanos),
        faults: &[Fault],
        seed: u64,
    ) -> Self {
        let mut counts = BTreeMap::new();
        for (_, fault) in faults {
            let kind = fault.split(' ').next().unwrap_or_default().to_owned();
            *counts.entry(kind).or_default() += 1;
        }
        let gaps = gaps(history, (begun, ended), GAP);
        let without: Nanos = gaps.iter().map(|(_, length)| length).sum();
        let longest = gaps.iter().max_by_key(|(_, length)| *length).map(|(since, length)| {
            // What was done to network and disks lasts until it is healed.
            let is_heal = |fault: &&Fault| fault.0 < *since && fault.1 == "heal";
            let healed = faults.iter().rfind(is_heal).map_or(begun, |(at, _)| *at);
            let active = |fault: &&Fault| (healed + 1..since + length).contains(&fault.0);
            let named = faults.iter().filter(active);
            let named = named.map(|(at, fault)| format!("{fault} ({:.1} s)", seconds(at - begun)));
            (seconds(*length), seconds(since - begun), named.collect())
        });
        let accepted = history.iter().filter(|write| write.accepted).count();
        Self {
            seconds: seconds(ended - begun),
            faults: counts,
            reigns: history.iter().map(|write| write.token).collect::<BTreeSet<_>>().len(),
            accepted,
            refused: history.len() - accepted,
            led: 100.0 - 100.0 * seconds(without) / seconds(ended - begun),
            longest,
            seed,
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a table shows three digits")]
fn seconds(nanos: Nanos) -> f64 {
    nanos as f64 / 1e9
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "soak: {:.0} s, SEED={}", self.seconds, self.seed)?;
        let faults: Vec<String> = self.faults.iter().map(|(k, n)| format!("{n} {k}")).collect();
        writeln!(f, "  faults            {}", faults.join(", "))?;
        writeln!(f, "  reigns            {}", self.reigns)?;
        writeln!(f, "  writes            {} taken, {} refused", self.accepted, self.refused)?;
        writeln!(f, "  somebody led      {:.1} % of the time", self.led)?;
        match &self.longest {
            Some((length, since, active)) => {
                let active = active.join(", ");
                writeln!(
                    f,
                    "  longest without   {length:.2} s from {since:.1} s on, beside: {active}"
                )
            }
            None => writeln!(f, "  longest without   none over 50 ms"),
        }
    }
}
