//! Orders to a node: step down, hand over, another priority, a member to remove.
//!
//! As long as clients are not known by a secret, orders are taken from this machine alone. A web page
//! that is open in a browser on it may send requests from there as well, and so they must be such as
//! no page of another origin can send: JSON, which a browser asks leave for first, under one of this
//! node's own names, so that no foreign name that was led here passes for one.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{ConnectInfo, FromRequest, Request, State};
use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use serde::de::DeserializeOwned;
use tokio::time;

use super::call::{BODY_BYTES_MAX, Call, announced_bytes};
use super::{App, json};
use crate::Refused;

const ALLOW: HeaderValue = HeaderValue::from_static("POST");

/// A body comes with its head, or soon after.
const BODY_WITHIN: Duration = Duration::from_secs(5);

/// `/v1/step-down`: the leader hands over, to whom it likes.
pub(super) async fn step_down(
    State(app): State<Arc<App>>,
    order: Order<json::Nothing>,
) -> Response {
    order.outcome(app.node.step_down().await)
}

/// `/v1/transfer`: the leader hands over to that member.
pub(super) async fn transfer(
    State(app): State<Arc<App>>,
    order: Order<json::Transfer<'static>>,
) -> Response {
    order.outcome(app.node.transfer(&order.body.to).await)
}

/// `/v1/priority`: this node's, from now on until it ends.
pub(super) async fn priority(
    State(app): State<Arc<App>>,
    order: Order<json::Priority>,
) -> Response {
    order.outcome(app.node.set_priority(order.body.priority).await)
}

/// `/v1/members/remove`: the leader removes that member.
pub(super) async fn remove(
    State(app): State<Arc<App>>,
    order: Order<json::Remove<'static>>,
) -> Response {
    order.outcome(app.node.remove_member(&order.body.node).await)
}

/// An order that may be obeyed: it comes from whom it may, and makes sense.
pub(super) struct Order<T> {
    call: Call,
    body: T,
}

impl<T> Order<T> {
    fn outcome(&self, outcome: Result<(), Refused>) -> Response {
        match outcome {
            Ok(()) => self.call.json(StatusCode::OK, &json::Done { ok: true }),
            Err(refused) => {
                let (status, code) = status_and_code(&refused);
                self.call.refuse(status, code, &refused.to_string())
            }
        }
    }
}

fn status_and_code(refused: &Refused) -> (StatusCode, &'static str) {
    match refused {
        Refused::NotLeader { leader: Some(_) } => (StatusCode::CONFLICT, "not-leader"),
        Refused::NotLeader { leader: None } => (StatusCode::CONFLICT, json::NO_LEADER),
        Refused::NotMember(_) => (StatusCode::NOT_FOUND, "not-member"),
        Refused::LastElectable => (StatusCode::CONFLICT, "last-electable"),
        Refused::Myself => (StatusCode::CONFLICT, "myself"),
        Refused::NotNow => (StatusCode::CONFLICT, "not-now"),
        Refused::NeverLeads(_) => (StatusCode::CONFLICT, "never-leads"),
        Refused::Failed { .. } => (StatusCode::CONFLICT, "failed"),
        Refused::Priority(_) | Refused::Address(_) => (StatusCode::BAD_REQUEST, "bad-request"),
        Refused::Mode => (StatusCode::CONFLICT, "bully-mode"),
        Refused::NoSecret => (StatusCode::CONFLICT, "no-secret"),
        Refused::TimedOut => (StatusCode::GATEWAY_TIMEOUT, "timed-out"),
        Refused::Ended => (StatusCode::SERVICE_UNAVAILABLE, "ended"),
    }
}

