//! What a running node makes of the environment and of a file, and what it says in JSON.

use std::net::SocketAddr;

use serde_json::Value;

use super::node::{Node, own, until};

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// The node's own view of itself, once it leads.
fn status(node: &Node) -> Value {
    until("it leads", || node.is_leader() == Some(true));
    json(&node.get("/v1/status", "*/*").expect("an answer").1)
}

#[test]
fn the_environment_alone_configures_a_node() {
    let [peers, http] = own();
    let mut command = Node::command();
    command
        .env("BULLY_NODES", format!("{}, ", peers.ip()))
        .env("BULLY_PORT", peers.port().to_string())
        .env("BULLY_BIND", peers.ip().to_string())
        .env("BULLY_HTTP", http.to_string())
        .env("BULLY_CLUSTER", "shop");
    let status = status(&Node::spawn(command, peers, http));
    assert_eq!(status["self"], peers.to_string());
    assert_eq!(status["cluster"], "shop");
}

#[test]
fn a_file_configures_a_node_and_a_flag_goes_over_it() {
    let [peers, http] = own();
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("bully.toml");
    let text = format!(
        "nodes = ['{peers}']\nport = {}\nbind = '{}'\nhttp = '{http}'\n\
         cluster = 'file'\npriority = 7\nshowport = true\n",
        peers.port(),
        peers.ip()
    );
    std::fs::write(&file, text).expect("the file is written");
    let mut command = Node::command();
    command.arg(format!("-config={}", file.display())).arg("-cluster=flag");
    let node = Node::spawn(command, peers, http);
    let status = status(&node);
    assert_eq!(status["cluster"], "flag");
    assert_eq!(status["leader"]["priority"], 7);
    assert_eq!(node.leader(), Some(peers.to_string()), "with its port");
}

#[test]
fn the_log_as_json_has_a_line_per_notice_with_its_words() {
    let [silent] = own::<1>();
    let [peers] = own();
    let node = Node::listed(peers, &[peers, silent], &["-log=json"]);
    let mut notices: Vec<String> = Vec::new();
    let text = |line: &str| json(line)["message"].as_str().expect("a message").to_owned();
    until("it has said that it leads", || {
        notices.extend(node.printed().iter().map(|line| text(line)));
        notices.iter().any(|notice| notice.contains(" leads, epoch "))
    });
    assert!(notices[0].starts_with("bully: mode bully (a split has two leaders)"), "{notices:?}");
    let refused = format!("{silent} cannot be added: dial tcp {silent}: connection refused");
    until("it has said whom it cannot reach", || {
        notices.extend(node.printed().iter().map(|line| text(line)));
        notices.contains(&refused)
    });
}

#[test]
fn the_leader_as_json_is_the_same_from_the_leader_and_from_a_follower() {
    let [one, two]: [SocketAddr; 2] = own();
    let nodes = [one, two].map(|at| Node::listed(at, &[one, two], &[]));
    let asked = nodes.each_ref().map(|node| {
        let (status, body) = node.get("/leader", "application/json").expect("an answer");
        assert_eq!(status, 200, "{body}");
        json(&body)
    });
    let leader = serde_json::json!({
        "node": one.to_string(), "address": one.ip().to_string(), "priority": 100
    });
    for (answer, node) in asked.iter().zip([one, two]) {
        assert_eq!(answer["leader"], leader);
        assert_eq!(answer["self"], node.to_string());
        assert_eq!(answer["is_leader"], node == one);
        assert_eq!(answer["role"], if node == one { "leader" } else { "follower" });
        assert_eq!((&answer["mode"], &answer["cluster"]), (&"bully".into(), &"bully".into()));
        assert!(answer["epoch"].is_u64() && answer["epoch"] == asked[0]["epoch"], "{answer}");
        assert_eq!(answer.get("reason"), None);
    }
}
