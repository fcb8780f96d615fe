//! Who is answered, and what every answer says of itself.

use std::net::SocketAddr;

use axum::http::request::Builder;

use super::*;
use crate::http::fake::guarded;
use crate::http::{Access, BearerToken, Caller, Tokens};

const READ: &str = "read-read-read-read";
const ADMIN: &str = "admin-admin-admin-admin";
const WRONG: &str = "wrong-wrong-wrong-wrong";

const QUESTIONS: [&str; 6] =
    ["/", "/leader", "/v1/status", "/v1/members", "/v1/history", "/nowhere"];
const CHECKS: [&str; 6] = ["/primary", "/read-write", "/replica", "/health", "/livez", "/readyz"];
const ORDERS: [&str; 4] = ["/v1/step-down", "/v1/transfer", "/v1/priority", "/v1/members/remove"];

fn access(read: Option<&str>, admin: Option<&str>) -> Access {
    let token = |text: &str| BearerToken::new(text.as_bytes()).unwrap();
    Access::new(Tokens { read: read.map(token), admin: admin.map(token) })
}

fn node() -> Arc<Fake> {
    Arc::new(Fake::new(quorum_leader()))
}

fn tcp(address: &str) -> Caller {
    let address: SocketAddr = address.parse().unwrap();
    Caller::Tcp { address, is_tls: false }
}

fn afar() -> Caller {
    tcp("203.0.113.9:1")
}

fn here() -> Caller {
    tcp("127.0.0.1:50000")
}

fn with_token(builder: Builder, token: Option<&str>) -> Builder {
    match token {
        Some(token) => builder.header(header::AUTHORIZATION, format!("Bearer {token}")),
        None => builder,
    }
}

async fn ask(
    node: &Arc<Fake>,
    access: &Access,
    caller: Caller,
    (method, path): (&str, &str),
    token: Option<&str>,
) -> Got {
    let request = with_token(Request::builder().method(method).uri(path).extension(caller), token);
    answer(guarded(node, access.clone()), request.body(Body::empty()).unwrap()).await
}

/// An order as a program sends it, which has no name for the node.
fn order(caller: Caller, token: Option<&str>) -> Builder {
    let builder = Request::builder().method("POST").uri("/v1/step-down").extension(caller);
    with_token(builder.header(header::CONTENT_TYPE, "application/json"), token)
}

async fn tell(node: &Arc<Fake>, access: &Access, order: Builder) -> (u16, String) {
    let got = answer(guarded(node, access.clone()), order.body(Body::from("{}")).unwrap()).await;
    let value: serde_json::Value = serde_json::from_str(&got.body).unwrap();
    let code = value["error"]["code"].as_str().unwrap_or_default().to_owned();
    (got.status.as_u16(), code)
}

fn told(node: &Fake) -> usize {
    std::mem::take(&mut *node.told.lock().unwrap()).len()
}

#[tokio::test]
async fn without_a_token_for_them_questions_are_answered_to_everybody() {
    let node = node();
    for access in [access(None, None), access(None, Some(ADMIN))] {
        for token in [None, Some(READ), Some(ADMIN), Some(WRONG)] {
            let got = ask(&node, &access, afar(), ("GET", "/leader"), token).await;
            assert_eq!(got.status, OK);
        }
    }
}

