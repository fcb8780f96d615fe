//! A process without free descriptors.

use std::fs::File;
use std::process::Command;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::*;

const CHILD: &str = "BULLY_TEST_SHORTAGE";

/// The limit holds for a whole process, so that the test runs in one of its own.
#[test]
fn a_node_without_descriptors_turns_connections_away_and_recovers() {
    if std::env::var_os(CHILD).is_some() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        return runtime.block_on(short_of_descriptors());
    }
    let name =
        "link::tests::shortage::a_node_without_descriptors_turns_connections_away_and_recovers";
    let output = Command::new(std::env::current_exe().unwrap())
        .args([name, "--exact", "--nocapture"])
        .env(CHILD, "1")
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let words = String::from_utf8(output.stdout).unwrap();
    assert!(words.contains("1 passed"), "{words}");
}

async fn short_of_descriptors() {
    let node = Node::start(patient());
    let limit = Rlimit { current: Some(64), ..getrlimit(Resource::Nofile) };
    setrlimit(Resource::Nofile, limit).unwrap();
    // Sockets that exist already can connect when no further descriptor is to be had.
    let sockets: Vec<_> = (0..8).map(|_| TcpSocket::new_v4().unwrap()).collect();
    let mut hoard = Vec::new();
    while let Ok(file) = File::open("/dev/null") {
        hoard.push(file);
    }
    for (count, socket) in (1..).zip(sockets) {
        let mut raw = Raw(timeout(SOON, socket.connect(node.at)).await.unwrap().unwrap());
        assert_eq!(raw.hear_end().await, b"", "turned away");
        std::mem::forget(raw.0.into_std());
        assert!(node.transport.counts().refused >= count);
    }
    drop(hoard);
    until_admitted(LOCAL, node.at).await;
}
