//! The real binary on loopback: hostile peers, the webhook, commands.

mod hostile;
mod node;
mod webhook;
