//! The observer, as the benchmark holds it.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use bully_lab::Host;

use super::{Given, Report, Tally, Target};
use crate::clock::Nanos;

/// How long the observer may take to end.
const END: Duration = Duration::from_secs(5);

/// An observer at work, and the answers as they are. Ends when it is dropped.
#[derive(Debug)]
pub struct Observer {
    child: Child,
    reports: Receiver<Report>,
    answers: Vec<Option<String>>,
    is_known: Vec<bool>,
}

/// The answer of one target is another since then.
#[derive(Clone, Copy, Debug)]
pub struct Change {
    pub at: Nanos,
    /// When the answer before it was last given.
    pub before: Option<Given>,
}

impl Observer {
    /// Starts asking.
    ///
    /// # Errors
    /// If no process can be started on the host.
    pub fn start(on: &Host, targets: &[Target]) -> anyhow::Result<Self> {
        let this = std::env::current_exe().context("this program's own path")?;
        let words = serde_json::to_string(targets)?;
        let mut command = on.command(this, ["observe", &words]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut child = command.spawn().context("the observer does not start")?;
        let stdout = child.stdout.take().context("the observer's output")?;
        let (sender, reports) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let Ok(report) = serde_json::from_str(&line) else { break };
                if sender.send(report).is_err() {
                    break;
                }
            }
        });
        let count = targets.len();
        Ok(Self { child, reports, answers: vec![None; count], is_known: vec![false; count] })
    }

    /// Waits until the answers are such that `wanted` holds, and says since when they are.
    /// `None` if that does not happen within `limit`.
    ///
    /// # Errors
    /// If the observer has ended.
    pub fn until(
        &mut self,
        limit: Duration,
        mut wanted: impl FnMut(&[Option<String>]) -> bool,
    ) -> anyhow::Result<Option<Nanos>> {
        let begun = Instant::now();
        loop {
            let Some(change) = self.next(limit.saturating_sub(begun.elapsed()))? else {
                return Ok(None);
            };
            if self.is_known.iter().all(|known| *known) && wanted(&self.answers) {
                return Ok(Some(change.at));
            }
        }
    }

    /// Waits for the next change of an answer.
    ///
    /// # Errors
    /// If the observer has ended.
    pub fn next(&mut self, limit: Duration) -> anyhow::Result<Option<Change>> {
        match self.reports.recv_timeout(limit) {
            Ok(Report::Changed { target, at, answer, before }) => {
                self.answers[target] = answer;
                self.is_known[target] = true;
                Ok(Some(Change { at, before }))
            }
            Ok(Report::Ended { .. }) | Err(RecvTimeoutError::Disconnected) => {
                bail!("the observer ended")
            }
            Err(RecvTimeoutError::Timeout) => Ok(None),
        }
    }

    /// The answers as they were at the last change that was waited for.
    pub fn answers(&self) -> &[Option<String>] {
        &self.answers
    }

    /// The answers at this moment.
    ///
    /// # Errors
    /// If the observer has ended.
    pub fn now(&mut self) -> anyhow::Result<&[Option<String>]> {
        self.until(Duration::ZERO, |_| false)?;
        Ok(&self.answers)
    }

    /// Ends it, and tells what it counted.
    ///
    /// # Errors
    /// If it does not end in time.
    pub fn finish(mut self) -> anyhow::Result<Vec<Tally>> {
        drop(self.child.stdin.take());
        let begun = Instant::now();
        loop {
            match self.reports.recv_timeout(END.saturating_sub(begun.elapsed())) {
                Ok(Report::Ended { tallies }) => return Ok(tallies),
                Ok(Report::Changed { .. }) => {}
                Err(_) => bail!("the observer did not say what it counted"),
            }
        }
    }
}

impl Drop for Observer {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
