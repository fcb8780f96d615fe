//! Many faults after one another, and then peace.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bully_lab::Process;

use super::support::Lan;

/// How long faults come.
const STORM: Duration = Duration::from_secs(12);

/// How long, unless the environment says for how many seconds (`make soak`).
pub(crate) fn lasting(usual: Duration) -> Duration {
    let given = std::env::var("SOAK").ok().filter(|text| !text.is_empty());
    given.map_or(usual, |text| Duration::from_secs(text.parse().expect("SOAK is of seconds")))
}

/// A small generator, so that a seed repeats the order of the faults (though not their timing).
pub(crate) struct Dice(u64);

impl Dice {
    /// Seeded by the environment or else by the time, and says how.
    pub(crate) fn new() -> Self {
        let given = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok());
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis();
        let seed =
            given.unwrap_or_else(|| u64::try_from(now).expect("before the year 500 million"));
        println!("SEED={seed}");
        Self(seed)
    }

    pub(crate) fn roll(&mut self, sides: usize) -> usize {
        // Knuth's MMIX constants.
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits") % sides
    }

    /// A pause of fewer milliseconds than that.
    pub(crate) fn pause(&mut self, below: usize) -> Duration {
        Duration::from_millis(u64::try_from(self.roll(below)).expect("small"))
    }
}

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
