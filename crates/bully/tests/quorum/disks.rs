//! Disks that are slow, full or broken.

use std::fs;
use std::time::Duration;

use bully_lab::{DiskError, SickDisk};

use super::reigns::side_by_side;
use super::support::Lan;
use super::words::{LEASE, Reign};

const ALL: [usize; 3] = [0, 1, 2];

/// Where the lab's hosts keep what is theirs alone.
const DISK: &str = "/var/lib/bully";

/// Three hosts under the last of them, one of which lives on a disk of the lab's.
fn on_disk(lan: &Lan, sick: usize) -> (SickDisk, Reign) {
    let disk = SickDisk::new(DISK).expect("a disk");
    for host in ALL {
        if host == sick {
            lan.vote_in(host, 3, &disk.env());
        } else {
            lan.vote(host, 3);
        }
    }
    let reign = lan.led_by(2);
    assert!(disk.syncs().expect("a count") > 0, "the disk is its own");
    (disk, reign)
}

/// Gives a host's node another priority, which the leader writes down, and then every voter.
fn prioritize(lan: &Lan, host: usize, priority: &str) {
    let done = lan.ask(host, &["priority", priority]);
    assert!(done.status.success(), "{done:?}{}", lan.said());
}

/// How often a host's node has said a line that contains this.
fn times_said(lan: &Lan, host: usize, part: &str) -> usize {
    lan.stderr(host).iter().filter(|line| line.contains(part)).count()
}

#[test]
fn a_voter_whose_disk_is_full_says_so_once_and_votes_for_nobody_until_there_is_room() {
    let test = "a_voter_whose_disk_is_full_says_so_once_and_votes_for_nobody_until_there_is_room";
    let Some(lan) = Lan::new(test, 3) else { return };
    let _watch = lan.watch();
    let first = lan.found_under(2);
    // Really full: the host's disk shrinks to what is on it.
    let fill = lan.host(0).path(DISK).join("fill");
    let shrink = ["mount", "-o", "remount,size=256k", DISK];
    assert!(lan.host(0).exec(&shrink).expect("mount runs").status.success());
    let error = fs::write(&fill, vec![0; 1 << 20]).expect_err("it is full");
    assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
    // Nothing is written while nothing changes.
    lan.stays(&ALL, &first, LEASE / 2);
    assert_eq!(lan.code(0, "/readyz"), 200);

    let done = lan.ask(2, &["transfer", &format!("-to={}:8117", lan.ip(1))]);
    assert!(done.status.success(), "{done:?}{}", lan.said());
    let next = lan.ruled(&[1, 2]);
    assert!(next.token > first.token, "the others can do without it: {next:?}");
    let line = "the disk does not take this node's state: it neither votes nor leads until it does";
    lan.until_said(0, line);
    lan.until_said(0, "cannot be written: No space left on device");
    assert_eq!((lan.code(0, "/readyz"), lan.code(0, "/livez")), (503, 200));
    lan.stays(&[1, 2], &next, LEASE * 2);
    assert_eq!(times_said(&lan, 0, line), 1, "{:?}", lan.stderr(0));
    assert_eq!(times_said(&lan, 0, "cannot be written"), 1, "{:?}", lan.stderr(0));

    // Now its vote is needed.
    lan.kill(2);
    lan.leaderless(&[0, 1], LEASE * 2);
    fs::remove_file(&fill).expect("there is room again");
    lan.until_said(0, "the disk takes this node's state again");
    lan.succeeded(&[0, 1], &next);
    assert_eq!(lan.code(0, "/readyz"), 200);
}

#[test]
fn a_leader_whose_disk_fails_steps_down_and_another_leads() {
    let test = "a_leader_whose_disk_fails_steps_down_and_another_leads";
    side_by_side([DiskError::Full, DiskError::Broken], |error| {
        let Some(lan) = Lan::new(test, 3) else { return };
        let _watch = lan.watch();
        let (disk, old) = on_disk(&lan, 2);
        disk.fail(Some(error)).expect("it fails");
        lan.stays(&ALL, &old, LEASE / 2);
        prioritize(&lan, 0, "90");
        let next = lan.succeeded(&[0, 1], &old);
        assert_eq!((lan.code(2, "/readyz"), lan.code(2, "/primary")), (503, 503));
        lan.until_said(2, "the disk does not take this node's state");
        let history = lan.document(2, "/v1/history").expect("a history").to_string();
        assert!(history.contains("\"cause\":\"disk\""), "{history}");
        disk.fail(None).expect("it is well again");
        assert_eq!(lan.ruled(&ALL), next, "{}", lan.said());
        lan.until_said(2, "the disk takes this node's state again");
        assert_eq!(lan.code(2, "/readyz"), 200);
    });
}

