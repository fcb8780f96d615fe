//! The real binary on loopback: hostile peers, the webhook, signals and ends, where
//! settings come from.

mod hostile;
mod killed;
mod node;
mod signals;
mod sources;
mod stalled_stderr;
mod webhook;
