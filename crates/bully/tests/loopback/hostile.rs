//! Connections that mean no good cost a node nothing it does not get back.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

use super::node::{DEADLINE, Node, until};

/// How every connection between nodes begins.
const PREAMBLE: [u8; 8] = [0xb0, b'u', b'l', b'y', 1, 0, 0, 0];

/// As many as a node holds of one address, or fewer.
const PER_ADDRESS: usize = 15;

/// A connection from an address of its own, since a node holds few strangers of any.
fn connect_from(source: Ipv4Addr, target: SocketAddr) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    socket.bind(&SocketAddr::from((source, 0)).into()).expect("all of 127.0.0.0/8 is local");
    socket.connect(&target.into()).expect("it listens");
    socket.into()
}

/// Connections that are silent, babble, or announce more than they send. Half of them give a node
/// no reason to close them before their time is up.
fn strangers(node: &Node, count: usize) -> Vec<TcpStream> {
    let absurd = [&PREAMBLE[..], &[0xff; 4]].concat();
    let openings: [&[u8]; 6] =
        [b"", b"GET / HTTP/1.1\r\n\r\n", &PREAMBLE[..2], &[0xff; 64], &PREAMBLE, &absurd];
    let open = |number: usize| {
        let address = u8::try_from(number / PER_ADDRESS).expect("few addresses");
        let mut stream = connect_from(Ipv4Addr::new(127, 0, 1, address), node.peers);
        stream.set_nonblocking(true).expect("a socket");
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
            Err(error) => {
                return !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
            }
        }
    }
}

#[test]
fn strangers_are_closed_within_5_s_and_leave_nothing_behind() {
    let node = Node::alone(&[]);
    let before = node.descriptors();
    let start = Instant::now();
    let mut strangers = strangers(&node, 300);
    until("half of them are held", || node.descriptors() >= before + 150);
    until("all are closed", || {
        assert!(node.leader().is_some(), "it answers all the while");
        strangers.retain_mut(|stream| !is_closed(stream));
        strangers.is_empty()
    });
    assert!(start.elapsed() < Duration::from_secs(8), "{:?}", start.elapsed());
    until("descriptors are back", || node.descriptors() <= before + 2);
}

/// The frame of a Hello, as it was recorded.
fn hello() -> Vec<u8> {
    let lines = include_str!("../../src/wire/golden/hello.hex").lines();
    let words = lines.flat_map(|line| line.split('#').next().unwrap_or_default().split(' '));
    let words = words.filter(|word| !word.is_empty());
    words.map(|byte| u8::from_str_radix(byte, 16).expect("hexadecimal")).collect()
}

#[test]
fn a_peer_that_dribbles_what_a_node_would_say_is_closed() {
    const PACE: Duration = Duration::from_millis(200);
    let node = Node::alone(&[]);
    let opening = [&PREAMBLE[..], &hello()].concat();
    let mut stream = TcpStream::connect(node.peers).expect("it listens");
    stream.set_nonblocking(true).expect("a socket");
    let start = Instant::now();
    let mut sent = 0;
    until("it is closed", || {
        if start.elapsed() >= PACE * u32::try_from(sent).expect("few bytes") {
            let _ = stream.write(&opening[sent..=sent]);
            sent += 1;
        }
        is_closed(&mut stream)
    });
    assert!(sent > PREAMBLE.len() + 4, "closed as nonsense after {sent} bytes");
    let patience = Duration::from_secs(4)..Duration::from_secs(8);
    assert!(patience.contains(&start.elapsed()), "{:?}", start.elapsed());
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
    for opening in [&b"\0\0\0\0"[..], b"GET\r\n\r\n", &huge] {
        let mut stream = TcpStream::connect(node.http).expect("it listens");
        let _ = stream.write_all(opening);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        stream.set_read_timeout(Some(DEADLINE)).expect("a socket");
        let mut reply = Vec::new();
        let _ = stream.read_to_end(&mut reply);
        let reply = String::from_utf8_lossy(&reply);
        assert!(reply.is_empty() || reply.starts_with("HTTP/1.1 4"), "{reply}");
    }
    let (status, line) = node.get("/leader?wait=x", "text/plain").expect("an answer");
    assert_eq!(status, 400, "{line}");
    assert_eq!(line, "wait: expected a duration with its unit, as 500ms or 2s\n");
    let (status, line) = node.get("/leader?wait=x", "text/plain").expect("an answer");
    assert_eq!(status, 400, "{line}");
    assert_eq!(line, "wait: expected a duration with its unit, as 500ms or 2s\n");
    assert!(node.leader().is_some());
}
