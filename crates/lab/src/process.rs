//! A program at work on a host.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions};

use crate::error::LabError;

/// How long `wait` gives the streams of an ended program to be read to their end. Children it
/// left behind may hold them open for longer.
const DRAINED: Duration = Duration::from_millis(500);

/// One of a program's two streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// A line that a program printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Where it was printed.
    pub stream: Stream,
    /// The line without its end; bytes that are no UTF-8 are replaced.
    pub text: String,
    /// When it was read.
    pub at: Instant,
}

/// A program at work on a host. Dropping it kills it and waits for its end.
#[derive(Debug)]
pub struct Process {
    program: String,
    pid: u32,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    child: Child,
    end: Option<(ExitStatus, Instant)>,
    lines: Vec<Line>,
    streams_open: usize,
}

impl Process {
    /// Starts what `Host::command` made, perhaps with an environment added. Standard input is
    /// empty; both streams are gathered.
    ///
    /// # Errors
    /// If no process could be started.
    pub fn spawn(mut command: Command) -> Result<Self, LabError> {
        command.stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        // A Ctrl-C that ends the tests is none to the programs: their keeper ends them.
        command.process_group(0);
        let program = format!("{command:?}");
        let spawned = command.spawn();
        let mut child = spawned.map_err(LabError::io(format!("start {program}")))?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let pid = child.id();
        let state = State { child, end: None, lines: Vec::new(), streams_open: 2 };
        let shared = Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() });
        if let (Some(stdout), Some(stderr)) = (stdout, stderr) {
            Shared::gather(&shared, Stream::Stdout, stdout);
            Shared::gather(&shared, Stream::Stderr, stderr);
        }
        let reaper = Arc::clone(&shared);
        thread::spawn(move || reaper.reap(pid));
        Ok(Self { program, pid, shared })
    }

    /// The program's own process id, on the machine and on the host alike.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Whether the program has not ended yet; a frozen one is alive.
    pub fn is_alive(&self) -> bool {
        self.shared.lock().end.is_none()
    }

    /// When the program's end was seen.
    pub fn ended_at(&self) -> Option<Instant> {
        self.shared.lock().end.map(|(_, at)| at)
    }

    /// SIGKILL. Like the other signals: `false` if the program had ended already.
    pub fn kill(&self) -> bool {
        self.signal(Signal::KILL)
    }

    /// SIGTERM.
    pub fn terminate(&self) -> bool {
        self.signal(Signal::TERM)
    }

    /// SIGINT.
    pub fn interrupt(&self) -> bool {
        self.signal(Signal::INT)
    }

    /// SIGHUP.
    pub fn hang_up(&self) -> bool {
        self.signal(Signal::HUP)
    }

    /// SIGSTOP: the program, not its children, stands still until `thaw`.
    pub fn freeze(&self) -> bool {
        self.signal(Signal::STOP)
    }

    /// SIGCONT.
    pub fn thaw(&self) -> bool {
        self.signal(Signal::CONT)
    }

    /// Waits for the program's end; `None` if it has not come within `timeout`. After the end,
    /// what it had printed can be read.
    pub fn wait(&self, timeout: Duration) -> Option<ExitStatus> {
        let state = self.shared.lock();
        let state = self.shared.wait_while(state, timeout, |state| state.end.is_none());
        let (status, _) = state.end?;
        drop(self.shared.wait_while(state, DRAINED, |state| state.streams_open > 0));
        Some(status)
    }

    /// Every line printed so far on either stream, in the order they were read.
    pub fn lines(&self) -> Vec<Line> {
        self.shared.lock().lines.clone()
    }

    /// The lines printed so far on standard output.
    pub fn stdout_lines(&self) -> Vec<String> {
        self.lines_of(Stream::Stdout)
    }

    /// The lines printed so far on standard error.
    pub fn stderr_lines(&self) -> Vec<String> {
        self.lines_of(Stream::Stderr)
    }

    /// Standard output so far.
    pub fn stdout(&self) -> String {
        self.stdout_lines().join("\n")
    }

    /// Standard error so far.
    pub fn stderr(&self) -> String {
        self.stderr_lines().join("\n")
    }

    /// The first line, on either stream, that `wanted` holds of: one printed already, or one that
    /// comes within `timeout`.
    ///
    /// # Errors
    /// `LabError::Late`, with all that was printed, when the time is up or both streams ended.
    pub fn wait_for_line(
        &self,
        wanted: impl FnMut(&str) -> bool,
        timeout: Duration,
    ) -> Result<Line, LabError> {
        self.wait_for_line_after(0, wanted, timeout)
    }

    /// As `wait_for_line`, passing over the first `seen` lines; `lines().len()` is how many there
    /// are now.
    ///
    /// # Errors
    /// As `wait_for_line`.
    pub fn wait_for_line_after(
        &self,
        mut seen: usize,
        mut wanted: impl FnMut(&str) -> bool,
        timeout: Duration,
    ) -> Result<Line, LabError> {
        let begun = Instant::now();
        let mut state = self.shared.lock();
        loop {
            while let Some(line) = state.lines.get(seen) {
                if wanted(&line.text) {
                    return Ok(line.clone());
                }
                seen += 1;
            }
            let left = timeout.saturating_sub(begun.elapsed());
            if left.is_zero() || state.streams_open == 0 {
                let texts: Vec<&str> = state.lines.iter().map(|line| line.text.as_str()).collect();
                return Err(LabError::Late {
                    what: format!("a line of {}", self.program),
                    waited: begun.elapsed(),
                    seen: texts.join("\n"),
                });
            }
            state = self.shared.wait_while(state, left, |state| {
                state.lines.len() <= seen && state.streams_open > 0
            });
        }
    }

    fn lines_of(&self, stream: Stream) -> Vec<String> {
        let state = self.shared.lock();
        let lines = state.lines.iter().filter(|line| line.stream == stream);
        lines.map(|line| line.text.clone()).collect()
    }

    fn signal(&self, signal: Signal) -> bool {
        // The lock keeps the program from being reaped meanwhile, and its id from being another's.
        let state = self.shared.lock();
        state.end.is_none()
            && rustix::process::kill_process(Pid::from_child(&state.child), signal).is_ok()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        let state = self.shared.lock();
        // Only a process stuck in the kernel takes longer; its keeper's end will not miss it.
        let limit = Duration::from_secs(5);
        drop(self.shared.wait_while(state, limit, |state| state.end.is_none()));
    }
}

