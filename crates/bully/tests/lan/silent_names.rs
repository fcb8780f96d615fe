//! A server of names that takes questions and never answers.

use std::time::{Duration, Instant};

use bully_lab::Process;

use super::support::{DEADLINE, Lan};

/// What a lookup takes that nobody answers, as set here: far more than an end may.
const LOOKUP: Duration = Duration::from_secs(15);

/// Has the first host ask an address for names at which questions vanish.
fn silence(lan: &Lan) {
    let script = "set -e
        ip neigh replace 192.168.1.253 lladdr 02:00:00:00:ff:53 nud permanent dev eth0
        printf 'nameserver 192.168.1.253\noptions timeout:15 attempts:1\n' >/var/lib/bully/resolv.conf
        mount --bind /var/lib/bully/resolv.conf /etc/resolv.conf";
    let output = lan.host(0).exec(&["sh", "-c", script]).expect("runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn assert_ends_soon(node: &Process, code: i32) {
    let start = Instant::now();
    let status = node.wait(DEADLINE).expect("it ends");
    assert_eq!(status.code(), Some(code), "{}", node.stderr());
    assert!(start.elapsed() < LOOKUP / 3, "it waited {:?} for a name", start.elapsed());
}

#[test]
fn a_lookup_under_way_does_not_hold_up_the_end() {
    let test = "a_lookup_under_way_does_not_hold_up_the_end";
    let Some(lan) = Lan::new(test, 1) else { return };
    silence(&lan);
    let node = lan.spawn(0, &["-nodes=192.168.1.67,nowhere.example", "-http=off"]);
    node.wait_for_line(|line| line.contains(" leads, epoch "), DEADLINE).expect("it leads");
    assert!(node.terminate());
    assert_ends_soon(&node, 0);
}

/// Each of these names may take a quarter of a second before the node knows who it is.
#[test]
fn a_signal_ends_a_node_that_is_still_starting() {
    let Some(lan) = Lan::new("a_signal_ends_a_node_that_is_still_starting", 1) else {
        return;
    };
    silence(&lan);
    let names: Vec<String> = (0..40).map(|number| format!("n{number}.example")).collect();
    let nodes = format!("-nodes={}", names.join(","));
    let node = lan.spawn(0, &[&nodes, "-http=off"]);
    node.wait_for_line(|line| line.starts_with("bully: mode bully"), DEADLINE).expect("it starts");
    assert!(node.terminate());
    assert_ends_soon(&node, 0);
    assert_eq!(node.stderr_lines().len(), 1, "it had not begun: {}", node.stderr());
}
