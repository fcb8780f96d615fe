//! How a node ends.

use rustix::process::Signal;

use super::node::{Node, own, until};

#[test]
fn a_signal_ends_a_node_with_0() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut node = Node::alone(&[]);
        node.signal(signal);
        assert_eq!(node.end().code(), Some(0), "{signal:?}");
    }
}

/// The first waits for the word of a successor that is frozen: six seconds, at this heartbeat.
#[test]
fn a_second_signal_ends_at_once_what_the_first_one_began() {
    let [one, two] = own();
    let mut leader = Node::listed(one, &[one, two], &["-heartbeat=3s"]);
    let follower = Node::listed(two, &[one, two], &["-heartbeat=3s"]);
    assert_eq!((leader.is_leader(), follower.is_leader()), (Some(true), Some(false)));
    follower.signal(Signal::STOP);
    leader.signal(Signal::TERM);
    until("the reign ends", || leader.is_leader() == Some(false));
    leader.signal(Signal::TERM);
    assert_eq!(leader.end().code(), Some(1), "it did not wait for the handover");
}

/// A client that has sent half a request holds the end up for a second.
#[test]
fn a_second_signal_ends_a_node_that_has_left_and_still_answers_clients() {
    use std::io::Write as _;
    let mut node = Node::alone(&[]);
    let mut client = std::net::TcpStream::connect(node.http).expect("it listens");
    client.write_all(b"GET /leader HTTP/1.1\r\nX: ").expect("it reads");
    // A whole exchange after it, so that the node has begun to read the half.
    until("it leads", || node.is_leader() == Some(true));
    node.signal(Signal::TERM);
    until("it has left", || std::net::TcpStream::connect(node.http).is_err());
    node.signal(Signal::TERM);
    assert_eq!(node.end().code(), Some(1), "it did not wait for the client");
}

#[test]
fn what_only_the_demo_sets_is_told_where_somebody_else_set_it() {
    let mut command = Node::command();
    let output = command.env("BULLY_DEMO_PARENT", "1").output().expect("bully runs");
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        String::from_utf8_lossy(&output.stderr),
        "bully: BULLY_DEMO_PARENT: \"1\" did not start this process: only the demo sets it\n"
    );
}
