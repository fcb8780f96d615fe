//! The routes, without a socket.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode, header};
use http_body_util::BodyExt;
use tokio::time::Instant;
use tower::ServiceExt;

use super::fake::{Fake, alone, app, electing, follower, leader, time};
use super::{Options, routes};
use crate::{Elector, Entry, EntryKind, Leader, Leadership, Member, MemberRole, MemberState, View};

struct Got {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Got {
    fn header(&self, name: header::HeaderName) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

async fn request(app: Router, method: &str, path: &str, accept: &str) -> Got {
    let request = Request::builder().method(method).uri(path).header(header::ACCEPT, accept);
    let response = app.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let body = String::from_utf8(body.to_vec()).unwrap();
    Got { status: parts.status, headers: parts.headers, body }
}

async fn get(app: Router, path: &str) -> Got {
    request(app, "GET", path, "*/*").await
}

async fn json(app: Router, path: &str) -> Got {
    let got = request(app, "GET", path, "application/json").await;
    assert_eq!(got.header(header::CONTENT_TYPE), "application/json");
    assert_eq!(got.header(header::CACHE_CONTROL), "no-store");
    got
}

/// The document as it is, but one field a line, whatever version this is. No string in it has an
/// escape.
fn pretty(body: &str) -> String {
    let mut text = String::new();
    let (mut in_string, mut depth) = (false, 0);
    for c in body.trim_end().chars() {
        in_string ^= c == '"';
        if !in_string && matches!(c, '}' | ']') {
            depth -= 1;
            text.push('\n');
            text.push_str(&"  ".repeat(depth));
        }
        text.push(c);
        if !in_string && matches!(c, '{' | '[' | ',') {
            depth += usize::from(c != ',');
            text.push('\n');
            text.push_str(&"  ".repeat(depth));
        } else if !in_string && c == ':' {
            text.push(' ');
        }
    }
    let version = format!("\"version\": \"{}\"", env!("CARGO_PKG_VERSION"));
    text.replace(&version, "\"version\": \"VERSION\"")
}

const OK: StatusCode = StatusCode::OK;
const UNAVAILABLE: StatusCode = StatusCode::SERVICE_UNAVAILABLE;

#[tokio::test]
async fn the_leader_is_one_line_of_text_from_every_node() {
    let got = get(Fake::new(follower()).app(), "/leader").await;
    assert_eq!((got.status, &*got.body), (OK, "192.168.1.68\n"));
    assert_eq!(got.header(header::CONTENT_TYPE), "text/plain; charset=utf-8");
    assert_eq!(got.header(header::CACHE_CONTROL), "no-store");
    let got = get(Fake::new(leader()).app(), "/leader").await;
    assert_eq!((got.status, &*got.body), (OK, "2001:db8::67\n"));
}

#[tokio::test]
async fn the_port_is_shown_where_it_is_asked_for() {
    let unresolved = |node: &str| {
        let leader = Leader { node: node.to_owned(), ip: None, port: 1, priority: 1 };
        View { leader: Some(leader), ..follower() }
    };
    for (view, bare, with_port) in [
        (follower(), "192.168.1.68\n", "192.168.1.68:8117\n"),
        (leader(), "2001:db8::67\n", "[2001:db8::67]:8117\n"),
        (unresolved("db-1:1"), "db-1\n", "db-1:1\n"),
    ] {
        for (show_port, expected) in [(false, bare), (true, with_port)] {
            let node = Box::new(Arc::new(Fake::new(view.clone())));
            let got = get(routes(node, Options { show_port }), "/leader").await;
            assert_eq!(got.body, expected);
        }
    }
}

#[tokio::test]
async fn without_a_leader_the_answer_is_503_and_why() {
    let got = get(Fake::new(alone()).app(), "/leader").await;
    assert_eq!(got.status, UNAVAILABLE);
    assert_eq!(got.body, "priority is 0: waiting for a candidate\n");
    let got = get(Fake::new(View { reason: None, ..alone() }).app(), "/leader").await;
    assert_eq!((got.status, &*got.body), (UNAVAILABLE, "no leader is known\n"));
}

#[tokio::test]
async fn the_status_has_its_shape() {
    let got = json(Fake::new(follower()).app(), "/leader").await;
    assert_eq!(got.status, OK);
    insta::assert_snapshot!(pretty(&got.body), @r#"
    {
      "leader": {
        "node": "192.168.1.68:8117",
        "address": "192.168.1.68",
        "priority": 100
      },
      "self": "192.168.1.67:8117",
      "is_leader": false,
      "role": "follower",
      "mode": "bully",
      "cluster": "bully",
      "epoch": 1795417201000,
      "since": "2026-11-23T07:00:01.000Z",
      "revision": "5e11.2",
      "version": "VERSION"
    }
    "#);
    let status = json(Fake::new(follower()).app(), "/v1/status").await;
    assert_eq!((status.status, status.body), (OK, got.body));
}

#[tokio::test]
async fn the_status_without_a_leader_says_why_and_is_200() {
    let got = json(Fake::new(alone()).app(), "/leader").await;
    assert_eq!(got.status, UNAVAILABLE);
    insta::assert_snapshot!(pretty(&got.body), @r#"
    {
      "leader": null,
      "self": "192.168.1.67:8117",
      "is_leader": false,
      "role": "electing",
      "mode": "bully",
      "cluster": "bully",
      "epoch": null,
      "since": "2026-11-23T07:00:00.000Z",
      "reason": "priority is 0: waiting for a candidate",
      "revision": "5e11.1",
      "version": "VERSION"
    }
    "#);
    let status = json(Fake::new(alone()).app(), "/v1/status").await;
    assert_eq!((status.status, status.body), (OK, got.body));
}

#[tokio::test]
async fn the_members_have_their_shape() {
    let member = |node: &str, ip: Option<[u8; 4]>| Member {
        node: node.to_owned(),
        ip: ip.map(Into::into),
        priority: 100,
        role: MemberRole::Leader,
        state: MemberState::Alive,
        rtt: None,
        is_self: true,
    };
    let mut node = Fake::new(leader());
    node.members = vec![
        member("192.168.1.67:8117", Some([192, 168, 1, 67])),
        Member {
            role: MemberRole::Candidate,
            state: MemberState::Unreachable,
            rtt: Some(Duration::from_nanos(412_499)),
            is_self: false,
            ..member("db-2:8117", None)
        },
    ];
    let got = json(node.app(), "/v1/members").await;
    assert_eq!(got.status, OK);
    insta::assert_snapshot!(pretty(&got.body), @r#"
    {
      "members": [
        {
          "node": "192.168.1.67:8117",
          "address": "192.168.1.67",
          "priority": 100,
          "role": "leader",
          "state": "alive",
          "rtt_ms": null,
          "self": true
        },
        {
          "node": "db-2:8117",
          "address": "db-2",
          "priority": 100,
          "role": "candidate",
          "state": "unreachable",
          "rtt_ms": 0.412,
          "self": false
        }
      ],
      "revision": "5e11.2"
    }
    "#);
}

fn entry(revision: u64) -> Entry {
    Entry {
        revision,
        time: time(revision),
        kind: EntryKind::Election,
        cause: Some("join"),
        node: None,
        leader: Some("192.168.1.67:8117".to_owned()),
        epoch: Some(1_795_417_201_000),
        token: None,
        won: true,
        message: "192.168.1.67:8117 leads".to_owned(),
    }
}

#[tokio::test]
async fn the_history_has_its_shape() {
    let mut node = Fake::new(leader());
    node.history = vec![
        entry(1),
        Entry {
            kind: EntryKind::Unreachable,
            cause: None,
            node: Some("192.168.1.69:8117".to_owned()),
            leader: None,
            epoch: None,
            token: None,
            won: false,
            message: "192.168.1.69:8117 cannot be added: i/o timeout".to_owned(),
            ..entry(2)
        },
    ];
    let got = json(node.app(), "/v1/history").await;
    assert_eq!(got.status, OK);
    insta::assert_snapshot!(pretty(&got.body), @r#"
    {
      "history": [
        {
          "revision": "5e11.1",
          "time": "2026-11-23T07:00:01.000Z",
          "kind": "election",
          "cause": "join",
          "node": null,
          "leader": "192.168.1.67:8117",
          "epoch": 1795417201000,
          "won": true,
          "message": "192.168.1.67:8117 leads"
        },
        {
          "revision": "5e11.2",
          "time": "2026-11-23T07:00:02.000Z",
          "kind": "unreachable",
          "cause": null,
          "node": "192.168.1.69:8117",
          "leader": null,
          "epoch": null,
          "message": "192.168.1.69:8117 cannot be added: i/o timeout"
        }
      ],
      "revision": "5e11.2"
    }
    "#);
}

#[tokio::test]
async fn the_history_can_be_read_in_parts() {
    for (query, expected) in [
        ("", "1 2 3 4"),
        ("?limit=2", "3 4"),
        ("?limit=0", ""),
        ("?limit=99", "1 2 3 4"),
        ("?after=5e11.2", "3 4"),
        ("?after=2", "3 4"),
        ("?after=5e11.1&limit=2", "2 3"),
        ("?after=5e11.9", ""),
        ("?after=0ther.3", "1 2 3 4"),
        ("?unknown=1", "1 2 3 4"),
    ] {
        let mut node = Fake::new(leader());
        node.history = (1..=4).map(entry).collect();
        let got = json(node.app(), &format!("/v1/history{query}")).await;
        let value: serde_json::Value = serde_json::from_str(&got.body).unwrap();
        let number = |entry: &serde_json::Value| {
            entry["revision"].as_str().unwrap().rsplit_once('.').unwrap().1.to_owned()
        };
        let numbers: Vec<_> = value["history"].as_array().unwrap().iter().map(number).collect();
        assert_eq!(numbers.join(" "), expected, "{query}");
        let newest = if query == "?after=5e11.9" { "5e11.2" } else { "5e11.4" };
        assert!(expected.is_empty() || value["revision"] == newest, "{query}: {value}");
    }
}

#[tokio::test]
async fn the_status_code_of_a_check_is_its_answer() {
    for (view, primary, replica, health) in [
        (leader(), OK, UNAVAILABLE, OK),
        (follower(), UNAVAILABLE, OK, OK),
        (electing(), UNAVAILABLE, UNAVAILABLE, UNAVAILABLE),
        (View { role: crate::Role::Joining, ..follower() }, UNAVAILABLE, UNAVAILABLE, OK),
        (alone(), UNAVAILABLE, UNAVAILABLE, UNAVAILABLE),
    ] {
        for (path, expected) in [
            ("/primary", primary),
            ("/read-write", primary),
            ("/replica", replica),
            ("/health", health),
            ("/livez", OK),
            ("/readyz", OK),
        ] {
            for method in ["GET", "HEAD", "OPTIONS"] {
                let got = request(Fake::new(view.clone()).app(), method, path, "*/*").await;
                assert_eq!(got.status, expected, "{method} {path} {view:?}");
                let lines = got.body.lines().count();
                assert_eq!(lines, usize::from(method == "GET"), "{method} {path}");
            }
        }
    }
}

#[tokio::test]
async fn the_leadership_decides_the_checks_and_not_the_view() {
    let node = Arc::new(Fake::new(leader()));
    *node.leadership.lock().unwrap() = Leadership::NotLeader;
    assert_eq!(get(app(&node), "/primary").await.status, UNAVAILABLE);
    node.set(follower());
    *node.leadership.lock().unwrap() = Leadership::Leader { epoch: 1 };
    assert_eq!(get(app(&node), "/primary").await.status, OK);
    assert_eq!(get(app(&node), "/replica").await.status, UNAVAILABLE);
}

#[tokio::test]
async fn a_node_whose_loop_stands_still_is_not_live() {
    for (idle_ms, expected) in [(0, OK), (999, OK), (1000, UNAVAILABLE)] {
        let mut node = Fake::new(follower());
        node.idle = Duration::from_millis(idle_ms);
        assert_eq!(get(node.app(), "/livez").await.status, expected, "{idle_ms}");
    }
}

#[tokio::test]
async fn errors_are_json_for_who_reads_json_and_else_a_line() {
    let node = Arc::new(Fake::new(follower()));
    let got = json(app(&node), "/nowhere").await;
    assert_eq!(got.status, StatusCode::NOT_FOUND);
    insta::assert_snapshot!(pretty(&got.body), @r#"
    {
      "error": {
        "code": "not-found",
        "message": "nothing is here: see /"
      }
    }
    "#);
    let got = get(app(&node), "/leader/").await;
    assert_eq!((got.status.as_u16(), &*got.body), (404, "nothing is here: see /\n"));
    assert_eq!(got.header(header::CACHE_CONTROL), "no-store");
    // Under /v1 everything is JSON.
    for limit in ["x", "-1", "1.5", ""] {
        let got = get(app(&node), &format!("/v1/history?limit={limit}")).await;
        assert_eq!(got.status, StatusCode::BAD_REQUEST);
        let expected = "limit: expected a number of entries, 0 or more";
        let body = format!(r#"{{"error":{{"code":"bad-request","message":"{expected}"}}}}"#);
        assert_eq!(got.body, format!("{body}\n"));
    }
}

#[tokio::test]
async fn other_methods_are_refused_with_the_ones_that_are_not() {
    let node = Arc::new(Fake::new(follower()));
    for method in ["POST", "PUT", "DELETE", "PATCH", "TRACE", "BREW"] {
        for path in ["/", "/leader", "/v1/status", "/primary"] {
            let got = request(app(&node), method, path, "text/plain").await;
            assert_eq!(got.status, StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
            assert_eq!(got.header(header::ALLOW), "GET, HEAD, OPTIONS");
            assert!(got.body.ends_with('\n'));
        }
        assert_eq!(request(app(&node), method, "/x", "*/*").await.status.as_u16(), 404);
    }
}

#[tokio::test]
async fn head_is_get_without_the_body_and_options_names_the_methods() {
    let node = Arc::new(Fake::new(follower()));
    for path in ["/", "/leader", "/v1/status", "/v1/members", "/v1/history", "/health"] {
        let got = get(app(&node), path).await;
        let head = request(app(&node), "HEAD", path, "*/*").await;
        assert_eq!((head.status, &*head.body), (got.status, ""));
        assert_eq!(head.header(header::CONTENT_LENGTH), got.body.len().to_string(), "{path}");
        assert_eq!(head.header(header::CONTENT_TYPE), got.header(header::CONTENT_TYPE));
        let options = request(app(&node), "OPTIONS", path, "*/*").await;
        assert_eq!((options.status, &*options.body), (got.status, ""));
        assert_eq!(options.header(header::ALLOW), "GET, HEAD, OPTIONS");
    }
}

#[tokio::test]
async fn a_wait_that_makes_no_sense_is_refused() {
    let node = Arc::new(Fake::new(follower()));
    for wait in ["2", "0", "", "-1s", "2x", "s", "61m", "9999999999999999999s", "1s&wait=2s"] {
        let got = get(app(&node), &format!("/leader?wait={wait}")).await;
        assert_eq!(got.status, StatusCode::BAD_REQUEST, "{wait}");
        assert!(got.body.contains("wait"), "{wait}: {}", got.body);
        assert_eq!(got.body.lines().count(), 1);
    }
    for wait in ["2s", "500ms", "0s", "60s", "1h", "1m%2030s", "2s&unknown=1"] {
        let got = get(app(&node), &format!("/leader?wait={wait}")).await;
        assert_eq!(got.status, OK, "{wait}: {}", got.body);
    }
}

#[tokio::test(start_paused = true)]
async fn while_an_election_is_under_way_the_answer_waits_as_long_as_it_is_told() {
    let node = Arc::new(Fake::new(electing()));
    for (query, expected_ms) in [("", 2000), ("?wait=500ms", 500), ("?wait=0s", 0)] {
        let start = Instant::now();
        let got = get(app(&node), &format!("/leader{query}")).await;
        assert_eq!((got.status, &*got.body), (UNAVAILABLE, "an election is under way\n"));
        let took = start.elapsed().as_millis();
        assert!((expected_ms..=expected_ms + 2).contains(&took), "{query}: {took}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_node_that_expects_no_outcome_answers_at_once() {
    let start = Instant::now();
    assert_eq!(get(Fake::new(alone()).app(), "/leader").await.status, UNAVAILABLE);
    assert_eq!(start.elapsed(), Duration::ZERO);
}

/// Asks for the leader, and lets it wait; the node is changed after 1,010 ms.
async fn waited(change: impl FnOnce(&Fake)) -> (Got, Duration) {
    let node = Arc::new(Fake::new(electing()));
    let start = Instant::now();
    let later = async {
        tokio::time::sleep(Duration::from_millis(1010)).await;
        change(&node);
    };
    let (got, ()) = tokio::join!(get(app(&node), "/leader"), later);
    (got, start.elapsed())
}

#[tokio::test(start_paused = true)]
async fn the_outcome_of_an_election_is_answered_as_it_comes() {
    let (got, took) = waited(|node| node.change(follower())).await;
    assert_eq!((got.status, &*got.body), (OK, "192.168.1.68\n"));
    assert!(took < Duration::from_millis(1015), "{took:?}");
    let (got, took) = waited(|node| node.change(alone())).await;
    assert_eq!(got.status, UNAVAILABLE);
    assert!(took < Duration::from_millis(1015), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_change_that_nobody_tells_of_is_found_by_asking_again() {
    let (got, took) = waited(|node| node.set(follower())).await;
    assert_eq!(got.status, OK);
    assert!(took <= Duration::from_millis(1110), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_change_of_the_watch_alone_is_no_outcome() {
    // A frozen leader's last word was that it leads; its sample knows better.
    let (got, took) = waited(|node| drop(node.watched.send_replace(leader()))).await;
    assert_eq!(got.status, UNAVAILABLE);
    assert!(took >= Duration::from_secs(2), "{took:?}");
}

#[tokio::test]
async fn an_elector_is_served() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let elector = Elector::builder().listener(listener).advertise("127.0.0.1").start().await;
    let elector = elector.unwrap();
    let mut view = elector.view();
    let leads = tokio::time::timeout(Duration::from_secs(20), view.wait_for(View::is_leader)).await;
    leads.expect("it leads in time").unwrap();
    let got = get(super::app(elector.clone(), Options::default()), "/leader").await;
    assert_eq!((got.status, &*got.body), (OK, "127.0.0.1\n"));
    let app = super::app(elector.clone(), Options { show_port: true });
    assert_eq!(get(app.clone(), "/leader").await.body, format!("{}\n", elector.node()));
    assert_eq!(get(app.clone(), "/primary").await.status, OK);
    assert_eq!(get(app.clone(), "/livez").await.status, OK);
    let history = get(app.clone(), "/v1/history").await.body;
    assert!(history.contains(r#""won":true"#), "{history}");
    let status = get(app.clone(), "/v1/status").await.body;
    assert!(status.contains(r#""is_leader":true"#), "{status}");
    assert!(status.contains(&format!(r#""revision":"{}."#, elector.run_id())), "{status}");
    elector.shutdown().await;
    assert_eq!(get(app, "/primary").await.status, UNAVAILABLE);
}
