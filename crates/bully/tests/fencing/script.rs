//! `fenced-write`, called as people call it.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::support::{block, executable, path_with, program, until};

/// A folder with the file, and one with the script.
pub(crate) struct Fenced {
    folder: TempDir,
    tools: TempDir,
    shell: &'static str,
    patience: &'static str,
}

/// How a call ended.
#[derive(Debug)]
pub(crate) struct Told {
    /// The exit code; none where a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stderr: String,
}

impl Fenced {
    pub(crate) fn new() -> Self {
        let folder = || tempfile::tempdir().expect("a folder");
        let fenced = Self { folder: folder(), tools: folder(), shell: "sh", patience: "10" };
        std::fs::write(fenced.tools.path().join("fenced-write"), block("file")).expect("a script");
        fenced
    }

    /// Run by another shell.
    pub(crate) fn by(shell: &'static str) -> Self {
        Self { shell, ..Self::new() }
    }

    /// Waits so long for the lock.
    pub(crate) fn patience(self, patience: &'static str) -> Self {
        Self { patience, ..self }
    }

    pub(crate) fn path(&self, ending: &str) -> PathBuf {
        self.folder.path().join(format!("state{ending}"))
    }

    pub(crate) fn script(&self) -> PathBuf {
        self.tools.path().join("fenced-write")
    }

    /// What is in the file; empty where there is none.
    pub(crate) fn value(&self) -> String {
        std::fs::read_to_string(self.path("")).unwrap_or_default()
    }

    pub(crate) fn token(&self) -> String {
        std::fs::read_to_string(self.path(".token")).unwrap_or_default()
    }

    /// Whether nothing lies in the folder but the three that belong there.
    pub(crate) fn is_clean(&self) -> bool {
        let names = std::fs::read_dir(self.folder.path()).expect("the folder").flatten();
        let mut names = names.map(|entry| entry.file_name());
        names.all(|name| ["state", "state.lock", "state.token"].iter().any(|own| name == *own))
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.shell);
        command.arg(self.script()).args(arguments).env("PATIENCE", self.patience);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        command
    }

    /// Starts a write whose input is still to come.
    pub(crate) fn begin(&self, token: &str, bytes: &str) -> Writer {
        let file = self.path("");
        Writer::start(self.command(&[&file.to_string_lossy(), token, bytes]))
    }

    /// Writes with these arguments after the file.
    pub(crate) fn call(&self, arguments: &[&str], input: &str) -> Told {
        let file = self.path("");
        let file = file.to_string_lossy();
        let arguments: Vec<&str> =
            std::iter::once(&*file).chain(arguments.iter().copied()).collect();
        Writer::start(self.command(&arguments)).feed(input)
    }

    /// Calls it in this folder.
    pub(crate) fn call_in(&self, folder: &Path, arguments: &[&str], input: &str) -> Told {
        let mut command = self.command(arguments);
        command.current_dir(folder);
        Writer::start(command).feed(input)
    }

    pub(crate) fn write(&self, token: &str, value: &str) -> Told {
        self.call(&[token, &value.len().to_string()], value)
    }

    /// Starts a write during which, before step `at` of those that `sync` or `mv` make, the script
    /// gets a signal. The steps are noted in `steps`.
    pub(crate) fn begin_and_signal(
        &self,
        at: usize,
        signal: &str,
        token: &str,
        value: &str,
    ) -> Writer {
        for tool in ["sync", "mv"] {
            let real = program("fencing", tool).expect("coreutils are installed");
            let text = format!(
                "#!/bin/sh\necho \"{tool} $*\" >>\"$STEPS\"\n\
                 [ \"$(wc -l <\"$STEPS\")\" != {at} ] || {{\n\
                 kill -{signal} \"$PPID\"\n[ {signal} != KILL ] || exit 1\n}}\n\
                 exec {} \"$@\"\n",
                real.display()
            );
            executable(&self.tools.path().join(tool), &text);
        }
        let steps = self.tools.path().join("steps");
        std::fs::write(&steps, "").expect("a log");
        let file = self.path("");
        let bytes = value.len().to_string();
        let mut command = self.command(&[&file.to_string_lossy(), token, &bytes]);
        command.env("STEPS", steps).env("PATH", path_with(self.tools.path()));
        let mut writer = Writer::start(command);
        writer.send(value);
        writer.close();
        writer
    }

    pub(crate) fn steps(&self) -> Vec<String> {
        let steps = std::fs::read_to_string(self.tools.path().join("steps")).expect("a log");
        steps.lines().map(str::to_owned).collect()
    }
}

/// A call that has not ended yet, and ends with the test.
pub(crate) struct Writer {
    pub(crate) child: Child,
}

impl Writer {
    fn start(mut command: Command) -> Self {
        Self { child: command.spawn().expect("a shell starts") }
    }

    /// Some of its input.
    pub(crate) fn send(&mut self, input: &str) {
        // It need not read what it refuses.
        if let Some(stdin) = self.child.stdin.as_mut() {
            let _ = stdin.write_all(input.as_bytes());
        }
    }

    /// There is no more.
    pub(crate) fn close(&mut self) {
        self.child.stdin = None;
    }

    /// The rest of its input, and how it ends.
    pub(crate) fn feed(mut self, input: &str) -> Told {
        self.send(input);
        self.close();
        until("it ends", || self.child.try_wait().expect("it is there").is_some());
        let code = self.child.wait().expect("it has ended").code();
        let mut stderr = String::new();
        let mut pipe = self.child.stderr.take().expect("its errors");
        pipe.read_to_string(&mut stderr).expect("text");
        Told { code, stderr }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The folder in which a file lies.
pub(crate) fn folder_of(file: &Path) -> String {
    file.parent().expect("a folder").display().to_string()
}
