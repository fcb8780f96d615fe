//! Descriptors run out, and come back.

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use bully_lab::Process;

use super::proc;
use super::support::Lan;

/// What the node may have open: enough to start with, and for its peers.
const LIMIT: usize = 64;

/// How long it is between two looks at what it has open.
const SAMPLE: Duration = Duration::from_millis(10);

/// The host from which strangers connect.
const STRANGER: usize = 4;

/// Runs a node that may not have more, however much it asks for.
fn run_short(lan: &Lan, host: usize) {
    let limit = format!("--nofile={LIMIT}:{LIMIT}");
    let nodes = format!("-nodes={}", lan.list(4));
    let bully = env!("CARGO_BIN_EXE_bully");
    let words = [&*limit, bully, &nodes, "-http=0.0.0.0:8080"];
    lan.put(host, lan.host(host).spawn("prlimit", words).expect("it starts"));
}

/// Holds idle connections to both ports, far more than there are descriptors. The node closes
/// those that say nothing for five seconds, and takes the next of those that wait.
fn flood(lan: &Lan, victim: usize) -> Process {
    let script = format!(
        "for i in $(seq 250); do exec {{a}}<>/dev/tcp/{0}/8080 {{b}}<>/dev/tcp/{0}/8117; done
        echo full; sleep 120",
        lan.ip(victim)
    );
    let flood = lan.host(STRANGER).spawn("bash", ["-c", &script]).expect("bash starts");
    flood
        .wait_for_line(|line| line == "full", Duration::from_secs(20))
        .expect("it has connected to both ports");
    flood
}

/// How much of the time that something takes a process has no descriptor left.
fn short_while(pid: u32, something: impl FnOnce()) -> f64 {
    // Dropped at the end, also at that of a test that fails.
    let (goes_on, is_over) = channel::<()>();
    std::thread::scope(|scope| {
        let sampler = scope.spawn(move || {
            let (mut short, mut samples) = (0_u32, 0_u32);
            while is_over.recv_timeout(SAMPLE) == Err(RecvTimeoutError::Timeout) {
                samples += 1;
                short += u32::from(proc::descriptors(pid) >= LIMIT - 1);
            }
            f64::from(short) / f64::from(samples.max(1))
        });
        let goes_on = goes_on;
        something();
        drop(goes_on);
        sampler.join().expect("it samples")
    })
}

fn exhaust(test: &str, victim_leads: bool) {
    let Some(lan) = Lan::new(test, 5) else { return };
    let victim = 0;
    let leader = if victim_leads { victim } else { 1 };
    for host in [leader, 1 - leader, 2] {
        if host == victim {
            run_short(&lan, host);
        } else {
            lan.join(host, 4, &[]);
        }
        lan.until("it answers", || lan.leader(host).is_some());
    }
    let reign = lan.settled(&[0, 1, 2]);
    assert_eq!(reign.leader, lan.ip(leader));
    lan.know_each_other(&[0, 1, 2]);
    let reigns = lan.reigns(victim);
    let pid = lan.node(victim, Process::pid);
    assert!(proc::descriptors(pid) < LIMIT / 2);

    let flood = flood(&lan, victim);
    lan.until("it has none left", || proc::descriptors(pid) >= LIMIT - 1);
    let (start, ticks) = (Instant::now(), proc::ticks(pid));
    let short = short_while(pid, || {
        // A newcomer is told of the leader, by the victim or by the others.
        lan.join(3, 4, &[]);
        lan.until("it follows", || lan.reign(3).is_some_and(|(found, _)| found == reign));
        lan.stays(&[1, 2, 3], &reign, Duration::from_secs(3));
    });
    let (time, ticks) = (start.elapsed(), proc::ticks(pid) - ticks);
    println!("{ticks} ticks of 10 ms in {time:?}, without a descriptor {short:.2} of it");
    // It closes those that have been silent for long, and takes the next.
    assert!(short > 0.5, "it had none left most of the time: {short:.2}");
    // Ten milliseconds each: a loop that spins would use all of them.
    assert!(u128::from(ticks) * 10 < time.as_millis() / 3, "{ticks} ticks in {time:?}");

    flood.kill();
    lan.until("it answers again", || lan.leader(victim) == Some(reign.leader.clone()));
    assert_eq!(lan.settled(&[0, 1, 2, 3]), reign, "{}", lan.said());
    lan.know_each_other(&[0, 1, 2, 3]);
    assert_eq!(lan.reigns(victim), reigns, "nothing changed for it");
    let said = lan.stderr(victim);
    // Each port once, and those whom it could not dial.
    let complaints = |of: &str| {
        let lines = said.iter().filter(|l| l.contains(of) && l.contains("Too many open files"));
        lines.count()
    };
    assert_eq!(complaints("http takes no connections"), 1, "{said:#?}");
    assert_eq!(complaints("peers' connections cannot be accepted"), 1, "{said:#?}");
    assert!(complaints("cannot be added") <= 3, "{said:#?}");
    lan.until("they are given back", || proc::descriptors(pid) < LIMIT / 2);
}

#[test]
fn a_leader_whose_descriptors_are_exhausted_leads_on_and_answers_again_once_they_are_freed() {
    let test =
        "a_leader_whose_descriptors_are_exhausted_leads_on_and_answers_again_once_they_are_freed";
    exhaust(test, true);
}

#[test]
fn a_follower_whose_descriptors_are_exhausted_follows_on_and_answers_again_once_they_are_freed() {
    let test = "a_follower_whose_descriptors_are_exhausted_follows_on_and_answers_again_once_they_are_freed";
    exhaust(test, false);
}
