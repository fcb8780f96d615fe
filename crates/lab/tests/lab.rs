//! What a lab's hosts have of their own, and that nothing of a lab is left anywhere.

mod common;

use std::net::Ipv4Addr;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;

use bully_lab::{Host, Lab, LabConfig, Process, lab_or_skip};
use common::{PEER, SOON, connect, listen, processes_in, wait_until};

fn shell(host: &Host, line: &str) -> String {
    let output = host.exec(&["sh", "-c", line]).unwrap();
    assert!(output.status.success(), "{line}: {output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn of_the_machine(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn each_host_has_its_own_state_directory() {
    let Some(lab) = lab_or_skip("each_host_has_its_own_state_directory", &LabConfig::of(2)) else {
        return;
    };
    let existed = Path::new("/var/lib/bully").exists();
    shell(lab.host(0), "echo mine > /var/lib/bully/lab-file");
    assert_eq!(shell(lab.host(1), "ls -A /var/lib/bully"), "");
    assert_eq!(shell(lab.host(0), "cat /var/lib/bully/lab-file"), "mine");
    let seen = std::fs::read_to_string(lab.host(0).path("/var/lib/bully/lab-file"));
    assert_eq!(seen.unwrap(), "mine\n");
    assert_eq!(Path::new("/var/lib/bully").exists(), existed);
    assert!(!Path::new("/var/lib/bully/lab-file").exists());
    // The rest of /var/lib is the machine's.
    let listed = |names: String| -> Vec<String> {
        let names = names.lines().filter(|name| *name != "bully");
        names.map(str::to_owned).collect()
    };
    let here = of_the_machine("ls", &["/var/lib"]);
    assert_eq!(listed(shell(lab.host(0), "ls /var/lib")), listed(here));
}

#[test]
fn state_can_be_kept_on_a_disk_while_the_lab_lasts() {
    let disk = tempfile::tempdir().unwrap();
    let config = LabConfig { state_on: Some(disk.path().to_owned()), ..LabConfig::of(2) };
    let Some(lab) = lab_or_skip("state_can_be_kept_on_a_disk_while_the_lab_lasts", &config) else {
        return;
    };
    shell(lab.host(0), "echo mine > /var/lib/bully/lab-file");
    assert_eq!(shell(lab.host(1), "ls -A /var/lib/bully"), "");
    let find = || of_the_machine("find", &[disk.path().to_str().unwrap(), "-name", "lab-file"]);
    assert_eq!(find().lines().count(), 1);
    drop(lab);
    assert_eq!(std::fs::read_dir(disk.path()).unwrap().count(), 0);
}

#[test]
fn names_resolve_to_the_hosts_addresses() {
    let Some(lab) = lab_or_skip("names_resolve_to_the_hosts_addresses", &LabConfig::of(2)) else {
        return;
    };
    let found = shell(lab.host(0), "getent hosts host68");
    assert_eq!(found.split_whitespace().next(), Some("192.168.1.68"));
    if lab.host(1).ipv6().is_some() {
        let found = shell(lab.host(0), "getent hosts host68-v6");
        assert_eq!(found.split_whitespace().next(), Some("fd00:6275::68"));
    }
}

#[test]
fn addresses_follow_the_first_one() {
    let config = LabConfig { first: Ipv4Addr::new(10, 20, 30, 40), ..LabConfig::of(20) };
    let Some(lab) = lab_or_skip("addresses_follow_the_first_one", &config) else {
        return;
    };
    assert_eq!(lab.hosts().len(), 20);
    assert_eq!(lab.host(19).name(), "host59");
    let last = lab.host(19).ipv4();
    assert_eq!(last, Ipv4Addr::new(10, 20, 30, 59));
    let _server = listen(&lab, 19, last.into());
    assert_eq!(connect(&lab, 0, last.into()), "connected");
}

#[test]
fn the_machine_itself_gets_nothing() {
    // Other labs and other programs of the machine come and go: what is looked for is ours.
    let listed = || {
        let parts = [["-o", "link"], ["-o", "addr"], ["route", "show"]];
        parts.map(|args| of_the_machine("ip", &args)).concat()
    };
    let before = listed();
    let Some(lab) = lab_or_skip("the_machine_itself_gets_nothing", &LabConfig::of(2)) else {
        return;
    };
    assert_eq!(listed(), before);
    let inside = shell(lab.host(0), "ip -o link");
    assert_eq!(inside.lines().count(), 2, "lo and eth0: {inside}");
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    assert!(!mounts.contains("bully-lab"), "{mounts}");
}

#[test]
fn the_same_lab_works_in_an_unprivileged_user_namespace() {
    let config = LabConfig { force_user_namespace: true, ..LabConfig::of(3) };
    let test = "the_same_lab_works_in_an_unprivileged_user_namespace";
    let Some(lab) = lab_or_skip(test, &config) else {
        return;
    };
    let own = std::fs::read_link("/proc/self/ns/user").unwrap();
    assert_ne!(shell(lab.host(0), "readlink /proc/self/ns/user"), own.to_str().unwrap());
    assert_eq!(shell(lab.host(0), "id -u"), "0");
    shell(lab.host(0), "echo mine > /var/lib/bully/lab-file");
    assert_eq!(shell(lab.host(1), "ls -A /var/lib/bully"), "");
    let seen = std::fs::read_to_string(lab.host(0).path("/var/lib/bully/lab-file"));
    assert_eq!(seen.unwrap(), "mine\n");
    shell(lab.host(2), "getent hosts host67");

    let address = lab.host(1).ipv4().into();
    let server = listen(&lab, 1, address);
    assert_eq!(connect(&lab, 0, address), "connected");
    lab.cut(0, 1).unwrap();
    assert_eq!(connect(&lab, 0, address), "connect TimedOut");
    lab.heal().unwrap();
    lab.isolate(1).unwrap();
    assert_eq!(connect(&lab, 2, address), "connect TimedOut");
    lab.heal().unwrap();
    assert_eq!(connect(&lab, 2, address), "connected");
    assert!(server.kill());
}

/// The lab's keepers, and every process in the namespaces of its hosts.
fn assert_gone(keepers: &[u32], namespaces: &[String]) {
    for keeper in keepers {
        let process = format!("/proc/{keeper}");
        wait_until("the end of a keeper", || !Path::new(&process).exists());
    }
    for namespace in namespaces {
        let left = || processes_in(namespace);
        wait_until(&format!("the end of {:?}", left()), || left().is_empty());
    }
}

#[test]
fn dropping_the_lab_leaves_no_process_behind() {
    let Some(lab) = lab_or_skip("dropping_the_lab_leaves_no_process_behind", &LabConfig::of(2))
    else {
        return;
    };
    // One that outlives its parent, one that is frozen and held by the test.
    let line = "setsid sleep 1000 & echo started";
    let parent = lab.host(0).spawn("sh", ["-c", line]).unwrap();
    parent.wait_for_line(|line| line == "started", SOON).unwrap();
    let frozen = lab.host(1).spawn("sleep", ["1000"]).unwrap();
    let namespaces: Vec<_> =
        (lab.hosts().iter()).map(|host| host.network_namespace().unwrap()).collect();
    wait_until("the program entering its host", || processes_in(&namespaces[1]).len() == 2);
    assert!(frozen.freeze());
    let keepers = lab.keeper_pids();
    assert_eq!(keepers.len(), 3);
    assert!(!processes_in(&namespaces[0]).is_empty());
    drop(lab);
    assert_gone(&keepers, &namespaces);
    let status = frozen.wait(SOON).unwrap();
    assert_eq!(status.signal(), Some(9));
}

#[test]
fn a_test_that_is_killed_leaves_nothing_behind() {
    if lab_or_skip("a_test_that_is_killed_leaves_nothing_behind", &LabConfig::of(1)).is_none() {
        return;
    }
    // Its own directory for temporary files shows what of them is left.
    let temporary = tempfile::tempdir().unwrap();
    let mut command = Command::new(PEER);
    command.arg("hold").env("TMPDIR", temporary.path());
    let held = Process::spawn(command).unwrap();
    held.wait_for_line(|line| line == "held", SOON).unwrap();
    let namespaces = held.stdout_lines();
    let namespaces: Vec<_> =
        (namespaces.into_iter()).filter(|line| line.starts_with("net:")).collect();
    assert_eq!(namespaces.len(), 2);
    assert!(processes_in(&namespaces[0]).len() >= 3);
    assert!(held.kill());
    assert_gone(&[], &namespaces);
    wait_until("the end of the lab's directory", || {
        std::fs::read_dir(temporary.path()).unwrap().count() == 0
    });
}

#[test]
fn a_lab_that_cannot_be_is_refused() {
    let error = Lab::new(&LabConfig::of(1000)).unwrap_err();
    assert!(error.to_string().contains("1000 hosts"), "{error}");
}