impl Shared {
    /// A thread that panicked under this lock would be a bug here; the state is whole all the same.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait_while<'a>(
        &self,
        state: MutexGuard<'a, State>,
        timeout: Duration,
        mut condition: impl FnMut(&State) -> bool,
    ) -> MutexGuard<'a, State> {
        let waited = self.changed.wait_timeout_while(state, timeout, |state| condition(state));
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    fn gather(shared: &Arc<Self>, stream: Stream, pipe: impl Read + Send + 'static) {
        let shared = Arc::clone(shared);
        thread::spawn(move || {
            let mut pipe = BufReader::new(pipe);
            let mut bytes = Vec::new();
            while pipe.read_until(b'\n', &mut bytes).is_ok_and(|read| read > 0) {
                let at = Instant::now();
                if bytes.last() == Some(&b'\n') {
                    bytes.pop();
                }
                let text = String::from_utf8_lossy(&bytes).into_owned();
                shared.lock().lines.push(Line { stream, text, at });
                shared.changed.notify_all();
                bytes.clear();
            }
            shared.lock().streams_open -= 1;
            shared.changed.notify_all();
        });
    }

    /// Waits for the program's end without reaping it, and reaps it under the lock: so whoever
    /// holds the lock and sees no end may send a signal to the process id.
    fn reap(&self, pid: u32) {
        let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
        let pid = pid.expect("a child has a process id");
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        while let Err(Errno::INTR) = rustix::process::waitid(WaitId::Pid(pid), options) {}
        let at = Instant::now();
        let mut state = self.lock();
        let status = state.child.wait().expect("the child has ended, and is ours");
        state.end = Some((status, at));
        drop(state);
        self.changed.notify_all();
    }
}
