//! The real binary on loopback: hostile peers, the webhook, signals, where
//! settings come from.

mod hostile;
mod node;
mod signals;
mod sources;
mod stalled_stderr;
mod webhook;
