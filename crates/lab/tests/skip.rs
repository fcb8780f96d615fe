//! Where namespaces cannot be had, tests are skipped and say so; under `CI=true` they fail.

use std::process::{Command, Output};

use bully_lab::{Lab, LabConfig, lab_or_skip};

const NEEDS_A_LAB: &str = "a_test_that_needs_a_lab";

#[test]
fn a_test_that_needs_a_lab() {
    let lab = lab_or_skip(NEEDS_A_LAB, &LabConfig::of(1));
    assert_eq!(lab.is_some(), Lab::available().is_ok());
}

/// Runs the test above where the kernel has been told to make no further network namespace.
fn run_without_namespaces(ci: Option<&str>) -> Output {
    let test = std::env::current_exe().unwrap();
    let line = "echo 0 > /proc/sys/user/max_net_namespaces && exec \"$@\"";
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "sh", "-c", line, "sh"]);
    command.arg(test).args(["--exact", NEEDS_A_LAB]);
    command.env_remove("CI");
    command.envs(ci.map(|value| ("CI", value)));
    command.output().unwrap()
}

#[test]
fn a_skipped_test_says_why_in_one_line() {
    let test = "a_skipped_test_says_why_in_one_line";
    if lab_or_skip(test, &LabConfig::of(1)).is_none() {
        return;
    }
    let output = run_without_namespaces(None);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{output:?}");
    let reason = "skipped: a_test_that_needs_a_lab: no hosts in network namespaces here: unshare";
    assert!(said.lines().any(|line| line.starts_with(reason)), "{said}");
}

#[test]
fn where_ci_is_true_nothing_is_skipped() {
    let test = "where_ci_is_true_nothing_is_skipped";
    if lab_or_skip(test, &LabConfig::of(1)).is_none() {
        return;
    }
    let output = run_without_namespaces(Some("true"));
    // The harness shows a failed test's panic on standard output.
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(!output.status.success(), "{output:?}");
    assert!(said.contains("must not be skipped"), "{said}");
}
