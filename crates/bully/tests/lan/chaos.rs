//! Many faults after one another, and then peace.

use std::time::Duration;

use bully_lab::Process;

use super::dice::{Dice, lasting};
use super::support::Lan;

/// How long faults come.
const STORM: Duration = Duration::from_secs(12);

fn fault(lan: &Lan, dice: &mut Dice, hosts: usize) {
    let (a, b) = (dice.roll(hosts), dice.roll(hosts));
    match dice.roll(8) {
        0 => {
            lan.kill(a);
            lan.join(a, hosts, &[]);
        }
        1 => {
            lan.node(a, Process::freeze);
            std::thread::sleep(dice.pause(900));
            lan.node(a, Process::thaw);
        }
        2 if a != b => lan.lab.cut(a, b).expect("cuts"),
        3 if a != b => lan.lab.cut_one_way(a, b).expect("cuts"),
        4 => lan.lab.isolate(a).expect("isolates"),
        5 => {
            lan.node(a, Process::terminate);
            lan.node(a, |node| node.wait(super::support::DEADLINE)).expect("it ends when told to");
            lan.join(a, hosts, &[]);
        }
        6 => lan.lab.split(&[&[0, 1], &[2, 3, 4]]).expect("splits"),
        _ => lan.lab.heal().expect("heals"),
    }
}

#[test]
fn after_a_storm_of_faults_all_agree() {
    let Some(lan) = Lan::new("after_a_storm_of_faults_all_agree", 5) else { return };
    let mut dice = Dice::new();
    lan.form(&[]);
    let start = std::time::Instant::now();
    while start.elapsed() < lasting(STORM) {
        fault(&lan, &mut dice, 5);
        std::thread::sleep(dice.pause(400));
    }
    lan.lab.heal().expect("heals");
    let leader = lan.agreed(&[0, 1, 2, 3, 4]);
    for host in 0..5 {
        let is_primary = lan.get(host, "/primary").expect("an answer").status == 200;
        assert_eq!(is_primary, lan.ip(host) == leader, "{host}");
    }
}
