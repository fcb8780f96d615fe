//! What operators do.

use super::*;

fn with(state: &Stored) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    Store::open(directory.path(), CLUSTER).unwrap().0.write(state).unwrap();
    directory
}

fn kept(directory: &Path) -> Option<Stored> {
    Store::open(directory, CLUSTER).unwrap().1
}

#[test]
fn a_member_whose_cluster_is_gone_becomes_one_of_its_own() {
    let directory = with(&formed());
    let wall_ms = 1_900_000_000_000;
    let change = recover(directory.path(), CLUSTER, 50, wall_ms, ClusterId(77)).unwrap();
    let expected = formed().recover(ClusterId(77), 50, wall_ms);
    assert_eq!(expected.roster.members.len(), 1);
    let path = directory.path().join("state");
    assert_eq!(change, Change { path, before: formed(), after: expected.clone() });
    assert_eq!(kept(directory.path()), Some(expected));
}

#[test]
fn who_was_never_in_a_cluster_has_nothing_to_recover() {
    for state in [fresh(), accepted(), leaving()] {
        let directory = with(&state);
        let error = recover(directory.path(), CLUSTER, 50, 0, ClusterId(77)).unwrap_err();
        assert!(error.to_string().contains("never in a cluster"), "{error}");
        assert_eq!(kept(directory.path()), Some(state));
    }
}

#[test]
fn a_founding_that_cannot_end_is_forgotten_and_the_node_is_another_one() {
    for state in [fresh(), accepted(), leaving()] {
        let directory = with(&state);
        let change = reset_genesis(directory.path(), CLUSTER, Inst(5)).unwrap();
        let expected = state.clone().reset_genesis(Inst(5)).unwrap();
        assert_eq!((&change.before, &change.after), (&state, &expected));
        assert_eq!(change.after.inst, Inst(5));
        assert_eq!(kept(directory.path()), Some(expected));
    }
}

#[test]
fn a_member_cannot_begin_anew() {
    let directory = with(&formed());
    let error = reset_genesis(directory.path(), CLUSTER, Inst(5)).unwrap_err().to_string();
    assert!(error.contains("member of cluster fedcba9876543210"), "{error}");
    assert_eq!(kept(directory.path()), Some(formed()));
}

#[test]
fn a_node_that_runs_or_is_of_another_cluster_or_damaged_is_left_alone() {
    let directory = with(&formed());
    let refused = |cluster: &str, expected: &str| {
        let before = fs::read(directory.path().join("state")).unwrap();
        let errors = [
            recover(directory.path(), cluster, 50, 0, ClusterId(77)).unwrap_err().to_string(),
            reset_genesis(directory.path(), cluster, Inst(5)).unwrap_err().to_string(),
        ];
        for error in errors {
            assert!(error.contains(expected) && !error.contains('\n'), "{error}");
        }
        assert_eq!(fs::read(directory.path().join("state")).unwrap(), before);
    };
    let (runs, _) = Store::open(directory.path(), CLUSTER).unwrap();
    refused(CLUSTER, "is in use by process");
    drop(runs);
    refused("other", "is of cluster \"bully\", not of \"other\"");
    fs::write(directory.path().join("state"), "").unwrap();
    refused(CLUSTER, "is damaged: it is empty");
}

#[test]
fn where_there_is_no_record_there_is_none_afterwards() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir(root.path().join("empty")).unwrap();
    for name in ["empty", "nowhere"] {
        let directory = root.path().join(name);
        let errors = [
            recover(&directory, CLUSTER, 50, 0, ClusterId(77)).unwrap_err().to_string(),
            reset_genesis(&directory, CLUSTER, Inst(5)).unwrap_err().to_string(),
        ];
        for error in errors {
            let expected = format!("there is no record {}/state: ", directory.display());
            assert!(error.starts_with(&expected), "{error}");
        }
    }
    assert!(!root.path().join("nowhere").exists());
    assert_eq!(fs::read_dir(root.path().join("empty")).unwrap().count(), 0);
}
