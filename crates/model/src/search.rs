//! A search of a scope, whole or as far as its time goes.

use std::fmt;
use std::time::Duration;

use stateright::{Checker, HasDiscoveries, Model};

use crate::model::World;
use crate::scope::Scope;

/// What a search found.
#[derive(Clone, Debug)]
pub struct Found {
    /// Which scope.
    pub name: &'static str,
    /// Faults in all, and milliseconds.
    pub bounds: (u8, u64),
    /// Steps that were taken.
    pub steps: usize,
    /// States that differ.
    pub unique: usize,
    /// The longest path.
    pub depth: usize,
    /// Every state within the bounds was seen.
    pub is_whole: bool,
    /// How long it took.
    pub took: Duration,
    /// Laws that were checked.
    pub laws: usize,
    /// What was expected and not seen.
    pub unseen: Vec<&'static str>,
    /// The law that did not hold, and the way there in words.
    pub breach: Option<(String, Vec<String>)>,
    /// It was to break one, and did so or not.
    pub is_as_expected: bool,
}

/// Searches for as long as `most`.
#[expect(clippy::disallowed_types, reason = "how long a search took is no part of it")]
pub fn search(scope: Scope, threads: usize, most: Duration) -> Found {
    let (name, breaks) = (scope.name, scope.breaks);
    let bounds = (scope.budget.total(), scope.horizon);
    let world = World::new(scope);
    let laws = world.properties();
    let laws = laws.iter().filter(|p| p.expectation.discovery_is_failure()).count();
    let begun = std::time::Instant::now();
    let checker = world
        .clone()
        .checker()
        .threads(threads)
        .timeout(most)
        .finish_when(HasDiscoveries::AnyFailures)
        .spawn_dfs()
        .join();
    let took = begun.elapsed();
    let discoveries = checker.discoveries();
    let properties = world.properties();
    let mut found = Found {
        name,
        bounds,
        steps: checker.state_count(),
        unique: checker.unique_state_count(),
        depth: checker.max_depth(),
        is_whole: took < most,
        took,
        laws,
        unseen: Vec::new(),
        breach: None,
        is_as_expected: true,
    };
    for property in properties {
        let is_failure = property.expectation.discovery_is_failure();
        match discoveries.get(property.name) {
            None if !is_failure => found.unseen.push(property.name),
            Some(path) if is_failure => {
                let states = path.clone().into_vec();
                let actions: Vec<_> = states.iter().filter_map(|(_, a)| a.clone()).collect();
                let breach = states.last().and_then(|(s, _)| s.breach().cloned());
                let how = breach.map_or(String::new(), |b| format!("{:?}: {}", b.law, b.how));
                found.breach = Some((how, world.tell(&states[0].0, &actions)));
                found.is_whole = false;
                found.is_as_expected &=
                    breaks.is_some_and(|law| format!("{law:?}") == property.name);
            }
            _ => {}
        }
    }
    found.is_as_expected &= breaks.is_some() == found.breach.is_some();
    // What was cut short need not have come across everything.
    found.is_as_expected &= breaks.is_some() || !found.is_whole || found.unseen.is_empty();
    found
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:<54} {} faults, {:>5} ms: {:>9} states {:>11} steps  depth {:>4}  {} laws  {:>6.1} s  {}",
            self.name,
            self.bounds.0,
            self.bounds.1,
            self.unique,
            self.steps,
            self.depth,
            self.laws,
            self.took.as_secs_f64(),
            match (&self.breach, self.is_whole) {
                (Some(_), _) if self.is_as_expected => "breaks, as it must",
                (Some(_), _) => "BREACH",
                (None, true) => "whole",
                (None, false) => "as far as time went",
            }
        )?;
        for unseen in &self.unseen {
            write!(f, "\n    not seen: {unseen}")?;
        }
        if let Some((how, told)) = self.breach.as_ref().filter(|_| !self.is_as_expected) {
            write!(f, "\n    {how}")?;
            for line in told {
                write!(f, "\n    {line}")?;
            }
        }
        Ok(())
    }
}
