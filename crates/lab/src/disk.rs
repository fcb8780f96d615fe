//! A disk that a program finds slow, full or broken.

use std::time::Duration;

use crate::error::LabError;
use crate::shim::{Env, Shim};

/// Put in place before `main` by the loader, which a program that is linked statically does not have.
const SOURCE: &str = include_str!("disk.c");

/// The places of the numbers in the control.
const STALL: usize = 0;
const ERROR: usize = 1;
const SYNCS: usize = 2;

/// What a disk fails with. Reading goes well, and so does removing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiskError {
    /// It is full: ENOSPC. What is there already can be opened.
    Full,
    /// It is broken: EIO.
    Broken,
}

/// The files below one directory, as one program or several find them; well at first. The machine's
/// files are what they are: a write that succeeds is one.
///
/// It reaches programs that ask the C library, as Rust's standard library does; not what the C library
/// asks itself, as `fopen` and `fwrite` do.
#[derive(Debug)]
pub struct SickDisk {
    shim: Shim,
    directory: String,
}

impl SickDisk {
    /// Builds the disk. The directory is an absolute path on the program's host, and may be made
    /// later; programs may go there by other ways. Needs a C compiler.
    ///
    /// # Errors
    /// If there is no compiler, or no room for its output.
    pub fn new(directory: impl Into<String>) -> Result<Self, LabError> {
        Ok(Self { shim: Shim::new(SOURCE, 3)?, directory: directory.into() })
    }

    /// The environment of a program that is to live on this disk.
    pub fn env(&self) -> Env {
        let mut env = self.shim.env("BULLY_LAB_DISK");
        env.push(("BULLY_LAB_DISK_OF", self.directory.clone()));
        env
    }

    /// From now on each sync takes so much longer, of those under way as well; `Duration::ZERO` ends their
    /// stalls, and `Duration::MAX` is as long as that is not said. Whether it fails is seen after it.
    ///
    /// # Errors
    /// If the control cannot be written.
    pub fn stall(&self, each: Duration) -> Result<(), LabError> {
        self.shim.set(STALL, i64::try_from(each.as_nanos()).unwrap_or(i64::MAX))
    }

    /// From now on creating files and directories, writing, syncing and renaming fail; `None` takes
    /// it back.
    ///
    /// # Errors
    /// If the control cannot be written.
    pub fn fail(&self, error: Option<DiskError>) -> Result<(), LabError> {
        self.shim.set(
            ERROR,
            match error {
                None => 0,
                Some(DiskError::Full) => 28,
                Some(DiskError::Broken) => 5,
            },
        )
    }

    /// How many syncs were asked for so far, those that failed, and those that stall, included.
    ///
    /// # Errors
    /// If the control cannot be read.
    pub fn syncs(&self) -> Result<u64, LabError> {
        Ok(self.shim.get(SYNCS)?.unsigned_abs())
    }
}
