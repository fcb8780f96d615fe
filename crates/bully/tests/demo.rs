//! `bully demo`, as the README's first command runs it.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// Far above what anything here takes: a test that waits this long has failed.
const DEADLINE: Duration = Duration::from_secs(20);

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

/// Ended with the test, however that ends; its nodes end with it.
struct Demo(Child);

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The state and the parent of a process, as the kernel tells them; none of one that is gone.
fn stat(pid: u32) -> Option<(char, u32)> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name before, in parentheses, may hold anything.
    let (_, rest) = stat.rsplit_once(") ")?;
    let mut fields = rest.split(' ');
    Some((fields.next()?.chars().next()?, fields.next()?.parse().ok()?))
}

fn children(parent: u32) -> Vec<u32> {
    let processes = std::fs::read_dir("/proc").expect("Linux").flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid| stat(*pid).is_some_and(|(_, of)| of == parent)).collect()
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < DEADLINE, "not within {DEADLINE:?}: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn an_interrupt_at_the_prompt_ends_the_demo_and_its_nodes() {
    let demo = Command::new(env!("CARGO_BIN_EXE_bully"))
        .arg("demo")
        // Open, as a terminal at which nobody types.
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let mut demo = Demo(demo.expect("bully runs"));
    let mut lines = BufReader::new(demo.0.stdout.take().expect("piped")).lines();
    assert!(lines.any(|line| line.is_ok_and(|line| line.starts_with("Keys, "))), "no prompt");
    let nodes = children(demo.0.id());
    assert_eq!(nodes.len(), 3, "{nodes:?}");
    let pid = i32::try_from(demo.0.id()).ok().and_then(Pid::from_raw).expect("a process");
    kill_process(pid, Signal::INT).expect("it runs");
    let mut status = None;
    until("the demo ends", || {
        status = demo.0.try_wait().expect("a child");
        status.is_some()
    });
    assert_eq!(status.and_then(|status| status.code()), Some(0));
    until("no node is left", || {
        // One that nobody has waited for yet is gone all the same.
        nodes.iter().all(|node| stat(*node).is_none_or(|(state, _)| state == 'Z'))
    });
}
