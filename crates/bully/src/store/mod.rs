//! The durable record of a node in quorum mode: one file, replaced whole.
//!
//! In a data directory are `state`, the record; `lock`, which keeps a second process out; and, while
//! a record is written, `state.new`. What cannot be read is refused and left alone: to start
//! without it means to forget promises, and only a person can decide that.

mod decode;
mod encode;
mod error;
mod lock;
#[cfg(any(test, feature = "cli"))]
mod offline;
mod record;
mod schema;
#[cfg(test)]
mod tests;

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, fchown};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use bully_core::quorum::Stored;
use rustix::fs::OFlags;
use rustix::io::Errno;

use lock::{Lock, LockError};
use record::Unreadable;

pub use error::StoreError;
#[cfg(any(test, feature = "cli"))]
pub(crate) use offline::{Change, OfflineError, recover, reset_genesis};

/// The name of the record.
const STATE: &str = "state";

/// The directory of a node's durable record, locked for this process as long as the value lives.
#[derive(Debug)]
pub(crate) struct Store {
    cluster: String,
    /// The record.
    path: PathBuf,
    /// The next record, until it is complete.
    draft: PathBuf,
    /// To be synced after each change of its entries.
    directory: File,
    lock: Lock,
    /// One write at a time: two would share the draft.
    turn: Mutex<()>,
}

impl Store {
    /// Creates the directory (mode 0700) where there is none, locks it, and reads the record: none
    /// where there is none.
    ///
    /// # Errors
    /// If another process uses the directory, the record cannot be read, or is not this node's.
    pub(crate) fn open(
        directory: &Path,
        cluster: &str,
    ) -> Result<(Self, Option<Stored>), StoreError> {
        let failed = |doing, path: &Path| {
            let path = path.to_owned();
            move |source| StoreError::Io { doing, path, source }
        };
        create(directory).map_err(failed("create data directory", directory))?;
        let entries = File::open(directory).map_err(failed("open data directory", directory))?;
        let lock = directory.join("lock");
        let lock = Lock::take(lock.clone(), &entries).map_err(|error| match error {
            LockError::Held(process) => {
                StoreError::Locked { directory: directory.to_owned(), process }
            }
            LockError::Io(source) => failed("lock", &lock)(source),
        })?;
        let path = directory.join(STATE);
        let state = read(&path, cluster)?;
        // Of a process that was killed while it wrote: nobody else can be writing now.
        let draft = directory.join("state.new");
        remove(&draft).map_err(failed("remove", &draft))?;
        let (cluster, turn) = (cluster.to_owned(), Mutex::new(()));
        Ok((Self { cluster, path, draft, directory: entries, lock, turn }, state))
    }

    /// Replaces the record: written, synced, renamed, the directory synced. Blocks until then.
    ///
    /// # Errors
    /// If any of that fails. On disk is the old record, whole, or the new one.
    pub(crate) fn write(&self, state: &Stored) -> io::Result<()> {
        let bytes = record::to_bytes(&self.cluster, state);
        // What could not be read again would be a lost disk at the next start.
        match record::from_bytes(&bytes, &self.cluster) {
            Ok(read) if read == *state => {}
            Ok(_) => return Err(io::Error::other("the record would be read as another one")),
            Err(error) => return Err(io::Error::other(format!("the record is unsound: {error}"))),
        }
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        self.lock.check()?;
        let result = self.replace(&bytes);
        if result.is_err() {
            let _ = remove(&self.draft);
        }
        result
    }

    /// Where the record is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// By the standard library's plain calls. The crate atomic-write-file makes the same ones, but
    /// where a sync fails it leaves its file behind, under another name at each new try, and brings
    /// six other crates for names that nobody else can be using here.
    fn replace(&self, bytes: &[u8]) -> io::Result<()> {
        remove(&self.draft)?;
        let mut draft =
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(&self.draft)?;
        give(&draft, &self.directory);
        draft.write_all(bytes)?;
        draft.sync_all()?;
        // The disk may have taken its time.
        self.lock.check()?;
        fs::rename(&self.draft, &self.path)?;
        self.directory.sync_all()
    }
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

/// What is at `path`; none if nothing is.
fn read(path: &Path, cluster: &str) -> Result<Option<Stored>, StoreError> {
    let bytes = match bytes(path) {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return Ok(None),
        Err(source) => {
            return Err(StoreError::Io { doing: "read", path: path.to_owned(), source });
        }
    };
    let state = bytes.and_then(|bytes| record::from_bytes(&bytes, cluster));
    let path = path.to_owned();
    state.map(Some).map_err(|error| match error {
        Unreadable::Newer(format) => StoreError::Newer { path, format },
        Unreadable::OtherCluster(theirs) => {
            StoreError::OtherCluster { path, theirs, ours: cluster.to_owned() }
        }
        damage => StoreError::Damaged { path, what: damage.to_string() },
    })
}

/// The bytes of a file, and no more than a record can have. A pipe is not waited for, and a link is
/// not followed: the next write would replace it.
fn bytes(path: &Path) -> io::Result<Option<Result<Vec<u8>, Unreadable>>> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    let file = match OpenOptions::new().read(true).custom_flags(flags).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) if Errno::from_io_error(&error) == Some(Errno::LOOP) => {
            return Ok(Some(Err(Unreadable::NoFile)));
        }
        Err(error) => return Err(error),
    };
    if !file.metadata()?.is_file() {
        return Ok(Some(Err(Unreadable::NoFile)));
    }
    let mut bytes = Vec::new();
    file.take(record::LEN_MAX as u64 + 1).read_to_end(&mut bytes)?;
    Ok(Some(Ok(bytes)))
}

/// Gives a new file to the owner of its directory where this process may: what an operator does as
/// root must not lock out a node that runs as another user.
fn give(file: &File, directory: &File) {
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
