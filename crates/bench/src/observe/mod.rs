//! One observer for all systems: a process on a host of the lab that asks every node who leads,
//! each 0.2 ms, and says when an answer changes. It does the same for each system; what a question
//! costs the system itself differs.

mod handle;
mod probe;
mod target;

use std::io::Write;
use std::num::NonZeroU64;
use std::time::Duration;

use anyhow::Context as _;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::time::Timespec;
use serde::{Deserialize, Serialize};

pub use handle::{Change, Observer};
pub use target::{Target, Transport};

use self::probe::{News, Probe};
use crate::clock::{self, Nanos, nanos};

/// Each node is asked this often; one that is still to answer is not asked again.
pub const CADENCE: Duration = Duration::from_micros(200);

/// An answer that takes longer is told of one by one.
pub const LATE: Duration = Duration::from_micros(500);

/// What the observer prints: a line each.
#[derive(Debug, Serialize, Deserialize)]
pub enum Report {
    /// The answer of a target is another from now on; the one before was last given then.
    Changed { target: usize, at: Nanos, answer: Option<String>, before: Option<Given> },
    /// The last word: what was counted, target by target.
    Ended { tallies: Vec<Tally> },
}

/// When an answer was given: not before it was asked for, not after it had come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Given {
    pub asked_at: Nanos,
    pub at: Nanos,
}

/// What was counted of one target.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Tally {
    pub asked: u64,
    pub answered: u64,
    pub failed: u64,
    /// Answers that took longer than [`LATE`].
    pub late: u64,
    pub slowest: Nanos,
    /// The first of the late ones: when asked, and how long they took.
    pub late_at: Vec<(Nanos, Nanos)>,
    pub failures: Vec<Failure>,
}

/// A question that had no answer, or one that names nobody.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Failure {
    pub asked_at: Nanos,
    pub at: Nanos,
    pub why: String,
}

/// The observer's process: asks until its standard input ends.
///
/// # Errors
/// If the targets cannot be read, or nobody hears.
pub fn run(targets: &str) -> anyhow::Result<()> {
    let targets: Vec<Target> = serde_json::from_str(targets).context("the targets")?;
    // The kernel may otherwise add 50 µs to each wait.
    rustix::thread::set_current_timer_slack(NonZeroU64::new(1)).context("timer slack")?;
    let start = clock::now();
    // Not all in one instant, so that their answers do not queue behind one another.
    let step = nanos(CADENCE) / u64::try_from(targets.len().max(1))?;
    let mut probes: Vec<Probe> =
        (0..).zip(targets).map(|(i, target)| Probe::new(target, start + i * step)).collect();
    let stdin = std::io::stdin();
    let mut out = std::io::stdout().lock();
    loop {
        let now = clock::now();
        for (target, probe) in probes.iter_mut().enumerate() {
            if let Some(News { answer, before }) = probe.step(now) {
                say(&mut out, &Report::Changed { target, at: clock::now(), answer, before })?;
            }
        }
        if wait(&probes, &stdin)? {
            break;
        }
    }
    let tallies = probes.into_iter().map(|probe| probe.tally).collect();
    say(&mut out, &Report::Ended { tallies })
}

/// Waits for an answer or the next question; true at the end of standard input.
fn wait(probes: &[Probe], stdin: &std::io::Stdin) -> anyhow::Result<bool> {
    let next = probes.iter().map(Probe::deadline).min().unwrap_or(Nanos::MAX);
    let left = Duration::from_nanos(next.saturating_sub(clock::now()));
    let timeout = Timespec {
        tv_sec: i64::try_from(left.as_secs())?,
        tv_nsec: i64::from(left.subsec_nanos()),
    };
    let mut waiting: Vec<PollFd<'_>> = vec![PollFd::new(stdin, PollFlags::IN)];
    waiting.extend(probes.iter().filter_map(Probe::poll_fd));
    match poll(&mut waiting, Some(&timeout)) {
        Ok(_) | Err(rustix::io::Errno::INTR) => {}
        Err(error) => return Err(error).context("poll"),
    }
    Ok(!waiting[0].revents().is_empty())
}

fn say(out: &mut impl Write, report: &Report) -> anyhow::Result<()> {
    writeln!(out, "{}", serde_json::to_string(report)?)?;
    out.flush()?;
    Ok(())
}
