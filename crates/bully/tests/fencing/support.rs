//! What the tests of all resources share.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};

/// Far above what anything here takes.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// How long the resources wait where a test waits for them to give up, in seconds.
pub(crate) const IMPATIENT: &str = "0.5";

/// The block of the document that follows this comment.
pub(crate) fn block(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/fencing.md");
    let document = std::fs::read_to_string(path).expect("the document");
    let comment = format!("<!-- run by tests/fencing: {name} -->\n```");
    let (_, rest) = document.split_once(&comment).expect("the document has this block");
    let (_, rest) = rest.split_once('\n').expect("a language");
    let (block, _) = rest.split_once("```").expect("the block ends");
    assert!(block.lines().count() <= 100, "{name}: what people are to copy is short");
    block.to_owned()
}

/// A program of `PATH`, or of where Debian keeps PostgreSQL's; none where it is not installed and
/// nobody counts on it.
pub(crate) fn program(test: &str, name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let versions = versions.map(|version| version.path().join("bin"));
    let found = std::env::split_paths(&path).chain(versions).map(|folder| folder.join(name));
    let found = found.into_iter().find(|file| file.is_file());
    if found.is_none() {
        let ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
        assert!(!ci, "{test} must not be skipped where CI=true: {name} is not installed");
        eprintln!("skipped: {test}: {name} is not installed");
    }
    found
}

/// A program, as this text says.
pub(crate) fn executable(path: &Path, text: &str) {
    std::fs::write(path, text).expect("a script");
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).expect("it can be run");
}

/// `PATH` with this folder before all others.
pub(crate) fn path_with(folder: &Path) -> String {
    format!("{}:{}", folder.display(), std::env::var("PATH").expect("PATH"))
}

pub(crate) fn signal(child: &Child, signal: Signal) {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).expect("a process");
    rustix::process::kill_process(pid, signal).expect("it is there");
}

/// Whether it is stopped, as by SIGSTOP.
pub(crate) fn is_stopped(child: &Child) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id()));
    status.is_ok_and(|status| status.contains("State:\tT"))
}

/// A command on a file system of 64 KB at `disk`, which nobody else sees; none where there are no
/// namespaces and nobody counts on them.
pub(crate) fn on_a_small_disk(test: &str, disk: &Path, program: &Path) -> Option<Command> {
    if let Err(reason) = bully_lab::Lab::available() {
        let ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
        assert!(!ci, "{test} must not be skipped where CI=true: {reason}");
        eprintln!("skipped: {test}: {reason}");
        return None;
    }
    std::fs::create_dir_all(disk).expect("a folder");
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--mount", "sh", "-ec"]);
    command.arg("mount -t tmpfs -o size=64k tmpfs \"$0\"; exec \"$@\"").arg(disk).arg(program);
    Some(command)
}

pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < DEADLINE, "not within {DEADLINE:?}: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
