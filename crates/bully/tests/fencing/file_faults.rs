//! The file, whose writers are slow, killed or frozen, and whose disk is full.

use std::os::unix::fs::MetadataExt as _;
use std::process::Stdio;

use rustix::process::Signal;

use super::script::{Fenced, folder_of};
use super::support::{IMPATIENT, is_stopped, on_a_small_disk, program, signal, until};

#[test]
fn a_writer_whose_input_is_slow_holds_up_nobody_and_is_compared_when_it_has_come() {
    let fenced = Fenced::new().patience(IMPATIENT);
    let mut slow = fenced.begin("1", "8");
    slow.send("half");
    until("it has begun", || !fenced.is_clean());
    let told = fenced.write("2", "new");
    assert_eq!(told.code, Some(0), "{told:?}");
    let told = slow.feed("half");
    assert_eq!(told.code, Some(3), "{told:?}");
    assert!(fenced.value() == "new" && fenced.is_clean());
}

#[test]
fn a_writer_that_is_told_to_end_leaves_nothing_behind() {
    for ending in [Signal::TERM, Signal::INT, Signal::HUP] {
        let fenced = Fenced::new();
        assert_eq!(fenced.write("1", "old").code, Some(0));
        let mut slow = fenced.begin("2", "8");
        slow.send("half");
        until("it has begun", || !fenced.is_clean());
        signal(&slow.child, ending);
        let told = slow.feed("");
        assert_eq!(told.code, Some(1), "{told:?}");
        assert!(fenced.value() == "old" && fenced.token() == "1\n" && fenced.is_clean());
    }
}

#[test]
fn a_crash_between_any_two_steps_forgets_no_token_and_stops_nobody() {
    let mut seen = Vec::new();
    for step in 1..=5 {
        let fenced = Fenced::new();
        assert_eq!(fenced.write("5", "old").code, Some(0));
        let told = fenced.begin_and_signal(step, "KILL", "7", "new").feed("");
        assert_eq!(told.code, None, "step {step}: {told:?}");
        assert_eq!(fenced.steps().len(), step);
        let state = (fenced.value(), fenced.token());
        assert_ne!((state.0.as_str(), state.1.as_str()), ("new", "5\n"), "step {step}");
        seen.push(state);
        let told = fenced.write("7", "newer");
        assert_eq!(told.code, Some(0), "step {step}: {told:?}");
        assert_eq!(fenced.write("6", "late").code, Some(3), "step {step}");
        assert_eq!(fenced.value(), "newer");
    }
    // Otherwise it has not been tried.
    for (value, token) in [("old", "5\n"), ("old", "7\n"), ("new", "7\n")] {
        assert!(seen.contains(&(value.to_owned(), token.to_owned())), "{value} {token}: {seen:?}");
    }
}

#[test]
fn what_is_moved_is_on_disk_before_it_and_its_name_after_it() {
    let fenced = Fenced::new();
    let told = fenced.begin_and_signal(0, "KILL", "7", "new").feed("");
    assert_eq!(told.code, Some(0), "{told:?}");
    let (steps, file) = (fenced.steps(), fenced.path(""));
    let moved: Vec<&str> = steps.iter().filter_map(|step| step.strip_prefix("mv -fT ")).collect();
    let [token, value] = moved[..] else { panic!("{steps:?}") };
    assert!(token.ends_with("/state.token") && value.ends_with("/state"), "{steps:?}");
    let source = |moved: &str| moved.split(' ').next().expect("a source").to_owned();
    let folder = format!("sync {}", folder_of(&file));
    let expected = [
        format!("sync {} {}", source(token), source(value)),
        format!("mv -fT {token}"),
        folder.clone(),
        format!("mv -fT {value}"),
        folder,
    ];
    assert_eq!(steps, expected);
}

#[test]
fn while_a_frozen_writer_holds_the_lock_others_give_up_and_say_so() {
    // Before the token is in its place: without the lock, another would be overwritten by it.
    let fenced = Fenced::new().patience(IMPATIENT);
    let frozen = fenced.begin_and_signal(1, "STOP", "1", "old");
    until("it is frozen", || is_stopped(&frozen.child));
    let told = fenced.write("2", "new");
    assert_eq!(told.code, Some(1), "{told:?}");
    assert!(told.stderr.contains("has held"), "{told:?}");
    assert_eq!((fenced.value().as_str(), fenced.token().as_str()), ("", ""));
    signal(&frozen.child, Signal::CONT);
    assert_eq!(frozen.feed("").code, Some(0));
    assert_eq!(fenced.value(), "old");
    assert_eq!(fenced.write("2", "new").code, Some(0));
    assert!(fenced.value() == "new" && fenced.is_clean());
}

#[test]
fn who_has_waited_for_the_lock_is_compared_with_what_was_written_meanwhile() {
    let fenced = Fenced::new().patience("30");
    let frozen = fenced.begin_and_signal(1, "STOP", "2", "new");
    until("it is frozen", || is_stopped(&frozen.child));
    let mut late = fenced.begin("1", "4");
    late.send("late");
    late.close();
    let lock = std::fs::metadata(fenced.path(".lock")).expect("a lock").ino();
    until("the other waits", || {
        let locks = std::fs::read_to_string("/proc/locks").expect("the kernel's list");
        locks
            .lines()
            .any(|lock_of| lock_of.contains("->") && lock_of.contains(&format!(":{lock} ")))
    });
    signal(&frozen.child, Signal::CONT);
    assert_eq!(frozen.feed("").code, Some(0));
    assert_eq!(late.feed("").code, Some(3));
    assert_eq!(fenced.value(), "new");
}

#[test]
fn on_a_full_disk_the_old_value_stays() {
    let test = "on_a_full_disk_the_old_value_stays";
    let Some(shell) = program(test, "sh") else { return };
    let fenced = Fenced::new();
    let calls = r#"
        printf old | sh "$0" "$1/state" 1 3
        code=0; head -c 200000 /dev/zero | sh "$0" "$1/state" 2 200000 || code=$?
        echo "$code $(cat "$1/state" "$1/state.token")"; ls "$1"
        printf new | sh "$0" "$1/state" 2 3; cat "$1/state"
    "#;
    let disk = fenced.path("-disk");
    let Some(mut command) = on_a_small_disk(test, &disk, &shell) else { return };
    command.args(["-ec", calls]).arg(fenced.script()).arg(&disk).stdin(Stdio::null());
    let output = command.output().expect("unshare runs");
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(stdout, "1 old1\nstate\nstate.lock\nstate.token\nnew", "{output:?}");
}
