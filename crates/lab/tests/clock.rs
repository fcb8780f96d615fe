//! A program's own wall clock is set while it runs, and the machine's is left alone.

mod common;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bully_lab::{LabConfig, WallClock, lab_or_skip};
use common::SOON;

const YEAR: u64 = 365 * 24 * 3_600;

fn machine() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

#[test]
fn a_program_tells_the_time_of_its_own_clock_which_jumps_while_it_runs() {
    let test = "a_program_tells_the_time_of_its_own_clock_which_jumps_while_it_runs";
    let Some(lab) = lab_or_skip(test, &LabConfig::of(1)) else { return };
    let clock = WallClock::new().unwrap();
    let env = clock.env();
    let env: Vec<(&str, &str)> = env.iter().map(|(name, value)| (*name, value.as_str())).collect();
    // One process: a shell that counts the seconds itself.
    let script = "while :; do printf '%(%s)T\\n' -1; read -t 0.01 <> <(:); done";
    let program = lab.host(0).spawn_with_env("bash", ["-c", script], &env).unwrap();
    let tells = |time: u64| {
        let seen = program.lines().len();
        let near = |line: &str| line.parse::<u64>().is_ok_and(|told| told.abs_diff(time) < 60);
        program.wait_for_line_after(seen, near, SOON).unwrap();
    };
    let before = machine();
    tells(before);
    clock.set_forward(Duration::from_secs(YEAR)).unwrap();
    tells(before + YEAR);
    clock.set_back(Duration::from_secs(YEAR)).unwrap();
    tells(before - YEAR);
    assert!(machine() - before < 60, "the machine's clock is its own");
}
