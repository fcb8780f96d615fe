//! The library as a program uses it: many nodes in one process, on loopback.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use bully::{Elector, EntryKind, Role, StartError};

/// Far above what anything here takes: a test that waits this long has failed.
const DEADLINE: Duration = Duration::from_secs(20);

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < DEADLINE, "not within {DEADLINE:?}: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn listeners(count: usize) -> (Vec<TcpListener>, Vec<String>) {
    let listeners: Vec<_> =
        (0..count).map(|_| TcpListener::bind("127.0.0.1:0").expect("a free port")).collect();
    let nodes = listeners.iter().map(|l| l.local_addr().expect("bound").to_string()).collect();
    (listeners, nodes)
}

async fn group(count: usize) -> Vec<Elector> {
    let (listeners, nodes) = listeners(count);
    let mut group = Vec::new();
    for listener in listeners {
        let elector = Elector::builder().nodes(nodes.clone()).listener(listener).start().await;
        group.push(elector.expect("starts"));
    }
    group
}

fn leader(elector: &Elector) -> Option<String> {
    elector.sample().leader.map(|leader| leader.node)
}

fn agree(group: &[Elector]) -> bool {
    let first = leader(&group[0]);
    first.is_some()
        && group.iter().all(|e| leader(e) == first)
        && group.iter().filter(|e| e.leadership().is_leader()).count() == 1
}

#[tokio::test]
async fn a_single_node_leads() {
    let group = group(1).await;
    until("it leads", || group[0].leadership().is_leader()).await;
    assert_eq!(group[0].sample().role, Role::Leader);
}

#[tokio::test]
async fn a_node_is_worth_waiting_for_from_its_first_moment() {
    let group = group(1).await;
    let view = group[0].sample();
    assert!(view.pending || view.is_leader(), "{view:?}");
}

#[tokio::test]
async fn three_nodes_agree_on_one_leader() {
    let group = group(3).await;
    until("all agree", || agree(&group)).await;
    until("all know each other", || group.iter().all(|e| e.members().len() == 3)).await;
}

#[tokio::test]
async fn after_a_shutdown_of_the_leader_the_others_agree_on_one_of_them() {
    let mut group = group(3).await;
    until("all agree", || agree(&group)).await;
    let leads = group.iter().position(|e| e.leadership().is_leader()).expect("one leads");
    let gone = group.remove(leads);
    gone.shutdown().await;
    until("the rest agree", || agree(&group) && leader(&group[0]) != Some(gone.node())).await;
    assert!(!gone.leadership().is_leader());
}

#[tokio::test]
async fn a_leader_that_resigns_follows_its_successor() {
    let group = group(2).await;
    until("all agree", || agree(&group)).await;
    let leads = group.iter().position(|e| e.leadership().is_leader()).expect("one leads");
    group[leads].resign().await.expect("it leads, and others may");
    assert!(!group[leads].leadership().is_leader());
    until("the other leads", || group[1 - leads].leadership().is_leader()).await;
    until("both agree", || agree(&group)).await;
}

#[tokio::test]
async fn a_view_can_be_watched() {
    let elector = group(1).await.remove(0);
    let mut view = elector.view();
    let seen = tokio::time::timeout(DEADLINE, view.wait_for(bully::View::is_leader)).await;
    let seen = seen.expect("in time").expect("the node runs");
    assert_eq!(seen.leader.as_ref().map(|l| l.node.clone()), Some(elector.node()));
}

#[tokio::test]
async fn a_join_stands_in_the_history_as_an_election() {
    let group = group(2).await;
    until("all agree", || agree(&group)).await;
    let joined = |e: &Elector, other: &Elector| {
        e.history().iter().any(|entry| {
            entry.kind == EntryKind::Election
                && entry.cause == Some("join")
                && entry.node == Some(other.node())
        })
    };
    until("both have it", || joined(&group[0], &group[1]) && joined(&group[1], &group[0])).await;
}

#[tokio::test]
async fn a_dropped_node_hands_over() {
    let mut group = group(2).await;
    until("all agree", || agree(&group)).await;
    let leads = group.iter().position(|e| e.leadership().is_leader()).expect("one leads");
    drop(group.remove(leads));
    until("the other leads", || group[0].leadership().is_leader()).await;
}

#[tokio::test]
async fn values_that_make_no_sense_are_errors() {
    let error = Elector::builder().nodes(["a:b"]).port(0).start().await.expect_err("no address");
    assert!(matches!(error, StartError::Address { .. }), "{error}");
    let error = Elector::builder().port(0).priority(1_001).start().await.expect_err("too high");
    assert!(error.to_string().contains("priority 1001"), "{error}");
    let heartbeat = Duration::from_millis(1);
    let error = Elector::builder().port(0).heartbeat(heartbeat).start().await.expect_err("short");
    assert!(error.to_string().contains("heartbeat"), "{error}");
}

#[tokio::test]
async fn a_taken_port_is_an_error_that_names_it() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = taken.local_addr().expect("bound").port();
    let ip = "127.0.0.1".parse().expect("an address");
    let error = Elector::builder().bind(ip).port(port).start().await.expect_err("taken");
    assert!(
        matches!(&error, StartError::Bind { address, .. } if address.contains(&port.to_string()))
    );
}
