//! A program's own clocks are set while it runs, and the machine's are left alone.

mod common;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bully_lab::{Clocks, LabConfig, lab_or_skip};
use common::{PEER, SOON, wait_until};

const YEAR: u64 = 365 * 24 * 3_600;

fn machine() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

#[test]
fn a_program_tells_the_time_of_its_own_clock_which_jumps_while_it_runs() {
    let test = "a_program_tells_the_time_of_its_own_clock_which_jumps_while_it_runs";
    let Some(lab) = lab_or_skip(test, &LabConfig::of(1)) else { return };
    let clock = Clocks::new().unwrap();
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

/// What a program tells of its clocks, in seconds: the wall's, MONOTONIC, MONOTONIC_RAW, BOOTTIME.
fn told(line: &str) -> Option<[f64; 4]> {
    let numbers: Result<Vec<f64>, _> = line.split(' ').map(str::parse).collect();
    numbers.ok()?.try_into().ok()
}

fn runs_by(lab: &bully_lab::Lab, clocks: &Clocks) -> bully_lab::Process {
    let env = clocks.env();
    let env: Vec<(&str, &str)> = env.iter().map(|(name, value)| (*name, value.as_str())).collect();
    lab.host(0).spawn_with_env(PEER, ["clocks"], &env).unwrap()
}

/// What it tells next.
fn next(program: &bully_lab::Process) -> [f64; 4] {
    let seen = program.lines().len();
    let line = program.wait_for_line_after(seen, |line| told(line).is_some(), SOON).unwrap();
    told(&line.text).unwrap()
}

#[test]
fn a_suspended_program_finds_that_two_of_its_clocks_have_gone_on() {
    let test = "a_suspended_program_finds_that_two_of_its_clocks_have_gone_on";
    let Some(lab) = lab_or_skip(test, &LabConfig::of(1)) else { return };
    let clocks = Clocks::new().unwrap();
    let program = runs_by(&lab, &clocks);
    let before = next(&program);
    clocks.suspend(Duration::from_secs(3_600)).unwrap();
    // A line may have been on its way.
    next(&program);
    let after = next(&program);
    let passed = [0, 1, 2, 3].map(|clock| after[clock] - before[clock]);
    let is_hour = passed.map(|passed| (3_600.0..3_660.0).contains(&passed));
    assert_eq!(is_hour, [true, false, false, true], "{passed:?}");
    assert!(passed[1] < 60.0 && passed[2] < 60.0, "{passed:?}");
}

#[test]
fn clocks_run_at_the_rate_that_they_are_told_and_keep_what_they_gained() {
    let test = "clocks_run_at_the_rate_that_they_are_told_and_keep_what_they_gained";
    let Some(lab) = lab_or_skip(test, &LabConfig::of(1)) else { return };
    let (quick, plain) = (Clocks::new().unwrap(), Clocks::new().unwrap());
    let (ours, theirs) = (runs_by(&lab, &quick), runs_by(&lab, &plain));
    let ahead = |ours: &bully_lab::Process| next(ours)[1] - next(&theirs)[1];
    let before = ahead(&ours);
    // Ten times as fast.
    quick.set_rate(90_000).unwrap();
    wait_until("it gains seconds", || ahead(&ours) > before + 3.0);
    quick.set_rate(0).unwrap();
    let gained = ahead(&ours);
    assert!(gained > before + 3.0);
    let later = ahead(&ours);
    assert!((later - gained).abs() < 2.0, "{gained} and then {later}");
}
