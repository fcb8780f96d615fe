//! Dials, and why they fail.

use bully_core::DialError;
use tokio::net::TcpListener;

use super::*;
use crate::link::discover;

async fn listener() -> (TcpListener, Address) {
    let listener = TcpListener::bind((LOCAL, 0)).await.unwrap();
    let at = listener.local_addr().unwrap();
    (listener, Address::new(at.ip(), at.port()))
}

async fn failure(node: &mut Node, to: &Address, limit: Duration) -> DialError {
    node.transport.dial(to.clone(), limit);
    match node.event().await {
        LinkEvent::DialFailed { dialed, reason } if dialed == *to => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_closed_port_refuses() {
    let mut node = Node::start(patient());
    let (closed, address) = listener().await;
    drop(closed);
    assert_eq!(failure(&mut node, &address, SOON).await, DialError::Refused);
}

#[tokio::test]
async fn a_port_that_says_nothing_times_out() {
    let mut node = Node::start(patient());
    let (_frozen, address) = listener().await;
    let limit = Duration::from_millis(100);
    assert_eq!(failure(&mut node, &address, limit).await, DialError::TimedOut);
}

#[tokio::test]
async fn a_dying_process_is_dialled_until_it_refuses() {
    let mut node = Node::start(patient());
    let (dying, address) = listener().await;
    let accepts = tokio::spawn(async move {
        for _ in 0..3 {
            drop(dying.accept().await.unwrap());
        }
    });
    assert_eq!(failure(&mut node, &address, SOON).await, DialError::Refused);
    accepts.await.unwrap();
}

#[tokio::test]
async fn a_port_that_closes_every_connection_resets() {
    let mut node = Node::start(patient());
    let (closing, address) = listener().await;
    let accepted = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let count = Arc::clone(&accepted);
    tokio::spawn(async move {
        loop {
            drop(closing.accept().await.unwrap());
            count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        }
    });
    assert_eq!(failure(&mut node, &address, SOON).await, DialError::Reset);
    // 0.1, 0.2, … 6.4 ms and the rest of the 20.
    assert_eq!(accepted.load(std::sync::atomic::Ordering::SeqCst), 9);
}

#[tokio::test]
async fn who_speaks_something_else_is_named() {
    let mut node = Node::start(patient());
    let said = [
        (&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], "it speaks HTTP, not the protocol of bully"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "it speaks SSH, not the protocol of bully"),
        (&[0xb0, 0x75, 0x6c, 0x79, 2, 0, 0, 0], "it speaks wire version 2, this node version 1"),
        (
            &[0xb0, 0x75, 0x6c, 0x79, 1, 1, 0, 0],
            "it has a secret, and this node has none (-secret-file)",
        ),
    ];
    for (bytes, sentence) in said {
        let (foreign, address) = listener().await;
        let speaks = tokio::spawn(async move {
            let mut raw = Raw(foreign.accept().await.unwrap().0);
            raw.say(bytes).await;
            raw.hear_preamble().await;
        });
        let reason = failure(&mut node, &address, SOON).await;
        assert_eq!(reason, DialError::Protocol(sentence.to_owned()));
        speaks.await.unwrap();
    }
}

#[tokio::test]
async fn a_name_without_address_is_said_so() {
    let mut node = Node::start(patient());
    // An empty label: no resolver asks anybody.
    let address = Address::new("no..host", 1);
    let reason = failure(&mut node, &address, SOON).await;
    assert_eq!(reason, DialError::NoSuchHost("no..host".into()));
}

#[tokio::test]
async fn a_name_is_dialled_at_all_its_addresses() {
    let (mut node, mut other) = (Node::start(patient()), Node::start(patient()));
    let address = Address::new("localhost", other.at.port());
    node.transport.dial(address.clone(), SOON);
    let LinkEvent::Up { link, dialed, remote } = node.event().await else { panic!("up") };
    assert_eq!((dialed, remote), (address, other.at));
    node.transport.send(link, &hello());
    other.message().await;
}

#[tokio::test]
async fn a_dialler_says_nothing_before_it_has_heard() {
    let mut node = Node::start(patient());
    let (silent, address) = listener().await;
    node.transport.dial(address, SOON);
    let mut raw = Raw(silent.accept().await.unwrap().0);
    assert!(raw.is_open().await, "and nothing has come");
    raw.say_preamble().await;
    raw.hear_preamble().await;
    assert!(matches!(node.event().await, LinkEvent::Up { .. }));
}

#[tokio::test]
async fn dials_do_not_wait_for_each_other() {
    let (mut node, other) = (Node::start(patient()), Node::start(patient()));
    let frozen = [listener().await, listener().await, listener().await];
    for (_, address) in &frozen {
        node.transport.dial(address.clone(), NEVER);
    }
    node.transport.dial(other.address(), SOON);
    assert!(
        matches!(node.event().await, LinkEvent::Up { dialed, .. } if dialed == other.address())
    );
}

#[tokio::test]
async fn a_node_finds_itself_among_the_entries() {
    let me = Node::start_as(Inst(7), Mode::Bully, patient());
    let other = Node::start_as(Inst(8), Mode::Quorum, patient());
    let (closed, nobody) = listener().await;
    drop(closed);
    let entries = [nobody, other.address(), me.address()];
    assert_eq!(discover(&entries, Inst(7), None, SOON).await, Some(me.address()));
    assert_eq!(discover(&entries, Inst(8), None, SOON).await, Some(other.address()));
    assert_eq!(discover(&entries, Inst(9), None, SOON).await, None);
    let named = Address::new("localhost", me.at.port());
    let entries = [named.clone(), me.address()];
    assert_eq!(discover(&entries, Inst(7), None, SOON).await, Some(named), "the first in the list");
}

#[tokio::test]
async fn a_silent_entry_does_not_hide_the_one_that_answers() {
    let me = Node::start_as(Inst(7), Mode::Bully, patient());
    let (_frozen, silent) = listener().await;
    let found = timeout(SOON, discover(&[silent, me.address()], Inst(7), None, NEVER)).await;
    assert_eq!(found, Ok(Some(me.address())));
}
