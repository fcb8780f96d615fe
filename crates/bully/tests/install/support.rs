//! Folders, programs, and waiting.

use std::ffi::OsStr;
use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

/// Far above what anything here takes: a test that waits this long has failed.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the repository")
}

pub(crate) fn read(path: &str) -> String {
    let path = root().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The program under test, without what this process's environment says of a node.
pub(crate) fn bully() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bully"));
    for (name, _) in std::env::vars_os() {
        if name.as_encoded_bytes().starts_with(b"BULLY_") || name == "NOTIFY_SOCKET" {
            command.env_remove(name);
        }
    }
    command
}

/// What a program prints that must succeed.
pub(crate) fn stdout(command: &mut Command) -> String {
    let output = output(command);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}: {said}", output.status);
    String::from_utf8(output.stdout).expect("text")
}

pub(crate) fn output(command: &mut Command) -> Output {
    command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

/// Runs a program with these arguments; it must succeed.
pub(crate) fn run(program: &str, arguments: &[impl AsRef<OsStr>]) -> String {
    stdout(Command::new(program).args(arguments))
}

/// Whether all of these programs can be had. Where not, the test is skipped.
pub(crate) fn have(test: &str, programs: &[&str], must_be_root: bool) -> bool {
    let is_missing = |program: &&&str| {
        let found = Command::new("sh").args(["-c", &format!("command -v {program}")]).output();
        !found.is_ok_and(|output| output.status.success())
    };
    let mut missing: Vec<_> = programs.iter().filter(is_missing).copied().collect();
    if must_be_root && !rustix::process::getuid().is_root() {
        missing.push("root");
    }
    if !missing.is_empty() {
        skip(test, &format!("{} missing here (scripts/deps install)", missing.join(", ")));
    }
    missing.is_empty()
}

/// What `make dist` or `make deb` has built: the one file in target/packages that ends like this.
/// Where there is none, the test is skipped.
pub(crate) fn built(test: &str, ending: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("target").join("packages");
    let entries = std::fs::read_dir(&folder).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    files.retain(|path| path.to_string_lossy().ends_with(ending));
    if files.is_empty() {
        skip(test, &format!("no *{ending} in {} (make dist deb)", folder.display()));
    }
    files.pop()
}

/// One line that says why, except with `CI=true`, where to skip is to fail.
fn skip(test: &str, why: &str) {
    let ci = std::env::var_os("CI").is_some_and(|value| value == "true");
    assert!(!ci, "{test} must not be skipped where CI=true: {why}");
    // Not by a macro: the test harness would keep what those print of a test that passes.
    let _ = writeln!(io::stderr(), "skipped: {test}: {why}");
}

/// Addresses that nobody else has: all of 127.0.0.0/8 is this machine's, and the process number
/// gives each run of the tests a host of its own there, a counter each caller a port of its own.
pub(crate) fn own<const N: usize>() -> [SocketAddr; N] {
    const PORT_FIRST: u16 = 10_000;
    static COUNT: AtomicU16 = AtomicU16::new(0);
    // Linux counts processes in 22 bits. The bit above keeps clear of 127.0.0.1 and its neighbours.
    let [_, a, b, c] = (std::process::id() | 1 << 22).to_be_bytes();
    let ip = IpAddr::from([127, a, b, c]);
    [(); N].map(|()| SocketAddr::new(ip, PORT_FIRST + COUNT.fetch_add(1, Ordering::Relaxed)))
}

/// The status of the reply to a GET.
pub(crate) fn get(at: SocketAddr, path: &str) -> Option<u16> {
    let mut stream = TcpStream::connect(at).ok()?;
    stream.set_read_timeout(Some(DEADLINE)).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").ok()?;
    let mut reply = String::new();
    stream.read_to_string(&mut reply).ok()?;
    reply.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()
}

/// Waits for a condition.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < DEADLINE, "not within {DEADLINE:?}: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
