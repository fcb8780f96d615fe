//! SIGHUP: what is read again, and when it is the end.

use std::fs::OpenOptions;
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};

use rustix::process::Signal;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use super::keys::{Authority, Files};
use super::node::{Node, bully, own, until};

#[test]
fn a_node_with_nothing_to_read_again_says_so_and_runs_on() {
    let mut node = Node::alone(&[]);
    for _ in 0..2 {
        node.signal(Signal::HUP);
        node.prints("SIGHUP: there is nothing to read again");
    }
    assert_eq!(node.is_leader(), Some(true));
    node.signal(Signal::TERM);
    assert_eq!(node.end().code(), Some(0));
}

#[test]
fn a_certificate_is_replaced_while_the_node_runs_and_a_wrong_one_is_not_taken() {
    let (files, [one]) = (Files::new(), own::<1>());
    let ip = one.ip().to_string();
    let (old, new) = (Authority::new(), Authority::new());
    let ca =
        |authority: &Authority, name| format!("-http-ca={}", files.write(name, &authority.pem()));
    let (old_ca, new_ca) = (ca(&old, "old.pem"), ca(&new, "new.pem"));
    let put = |authority: &Authority| {
        let (cert, key) = authority.sign(&ip);
        (files.write("cert.pem", &cert), files.write("key.pem", &key))
    };
    let (cert, key) = put(&old);
    let node = Node::unasked(&[
        "-http=HTTP",
        &format!("-http-tls-cert={cert}"),
        &format!("-http-tls-key={key}"),
    ]);
    let at = format!("-http=https://{}", node.http);
    until("it leads", || bully(&["leader", &at, &old_ca]).0 == 0);
    put(&new);
    assert_eq!(bully(&["leader", &at, &new_ca]).0, 1, "not before it is told to");
    node.signal(Signal::HUP);
    node.prints("SIGHUP: the certificate of HTTP read again");
    assert_eq!(bully(&["leader", &at, &new_ca]).0, 0);
    assert_eq!(bully(&["leader", &at, &old_ca]).0, 1);
    files.write("key.pem", &old.sign(&ip).1);
    node.signal(Signal::HUP);
    let lines = node.prints("SIGHUP: the certificate of HTTP not read again");
    assert!(lines.concat().contains("is not the key of"), "{lines:?}");
    assert_eq!(bully(&["leader", &at, &new_ca]).0, 0);
}

#[test]
fn tokens_are_replaced_while_the_node_runs_all_or_none() {
    let files = Files::new();
    let read = files.write("read", "read-read-read-read");
    let admin = files.write("admin", "admin-admin-admin-admin");
    let node = Node::unasked(&[
        "-http=HTTP",
        &format!("-http-read-token-file={read}"),
        &format!("-http-admin-token-file={admin}"),
    ]);
    until("it leads", || node.is_leader() == Some(true));
    let at = format!("-http={}", node.http);
    let asks = |name: &str, token: &str| {
        let file = files.write(name, token);
        bully(&["leader", &at, &format!("-http-token-file={file}")]).0 == 0
    };
    assert!(asks("mine", "read-read-read-read"));
    files.write("read", "next-next-next-next");
    files.write("admin", "short");
    node.signal(Signal::HUP);
    node.prints("SIGHUP: the tokens of HTTP not read again, what was in force stays: -http-admin");
    assert!(asks("mine", "read-read-read-read") && !asks("mine", "next-next-next-next"));
    files.write("admin", "admin-admin-admin-admin");
    node.signal(Signal::HUP);
    node.prints("SIGHUP: the tokens of HTTP read again");
    assert!(!asks("mine", "read-read-read-read") && asks("mine", "next-next-next-next"));
}

/// A terminal, and what a program that is started at it runs with.
fn terminal() -> (OwnedFd, Command) {
    // Closed on exec: as long as the program has this end too, the terminal is there.
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let master = openpt(flags).expect("a terminal");
    grantpt(&master).expect("it is ours");
    unlockpt(&master).expect("it is ours");
    let name = ptsname(&master, Vec::new()).expect("it has a name");
    let slave = OpenOptions::new().read(true).write(true).open(name.to_str().expect("a path"));
    // Setsid makes what it is given as standard input the terminal of what it runs.
    let mut command = Command::new("setsid");
    command.arg("-c");
    let slave = slave.expect("it can be opened");
    command.stdin(Stdio::from(slave));
    (master, command)
}

fn started_at(mut command: Command, by: &[&str]) -> Node {
    command.args(by).arg(Node::command().get_program());
    let node = Node::unasked_by(command, &["-http=HTTP"]);
    until("it leads", || node.is_leader() == Some(true));
    node
}

#[test]
fn a_node_at_a_terminal_ends_when_that_is_closed_and_reads_again_while_it_is_there() {
    let (terminal, command) = terminal();
    // Whoever runs the tests may have begun them by nohup.
    let mut node = started_at(command, &["env", "--default-signal=HUP"]);
    node.signal(Signal::HUP);
    node.prints("SIGHUP: there is nothing to read again");
    drop(terminal);
    assert_eq!(node.end().code(), Some(0));
}

#[test]
fn a_node_that_nohup_has_started_outlives_its_terminal() {
    let (terminal, command) = terminal();
    let mut node = started_at(command, &["nohup"]);
    drop(terminal);
    node.signal(Signal::HUP);
    node.prints("SIGHUP: there is nothing to read again");
    assert_eq!(node.is_leader(), Some(true));
    node.signal(Signal::TERM);
    assert_eq!(node.end().code(), Some(0));
}
