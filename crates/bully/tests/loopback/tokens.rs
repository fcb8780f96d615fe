//! Tokens for those who ask and for those who give orders.

use super::keys::Files;
use super::node::{Node, bully, until};

const READ: &str = "read-read-read-read";
const ADMIN: &str = "admin-admin-admin-admin";

#[test]
fn with_tokens_a_node_answers_and_obeys_those_who_have_them() {
    let files = Files::new();
    let read = files.write("read", &format!("{READ}\n"));
    let admin = files.write("admin", &format!("{ADMIN}\n"));
    let node = Node::unasked(&[
        "-http=HTTP",
        &format!("-http-read-token-file={read}"),
        &format!("-http-admin-token-file={admin}"),
    ]);
    // What a load balancer asks is answered still.
    until("it leads", || node.is_leader() == Some(true));
    assert_eq!(node.get("/primary", "*/*"), Some((200, String::new())));
    assert_eq!(node.get("/livez", "*/*"), Some((200, String::new())));
    assert_eq!(node.get("/leader", "*/*").map(|(status, _)| status), Some(401));
    let at = format!("-http={}", node.http);
    let with = |file: &str| format!("-http-token-file={file}");
    let (read, admin) = (with(&read), with(&admin));
    for token in [&read, &admin] {
        assert_eq!(bully(&["leader", &at, token]), (0, format!("{}\n", node.peers.ip())));
    }
    let missing = format!(
        "bully: {}: a token is needed: send it as Authorization: Bearer TOKEN; \
         -http-token-file=FILE names a file with one\n",
        node.http
    );
    assert_eq!(bully(&["status", &at]), (1, missing.clone()));
    assert_eq!(bully(&["leader", &at]), (1, missing.clone()));
    assert_eq!(bully(&["priority", "7", &at]), (1, missing));
    let told =
        format!("bully: {}: this token is for questions alone: orders need the other\n", node.http);
    assert_eq!(bully(&["priority", "7", &at, &read]), (1, told));
    let wrong = with(&files.write("wrong", "wrong-wrong-wrong-wrong"));
    let (exit, told) = bully(&["leader", &at, &wrong]);
    assert!(exit == 1 && told.contains("the token that was sent is not this node's"), "{told}");
    let (exit, told) = bully(&["priority", "7", &at, &admin]);
    assert_eq!(exit, 0, "{told}");
    let (_, status) = bully(&["status", &at, &read]);
    assert!(status.contains("(priority 7)"), "{status}");
    // Neither stands anywhere.
    let printed = node.printed().concat();
    assert!(!printed.contains(READ) && !printed.contains(ADMIN), "{printed}");
}

#[test]
fn a_token_file_that_is_open_or_empty_is_refused_at_the_start_and_by_who_asks() {
    use std::os::unix::fs::PermissionsExt as _;
    let files = Files::new();
    let empty = files.write("empty", "\n");
    let open = files.write("open", ADMIN);
    std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o644)).expect("it is ours");
    let remedy = format!("{open:?} is open to everybody (mode 0644): chmod 0600 {open}");
    let none = format!("{empty:?} is empty: a token has at least 16 characters");
    for (file, why) in [(&open, remedy), (&empty, none)] {
        for flag in ["http-read-token-file", "http-admin-token-file"] {
            let told = bully(&["-http=off", &format!("-{flag}={file}")]);
            assert_eq!(told, (2, format!("bully: -{flag}: {why}\n")));
        }
        let told = bully(&["leader", "-http=127.0.0.1:1", &format!("-http-token-file={file}")]);
        assert_eq!(told, (1, format!("bully: 127.0.0.1:1: -http-token-file: {why}\n")));
    }
}

#[test]
fn one_token_for_questions_and_for_orders_is_refused() {
    let files = Files::new();
    let token = files.write("token", "0123456789abcdef0123");
    let flags = ["read", "admin"].map(|whom| format!("-http-{whom}-token-file={token}"));
    let said = bully(&["-http=off", &flags[0], &flags[1]]);
    let why = "it is the token for questions, too: whoever asks could give orders";
    assert_eq!(said, (2, format!("bully: -http-admin-token-file: {why}\n")));
}
