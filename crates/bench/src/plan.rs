//! How much is measured.

use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How much is measured, and until when.
#[derive(Clone, Debug)]
pub struct Plan {
    /// All trials, or a few of each figure.
    pub is_whole: bool,
    /// At most so many trials of a figure.
    pub trials_max: usize,
    /// Nothing new is begun after this.
    pub ends: Option<Instant>,
    /// Systems beside bully are measured, too.
    pub has_rivals: bool,
    /// The figures asked for, by the begin of their names; all if there are none.
    pub only: Vec<String>,
    /// The binary of the 2013 program, if there is one.
    pub go: Option<PathBuf>,
}

impl Plan {
    /// So many trials of a few, or so many of all.
    pub fn trials(&self, few: usize, all: usize) -> usize {
        (if self.is_whole { all } else { few }).min(self.trials_max)
    }

    /// How long something is watched, in seconds: in a run of a few trials, or of all.
    pub fn pause(&self, short: u64, long: u64) -> Duration {
        Duration::from_secs(if self.is_whole { long } else { short })
    }

    pub fn is_over(&self) -> bool {
        self.ends.is_some_and(|ends| Instant::now() >= ends)
    }

    pub fn wants(&self, figure: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| figure.starts_with(only.as_str()))
    }
}
