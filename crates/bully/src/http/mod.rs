//! The HTTP interface of a node: who leads, the members, what happened, and checks for load
//! balancers.
//!
//! **Every answer is information and old when read.** What only a leader may do hangs on
//! [`Elector::leadership`], not on an answer from here.
//!
//! The caller owns the listener and the shutdown: [`app`] makes the routes, [`serve`] serves them.

mod call;
mod checks;
mod documents;
#[cfg(test)]
mod fake;
pub(crate) mod json;
mod leader;
mod serve;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::any;
use tokio::sync::watch;

use crate::{Elector, Entry, Leadership, Member, View};
use call::Call;

pub use serve::serve;

/// How the interface answers.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// `/leader` in text names the port too: `192.168.1.67:8117`, `[2001:db8::67]:8117`.
    pub show_port: bool,
}

/// The routes of a node. Methods other than GET, HEAD and OPTIONS get 405; OPTIONS has the status
/// of GET, since load balancers check with it.
pub fn app(elector: Elector, options: Options) -> Router {
    routes(Box::new(elector), options)
}

/// What the routes ask of a node, so that they can be tested with one in any state.
trait Node: Send + Sync + 'static {
    fn sample(&self) -> View;
    fn view(&self) -> watch::Receiver<View>;
    fn leadership(&self) -> Leadership;
    fn members(&self) -> Vec<Member>;
    fn history_since(&self, revision: u64) -> Vec<Entry>;
    fn run_id(&self) -> &str;
    fn idle_for(&self) -> Duration;
}

impl Node for Elector {
    fn sample(&self) -> View {
        self.sample()
    }
    fn view(&self) -> watch::Receiver<View> {
        self.view()
    }
    fn leadership(&self) -> Leadership {
        self.leadership()
    }
    fn members(&self) -> Vec<Member> {
        self.members()
    }
    fn history_since(&self, revision: u64) -> Vec<Entry> {
        self.history_since(revision)
    }
    fn run_id(&self) -> &str {
        self.run_id()
    }
    fn idle_for(&self) -> Duration {
        self.idle_for()
    }
}

/// What every handler is handed.
struct App {
    node: Box<dyn Node>,
    options: Options,
}

fn routes(node: Box<dyn Node>, options: Options) -> Router {
    Router::new()
        .route("/", any(index))
        .route("/leader", any(leader::leader))
        .route("/v1/status", any(documents::status))
        .route("/v1/members", any(documents::members))
        .route("/v1/history", any(documents::history))
        .route("/primary", any(checks::primary))
        .route("/read-write", any(checks::primary))
        .route("/replica", any(checks::replica))
        .route("/health", any(checks::health))
        .route("/livez", any(checks::livez))
        .route("/readyz", any(checks::readyz))
        .fallback(nowhere)
        .with_state(Arc::new(App { node, options }))
}

async fn index(call: Call) -> Response {
    call.line(
        StatusCode::OK,
        "bully: /leader /v1/status /v1/members /v1/history \
         /primary /read-write /replica /health /livez /readyz",
    )
}

async fn nowhere(request: Request) -> Response {
    let (parts, _) = request.into_parts();
    Call::new(&parts).refuse(StatusCode::NOT_FOUND, "not-found", "nothing is here: see /")
}
