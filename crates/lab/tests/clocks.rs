//! A program's own clocks are set while it runs, and the machine's are left alone.

mod common;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bully_lab::{Clocks, Lab, LabConfig, Process, lab_or_skip};
use common::{PEER, SOON, wait_until};

const HOUR: Duration = Duration::from_secs(3_600);

const YEAR: u64 = 365 * 24 * 3_600;

fn machine() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// The peer at work by these clocks.
fn runs_by(lab: &Lab, clocks: &Clocks, words: &[&str]) -> Process {
    lab.host(0).spawn_with_env(PEER, words, &clocks.env()).unwrap()
}

/// What a program tells of its clocks, in seconds: the wall's, MONOTONIC, MONOTONIC_RAW, BOOTTIME.
fn told(line: &str) -> Option<[f64; 4]> {
    let numbers: Result<Vec<f64>, _> = line.split(' ').map(str::parse).collect();
    numbers.ok()?.try_into().ok()
}

/// What it tells next.
fn next(program: &Process) -> [f64; 4] {
    let seen = program.lines().len();
    let line = program.wait_for_line_after(seen, |line| told(line).is_some(), SOON).unwrap();
    told(&line.text).unwrap()
}

/// What it tells of its clocks that have been changed just now: a line may have been on its way.
fn next_but_one(program: &Process) -> [f64; 4] {
    next(program);
    next(program)
}

/// Which clocks have gone on by these seconds, and less than a minute.
fn have_passed(seconds: f64, before: [f64; 4], after: [f64; 4]) -> [bool; 4] {
    [0, 1, 2, 3].map(|clock| (seconds..seconds + 60.0).contains(&(after[clock] - before[clock])))
}

