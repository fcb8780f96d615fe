//! Connections that say nothing, or a byte a second.

use std::io::Write as _;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use bully_lab::Process;

use super::siege::{NODES, Siege};
use super::sources::{PREAMBLE, await_closed, connect, is_closed, side_by_side, source, targets};

/// Whoever has not introduced itself within five seconds is closed.
const CLOSED: Duration = Duration::from_secs(10);

/// The process on the attacking host: connections from so many addresses, or from its own, that are
/// silent after a part of what a node would say.
pub(crate) fn on_a_host(words: &str, count: &str, addresses: &str) {
    let part: [&[u8]; 3] = [b"", &PREAMBLE, &[&PREAMBLE[..], &[0, 0, 1, 0], &[0; 200]].concat()];
    let targets = targets(words);
    let [count, addresses]: [usize; 2] = [count, addresses].map(|n| n.parse().expect("a number"));
    let open = |number: usize| {
        let from = (addresses > 1).then(|| source(number % addresses));
        let mut stream = connect(from, targets[number / addresses.max(1) % targets.len()]).ok()?;
        // Those that are one too many are closed meanwhile.
        let _ = stream.write_all(part[number % part.len()]);
        Some(stream)
    };
    let streams = side_by_side(count, open);
    let connected = streams.len();
    println!("opened");
    let left = await_closed(streams, CLOSED);
    println!("attack: {connected} of {count} connected, {left} were not closed");
}

/// The process on the attacking host: what a node would say, and a client, a byte a second.
pub(crate) fn dribble_on_a_host(peers: &str, web: &str) {
    const EACH: usize = 40;
    let hello = [&PREAMBLE[..], &[0, 0, 1, 0], &[0; 256]].concat();
    let question = b"GET /leader HTTP/1.1\r\nHost: node\r\n\r\n".to_vec();
    let [peers, web] = [peers, web].map(targets);
    let peers = peers.iter().map(|to| (*to, &hello));
    let mut streams: Vec<(TcpStream, &Vec<u8>)> = Vec::new();
    for (to, says) in peers.chain(web.iter().map(|to| (*to, &question))) {
        let open = |number| Some((connect(Some(source(number)), to).ok()?, says));
        streams.extend((0..EACH).filter_map(open));
    }
    let (start, connected) = (Instant::now(), streams.len());
    let mut said = 0;
    while !streams.is_empty() && start.elapsed() < CLOSED {
        streams.retain_mut(|(stream, says)| {
            stream.set_nonblocking(true).is_ok()
                && stream.write_all(&says[said..=said]).is_ok()
                && !is_closed(stream)
        });
        said += 1;
        std::thread::sleep(Duration::from_secs(1));
    }
    println!("attack: {connected} connected, {} were not closed", streams.len());
}

/// Begins with it, and returns once all are connected.
fn begin(siege: &Siege, addresses: usize) -> Process {
    let attack = siege.begin(&format!("silent {} 2000 {addresses}", siege.targets(8117)));
    attack.wait_for_line(|line| line == "opened", CLOSED).expect("it has connected");
    attack
}

fn end(attack: &Process) {
    assert!(attack.wait(CLOSED * 2).expect("it ends").success());
    let said = attack.stdout();
    assert!(said.contains("2000 of 2000 connected, 0 were not closed"), "{said}");
}

#[test]
fn two_thousand_silent_connections_from_one_address_change_nothing() {
    let test = "two_thousand_silent_connections_from_one_address_change_nothing";
    let Some(siege) = Siege::new(test, &[]) else { return };
    siege.withstands("silence of one", |siege| end(&begin(siege, 1)));
}

#[test]
fn two_thousand_silent_connections_from_many_addresses_change_nothing_and_let_a_member_in() {
    let test =
        "two_thousand_silent_connections_from_many_addresses_change_nothing_and_let_a_member_in";
    let Some(siege) = Siege::new(test, &[]) else { return };
    siege.withstands("silence of many", |siege| end(&begin(siege, 200)));
    let lan = &siege.lan;
    let leader = lan.agreed(&NODES);
    let member = NODES.into_iter().find(|host| lan.ip(*host) != leader).expect("two follow");
    lan.kill(member);
    let attack = begin(&siege, 200);
    lan.join(member, 3, &[]);
    assert_eq!(lan.agreed(&NODES), leader, "its place was kept");
    assert!(attack.is_alive(), "the others are still there");
}

#[test]
fn a_byte_a_second_changes_nothing() {
    let Some(siege) = Siege::new("a_byte_a_second_changes_nothing", &[]) else { return };
    siege.withstands("a byte a second", |siege| {
        let said =
            siege.attack(&format!("dribble {} {}", siege.targets(8117), siege.targets(8080)));
        assert_eq!(said, ["attack: 240 connected, 0 were not closed"]);
    });
}
