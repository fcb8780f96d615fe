//! What a host keeps in its `/var/lib/bully`: wiped, set back, copied, damaged.
//!
//! By the test process, from outside: it needs no program on the host, and disks that are sick for a
//! program are not so here.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use tempfile::TempDir;

use crate::error::LabError;
use crate::host::Host;

/// What hosts have of their own.
const STATE: &str = "/var/lib/bully";

/// How often a copy is begun anew because a file vanished meanwhile.
const ATTEMPTS: usize = 100;

/// What a host had in `/var/lib/bully` at one time.
#[derive(Debug)]
pub struct SavedState {
    folder: TempDir,
}

/// Paths are the host's own, as in `path`. No node should be at work there, but for `save`.
impl Host {
    /// Removes all that is in `/var/lib/bully`: a new disk.
    ///
    /// # Errors
    /// If something cannot be removed.
    pub fn wipe(&self) -> Result<(), LabError> {
        empty(&self.path(STATE)).map_err(LabError::io(format!("wipe {}", self.name())))
    }

    /// Copies all that is in `/var/lib/bully`, also while a node replaces files there; pipes and sockets
    /// are left out.
    ///
    /// # Errors
    /// If something cannot be read, or there is no room for the copy.
    pub fn save(&self) -> Result<SavedState, LabError> {
        let what = || format!("save the state of {}", self.name());
        let folder = tempfile::Builder::new().prefix("bully-lab-").tempdir();
        let folder = folder.map_err(LabError::io(what()))?;
        let mut copied = copy(&self.path(STATE), folder.path());
        for _ in 1..ATTEMPTS {
            // What was replaced meanwhile may have been passed over in its new place, too.
            if !copied.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
                break;
            }
            empty(folder.path()).map_err(LabError::io(what()))?;
            copied = copy(&self.path(STATE), folder.path());
        }
        copied.map_err(LabError::io(what()))?;
        Ok(SavedState { folder })
    }

    /// Wipes `/var/lib/bully`, and puts there what was saved, on this host or on another one.
    ///
    /// # Errors
    /// If something cannot be removed or written.
    pub fn restore(&self, saved: &SavedState) -> Result<(), LabError> {
        self.wipe()?;
        let copied = copy(saved.folder.path(), &self.path(STATE));
        copied.map_err(LabError::io(format!("restore the state of {}", self.name())))
    }

    /// Leaves just the first bytes of a file.
    ///
    /// # Errors
    /// If there is no such file.
    pub fn truncate(&self, file: impl AsRef<Path>, length: u64) -> Result<(), LabError> {
        let what = format!("truncate {} of {}", file.as_ref().display(), self.name());
        let cut = OpenOptions::new().write(true).open(self.path(file));
        cut.and_then(|file| file.set_len(length)).map_err(LabError::io(what))
    }

    /// Flips one bit of a file; the first byte has those from 0 to 7.
    ///
    /// # Errors
    /// If there is no such file, or it is shorter.
    pub fn flip_bit(&self, file: impl AsRef<Path>, bit: u64) -> Result<(), LabError> {
        let what = format!("flip bit {bit} of {} of {}", file.as_ref().display(), self.name());
        let flip = |file: File| {
            let mut byte = [0];
            file.read_exact_at(&mut byte, bit / 8)?;
            byte[0] ^= 1 << (bit % 8);
            file.write_all_at(&byte, bit / 8)
        };
        let file = OpenOptions::new().read(true).write(true).open(self.path(file));
        file.and_then(flip).map_err(LabError::io(what))
    }
}

fn empty(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let is_folder = fs::symlink_metadata(&path)?.is_dir();
        if is_folder { fs::remove_dir_all(path) } else { fs::remove_file(path) }?;
    }
    Ok(())
}

/// Into a folder that is there, and empty. Files keep their modes, and get this process's user.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type()?;
        if kind.is_dir() {
            fs::create_dir(&to)?;
            copy(&from, &to)?;
            fs::set_permissions(&to, fs::metadata(&from)?.permissions())?;
        } else if kind.is_symlink() {
            std::os::unix::fs::symlink(fs::read_link(&from)?, &to)?;
        } else if kind.is_file() {
            fs::copy(&from, &to)?;
        }
    }
    Ok(())
}
