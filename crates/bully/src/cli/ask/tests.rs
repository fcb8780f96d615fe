use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::time::{self, Instant};

use super::*;
use crate::Elector;
use crate::cli::exchange::BYTES_MAX;
use crate::cli::tests::here;

const LEADER: Question = Question::Leader { wait: Duration::from_secs(2), token: false };
const TOKEN: Question = Question::Leader { wait: Duration::from_secs(2), token: true };

fn to(port: u16, what: Question, json: bool) -> Ask {
    Ask { what, http: here(port), json }
}

fn http(status: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n{body}").into_bytes()
}

/// Asks a server that answers with those bytes; gives what came of it and the request.
async fn asked(what: Question, json: bool, reply: Vec<u8>) -> (Outcome, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let ask = to(listener.local_addr().unwrap().port(), what, json);
    let server = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = String::new();
        while !request.ends_with("\r\n\r\n") {
            request.push(char::from(stream.read_u8().await.unwrap()));
        }
        // The client may hang up before all of it is sent.
        let _ = stream.write_all(&reply).await;
        let _ = stream.shutdown().await;
        request
    };
    let (mut outcome, request) = tokio::join!(answer(&ask), server);
    outcome.stderr = outcome.stderr.replace(&ask.http.to_string(), "NODE");
    (outcome, request)
}

async fn outcome(what: Question, json: bool, status: &str, body: &str) -> Outcome {
    asked(what, json, http(status, body)).await.0
}

fn of(exit: Exit, stdout: &str, stderr: &str) -> Outcome {
    Outcome { exit, stdout: stdout.to_owned(), stderr: stderr.to_owned() }
}

const STATUS: &str = r#"{"leader":{"node":"192.168.1.68:8117","address":"192.168.1.68","priority":100},"self":"192.168.1.67:8117","is_leader":false,"role":"follower","mode":"bully","cluster":"bully","epoch":7,"since":"2026-11-23T07:00:01.000Z","revision":"5e11.2","version":"0.1.0","new":1}"#;
const LEADERLESS: &str = r#"{"leader":null,"self":"192.168.1.67:8117","is_leader":false,"role":"electing","mode":"bully","cluster":"bully","epoch":null,"since":"2026-11-23T07:00:01.000Z","reason":"an election is under way","revision":"5e11.2","version":"0.1.0"}"#;

#[tokio::test]
async fn the_leader_is_printed_as_the_node_says_it() {
    let (got, request) = asked(LEADER, false, http("200 OK", "192.168.1.68\n")).await;
    assert_eq!(got, of(Exit::Done, "192.168.1.68\n", ""));
    assert!(request.starts_with("GET /leader?wait=2000ms HTTP/1.1\r\n"), "{request}");
    assert!(request.contains("accept: text/plain\r\n"), "{request}");
    let (got, request) = asked(LEADER, true, http("200 OK", STATUS)).await;
    assert_eq!(got, of(Exit::Done, &format!("{STATUS}\n"), ""));
    assert!(request.contains("accept: application/json\r\n"), "{request}");
    for text in ["2001:db8::67", "[2001:db8::67]:8117", "db-1:8117"] {
        let got = outcome(LEADER, false, "200 OK", &format!("{text}\n")).await;
        assert_eq!(got, of(Exit::Done, &format!("{text}\n"), ""));
    }
}

#[tokio::test]
async fn the_token_is_printed_after_a_tab_where_it_was_asked_for() {
    let line = "192.168.1.68\t1795400798\n";
    let (got, request) = asked(TOKEN, false, http("200 OK", line)).await;
    assert_eq!(got, of(Exit::Done, line, ""));
    assert!(request.starts_with("GET /leader?wait=2000ms&token=1 HTTP/1.1\r\n"), "{request}");
    let (_, request) = asked(TOKEN, true, http("200 OK", STATUS)).await;
    assert!(request.starts_with("GET /leader?wait=2000ms&token=1 HTTP/1.1\r\n"), "{request}");
    let bully = "token: bully mode has none: its epoch fences nothing\n";
    let got = outcome(TOKEN, false, "400 Bad Request", bully).await;
    assert_eq!(got, of(Exit::Error, "", &format!("bully: NODE: {bully}")));
}

