//! Connections behind a secret.

use bully_core::DialError;
use tokio::net::TcpListener;

use super::*;
use crate::link::discover;
use crate::noise::{Keyring, NodeKey, PeerKey, Pinned};
use crate::secret::{Secret, Secrets};

fn secret(first: u8) -> Secret {
    let mut bytes = [7; Secret::LEN];
    bytes[0] = first;
    bytes.into()
}

fn keys(secrets: impl Into<Secrets>) -> Arc<Keys> {
    let own = NodeKey::generate().unwrap();
    Keys::new(Keyring { own, secrets: secrets.into(), pinned: None })
}

fn start(keys: &Arc<Keys>) -> Node {
    Node::start_with(Inst(1), Mode::Bully, Some(Arc::clone(keys)), patient())
}

fn pin(keys: &Keys, pins: &str) {
    let pinned = Pinned::new(&pins.parse().unwrap(), 8117).unwrap();
    keys.replace(|ring| Keyring { pinned: Some(pinned), ..ring });
}

fn public(keys: &Keys) -> PeerKey {
    keys.ring().own.public()
}

async fn failure(from: &mut Node, to: &Node) -> String {
    from.transport.dial(to.address(), SOON);
    match from.event().await {
        LinkEvent::DialFailed { reason: DialError::Protocol(why), .. } => why,
        other => panic!("{other:?}"),
    }
}

async fn goes_down(node: &mut Node, link: LinkId) {
    let down = node.event().await;
    assert_eq!(down, LinkEvent::Down { link });
}

#[tokio::test]
async fn nodes_with_one_secret_speak_both_ways_in_words_of_any_length() {
    let [mut one, mut other] = [start(&keys(secret(1))), start(&keys(secret(1)))];
    let (at_one, at_other) = one.join(&mut other).await;
    let long = hello_ack_with(1_000);
    for n in 0..50 {
        other.transport.send(at_other, &query(n));
        other.transport.send(at_other, &long);
        one.transport.send(at_one, &query_ack(n));
    }
    for n in 0..50 {
        assert_eq!(one.message().await, (at_one, query(n)));
        assert_eq!(one.message().await, (at_one, long.clone()));
        assert_eq!(other.message().await, (at_other, query_ack(n)));
    }
}

#[tokio::test]
async fn nodes_that_do_not_have_the_same_secret_refuse_each_other_with_a_sentence() {
    let [mut plain, mut one, mut other] =
        [Node::start(patient()), start(&keys(secret(1))), start(&keys(secret(2)))];
    let other_secret = "it ended the handshake: has it the same secret (-secret-file)?";
    assert_eq!(failure(&mut one, &other).await, other_secret);
    let one_there = "it has a secret, and this node has none (-secret-file)";
    assert_eq!(failure(&mut plain, &other).await, one_there);
    let none_there = "it has no secret, and this node has one (-secret-file)";
    assert_eq!(failure(&mut other, &plain).await, none_there);
    plain.says_nothing().await;
    other.says_nothing().await;
    assert_eq!(other.transport.counts().nonsense, 2);
}

#[tokio::test]
async fn a_secret_that_is_taken_away_ends_the_connections_made_with_it_and_no_others() {
    let (old, new) = (secret(1), secret(2));
    let both = || Secrets::from(old.clone()).and(new.clone());
    let [keys_one, keys_two, keys_three] =
        [keys(both()), keys(Secrets::from(old.clone())), keys(Secrets::from(new.clone()))];
    let [mut one, mut two, mut three] = [start(&keys_one), start(&keys_two), start(&keys_three)];
    let (to_two, from_one) = one.join(&mut two).await;
    let (to_one, from_three) = three.join(&mut one).await;

    // The order changes what is dialled with, and ends nothing.
    let turned = Secrets::from(new.clone()).and(old.clone());
    keys_one.replace(|ring| Keyring { secrets: turned, ..ring });
    one.transport.expel();
    one.says_nothing().await;

    keys_one.replace(|ring| Keyring { secrets: Secrets::from(new.clone()), ..ring });
    one.transport.expel();
    goes_down(&mut one, to_two).await;
    goes_down(&mut two, from_one).await;
    three.transport.send(to_one, &query(1));
    assert_eq!(one.message().await, (from_three, query(1)));
    assert_eq!(
        failure(&mut two, &one).await,
        "it ended the handshake: has it the same secret (-secret-file)?"
    );
}

