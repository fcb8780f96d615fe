//! Connections whose other end is not there: SYNs that nobody stands behind, and a host that vanishes.

use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::time::{Duration, Instant};

use socket2::{Domain, Protocol, Socket, Type};

use super::packets;
use super::siege::{ATTACKER, NODES, Siege};
use super::sources::{PREAMBLE, connect, side_by_side, source, targets};
use super::{proc, siege};

/// The process on the attacking host: SYNs from addresses of which nobody answers.
pub(crate) fn syns_on_a_host(words: &str, seconds: &str) {
    /// Far more than a listener keeps of them.
    const BURST: u16 = 500;
    let targets = targets(words);
    let socket = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::TCP)).expect("root has one");
    socket.set_header_included_v4(true).expect("a raw socket");
    let within = Duration::from_secs(seconds.parse().expect("a number"));
    let (start, mut sent) = (Instant::now(), 0_u32);
    while start.elapsed() < within {
        for _ in 0..BURST {
            let [_, a, b, c] = sent.to_be_bytes();
            let from = SocketAddrV4::new(Ipv4Addr::new(10, 128 | a, b, c), 1_024 + u16::from(c));
            let SocketAddr::V4(to) = targets[usize::from(c) % targets.len()] else { continue };
            let packet = packets::syn(from, to, sent.wrapping_mul(2_654_435_761));
            if socket.send_to(&packet, &SocketAddr::V4(to).into()).is_ok() {
                sent += 1;
            }
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    println!("attack: {sent} SYNs");
}

/// The process on the attacking host: connections to all ports that begin well, until it is killed.
pub(crate) fn hold_on_a_host(peers: &str, web: &str) {
    const EACH: usize = 100;
    let (peers, web) = (targets(peers), targets(web));
    let places: Vec<SocketAddr> = peers.iter().chain(&web).copied().collect();
    let open = |number: usize| {
        let to = places[number % places.len()];
        let mut stream = connect(Some(source(number)), to).ok()?;
        let beginning =
            if peers.contains(&to) { &PREAMBLE[..] } else { b"GET /leader HTTP/1.1\r\nHost" };
        stream.write_all(beginning).ok()?;
        Some(stream)
    };
    let streams = side_by_side(EACH * places.len(), open);
    println!("holds {}", streams.len());
    std::thread::sleep(siege::ATTACK);
}

#[test]
fn connections_that_are_never_finished_change_nothing() {
    let test = "connections_that_are_never_finished_change_nothing";
    let Some(siege) = Siege::new(test, &[]) else { return };
    siege.withstands("SYNs alone", |siege| {
        let both = format!("{},{}", siege.targets(8117), siege.targets(8080));
        let said = siege.attack(&format!("syns {both} 4"));
        let sent = said[0].split(' ').nth(1).and_then(|sent| sent.parse::<u32>().ok());
        assert!(sent.is_some_and(|sent| sent > 10_000), "{said:?}");
    });
}

#[test]
fn a_host_that_connects_and_vanishes_leaves_nothing_behind() {
    let test = "a_host_that_connects_and_vanishes_leaves_nothing_behind";
    let Some(siege) = Siege::new(test, &[]) else { return };
    siege.withstands("a host that vanishes", |siege| {
        let open = NODES.map(|host| proc::descriptors(siege.pid(host)));
        let hold = siege.begin(&format!("hold {} {}", siege.targets(8117), siege.targets(8080)));
        let said = hold.wait_for_line(|line| line.starts_with("holds"), siege::ATTACK);
        assert_eq!(said.expect("it connects").text, "holds 600");
        siege.lan.lab.isolate(ATTACKER).expect("isolates");
        // They were held, and nobody tells the nodes that their other end is gone.
        for (host, open) in NODES.into_iter().zip(open) {
            assert!(proc::descriptors(siege.pid(host)) > open + 100, "{open} before");
        }
        siege.lan.until("all are given up", || {
            let of = |host| proc::descriptors(siege.pid(host));
            NODES.into_iter().zip(open).all(|(host, open)| of(host) < open + 20)
        });
    });
}
