//! packaging/compose.yaml: that what it tells the nodes is what they understand. The image itself
//! is run by tests/install/image.rs.

use super::support::{bully, output, read, stdout};

/// The values of `key:` lines, in order, without their quotes.
fn values(text: &str, key: &str) -> Vec<String> {
    let value = |line: &str| {
        let value = line.trim_start().strip_prefix(key)?.strip_prefix(": ")?;
        Some(value.trim_matches('"').to_owned())
    };
    text.lines().filter_map(value).collect()
}

/// What all nodes have in their environment.
pub(crate) fn environment() -> Vec<(String, String)> {
    let text = read("packaging/compose.yaml");
    let variable = |line: &str| {
        let (name, value) = line.trim_start().split_once(": ")?;
        let is_ours = name.starts_with("BULLY_");
        is_ours.then(|| (name.to_owned(), value.trim_matches('"').to_owned()))
    };
    text.lines().filter_map(variable).collect()
}

/// The words of the health check.
pub(crate) fn health_check() -> Vec<String> {
    let list = values(&read("packaging/compose.yaml"), "test").remove(0);
    let words: Vec<String> = serde_json::from_str(&list).expect("a list of strings");
    assert_eq!(words[..2], ["CMD", "/bully"], "there is no shell in the image");
    words[2..].to_vec()
}

#[test]
fn the_nodes_of_the_composition_know_each_other_by_the_names_they_have_there() {
    let text = read("packaging/compose.yaml");
    let printed = stdout(bully().args(["config", "-json"]).envs(environment()));
    let settings: serde_json::Value = serde_json::from_str(&printed).expect("JSON");
    let listed = settings["nodes"]["value"].as_array().expect("a list");
    let listed: Vec<_> = listed.iter().map(|node| node.as_str().expect("text")).collect();
    let hosts = values(&text, "hostname");
    let expected: Vec<_> = hosts.iter().map(|host| format!("{host}:8117")).collect();
    assert_eq!(listed, expected);
    assert_eq!(hosts.len(), 3);
    for host in hosts {
        assert!(text.contains(&format!("\n  {host}:\n    <<: *node\n")), "{host} is a service");
    }
    // What is asked from other containers and from this machine.
    assert_eq!(settings["http"]["value"], ":8080");
}

#[test]
fn the_health_check_of_the_composition_is_a_question_that_the_program_knows() {
    let asked = output(bully().args(health_check()).env("BULLY_HTTP", "127.0.0.1:1"));
    assert_eq!(asked.status.code(), Some(1), "nobody answers there, and that is all: {asked:?}");
}

#[test]
fn the_composition_runs_the_image_of_this_version() {
    let text = read("packaging/compose.yaml");
    let image = format!("localhost/bully:{}", env!("CARGO_PKG_VERSION"));
    assert_eq!(values(&text, "image"), [image]);
}
