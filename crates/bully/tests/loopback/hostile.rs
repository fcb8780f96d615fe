//! Connections that mean no good cost a node nothing it does not get back.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::node::{DEADLINE, Node, until};

/// Connections that are silent, babble, or announce more than they send.
fn strangers(node: &Node, count: usize) -> Vec<TcpStream> {
    let openings: [&[u8]; 5] = [
        b"",
        b"GET / HTTP/1.1\r\n\r\n",
        &[0xff; 64],
        b"BULLY",
        // The right length of a preamble, then an absurd announcement.
        &[b'b', b'u', b'l', b'y', 1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff],
    ];
    let open = |number: usize| {
        let mut stream = TcpStream::connect(node.peers).expect("it listens");
        stream.set_read_timeout(Some(Duration::from_millis(100))).expect("a socket");
        let _ = stream.write_all(openings[number % openings.len()]);
        stream
    };
    (0..count).map(open).collect()
}

fn is_closed(stream: &mut TcpStream) -> bool {
    let mut bytes = [0; 256];
    loop {
        match stream.read(&mut bytes) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(error) => return error.kind() == std::io::ErrorKind::ConnectionReset,
        }
    }
}

#[test]
fn strangers_are_closed_within_5_s_and_leave_nothing_behind() {
    let node = Node::alone(&[]);
    let before = node.descriptors();
    let start = Instant::now();
    let mut strangers = strangers(&node, 300);
    until("all are closed", || {
        assert!(node.leader().is_some(), "it answers all the while");
        strangers.retain_mut(|stream| !is_closed(stream));
        strangers.is_empty()
    });
    assert!(start.elapsed() < Duration::from_secs(8), "{:?}", start.elapsed());
    until("descriptors are back", || node.descriptors() <= before + 2);
}

#[test]
fn a_peer_that_dribbles_is_closed() {
    let node = Node::alone(&[]);
    let mut stream = TcpStream::connect(node.peers).expect("it listens");
    stream.set_nonblocking(true).expect("a socket");
    let start = Instant::now();
    until("it is closed", || {
        let _ = stream.write(b"b");
        std::thread::sleep(Duration::from_millis(200));
        let mut byte = [0; 64];
        match stream.read(&mut byte) {
            Ok(0) => true,
            Ok(_) => false,
            Err(error) => error.kind() != std::io::ErrorKind::WouldBlock,
        }
    });
    assert!(start.elapsed() < Duration::from_secs(8));
}

#[test]
fn http_clients_that_never_finish_do_not_keep_others_from_an_answer() {
    let node = Node::alone(&[]);
    let slow: Vec<TcpStream> = (0..200)
        .map(|_| {
            let mut stream = TcpStream::connect(node.http).expect("it listens");
            stream.write_all(b"GET /leader HTTP/1.1\r\nX: ").expect("it reads");
            stream
        })
        .collect();
    let start = Instant::now();
    assert!(node.leader().is_some());
    assert!(start.elapsed() < Duration::from_secs(2));
    for mut stream in slow {
        stream.set_read_timeout(Some(DEADLINE)).expect("a socket");
        until("it is closed", || is_closed(&mut stream));
    }
}

#[test]
fn garbage_over_http_gets_an_answer_or_a_close() {
    let node = Node::alone(&[]);
    let huge = vec![0xff; 70_000];
    let openings: [&[u8]; 4] =
        [b"\0\0\0\0", b"GET\r\n\r\n", b"GET /leader?wait=x HTTP/1.1\r\nHost: a\r\n\r\n", &huge];
    for opening in openings {
        let mut stream = TcpStream::connect(node.http).expect("it listens");
        let _ = stream.write_all(opening);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        stream.set_read_timeout(Some(DEADLINE)).expect("a socket");
        let mut reply = Vec::new();
        let _ = stream.read_to_end(&mut reply);
        let reply = String::from_utf8_lossy(&reply);
        assert!(reply.is_empty() || reply.starts_with("HTTP/1.1 4"), "{reply}");
    }
    assert!(node.leader().is_some());
}
