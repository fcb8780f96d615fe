//! HTTP on a Unix socket.

use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::Path;

use rustix::process::Signal;

use super::keys::{Files, shown};
use super::node::{Node, bully, until};

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).expect("it is there").permissions().mode() & 0o7777
}

fn leads(socket: &str) {
    until("it leads", || bully(&["is-leader", socket]).0 == 0);
}

#[test]
fn a_node_is_asked_and_told_over_its_socket_beside_the_other() {
    let files = Files::new();
    let path = files.path("http.sock");
    let socket = format!("unix:{}", shown(&path));
    let [admin, read] =
        ["admin", "read"].map(|name| files.write(name, &format!("{name}-{name}-{name}-{name}")));
    let at = format!("-http={socket}");
    let mut node = Node::unasked(&[
        &format!("-http=HTTP,{socket}"),
        &format!("-http-admin-token-file={admin}"),
        &format!("-http-read-token-file={read}"),
    ]);
    leads(&at);
    let start = node.printed();
    assert!(start[0].ends_with(&format!(", http {} and {socket}", node.http)), "{start:?}");
    // Without a token, which is for those who come over TCP.
    assert_eq!(bully(&["leader", &at]), (0, format!("{}\n", node.peers.ip())));
    assert_eq!(bully(&["priority", "7", &at]).0, 0);
    assert!(bully(&["status", &at]).1.contains("(priority 7)"));
    assert_eq!(bully(&["status", &format!("-http={}", node.http)]).0, 1);
    node.signal(Signal::TERM);
    assert_eq!(node.end().code(), Some(0));
    assert!(!path.exists());
    let (exit, told) = bully(&["leader", &at]);
    assert_eq!(exit, 1);
    assert!(told.starts_with(&format!("bully: {socket}: No such file")), "{told}");
}

#[test]
fn the_socket_is_for_owner_and_group_whatever_the_umask() {
    for umask in ["000", "077"] {
        let files = Files::new();
        let path = files.path("http.sock");
        let at = format!("-http=unix:{}", shown(&path));
        let program = Node::command();
        let mut command = std::process::Command::new("sh");
        command
            .args(["-c", &format!("umask {umask}; exec \"$0\" \"$@\"")])
            .arg(program.get_program());
        let node = Node::unasked_by(command, &[&at]);
        leads(&at);
        assert_eq!(mode(&path), 0o660, "{umask}");
        assert_eq!(node.get("/leader", "*/*"), None, "the socket is all there is");
    }
}

#[test]
fn a_socket_that_a_killed_node_left_is_replaced_and_one_in_use_is_not() {
    let files = Files::new();
    let path = files.path("http.sock");
    let at = format!("-http=unix:{}", shown(&path));
    let mut node = Node::unasked(&[&at]);
    leads(&at);
    let [free] = super::node::own();
    let second = [&*at, &format!("-port={}", free.port()), &format!("-bind={}", free.ip())];
    let taken = format!(
        "bully: -http: unix:{} is taken: end what listens there, or choose another path\n",
        shown(&path)
    );
    assert_eq!(bully(&second), (69, taken));
    leads(&at);
    node.kill();
    assert!(UnixStream::connect(&path).is_err() && path.exists());
    let mut node = Node::unasked(&[&at]);
    leads(&at);
    // Ended at once, by a second signal, too.
    node.signal(Signal::TERM);
    node.signal(Signal::TERM);
    node.end();
    assert!(!path.exists());
}

#[test]
fn what_is_not_a_socket_stays_where_one_is_wanted() {
    let files = Files::new();
    let file = files.write("file", "dear");
    let [free] = super::node::own();
    let at = [
        format!("-http=unix:{file}"),
        format!("-port={}", free.port()),
        format!("-bind={}", free.ip()),
    ];
    let told = format!("bully: -http: {file} is there and is no socket: it stays\n");
    assert_eq!(bully(&at.each_ref().map(String::as_str)), (2, told));
    assert_eq!(std::fs::read(&file).expect("it is there"), b"dear");
}
