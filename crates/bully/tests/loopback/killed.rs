//! What those who were connected to a killed node find.

use std::io::{ErrorKind, Read as _};
use std::net::TcpStream;

use rustix::process::Signal;

use super::node::{DEADLINE, Node};

const TRIES: usize = 16;

/// A connection that the node has accepted: it has begun to speak.
fn accepted(node: &Node) -> TcpStream {
    let mut stream = TcpStream::connect(node.peers).expect("it listens");
    stream.set_read_timeout(Some(DEADLINE)).expect("a socket");
    stream.read_exact(&mut [0; 8]).expect("its preamble");
    stream
}

/// A refusal is what proves a death at once (A3'). Were the listener closed after the connections,
/// every second dial would still be accepted.
#[test]
fn who_sees_its_connection_to_a_killed_node_end_is_refused_by_the_first_dial() {
    let mut refused = 0;
    for number in 0..TRIES {
        let mut node = Node::alone(&[]);
        let mut seen: Vec<TcpStream> = (0..4).map(|_| accepted(&node)).collect();
        node.signal(Signal::KILL);
        let _ = seen[number % 4].read(&mut [0]);
        let dialled = TcpStream::connect(node.peers);
        refused +=
            usize::from(dialled.is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused));
        node.kill();
    }
    println!("{refused} of {TRIES} were refused");
    assert!(refused * 8 >= TRIES * 7, "{refused} of {TRIES}");
}
