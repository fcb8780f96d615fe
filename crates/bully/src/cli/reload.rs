//! SIGHUP: what is read again then, and when it means the end instead.
//!
//! A terminal that is closed sends it as well. A node that was started at one ends with it, as ever;
//! every other reads its files again.

use std::fs::File;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use crate::NOTICE;

/// Reads something again and has it in force, or says why not, and leaves all as it was.
type Read = Box<dyn FnMut() -> Result<(), String> + Send>;

/// What is read again, in order.
#[derive(Default)]
pub(super) struct Reloads(Vec<(&'static str, Read)>);

impl Reloads {
    /// Adds what is called `name` in the log. `read` may wait for the disk; it must not fail halfway.
    pub(super) fn add(
        &mut self,
        name: &'static str,
        read: impl FnMut() -> Result<(), String> + Send + 'static,
    ) {
        self.0.push((name, Box::new(read)));
    }

    /// Reads all of them again and says what came of each. On another thread: the election never
    /// waits for a disk.
    pub(super) async fn all(self) -> Self {
        let mut reloads = self;
        let read = spawn_blocking(move || {
            let lines = reloads.read();
            (reloads, lines)
        });
        // The thread ends without an outcome in a panic alone, which has been printed.
        let (reloads, lines) = read.await.unwrap_or_default();
        for line in lines {
            tracing::warn!(target: NOTICE, "{line}");
        }
        reloads
    }

    fn read(&mut self) -> Vec<String> {
        if self.0.is_empty() {
            return vec!["SIGHUP: there is nothing to read again".to_owned()];
        }
        let lines = self.0.iter_mut().map(|(name, read)| match read() {
            Ok(()) => format!("SIGHUP: {name} read again"),
            Err(why) => format!("SIGHUP: {name} not read again, what was in force stays: {why}"),
        });
        lines.collect()
    }
}

/// SIGHUP, as it comes.
pub(super) struct Hangups {
    signal: Signal,
    /// Whether there is a terminal to lose.
    is_at_terminal: bool,
}

/// What a SIGHUP means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hangup {
    /// Read again.
    Reload,
    /// The terminal is gone: end.
    End,
}

/// The kernel may send the signal a moment before it takes the terminal away.
const TERMINAL_GONE_WITHIN: Duration = Duration::from_millis(100);

impl Hangups {
    /// From now on SIGHUP ends this process no more by itself.
    pub(super) fn new() -> std::io::Result<Self> {
        // Before the handler is in the place of what was there. What nohup has started has nothing
        // to do with the terminal.
        let is_at_terminal = has_terminal() && !is_ignored();
        Ok(Self { signal: signal(SignalKind::hangup())?, is_at_terminal })
    }

    /// Waits for the next one.
    pub(super) async fn next(&mut self) -> Hangup {
        if self.signal.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
        if !self.is_at_terminal {
            return Hangup::Reload;
        }
        if has_terminal() {
            sleep(TERMINAL_GONE_WITHIN).await;
        }
        if has_terminal() { Hangup::Reload } else { Hangup::End }
    }
}

/// Whether this process has a terminal that its shell or the kernel speaks for.
fn has_terminal() -> bool {
    File::open("/dev/tty").is_ok()
}

/// Whether SIGHUP was ignored when this process was started.
fn is_ignored() -> bool {
    std::fs::read_to_string("/proc/self/status").is_ok_and(|status| ignores_hangup(&status))
}

fn ignores_hangup(status: &str) -> bool {
    const SIGHUP: u32 = 1;
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & 1 << (SIGHUP - 1) != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_says_of_ignored_signals_is_understood() {
        let status = |mask| format!("Name:\tbully\nSigBlk:\t{mask}\nSigIgn:\t{mask}\n");
        assert!(ignores_hangup(&status("0000000000000001")));
        assert!(ignores_hangup(&status("0000000000001001")));
        assert!(!ignores_hangup(&status("0000000000001002")));
        assert!(!ignores_hangup("SigBlk:\t0000000000000001\n"));
        assert!(!ignores_hangup(&status("nonsense")));
    }

    #[tokio::test]
    async fn each_is_read_whatever_became_of_the_one_before_and_again_the_next_time() {
        let mut reloads = Reloads::default();
        assert_eq!(reloads.read(), ["SIGHUP: there is nothing to read again"]);
        let mut times = 0;
        reloads.add("one", || Err("no".to_owned()));
        reloads.add("other", move || {
            times += 1;
            if times < 3 { Ok(()) } else { Err(format!("{times} times")) }
        });
        let failed = "SIGHUP: one not read again, what was in force stays: no";
        assert_eq!(reloads.read(), [failed, "SIGHUP: other read again"]);
        let mut reloads = reloads.all().await;
        let again = "SIGHUP: other not read again, what was in force stays: 3 times";
        assert_eq!(reloads.read(), [failed, again]);
    }
}
