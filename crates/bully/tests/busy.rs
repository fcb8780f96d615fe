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

/// How long it has run or waited for a core. None where the kernel does not count it.
fn wanted_a_core(pid: u32) -> Option<Duration> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/schedstat")).ok()?;
    let mut nanos = text.split_whitespace().map(|number| number.parse::<u64>().expect("a number"));
    Some(Duration::from_nanos(nanos.next()? + nanos.next()?))
}

/// For how long each of these has run or waited for a core, the least of them.
fn least_wanted(processes: &[Process]) -> Option<Duration> {
    processes.iter().map(|process| wanted_a_core(process.pid())).min().flatten()
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
    let (start, before) = (Instant::now(), least_wanted(&spinners));
    lan.stays(&all, &reign, BUSY);
    assert!(spinners.iter().all(Process::is_alive));
    // Whether they got it or others did who run on this machine: there was somebody for each turn.
    match (before, least_wanted(&spinners)) {
        (Some(before), Some(after)) => {
            let (wanted, could) = (after.saturating_sub(before), start.elapsed());
            println!("each wanted a core for at least {wanted:?} of {could:?}");
            assert!(wanted >= could * 9 / 10, "not busy: {wanted:?} of {could:?}");
        }
        _ => println!("this kernel does not count who waits for a core"),
    }
    for host in all {
        let silent = lan.history(host).into_iter().find(|entry| entry["kind"] == "member-lost");
        assert!(silent.is_none(), "{silent:?}");
    }
}
