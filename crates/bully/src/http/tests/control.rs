//! Orders.

use std::net::SocketAddr;

use axum::extract::ConnectInfo;
use axum::http::Method;
use axum::http::request::Builder;

use super::*;
use crate::Refused;

const HERE: &str = "127.0.0.1:50000";

/// An order from this machine, as `curl` would send it.
fn order(path: &str) -> Builder {
    from(HERE, path)
}

fn from(client: &str, path: &str) -> Builder {
    let client: SocketAddr = client.parse().unwrap();
    Request::builder()
        .method(Method::POST)
        .uri(path)
        .extension(ConnectInfo(client))
        .header(header::HOST, "127.0.0.1:8080")
        .header(header::CONTENT_TYPE, "application/json")
}

/// The answer, which is JSON whatever it says.
async fn tell(node: &Arc<Fake>, order: Builder, body: impl Into<Body>) -> Got {
    let got = answer(app(node), order.body(body.into()).unwrap()).await;
    assert_eq!(got.header(header::CONTENT_TYPE), "application/json", "{}", got.body);
    assert_eq!(got.header(header::CACHE_CONTROL), "no-store");
    got
}

fn told(node: &Fake) -> Vec<String> {
    std::mem::take(&mut *node.told.lock().unwrap())
}

/// The code and the message of a refusal.
fn refusal(got: &Got) -> (String, String) {
    let value: serde_json::Value = serde_json::from_str(&got.body).unwrap();
    let text = |name: &str| value["error"][name].as_str().expect(name).to_owned();
    assert_eq!(text("message").lines().count(), 1, "{}", got.body);
    (text("code"), text("message"))
}

fn node() -> Arc<Fake> {
    Arc::new(Fake::new(quorum_leader()))
}