#[tokio::test]
async fn with_a_token_for_them_questions_are_answered_to_those_who_send_one() {
    let node = node();
    let access = access(Some(READ), Some(ADMIN));
    for path in QUESTIONS {
        let open = get(app(&node), path).await;
        for method in ["GET", "HEAD", "OPTIONS"] {
            for (token, code, challenge) in [
                (None, "token-missing", r#"Bearer realm="bully""#),
                (Some(WRONG), "token-wrong", r#"Bearer realm="bully", error="invalid_token""#),
            ] {
                for caller in [afar(), here()] {
                    let got = ask(&node, &access, caller, (method, path), token).await;
                    assert_eq!(got.status, StatusCode::UNAUTHORIZED, "{method} {path}");
                    assert_eq!(got.header(header::WWW_AUTHENTICATE), challenge);
                    if method == "GET" && path.starts_with("/v1/") {
                        assert!(got.body.contains(code), "{}", got.body);
                    }
                }
            }
        }
        for token in [READ, ADMIN] {
            let got = ask(&node, &access, afar(), ("GET", path), Some(token)).await;
            assert_eq!((got.status, got.body), (open.status, open.body.clone()), "{path}");
        }
        let local = ask(&node, &access, Caller::Unix, ("GET", path), None).await;
        assert_eq!(local.status, open.status, "{path} over a Unix socket");
    }
}

#[tokio::test]
async fn a_wrong_token_and_a_missing_one_are_told_apart_in_words() {
    let node = node();
    let access = access(Some(READ), None);
    let missing = ask(&node, &access, afar(), ("GET", "/leader"), None).await;
    assert_eq!(missing.body, "a token is needed: send it as Authorization: Bearer TOKEN\n");
    let wrong = ask(&node, &access, afar(), ("GET", "/leader"), Some(WRONG)).await;
    assert_eq!(wrong.body, "the token that was sent is not this node's\n");
}

#[tokio::test]
async fn load_balancers_have_the_status_without_a_token_and_nothing_else() {
    let node = node();
    let access = access(Some(READ), Some(ADMIN));
    for path in CHECKS {
        for method in ["GET", "HEAD", "OPTIONS"] {
            let open = request(app(&node), method, path, "*/*").await;
            for token in [None, Some(WRONG)] {
                let got = ask(&node, &access, afar(), (method, path), token).await;
                assert_eq!((got.status, &*got.body), (open.status, ""), "{method} {path}");
                let length = got.header(header::CONTENT_LENGTH);
                assert!(matches!(length, "" | "0"), "{method} {path}: {length}");
            }
            let got = ask(&node, &access, afar(), (method, path), Some(READ)).await;
            assert_eq!((got.status, got.body), (open.status, open.body), "{method} {path}");
        }
    }
}

#[tokio::test]
async fn the_token_for_orders_gives_them_from_anywhere_and_nothing_else_does_over_tcp() {
    let node = node();
    for access in [access(None, Some(ADMIN)), access(Some(READ), Some(ADMIN))] {
        for caller in [afar(), here()] {
            let done = tell(&node, &access, order(caller, Some(ADMIN))).await;
            assert_eq!((done.0, told(&node)), (200, 1));
            // By the node's own name or not, by a proxy or not.
            for (name, value) in [("host", "any.example"), ("x-forwarded-for", "203.0.113.9")] {
                let order = order(caller, Some(ADMIN)).header(name, value);
                assert_eq!((tell(&node, &access, order).await.0, told(&node)), (200, 1));
            }
            for (token, status, code) in
                [(None, 401, "token-missing"), (Some(WRONG), 401, "token-wrong")]
            {
                let order = order(caller, token).header(header::HOST, "localhost");
                let refused = tell(&node, &access, order).await;
                assert_eq!((refused, told(&node)), ((status, code.to_owned()), 0));
            }
        }
    }
    let both = access(Some(READ), Some(ADMIN));
    let refused = tell(&node, &both, order(here(), Some(READ))).await;
    assert_eq!((refused, told(&node)), ((403, "token-read-only".to_owned()), 0));
}

#[tokio::test]
async fn with_any_token_set_this_machine_alone_gives_no_orders() {
    let node = node();
    let access = access(Some(READ), None);
    for (token, expected) in
        [(None, (401, "token-missing")), (Some(READ), (403, "token-read-only"))]
    {
        let order = order(here(), token).header(header::HOST, "localhost");
        let (status, code) = tell(&node, &access, order).await;
        assert_eq!((status, &*code, told(&node)), (expected.0, expected.1, 0));
    }
}

#[tokio::test]
async fn a_unix_socket_gives_orders_whatever_tokens_there_are() {
    let node = node();
    for access in [access(None, None), access(Some(READ), None), access(Some(READ), Some(ADMIN))] {
        for token in [None, Some(WRONG), Some(READ)] {
            assert_eq!(tell(&node, &access, order(Caller::Unix, token)).await.0, 200);
            assert_eq!(told(&node), 1);
        }
        let proxied = order(Caller::Unix, None).header("forwarded", "for=203.0.113.9");
        let refused = tell(&node, &access, proxied).await;
        assert_eq!((refused, told(&node)), ((403, "by-proxy".to_owned()), 0));
    }
}

#[tokio::test]
async fn a_page_of_another_origin_gives_no_orders_even_with_the_token() {
    let node = node();
    let access = access(None, Some(ADMIN));
    for caller in [afar(), Caller::Unix] {
        for (origin, is_own) in [
            ("https://db1.example:8443", true),
            ("http://db1.example:8443", true),
            ("https://evil.example", false),
            ("null", false),
        ] {
            let order = order(caller, Some(ADMIN))
                .header(header::HOST, "db1.example:8443")
                .header(header::ORIGIN, origin);
            let (status, code) = tell(&node, &access, order).await;
            let expected = if is_own { (200, "") } else { (403, "foreign-origin") };
            assert_eq!((status, &*code), expected, "{caller:?} {origin}");
        }
    }
    told(&node);
    let order = order(afar(), Some(ADMIN));
    let mut request = order.body(Body::from("{}")).unwrap();
    request.headers_mut().remove(header::CONTENT_TYPE);
    let got = answer(guarded(&node, access), request).await;
    assert_eq!((got.status.as_u16(), told(&node)), (415, 0), "it is JSON all the same");
}

#[tokio::test]
async fn over_tls_the_node_s_own_page_has_an_origin_of_tls() {
    let node = node();
    let Caller::Tcp { address, .. } = here() else { unreachable!() };
    let caller = Caller::Tcp { address, is_tls: true };
    for (origin, status) in [("https://localhost:1", 200), ("http://localhost:1", 403)] {
        let order =
            order(caller, None).header(header::HOST, "localhost:1").header(header::ORIGIN, origin);
        assert_eq!(tell(&node, &Access::default(), order).await.0, status, "{origin}");
    }
}

#[tokio::test]
async fn every_answer_forbids_a_browser_to_run_frame_or_guess_it() {
    let node = node();
    let access = access(Some(READ), Some(ADMIN));
    for method in ["GET", "HEAD", "OPTIONS", "POST", "DELETE"] {
        for path in QUESTIONS.iter().chain(&CHECKS).chain(&ORDERS) {
            for token in [None, Some(ADMIN)] {
                let got = ask(&node, &access, afar(), (method, path), token).await;
                let policy = got.header(header::CONTENT_SECURITY_POLICY);
                assert!(policy.starts_with("default-src 'none'; "), "{method} {path}: {policy}");
                assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
                assert_eq!(got.header(header::X_CONTENT_TYPE_OPTIONS), "nosniff");
                assert_eq!(got.header(header::REFERRER_POLICY), "no-referrer");
                assert_eq!(got.header(header::X_FRAME_OPTIONS), "DENY");
                assert_eq!(got.header(header::CACHE_CONTROL), "no-store", "{method} {path}");
            }
        }
    }
}
