//! What a node keeps on disk, in a directory of its own.
//!
//! There are `lock`, which keeps a second process out; `key`, the node's own key, where it has a
//! secret; and, in quorum mode, `state`, its durable record, which is replaced whole (and `state.new`
//! while that is done). What cannot be read is refused and left alone: to start without the record
//! means to forget promises, and only a person can decide that.

mod decode;
mod directory;
mod encode;
mod error;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod key;
mod lock;
#[cfg(any(test, feature = "cli"))]
mod offline;
mod record;
mod schema;
#[cfg(test)]
mod tests;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use bully_core::quorum::Stored;

use record::Unreadable;

pub(crate) use directory::Directory;
pub use error::StoreError;
#[cfg(any(test, feature = "cli"))]
pub(crate) use offline::{Change, OfflineError, recover, reset_genesis};

/// The name of the record.
const STATE: &str = "state";

/// The directory of a node's durable record, locked for this process as long as the value lives.
#[derive(Debug)]
pub(crate) struct Store {
    cluster: String,
    directory: Directory,
    /// Where the record is.
    path: PathBuf,
    /// One write at a time.
    turn: Mutex<()>,
}

impl Store {
    /// Opens the directory, and reads the record: none where there is none.
    ///
    /// # Errors
    /// If another process uses the directory, the record cannot be read, or is not this node's.
    pub(crate) fn open(
        directory: &Path,
        cluster: &str,
    ) -> Result<(Self, Option<Stored>), StoreError> {
        let directory = Directory::open(directory)?;
        let path = directory.join(STATE);
        let state = read(&path, cluster)?;
        // Nobody else can be writing now.
        directory.clear(STATE)?;
        let (cluster, turn) = (cluster.to_owned(), Mutex::new(()));
        Ok((Self { cluster, directory, path, turn }, state))
    }

    /// Replaces the record. Blocks until it is on disk.
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
        self.directory.replace(STATE, &bytes)
    }

    /// Where the record is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The directory.
    pub(crate) fn directory(&self) -> &Directory {
        &self.directory
    }
}

/// What is at `path`; none if nothing is.
fn read(path: &Path, cluster: &str) -> Result<Option<Stored>, StoreError> {
    let found = directory::bytes(path, record::LEN_MAX).map_err(directory::failed("read", path))?;
    let Some(bytes) = found else { return Ok(None) };
    let bytes = bytes.map_err(|_| Unreadable::NoFile);
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
