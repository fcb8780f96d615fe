//! Hosts whose power is cut, and which are started again.

mod common;

use std::os::unix::process::ExitStatusExt as _;

use bully_lab::{LabConfig, Process, lab_or_skip};
use common::{PEER, SOON, connect, listen, next_echo, processes_in, talk};

#[test]
fn hosts_without_power_have_no_program_left_and_those_that_start_again_are_reached() {
    let test = "hosts_without_power_have_no_program_left_and_those_that_start_again_are_reached";
    let Some(lab) = lab_or_skip(test, &LabConfig::of(2)) else { return };
    let all = [0, 1];
    for _ in 0..3 {
        // Some that talk, one that ignores what can be ignored, and one that its parent left behind.
        let address = lab.host(1).ipv4().into();
        let server = listen(&lab, 1, address);
        let script = "trap '' TERM HUP; setsid sleep 1000 & echo on; while :; do sleep 0.01; done";
        let stubborn = lab.host(1).spawn("sh", ["-c", script]).unwrap();
        stubborn.wait_for_line(|line| line == "on", SOON).unwrap();
        // Many are killed between the server and the client beside it.
        let script = "for i in $(seq 100); do sleep 1000 & done; echo on; wait";
        let many = lab.host(1).spawn("sh", ["-c", script]).unwrap();
        many.wait_for_line(|line| line == "on", SOON).unwrap();
        let clients = [0, 1].map(|host| talk(&lab, host, address));
        clients.iter().for_each(next_echo);

        lab.power_off(&all).unwrap();
        for host in lab.hosts() {
            let left = processes_in(&host.network_namespace().unwrap());
            assert_eq!(left.len(), 1, "the keeper alone: {left:?}");
        }
        let [far, near] = &clients;
        for program in [&server, far, near, &stubborn, &many] {
            assert_eq!(program.wait(SOON).unwrap().signal(), Some(9));
        }
        // None saw another's end.
        for said in [&server, far, near].map(Process::stdout) {
            assert!(!said.contains("closed") && !said.contains("lost"), "{said}");
        }
        lab.power_on(&all).unwrap();
    }
    let _server = listen(&lab, 0, lab.host(0).ipv4().into());
    assert_eq!(connect(&lab, 1, lab.host(0).ipv4().into()), "connected");
}

#[test]
fn what_a_host_had_written_is_there_after_a_power_cut() {
    let test = "what_a_host_had_written_is_there_after_a_power_cut";
    let Some(lab) = lab_or_skip(test, &LabConfig::of(1)) else { return };
    let program = lab.host(0).spawn(PEER, ["keep", "/var/lib/bully/kept"]).unwrap();
    program.wait_for_line(|line| line == "Ok(())", SOON).unwrap();
    lab.power_off(&[0]).unwrap();
    lab.power_on(&[0]).unwrap();
    assert_eq!(std::fs::read(lab.host(0).path("/var/lib/bully/kept")).unwrap(), b"kept");
}
