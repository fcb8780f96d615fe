//! A switch that goes in and out of service.

use std::time::{Duration, Instant};

use bully_lab::Process;

use super::chaos::{Dice, lasting};
use super::proc;
use super::support::Lan;

/// How long the switch flaps.
const FLAPPING: Duration = Duration::from_secs(60);

/// A change of service may cost each node as many entries of its history: it loses its leader and
/// leads; it meets others, is deposed and follows, or raises its epoch, twice where three groups
/// meet.
const ENTRIES_PER_CHANGE: usize = 6;

/// What the processes hold: descriptors, and memory in KiB.
fn held(lan: &Lan, hosts: &[usize]) -> Vec<(usize, u64)> {
    let of = |host: &usize| {
        let pid = lan.node(*host, Process::pid);
        (proc::descriptors(pid), proc::resident(pid))
    };
    hosts.iter().map(of).collect()
}

/// Takes the whole switch, or some of its ports, out of service and back, for so long; how often.
fn flap(lan: &Lan, dice: &mut Dice, hosts: usize, time: Duration) -> usize {
    let pause = |dice: &mut Dice| std::thread::sleep(Duration::from_millis(50) + dice.pause(1_450));
    let start = Instant::now();
    let mut changes = 0;
    while start.elapsed() < time {
        if dice.roll(2) == 0 {
            lan.lab.switch_off().expect("the switch goes");
        } else {
            for _ in 0..=dice.roll(hosts - 1) {
                lan.lab.isolate(dice.roll(hosts)).expect("a port goes");
            }
        }
        pause(dice);
        lan.lab.switch_on().expect("the switch comes back");
        pause(dice);
        changes += 2;
    }
    changes
}

#[test]
fn a_switch_that_flaps_for_a_minute_costs_bounded_reigns_and_ends_in_one() {
    let test = "a_switch_that_flaps_for_a_minute_costs_bounded_reigns_and_ends_in_one";
    let Some(lan) = Lan::new(test, 5) else { return };
    let all = [0, 1, 2, 3, 4];
    let mut dice = Dice::new();
    lan.form(&[]);
    let pids = all.map(|host| lan.node(host, Process::pid));
    // What a first few changes take is kept for the next: buffers, and entries of the history.
    flap(&lan, &mut dice, 5, Duration::from_secs(3));
    lan.settled(&all);
    lan.know_each_other(&all);
    let before = held(&lan, &all);
    let noted: Vec<usize> = all.iter().map(|host| lan.reigns(*host).len()).collect();

    let changes = flap(&lan, &mut dice, 5, lasting(FLAPPING));
    let reign = lan.settled(&all);
    lan.know_each_other(&all);
    // Longer than the longest pause between probes: all that lost each other have met again.
    lan.stays(&all, &reign, Duration::from_millis(5_500));

    assert!(all.iter().all(|host| lan.node(*host, Process::is_alive)), "{}", lan.said());
    assert_eq!(all.map(|host| lan.node(host, Process::pid)), pids);
    for (host, noted) in all.iter().zip(noted) {
        let reigns = lan.reigns(*host).len() - noted;
        println!("{host}: {reigns} entries for {changes} changes");
        assert!(reigns <= changes * ENTRIES_PER_CHANGE, "{reigns} for {changes}{}", lan.said());
    }
    // Surplus connections are closed after four heartbeats. One to each other host may be left
    // where there were fewer before.
    lan.until("descriptors are given back", || {
        held(&lan, &all).iter().zip(&before).all(|(now, before)| now.0 <= before.0 + 4)
    });
    for (now, before) in held(&lan, &all).iter().zip(&before) {
        println!("{} KiB, before {}", now.1, before.1);
        assert!(now.1 < before.1 + 4_096, "{} KiB, before {}", now.1, before.1);
    }

    // And so they can ask each other when the leader dies: one leads, and not each of them.
    let leader = lan.host_of(&reign.leader);
    let rest: Vec<usize> = all.iter().copied().filter(|host| *host != leader).collect();
    let won = || rest.iter().map(|host| victories(&lan, *host)).sum::<usize>();
    let before = won();
    lan.kill(leader);
    lan.settled(&rest);
    assert_eq!(won() - before, 1, "{}", lan.said());
}

fn victories(lan: &Lan, host: usize) -> usize {
    lan.history(host).iter().filter(|entry| entry["won"] == true).count()
}
