//! `bully demo`, as the README's first command runs it.

use std::process::{Command, Stdio};

#[test]
fn the_demo_shows_a_leader_its_death_and_its_successor_and_ends() {
    let output = Command::new(env!("CARGO_BIN_EXE_bully"))
        .args(["demo", "-once"])
        .stdin(Stdio::null())
        .output()
        .expect("bully runs");
    let said = String::from_utf8(output.stdout).expect("text");
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines[0], "Three nodes on this machine:");
    assert!(lines[1].contains("127.0.0.1:") && lines[3].contains("127.0.0.3:"), "{said}");
    assert!(lines[4].ends_with(" leads."), "{said}");
    assert!(lines[5].starts_with("Killed ") && lines[5].ends_with(" (kill -9)."), "{said}");
    assert!(
        lines[6].contains(" leads: the others agreed ")
            && lines[6].ends_with(" ms after the kill.")
    );
    assert!(lines[7].contains(" is back and "), "{said}");
    let successor = lines[6].split(' ').next().expect("a name");
    assert_eq!(lines[8], format!("{successor} leads."), "among equals the incumbent stays");
}
