//! That only one process uses a directory.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::PathBuf;

use rustix::fs::{FlockOperation, OFlags, flock};
use rustix::io::Errno;

/// A lock on a file, held as long as the value lives, and no longer than the process does. Whoever
/// does not ask for it is not kept out.
#[derive(Debug)]
pub(super) struct Lock {
    path: PathBuf,
    /// Closed when another program takes this process over, as std opens all files: no child
    /// inherits the lock.
    file: File,
    /// Which file, in the terms of the file system.
    place: (u64, u64),
}

/// A lock was not had.
#[derive(Debug)]
pub(super) enum LockError {
    /// Somebody else has it: this process, if it said so.
    Held(Option<u32>),
    Io(io::Error),
}

impl Lock {
    /// Takes the lock on a file in `directory`, or fails at once.
    pub(super) fn take(path: PathBuf, directory: &File) -> Result<Self, LockError> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        // The owner of the directory could make root write to any file by a link.
        options.custom_flags(OFlags::NOFOLLOW.bits().cast_signed());
        let mut file = options.open(&path).map_err(LockError::Io)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => return Err(LockError::Held(holder(&mut file))),
            Err(error) => return Err(LockError::Io(error.into())),
        }
        let place = place(&file.metadata().map_err(LockError::Io)?);
        super::directory::give(&file, directory);
        // For the message alone: on a full disk it is missing.
        let _ = sign(&mut file);
        Ok(Self { path, file, place })
    }

    /// Whether the file is still the one that was locked. Without it another process can lock a new
    /// file of that name: somebody took this one for left over, or moved the directory.
    pub(super) fn check(&self) -> io::Result<()> {
        match fs::symlink_metadata(&self.path) {
            Ok(found) if place(&found) == self.place => Ok(()),
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Err(io::Error::other(format!(
                "{} was removed or replaced, so another process may use the directory: restart the \
                 node",
                self.path.display()
            ))),
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // A child that has been forked and does not run its program yet has the file open, too.
        let _ = flock(&self.file, FlockOperation::Unlock);
    }
}

fn place(file: &fs::Metadata) -> (u64, u64) {
    (file.dev(), file.ino())
}

fn sign(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    writeln!(file, "{}", std::process::id())
}

fn holder(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.take(32).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}
