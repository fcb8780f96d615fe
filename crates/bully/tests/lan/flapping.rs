//! A switch that goes in and out of service.

use std::time::{Duration, Instant};

use bully_lab::Process;

use super::account::{Reign, mostly, reigns_of, revision_of};
use super::dice::{Dice, lasting};
use super::partial::WINDOW;
use super::proc;
use super::support::Lan;

/// How long the switch flaps.
const FLAPPING: Duration = Duration::from_secs(60);

/// How long it does before and between.
const BRIEFLY: Duration = Duration::from_secs(3);

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

/// Entries about reigns, counted as they come: a history holds only the newest.
struct Tally {
    host: usize,
    newest: u64,
    reigns: usize,
}

impl Tally {
    fn new(lan: &Lan, host: usize) -> Self {
        Self { host, newest: lan.newest(host), reigns: 0 }
    }

    fn go_on(&mut self, lan: &Lan) {
        let news = lan.history_since(self.host, self.newest);
        self.newest = news.last().map_or(self.newest, revision_of);
        self.reigns += reigns_of(&news).len();
    }
}

/// Takes the whole switch, or some of its ports, out of service and back, for so long; how often.
fn flap(lan: &Lan, dice: &mut Dice, tallies: &mut [Tally], time: Duration) -> usize {
    let hosts = lan.lab.hosts().len();
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
        for tally in &mut *tallies {
            tally.go_on(lan);
        }
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
    flap(&lan, &mut dice, &mut [], BRIEFLY);
    lan.settled(&all);
    lan.know_each_other(&all);
    let before = held(&lan, &all);
    let mut tallies = all.map(|host| Tally::new(&lan, host));

    let changes = flap(&lan, &mut dice, &mut tallies, lasting(FLAPPING));
    let reign = rests(&lan, &all);

    assert!(all.iter().all(|host| lan.node(*host, Process::is_alive)), "{}", lan.said());
    assert_eq!(all.map(|host| lan.node(host, Process::pid)), pids);
    for tally in &mut tallies {
        tally.go_on(&lan);
        let (host, reigns) = (tally.host, tally.reigns);
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
    let (mut reign, mut dead) = (reign, None);
    mostly("one of the rest leads, once", || {
        if let Some(dead) = dead {
            lan.join(dead, all.len(), &[]);
            flap(&lan, &mut dice, &mut [], BRIEFLY);
            reign = rests(&lan, &all);
        }
        dead = Some(lan.host_of(&reign.leader));
        one_succeeds(&lan, &all, &reign)
    });
}

/// Waits until all that lost each other have met again.
fn rests(lan: &Lan, hosts: &[usize]) -> Reign {
    let reign = lan.settled(hosts);
    lan.know_each_other(hosts);
    lan.stays(hosts, &reign, WINDOW);
    reign
}

/// Kills the leader, and has the rest agree; whether that took one victory.
fn one_succeeds(lan: &Lan, hosts: &[usize], reign: &Reign) -> bool {
    let leader = lan.host_of(&reign.leader);
    let rest: Vec<usize> = hosts.iter().copied().filter(|host| *host != leader).collect();
    let before: Vec<u64> = rest.iter().map(|host| lan.newest(*host)).collect();
    lan.kill(leader);
    let next = lan.settled(&rest);
    assert!(next.epoch > reign.epoch, "{next:?} after {reign:?}{}", lan.said());
    let news = rest.iter().zip(before).flat_map(|(host, before)| lan.history_since(*host, before));
    let victories = news.filter(|entry| entry["won"] == true).count();
    println!("{victories} victories");
    victories == 1
}
