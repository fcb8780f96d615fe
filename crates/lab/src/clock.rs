//! A wall clock that is a program's own, and can be set while it runs.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::error::LabError;

/// Put in place before `main` by the loader, which a program that is linked statically does not have.
const SHIM: &str = include_str!("clock.c");

/// A wall clock for one program or several, set back or forward from the machine's at any time. The
/// machine's own clock is never touched, and neither are those that only measure time.
///
/// It reaches programs that ask the C library; whoever asks the kernel itself gets the machine's
/// time. A test looks for a time that the program told.
#[derive(Debug)]
pub struct WallClock {
    folder: TempDir,
}

impl WallClock {
    /// Builds the clock; it shows the machine's time at first. Needs a C compiler.
    ///
    /// # Errors
    /// If there is no compiler, or no room for its output.
    pub fn new() -> Result<Self, LabError> {
        let folder = tempfile::Builder::new().prefix("bully-lab-").tempdir();
        let folder = folder.map_err(LabError::io("make a directory for a clock"))?;
        let clock = Self { folder };
        clock.write(0)?;
        let source = clock.folder.path().join("clock.c");
        fs::write(&source, SHIM).map_err(LabError::io("write the clock's source"))?;
        let mut compiler = Command::new("cc");
        compiler.args(["-shared", "-fPIC", "-O1", "-o"]).arg(clock.library()).arg(&source);
        let output = compiler.stdin(Stdio::null()).output().map_err(LabError::io("run cc"))?;
        LabError::check("build a clock", &output)?;
        Ok(clock)
    }

    /// The environment of a program that is to live by this clock.
    pub fn env(&self) -> [(&'static str, String); 2] {
        let text = |path: PathBuf| path.to_string_lossy().into_owned();
        [("LD_PRELOAD", text(self.library())), ("BULLY_LAB_CLOCK", text(self.shift()))]
    }

    /// Sets the clock forward from the machine's by so much.
    ///
    /// # Errors
    /// If the file that holds the difference cannot be written.
    pub fn set_forward(&self, by: Duration) -> Result<(), LabError> {
        self.write(nanoseconds(by))
    }

    /// Sets the clock back from the machine's by so much.
    ///
    /// # Errors
    /// If the file that holds the difference cannot be written.
    pub fn set_back(&self, by: Duration) -> Result<(), LabError> {
        self.write(-nanoseconds(by))
    }

    fn library(&self) -> PathBuf {
        self.folder.path().join("clock.so")
    }

    fn shift(&self) -> PathBuf {
        self.folder.path().join("shift")
    }

    /// In place, since programs have the file mapped; eight bytes are written at once.
    fn write(&self, shift: i64) -> Result<(), LabError> {
        use std::os::unix::fs::FileExt;
        let mut options = fs::OpenOptions::new();
        let file = options.create(true).truncate(false).write(true).open(self.shift());
        let written = file.and_then(|file| file.write_all_at(&shift.to_ne_bytes(), 0));
        written.map_err(LabError::io("set a clock"))
    }
}

fn nanoseconds(time: Duration) -> i64 {
    i64::try_from(time.as_nanos()).unwrap_or(i64::MAX)
}
