//! `/leader`: who leads, from every node alike.

use std::fmt::Write;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use tokio::time::{self, Instant};

use super::call::Call;
use super::{App, Node, json};
use crate::{Leader, Mode, View};

const WAIT: Duration = Duration::from_secs(2);

/// The bound that the command line has too.
pub(super) const WAIT_MAX: Duration = Duration::from_secs(60 * 60);

/// Between two samples while waiting: what a sample says may change without the watch, which is
/// silent while the node's own loop is frozen.
const SAMPLE_EVERY: Duration = Duration::from_millis(100);

const NO_TOKEN: &str =
    "token: bully mode has none: its epoch fences nothing, since a split has two leaders";

#[derive(Default, Deserialize)]
struct Parameters {
    wait: Option<String>,
    token: Option<String>,
}

/// What the client asks for.
pub(super) struct Question {
    /// How long it would wait.
    pub(super) wait: Duration,
    /// Whether it wants the token beside the address.
    wants_token: bool,
}

/// Answers with the leader, or says why there is none, once no outcome is near or the time is up.
pub(super) async fn leader(State(app): State<Arc<App>>, call: Call) -> Response {
    let Question { wait, wants_token } = match question(&call) {
        Ok(question) => question,
        Err(refusal) => return *refusal,
    };
    let mut view = app.node.sample();
    if wants_token && view.mode == Mode::Bully {
        return call.bad_request(NO_TOKEN);
    }
    if is_open(&view) && !wait.is_zero() {
        view = outcome(&*app.node, wait).await;
    }
    let status =
        if view.leader.is_some() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    if call.wants_json() {
        return call.json(status, &json::Status::new(&view, app.node.run_id()));
    }
    let Some(leader) = &view.leader else {
        return call.line(status, json::reason(&view));
    };
    let mut line = line(leader, app.options.show_port);
    if wants_token {
        let Some(token) = view.token else {
            let why = format!("the token of {} is not known yet", leader.node);
            return call.line(StatusCode::SERVICE_UNAVAILABLE, why);
        };
        write!(line, "\t{token}").expect("a string takes any text");
    }
    line.push('\n');
    call.text(status, line)
}

/// Whether it is worth waiting for what comes of an election.
fn is_open(view: &View) -> bool {
    view.leader.is_none() && view.pending
}

/// Waits for the outcome of the election that is under way.
async fn outcome(node: &dyn Node, wait: Duration) -> View {
    let deadline = Instant::now() + wait;
    // Taken before the sample, so that no change falls between the two; an old one wakes for
    // nothing.
    let mut changes = node.view();
    loop {
        let view = node.sample();
        let now = Instant::now();
        if !is_open(&view) || now >= deadline {
            return view;
        }
        let next = deadline.min(now + SAMPLE_EVERY);
        if let Ok(Err(_)) = time::timeout_at(next, changes.changed()).await {
            // The node has ended: nothing more will come.
            return node.sample();
        }
    }
}

pub(super) fn question(call: &Call) -> Result<Question, Box<Response>> {
    let Parameters { wait: text, token } = call.query()?;
    let wait = text.map_or(Ok(WAIT), |text| wait(call, &text))?;
    let wants_token = match token.as_deref() {
        None | Some("0" | "false") => false,
        Some("1" | "true") => true,
        Some(_) => {
            return Err(call.bad_request("token: expected 1, 0, true or false").into());
        }
    };
    Ok(Question { wait, wants_token })
}

fn wait(call: &Call, text: &str) -> Result<Duration, Box<Response>> {
    // A bare number would be read as seconds by some and as milliseconds by others.
    let is_bare = text.bytes().all(|b| b.is_ascii_digit());
    match humantime::parse_duration(text) {
        Ok(wait) if !is_bare && wait <= WAIT_MAX => Ok(wait),
        Ok(_) if !is_bare => Err(call.bad_request("wait: at most 1h").into()),
        _ => {
            Err(call.bad_request("wait: expected a duration with its unit, as 500ms or 2s").into())
        }
    }
}

/// `192.168.1.67`, or with the port; in one allocation, with room for a token and the line end.
fn line(leader: &Leader, show_port: bool) -> String {
    let mut line = String::with_capacity(64);
    let written = match (leader.ip, show_port) {
        (Some(IpAddr::V6(ip)), true) => write!(line, "[{ip}]:{}", leader.port),
        (Some(ip), true) => write!(line, "{ip}:{}", leader.port),
        (Some(ip), false) => write!(line, "{ip}"),
        (None, true) => write!(line, "{}", leader.node),
        (None, false) => write!(line, "{}", json::host(&leader.node)),
    };
    written.expect("a string takes any text");
    line
}
