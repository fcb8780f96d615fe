//! A program finds its disk slow, full and broken, and others do not.

mod common;

use std::fs;
use std::time::Duration;

use bully_lab::{Clocks, DiskError, Host, LabConfig, Process, SickDisk, lab_or_skip, merged};
use common::{PEER, SOON, wait_until};

const FOLDER: &str = "/var/lib/bully/ill";

/// Each makes an entry below the directory, or writes to one, in its own way.
const WAYS: [&str; 12] = [
    "dd if=/dev/zero of=/var/lib/bully/ill/x bs=1 count=1",
    "cd /var/lib/bully/ill && dd if=/dev/zero of=x bs=1 count=1",
    "cd /var/lib/bully/ill && dd if=/dev/zero of=../ill/deep/x bs=1 count=1",
    "dd if=/dev/zero of=/var/lib/bully/way/x bs=1 count=1",
    "echo more >> /var/lib/bully/ill/there",
    "sync /var/lib/bully/ill/there",
    "sync -d /var/lib/bully/ill/there",
    "sync -f /var/lib/bully/ill/there",
    "sync /var/lib/bully/ill",
    "mv /var/lib/bully/moved /var/lib/bully/ill/moved",
    "mv /var/lib/bully/ill/there /var/lib/bully/ill/then",
    "mkdir /var/lib/bully/ill/made/",
];

/// A host with what `WAYS` and the others need.
fn furnish(host: &Host) {
    let shell = "cd /var/lib/bully && rm -rf * && mkdir -p ill/deep illness && ln -s ill way &&
        touch ill/there moved";
    assert!(host.exec(&["sh", "-c", shell]).unwrap().status.success());
}

fn runs_on(host: &Host, disk: &SickDisk, line: &str) -> Process {
    host.spawn_with_env("sh", ["-c", line], &disk.env()).unwrap()
}

fn succeeds(process: &Process) -> bool {
    process.wait(SOON).expect("it ends").success()
}

#[test]
fn a_full_or_broken_disk_takes_nothing_below_its_directory_until_it_is_well_again() {
    let test = "a_full_or_broken_disk_takes_nothing_below_its_directory_until_it_is_well_again";
    let Some(lab) = lab_or_skip(test, &LabConfig::of(1)) else { return };
    let host = lab.host(0);
    let disk = SickDisk::new(FOLDER).unwrap();
    let errors =
        [(DiskError::Full, "No space left on device"), (DiskError::Broken, "Input/output error")];
    for way in WAYS {
        for (error, words) in errors {
            furnish(host);
            disk.fail(Some(error)).unwrap();
            let failed = runs_on(host, &disk, way);
            assert!(!succeeds(&failed), "{way}");
            // A shell of few words says just that it cannot.
            let said = failed.stderr();
            assert!(said.contains(words) || way.contains("echo"), "{way}: {said}");
            disk.fail(None).unwrap();
            assert!(succeeds(&runs_on(host, &disk, way)), "{way}");
        }
    }
}

#[test]
fn what_is_not_below_the_directory_of_a_broken_disk_is_left_alone() {
    let test = "what_is_not_below_the_directory_of_a_broken_disk_is_left_alone";
    let Some(lab) = lab_or_skip(test, &LabConfig::of(1)) else { return };
    let host = lab.host(0);
    let disk = SickDisk::new(FOLDER).unwrap();
    disk.fail(Some(DiskError::Broken)).unwrap();
    disk.stall(Duration::MAX).unwrap();
    for line in [
        "dd if=/dev/zero of=/var/lib/bully/illness/x bs=1 count=1 conv=fsync",
        "cd /var/lib/bully/ill && dd if=/dev/zero of=../x bs=1 count=1 conv=fsync",
        "mv /var/lib/bully/ill/there /var/lib/bully/there",
        "mkdir /var/lib/bully/ills",
        "sync /var/lib/bully && sync -f /var/lib/bully/moved",
        "cat /var/lib/bully/ill/there && rm /var/lib/bully/ill/there",
        "cd /var/lib/bully/ill && echo out && echo err >&2",
    ] {
        furnish(host);
        let other = runs_on(host, &disk, line);
        assert!(succeeds(&other), "{line}: {}", other.stderr());
    }
    assert_eq!(disk.syncs().unwrap(), 0);
}

#[test]
fn a_full_disk_opens_what_is_there_already() {
    let test = "a_full_disk_opens_what_is_there_already";
    let Some(lab) = lab_or_skip(test, &LabConfig::of(1)) else { return };
    let host = lab.host(0);
    furnish(host);
    let disk = SickDisk::new(FOLDER).unwrap();
    disk.fail(Some(DiskError::Full)).unwrap();
    assert!(succeeds(&runs_on(host, &disk, ": >> /var/lib/bully/ill/there")));
    assert!(!succeeds(&runs_on(host, &disk, ": >> /var/lib/bully/ill/new")));
    disk.fail(Some(DiskError::Broken)).unwrap();
    assert!(!succeeds(&runs_on(host, &disk, ": >> /var/lib/bully/ill/there")));
}

