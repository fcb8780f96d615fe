//! Namespaces, each held by a keeper: a shell that reads its standard input until its end.
//!
//! The test process alone has the other end of that pipe, so a keeper ends, and its namespaces
//! with it, when the lab is dropped and also when the test process is killed outright. Before it
//! goes, a keeper kills whatever else still runs in its network namespace: programs under test
//! may have left children that nobody else knows.

use std::ffi::OsStr;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use crate::error::{LabError, Unavailable, printed};

/// How long a keeper may take to clear its namespace before it is killed itself.
const FAREWELL: Duration = Duration::from_secs(5);

/// Whether `ip`, `nsenter` and the rest may be used as they are, or need a user namespace first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Privilege {
    /// Root of the machine.
    Root,
    /// Root only within a user namespace of the lab's own.
    UserNamespace,
}

impl Privilege {
    /// What this machine gives; found out once.
    pub(crate) fn of_this_process() -> Result<Self, Unavailable> {
        static FOUND: OnceLock<Result<Privilege, Unavailable>> = OnceLock::new();
        FOUND
            .get_or_init(|| {
                let root = rustix::process::geteuid().is_root();
                if root && Self::Root.probe().is_ok() {
                    return Ok(Self::Root);
                }
                // Root of a container may lack what root has, and still get a user namespace.
                Self::UserNamespace.probe().map(|()| Self::UserNamespace)
            })
            .clone()
    }

    /// Tries everything a lab is made of, once, in namespaces that vanish at once.
    pub(crate) fn probe(self) -> Result<(), Unavailable> {
        const TRIAL: &str = "set -e
            mount -t tmpfs lab /tmp
            ip link add br0 type bridge
            ip link add port0 type veth peer name eth0
            ip link set port0 master br0
            bridge link set dev port0 flood off
            command -v nsenter";
        let mut command = self.unshare();
        command.args(["sh", "-c", TRIAL]);
        let reason = match command.stdin(Stdio::null()).output() {
            Ok(output) if output.status.success() => return Ok(()),
            Ok(output) => printed(&output),
            Err(error) => format!("unshare: {error}"),
        };
        let line = reason.lines().next().unwrap_or("no reason given");
        Err(Unavailable { reason: format!("no hosts in network namespaces here: {line}") })
    }

    /// `unshare` of a network and a mount namespace, the program still to be added.
    fn unshare(self) -> Command {
        let mut command = tool("unshare");
        if self == Self::UserNamespace {
            command.args(["--user", "--map-root-user"]);
        }
        command.args(["--net", "--mount", "--"]);
        command
    }
}

/// A program of the system. An ordinary user's `PATH` may lack the directories of `ip` and `tc`.
fn tool(program: &str) -> Command {
    let mut path = std::env::var_os("PATH").unwrap_or_default();
    path.push(":/usr/sbin:/sbin:/usr/bin:/bin");
    let mut command = Command::new(program);
    command.env("PATH", path);
    command
}

/// A network and a mount namespace, named by the process that holds them.
#[derive(Clone, Debug)]
pub(crate) struct Namespace {
    pid: u32,
    privilege: Privilege,
}

impl Namespace {
    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// A program in here. `nsenter` turns into it without a fork, so the child's process id is
    /// the program's.
    pub(crate) fn command(&self, program: &OsStr) -> Command {
        self.enter(Command::new("nsenter"), program)
    }

    /// Starts a tool in here and hands it its standard input.
    pub(crate) fn start(
        &self,
        what: &str,
        command_line: &[&str],
        input: &str,
    ) -> Result<Running, LabError> {
        let (program, args) = command_line.split_first().expect("a tool has a name");
        let mut command = self.enter(tool("nsenter"), OsStr::new(program));
        command.args(args).stdin(Stdio::piped());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(LabError::io(what))?;
        if let Some(mut stdin) = child.stdin.take() {
            // A tool that stopped reading says why itself.
            let _ = stdin.write_all(input.as_bytes());
        }
        let what = what.to_owned();
        Ok(Running { what, child })
    }

    fn enter(&self, mut nsenter: Command, program: &OsStr) -> Command {
        nsenter.arg("-t").arg(self.pid.to_string());
        nsenter.args(["-n", "-m"]);
        if self.privilege == Privilege::UserNamespace {
            nsenter.args(["-U", "--preserve-credentials"]);
        }
        nsenter.arg("--").arg(program);
        nsenter
    }
}

/// A tool at work. Several run side by side, and are then waited for.
pub(crate) struct Running {
    what: String,
    child: Child,
}

