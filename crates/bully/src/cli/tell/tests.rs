use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::time;

use super::*;
use crate::Elector;
use crate::cli::Exit;
use crate::cli::tests::here;

fn to(port: u16, what: Order, json: bool) -> Tell {
    Tell { what, http: here(port), json }
}

/// Tells a server that answers with that; gives what came of it and the request.
async fn told(what: Order, json: bool, status: &str, body: &str) -> (Outcome, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let tell = to(listener.local_addr().unwrap().port(), what, json);
    let length = body.len();
    let reply = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n{body}");
    let server = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = String::new();
        // Every order's body ends with the only brace that closes.
        while !request.ends_with('}') {
            request.push(char::from(stream.read_u8().await.unwrap()));
        }
        stream.write_all(reply.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        request
    };
    let (mut outcome, request) = tokio::join!(obey(&tell), server);
    outcome.stderr = outcome.stderr.replace(&tell.http.to_string(), "NODE");
    (outcome, request)
}

fn of(exit: Exit, stdout: &str, stderr: &str) -> Outcome {
    Outcome { exit, stdout: stdout.to_owned(), stderr: stderr.to_owned() }
}

const DONE: &str = r#"{"ok":true}"#;

fn refused(code: &str, message: &str) -> String {
    format!(r#"{{"error":{{"code":"{code}","message":"{message}"}}}}"#)
}

#[tokio::test]
async fn an_order_is_posted_as_json_and_what_was_done_is_a_line() {
    let member = || "192.168.1.68:8117".to_owned();
    for (what, path, body, line) in [
        (Order::StepDown, "/v1/step-down", "{}", "the node has stepped down"),
        (
            Order::Transfer(member()),
            "/v1/transfer",
            r#"{"to":"192.168.1.68:8117"}"#,
            "the node has handed over to 192.168.1.68:8117",
        ),
        (
            Order::Priority(50),
            "/v1/priority",
            r#"{"priority":50}"#,
            "the node has priority 50 until it ends or is told another",
        ),
        (
            Order::Remove(member()),
            "/v1/members/remove",
            r#"{"node":"192.168.1.68:8117"}"#,
            "192.168.1.68:8117 is no member any more",
        ),
    ] {
        let (got, request) = told(what.clone(), false, "200 OK", DONE).await;
        assert_eq!(got, of(Exit::Done, &format!("{line}\n"), ""));
        assert!(request.starts_with(&format!("POST {path} HTTP/1.1\r\n")), "{request}");
        assert!(request.contains("content-type: application/json\r\n"), "{request}");
        assert!(request.contains("host: 127.0.0.1:"), "{request}");
        assert!(request.ends_with(&format!("\r\n\r\n{body}")), "{request}");
        let (got, _) = told(what, true, "200 OK", DONE).await;
        assert_eq!(got, of(Exit::Done, &format!("{DONE}\n"), ""));
    }
}

#[tokio::test]
async fn why_a_node_did_not_obey_is_printed_and_the_code_is_1() {
    let body = refused("not-leader", "192.168.1.68:8117 leads: ask it");
    let stderr = "bully: NODE: 192.168.1.68:8117 leads: ask it\n";
    let (got, _) = told(Order::StepDown, false, "409 Conflict", &body).await;
    assert_eq!(got, of(Exit::Error, "", stderr));
    let (got, _) = told(Order::StepDown, true, "409 Conflict", &body).await;
    assert_eq!(got, of(Exit::Error, &format!("{body}\n"), stderr));
}

#[tokio::test]
async fn without_a_leader_the_code_is_3() {
    let body = refused("no-leader", "no leader: ask later");
    for (json, stdout) in [(false, String::new()), (true, format!("{body}\n"))] {
        let (got, _) = told(Order::StepDown, json, "409 Conflict", &body).await;
        assert_eq!(got, of(Exit::NoLeader, &stdout, "bully: no leader: ask later\n"));
    }
}

#[tokio::test]
async fn what_is_no_answer_of_a_node_is_called_so() {
    for (status, body) in [
        ("200 OK", ""),
        ("200 OK", "<html>"),
        ("200 OK", r#"{"ok":false}"#),
        ("500 Internal Server Error", "<html>"),
        ("302 Found", ""),
    ] {
        let (got, _) = told(Order::StepDown, false, status, body).await;
        assert_eq!((got.exit, &*got.stdout), (Exit::Error, ""), "{status} {body}");
        assert!(got.stderr.contains("not a bully node"), "{status} {body}: {}", got.stderr);
    }
}

#[tokio::test]
async fn a_node_is_told() {
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
    let got = obey(&to(port, Order::Priority(7), false)).await;
    assert_eq!((got.exit, &*got.stderr), (Exit::Done, ""));
    assert_eq!(elector.members()[0].priority, 7);
    let got = obey(&to(port, Order::Transfer("127.0.0.1:1".to_owned()), false)).await;
    assert_eq!((got.exit, &*got.stdout), (Exit::Error, ""));
    assert!(got.stderr.contains("bully mode"), "{}", got.stderr);
    drop(stop);
    server.await.unwrap();
    elector.shutdown().await;
}
