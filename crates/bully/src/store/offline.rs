//! What an operator may do to the record of a node that does not run.

use std::path::{Path, PathBuf};

use bully_core::Inst;
use bully_core::quorum::{AlreadyFormed, ClusterId, Stored};

use super::{Store, StoreError};

/// A record that was changed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Change {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// What it was.
    pub(crate) before: Stored,
    /// What it is.
    pub(crate) after: Stored,
}

/// Why a record was not changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OfflineError {
    /// There is nothing to change.
    #[error(
        "there is no record {}: name the data directory, the cluster and the port of a node that \
         has run here",
        path.display()
    )]
    NoRecord {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// Who was never in a cluster has none to recover.
    #[error(
        "{} is of a node that was never in a cluster: there is nothing to recover; start it, or if \
         a founder of its cluster is gone for good, reset its genesis",
        path.display()
    )]
    NotFormed {
        /// The record.
        path: PathBuf,
    },
    /// Who is in a cluster has voted and promised.
    #[error(
        "{} cannot begin anew: {formed}, and must not forget what it has promised there",
        path.display()
    )]
    Formed {
        /// The record.
        path: PathBuf,
        /// Which cluster.
        formed: AlreadyFormed,
    },
    /// The record cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// **Unsafe for data,** see [`Stored::recover`]: makes the node a cluster of its own, for an
/// operator who knows that every other member is gone for good.
///
/// # Errors
/// If the node runs, was never in a cluster, or its record cannot be read or written.
pub(crate) fn recover(
    directory: &Path,
    cluster: &str,
    priority: u32,
    wall_ms: u64,
    fresh: ClusterId,
) -> Result<Change, OfflineError> {
    change(directory, cluster, |path, before| match before.cluster {
        Some(_) => Ok(before.recover(fresh, priority, wall_ms)),
        None => Err(OfflineError::NotFormed { path }),
    })
}

/// Makes the node a new one, for an operator who knows that a founder of its cluster is gone for
/// good.
///
/// # Errors
/// If the node runs, is in a cluster, or its record cannot be read or written.
pub(crate) fn reset_genesis(
    directory: &Path,
    cluster: &str,
    fresh: Inst,
) -> Result<Change, OfflineError> {
    change(directory, cluster, |path, before| {
        before.reset_genesis(fresh).map_err(|formed| OfflineError::Formed { path, formed })
    })
}

fn change(
    directory: &Path,
    cluster: &str,
    edit: impl FnOnce(PathBuf, Stored) -> Result<Stored, OfflineError>,
) -> Result<Change, OfflineError> {
    let path = directory.join(super::STATE);
    // A directory that was named by mistake is not created.
    if matches!(path.try_exists(), Ok(false)) {
        return Err(OfflineError::NoRecord { path });
    }
    let (store, before) = Store::open(directory, cluster)?;
    let Some(before) = before else { return Err(OfflineError::NoRecord { path }) };
    let after = edit(path.clone(), before.clone())?;
    let written = store.write(&after);
    written.map_err(|source| StoreError::Io { doing: "write", path: path.clone(), source })?;
    Ok(Change { path, before, after })
}
