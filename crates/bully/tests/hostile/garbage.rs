//! Connections that say nonsense, and frames of every length.

use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::siege::Siege;
use super::sources::{PREAMBLE, await_closed, connect, side_by_side, source, targets};

/// Strangers are closed within five seconds.
const CLOSED: Duration = Duration::from_secs(10);

/// Bytes of no meaning, other ones for each seed.
fn noise(seed: usize, len: usize) -> Vec<u8> {
    let mut state = u64::try_from(seed).unwrap_or_default() ^ 0x9e37_79b9_7f4a_7c15;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_be_bytes()[3]
    };
    std::iter::repeat_with(next).take(len).collect()
}

/// What a connection begins with, to a node that secures connections like that.
fn opening(number: usize, security: u8) -> Vec<u8> {
    const TLS: [u8; 11] = [0x16, 3, 1, 0, 200, 1, 0, 0, 196, 3, 3];
    let mut preamble = PREAMBLE;
    preamble[5] = security;
    let after = |garbage: Vec<u8>| [&preamble[..], &garbage].concat();
    match number % 8 {
        0 => noise(number, 300),
        1 => b"GET /leader HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(),
        2 => [&TLS[..], &noise(number, 200)].concat(),
        3 => preamble[..=number % 7].to_vec(),
        4 => after(noise(number, 300)),
        // A frame of an allowed length, filled with nonsense.
        5 => after([&[0, 0, 1, 0][..], &noise(number, 256)].concat()),
        6 => vec![0xff; 70_000],
        _ => after(vec![0, 0, 0, 0]),
    }
}

/// The process on the attacking host: half of the connections come from its own address, and half
/// from many.
pub(crate) fn on_a_host(words: &str, count: &str, security: &str) {
    let security = security.parse().expect("a number");
    let targets = targets(words);
    let count: usize = count.parse().expect("a number");
    let open = |number: usize| {
        let from = number.is_multiple_of(2).then(|| source(number));
        let mut stream = connect(from, targets[number % targets.len()]).ok()?;
        stream.set_write_timeout(Some(Duration::from_millis(200))).ok()?;
        let _ = stream.write_all(&opening(number, security));
        Some(stream)
    };
    let streams = side_by_side(count, open);
    let connected = streams.len();
    let left = await_closed(streams, CLOSED);
    println!("attack: {connected} of {count} connected, {left} were not closed");
}

/// Every length that a frame could have, as far as it could matter.
fn lengths() -> Vec<u32> {
    let mut lengths: Vec<u32> = (0..32).map(|bits| 1 << bits).collect();
    lengths.extend(lengths.clone().iter().flat_map(|power| [power - 1, power + 1]));
    lengths.push(u32::MAX);
    lengths.sort_unstable();
    lengths.dedup();
    lengths
}

pub(crate) fn prefixes_on_a_host(words: &str) {
    let targets = targets(words);
    let lengths = lengths();
    // Nothing after it, a part, as much as was announced, and more than that.
    let follow = |number: usize, len: u32| {
        let len = usize::try_from(len).expect("a length").min(600_000);
        match number % 4 {
            0 => Vec::new(),
            1 => noise(number, len / 2),
            2 => noise(number, len),
            _ => noise(number, len + 1_000),
        }
    };
    let cases = lengths.len() * 4;
    let open = |number: usize| {
        let len = lengths[number / 4];
        let to = |target: &SocketAddr| -> Option<TcpStream> {
            let mut stream = connect(Some(source(number)), *target).ok()?;
            stream.set_write_timeout(Some(Duration::from_millis(500))).ok()?;
            let opening = [&PREAMBLE[..], &len.to_be_bytes(), &follow(number, len)].concat();
            let _ = stream.write_all(&opening);
            Some(stream)
        };
        Some(targets.iter().filter_map(to).collect::<Vec<_>>())
    };
    let streams: Vec<TcpStream> = side_by_side(cases, open).into_iter().flatten().collect();
    let connected = streams.len();
    let left = await_closed(streams, CLOSED);
    println!("attack: {connected} of {} connected, {left} were not closed", cases * targets.len());
}

#[test]
fn ten_thousand_connections_of_garbage_change_nothing() {
    let Some(siege) = Siege::new("ten_thousand_connections_of_garbage_change_nothing", &[]) else {
        return;
    };
    siege.withstands("garbage", |siege| {
        let said = siege.attack(&format!("garbage {} 10000 0", siege.targets(8117)));
        assert_eq!(said, ["attack: 10000 of 10000 connected, 0 were not closed"]);
    });
}

#[test]
fn a_length_of_any_size_changes_nothing() {
    let Some(siege) = Siege::new("a_length_of_any_size_changes_nothing", &[]) else { return };
    siege.withstands("lengths", |siege| {
        let said = siege.attack(&format!("prefixes {}", siege.targets(8117)));
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(said[0].ends_with(" 0 were not closed"), "{said:?}");
    });
}
