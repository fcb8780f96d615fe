//! What the kernel says of a process.

use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, ensure};

use crate::arena::program;

/// The calls that wait for a disk.
const SYNCS: [&str; 6] = ["fsync", "fdatasync", "sync", "syncfs", "sync_file_range", "msync"];

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
    let table = strace(pid, time)?;
    let rows = rows(&table);
    // A node waits all the time: a table without any call is that of a strace that could not look.
    ensure!(!rows.is_empty(), "strace said nothing: {table}");
    let syncs = rows.iter().filter(|(name, _)| SYNCS.contains(name));
    // The sum of nothing is minus zero.
    Ok(syncs.fold(0.0, |sum, (_, calls)| sum + calls))
}

/// The name and the calls of each row of what `strace -c` says, the total among them.
fn rows(table: &str) -> Vec<(&str, f64)> {
    let row = |line| -> Option<(&str, f64)> {
        let words: Vec<&str> = str::split_whitespace(line).collect();
        Some((*words.last()?, words.get(3)?.parse().ok()?))
    };
    table.lines().filter_map(row).collect()
}

/// What `strace -c` says of a process after that time.
fn strace(pid: u32, time: Duration) -> anyhow::Result<String> {
    let strace = program("strace")?;
    let pid = pid.to_string();
    let mut command = Command::new(program("timeout")?);
    command.args(["-s", "INT", &time.as_secs().to_string()]).arg(strace);
    command.args(["-c", "-f", "-qq", "-p", &pid]);
    let output = command.stdin(Stdio::null()).output()?;
    Ok(String::from_utf8_lossy(&output.stderr).into_owned())
}

/// How many system calls a process makes within that time, and which, by `strace`.
///
/// # Errors
/// If strace is not there, or says nothing.
pub fn system_calls(pid: u32, time: Duration) -> anyhow::Result<(f64, String)> {
    let table = strace(pid, time)?;
    let rows = rows(&table);
    let total = rows.iter().find(|(name, _)| *name == "total").map(|(_, calls)| *calls);
    ensure!(total.is_some(), "strace said nothing: {table}");
    let shares: Vec<String> = (rows.iter().filter(|(name, _)| *name != "total").take(6))
        .map(|(name, calls)| format!("{name} {calls}"))
        .collect();
    Ok((total.unwrap_or(0.0), shares.join(", ")))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn a_row_is_read_with_or_without_its_errors() {
        let table = "\
% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 60.00    0.000300          10        30           epoll_wait
 40.00    0.000200          20        10         2 fsync
------ ----------- ----------- --------- --------- ----------------
100.00    0.000500          12        40         2 total
";
        assert_eq!(rows(table), [("epoll_wait", 30.0), ("fsync", 10.0), ("total", 40.0)]);
        assert!(
            rows("strace: attach: ptrace(PTRACE_SEIZE, 1): Operation not permitted").is_empty()
        );
    }

    #[test]
    fn syncs_are_counted_of_a_process_that_syncs_and_there_are_none_of_one_that_does_not() {
        // Others may often trace nothing but what they start.
        if program("strace").is_err() || !rustix::process::geteuid().is_root() {
            eprintln!("skipped: strace, and root, are needed");
            return;
        }
        let busy = |work: &str| {
            let script = format!("while :; do {work}; sleep 0.05; done");
            let mut command = Command::new("/bin/sh");
            command.args(["-c", &script]).stdin(Stdio::null()).stdout(Stdio::null());
            command.spawn().expect("a shell")
        };
        let file = std::env::temp_dir().join(format!("bully-bench-syncs-{}", std::process::id()));
        fs::File::create(&file).and_then(|mut f| f.write_all(b"x")).expect("a file");
        let mut counts = Vec::new();
        for work in [format!("sync {}", file.display()), ":".to_owned()] {
            let mut child = busy(&work);
            counts.push(syncs(child.id(), Duration::from_secs(1)));
            let _ = child.kill();
            let _ = child.wait();
        }
        let _ = fs::remove_file(&file);
        let counts: anyhow::Result<Vec<f64>> = counts.into_iter().collect();
        let counts = match counts {
            Ok(counts) => counts,
            // Where a container forbids it.
            Err(why) => return eprintln!("skipped: strace cannot look: {why}"),
        };
        assert!(counts[0] > 0.0, "{counts:?}");
        assert!(counts[1] <= 0.0 && counts[1].is_sign_positive(), "{counts:?}");
        let gone = syncs(u32::from(u16::MAX) << 8, Duration::from_secs(1));
        assert!(gone.is_err(), "{gone:?}");
    }
}
