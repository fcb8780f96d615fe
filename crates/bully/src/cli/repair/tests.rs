use std::path::{Path, PathBuf};

use super::*;
use crate::repair::tests::record;

fn repair_of(what: Remedy, directory: &Path, is_forced: bool) -> Repair {
    let (directory, cluster) = (directory.to_owned(), "bully".to_owned());
    Repair { what, directory, cluster, priority: 100, is_forced }
}

fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let directory = folder.path().join("bully/8117");
    (folder, directory)
}

#[test]
fn without_force_a_remedy_says_what_it_would_do_and_does_nothing() {
    let (_folder, directory) = folder();
    for (what, says, warns) in [
        (Remedy::Recover, "a cluster of its own", "makes a second cluster"),
        (Remedy::GenesisReset, "forget the cluster that it was to found", "must be wiped"),
    ] {
        let got = outcome(&repair_of(what, &directory, false));
        assert_eq!((got.exit, &*got.stdout), (Exit::Usage, ""));
        let shown = directory.display().to_string();
        let [first, second, third] = *got.stderr.lines().collect::<Vec<_>>() else {
            panic!("{}", got.stderr);
        };
        assert!(first.contains(&shown) && first.contains(says), "{first}");
        assert!(second.contains(warns), "{second}");
        assert_eq!(third, "bully: nothing was done: add -force to do it");
        assert!(!directory.exists());
    }
    let got = outcome(&repair_of(Remedy::Recover, &directory, false));
    for word in ["unsafe", "every other member must be gone for good", "tokens go on above"] {
        assert!(got.stderr.contains(word), "{word}: {}", got.stderr);
    }
}

#[test]
fn where_no_node_was_nothing_is_done_and_nothing_made() {
    let (_folder, directory) = folder();
    for what in [Remedy::Recover, Remedy::GenesisReset] {
        let got = outcome(&repair_of(what, &directory, true));
        assert_eq!((got.exit, &*got.stdout), (Exit::Error, ""));
        assert!(got.stderr.contains(&directory.display().to_string()), "{}", got.stderr);
        assert_eq!(got.stderr.lines().count(), 1);
        assert!(!directory.exists());
    }
}

#[test]
fn a_recovered_node_is_told_where_its_tokens_begin_and_who_must_not_come_back() {
    let (_folder, directory) = folder();
    drop(record(&directory, true));
    let got = outcome(&repair_of(Remedy::Recover, &directory, true));
    assert_eq!(got.exit, Exit::Done, "{}", got.stderr);
    let start = format!("{}/state: the node is a cluster of its own, ", directory.display());
    assert!(got.stdout.starts_with(&start), "{}", got.stdout);
    let warning =
        "bully: unsafe: each of 192.168.1.68:8117, 192.168.1.69:8117 must be gone for good";
    assert!(got.stderr.starts_with(warning), "{}", got.stderr);
    // Done again, it is as well, and nobody is left to be named.
    let got = outcome(&repair_of(Remedy::Recover, &directory, true));
    assert!(got.stderr.contains("unsafe: every other member must be gone"), "{}", got.stderr);
}

#[test]
fn a_node_whose_genesis_is_reset_begins_anew() {
    let (_folder, directory) = folder();
    drop(record(&directory, false));
    let got = outcome(&repair_of(Remedy::GenesisReset, &directory, true));
    let stdout =
        format!("{}/state: the node begins anew when it is started\n", directory.display());
    assert_eq!((got.exit, got.stdout), (Exit::Done, stdout));
    assert!(got.stderr.contains("on every other node that waits"), "{}", got.stderr);
}

#[test]
fn what_cannot_be_done_is_told_with_its_exit_code() {
    for (what, is_formed) in [(Remedy::Recover, false), (Remedy::GenesisReset, true)] {
        let (_folder, directory) = folder();
        let running = record(&directory, is_formed);
        let got = outcome(&repair_of(what, &directory, true));
        assert_eq!((got.exit, &*got.stdout), (Exit::InUse, ""), "{}", got.stderr);
        drop(running);
        let got = outcome(&repair_of(what, &directory, true));
        assert_eq!((got.exit, &*got.stdout), (Exit::Error, ""), "{}", got.stderr);
        assert_eq!(got.stderr.lines().count(), 1);
    }
}
