//! What operators ask of a node, and what is refused.

use bully_lab::Process;

use super::support::{DEADLINE, Lan};
use super::words::{DATA, QUORUM};

fn node(lan: &Lan, host: usize) -> String {
    format!("{}:8117", lan.ip(host))
}

/// Asks by the command line, and returns the exit code and what it said.
fn ask(lan: &Lan, host: usize, words: &[&str]) -> (Option<i32>, String) {
    let output = lan.ask(host, words);
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&said).into_owned())
}

#[test]
fn a_leader_hands_over_when_it_is_asked_and_says_why_when_it_cannot() {
    let test = "a_leader_hands_over_when_it_is_asked_and_says_why_when_it_cannot";
    let Some(lan) = Lan::new(test, 3) else { return };
    let first = lan.found();
    let leader = lan.host_of(&first.leader);
    let heir = (leader + 1) % 3;
    let to = format!("-to={}", node(&lan, heir));
    let leads = format!("{} leads: ask it", node(&lan, leader));
    let (code, said) = ask(&lan, heir, &["transfer", &to]);
    assert_eq!((code, said.contains(&leads)), (Some(1), true), "{said}");
    let (code, said) = ask(&lan, leader, &["transfer", "-to=192.168.1.99"]);
    assert_eq!((code, said.contains("is no member")), (Some(1), true), "{said}");

    let (code, said) = ask(&lan, leader, &["transfer", &to]);
    assert_eq!(code, Some(0), "{said}");
    let second = lan.ruled(&[0, 1, 2]);
    assert_eq!(second.leader, lan.ip(heir));
    assert!(second.token > first.token);

    let (code, said) = ask(&lan, heir, &["step-down"]);
    assert_eq!(code, Some(0), "{said}");
    let third = lan.ruled(&[0, 1, 2]);
    assert_ne!(third.leader, second.leader, "it does not come back at once");
    assert!(third.token > second.token);
}

#[test]
fn sigterm_hands_over_and_the_node_stays_a_member() {
    let test = "sigterm_hands_over_and_the_node_stays_a_member";
    let Some(lan) = Lan::new(test, 3) else { return };
    let first = lan.found();
    lan.until_unmuted(&[0, 1, 2]);
    let leader = lan.host_of(&first.leader);
    let others: Vec<usize> = (0..3).filter(|host| *host != leader).collect();
    lan.node(leader, Process::terminate);
    let status = lan.node(leader, |node| node.wait(DEADLINE)).expect("it ends");
    assert!(status.success(), "{}", lan.said());
    let second = lan.ruled(&others);
    assert!(second.token > first.token);
    let causes: Vec<_> = others.iter().filter_map(|h| lan.document(*h, "/v1/history")).collect();
    let handed = |document: &serde_json::Value| document.to_string().contains("handover");
    assert!(causes.iter().any(handed), "by a handover{}", lan.said());
    assert_eq!(lan.voters(others[0]).len(), 3);
    lan.vote(leader, 3);
    assert_eq!(lan.ruled(&[0, 1, 2]), second);
}

#[test]
fn a_priority_is_on_every_disk_and_the_highest_leads() {
    let test = "a_priority_is_on_every_disk_and_the_highest_leads";
    let Some(lan) = Lan::new(test, 3) else { return };
    let first = lan.found();
    let raised = (lan.host_of(&first.leader) + 1) % 3;
    let (code, said) = ask(&lan, raised, &["priority", "200"]);
    assert_eq!(code, Some(0), "{said}");
    let priority = |of: usize| {
        let members = lan.document(of, "/v1/members")?;
        let all = members["members"].as_array()?.clone();
        all.iter().find(|m| m["node"] == *node(&lan, raised))?["priority"].as_u64()
    };
    lan.until("all know it", || (0..3).all(|host| priority(host) == Some(200)));
    lan.until("it takes over", || {
        lan.reign(raised).is_some_and(|(reign, leads)| leads && reign.token > first.token)
    });
    let (code, said) = ask(&lan, raised, &["priority", "1001"]);
    assert_eq!(code, Some(2), "{said}");
    let (code, said) = ask(&lan, raised, &["priority", "0"]);
    assert_eq!(code, Some(0), "{said}");
    lan.until("another leads", || {
        lan.leader(raised).is_some_and(|leader| leader != lan.ip(raised))
    });
}

