//! What an operator may do to a node that does not run, in words that know nothing of the core.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use bully_core::Inst;
use bully_core::quorum::ClusterId;

use crate::random::random;
use crate::store::{self, Change, OfflineError, StoreError};

/// Why nothing was changed: one line that says what to do.
#[derive(Debug, thiserror::Error)]
#[error("{line}")]
pub(crate) struct Fault {
    line: String,
    /// The node runs, or somebody else has its directory.
    pub(crate) is_in_use: bool,
}

impl From<OfflineError> for Fault {
    fn from(error: OfflineError) -> Self {
        let is_in_use = matches!(error, OfflineError::Store(StoreError::Locked { .. }));
        Self { line: error.to_string(), is_in_use }
    }
}

impl From<std::io::Error> for Fault {
    fn from(error: std::io::Error) -> Self {
        Self { line: error.to_string(), is_in_use: false }
    }
}

/// A node that is a cluster of its own from now on.
#[derive(Debug)]
pub(crate) struct Recovered {
    /// Its record.
    pub(crate) path: PathBuf,
    /// Who was a member besides.
    pub(crate) others: Vec<String>,
    /// Its tokens will be greater.
    pub(crate) token: u64,
}

/// **Unsafe:** makes the node a cluster of its own.
///
/// # Errors
/// If it runs, was never in a cluster, or its record cannot be read or written.
pub(crate) fn recover(directory: &Path, cluster: &str, priority: u32) -> Result<Recovered, Fault> {
    let fresh = ClusterId(u128::from_le_bytes(random()?));
    // A clock that stands before 1970 adds nothing to what the record says.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now_ms = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
    let Change { path, before, after } =
        store::recover(directory, cluster, priority, now_ms, fresh)?;
    let others = before.roster.members.iter().filter(|member| member.inst != before.inst);
    let others = others.map(|member| member.id.to_string()).collect();
    Ok(Recovered { path, others, token: after.term.0 })
}

/// Makes a node that is in no cluster forget the one that it was to found; gives its record.
///
/// # Errors
/// If it runs, is in a cluster, or its record cannot be read or written.
pub(crate) fn reset_genesis(directory: &Path, cluster: &str) -> Result<PathBuf, Fault> {
    let fresh = Inst(u128::from_le_bytes(random()?));
    Ok(store::reset_genesis(directory, cluster, fresh)?.path)
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use bully_core::Address;
    use bully_core::quorum::{Boot, Member, Roster, RosterId, Stored, Term};

    use super::*;
    use crate::store::Store;

    /// The term of a node that has led: later than any clock says.
    const TERM: u64 = 1 << 40;

    /// Writes the record of the first of three members of a cluster, or of a node that is in none
    /// yet; gives its directory while it lives.
    pub(crate) fn record(directory: &Path, is_formed: bool) -> Store {
        let (store, state) = Store::open(directory, "bully").expect("nobody else has it");
        assert_eq!(state, None);
        let id = |n: u8| Address::new(std::net::IpAddr::from([192, 168, 1, n]), 8117);
        let member = |n: u8| Member { inst: Inst(n.into()), id: id(n), priority: 100 };
        let roster = Roster {
            version: RosterId { term: Term(TERM), version: 2 },
            members: [67, 68, 69].map(member).into(),
            removed: Vec::new(),
        };
        let fresh = Stored {
            inst: Inst(67),
            boot: Boot(1),
            id: id(67),
            cluster: None,
            term: Term(0),
            voted_for: None,
            roster: Arc::default(),
            lease_max: Duration::from_secs(1),
            round: 0,
            accept: None,
            leaving: None,
        };
        let formed = Stored {
            cluster: Some(ClusterId(1)),
            term: Term(TERM),
            voted_for: Some(Inst(67)),
            roster: Arc::new(roster),
            ..fresh.clone()
        };
        store.write(if is_formed { &formed } else { &fresh }).expect("it is written");
        store
    }

    #[test]
    fn a_recovered_node_is_alone_and_its_tokens_go_on_above_the_old_ones() {
        let folder = tempfile::tempdir().expect("a folder for the test");
        drop(record(folder.path(), true));
        let recovered = recover(folder.path(), "bully", 100).expect("it was a member");
        assert_eq!(recovered.path, folder.path().join("state"));
        assert_eq!(recovered.others, ["192.168.1.68:8117", "192.168.1.69:8117"]);
        assert!(recovered.token > TERM);
        let (_, state) = Store::open(folder.path(), "bully").expect("nobody else has it");
        let state = state.expect("a record");
        assert_eq!(state.term.0, recovered.token);
        assert_eq!(state.roster.members.len(), 1);
        assert!(state.cluster.is_some_and(|cluster| cluster != ClusterId(1)));
    }

    #[test]
    fn a_node_that_begins_anew_is_another() {
        let folder = tempfile::tempdir().expect("a folder for the test");
        drop(record(folder.path(), false));
        let path = reset_genesis(folder.path(), "bully").expect("it is in no cluster");
        assert_eq!(path, folder.path().join("state"));
        let (_, state) = Store::open(folder.path(), "bully").expect("nobody else has it");
        assert!(state.is_some_and(|state| state.inst != Inst(67)));
    }

    #[test]
    fn nothing_is_changed_for_a_node_that_runs_or_is_not_of_that_kind() {
        for (is_formed, is_recovered) in [(true, false), (false, true)] {
            let folder = tempfile::tempdir().expect("a folder for the test");
            let store = record(folder.path(), is_formed);
            let before = std::fs::read(store.path()).expect("a record");
            let change = || {
                if is_recovered {
                    recover(folder.path(), "bully", 100).map(drop)
                } else {
                    reset_genesis(folder.path(), "bully").map(drop)
                }
            };
            assert!(change().expect_err("it runs").is_in_use);
            let path = store.path().to_owned();
            drop(store);
            assert!(!change().expect_err("it is of the other kind").is_in_use);
            assert_eq!(std::fs::read(path).expect("a record"), before);
        }
    }
}
