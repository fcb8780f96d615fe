//! Two processes, and one that may not do everything. The other process is this program again, as
//! the one test that plays a role.

use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ChildStderr, Command, Stdio};

use super::*;

const ROLE: &str = "BULLY_STORE_ROLE";
const DIRECTORY: &str = "BULLY_STORE_DIRECTORY";

#[test]
#[ignore = "a role, played in a process of its own"]
fn the_other_process() {
    let (Ok(role), Some(directory)) = (std::env::var(ROLE), std::env::var_os(DIRECTORY)) else {
        return;
    };
    let opened = Store::open(Path::new(&directory), CLUSTER);
    match (&*role, opened) {
        ("open", Ok((_, state))) => eprintln!("opened {}", state.is_some()),
        ("write", Ok((store, _))) => match store.write(&largest()) {
            Ok(()) => eprintln!("written"),
            Err(error) => eprintln!("not written: {error}"),
        },
        ("hold", Ok((_store, _))) => {
            // It lives on when this process is killed, until its input ends.
            let mut child = Command::new("sh").args(["-c", "read line"]).spawn().unwrap();
            eprintln!("held, beside {}", child.id());
            child.wait().unwrap();
        }
        (_, Err(error)) => eprintln!("{error}"),
        _ => panic!("role {role}"),
    }
}

/// The program that runs, also for a user to whom its path is closed.
fn other(role: &str, directory: &Path) -> Command {
    cast(Command::new("/proc/self/exe"), role, directory)
}

/// Makes a command that runs this program, or hands its arguments to it, play a role. What it says
/// is on its standard error.
fn cast(mut command: Command, role: &str, directory: &Path) -> Command {
    let test = "store::tests::process::the_other_process";
    command.args(["--exact", test, "--ignored", "--nocapture"]);
    command.env(ROLE, role).env(DIRECTORY, directory);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

/// The first line that it says, and what else it will say.
fn said_by(child: &mut Child) -> (String, BufReader<ChildStderr>) {
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    stderr.read_line(&mut line).unwrap();
    (line.trim_end().to_owned(), stderr)
}

fn said(mut command: Command) -> String {
    let mut child = command.spawn().unwrap();
    let (line, _rest) = said_by(&mut child);
    child.wait().unwrap();
    line
}

/// A user that this process can become, if it may become any.
fn stranger(probe: &Path) -> Option<u32> {
    const NOBODY: u32 = 65_534;
    let may = rustix::process::geteuid().is_root() && chown(probe, Some(NOBODY), None).is_ok();
    may.then_some(NOBODY)
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn another_process_is_kept_out_and_told_who_is_in() {
    let directory = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(directory.path(), CLUSTER).unwrap();
    let expected = format!("is in use by process {}: ", std::process::id());
    let line = said(other("open", directory.path()));
    assert!(line.contains(&expected), "{line}");
    store.write(&formed()).unwrap();
    drop(store);
    assert_eq!(said(other("open", directory.path())), "opened true");
}

#[test]
fn the_lock_dies_with_its_process_and_is_inherited_by_nobody() {
    let directory = tempfile::tempdir().unwrap();
    let mut holder = other("hold", directory.path()).spawn().unwrap();
    let (line, _rest) = said_by(&mut holder);
    let beside: u32 = line.strip_prefix("held, beside ").expect(&line).parse().unwrap();
    let error = Store::open(directory.path(), CLUSTER).unwrap_err();
    assert!(
        matches!(error, StoreError::Locked { process: Some(p), .. } if p == holder.id()),
        "{error}"
    );
    // Its child waits for this end of the pipe.
    let input = holder.stdin.take();
    holder.kill().unwrap();
    holder.wait().unwrap();
    assert!(Path::new("/proc").join(beside.to_string()).exists(), "its child lives");
    let (store, state) = Store::open(directory.path(), CLUSTER).unwrap();
    assert_eq!(state, None);
    store.write(&fresh()).unwrap();
    drop(input);
}

#[test]
fn a_disk_that_takes_no_more_leaves_the_old_record_whole() {
    let directory = tempfile::tempdir().unwrap();
    Store::open(directory.path(), CLUSTER).unwrap().0.write(&formed()).unwrap();
    let before = fs::read(directory.path().join("state")).unwrap();
    // A file may grow to 2 or 4 KiB, as the shell counts: a part of the record is written.
    let mut limited = Command::new("sh");
    limited.args(["-c", "trap '' XFSZ; ulimit -f 4; exec \"$0\" \"$@\""]);
    limited.arg(std::env::current_exe().unwrap());
    let line = said(cast(limited, "write", directory.path()));
    assert!(line.starts_with("not written: File too large"), "{line}");
    assert_eq!(fs::read(directory.path().join("state")).unwrap(), before);
    assert!(!directory.path().join("state.new").exists());
    assert_eq!(said(other("write", directory.path())), "written");
    assert_eq!(Store::open(directory.path(), CLUSTER).unwrap().1, Some(largest()));
}

#[test]
fn a_relative_path_is_as_good() {
    let root = tempfile::tempdir().unwrap();
    for path in ["data", "var/bully/8117"] {
        let mut other = other("write", Path::new(path));
        other.current_dir(root.path());
        assert_eq!(said(other), "written", "{path}");
        assert_eq!(Store::open(&root.path().join(path), CLUSTER).unwrap().1, Some(largest()));
    }
}

#[test]
fn what_may_not_be_read_or_written_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let state = directory.path().join("state");
    fs::write(&state, record::to_bytes(CLUSTER, &formed())).unwrap();
    let user = stranger(directory.path());
    if user.is_none() && rustix::process::geteuid().is_root() {
        return; // Root may do everything, and cannot become another user here.
    }
    let open = || {
        let mut other = other("open", directory.path());
        user.map(|user| other.uid(user).gid(user));
        said(other)
    };
    let hint = "the user that the node runs as must be able to read and write it";
    for (mode, what, doing) in [(0o500, "lock", "lock"), (0o700, "state", "read")] {
        set_mode(&state, 0);
        set_mode(directory.path(), mode);
        let path = directory.path().join(what);
        let line = open();
        let expected = format!("cannot {doing} {}: Permission denied", path.display());
        assert!(line.starts_with(&expected) && line.ends_with(hint), "{line}");
    }
    set_mode(&state, 0o644);
    assert_eq!(open(), "opened true");
}

#[test]
fn what_root_writes_the_directorys_owner_can_read() {
    let directory = tempfile::tempdir().unwrap();
    let Some(user) = stranger(directory.path()) else { return };
    Store::open(directory.path(), CLUSTER).unwrap().0.write(&formed()).unwrap();
    recover(directory.path(), CLUSTER, 1, 0, ClusterId(1)).unwrap();
    let mut other = other("open", directory.path());
    other.uid(user).gid(user);
    assert_eq!(said(other), "opened true");
}
