//! Floods of HTTP.

use std::io::Write as _;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::siege::Siege;
use super::sources::{await_closed, connect, side_by_side, source, targets};

/// The head of a request has five seconds, and what is sent must be taken within ten.
const CLOSED: Duration = Duration::from_secs(20);

/// What a connection of this kind says.
fn says(kind: &str) -> Vec<u8> {
    let request = |head: &str| format!("GET /leader HTTP/1.1\r\nHost: node\r\n{head}\r\n");
    let post = |length: usize| {
        format!("POST /v1/step-down HTTP/1.1\r\nHost: node\r\nContent-Length: {length}\r\n\r\n{{\"")
    };
    match kind {
        "headers" => {
            let many: Vec<String> =
                (0..5_000).map(|n| format!("X-{n}: {}\r\n", "x".repeat(20))).collect();
            request(&many.concat()).into_bytes()
        }
        "long" => request(&format!("X: {}\r\n", "x".repeat(1 << 20))).into_bytes(),
        "idle" => Vec::new(),
        // A body that never comes, small or absurd.
        "body" => post(1_000).into_bytes(),
        "absurd" => post(usize::MAX / 2).into_bytes(),
        "pipelined" => request("").repeat(500).into_bytes(),
        "junk" => [request("").into_bytes(), vec![0xff; 10_000]].concat(),
        _ => panic!("no such kind: {kind}"),
    }
}

/// The process on the attacking host: so many connections of each of these kinds.
pub(crate) fn on_a_host(words: &str, count: &str, kinds: &[&str]) {
    let targets = targets(words);
    let count: usize = count.parse().expect("a number");
    let said: Vec<Vec<u8>> = kinds.iter().map(|kind| says(kind)).collect();
    let open = |number: usize| {
        let to = targets[number % targets.len()];
        let mut stream = connect(Some(source(number % 200)), to).ok()?;
        stream.set_write_timeout(Some(Duration::from_millis(100))).ok()?;
        let _ = stream.write_all(&said[number / targets.len() % said.len()]);
        Some(stream)
    };
    let start = Instant::now();
    let streams: Vec<TcpStream> = side_by_side(count, open);
    let (connected, took) = (streams.len(), start.elapsed());
    println!("connected within {took:?}");
    let left = await_closed(streams, CLOSED);
    println!("attack: {connected} of {count} connected, {left} were not closed");
}

fn flood(test: &str, count: usize, kinds: &str) {
    let Some(siege) = Siege::new(test, &[]) else { return };
    siege.withstands(test, |siege| {
        let said = siege.attack(&format!("web {} {count} {kinds}", siege.targets(8080)));
        assert_eq!(
            said,
            [format!("attack: {count} of {count} connected, 0 were not closed")],
            "{kinds}"
        );
    });
}

#[test]
fn ten_thousand_connections_of_http_change_nothing() {
    flood("ten_thousand_connections_of_http_change_nothing", 10_000, "idle");
}

#[test]
fn requests_that_are_too_long_or_never_end_change_nothing() {
    let test = "requests_that_are_too_long_or_never_end_change_nothing";
    flood(test, 1_500, "headers long body absurd pipelined junk");
}
