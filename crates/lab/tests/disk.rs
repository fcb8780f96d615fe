//! A program finds its disk slow, full and broken, and others do not.

mod common;

use std::time::Duration;

use bully_lab::{DiskError, Host, LabConfig, Process, SickDisk, lab_or_skip};
use common::{SOON, wait_until};

const FOLDER: &str = "/var/lib/bully/ill";

/// Writes a file of one byte and syncs it.
fn write(host: &Host, disk: &SickDisk, path: &str) -> Process {
    let env = disk.env();
    let env: Vec<(&str, &str)> = env.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let file = format!("of={path}");
    let words = ["if=/dev/zero", &file, "bs=1", "count=1", "conv=fsync"];
    host.spawn_with_env("dd", words, &env).unwrap()
}

fn succeeds(process: &Process) -> bool {
    process.wait(SOON).expect("it ends").success()
}

#[test]
fn a_full_or_broken_disk_takes_nothing_below_its_directory_until_it_is_well_again() {
    let test = "a_full_or_broken_disk_takes_nothing_below_its_directory_until_it_is_well_again";
    let Some(lab) = lab_or_skip(test, &LabConfig::of(1)) else { return };
    let host = lab.host(0);
    std::fs::create_dir(host.path(FOLDER)).unwrap();
    let disk = SickDisk::new(FOLDER).unwrap();
    let below = format!("{FOLDER}/x");
    assert!(succeeds(&write(host, &disk, &below)));
    for (error, words) in
        [(DiskError::Full, "No space left on device"), (DiskError::Broken, "Input/output error")]
    {
        disk.fail(Some(error)).unwrap();
        let failed = write(host, &disk, &below);
        assert!(!succeeds(&failed));
        assert!(failed.stderr().contains(words), "{}", failed.stderr());
        assert!(succeeds(&write(host, &disk, "/var/lib/bully/beside")));
    }
    disk.fail(None).unwrap();
    assert!(succeeds(&write(host, &disk, &below)));
}

#[test]
fn a_sync_that_stalls_is_counted_and_ends_when_the_disk_is_well_again() {
    let test = "a_sync_that_stalls_is_counted_and_ends_when_the_disk_is_well_again";
    let Some(lab) = lab_or_skip(test, &LabConfig::of(1)) else { return };
    let host = lab.host(0);
    std::fs::create_dir(host.path(FOLDER)).unwrap();
    let disk = SickDisk::new(FOLDER).unwrap();
    disk.stall(Duration::from_secs(3_600)).unwrap();
    assert_eq!(disk.syncs().unwrap(), 0);
    let stalled = write(host, &disk, &format!("{FOLDER}/x"));
    wait_until("it syncs", || disk.syncs().unwrap() == 1);
    assert!(succeeds(&write(host, &disk, "/var/lib/bully/beside")), "no other file is slow");
    assert!(stalled.is_alive());
    disk.stall(Duration::ZERO).unwrap();
    assert!(succeeds(&stalled));
    assert_eq!(disk.syncs().unwrap(), 1);
}
