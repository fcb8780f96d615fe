//! The JSON documents under `/v1`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::call::Call;
use super::{App, json};

/// The status of the node: always 200, leader or not.
pub(super) async fn status(State(app): State<Arc<App>>, call: Call) -> Response {
    let view = app.node.sample();
    let key = app.node.key().map(|key| key.to_string().into());
    let status = json::Status { key, ..json::Status::new(&view, app.node.run_id()) };
    call.json(StatusCode::OK, &status)
}

/// All members that the node knows.
pub(super) async fn members(State(app): State<Arc<App>>, call: Call) -> Response {
    // The revision first: a client that watches from it may see a change twice, but misses none.
    let view = app.node.sample();
    let members = app.node.members();
    call.json(StatusCode::OK, &json::Members::new(&members, &view, app.node.run_id()))
}

#[derive(Default, Deserialize)]
struct Parameters {
    limit: Option<String>,
    after: Option<String>,
}

/// What happened, oldest first: all of it, or the last `limit` entries, or the first `limit`
/// entries after the one named by `after`. An entry of another run is before all of this one's.
pub(super) async fn history(State(app): State<Arc<App>>, call: Call) -> Response {
    let Parameters { limit, after } = match call.query() {
        Ok(parameters) => parameters,
        Err(refusal) => return *refusal,
    };
    let Ok(limit) = limit.map(|text| text.parse::<usize>()).transpose() else {
        return call.bad_request("limit: expected a number of entries, 0 or more");
    };
    let run = app.node.run_id();
    let since = match after.as_deref().map(|id| revision_of(id, run)) {
        None => 0,
        Some(Some(revision)) => revision,
        Some(None) => {
            return call.bad_request("after: expected a revision, as a node's answer has it");
        }
    };
    let view = app.node.sample();
    let entries = app.node.history_since(since);
    let revision = entries.last().map_or(view.revision, |last| view.revision.max(last.revision));
    let count = limit.map_or(entries.len(), |limit| limit.min(entries.len()));
    let shown = if after.is_some() { &entries[..count] } else { &entries[entries.len() - count..] };
    call.json(StatusCode::OK, &json::History::new(shown, view.mode, run, revision))
}

/// The number in `<run>.<revision>` or in a bare number: 0 where the run is another.
fn revision_of(id: &str, run: &str) -> Option<u64> {
    let (of_run, revision) = match id.rsplit_once('.') {
        Some((of_run, revision)) => (of_run, revision),
        None => (run, id),
    };
    let revision = revision.parse().ok()?;
    Some(if of_run == run { revision } else { 0 })
}
