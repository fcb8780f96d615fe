//! A member that lies: without a secret, whoever says Hello is one. In bully mode.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use super::dials::different;
use super::siege::{ATTACKER, NODES, Siege};
use super::sources::{PREAMBLE, connect, targets};

/// How long a liar stays with a node that keeps it.
const STAY: Duration = Duration::from_secs(2);

/// What is made up of other members: so many, in each of so many Hellos.
const MEMBERS: u32 = 1_000;
const HELLOS: u32 = 10;

/// So many dials of addresses that were merely told of may be under way at once; one that has no answer
/// is given up after four heartbeats.
const DIALS_MAX: usize = 16;

/// Protobuf, as far as it is needed.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn number(mut self, tag: u8, number: u64) -> Self {
        self.0.push(tag << 3);
        self.varint(number)
    }

    fn bytes(mut self, tag: u8, bytes: &[u8]) -> Self {
        self.0.push(tag << 3 | 2);
        let mut message = self.varint(bytes.len() as u64);
        message.0.extend_from_slice(bytes);
        message
    }

    fn varint(mut self, mut number: u64) -> Self {
        while number > 0x7f {
            self.0.push(number.to_le_bytes()[0] | 0x80);
            number >>= 7;
        }
        self.0.push(number.to_le_bytes()[0]);
        self
    }
}

fn address(ip: Ipv4Addr, port: u64) -> Message {
    Message::default().bytes(1, &ip.octets()).number(3, port)
}

fn member(ip: Ipv4Addr, number: u32) -> Message {
    let inst = (u128::from(number) << 64 | 0x11a4).to_be_bytes();
    let id = address(ip, 8117);
    Message::default().bytes(1, &id.0).number(3, 1_000).number(4, 1).bytes(5, &inst)
}

/// A Hello of somebody who says that it is there, and that it leads under this epoch, if any.
fn hello(ip: Ipv4Addr, epoch: Option<u64>, members: &[Message]) -> Vec<u8> {
    let mut hello = Message::default().bytes(1, b"bully").number(2, 1).bytes(3, &member(ip, 0).0);
    let report = if let Some(epoch) = epoch {
        let inst = 0x11a4_u128.to_be_bytes();
        let claim = Message::default().number(1, epoch).number(2, 1_000);
        let claim = claim.bytes(3, &address(ip, 8117).0).bytes(4, &inst);
        hello = hello.number(4, epoch);
        Message::default().bytes(1, &claim.0).number(2, 1).number(4, 1).number(5, 9)
    } else {
        Message::default()
    };
    hello = hello.bytes(6, &report.0);
    for member in members {
        hello = hello.bytes(7, &member.0);
    }
    let envelope = Message::default().bytes(1, &hello.0).0;
    let len = u32::try_from(envelope.len()).expect("it is short");
    [&len.to_be_bytes()[..], &envelope].concat()
}

/// Says a Hello to each, and listens to what comes of it. How many answered.
fn say(targets: &[SocketAddr], hello: &[u8], stay: Duration) -> usize {
    let talk = |to: &SocketAddr| {
        let Ok(mut stream) = connect(None, *to) else { return false };
        let _ = stream.set_read_timeout(Some(Duration::from_millis(200)));
        if stream.write_all(&[&PREAMBLE[..], hello].concat()).is_err() {
            return false;
        }
        let (start, mut heard, mut bytes) = (Instant::now(), 0, [0; 4096]);
        while start.elapsed() < stay {
            match stream.read(&mut bytes) {
                Ok(0) => break,
                Ok(count) => heard += count,
                Err(_) => {}
            }
        }
        heard > PREAMBLE.len()
    };
    std::thread::scope(|scope| {
        let talks: Vec<_> = targets.iter().map(|to| scope.spawn(move || talk(to))).collect();
        talks
            .into_iter()
            .filter(|_| true)
            .map(|t| t.join().expect("it goes on"))
            .filter(|a| *a)
            .count()
    })
}

/// The process on the attacking host, which has this address.
pub(crate) fn on_a_host(what: &str, words: &str, own: &str) {
    let targets = targets(words);
    let own: Ipv4Addr = own.parse().expect("an address");
    let answers = match what {
        // Of every node, that it is each of them.
        "identity" => targets
            .iter()
            .map(|as_whom| {
                let SocketAddr::V4(as_whom) = as_whom else { panic!("v4") };
                say(&targets, &hello(*as_whom.ip(), None, &[]), STAY)
            })
            .sum(),
        "numbers" => [1 << 53, (1 << 53) - 1, u64::MAX, 0]
            .map(|epoch| say(&targets, &hello(own, Some(epoch), &[]), STAY))
            .iter()
            .sum(),
        "members" => (0..HELLOS)
            .map(|part| {
                // Nobody is there: the first ones lead to this host, the others nowhere.
                let made_up =
                    |n: u32| member(Ipv4Addr::from(u32::from(Ipv4Addr::new(10, 98, 0, 0)) + n), n);
                let members: Vec<_> = (part * MEMBERS..(part + 1) * MEMBERS).map(made_up).collect();
                say(&targets, &hello(own, None, &members), STAY)
            })
            .sum::<usize>(),
        _ => panic!("no such lie: {what}"),
    };
    println!("attack: {answers} answers");
}

fn lie(siege: &Siege, what: &str) -> Vec<String> {
    siege.attack(&format!("lie {what} {} {}", siege.targets(8117), siege.lan.ip(ATTACKER)))
}

#[test]
fn who_says_that_it_is_another_member_or_leads_under_a_number_without_end_changes_nothing() {
    let test =
        "who_says_that_it_is_another_member_or_leads_under_a_number_without_end_changes_nothing";
    let Some(siege) = Siege::new(test, &[]) else { return };
    for what in ["identity", "numbers"] {
        let before = siege.before();
        let said = lie(&siege, what);
        assert_ne!(said, ["attack: 0 answers"], "{what}: nobody has listened");
        siege.answered_well(what, &before);
        siege.gives_back(what, &before);
        siege.says_little(what);
    }
}

#[test]
fn ten_thousand_made_up_members_are_dialled_a_few_at_a_time_and_forgotten() {
    let test = "ten_thousand_made_up_members_are_dialled_a_few_at_a_time_and_forgotten";
    let Some(siege) = Siege::new(test, &[]) else { return };
    let before = siege.before();
    let start = Instant::now();
    let said = lie(&siege, "members");
    assert_ne!(said, ["attack: 0 answers"], "nobody has listened");
    siege.answered_well("made-up members", &before);
    // Each dial may send its SYN twice, and is given up after 400 ms.
    let rounds = usize::try_from(start.elapsed().as_millis() / 400 + 2).expect("few");
    for host in NODES {
        let dialled = siege.dialled(host, &before);
        let foreign: Vec<_> = dialled.iter().filter(|to| to.ip().octets()[0] == 10).collect();
        println!(
            "made-up members: {} dialled {} of them, {} SYNs in {:?}",
            siege.lan.ip(host),
            different(&dialled).len(),
            foreign.len(),
            start.elapsed()
        );
        assert!(foreign.len() <= 2 * DIALS_MAX * rounds, "{} in {rounds} rounds", foreign.len());
    }
    siege.gives_back("made-up members", &before);
    siege.says_little("made-up members");
}
