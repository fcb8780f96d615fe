//! Random scenarios: a seed makes a cluster and its misfortunes, then peace, and then a judgement.

mod acts;
mod make;
mod peace;

use bully_core::quorum::Stored;

use super::cover::Cover;
use super::world::World;
use crate::rng::Rng;
use crate::{MS, SEC, US};

/// What a seed came to.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The seed.
    pub seed: u64,
    /// What was wrong, if anything was.
    pub error: Option<String>,
    /// What was seen.
    pub cover: Cover,
    /// How long it took once all was at peace until somebody led, in nanoseconds, where somebody
    /// had to.
    pub led_in: u64,
    /// Of its bound, in thousandths.
    pub bound_used: u64,
    /// Virtual nanoseconds.
    pub lasted: u64,
    /// Steps of nodes.
    pub steps: u64,
}

/// How wrong the clocks are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clocks {
    /// By no more than is allowed.
    InBound,
    /// By ten times as much: something must go wrong, and the checkers must see it.
    Beyond,
}

struct Run {
    world: World,
    rng: Rng,
    /// Of the slowest node.
    heartbeat: u64,
    /// The longest, and the longest that a node may still have promised.
    lease: u64,
    sync: u64,
    /// So many hosts found the cluster; others join later, or are of another.
    founders: usize,
    /// Of another cluster.
    foreign: Vec<usize>,
    /// Never started again: they have left for good.
    gone: Vec<usize>,
    /// Disks are copied, rolled back, and virtual machines halted.
    wild: bool,
    /// The clocks are worse than allowed, and leaders are cut off often: that shows it.
    is_beyond: bool,
    /// The lists of the founders are not the same.
    lists_differ: bool,
    backups: Vec<(usize, Stored)>,
    story: Vec<String>,
}

/// Runs a seed.
pub fn run(seed: u64) -> Outcome {
    run_with(seed, Clocks::InBound)
}

/// Runs a seed with clocks of that kind. Liveness is judged only where they are sound.
pub fn run_with(seed: u64, clocks: Clocks) -> Outcome {
    Run::new(seed, clocks).play(seed, clocks)
}

/// Runs a seed and says what happens, without the messages of these names.
pub fn tell(seed: u64, clocks: Clocks, hidden: &[String]) -> (Outcome, String) {
    let mut run = Run::new(seed, clocks);
    run.world.write_transcript();
    run.world.hide(hidden);
    let mut text = String::new();
    let outcome = run.play_through(seed, clocks, &mut text);
    (outcome, text)
}

impl Run {
    fn play(self, seed: u64, clocks: Clocks) -> Outcome {
        self.play_through(seed, clocks, &mut String::new())
    }

    fn play_through(mut self, seed: u64, clocks: Clocks, text: &mut String) -> Outcome {
        self.begin();
        let acts = self.rng.between(0, 12);
        for _ in 0..acts {
            let pause = match self.rng.below(4) {
                0 => self.rng.below(3 * MS),
                1 => self.rng.below(100 * MS),
                2 => self.rng.below(SEC),
                _ => self.rng.below(3 * SEC),
            };
            self.go(pause);
            if self.world.violation.is_some() {
                break;
            }
            self.act();
        }
        let pause = self.rng.below(2 * SEC);
        self.go(pause);
        let judged = match clocks {
            Clocks::InBound if self.world.violation.is_none() => self.judge(),
            _ => Ok(0),
        };
        let error = self.world.violation.clone().or(judged.as_ref().err().cloned());
        *text = self.world.take_transcript();
        let led_in = judged.unwrap_or(0);
        Outcome {
            seed,
            error: error.map(|e| format!("{e}\n  {}", self.story.join("\n  "))),
            led_in,
            bound_used: led_in * 1000 / self.bound(),
            lasted: self.world.now(),
            steps: self.world.steps,
            cover: self.world.cover,
        }
    }

    fn go(&mut self, nanos: u64) {
        let at = self.world.now() + nanos;
        self.world.run_until(at);
    }

    fn note(&mut self, what: &str) {
        let us = self.world.now() / US;
        let line = format!("{:>5}.{:03} ms  {what}", us / 1_000, us % 1_000);
        self.world.say(&line);
        self.story.push(line);
    }
}
