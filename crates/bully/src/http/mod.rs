//! The HTTP interface of a node: who leads, the members, what happened, checks for load balancers,
//! and orders.
//!
//! **Every answer is information and old when read.** What only a leader may do hangs on
//! [`Elector::leadership`](crate::Elector::leadership), not on an answer from here.
//!
//! The caller owns the listener and the shutdown: [`app`] makes the routes, [`serve`] serves them over
//! TCP, [`serve_unix`] over a Unix socket, and, with the feature `tls`, `serve_tls` over TLS. Who may
//! ask and who may give orders is [`Options::access`].

mod access;
mod call;
mod caller;
mod checks;
mod control;
mod documents;
#[cfg(test)]
mod fake;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod gate;
pub(crate) mod json;
mod leader;
mod patient;
mod serve;
#[cfg(test)]
mod tests;
#[cfg(feature = "tls")]
mod tls;

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::Response;
use axum::routing::any;
use tokio::sync::watch;

use crate::{Elector, Entry, Member, PeerKey, Refused, View};
use call::Call;

pub use access::{Access, BearerToken, Tokens};
pub use caller::Caller;
#[cfg(feature = "tls")]
pub use serve::serve_tls;
pub use serve::{serve, serve_unix};
#[cfg(feature = "tls")]
pub use tls::Tls;

/// How the interface answers, and whom.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// `/leader` in text names the port too: `192.168.1.67:8117`, `[2001:db8::67]:8117`.
    pub show_port: bool,
    /// Who may ask, and who may give orders. By default everybody may ask, and orders are taken over
    /// loopback and Unix sockets.
    pub access: Access,
}

/// The routes of a node. Questions are asked with GET, HEAD and OPTIONS, of which OPTIONS has the
/// status of GET, since load balancers check with it; orders are given with POST; whatever else
/// comes gets 405.
///
/// Orders are taken over loopback and over Unix sockets without a token, and so only where the routes
/// are told who asks: by [`serve`] and its like, or by another server through [`Caller`].
///
/// The checks of load balancers are answered to everybody; where there is a token for questions, with
/// the status alone to those who do not send it.
pub fn app(elector: Elector, options: Options) -> Router {
    routes(Box::new(elector), options)
}

/// What comes of an order, once something does.
type Obeyed<'a> = Pin<Box<dyn Future<Output = Result<(), Refused>> + Send + 'a>>;

/// What the routes ask of a node, so that they can be tested with one in any state.
trait Node: Send + Sync + 'static {
    fn sample(&self) -> View;
    fn view(&self) -> watch::Receiver<View>;
    fn leads(&self) -> bool;
    fn is_writable(&self) -> bool;
    fn members(&self) -> Vec<Member>;
    fn history_since(&self, revision: u64) -> Vec<Entry>;
    fn run_id(&self) -> &str;
    fn key(&self) -> Option<PeerKey>;
    fn idle_for(&self) -> Duration;
    fn step_down(&self) -> Obeyed<'_>;
    fn transfer<'a>(&'a self, to: &'a str) -> Obeyed<'a>;
    fn set_priority(&self, priority: u32) -> Obeyed<'_>;
    fn remove_member<'a>(&'a self, node: &'a str) -> Obeyed<'a>;
}

impl Node for Elector {
    fn sample(&self) -> View {
        self.sample()
    }
    fn view(&self) -> watch::Receiver<View> {
        self.view()
    }
    fn leads(&self) -> bool {
        self.leads()
    }
    fn is_writable(&self) -> bool {
        self.is_writable()
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
    fn key(&self) -> Option<PeerKey> {
        self.key()
    }
    fn idle_for(&self) -> Duration {
        self.idle_for()
    }
    fn step_down(&self) -> Obeyed<'_> {
        Box::pin(self.resign())
    }
    fn transfer<'a>(&'a self, to: &'a str) -> Obeyed<'a> {
        Box::pin(self.transfer(to))
    }
    fn set_priority(&self, priority: u32) -> Obeyed<'_> {
        Box::pin(self.set_priority(priority))
    }
    fn remove_member<'a>(&'a self, node: &'a str) -> Obeyed<'a> {
        Box::pin(self.remove_member(node))
    }
}

/// What every handler is handed.
struct App {
    node: Box<dyn Node>,
    options: Options,
}

fn routes(node: Box<dyn Node>, options: Options) -> Router {
    let app = Arc::new(App { node, options });
    // Whatever is not here is a question too, and tells nobody what there is.
    let questions = Router::new()
        .route("/", any(index))
        .route("/leader", any(leader::leader))
        .route("/v1/status", any(documents::status))
        .route("/v1/members", any(documents::members))
        .route("/v1/history", any(documents::history))
        .fallback(nowhere)
        .layer(from_fn_with_state(Arc::clone(&app), gate::questions));
    let checks = Router::new()
        .route("/primary", any(checks::primary))
        .route("/read-write", any(checks::primary))
        .route("/replica", any(checks::replica))
        .route("/health", any(checks::health))
        .route("/livez", any(checks::livez))
        .route("/readyz", any(checks::readyz))
        .route_layer(from_fn_with_state(Arc::clone(&app), gate::checks));
    // Each looks itself whether it is to be obeyed.
    let orders = Router::new()
        .route("/v1/step-down", any(control::step_down))
        .route("/v1/transfer", any(control::transfer))
        .route("/v1/priority", any(control::priority))
        .route("/v1/members/remove", any(control::remove));
    questions.merge(checks).merge(orders).layer(from_fn(gate::with_policy)).with_state(app)
}

async fn index(call: Call) -> Response {
    call.line(
        StatusCode::OK,
        "bully: /leader /v1/status /v1/members /v1/history \
         /primary /read-write /replica /health /livez /readyz; from this machine, or with \
         the token for it, POST \
         /v1/step-down /v1/transfer /v1/priority /v1/members/remove",
    )
}

async fn nowhere(request: Request) -> Response {
    let (parts, _) = request.into_parts();
    Call::new(&parts).refuse(StatusCode::NOT_FOUND, "not-found", "nothing is here: see /")
}
