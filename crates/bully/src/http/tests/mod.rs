//! The routes, without a socket.

mod checks;
mod control;
mod documents;
mod leader;
mod tokens;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode, header};
use http_body_util::BodyExt;
use tokio::time::Instant;
use tower::ServiceExt;

use super::Options;
use super::fake::{
    Fake, alone, app, electing, follower, leader, quorum_follower, quorum_leader, time,
};
use crate::{Elector, View};

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
    answer(app, request.body(Body::empty()).unwrap()).await
}

async fn answer(app: Router, request: Request<Body>) -> Got {
    let response = app.oneshot(request).await.unwrap();
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
async fn an_elector_is_served() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let elector = Elector::builder().listener(listener).advertise("127.0.0.1").start().await;
    let elector = elector.unwrap();
    let mut view = elector.view();
    let leads = tokio::time::timeout(Duration::from_secs(20), view.wait_for(View::is_leader)).await;
    leads.expect("it leads in time").unwrap();
    let got = get(super::app(elector.clone(), Options::default()), "/leader").await;
    assert_eq!((got.status, &*got.body), (OK, "127.0.0.1\n"));
    let app = super::app(elector.clone(), Options { show_port: true, ..Options::default() });
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