#[test]
fn a_program_tells_the_time_of_its_own_clock_which_jumps_while_it_runs() {
    let test = "a_program_tells_the_time_of_its_own_clock_which_jumps_while_it_runs";
    let Some(lab) = lab_or_skip(test, &LabConfig::of(1)) else { return };
    let clock = Clocks::new().unwrap();
    // One process: a shell that counts the seconds itself.
    let script = "while :; do printf '%(%s)T\\n' -1; read -t 0.01 <> <(:); done";
    let program = lab.host(0).spawn_with_env("bash", ["-c", script], &clock.env()).unwrap();
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

#[test]
fn a_suspended_program_finds_that_two_of_its_clocks_have_gone_on() {
    let test = "a_suspended_program_finds_that_two_of_its_clocks_have_gone_on";
    let Some(lab) = lab_or_skip(test, &LabConfig::of(1)) else { return };
    let clocks = Clocks::new().unwrap();
    let program = runs_by(&lab, &clocks, &["clocks"]);
    for _ in 0..2 {
        let before = next(&program);
        clocks.suspend(HOUR).unwrap();
        let after = next_but_one(&program);
        let hour = HOUR.as_secs_f64();
        assert_eq!(have_passed(hour, before, after), [true, false, false, true]);
        assert_eq!(have_passed(0.0, before, after), [false, true, true, false]);
    }
}

#[test]
fn a_freeze_becomes_a_suspension_by_taking_its_time_from_the_other_two() {
    let test = "a_freeze_becomes_a_suspension_by_taking_its_time_from_the_other_two";
    let Some(lab) = lab_or_skip(test, &LabConfig::of(1)) else { return };
    let clocks = Clocks::new().unwrap();
    let program = runs_by(&lab, &clocks, &["clocks"]);
    let before = next(&program);
    lab.freeze(0).unwrap();
    // More than it was, so that nothing else can be the reason for what is seen.
    clocks.was_suspended(HOUR).unwrap();
    lab.thaw(0).unwrap();
    let after = next_but_one(&program);
    assert_eq!(have_passed(-HOUR.as_secs_f64(), before, after), [false, true, true, false]);
    assert_eq!(have_passed(0.0, before, after), [true, false, false, true]);
}

#[test]
fn a_timer_rings_at_once_when_its_program_is_suspended_beyond_it_and_not_before() {
    let test = "a_timer_rings_at_once_when_its_program_is_suspended_beyond_it_and_not_before";
    let Some(lab) = lab_or_skip(test, &LabConfig::of(1)) else { return };
    let clocks = Clocks::new().unwrap();
    let hours = HOUR.as_secs().to_string();
    let program = runs_by(&lab, &clocks, &["timer", &hours]);
    program.wait_for_line(|line| line == "set", SOON).unwrap();
    clocks.suspend(HOUR / 2).unwrap();
    let rang = |line: &str| line == "rang";
    assert!(program.wait_for_line(rang, Duration::from_millis(300)).is_err());
    clocks.suspend(HOUR).unwrap();
    program.wait_for_line(rang, SOON).unwrap();
    // One that is set later is set by the clock as it is then.
    let later = runs_by(&lab, &clocks, &["timer", "1"]);
    later.wait_for_line(rang, SOON).unwrap();
}

#[test]
fn a_timer_rings_by_the_rate_of_its_program_s_clock() {
    let test = "a_timer_rings_by_the_rate_of_its_program_s_clock";
    let Some(lab) = lab_or_skip(test, &LabConfig::of(1)) else { return };
    let clocks = Clocks::new().unwrap();
    let early = runs_by(&lab, &clocks, &["timer", "3600"]);
    early.wait_for_line(|line| line == "set", SOON).unwrap();
    // 3600 times as fast.
    clocks.set_rate(3_599 * 10_000).unwrap();
    let late = runs_by(&lab, &clocks, &["timer", "3600"]);
    for program in [early, late] {
        program.wait_for_line(|line| line == "rang", SOON).unwrap();
    }
}

#[test]
fn clocks_run_at_the_rate_that_they_are_told_and_keep_what_they_gained() {
    let test = "clocks_run_at_the_rate_that_they_are_told_and_keep_what_they_gained";
    let Some(lab) = lab_or_skip(test, &LabConfig::of(1)) else { return };
    let (quick, plain) = (Clocks::new().unwrap(), Clocks::new().unwrap());
    let ours = runs_by(&lab, &quick, &["clocks"]);
    let theirs = runs_by(&lab, &plain, &["clocks"]);
    let ahead = || {
        let (ours, theirs) = (next_but_one(&ours), next_but_one(&theirs));
        [0, 1, 2, 3].map(|clock| ours[clock] - theirs[clock])
    };
    // A thousand times as fast.
    quick.set_rate(999 * 10_000).unwrap();
    wait_until("all clocks gain ten minutes", || ahead().into_iter().all(|by| by > 600.0));
    quick.set_rate(0).unwrap();
    let gained = ahead();
    let later = ahead();
    for clock in 0..4 {
        assert!(gained[clock] > 600.0, "{gained:?}");
        assert!((later[clock] - gained[clock]).abs() < 60.0, "{gained:?} and then {later:?}");
    }
    // Half as fast.
    quick.set_rate(-5_000).unwrap();
    wait_until("all clocks lose a second", || {
        let now = ahead();
        [0, 1, 2, 3].into_iter().all(|clock| now[clock] < later[clock] - 1.0)
    });
}

#[test]
fn clocks_never_go_back_whatever_their_rate_is_set_to() {
    let test = "clocks_never_go_back_whatever_their_rate_is_set_to";
    let Some(lab) = lab_or_skip(test, &LabConfig::of(1)) else { return };
    let clocks = Clocks::new().unwrap();
    let program = runs_by(&lab, &clocks, &["steady"]);
    for _ in 0..100 {
        for rate in [-9_999, 90_000, -50, 50] {
            let seen = program.lines().len();
            clocks.set_rate(rate).unwrap();
            program.wait_for_line_after(seen, |line| line == "on", SOON).unwrap();
        }
    }
    assert!(!program.stdout().contains("back"), "{}", program.stdout());
}
