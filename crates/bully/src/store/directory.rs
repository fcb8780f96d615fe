//! The directory of a node: made if it is not there, used by one process at a time, and in it files
//! that are replaced whole.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, fchown};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use rustix::io::Errno;

use super::StoreError;
use super::lock::{Lock, LockError};

/// The directory of a node, locked for this process as long as the value lives.
#[derive(Debug)]
pub(crate) struct Directory {
    path: PathBuf,
    /// To be synced after each change of its entries.
    entries: File,
    lock: Lock,
}

/// What is there is no plain file.
#[derive(Debug)]
pub(super) struct NoFile;

impl Directory {
    /// Creates the directory (mode 0700) where there is none, and locks it.
    ///
    /// # Errors
    /// If another process uses it, or the system refuses.
    pub(crate) fn open(path: &Path) -> Result<Self, StoreError> {
        create(path).map_err(failed("create data directory", path))?;
        let entries = File::open(path).map_err(failed("open data directory", path))?;
        let lock = path.join("lock");
        let lock = Lock::take(lock.clone(), &entries).map_err(|error| match error {
            LockError::Held(process) => StoreError::Locked { directory: path.to_owned(), process },
            LockError::Io(source) => failed("lock", &lock)(source),
        })?;
        Ok(Self { path: path.to_owned(), entries, lock })
    }

    /// Where a file of it is.
    pub(super) fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Removes what a process left that was killed while it wrote that file.
    pub(super) fn clear(&self, name: &str) -> Result<(), StoreError> {
        let draft = self.draft(name);
        remove(&draft).map_err(failed("remove", &draft))
    }

    /// Replaces a file, or makes it, readable by its owner alone: written, synced, renamed, the
    /// directory synced. Blocks until then. One call for a file at a time: two would share the draft.
    ///
    /// # Errors
    /// If any of that fails. On disk is the old file, whole, or the new one.
    pub(super) fn replace(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.lock.check()?;
        let draft = self.draft(name);
        let result = self.put(&draft, name, bytes);
        if result.is_err() {
            let _ = remove(&draft);
        }
        result
    }

    /// By the standard library's plain calls. The crate atomic-write-file makes the same ones, but
    /// where a sync fails it leaves its file behind, under another name at each new try, and brings
    /// six other crates for names that nobody else can be using here.
    fn put(&self, draft: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
        remove(draft)?;
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(draft)?;
        give(&file, &self.entries);
        file.write_all(bytes)?;
        file.sync_all()?;
        // The disk may have taken its time.
        self.lock.check()?;
        fs::rename(draft, self.join(name))?;
        self.entries.sync_all()
    }

    fn draft(&self, name: &str) -> PathBuf {
        self.join(&format!("{name}.new"))
    }
}

/// The error of what was tried.
pub(super) fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    let path = path.to_owned();
    move |source| StoreError::Io { doing, path, source }
}

/// The bytes of a file, and no more than `max` and one; none where nothing is. A pipe is not waited
/// for, and a link is not followed: the next write would replace it.
pub(super) fn bytes(path: &Path, max: usize) -> io::Result<Option<Result<Vec<u8>, NoFile>>> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    let file = match OpenOptions::new().read(true).custom_flags(flags).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) if Errno::from_io_error(&error) == Some(Errno::LOOP) => {
            return Ok(Some(Err(NoFile)));
        }
        Err(error) => return Err(error),
    };
    if !file.metadata()?.is_file() {
        return Ok(Some(Err(NoFile)));
    }
    let mut bytes = Vec::new();
    file.take(max as u64 + 1).read_to_end(&mut bytes)?;
    Ok(Some(Ok(bytes)))
}

/// Creates a directory and those above it, each so that a power cut does not undo it: else the
/// record would be gone with it.
fn create(directory: &Path) -> io::Result<()> {
    let attempt = || DirBuilder::new().mode(0o700).create(directory);
    let above = directory.parent().map(|p| if p == "" { Path::new(".") } else { p });
    let outcome = match (attempt(), above) {
        (Err(error), Some(above)) if error.kind() == io::ErrorKind::NotFound => {
            create(above)?;
            attempt()
        }
        (outcome, _) => outcome,
    };
    match outcome {
        Ok(()) => above.map_or(Ok(()), |above| File::open(above)?.sync_all()),
        Err(_) if directory.is_dir() => Ok(()),
        Err(error) => Err(error),
    }
}

/// Gives a new file to the owner of its directory where this process may: what an operator does as
/// root must not lock out a node that runs as another user.
pub(super) fn give(file: &File, directory: &File) {
    if let (Ok(mine), Ok(theirs)) = (file.metadata(), directory.metadata())
        && mine.uid() != theirs.uid()
    {
        let _ = fchown(file, Some(theirs.uid()), Some(theirs.gid()));
    }
}

/// Removes a file where there is one.
fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
