//! The benchmark itself, as far as it can be run in a moment: its figures are not judged here.

use std::process::Command;

use bully_lab::{LabConfig, lab_or_skip};

/// One trial of a figure, as the table and as JSON.
fn one_trial(figure: &str) -> (String, String) {
    let out = format!("{}/{figure}.jsonl", env!("CARGO_TARGET_TMPDIR"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_bully-bench"));
    command.args(["run", "--alone", "--trials=1", "--only", figure, "--out", &out]);
    let output = command.output().expect("the benchmark runs");
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{printed}{}", String::from_utf8_lossy(&output.stderr));
    (printed, std::fs::read_to_string(out).expect("every trial is written"))
}

#[test]
fn a_start_is_measured_printed_and_judged() {
    let test = "a_start_is_measured_printed_and_judged";
    if lab_or_skip(test, &LabConfig::of(1)).is_none() {
        return;
    }
    let (printed, trials) = one_trial("start");
    assert!(printed.contains("start: first answer         bully"), "{printed}");
    assert!(printed.contains(" start to first answer: under 15 ms: "), "{printed}");
    assert!(!printed.contains("note: "), "{printed}");
    assert_eq!(trials.lines().count(), 5, "{trials}");
    assert!(trials.lines().all(|trial| !trial.contains("\"value\":null")), "{trials}");
}

#[test]
fn a_failover_has_the_observers_figure_the_nodes_own_and_the_floor() {
    let test = "a_failover_has_the_observers_figure_the_nodes_own_and_the_floor";
    if lab_or_skip(test, &LabConfig::of(1)).is_none() {
        return;
    }
    let (printed, trials) = one_trial("failover");
    for figure in ["failover: kill -9", "kill -9, own stamps", "kill -9, floor", "failover: vanish"]
    {
        let has_value = |trial: &&str| trial.contains(figure) && !trial.contains("\"value\":null");
        assert!(trials.lines().any(|trial| has_value(&trial)), "{figure}: {trials}{printed}");
    }
}

#[test]
fn quorum_mode_hands_over_without_two_leaders_and_has_a_figure_for_each_fault() {
    let test = "quorum_mode_hands_over_without_two_leaders_and_has_a_figure_for_each_fault";
    if lab_or_skip(test, &LabConfig::of(1)).is_none() {
        return;
    }
    let (printed, trials) = one_trial("quorum: faults");
    assert_eq!(trials.lines().count(), 10, "{trials}{printed}");
    assert!(trials.lines().all(|trial| !trial.contains("\"value\":null")), "{trials}");
}
