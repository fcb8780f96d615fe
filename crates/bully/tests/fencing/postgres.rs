//! A PostgreSQL server of the test's own, on a unix socket in a folder of its own.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::support::{program, until};

/// Who runs it where the test is root, which it refuses: nobody.
const NOBODY: u32 = 65_534;

pub(crate) struct Server {
    folder: TempDir,
    psql: PathBuf,
    process: Child,
}

impl Server {
    /// None, and a line that says why, where it is not installed.
    pub(crate) fn start(test: &str) -> Option<Self> {
        let (initdb, postgres) = (program(test, "initdb")?, program(test, "postgres")?);
        let psql = program(test, "psql")?;
        let folder = tempfile::tempdir().expect("a folder");
        if is_root() {
            std::os::unix::fs::chown(folder.path(), Some(NOBODY), Some(NOBODY)).expect("chown");
        }
        let data = folder.path().join("data");
        let mut command = command(&initdb);
        command.arg("-D").arg(&data).args(["-A", "trust", "-U", "fence", "--no-sync"]);
        let output = command.output().expect("initdb runs");
        assert!(output.status.success(), "{output:?}");
        let mut command = self::command(&postgres);
        command.arg("-D").arg(&data).arg("-k").arg(folder.path());
        command.args(["-c", "listen_addresses=", "-c", "fsync=off"]);
        let process =
            command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
        let server = Self { folder, psql, process };
        until("PostgreSQL answers", || server.ask("SELECT 1").is_ok());
        Some(server)
    }

    /// What psql prints of these statements, each a transaction of its own, or what it complains of.
    pub(crate) fn ask(&self, statements: &str) -> Result<String, String> {
        self.ask_as("fence", statements)
    }

    /// The same for somebody else.
    pub(crate) fn ask_as(&self, role: &str, statements: &str) -> Result<String, String> {
        let mut session = self.session(role);
        session.say(statements);
        session.end()
    }

    /// A session that stays open for more.
    pub(crate) fn session(&self, role: &str) -> Session {
        let mut command = command(&self.psql);
        command.arg("-h").arg(self.folder.path()).args(["-U", role, "-d", "postgres"]);
        command.args(["-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-f", "-"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Session { psql: command.spawn().expect("psql starts") }
    }
}

/// A client of the server.
pub(crate) struct Session {
    pub(crate) psql: Child,
}

impl Session {
    pub(crate) fn say(&mut self, statements: &str) {
        // It has gone where one of them failed.
        let _ = self.psql.stdin.as_mut().expect("its input").write_all(statements.as_bytes());
    }

    /// What it printed, or what it complained of.
    pub(crate) fn end(mut self) -> Result<String, String> {
        self.psql.stdin = None;
        until("psql ends", || self.psql.try_wait().expect("it is there").is_some());
        let output = self.psql.wait_with_output().expect("psql ends");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // SIGQUIT: at once, and its children with it.
        let pid = i32::try_from(self.process.id()).ok().and_then(rustix::process::Pid::from_raw);
        if let Some(pid) = pid {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::QUIT);
        }
        let _ = self.process.wait();
    }
}

/// A program, run as somebody whom PostgreSQL accepts.
fn command(program: &Path) -> Command {
    if !is_root() {
        return quiet(Command::new(program));
    }
    let mut command = Command::new("setpriv");
    let id = NOBODY.to_string();
    command.args(["--reuid", &id, "--regid", &id, "--clear-groups", "--"]).arg(program);
    quiet(command)
}

fn quiet(mut command: Command) -> Command {
    command.stdin(Stdio::null()).current_dir("/").env("LC_ALL", "C");
    command
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