#[tokio::test]
async fn only_pinned_keys_are_spoken_with_and_each_under_its_own_address() {
    let [keys_one, keys_two] = [keys(secret(1)), keys(secret(1))];
    let [mut one, mut two] = [start(&keys_one), start(&keys_two)];
    let its_key = public(&keys_two);
    // What a test says in Hello is that it is 10.0.0.1:8117.
    pin(&keys_one, &format!("{its_key} 10.0.0.1"));
    let (to_one, from_two) = two.join(&mut one).await;

    pin(&keys_one, &format!("{its_key} 10.0.0.2"));
    one.transport.expel();
    goes_down(&mut one, from_two).await;
    goes_down(&mut two, to_one).await;
    two.transport.dial(one.address(), SOON);
    let LinkEvent::Up { link, .. } = two.event().await else { panic!("up") };
    two.transport.send(link, &hello());
    goes_down(&mut two, link).await;
    assert_eq!(one.transport.counts().nonsense, 1, "an impostor");

    pin(&keys_one, &public(&keys_one).to_string());
    one.transport.dial(two.address(), SOON);
    let LinkEvent::DialFailed { reason, .. } = one.event().await else { panic!("refused") };
    let why = format!("its key {its_key} is not among those of -peer-keys");
    assert_eq!(reason, DialError::Protocol(why));
}

#[tokio::test]
async fn a_node_finds_itself_by_its_secret_too() {
    let keys = keys(secret(1));
    let node = start(&keys);
    let found = discover(&[node.address()], Inst(1), Some(&keys), SOON).await;
    assert_eq!(found, Some(node.address()));
    assert_eq!(discover(&[node.address()], Inst(2), Some(&keys), SOON).await, None);
}

/// What one end says on a connection through a listener of the test's, and then the same bytes again
/// on another connection.
#[tokio::test]
async fn a_session_that_was_recorded_and_is_said_again_reaches_nobody() {
    let [mut one, mut two] = [start(&keys(secret(1))), start(&keys(secret(1)))];
    let middle = TcpListener::bind((LOCAL, 0)).await.unwrap();
    let at = middle.local_addr().unwrap();
    let to = two.at;
    let recorded = tokio::spawn(async move {
        let (from, _) = middle.accept().await.unwrap();
        let (mut from_reads, mut from_writes) = from.into_split();
        let (mut to_reads, mut to_writes) = TcpStream::connect(to).await.unwrap().into_split();
        let back = async move { tokio::io::copy(&mut to_reads, &mut from_writes).await };
        tokio::spawn(back);
        let mut said = Vec::new();
        let mut bytes = [0; 4_096];
        while let Ok(count @ 1..) = from_reads.read(&mut bytes).await {
            said.extend_from_slice(&bytes[..count]);
            to_writes.write_all(&bytes[..count]).await.unwrap();
        }
        said
    });
    one.transport.dial(Address::new(at.ip(), at.port()), SOON);
    let LinkEvent::Up { link, .. } = one.event().await else { panic!("up") };
    one.transport.send(link, &hello());
    let (at_two, _) = two.message().await;
    one.transport.close(link);
    two.transport.close(at_two);
    let said = timeout(SOON, recorded).await.unwrap().unwrap();

    let mut raw = Raw::connect(two.at).await;
    raw.say(&said).await;
    raw.hear_end().await;
    two.says_nothing().await;
    assert_eq!(two.transport.counts().nonsense, 1);
    for word in ["10.0.0.1", "bully"] {
        assert!(!said.windows(word.len()).any(|part| part == word.as_bytes()), "{word}");
    }
}
