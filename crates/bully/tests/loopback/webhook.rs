//! The webhook, as its receiver sees it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use super::node::{DEADLINE, Node, own, until};

/// A receiver; yields the bodies that were posted.
fn receiver() -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}/hook", listener.local_addr().expect("bound"));
    let (say, bodies) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut reader = BufReader::new(&stream);
            let mut length = 0;
            let mut line = String::new();
            while reader.read_line(&mut line).is_ok_and(|n| n > 2) {
                if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap_or(0);
                }
                line.clear();
            }
            let mut body = vec![0; length];
            let _ = reader.read_exact(&mut body);
            let _ = (&stream).write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");
            if say.send(String::from_utf8_lossy(&body).into_owned()).is_err() {
                return;
            }
        }
    });
    (url, bodies)
}

#[test]
fn it_fires_once_per_election_won_and_not_for_a_join() {
    let (url, bodies) = receiver();
    let [one, two] = own();
    let hook = format!("-url={url}");
    let mut first = Node::listed(one, &[one, two], &[&hook, "-cluster=shop"]);
    let body = bodies.recv_timeout(DEADLINE).expect("the first node is elected");
    for part in [
        "\"time\":1".to_owned(),
        format!("\"node\":\"{one}\""),
        "\"epoch\":1".to_owned(),
        "\"cluster\":\"shop\"".to_owned(),
    ] {
        assert!(body.contains(&part), "{body} lacks {part}");
    }
    let second = Node::listed(two, &[one, two], &[&hook, "-cluster=shop"]);
    assert_eq!(second.leader(), first.leader());
    first.kill();
    let body = bodies.recv_timeout(DEADLINE).expect("the second node is elected");
    assert!(body.contains(&format!("\"node\":\"{two}\"")), "a join fired: {body}");
    assert!(bodies.recv_timeout(Duration::from_millis(300)).is_err(), "once");
}

#[test]
fn a_webhook_that_hangs_holds_nothing_up_and_is_complained_of() {
    let silent = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("-url=http://{}/", silent.local_addr().expect("bound"));
    let node = Node::alone(&[&url]);
    let mut printed = Vec::new();
    until("a complaint", || {
        assert!(node.leader().is_some(), "it answers all the while");
        printed.extend(node.printed());
        printed.iter().any(|line| line.contains("webhook"))
    });
}