impl Running {
    pub(crate) fn finish(self) -> Result<Output, LabError> {
        let output = self.child.wait_with_output();
        let output = output.map_err(LabError::io(self.what.as_str()))?;
        LabError::check(&self.what, &output)?;
        Ok(output)
    }
}

/// Waits for all of them, and then tells of the first failure.
pub(crate) fn finish_all(running: Vec<Running>) -> Result<(), LabError> {
    let ends: Vec<_> = running.into_iter().map(Running::finish).collect();
    ends.into_iter().try_for_each(|end| end.map(|_| ()))
}

/// The process that holds a namespace.
#[derive(Debug)]
pub(crate) struct Keeper {
    child: Child,
    lifeline: Option<ChildStdin>,
    namespace: Namespace,
}

impl Keeper {
    /// Holds namespaces of its own; `setup` and `farewell` are shell lines run in them first and
    /// last.
    pub(crate) fn outer(
        privilege: Privilege,
        setup: &str,
        farewell: &str,
    ) -> Result<Self, LabError> {
        Self::spawn(privilege.unshare(), privilege, setup, farewell)
    }

    /// Holds namespaces that start as copies of this keeper's, in the same user namespace.
    pub(crate) fn inner(&self, setup: &str) -> Result<Self, LabError> {
        let mut command = self.namespace.enter(tool("nsenter"), OsStr::new("unshare"));
        command.args(["--net", "--mount", "--"]);
        Self::spawn(command, self.namespace.privilege, setup, "")
    }

    fn spawn(
        mut command: Command,
        privilege: Privilege,
        setup: &str,
        farewell: &str,
    ) -> Result<Self, LabError> {
        let outside = std::fs::read_link("/proc/self/ns/net");
        let outside = outside.map_err(LabError::io("read /proc/self/ns/net"))?;
        let script = script(&outside.to_string_lossy(), setup, farewell);
        command.args(["sh", "-c", &script]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        command.stderr(Stdio::piped());
        // Out of reach of a Ctrl-C that ends the tests: the keeper still has to tidy up.
        command.process_group(0);
        let mut child = command.spawn().map_err(LabError::io("start a namespace's keeper"))?;
        let namespace = Namespace { pid: child.id(), privilege };
        Ok(Self { lifeline: child.stdin.take(), child, namespace })
    }

    /// Waits until the namespaces exist and `setup` has run in them.
    pub(crate) fn ready(&mut self) -> Result<(), LabError> {
        let what = "set up a namespace";
        let mut line = String::new();
        if let Some(stdout) = self.child.stdout.take() {
            let read = BufReader::new(stdout).read_line(&mut line);
            read.map_err(LabError::io(what))?;
        }
        if line == "ready\n" {
            return Ok(());
        }
        self.lifeline = None;
        let mut said = String::new();
        if let Some(mut stderr) = self.child.stderr.take() {
            let _ = stderr.read_to_string(&mut said);
        }
        let status = self.child.wait().map_err(LabError::io(what))?;
        Err(LabError::Tool {
            what: what.to_owned(),
            status: status.to_string(),
            printed: said.trim().to_owned(),
        })
    }

    pub(crate) fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// Lets the keeper go, without waiting for it: many can go at once.
    pub(crate) fn release(&mut self) {
        self.lifeline = None;
    }

    fn wait_until(&mut self, deadline: Instant) -> io::Result<bool> {
        while self.child.try_wait()?.is_none() {
            if Instant::now() >= deadline {
                return Ok(false);
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(true)
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.release();
        if !self.wait_until(Instant::now() + FAREWELL).unwrap_or(false) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// What a keeper does. `-ef` compares namespaces by their inode; processes of other users, and
/// those that have ended, have none that can be read, and so are never equal.
///
/// `outside` is the test's own network namespace. A keeper that finds itself there ends at once:
/// what it kills at its end would be the machine's.
fn script(outside: &str, setup: &str, farewell: &str) -> String {
    format!(
        r#"set -e
if [ "$(readlink /proc/$$/ns/net)" = '{outside}' ]; then
    echo 'still in the network namespace of the test' >&2
    exit 1
fi
{setup}
echo ready
exec >/dev/null 2>&1
set +e
while read -r _; do :; done
rounds=0
found=yes
while [ "$found" = yes ] && [ "$rounds" -lt 200 ]; do
    found=no
    rounds=$((rounds + 1))
    for process in /proc/[0-9]*; do
        pid=${{process#/proc/}}
        [ "$pid" = $$ ] && continue
        if [ "$process/ns/net" -ef "/proc/$$/ns/net" ]; then
            kill -9 "$pid"
            found=yes
        fi
    done
done
{farewell}
"#
    )
}
