//! Every core busy. A target of its own, so that no other test runs beside it: neither is disturbed
//! by the other.

#[path = "lan/account.rs"]
#[allow(dead_code, reason = "it uses its part of what those of the lan share")]
mod account;
#[path = "lan/proc.rs"]
#[allow(dead_code, reason = "it uses its part of what those of the lan share")]
mod proc;
#[path = "lan/support.rs"]
#[allow(dead_code, reason = "it uses its part of what those of the lan share")]
mod support;

use std::num::NonZero;
use std::time::{Duration, Instant};

use bully_lab::Process;

use support::Lan;

const BUSY: Duration = Duration::from_secs(20);

/// Busy processes per core: a node that is ready to run waits for as many others.
const PER_CORE: usize = 4;

/// The processor time that these have used.
fn used(processes: &[Process]) -> Duration {
    // Ticks of 10 ms.
    Duration::from_millis(
        10 * processes.iter().map(|process| proc::ticks(process.pid())).sum::<u64>(),
    )
}

#[test]
fn four_busy_processes_a_core_change_no_leader_in_twenty_seconds() {
    let test = "four_busy_processes_a_core_change_no_leader_in_twenty_seconds";
    let Some(lan) = Lan::new(test, 3) else { return };
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    lan.form(&[]);
    let all = [0, 1, 2];
    let reign = lan.settled(&all);
    lan.know_each_other(&all);

    // They end by themselves, should this test be killed and its lab with it.
    let spins = ["-c", "ulimit -t 60; while :; do :; done"];
    let spinner = |host| lan.host(host).spawn("sh", spins).expect("a shell starts");
    let spinners: Vec<Process> = (0..cores * PER_CORE).map(|n| spinner(n % 3)).collect();
    let (start, before) = (Instant::now(), used(&spinners));
    lan.stays(&all, &reign, BUSY);
    assert!(spinners.iter().all(Process::is_alive));
    // Of the cores that this process and its children may use, be there more or not. What they do not
    // get, others do who run on this machine: they never wait for anything but a core.
    let cores = u32::try_from(cores).expect("a machine has fewer cores");
    let (spun, could) = (used(&spinners).saturating_sub(before), start.elapsed() * cores);
    println!("they spun for {spun:?} of {could:?}");
    assert!(spun >= could / 2, "the cores were not busy: {spun:?} of {could:?}");
    for host in all {
        let silent = lan.history(host).into_iter().find(|entry| entry["kind"] == "member-lost");
        assert!(silent.is_none(), "{silent:?}");
    }
}
