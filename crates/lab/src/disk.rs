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

/// What a disk fails with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiskError {
    /// It is full: ENOSPC.
    Full,
    /// It is broken: EIO.
    Broken,
}

/// The files below one directory, as one program or several find them; well at first. The machine's
/// files are what they are: a write that succeeds is one.
///
/// It reaches programs that ask the C library, as Rust's standard library does.
#[derive(Debug)]
pub struct SickDisk {
    shim: Shim,
    directory: String,
}

impl SickDisk {
    /// Builds the disk. The directory is an absolute path, as the program writes it. Needs a C
    /// compiler.
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

    /// From now on each sync takes so much longer; the rest of a stall that is under way is that of the
    /// new one. Zero takes it back.
    ///
    /// # Errors
    /// If the control cannot be written.
    pub fn stall(&self, each: Duration) -> Result<(), LabError> {
        self.shim.set(STALL, i64::try_from(each.as_nanos()).unwrap_or(i64::MAX))
    }

    /// From now on creating, writing, syncing and renaming fail; none takes it back.
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

    /// How many syncs were asked for so far, those that failed included.
    ///
    /// # Errors
    /// If the control cannot be read.
    pub fn syncs(&self) -> Result<u64, LabError> {
        Ok(self.shim.get(SYNCS)?.unsigned_abs())
    }
}
