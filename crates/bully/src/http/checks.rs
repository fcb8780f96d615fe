//! Checks for load balancers and supervisors: the status code is the answer, the body is for
//! people. A standby never redirects: HAProxy takes 3xx for up.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::call::Call;
use super::{App, json};
use crate::Role;

/// An event loop that has not turned for this long is stuck: it turns far more often.
const IDLE_MAX: Duration = Duration::from_secs(1);

/// 200 on the leader alone. An answer that is not waited for: whoever acts on it needs the token.
pub(super) async fn primary(State(app): State<Arc<App>>, call: Call) -> Response {
    if app.node.leads() {
        call.line(StatusCode::OK, "this node leads")
    } else {
        call.line(StatusCode::SERVICE_UNAVAILABLE, "this node does not lead")
    }
}

/// 200 on a node that follows a live leader.
pub(super) async fn replica(State(app): State<Arc<App>>, call: Call) -> Response {
    let view = app.node.sample();
    match &view.leader {
        // The leadership decides, as for `/primary`: no node is both.
        _ if app.node.leads() => call.line(StatusCode::SERVICE_UNAVAILABLE, "this node leads"),
        Some(leader) if view.role == Role::Follower => {
            call.line(StatusCode::OK, format!("this node follows {}", leader.node))
        }
        Some(_) => call.line(StatusCode::SERVICE_UNAVAILABLE, "this node follows nobody yet"),
        None => call.line(StatusCode::SERVICE_UNAVAILABLE, json::reason(&view)),
    }
}

/// 200 where a leader is known.
pub(super) async fn health(State(app): State<Arc<App>>, call: Call) -> Response {
    let view = app.node.sample();
    match &view.leader {
        Some(leader) => call.line(StatusCode::OK, format!("{} leads", leader.node)),
        None => call.line(StatusCode::SERVICE_UNAVAILABLE, json::reason(&view)),
    }
}

/// 200 while the event loop turns, whatever the peers do.
pub(super) async fn livez(State(app): State<Arc<App>>, call: Call) -> Response {
    let idle = app.node.idle_for();
    if idle < IDLE_MAX {
        call.line(StatusCode::OK, "alive")
    } else {
        let line = format!("the event loop has not turned for {} ms", idle.as_millis());
        call.line(StatusCode::SERVICE_UNAVAILABLE, line)
    }
}

/// 200 where the disk takes what is written: that this is answered shows that the listeners are
/// bound. Not "has a leader": a headless service would wait for itself.
pub(super) async fn readyz(State(app): State<Arc<App>>, call: Call) -> Response {
    if app.node.is_writable() {
        call.line(StatusCode::OK, "ready")
    } else {
        call.line(StatusCode::SERVICE_UNAVAILABLE, "the last write to the data directory failed")
    }
}
