//! Directories and files as they are met.

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::sync::mpsc;
use std::thread;

use super::*;

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}

fn entries(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn read_again(directory: &Path) -> Option<Stored> {
    Store::open(directory, CLUSTER).unwrap().1
}

#[test]
fn what_was_written_last_is_read_at_the_next_start() {
    let directory = tempfile::tempdir().unwrap();
    let (store, state) = Store::open(directory.path(), CLUSTER).unwrap();
    assert_eq!(state, None);
    assert_eq!(store.path(), directory.path().join("state"));
    for state in [fresh(), accepted(), largest(), formed()] {
        store.write(&state).unwrap();
        assert_eq!(entries(directory.path()), ["lock", "state"]);
    }
    drop(store);
    assert_eq!(read_again(directory.path()), Some(formed()));
}

#[test]
fn directories_and_files_are_made_for_the_nodes_user_alone() {
    let root = tempfile::tempdir().unwrap();
    let directory = root.path().join("var/bully/8117");
    let (store, _) = Store::open(&directory, CLUSTER).unwrap();
    store.write(&fresh()).unwrap();
    for made in ["var", "var/bully", "var/bully/8117"] {
        assert_eq!(mode(&root.path().join(made)), 0o700, "{made}");
    }
    for made in ["lock", "state"] {
        assert_eq!(mode(&directory.join(made)), 0o600, "{made}");
    }
}

#[test]
fn a_second_open_is_refused_until_the_first_is_done() {
    let directory = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(directory.path(), CLUSTER).unwrap();
    let link = tempfile::tempdir().unwrap();
    let link = link.path().join("link");
    symlink(directory.path(), &link).unwrap();
    for path in [directory.path(), &link] {
        let error = Store::open(path, CLUSTER).unwrap_err();
        let me = std::process::id();
        assert!(matches!(error, StoreError::Locked { process: Some(p), .. } if p == me));
        let expected =
            format!("data directory {} is in use by process {me}: stop it first", path.display());
        assert!(error.to_string().starts_with(&expected), "{error}");
    }
    drop(store);
    let (store, _) = Store::open(&link, CLUSTER).unwrap();
    store.write(&formed()).unwrap();
    drop(store);
    assert_eq!(read_again(directory.path()), Some(formed()));
}

#[test]
fn what_a_killed_process_left_half_written_is_removed_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    Store::open(directory.path(), CLUSTER).unwrap().0.write(&formed()).unwrap();
    for name in ["state.new", "state.old", "state.new.mine", ".state"] {
        fs::write(at(name), "half").unwrap();
    }
    assert_eq!(read_again(directory.path()), Some(formed()));
    assert_eq!(
        entries(directory.path()),
        [".state", "lock", "state", "state.new.mine", "state.old"]
    );
}

#[test]
fn a_write_that_fails_leaves_the_old_record_and_the_next_one_succeeds() {
    let directory = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(directory.path(), CLUSTER).unwrap();
    store.write(&formed()).unwrap();
    let before = fs::read(store.path()).unwrap();
    let in_its_way = directory.path().join("state.new");
    fs::create_dir(&in_its_way).unwrap();
    assert!(store.write(&fresh()).is_err());
    assert_eq!(fs::read(store.path()).unwrap(), before);
    fs::remove_dir(&in_its_way).unwrap();
    store.write(&fresh()).unwrap();
    drop(store);
    assert_eq!(read_again(directory.path()), Some(fresh()));
}

#[test]
fn a_record_that_could_not_be_read_again_is_not_written() {
    let directory = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(directory.path(), CLUSTER).unwrap();
    store.write(&formed()).unwrap();
    let before = fs::read(store.path()).unwrap();
    let upper = bully_core::Host::Name("UPPER".into());
    let renamed = Stored { id: Address { host: upper, port: 1 }, ..formed() };
    let numbered = Stored { boot: Boot(u64::MAX), ..formed() };
    for (state, expected) in [
        (renamed, "the record would be read as another one"),
        (numbered, "the record is unsound: boot is 18446744073709551615, expected"),
    ] {
        let error = store.write(&state).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
        assert_eq!(fs::read(store.path()).unwrap(), before);
    }
}

