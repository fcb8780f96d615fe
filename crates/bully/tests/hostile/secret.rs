//! Nodes that share a secret, attacked by who does not have it; and the secret replaced.

use std::fs::{self, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::proc;
use super::siege::{ATTACKER, NODES, Siege};
use super::sources::{await_closed, connect, side_by_side, source, targets};

/// How a connection behind a secret begins.
const PREAMBLE: [u8; 8] = [0xb0, b'u', b'l', b'y', 1, 1, 0, 0];

/// The first message of a handshake, and the second, each with its length before it.
const FIRST_LEN: usize = 4 + 48;
const SECOND_LEN: usize = 4 + 96;

/// A host whose node comes later.
const LATE: usize = 3;

const CLOSED: Duration = Duration::from_secs(10);

/// A secret of the nodes' in a file.
struct Secrets {
    folder: tempfile::TempDir,
}

impl Secrets {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder") }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A new one, and its text.
    fn make(&self, name: &str) -> String {
        let mut keygen = Command::new(env!("CARGO_BIN_EXE_bully"));
        let made = keygen.arg("keygen").arg(self.path(name)).output().expect("bully runs");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        fs::read_to_string(self.path(name)).expect("it is there")
    }

    /// Puts that in the place of a file.
    fn put(&self, name: &str, text: &str) {
        let draft = self.path("draft");
        let mut options = OpenOptions::new();
        let file = options.write(true).create_new(true).mode(0o600).open(&draft);
        file.and_then(|mut file| file.write_all(text.as_bytes())).expect("it is written");
        fs::rename(draft, self.path(name)).expect("it is replaced");
    }

    fn flag(&self, name: &str) -> String {
        format!("-secret-file={}", shown(&self.path(name)))
    }
}

fn shown(path: &Path) -> &str {
    path.to_str().expect("the path of a test is UTF-8")
}

/// The process on the attacking host: handshakes under a secret that it does not have.
pub(crate) fn guess_on_a_host(words: &str, count: &str) {
    let targets = targets(words);
    let count: usize = count.parse().expect("a number");
    let open = |number: usize| {
        let to = targets[number % targets.len()];
        let mut stream = connect(Some(source(number)), to).ok()?;
        let mut first = [0x5a; FIRST_LEN];
        first[..4].copy_from_slice(&48_u32.to_be_bytes());
        first[4..12].copy_from_slice(&number.to_be_bytes());
        stream.write_all(&[&PREAMBLE[..], &first].concat()).ok()?;
        Some(stream)
    };
    let streams = side_by_side(count, open);
    let connected = streams.len();
    let left = await_closed(streams, CLOSED);
    println!("attack: {connected} of {count} connected, {left} were not closed");
}

/// The process on the attacking host: it has itself dialled by a node, and says what that said first to
/// the others, over and over.
pub(crate) fn repeat_on_a_host(words: &str, count: &str) {
    let targets = targets(words);
    let count: usize = count.parse().expect("a number");
    let listener = TcpListener::bind("0.0.0.0:8117").expect("the port is free");
    println!("attack: listens");
    let (mut node, _) = listener.accept().expect("a node dials");
    node.write_all(&PREAMBLE).expect("it hears");
    let mut said = [0; PREAMBLE.len() + FIRST_LEN];
    node.read_exact(&mut said).expect("it opens a handshake");
    drop((node, listener));
    let answered = |number: usize| {
        let to: SocketAddr = targets[number % targets.len()];
        let mut stream = connect(Some(source(number)), to).ok()?;
        stream.set_read_timeout(Some(CLOSED)).ok()?;
        stream.write_all(&said).ok()?;
        let mut answer = [0; PREAMBLE.len() + SECOND_LEN];
        stream.read_exact(&mut answer).ok()?;
        is_refused(stream).then_some(())
    };
    let answered = side_by_side(count, answered).len();
    println!("attack: {answered} of {count} had a second message, and no more");
}

/// Says nonsense in the place of the third message, and waits for the end.
fn is_refused(mut stream: TcpStream) -> bool {
    let third = [&64_u32.to_be_bytes()[..], &[7; 64]].concat();
    let mut rest = Vec::new();
    let is_late = |error: &io::Error| {
        matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
    };
    match stream.write_all(&third).and_then(|()| stream.read_to_end(&mut rest)) {
        Ok(_) => rest.is_empty(),
        Err(error) => !is_late(&error),
    }
}

/// What the nodes' processors had to do meanwhile, for each of so many connections.
fn cost(siege: &Siege, count: u32, attack: impl FnOnce()) -> Duration {
    let ticks = || NODES.iter().map(|host| proc::ticks(siege.pid(*host))).sum::<u64>();
    let before = ticks();
    attack();
    Duration::from_millis((ticks() - before) * 10) / count
}

#[test]
fn handshakes_under_a_wrong_secret_change_nothing_and_cost_little() {
    let secrets = Secrets::new();
    secrets.make("secret");
    let test = "handshakes_under_a_wrong_secret_change_nothing_and_cost_little";
    let Some(siege) = Siege::new(test, &[&secrets.flag("secret")]) else { return };
    siege.withstands("a wrong secret", |siege| {
        let cost = cost(siege, 6_000, || {
            let said = siege.attack(&format!("guess {} 6000", siege.targets(8117)));
            assert_eq!(said, ["attack: 6000 of 6000 connected, 0 were not closed"]);
        });
        println!("a wrong secret: {cost:?} of the processor for each connection");
        assert!(cost < Duration::from_millis(3), "{cost:?}");
    });
}

#[test]
fn an_opening_that_was_recorded_and_is_repeated_opens_nothing() {
    let secrets = Secrets::new();
    secrets.make("secret");
    let test = "an_opening_that_was_recorded_and_is_repeated_opens_nothing";
    let Some(siege) = Siege::new(test, &[&secrets.flag("secret")]) else { return };
    let before = siege.before();
    let attack = siege.begin(&format!("repeat {} 3000", siege.targets(8117)));
    attack.wait_for_line(|line| line.contains("attack: listens"), CLOSED).expect("it listens");
    // A node of its own host, for a moment, that is told to dial the attacker.
    let lured = format!("-nodes={}:8117", siege.lan.ip(ATTACKER));
    let flags = ["-port=8118", &lured, "-http=off", &secrets.flag("secret")];
    let lured = siege.lan.host(NODES[0]).spawn(env!("CARGO_BIN_EXE_bully"), flags);
    let lured = lured.expect("bully starts");
    let cost = cost(&siege, 3_000, || {
        let end = attack.wait(super::siege::ATTACK).expect("it ends");
        assert!(end.success(), "{}{}", attack.stdout(), attack.stderr());
    });
    drop(lured);
    println!("a repeated opening: {cost:?} of the processor for each connection");
    let said = attack.stdout();
    assert!(said.contains("attack: 3000 of 3000 had a second message, and no more"), "{said}");
    assert!(cost < Duration::from_millis(5), "{cost:?}");
    siege.answered_well("a repeated opening", &before);
    siege.gives_back("a repeated opening", &before);
    siege.says_little("a repeated opening");
}

#[test]
fn garbage_in_the_place_of_a_handshake_changes_nothing() {
    let secrets = Secrets::new();
    secrets.make("secret");
    let test = "garbage_in_the_place_of_a_handshake_changes_nothing";
    let Some(siege) = Siege::new(test, &[&secrets.flag("secret")]) else { return };
    siege.withstands("garbage", |siege| {
        let said = siege.attack(&format!("garbage {} 4000 1", siege.targets(8117)));
        assert_eq!(said, ["attack: 4000 of 4000 connected, 0 were not closed"]);
    });
}

fn a_secret_is_replaced(test: &str, mode: &[&str]) {
    let secrets = Secrets::new();
    let (old, new) = (secrets.make("secret"), secrets.make("new"));
    let flag = secrets.flag("secret");
    let flags = [&[flag.as_str()], mode].concat();
    let Some(siege) = Siege::new(test, &flags) else { return };
    let before = siege.before();
    for (step, text) in [format!("{old}{new}"), format!("{new}{old}"), new].iter().enumerate() {
        secrets.put("secret", text);
        for host in NODES {
            let said = siege.lan.stderr(host).len();
            let pid = i32::try_from(siege.pid(host)).ok().and_then(Pid::from_raw);
            kill_process(pid.expect("a process"), Signal::HUP).expect("it runs");
            siege.lan.until("it has read its secret again", || {
                let lines = siege.lan.stderr(host);
                lines[said..]
                    .iter()
                    .any(|line| line == "SIGHUP: the secret of the peers read again")
            });
        }
        let enough = (step + 1) * 100;
        siege.lan.until("they are asked for a while", || siege.answers(&before).len() >= enough);
    }
    // Who has the new one alone is let in.
    siege.lan.join(LATE, NODES.len(), &flags);
    siege.lan.agreed(&[NODES[0], NODES[1], NODES[2], LATE]);
    siege.answered_well("another secret", &before);
    siege.says_little("another secret");
}

#[test]
fn a_secret_is_replaced_while_all_is_asked_and_the_leader_stays() {
    a_secret_is_replaced("a_secret_is_replaced_while_all_is_asked_and_the_leader_stays", &[]);
}

#[test]
fn a_secret_is_replaced_in_quorum_mode_and_the_reign_goes_on() {
    let test = "a_secret_is_replaced_in_quorum_mode_and_the_reign_goes_on";
    a_secret_is_replaced(test, &["-mode=quorum"]);
}
