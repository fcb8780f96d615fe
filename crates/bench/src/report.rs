//! What was measured: every trial as a line of JSON, and a table of each figure with its goals.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::goals::{self, Verdict};

/// One trial of one figure.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Trial {
    pub figure: String,
    pub system: String,
    pub nodes: usize,
    pub number: usize,
    /// None: the trial ended without a value, which `detail` explains.
    pub value: Option<f64>,
    pub unit: String,
    pub detail: Value,
}

/// All trials of a run.
#[derive(Debug)]
pub struct Report {
    /// Where every trial is written.
    out: Option<(File, PathBuf)>,
    order: Vec<Key>,
    values: BTreeMap<Key, Values>,
    notes: Vec<String>,
}

/// Figure, system, number of nodes.
pub type Key = (String, String, usize);

/// The values of one row.
#[derive(Clone, Debug, Default)]
pub struct Values {
    pub unit: String,
    pub sorted: Vec<f64>,
    pub failed: usize,
}

impl Report {
    /// Writes trials into that file.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn new(path: &Path) -> anyhow::Result<Self> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).context("the results' folder")?;
        }
        let file = File::create(path).with_context(|| path.display().to_string())?;
        Ok(Self { out: Some((file, path.to_owned())), ..Self::empty() })
    }

    fn empty() -> Self {
        Self { out: None, order: Vec::new(), values: BTreeMap::new(), notes: Vec::new() }
    }

    /// The trials of earlier runs.
    ///
    /// # Errors
    /// If a file cannot be read, or holds something else.
    pub fn read(paths: &[PathBuf]) -> anyhow::Result<Self> {
        let mut report = Self::empty();
        for path in paths {
            let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
            for line in text.lines() {
                let trial: Trial =
                    serde_json::from_str(line).with_context(|| path.display().to_string())?;
                report.enter(&trial)?;
            }
        }
        Ok(report)
    }

    /// Enters a trial.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn enter(&mut self, trial: &Trial) -> anyhow::Result<()> {
        if let Some((file, _)) = &mut self.out {
            writeln!(file, "{}", serde_json::to_string(trial)?)?;
        }
        let key = (trial.figure.clone(), trial.system.clone(), trial.nodes);
        if !self.values.contains_key(&key) {
            self.order.push(key.clone());
        }
        let values = self.values.entry(key).or_default();
        values.unit.clone_from(&trial.unit);
        match trial.value {
            Some(value) => {
                let at = values.sorted.partition_point(|other| *other <= value);
                values.sorted.insert(at, value);
            }
            None => values.failed += 1,
        }
        Ok(())
    }

    /// Something to be said below the table: what was left out, or where the time goes.
    pub fn note(&mut self, line: String) {
        self.notes.push(line);
    }

    /// The values of a row, if there are any.
    pub fn values(&self, key: &Key) -> Option<&Values> {
        self.values.get(key)
    }

    /// Prints the table, the goals and the notes. That nobody reads is no error.
    pub fn print(&self) {
        let _ = std::io::stdout().write_all(self.to_string().as_bytes());
    }
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            out,
            "\n{:<27} {:<22} {:>5} {:>4} {:>9} {:>9} {:>9} {:>9} {:>8}",
            "figure", "system", "nodes", "n", "min", "median", "p95", "max", "> 50 ms"
        )?;
        for key in &self.order {
            let (Some(values), (figure, system, nodes)) = (self.values.get(key), key) else {
                continue;
            };
            writeln!(out, "{figure:<27} {system:<22} {nodes:>5} {}", values.row())?;
        }
        writeln!(out, "\ngoals")?;
        for goal in goals::ALL {
            let (verdict, words) = goal.judge(self);
            let verdict = match verdict {
                Verdict::Met => "met",
                Verdict::Missed => "MISSED",
                Verdict::NotMeasured => "not measured",
            };
            writeln!(out, "  {verdict:<12} {words}")?;
        }
        for note in &self.notes {
            writeln!(out, "note: {note}")?;
        }
        match &self.out {
            Some((_, path)) => writeln!(out, "every trial: {}", path.display()),
            None => Ok(()),
        }
    }
}

impl Values {
    /// The smallest value that so many of a hundred do not exceed.
    pub fn percentile(&self, percent: usize) -> f64 {
        let rank = (self.sorted.len() * percent).div_ceil(100).max(1);
        self.sorted.get(rank - 1).copied().unwrap_or(f64::NAN)
    }

    pub fn max(&self) -> f64 {
        self.sorted.last().copied().unwrap_or(f64::NAN)
    }

    /// How many lie above a limit; trials without a value count as such.
    pub fn over(&self, limit: f64) -> usize {
        self.sorted.iter().filter(|value| **value > limit).count() + self.failed
    }

    pub fn count(&self) -> usize {
        self.sorted.len() + self.failed
    }

    fn row(&self) -> String {
        let number = |value: f64| match value {
            value if value.is_nan() => "-".to_owned(),
            value if value >= 100.0 => format!("{value:.0}"),
            value if value >= 10.0 => format!("{value:.1}"),
            value => format!("{value:.2}"),
        };
        let min = self.sorted.first().copied().unwrap_or(f64::NAN);
        let over = match self.unit.as_str() {
            "ms" => format!("{}/{}", self.over(50.0), self.count()),
            _ => String::new(),
        };
        let failed = match self.failed {
            0 => String::new(),
            failed => format!("  ({failed} without a value)"),
        };
        format!(
            "{:>4} {:>9} {:>9} {:>9} {:>9} {:>8} {}{failed}",
            self.count(),
            number(min),
            number(self.percentile(50)),
            number(self.percentile(95)),
            number(self.max()),
            over,
            self.unit,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let values = Values { unit: "ms".to_owned(), sorted: vec![1.0, 2.0, 3.0, 60.0], failed: 1 };
        let shown = [50, 95, 100].map(|percent| format!("{:.1}", values.percentile(percent)));
        assert_eq!(shown, ["2.0", "60.0", "60.0"]);
        assert_eq!((values.over(50.0), values.count()), (2, 5));
        assert!(Values::default().percentile(50).is_nan());
    }
}
