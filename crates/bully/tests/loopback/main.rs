//! The real binary on loopback: hostile peers, the webhook, signals and ends, where
//! settings come from, who is answered over HTTP.

mod hostile;
mod keys;
mod killed;
mod node;
mod reload;
mod secret;
mod signals;
mod sources;
mod stalled_stderr;
mod tls;
mod tokens;
mod unix;
mod webhook;
