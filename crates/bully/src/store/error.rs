//! What a person reads whose node cannot use its data directory.

use std::io;
use std::path::PathBuf;

use super::record::FORMAT;

/// Why a node's durable record cannot be used. Nothing that was there has been changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another process uses the directory, or another node of this one.
    #[error(
        "data directory {} is in use by {}: stop it first, or give each node a data directory of \
         its own",
        directory.display(), someone(*process)
    )]
    Locked {
        /// The directory.
        directory: PathBuf,
        /// Which process, where that could be found out.
        process: Option<u32>,
    },
    /// The file does not hold what a node has written.
    #[error(
        "{} is damaged: {what}. It is left as it is: move it away, and the node comes back as a new \
         member in place of the old one; never put an older copy there, which knows nothing of \
         later promises",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The file was written by a later version, which may have kept what this one would lose.
    #[error(
        "{} was written by a newer version of bully, in format {format}, where this version knows \
         formats up to {FORMAT}: run the newer version again; the file is left as it is",
        path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// The version of its format.
        format: u32,
    },
    /// The file is that of a node of another cluster.
    #[error(
        "{} is of cluster {theirs:?}, not of {ours:?}: start the node under that name, or give it \
         another data directory; the file is left as it is",
        path.display()
    )]
    OtherCluster {
        /// The file.
        path: PathBuf,
        /// Its cluster.
        theirs: String,
        /// This node's cluster.
        ours: String,
    },
    /// The file does not hold a key.
    #[error(
        "{} is no key: expected 32 random bytes in base64. Move it away, and the node makes itself \
         another one: the nodes that list its key must be told",
        path.display()
    )]
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// Others could be this node.
    #[error("others can read {} (mode {mode:04o}): chmod 600 {}", path.display(), path.display())]
    OpenKey {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// The operating system refused.
    #[error("cannot {doing} {}: {source}{}", path.display(), hint(source))]
    Io {
        /// What was tried.
        doing: &'static str,
        /// With which file or directory.
        path: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },
}

fn someone(process: Option<u32>) -> String {
    process.map_or("another process".to_owned(), |process| format!("process {process}"))
}

/// What to do about it, unless it says so itself.
fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::Other => "",
        io::ErrorKind::PermissionDenied => {
            ": the user that the node runs as must be able to read and write it"
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ": make room there",
        io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => {
            ": a data directory must be a directory"
        }
        _ => ": the node needs a data directory that it can read and write",
    }
}
