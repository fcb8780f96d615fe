//! Orders to a node: step down, hand over, another priority, a member to remove.
//!
//! They are taken from whoever has the token for them, over a Unix socket, and, where there is no
//! token, from this machine (`gate.rs`). A web page that is open in a browser on it may send requests
//! from there as well, and so they must be such as no page of another origin can send: JSON, which a
//! browser asks leave for first, under one of this node's own names, so that no foreign name that was
//! led here passes for one.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{FromRequest, Request, State};
use axum::http::header::HeaderValue;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use serde::de::DeserializeOwned;
use tokio::time;

use super::call::{BODY_BYTES_MAX, Call, announced_bytes};
use super::{App, gate, json};
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
        gate::check_order(app, &parts, &call).map_err(|refusal| *refusal)?;
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
