//! What the kernel says of a process.

use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, ensure};

use crate::arena::program;

/// What a process has used since its start.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// Time on a processor, of all its threads, in seconds.
    pub cpu: f64,
    /// Bytes that its host has sent on its network card, headers and acknowledgements included.
    pub sent: f64,
}

impl Usage {
    /// # Errors
    /// If the process is gone.
    #[allow(clippy::cast_precision_loss, reason = "a table shows three digits")]
    pub fn of(pid: u32) -> anyhow::Result<Self> {
        let mut cpu = 0;
        for thread in fs::read_dir(format!("/proc/{pid}/task"))?.flatten() {
            // A thread may end meanwhile.
            let times = fs::read_to_string(thread.path().join("schedstat")).unwrap_or_default();
            let nanos = times.split(' ').next().and_then(|nanos| nanos.parse::<u64>().ok());
            cpu += nanos.unwrap_or(0);
        }
        let cards = fs::read_to_string(format!("/proc/{pid}/net/dev"))?;
        let card = cards.lines().find_map(|line| line.trim().strip_prefix("eth0:"));
        let sent = card.and_then(|counts| counts.split_whitespace().nth(8)?.parse::<u64>().ok());
        let sent = sent.context("the host has no eth0")?;
        Ok(Self { cpu: cpu as f64 / 1e9, sent: sent as f64 })
    }

    pub fn since(self, earlier: Self) -> Self {
        Self { cpu: self.cpu - earlier.cpu, sent: self.sent - earlier.sent }
    }
}

/// Resident memory, in MiB.
///
/// # Errors
/// If the process is gone.
pub fn memory(pid: u32) -> anyhow::Result<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse::<f64>().ok());
    Ok(kib.context("no VmRSS")? / 1024.0)
}

/// How many times a process syncs a file or a folder within that time, by `strace`.
///
/// # Errors
/// If strace is not there, or fails.
pub fn syncs(pid: u32, time: Duration) -> anyhow::Result<f64> {
    let table = strace(pid, time, &["-e", "trace=fsync,fdatasync,sync_file_range,syncfs"])?;
    // Nothing at all is said of calls that were not made.
    let calls = table.lines().find(|line| line.trim_end().ends_with("total"));
    let count = calls.and_then(|line| line.split_whitespace().nth(3)?.parse().ok());
    Ok(count.unwrap_or(0.0))
}

/// What `strace -c` says of a process after that time.
fn strace(pid: u32, time: Duration, more: &[&str]) -> anyhow::Result<String> {
    let strace = program("strace")?;
    let pid = pid.to_string();
    let mut command = Command::new(program("timeout")?);
    command.args(["-s", "INT", &time.as_secs().to_string()]).arg(strace);
    command.args(["-c", "-f", "-qq", "-p", &pid]).args(more);
    let output = command.stdin(Stdio::null()).output()?;
    Ok(String::from_utf8_lossy(&output.stderr).into_owned())
}

/// How many system calls a process makes within that time, and which, by `strace`.
///
/// # Errors
/// If strace is not there, or says nothing.
pub fn system_calls(pid: u32, time: Duration) -> anyhow::Result<(f64, String)> {
    let table = strace(pid, time, &[])?;
    let rows = table.lines().filter_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        Some((*words.last()?, words.get(3)?.parse::<f64>().ok()?))
    });
    let rows: Vec<(&str, f64)> = rows.collect();
    let total = rows.iter().find(|(name, _)| *name == "total").map(|(_, calls)| *calls);
    ensure!(total.is_some(), "strace said nothing: {table}");
    let shares: Vec<String> = (rows.iter().filter(|(name, _)| *name != "total").take(6))
        .map(|(name, calls)| format!("{name} {calls}"))
        .collect();
    Ok((total.unwrap_or(0.0), shares.join(", ")))
}