#[tokio::test]
async fn what_is_no_leader_with_its_token_is_not_taken_for_one() {
    for line in ["a", "a\t", "\t1", "a\tb", "a\t+1", "a\t01", "a\t1\t2", "a 1", "a\t-1"] {
        let got = outcome(TOKEN, false, "200 OK", &format!("{line}\n")).await;
        assert_eq!((got.exit, &*got.stdout), (Exit::Error, ""), "{line:?}");
    }
    let got = outcome(LEADER, false, "200 OK", "a\t1\n").await;
    assert_eq!((got.exit, &*got.stdout), (Exit::Error, ""));
}

#[tokio::test]
async fn without_a_leader_the_reason_is_a_line_and_the_code_is_3() {
    let expected = "bully: an election is under way\n";
    let status = "503 Service Unavailable";
    let text = outcome(LEADER, false, status, "an election is under way\n").await;
    assert_eq!(text, of(Exit::NoLeader, "", expected));
    let json = outcome(LEADER, true, status, LEADERLESS).await;
    assert_eq!(json, of(Exit::NoLeader, &format!("{LEADERLESS}\n"), expected));
}

#[tokio::test]
async fn is_leader_answers_by_its_code_too() {
    let leads = STATUS.replace(r#""is_leader":false"#, r#""is_leader":true"#);
    assert_eq!(
        outcome(Question::IsLeader, false, "200 OK", STATUS).await,
        of(Exit::NoLeader, "no\n", "")
    );
    assert_eq!(
        outcome(Question::IsLeader, false, "200 OK", &leads).await,
        of(Exit::Done, "yes\n", "")
    );
    let json = outcome(Question::IsLeader, true, "200 OK", STATUS).await;
    assert_eq!(json, of(Exit::NoLeader, &format!("{STATUS}\n"), ""));
}

#[tokio::test]
async fn the_members_are_a_table() {
    let body = r#"{"members":[{"node":"192.168.1.67:8117","address":"192.168.1.67","priority":100,"role":"leader","state":"alive","rtt_ms":null,"self":true},{"node":"db-2.example.com:8117","address":"db-2","priority":0,"role":"candidate","state":"alive","rtt_ms":0.412,"self":false},{"node":"c:1","address":"c","priority":1,"role":"joining","state":"left","rtt_ms":null,"self":false}],"revision":"5e11.2"}"#;
    let got = outcome(Question::Members, false, "200 OK", body).await;
    assert_eq!((got.exit, &*got.stderr), (Exit::Done, ""));
    insta::assert_snapshot!(got.stdout, @r"
    NODE                   PRIORITY  ROLE       STATE  RTT
    192.168.1.67:8117      100       leader     alive  this node
    db-2.example.com:8117  0         candidate  alive  0.412 ms
    c:1                    1         joining    left   -
    ");
    let got = outcome(Question::Members, true, "200 OK", &format!("{body}\n")).await;
    assert_eq!(got, of(Exit::Done, &format!("{body}\n"), ""));
}

#[tokio::test]
async fn the_status_is_a_table() {
    let got = outcome(Question::Status, false, "200 OK", STATUS).await;
    assert_eq!(got.exit, Exit::Done);
    insta::assert_snapshot!(got.stdout, @r"
    leader    192.168.1.68:8117 (priority 100)
    self      192.168.1.67:8117
    role      follower
    mode      bully
    cluster   bully
    epoch     7
    since     2026-11-23T07:00:01.000Z
    revision  5e11.2
    version   0.1.0
    ");
    let got = outcome(Question::Status, false, "200 OK", LEADERLESS).await;
    assert!(got.stdout.starts_with("leader    none: an election is under way\n"), "{}", got.stdout);
    // That there is no leader is a status like any other.
    assert_eq!(got.exit, Exit::Done);
}

#[tokio::test]
async fn in_quorum_mode_status_and_members_show_the_token() {
    let quorum = STATUS
        .replace(r#""mode":"bully""#, r#""mode":"quorum""#)
        .replace(r#""epoch":7"#, r#""token":42,"lease_ms":812"#);
    let got = outcome(Question::Status, false, "200 OK", &quorum).await;
    insta::assert_snapshot!(got.stdout, @r"
    leader    192.168.1.68:8117 (priority 100)
    self      192.168.1.67:8117
    role      follower
    mode      quorum
    cluster   bully
    token     42
    lease     812 ms left
    since     2026-11-23T07:00:01.000Z
    revision  5e11.2
    version   0.1.0
    ");
    let members = r#"{"members":[{"node":"192.168.1.67:8117","address":"192.168.1.67","priority":100,"role":"leader","token":42,"state":"alive","rtt_ms":0.4,"self":false},{"node":"c:1","address":"c","priority":0,"role":"candidate","state":"alive","rtt_ms":null,"self":true}],"revision":"5e11.2"}"#;
    let got = outcome(Question::Members, false, "200 OK", members).await;
    insta::assert_snapshot!(got.stdout, @r"
    NODE               PRIORITY  ROLE       STATE  RTT        TOKEN
    192.168.1.67:8117  100       leader     alive  0.4 ms     42
    c:1                0         candidate  alive  this node
    ");
    let history = r#"{"history":[{"revision":"5e11.1","time":"2026-11-23T07:00:01.000Z","kind":"election","cause":"join","node":null,"leader":"a:1","token":7,"won":true,"message":"a:1 leads, token 7"}],"revision":"5e11.1"}"#;
    let got = outcome(Question::History, false, "200 OK", history).await;
    assert_eq!(got, of(Exit::Done, "2026-11-23T07:00:01.000Z  a:1 leads, token 7\n", ""));
}

#[tokio::test]
async fn the_history_is_a_line_for_each_entry() {
    let body = r#"{"history":[{"revision":"5e11.1","time":"2026-11-23T07:00:01.000Z","kind":"election","cause":"join","node":null,"leader":"a:1","epoch":7,"won":true,"message":"a:1 leads"},{"revision":"5e11.2","time":"2026-11-23T07:00:02.000Z","kind":"left","cause":null,"node":"b:1","leader":null,"epoch":null,"message":"b:1 left"}],"revision":"5e11.2"}"#;
    let got = outcome(Question::History, false, "200 OK", body).await;
    let expected = "2026-11-23T07:00:01.000Z  a:1 leads\n2026-11-23T07:00:02.000Z  b:1 left\n";
    assert_eq!(got, of(Exit::Done, expected, ""));
}

#[tokio::test]
async fn what_other_machines_say_cannot_move_the_cursor() {
    let body = STATUS.replace("192.168.1.68:8117", r"\u001b[31mred\r\n");
    let got = outcome(Question::Status, false, "200 OK", &body).await;
    assert!(
        got.stdout.starts_with("leader    \u{fffd}[31mred\u{fffd}\u{fffd} (pri"),
        "{}",
        got.stdout
    );
    let got = outcome(LEADER, false, "503 Service Unavailable", "\x1b[31m\n").await;
    assert_eq!(got, of(Exit::NoLeader, "", "bully: \u{fffd}[31m\n"));
}

#[tokio::test]
async fn where_nobody_listens_the_address_is_named_and_what_to_try() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let got = answer(&to(port, LEADER, false)).await;
    assert_eq!((got.exit, &*got.stdout), (Exit::Error, ""));
    assert!(got.stderr.starts_with(&format!("bully: 127.0.0.1:{port}: ")), "{}", got.stderr);
    assert!(got.stderr.contains("refused"), "{}", got.stderr);
    assert!(got.stderr.contains("is a node running there"), "{}", got.stderr);
    assert_eq!(got.stderr.lines().count(), 1);
}

#[tokio::test]
async fn what_is_not_a_node_is_called_so() {
    let html = "<!doctype html>\n<title>It works</title>\n";
    let long = format!("{}\n", "a".repeat(BYTES_MAX));
    for reply in [
        http("200 OK", html),
        http("200 OK", ""),
        http("200 OK", "\n"),
        http("200 OK", "a b\n"),
        http("200 OK", &long),
        http("404 Not Found", html),
        http("500 Internal Server Error", html),
        http("503 Service Unavailable", html),
        http("302 Found", ""),
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n\xff\xfe\n".to_vec(),
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n192".to_vec(),
        b"SSH-2.0-OpenSSH_9.2\r\n".to_vec(),
        Vec::new(),
    ] {
        for (what, json) in [(LEADER, false), (LEADER, true), (Question::Members, false)] {
            let shown = String::from_utf8_lossy(&reply[..reply.len().min(80)]).into_owned();
            let (got, _) = asked(what, json, reply.clone()).await;
            assert_eq!((got.exit, &*got.stdout), (Exit::Error, ""), "{shown}");
            assert!(got.stderr.starts_with("bully: NODE: "), "{shown}: {}", got.stderr);
            assert!(got.stderr.contains("not a bully node"), "{shown}: {}", got.stderr);
            assert_eq!(got.stderr.lines().count(), 1, "{shown}");
        }
    }
}

#[tokio::test]
async fn an_answer_is_not_read_beyond_bounds() {
    let body = format!("{}{STATUS}", " ".repeat(BYTES_MAX));
    let got = outcome(Question::Status, false, "200 OK", &body).await;
    assert_eq!((got.exit, &*got.stdout), (Exit::Error, ""));
    assert!(got.stderr.contains("longer than 4194304 bytes"), "{}", got.stderr);
}

#[tokio::test]
async fn a_refusal_of_a_node_is_printed() {
    let body = r#"{"error":{"code":"bad-request","message":"wait: at most 1h"}}"#;
    let expected = of(Exit::Error, "", "bully: NODE: wait: at most 1h\n");
    assert_eq!(outcome(LEADER, true, "400 Bad Request", body).await, expected);
    assert_eq!(outcome(Question::History, false, "400 Bad Request", body).await, expected);
    assert_eq!(outcome(LEADER, false, "400 Bad Request", "wait: at most 1h\n").await, expected);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_is_slow_is_given_up() {
    for reply in ["", "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let ask = to(listener.local_addr().unwrap().port(), LEADER, false);
        let (stop, stopped) = oneshot::channel::<()>();
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.read_u8().await.unwrap();
            stream.write_all(reply.as_bytes()).await.unwrap();
            let drip = async {
                loop {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    if !reply.is_empty() && stream.write_all(b"x").await.is_err() {
                        return;
                    }
                }
            };
            tokio::select! { () = drip => {}, _ = stopped => {} }
        });
        let start = Instant::now();
        let got = answer(&ask).await;
        let took = start.elapsed();
        assert!(
            took >= Duration::from_secs(7) && took < Duration::from_secs(8),
            "{took:?} {got:?}"
        );
        assert_eq!(got.exit, Exit::Error);
        assert!(got.stderr.contains("no answer within 7s"), "{}", got.stderr);
        drop(stop);
        server.await.unwrap();
    }
}

#[tokio::test]
async fn a_node_is_asked() {
    let peers = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let elector = Elector::builder().listener(peers).advertise("127.0.0.1").start().await.unwrap();
    let mut view = elector.view();
    let leads = time::timeout(Duration::from_secs(20), view.wait_for(crate::View::is_leader));
    leads.await.expect("it leads in time").unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let app = crate::http::app(elector.clone(), crate::http::Options::default());
    let (stop, stopped) = oneshot::channel::<()>();
    let server = tokio::spawn(crate::http::serve(listener, app, async {
        drop(stopped.await);
    }));
    assert_eq!(answer(&to(port, LEADER, false)).await, of(Exit::Done, "127.0.0.1\n", ""));
    assert_eq!(answer(&to(port, Question::IsLeader, false)).await, of(Exit::Done, "yes\n", ""));
    for (what, expected) in [
        (Question::Members, "this node"),
        (Question::Status, "leader "),
        (Question::History, "lead"),
    ] {
        let got = answer(&to(port, what, false)).await;
        assert_eq!((got.exit, &*got.stderr), (Exit::Done, ""));
        assert!(got.stdout.contains(expected), "{}", got.stdout);
    }
    drop(stop);
    server.await.unwrap();
    elector.shutdown().await;
}
