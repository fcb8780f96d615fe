//! The HTTP service, started, asked and ended.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use rustix::process::Signal;
use tempfile::TempDir;

use super::support::{DEADLINE, block, on_a_small_disk, program, until};

/// Runs the service and notes what it does to the disk in a log; before step `at` it gets a signal, or,
/// without one, the thread that makes it waits until it may go on.
const STEPS: &str = "
import os, runpy, signal, sys, threading, time
log, at, number = open(sys.argv[1], 'a', buffering=1), int(sys.argv[2]), int(sys.argv[3])
del sys.argv[1:4]
taken, fsync, replace = [], os.fsync, os.replace
def step(name):
    taken.append(name)
    log.write(name + '\\n')
    if len(taken) == at:
        # To this thread, which then takes no further step.
        signal.pthread_kill(threading.get_ident(), number)
        while number == 0 and not os.path.exists(log.name + '.go'):
            time.sleep(0.01)
def noted_fsync(file):
    step('fsync ' + os.readlink(f'/proc/self/fd/{file}'))
    fsync(file)
def noted_replace(old, new):
    step(f'replace {old} {new}')
    replace(old, new)
os.fsync, os.replace = noted_fsync, noted_replace
del sys.argv[0]
runpy.run_path(sys.argv[0], run_name='__main__')
";

/// A folder with the script and what it keeps.
pub(crate) struct Place {
    folder: TempDir,
    python: PathBuf,
    patience: &'static str,
}

impl Place {
    /// None, and a line that says why, where there is no Python.
    pub(crate) fn new(test: &str) -> Option<Self> {
        let python = program(test, "python3")?;
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("service.py"), block("service")).expect("a script");
        std::fs::write(folder.path().join("steps.py"), STEPS).expect("a script");
        Some(Self { folder, python, patience: "30" })
    }

    /// Services started from now on wait for so long.
    pub(crate) fn set_patience(&mut self, patience: &'static str) {
        self.patience = patience;
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn steps(&self) -> Vec<String> {
        let steps = std::fs::read_to_string(self.path("steps")).expect("a log");
        steps.lines().map(str::to_owned).collect()
    }

    fn run(&self, mut command: Command, kept: &Path) -> Service {
        command.arg(self.path("service.py")).arg(kept).arg("0");
        command.env("PATIENCE", self.patience);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().expect("python3 starts");
        let mut service = Service { child, port: 0 };
        until("the service listens", || {
            service.port = listens_on(&service.child).unwrap_or_default();
            service.port != 0
        });
        service
    }

    pub(crate) fn start(&self) -> Service {
        self.run(Command::new(&self.python), &self.path("kept"))
    }

    /// One that gets a signal, or waits, before step `at` of those that it makes on the disk.
    pub(crate) fn start_with_signal(&self, at: usize, signal: Option<Signal>) -> Service {
        let mut command = Command::new(&self.python);
        command.arg(self.path("steps.py")).arg(self.path("steps"));
        command.args([at.to_string(), signal.map_or(0, Signal::as_raw).to_string()]);
        self.run(command, &self.path("kept"))
    }

    /// One whose disk takes next to nothing.
    pub(crate) fn start_on_a_small_disk(&self, test: &str) -> Option<Service> {
        let disk = self.path("disk");
        let command = on_a_small_disk(test, &disk, &self.python)?;
        Some(self.run(command, &disk.join("kept")))
    }

    /// How one ends that is not to start.
    pub(crate) fn refused(&self) -> Output {
        let mut command = Command::new("timeout");
        command.arg(DEADLINE.as_secs().to_string()).arg(&self.python);
        command.arg(self.path("service.py")).arg(self.path("kept")).arg("0");
        command.stdin(Stdio::null()).output().expect("python3 runs")
    }
}

/// The port on which a process takes connections, as the kernel lists it.
fn listens_on(child: &Child) -> Option<u16> {
    let files = std::fs::read_dir(format!("/proc/{}/fd", child.id())).ok()?.flatten();
    let own: Vec<PathBuf> = files.filter_map(|file| file.path().read_link().ok()).collect();
    let sockets = std::fs::read_to_string("/proc/net/tcp").expect("the kernel's list");
    sockets.lines().find_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let socket = PathBuf::from(format!("socket:[{}]", words.get(9)?));
        let (_, port) = words[1].split_once(':')?;
        // 0A: it listens.
        let is_own = words[3] == "0A" && own.contains(&socket);
        is_own.then(|| u16::from_str_radix(port, 16).ok())?
    })
}

pub(crate) struct Service {
    pub(crate) child: Child,
    port: u16,
}

impl Service {
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/value", self.port)
    }

    /// A connection over which this has been sent.
    pub(crate) fn send(&self, request: impl AsRef<[u8]>) -> TcpStream {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("it listens");
        stream.set_read_timeout(Some(DEADLINE)).expect("a timeout");
        stream.write_all(request.as_ref()).expect("it reads");
        stream
    }

    /// The status of a request that ends there, and the answer.
    pub(crate) fn ask(&self, request: impl AsRef<[u8]>) -> (u16, String) {
        let stream = self.send(request);
        let _ = stream.shutdown(Shutdown::Write);
        answer(stream).expect("it answers")
    }

    /// The status of a write.
    pub(crate) fn put(&self, token: &str, value: &str) -> u16 {
        answer(self.send(request(token, value.len(), value))).expect("it answers").0
    }

    /// The token and the value that it has.
    pub(crate) fn get(&self) -> (String, String) {
        let (status, reply) = self.ask("GET /value HTTP/1.0\r\n\r\n");
        assert_eq!(status, 200, "{reply}");
        let (head, value) = reply.split_once("\r\n\r\n").expect("a head");
        let token = head.lines().find_map(|line| line.strip_prefix("Fencing-Token: "));
        (token.expect("a token").to_owned(), value.to_owned())
    }

    /// The same, to compare.
    pub(crate) fn holds(&self, token: &str, value: &str) -> bool {
        self.get() == (token.to_owned(), value.to_owned())
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A write that says that it has so many bytes.
pub(crate) fn request(token: &str, length: usize, value: &str) -> String {
    format!(
        "PUT /value HTTP/1.0\r\nFencing-Token: {token}\r\nContent-Length: {length}\r\n\r\n{value}"
    )
}

/// The status and the whole answer; none where it was hung up on.
pub(crate) fn answer(mut stream: TcpStream) -> Option<(u16, String)> {
    let mut reply = Vec::new();
    match stream.read_to_end(&mut reply) {
        Ok(_) => {}
        // Of what it did not care to read.
        Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {}
        Err(error) => panic!("neither an answer nor an end: {error}"),
    }
    let reply = String::from_utf8(reply).expect("text");
    let status = reply.split(' ').nth(1)?.parse().ok()?;
    Some((status, reply))
}