/// What a leader is asked for while its disk stalls.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    /// Nothing that it would have to write; and a member dies and comes back.
    Nothing,
    /// Another roster.
    Change,
    /// To hand over.
    HandOver,
}

#[test]
fn a_leader_whose_disk_stalls_leads_on_or_lapses_and_nobody_leads_beside_it() {
    let test = "a_leader_whose_disk_stalls_leads_on_or_lapses_and_nobody_leads_beside_it";
    side_by_side([Asked::Nothing, Asked::Change, Asked::HandOver], |asked| {
        let Some(lan) = Lan::new(test, 3) else { return };
        let _watch = lan.watch();
        let (disk, old) = on_disk(&lan, 2);
        // A write is two syncs: of the file, and of its directory.
        let write = Duration::from_secs(5);
        disk.stall(write / 2).expect("it stalls");
        if asked == Asked::Nothing {
            let before = disk.syncs().expect("a count");
            lan.kill(0);
            lan.stays(&[1, 2], &old, LEASE * 3);
            lan.vote(0, 3);
            lan.stays(&ALL, &old, LEASE);
            assert_eq!(disk.syncs().expect("a count"), before, "nothing was to be written");
            return;
        }
        let to = format!("-to={}:8117", lan.ip(1));
        let (host, words) = match asked {
            Asked::HandOver => (2, ["transfer", &*to]),
            _ => (0, ["priority", "90"]),
        };
        let line = [env!("CARGO_BIN_EXE_bully"), words[0], words[1]];
        // It waits for what becomes of it.
        let order = lan.host(host).spawn(line[0], &line[1..]).expect("bully runs");
        let next = lan.succeeded(&[0, 1], &old);
        assert_eq!(lan.code(2, "/primary"), 503);
        // What was withheld until the disk was done counts for nothing any more.
        let done = disk.syncs().expect("a count") + 2;
        lan.until("the disk is done", || disk.syncs().expect("a count") >= done);
        disk.stall(Duration::ZERO).expect("it is well again");
        let last = lan.ruled(&ALL);
        assert_eq!(last, next, "{}", lan.said());
        lan.stays(&ALL, &last, LEASE);
        lan.until("the order is answered", || !order.is_alive());
    });
}

#[test]
fn a_follower_whose_disk_is_slow_changes_nothing() {
    let test = "a_follower_whose_disk_is_slow_changes_nothing";
    let Some(lan) = Lan::new(test, 3) else { return };
    let _watch = lan.watch();
    let (disk, reign) = on_disk(&lan, 0);
    disk.stall(Duration::from_secs(1)).expect("it stalls");
    let before = disk.syncs().expect("a count");
    for priority in ["90", "80", "70"] {
        prioritize(&lan, 1, priority);
        lan.stays(&[1, 2], &reign, LEASE);
    }
    assert!(disk.syncs().expect("a count") > before, "it had to write");
    disk.stall(Duration::ZERO).expect("it is well again");
    assert_eq!(lan.ruled(&ALL), reign, "{}", lan.said());
}

#[test]
fn a_disk_that_hangs_is_spoken_of_and_its_node_is_not_ready_until_it_answers() {
    let test = "a_disk_that_hangs_is_spoken_of_and_its_node_is_not_ready_until_it_answers";
    let Some(lan) = Lan::new(test, 3) else { return };
    let (disk, reign) = on_disk(&lan, 0);
    assert_eq!(lan.code(0, "/readyz"), 200);
    // Each of the two syncs of a write: beyond two leases together.
    disk.stall(LEASE * 3).expect("it stalls");
    prioritize(&lan, 1, "90");
    lan.until_said(0, "state has not been written for 2s: the disk hangs");
    assert_eq!((lan.code(0, "/readyz"), lan.code(0, "/livez")), (503, 200));
    disk.stall(Duration::ZERO).expect("it is well again");
    lan.until_said(0, "state: the disk answers again");
    lan.until("it is ready", || lan.code(0, "/readyz") == 200);
    assert_eq!(lan.ruled(&ALL), reign, "{}", lan.said());
}

#[test]
fn where_every_disk_takes_its_time_a_leader_is_elected_all_the_same() {
    let test = "where_every_disk_takes_its_time_a_leader_is_elected_all_the_same";
    let Some(lan) = Lan::new(test, 3) else { return };
    let _watch = lan.watch();
    let disk = SickDisk::new(DISK).expect("a disk");
    disk.stall(Duration::from_millis(80)).expect("it stalls");
    for host in ALL {
        lan.vote_in(host, 3, &disk.env());
    }
    let old = lan.ruled(&ALL);
    lan.until_voters(&ALL, &ALL);
    let leader = lan.host_of(&old.leader);
    lan.kill(leader);
    let next = lan.succeeded(&lan.all_but(&[leader]), &old);
    lan.vote_in(leader, 3, &disk.env());
    lan.stays(&ALL, &next, LEASE);
}
