//! What every request passes: whether it is answered, and what every answer says of itself.

use std::net::IpAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::Response;

use super::App;
use super::access::{Bearer, Known};
use super::call::Call;
use super::caller::Caller;

/// Nothing that is answered here runs, is framed, or loads anything from anywhere.
const POLICY: [(HeaderName, HeaderValue); 4] = [
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        ),
    ),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
];

/// Adds to each answer what a browser needs to be told of it.
pub(super) async fn with_policy(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in POLICY {
        headers.insert(name, value);
    }
    response
}

/// Answers questions of those who may ask.
pub(super) async fn questions(
    State(app): State<Arc<App>>,
    request: Request,
    next: Next,
) -> Response {
    match refusal_of_question(&app, &request) {
        None => next.run(request).await,
        Some(known) => {
            let (parts, _) = request.into_parts();
            unauthorized(&Call::new(&parts), known)
        }
    }
}

/// Answers the checks of load balancers, which cannot send a token all: to those who send none where
/// one is needed, with the status alone.
pub(super) async fn checks(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let is_stranger = refusal_of_question(&app, &request).is_some();
    let mut response = next.run(request).await;
    if is_stranger {
        *response.body_mut() = Body::empty();
        response.headers_mut().remove(header::CONTENT_LENGTH);
        response.headers_mut().remove(header::CONTENT_TYPE);
    }
    response
}

/// As whom the client is not answered, if it is not.
fn refusal_of_question(app: &App, request: &Request) -> Option<Known> {
    let known = app.options.access.of(request.headers());
    let may_ask =
        known.may_ask() || Caller::of(request.extensions()).is_some_and(|c| c == Caller::Unix);
    (!may_ask).then_some(known)
}

/// 401: what is needed, and how it is sent.
fn unauthorized(call: &Call, known: Known) -> Response {
    let (code, message, challenge) = match known.as_whom {
        Bearer::Unknown => (
            "token-wrong",
            "the token that was sent is not this node's",
            r#"Bearer realm="bully", error="invalid_token""#,
        ),
        _ => (
            "token-missing",
            "a token is needed: send it as Authorization: Bearer TOKEN",
            r#"Bearer realm="bully""#,
        ),
    };
    challenged(call.refuse(StatusCode::UNAUTHORIZED, code, message), challenge)
}

fn challenged(mut response: Response, challenge: &'static str) -> Response {
    let challenge = HeaderValue::from_static(challenge);
    response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    response
}

/// What proxies say of whom they speak for.
const PROXIES: [&str; 7] = [
    "forwarded",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-forwarded-server",
    "x-real-ip",
];

/// Whether an order comes from whom it may, and from nobody's web page: from anywhere with the token
/// for orders; over a Unix socket; or over loopback where no token is set.
///
/// # Errors
/// The refusal to send. It is boxed, being large.
pub(super) fn check_order(app: &App, parts: &Parts, call: &Call) -> Result<(), Box<Response>> {
    let known = app.options.access.of(&parts.headers);
    let caller = Caller::of(&parts.extensions);
    let forbid =
        |code, message: &str| Err(Box::new(call.refuse(StatusCode::FORBIDDEN, code, message)));
    let has_token = known.needs_admin && known.as_whom == Bearer::Admin;
    if !has_token {
        if caller != Some(Caller::Unix) {
            check_stranger(known, caller, call)?;
        }
        // It comes from this machine, too, whomever it speaks for.
        if PROXIES.iter().any(|name| parts.headers.contains_key(*name)) {
            let message = "without the token for them orders are not taken by way of a proxy: \
                           give them to the node itself";
            return forbid("by-proxy", message);
        }
        let host = only(&parts.headers, &header::HOST).unwrap_or_default();
        // No browser, and so no page's name, leads to a Unix socket.
        if caller != Some(Caller::Unix) && !is_loopback(host) {
            let message = "without the token for them orders are taken under 127.0.0.1, [::1] or \
                           localhost alone: ask one of these";
            let status = StatusCode::MISDIRECTED_REQUEST;
            return Err(Box::new(call.refuse(status, "foreign-host", message)));
        }
    }
    // Whoever has the token may have come by a proxy that speaks TLS.
    let schemes: &[&str] = match caller {
        _ if has_token => &["http://", "https://"],
        Some(caller) if caller.is_tls() => &["https://"],
        _ => &["http://"],
    };
    if !is_same_origin(&parts.headers, schemes) {
        return forbid("foreign-origin", "orders are not taken from pages of another origin");
    }
    let content_type = only(&parts.headers, &header::CONTENT_TYPE).unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    if !media_type.eq_ignore_ascii_case("application/json") {
        let message = "an order is JSON: send it with Content-Type: application/json";
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        return Err(Box::new(call.refuse(status, "not-json", message)));
    }
    Ok(())
}

/// Whether orders are taken over TCP from a client that has not the token for them.
fn check_stranger(known: Known, caller: Option<Caller>, call: &Call) -> Result<(), Box<Response>> {
    let forbid = |code, message: &str| call.refuse(StatusCode::FORBIDDEN, code, message);
    if known.as_whom == Bearer::Reader {
        let message = "this token is for questions alone: orders need the other";
        let challenge = r#"Bearer realm="bully", error="insufficient_scope""#;
        return Err(Box::new(challenged(forbid("token-read-only", message), challenge)));
    }
    if known.needs_admin || known.needs_read {
        return Err(Box::new(unauthorized(call, known)));
    }
    if !caller.is_some_and(Caller::is_loopback) {
        let message = "without a token for them orders are taken from this machine alone: give it \
                       there, over 127.0.0.1";
        return Err(Box::new(forbid("not-from-here", message)));
    }
    Ok(())
}

/// Whether the page that sends the order, where one does, was this node's.
fn is_same_origin(headers: &HeaderMap, schemes: &[&str]) -> bool {
    let host = only(headers, &header::HOST).unwrap_or_default();
    let is_same = |origin: &HeaderValue| {
        let origin = origin.to_str().unwrap_or_default();
        let named = schemes.iter().find_map(|scheme| origin.strip_prefix(scheme));
        named.is_some_and(|origin| origin.eq_ignore_ascii_case(host))
    };
    headers.get_all(header::ORIGIN).iter().all(is_same)
}

/// The header's value, where it is there once.
fn only<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

/// Whether that `Host` is one that no name server can give a meaning to.
fn is_loopback(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    address.parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback())
        || name.eq_ignore_ascii_case("localhost")
}
