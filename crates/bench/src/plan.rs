//! How much is measured.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::system::{Bully, System};

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
    /// The binary that is measured, if it is not the one built with this program.
    pub bully: Option<PathBuf>,
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
        self.left().is_zero()
    }

    /// The time that is left.
    pub fn left(&self) -> Duration {
        self.ends.map_or(Duration::MAX, |ends| ends.saturating_duration_since(Instant::now()))
    }

    /// Whether the others take a turn beside this trial: theirs are spread over all of the own.
    pub fn is_turn(number: usize, own: usize, theirs: usize) -> bool {
        let every = own.checked_div(theirs).unwrap_or(0).max(1);
        number.is_multiple_of(every) && number / every < theirs
    }

    /// What is measured.
    ///
    /// # Errors
    /// If there is no such binary.
    pub fn bully(&self) -> anyhow::Result<Bully> {
        let bully = self.bully.clone().map_or_else(Bully::built, |path| Ok(Bully::at(path)))?;
        bully.check()?;
        Ok(bully)
    }

    pub fn wants(&self, figure: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| figure.starts_with(only.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_of_the_others_are_spread_over_all_trials_and_as_many_as_wanted() {
        let turns = |own, theirs| -> Vec<usize> {
            (0..own).filter(|number| Plan::is_turn(*number, own, theirs)).collect()
        };
        assert_eq!(turns(12, 3), [0, 4, 8]);
        assert_eq!(turns(5, 2), [0, 2]);
        assert_eq!(turns(3, 3), [0, 1, 2]);
        assert!(turns(4, 0).is_empty());
        assert_eq!(turns(500, 20).len(), 20);
    }
}