impl<T: DeserializeOwned> FromRequest<Arc<App>> for Order<T> {
    type Rejection = Response;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Response> {
        let (parts, body) = request.into_parts();
        let call = Call::new(&parts);
        if parts.method != Method::POST {
            return Err(call.refuse_method(ALLOW, "only POST is answered here"));
        }
        let own_name = app.node.sample().node;
        check_origin(&parts, json::host(&own_name))
            .map_err(|(status, code, message)| call.refuse(status, code, &message))?;
        if announced_bytes(&parts.headers) > BODY_BYTES_MAX {
            return Err(call.too_large("no order is that long"));
        }
        let limit = usize::try_from(BODY_BYTES_MAX).unwrap_or(usize::MAX);
        let bytes = time::timeout(BODY_WITHIN, axum::body::to_bytes(body, limit)).await;
        let Ok(bytes) = bytes else {
            let message = format!("the body did not come within {BODY_WITHIN:?}");
            return Err(call.refuse(StatusCode::REQUEST_TIMEOUT, "slow-body", &message));
        };
        let wrong = |why: String| call.bad_request(&why.replace(char::is_control, " "));
        let bytes = bytes.map_err(|error| wrong(format!("the body cannot be read: {error}")))?;
        // An order that takes nothing may be given without a body.
        let bytes = if bytes.is_empty() { "{}".as_bytes() } else { &bytes };
        let body = serde_json::from_slice(bytes).map_err(|error| wrong(error.to_string()))?;
        Ok(Self { call, body })
    }
}

/// What proxies say of whom they speak for.
const PROXIES: [&str; 4] = ["forwarded", "via", "x-forwarded-for", "x-real-ip"];

/// The status, the code and the sentence of a refusal.
type Objection = (StatusCode, &'static str, String);

/// Whether the order comes from this machine, and from nobody's web page.
fn check_origin(parts: &Parts, own_name: &str) -> Result<(), Objection> {
    let client = parts.extensions.get::<ConnectInfo<SocketAddr>>();
    // A socket for both families shows addresses of the older one in the form of the newer.
    if !client.is_some_and(|ConnectInfo(client)| client.ip().to_canonical().is_loopback()) {
        let message = "orders are taken from this machine alone: give it there, over 127.0.0.1";
        return Err((StatusCode::FORBIDDEN, "not-from-here", message.to_owned()));
    }
    // It comes from this machine, too, whomever it speaks for.
    if PROXIES.iter().any(|name| parts.headers.contains_key(*name)) {
        let message = "orders are not taken by way of a proxy: give them to the node itself";
        return Err((StatusCode::FORBIDDEN, "by-proxy", message.to_owned()));
    }
    let host = only(&parts.headers, &header::HOST).unwrap_or_default();
    if !is_own(host, own_name) {
        let message =
            "orders are taken under this node's own names alone: ask 127.0.0.1 or localhost";
        return Err((StatusCode::MISDIRECTED_REQUEST, "foreign-host", message.to_owned()));
    }
    let is_same = |origin: &HeaderValue| {
        let origin = origin.to_str().ok().and_then(|origin| origin.strip_prefix("http://"));
        origin.is_some_and(|origin| origin.eq_ignore_ascii_case(host))
    };
    if !parts.headers.get_all(header::ORIGIN).iter().all(is_same) {
        let message = "orders are not taken from pages of another origin".to_owned();
        return Err((StatusCode::FORBIDDEN, "foreign-origin", message));
    }
    let content_type = only(&parts.headers, &header::CONTENT_TYPE).unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    if !media_type.eq_ignore_ascii_case("application/json") {
        let message = "an order is JSON: send it with Content-Type: application/json".to_owned();
        return Err((StatusCode::UNSUPPORTED_MEDIA_TYPE, "not-json", message));
    }
    Ok(())
}

/// The header's value, where it is there once.
fn only<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

/// Whether that `Host` is one that nobody else can give this node: an address, `localhost`, or the
/// host that it advertises.
fn is_own(host: &str, own_name: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    address.parse::<IpAddr>().is_ok()
        || name.eq_ignore_ascii_case("localhost")
        || name.eq_ignore_ascii_case(own_name)
}