#[test]
fn a_sync_that_stalls_is_counted_and_ends_when_the_disk_is_well_again() {
    let test = "a_sync_that_stalls_is_counted_and_ends_when_the_disk_is_well_again";
    let Some(lab) = lab_or_skip(test, &LabConfig::of(1)) else { return };
    let host = lab.host(0);
    furnish(host);
    let disk = SickDisk::new(FOLDER).unwrap();
    let line = format!("sync {FOLDER}/there");
    assert!(succeeds(&runs_on(host, &disk, &line)));
    assert_eq!(disk.syncs().unwrap(), 1);

    disk.stall(Duration::from_secs(3_600)).unwrap();
    let stalled = runs_on(host, &disk, &line);
    wait_until("it syncs", || disk.syncs().unwrap() == 2);
    assert!(succeeds(&runs_on(host, &disk, "sync /var/lib/bully/moved")), "no other file is slow");
    assert!(stalled.is_alive());
    disk.stall(Duration::ZERO).unwrap();
    assert!(succeeds(&stalled));
    assert_eq!(disk.syncs().unwrap(), 2);

    // It takes its time, and then it is done.
    let stall = Duration::from_millis(200);
    disk.stall(stall).unwrap();
    let begun = std::time::Instant::now();
    assert!(succeeds(&runs_on(host, &disk, &line)));
    assert!(begun.elapsed() >= stall);

    // It breaks down while it stalls.
    disk.stall(Duration::MAX).unwrap();
    let stalled = runs_on(host, &disk, &line);
    wait_until("it syncs", || disk.syncs().unwrap() == 4);
    disk.fail(Some(DiskError::Broken)).unwrap();
    disk.stall(Duration::ZERO).unwrap();
    assert!(!succeeds(&stalled));
}

#[test]
fn all_that_rust_s_standard_library_does_to_files_fails_on_a_disk_that_is_full() {
    let test = "all_that_rust_s_standard_library_does_to_files_fails_on_a_disk_that_is_full";
    let Some(lab) = lab_or_skip(test, &LabConfig::of(1)) else { return };
    let host = lab.host(0);
    furnish(host);
    let disk = SickDisk::new(FOLDER).unwrap();
    let changes = || {
        let path = format!("{FOLDER}/there");
        let program = host.spawn_with_env(PEER, ["change", &path], &disk.env()).unwrap();
        assert!(succeeds(&program), "{}", program.stderr());
        program.stdout_lines()
    };
    disk.fail(Some(DiskError::Full)).unwrap();
    let failed = changes();
    assert!(failed.iter().all(|line| line.ends_with("Err(StorageFull)")), "{failed:?}");
    disk.fail(None).unwrap();
    let done = changes();
    assert!(done.iter().all(|line| line.ends_with("Ok(())")), "{done:?}");
    assert_eq!((failed.len(), done.len()), (8, 8));
}

#[test]
fn a_program_in_rust_finds_its_disk_sick_with_clocks_of_its_own_or_without() {
    let test = "a_program_in_rust_finds_its_disk_sick_with_clocks_of_its_own_or_without";
    let Some(lab) = lab_or_skip(test, &LabConfig::of(1)) else { return };
    let host = lab.host(0);
    furnish(host);
    let (disk, clocks) = (SickDisk::new(FOLDER).unwrap(), Clocks::new().unwrap());
    clocks.set_rate(9_999).unwrap();
    let path = format!("{FOLDER}/kept");
    let both = merged([clocks.env(), disk.env()]);
    for (round, env) in [disk.env(), merged([disk.env(), clocks.env()]), both].iter().enumerate() {
        let keeps = || host.spawn_with_env(PEER, ["keep", &path], env).unwrap();
        let says = |program: &Process, wanted: &str| {
            program.wait_for_line(|line| line == wanted, SOON).unwrap();
        };
        let _ = fs::remove_file(host.path(&path));
        let before = disk.syncs().unwrap();
        says(&keeps(), "Ok(())");
        assert_eq!(disk.syncs().unwrap(), before + 2, "the file's, and its directory's: {round}");
        assert_eq!(fs::read(host.path(&path)).unwrap(), b"kept");
        disk.fail(Some(DiskError::Full)).unwrap();
        says(&keeps(), "Err(StorageFull)");
        disk.fail(None).unwrap();
        disk.stall(Duration::MAX).unwrap();
        let stalled = keeps();
        wait_until("it syncs", || disk.syncs().unwrap() == before + 3);
        disk.stall(Duration::ZERO).unwrap();
        says(&stalled, "Ok(())");
    }
}