#[test]
fn a_node_obeys_its_own_machine_alone() {
    let test = "a_node_obeys_its_own_machine_alone";
    let Some(lan) = Lan::new(test, 3) else { return };
    let reign = lan.found();
    let leader = lan.host_of(&reign.leader);
    let url = format!("http://{}:8080/v1/step-down", reign.leader);
    let post = ["curl", "-s", "-w", "%{http_code}", "-X", "POST", "-H"];
    let json = "Content-Type: application/json";
    for from in [leader, (leader + 1) % 3] {
        let line: Vec<&str> = post.iter().copied().chain([json, &url]).collect();
        let output = lan.host(from).exec(&line).expect("curl runs");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(said.ends_with("403"), "{said}");
    }
    assert_eq!(lan.ruled(&[0, 1, 2]), reign);
}

#[test]
fn nodes_of_the_other_mode_are_refused_by_both_sides_with_a_sentence() {
    let test = "nodes_of_the_other_mode_are_refused_by_both_sides_with_a_sentence";
    let Some(lan) = Lan::new(test, 2) else { return };
    lan.join(0, 2, &[]);
    lan.vote(1, 2);
    lan.until_said(0, &format!("{} refused", node(&lan, 1)));
    lan.until_said(1, &format!("{} refused", node(&lan, 0)));
    lan.until("each names the other's mode", || {
        let names = |host: usize, mode: &str| {
            let part = format!("it is of mode {mode} (-mode)");
            lan.stderr(host).iter().any(|line| line.contains(&part))
        };
        names(0, "quorum") || names(1, "bully")
    });
    // Each goes on in its own way: the one leads alone, the other waits for a majority.
    lan.until("the one leads alone", || lan.leader(0) == Some(lan.ip(0)));
    assert_eq!(lan.leader(1), None);
}

#[test]
fn a_state_file_that_cannot_be_trusted_is_refused_and_left_alone() {
    let test = "a_state_file_that_cannot_be_trusted_is_refused_and_left_alone";
    let Some(lan) = Lan::new(test, 2) else { return };
    lan.found();
    lan.kill_all(&[0, 1]);
    let state = lan.host(0).path(DATA).join("state");
    let whole = std::fs::read(&state).expect("a record");
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 4;
    for (what, bytes) in [
        ("cut short", whole[..whole.len() / 2].to_vec()),
        ("empty", Vec::new()),
        ("with a bit flipped", flipped),
        ("foreign", b"# the state of something else\n".to_vec()),
    ] {
        std::fs::write(&state, &bytes).expect("it can be damaged");
        lan.vote(0, 2);
        let status = lan.node(0, |node| node.wait(DEADLINE)).expect("it does not start");
        assert_eq!(status.code(), Some(1), "{what}");
        let said = lan.stderr(0);
        let line = said.iter().find(|line| line.contains("/state")).unwrap_or_else(|| {
            panic!("{what}: {said:?}");
        });
        assert!(line.len() < 500 && line.contains("move"), "it says what to do: {line}");
        assert_eq!(std::fs::read(&state).expect("a file"), bytes, "{what}");
    }
    // Of another cluster of this machine.
    std::fs::write(&state, &whole).expect("it is whole again");
    let other = lan.host(0).path("/var/lib/bully/other/8117");
    std::fs::create_dir_all(&other).expect("a folder");
    std::fs::copy(&state, other.join("state")).expect("a copy");
    lan.join(0, 2, &["-mode=quorum", "-cluster=other"]);
    let status = lan.node(0, |node| node.wait(DEADLINE)).expect("it does not start");
    assert_eq!(status.code(), Some(1), "{:?}", lan.stderr(0));
    // And what was right all the time is taken.
    lan.vote(0, 2);
    lan.vote(1, 2);
    lan.ruled(&[0, 1]);
}

#[test]
fn the_webhook_is_told_the_token() {
    let test = "the_webhook_is_told_the_token";
    let Some(lan) = Lan::new(test, 1) else { return };
    let server = "import http.server as h\n\
                  class H(h.BaseHTTPRequestHandler):\n\
                  \x20def do_POST(s):\n\
                  \x20 print(s.rfile.read(int(s.headers['content-length'])).decode(), flush=True)\n\
                  \x20 s.send_response(200); s.end_headers()\n\
                  h.HTTPServer(('127.0.0.1', 9000), H).serve_forever()\n";
    let server = lan.host(0).spawn("python3", ["-c", server]).expect("python3 starts");
    lan.until("it listens", || {
        let probe = ["curl", "-s", "-o", "/dev/null", "http://127.0.0.1:9000/"];
        lan.host(0).exec(&probe).is_ok_and(|output| output.status.success())
    });
    let flags: Vec<&str> = QUORUM.iter().copied().chain(["-url=http://127.0.0.1:9000/"]).collect();
    lan.join(0, 1, &flags);
    let reign = lan.ruled(&[0]);
    let token = format!("\"token\":{}", reign.token);
    lan.until("it was told", || server.stdout_lines().iter().any(|line| line.contains(&token)));
}