#[test]
fn a_directory_whose_lock_was_taken_away_is_not_written_any_more() {
    let root = tempfile::tempdir().unwrap();
    let directory = root.path().join("data");
    let (removed, _) = Store::open(&directory, CLUSTER).unwrap();
    fs::remove_file(directory.join("lock")).unwrap();
    let error = removed.write(&fresh()).unwrap_err().to_string();
    assert!(error.contains("lock was removed or replaced"), "{error}");
    let (replaced, _) = Store::open(&directory, CLUSTER).unwrap();
    assert!(removed.write(&fresh()).is_err());
    replaced.write(&formed()).unwrap();
    // Moved away, and begun anew: each keeps out of the other's way.
    fs::rename(&directory, root.path().join("moved")).unwrap();
    assert!(replaced.write(&fresh()).is_err());
    let (anew, state) = Store::open(&directory, CLUSTER).unwrap();
    assert_eq!(state, None);
    assert!(replaced.write(&fresh()).is_err());
    anew.write(&accepted()).unwrap();
    drop(replaced);
    assert_eq!(read_again(&root.path().join("moved")), Some(formed()));
}

#[test]
fn many_threads_write_one_after_the_other() {
    let directory = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(directory.path(), CLUSTER).unwrap();
    thread::scope(|scope| {
        for boot in 0..8 {
            let store = &store;
            scope.spawn(move || {
                for _ in 0..10 {
                    store.write(&Stored { boot: Boot(boot), ..largest() }).unwrap();
                }
            });
        }
    });
    drop(store);
    assert!(read_again(directory.path()).is_some_and(|state| state.boot.0 < 8));
}

#[test]
fn what_is_no_directory_is_refused_with_its_name() {
    let root = tempfile::tempdir().unwrap();
    let file = root.path().join("file");
    fs::write(&file, "mine").unwrap();
    symlink(root.path().join("nowhere"), root.path().join("dangling")).unwrap();
    for name in ["file", "file/data", "dangling"] {
        let path = root.path().join(name);
        let error = Store::open(&path, CLUSTER).unwrap_err().to_string();
        let expected = format!("cannot create data directory {}: ", path.display());
        assert!(error.starts_with(&expected), "{error}");
        assert!(error.ends_with(": a data directory must be a directory"), "{error}");
    }
    assert_eq!(fs::read(&file).unwrap(), b"mine");
    assert!(!root.path().join("nowhere").exists());
}

#[test]
fn a_record_that_is_no_file_is_refused_at_once() {
    type Make = fn(&Path);
    let makes: [Make; 4] = [
        |path| fs::create_dir(path).unwrap(),
        |path| symlink("/dev/zero", path).unwrap(),
        |path| symlink(path.with_extension("nowhere"), path).unwrap(),
        |path| {
            let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
            rustix::fs::mknodat(rustix::fs::CWD, path, rustix::fs::FileType::Fifo, mode, 0)
                .unwrap();
        },
    ];
    for make in makes {
        let directory = tempfile::tempdir().unwrap();
        make(&directory.path().join("state"));
        let path = directory.path().to_owned();
        let (done, opened) = mpsc::channel();
        // Whoever opens a pipe that nobody writes to may wait for ever.
        thread::spawn(move || {
            done.send(
                Store::open(&path, CLUSTER).map_or_else(|e| e.to_string(), |_| "opened".into()),
            )
        });
        let answer = opened.recv_timeout(Duration::from_secs(30)).expect("no answer");
        assert!(answer.contains("is damaged: it is no regular file"), "{answer}");
    }
}

#[test]
fn a_lock_that_is_a_link_is_not_followed() {
    let directory = tempfile::tempdir().unwrap();
    let victim = directory.path().join("victim");
    fs::write(&victim, "mine").unwrap();
    symlink(&victim, directory.path().join("lock")).unwrap();
    let error = Store::open(directory.path(), CLUSTER).unwrap_err().to_string();
    assert!(error.starts_with("cannot lock "), "{error}");
    assert_eq!(fs::read(&victim).unwrap(), b"mine");
}