#[tokio::test]
async fn each_order_reaches_the_node_and_is_answered_once_it_is_obeyed() {
    let node = node();
    for (path, body, expected) in [
        ("/v1/step-down", "", "step down"),
        ("/v1/step-down", "{}", "step down"),
        ("/v1/transfer", r#"{"to": "192.168.1.67:8117"}"#, "transfer to 192.168.1.67:8117"),
        ("/v1/transfer", r#"{"to": "\u0061"}"#, "transfer to a"),
        ("/v1/priority", r#" {"priority":0} "#, "priority 0"),
        ("/v1/members/remove", r#"{"node":"db-1:1"}"#, "remove db-1:1"),
    ] {
        let got = tell(&node, order(path), body).await;
        assert_eq!((got.status, &*got.body), (OK, "{\"ok\":true}\n"), "{path} {body}");
        assert_eq!(told(&node), [expected], "{path} {body}");
    }
}

#[tokio::test]
async fn why_a_node_does_not_obey_is_told_with_a_status_and_a_code() {
    let leader = || Some("192.168.1.68:8117".to_owned());
    for (refused, status, code, message) in [
        (
            Refused::NotLeader { leader: leader() },
            409,
            "not-leader",
            "192.168.1.68:8117 leads: ask it",
        ),
        (Refused::NotLeader { leader: None }, 409, "no-leader", ""),
        (Refused::NotMember("x:1".to_owned()), 404, "not-member", "x:1"),
        (Refused::LastElectable, 409, "last-electable", ""),
        (Refused::Myself, 409, "myself", ""),
        (Refused::NeverLeads("x:1".to_owned()), 409, "never-leads", "x:1"),
        (Refused::NotNow, 409, "not-now", ""),
        (Refused::Failed { leader: leader() }, 409, "failed", "192.168.1.68:8117"),
        (Refused::Failed { leader: None }, 409, "failed", ""),
        (Refused::Priority(1001), 400, "bad-request", "1001"),
        (Refused::Address("?".to_owned()), 400, "bad-request", "?"),
        (Refused::Mode, 409, "bully-mode", "bully mode"),
        (Refused::TimedOut, 504, "timed-out", ""),
        (Refused::Ended, 503, "ended", ""),
    ] {
        let mut node = Fake::new(quorum_follower());
        node.refuses = Some(refused.clone());
        let got = tell(&Arc::new(node), order("/v1/step-down"), "").await;
        let (told_code, told_message) = refusal(&got);
        assert_eq!((got.status.as_u16(), &*told_code), (status, code), "{refused:?}");
        assert_eq!(told_message, refused.to_string());
        assert!(told_message.contains(message), "{told_message}");
    }
}

#[tokio::test]
async fn orders_are_taken_from_this_machine_alone() {
    let node = node();
    for client in ["127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "[::ffff:127.0.0.1]:1"] {
        let got = tell(&node, from(client, "/v1/step-down"), "").await;
        assert_eq!(got.status, OK, "{client}");
    }
    told(&node);
    for client in
        ["192.168.1.68:1", "10.0.0.1:1", "[fe80::1]:1", "[::ffff:10.0.0.1]:1", "0.0.0.0:1"]
    {
        let got = tell(&node, from(client, "/v1/step-down"), "").await;
        assert_eq!(
            (got.status, refusal(&got).0),
            (FORBIDDEN, "not-from-here".to_owned()),
            "{client}"
        );
        assert!(got.body.contains("from this machine alone"));
    }
    // A server that does not say who asks.
    let unknown =
        Request::builder().method("POST").uri("/v1/step-down").header("host", "localhost");
    let unknown = unknown.header(header::CONTENT_TYPE, "application/json");
    assert_eq!(tell(&node, unknown, "").await.status, FORBIDDEN);
    assert_eq!(told(&node), Vec::<String>::new());
}

const FORBIDDEN: StatusCode = StatusCode::FORBIDDEN;

/// `builder` with another value of that header, or without it.
fn with(mut builder: Builder, name: header::HeaderName, value: Option<&str>) -> Builder {
    let headers = builder.headers_mut().unwrap();
    headers.remove(&name);
    if let Some(value) = value {
        headers.insert(name, value.parse().unwrap());
    }
    builder
}

#[tokio::test]
async fn orders_are_taken_under_the_node_s_own_names_alone() {
    let named = View { node: "db-1.example:8117".to_owned(), ..quorum_leader() };
    let node = Arc::new(Fake::new(named));
    for host in
        ["127.0.0.1", "127.0.0.1:8080", "[::1]:8080", "[::1]", "localhost", "LocalHost:8080"]
    {
        let order = with(order("/v1/step-down"), header::HOST, Some(host));
        assert_eq!(tell(&node, order, "").await.status, OK, "{host}");
    }
    told(&node);
    for host in [
        None,
        Some(""),
        Some("evil.example"),
        Some("evil.example:8080"),
        Some("localhost.evil.example"),
        Some("127.0.0.1.evil.example:8080"),
        Some("db-1.example"),
        Some("192.168.1.68:8080"),
        Some("127.0.0.1:evil"),
        Some("user@127.0.0.1"),
    ] {
        let got = tell(&node, with(order("/v1/step-down"), header::HOST, host), "").await;
        let expected = (StatusCode::MISDIRECTED_REQUEST, "foreign-host".to_owned());
        assert_eq!((got.status, refusal(&got).0), expected, "{host:?}");
    }
    let twice = order("/v1/step-down").header(header::HOST, "127.0.0.1");
    assert_eq!(tell(&node, twice, "").await.status, StatusCode::MISDIRECTED_REQUEST);
    assert_eq!(told(&node), Vec::<String>::new());
}

#[tokio::test]
async fn a_page_of_another_origin_gives_no_orders() {
    let node = node();
    for host in ["127.0.0.1:8080", "localhost:8080", "[::1]:8080"] {
        let own = format!("http://{host}");
        let order = with(order("/v1/step-down"), header::HOST, Some(host));
        let order = order.header(header::ORIGIN, &own);
        assert_eq!(tell(&node, order, "").await.status, OK, "{own}");
    }
    told(&node);
    for origin in [
        "null",
        "",
        "http://evil.example",
        "http://127.0.0.1",
        "http://127.0.0.1:9090",
        "http://localhost:8080",
        "https://127.0.0.1:8080",
    ] {
        let order = order("/v1/step-down").header(header::ORIGIN, origin);
        let got = tell(&node, order, "").await;
        let expected = (FORBIDDEN, "foreign-origin".to_owned());
        assert_eq!((got.status, refusal(&got).0), expected, "{origin}");
    }
    let two = order("/v1/step-down")
        .header(header::ORIGIN, "http://127.0.0.1:8080")
        .header(header::ORIGIN, "http://evil.example");
    assert_eq!(tell(&node, two, "").await.status, FORBIDDEN);
    assert_eq!(told(&node), Vec::<String>::new());
}

#[tokio::test]
async fn a_proxy_on_this_machine_gives_no_orders_of_others() {
    let node = node();
    for name in ["Forwarded", "Via", "X-Forwarded-For", "X-Real-IP"] {
        let got = tell(&node, order("/v1/step-down").header(name, "203.0.113.9"), "{}").await;
        assert_eq!((got.status, refusal(&got).0), (FORBIDDEN, "by-proxy".to_owned()), "{name}");
    }
    assert!(told(&node).is_empty());
}

#[tokio::test]
async fn an_order_that_a_page_could_send_unasked_is_refused() {
    let node = node();
    for content_type in ["application/json; charset=utf-8", "Application/JSON"] {
        let order = with(order("/v1/step-down"), header::CONTENT_TYPE, Some(content_type));
        assert_eq!(tell(&node, order, "").await.status, OK, "{content_type}");
    }
    told(&node);
    for content_type in [
        None,
        Some(""),
        Some("text/plain"),
        Some("application/x-www-form-urlencoded"),
        Some("multipart/form-data; boundary=application/json"),
        Some("text/plain, application/json"),
        Some("application/jsonp"),
    ] {
        let order = with(order("/v1/step-down"), header::CONTENT_TYPE, content_type);
        let got = tell(&node, order, "{}").await;
        let expected = (StatusCode::UNSUPPORTED_MEDIA_TYPE, "not-json".to_owned());
        assert_eq!((got.status, refusal(&got).0), expected, "{content_type:?}");
    }
    assert_eq!(told(&node), Vec::<String>::new());
}

#[tokio::test]
async fn an_order_that_makes_no_sense_is_refused_and_reaches_nobody() {
    let node = node();
    for (path, body) in [
        ("/v1/transfer", ""),
        ("/v1/transfer", "{}"),
        ("/v1/transfer", "{"),
        ("/v1/transfer", "null"),
        ("/v1/transfer", r#"{"to": 1}"#),
        ("/v1/transfer", r#"{"to": null}"#),
        ("/v1/transfer", r#"{"node": "a:1"}"#),
        ("/v1/transfer", r#"{"to": "a:1", "force": true}"#),
        ("/v1/transfer", r#"{"to": "a:1"} {"to": "b:1"}"#),
        ("/v1/transfer", r#"{"to": "a:1", "to": "b:1"}"#),
        ("/v1/transfer", "to=a:1"),
        ("/v1/step-down", r#"{"to": "a:1"}"#),
        ("/v1/step-down", "[]x"),
        ("/v1/priority", r#"{"priority": -1}"#),
        ("/v1/priority", r#"{"priority": 1.5}"#),
        ("/v1/priority", r#"{"priority": "50"}"#),
        ("/v1/priority", r#"{"priority": 4294967296}"#),
        ("/v1/members/remove", r#"{"to": "a:1"}"#),
        ("/v1/members/remove", "\u{0}"),
    ] {
        let got = tell(&node, order(path), body).await;
        let expected = (StatusCode::BAD_REQUEST, "bad-request".to_owned());
        assert_eq!((got.status, refusal(&got).0), expected, "{path} {body}");
    }
    let got = tell(&node, order("/v1/transfer"), b"{\"to\": \"\xff\"}".to_vec()).await;
    assert_eq!(got.status, StatusCode::BAD_REQUEST);
    assert_eq!(told(&node), Vec::<String>::new());
}

#[tokio::test]
async fn a_body_is_read_within_bounds() {
    let node = node();
    let longest = |bytes: usize| format!("{}{{}}", " ".repeat(bytes - 2));
    assert_eq!(tell(&node, order("/v1/step-down"), longest(65_536)).await.status, OK);
    assert_eq!(told(&node).len(), 1);
    let long = longest(65_537);
    // Said before, and found out while it is read.
    let announced = order("/v1/step-down").header(header::CONTENT_LENGTH, long.len());
    let got = tell(&node, announced, long.clone()).await;
    assert_eq!(got.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(tell(&node, order("/v1/step-down"), long).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(told(&node), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let node = node();
    let start = Instant::now();
    let never =
        Body::from_stream(futures_util::stream::pending::<Result<Vec<u8>, std::io::Error>>());
    let got = tell(&node, order("/v1/step-down"), never).await;
    assert_eq!(got.status, StatusCode::REQUEST_TIMEOUT);
    assert!(start.elapsed() < Duration::from_secs(6), "{:?}", start.elapsed());
    assert_eq!(told(&node), Vec::<String>::new());
}

#[tokio::test]
async fn an_order_is_posted_and_nothing_else() {
    let node = node();
    for path in ["/v1/step-down", "/v1/transfer", "/v1/priority", "/v1/members/remove"] {
        for method in ["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH"] {
            let got =
                answer(app(&node), order(path).method(method).body(Body::empty()).unwrap()).await;
            assert_eq!(got.status, StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
            assert_eq!(got.header(header::ALLOW), "POST", "{method} {path}");
        }
    }
    assert_eq!(told(&node), Vec::<String>::new());
}
