//! Libraries that are put in place before a program's `main`, and tell it another story than the
//! machine does: compiled when they are needed, and steered through a file that the program maps.

use std::fs;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::error::LabError;

/// The environment of a program.
pub type Env = Vec<(&'static str, String)>;

const PRELOAD: &str = "LD_PRELOAD";

/// A library of one source, and the numbers that steer it.
#[derive(Debug)]
pub(crate) struct Shim {
    folder: TempDir,
    control: fs::File,
}

impl Shim {
    /// Compiles the source; the numbers, `count` of them, are 0.
    pub(crate) fn new(source: &str, count: usize) -> Result<Self, LabError> {
        let folder = tempfile::Builder::new().prefix("bully-lab-").tempdir();
        let folder = folder.map_err(LabError::io("make a directory for a shim"))?;
        let path = folder.path().join("control");
        let mut options = fs::OpenOptions::new();
        let control = options.create_new(true).read(true).write(true).open(path);
        let control = control.map_err(LabError::io("make a shim's control"))?;
        let shim = Self { folder, control };
        for index in 0..count {
            shim.set(index, 0)?;
        }
        let path = shim.folder.path().join("shim.c");
        fs::write(&path, source).map_err(LabError::io("write a shim's source"))?;
        let mut compiler = Command::new("cc");
        compiler.args(["-shared", "-fPIC", "-O1", "-pthread", "-o"]);
        compiler.arg(shim.library()).arg(&path).arg("-ldl");
        let output = compiler.stdin(Stdio::null()).output().map_err(LabError::io("run cc"))?;
        LabError::check("build a shim", &output)?;
        Ok(shim)
    }

    /// The variable that preloads it, and one that names its control.
    pub(crate) fn env(&self, control: &'static str) -> Env {
        let text = |path: PathBuf| path.to_string_lossy().into_owned();
        let path = self.folder.path().join("control");
        vec![(PRELOAD, text(self.library())), (control, text(path))]
    }

    fn library(&self) -> PathBuf {
        self.folder.path().join("shim.so")
    }

    /// In place, since programs have the file mapped; eight bytes are written at once.
    pub(crate) fn set(&self, index: usize, value: i64) -> Result<(), LabError> {
        let written = self.control.write_all_at(&value.to_ne_bytes(), offset(index));
        written.map_err(LabError::io("steer a shim"))
    }

    pub(crate) fn get(&self, index: usize) -> Result<i64, LabError> {
        let mut bytes = [0; 8];
        let read = self.control.read_exact_at(&mut bytes, offset(index));
        read.map_err(LabError::io("ask a shim"))?;
        Ok(i64::from_ne_bytes(bytes))
    }
}

fn offset(index: usize) -> u64 {
    8 * u64::try_from(index).unwrap_or(u64::MAX / 8)
}

/// One environment of several: a program may live by other clocks and on another disk at once.
pub fn merged(parts: impl IntoIterator<Item = Env>) -> Env {
    let mut whole = Env::new();
    for (name, value) in parts.into_iter().flatten() {
        match whole.iter_mut().find(|(known, _)| *known == name && name == PRELOAD) {
            Some((_, libraries)) => {
                libraries.push(':');
                libraries.push_str(&value);
            }
            None => whole.push((name, value)),
        }
    }
    whole
}
