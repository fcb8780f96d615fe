//! The election protocol of bully as a pure state machine: no clock, no socket, no thread, no
//! randomness. The daemon, the simulator and the model checker run this code.
//!
//! In bully mode every connected group of nodes has a leader, so **a split network has two**:
//! nothing here is a lock. In quorum mode, which has a node of its own in [`quorum`], at most one node
//! leads at any moment. The rules and their numbers (A1, N3, Q2, …) are in `PROTOCOL.md`.
//!
//! # The contract
//! A driver owns the [`Node`], the sockets and the clocks, and
//! - performs outputs in order, all of them, before the next input;
//! - hands over every message that has arrived before it hands over a timeout, so that a node
//!   that was starved reads what it missed before it suspects anybody;
//! - may send a timeout at any time: a spurious one does nothing.
//!
//! ```
//! use std::collections::VecDeque;
//! use std::sync::Arc;
//! use std::time::Duration;
//! use bully_core::{Address, Config, Input, Inst, Mode, Node, Now, Output, Stored, Tick};
//!
//! let config = Config {
//!     cluster: Arc::from("bully"),
//!     mode: Mode::Bully,
//!     id: Address::new("192.168.1.67", 8117),
//!     ip: None,
//!     inst: Inst(7),
//!     places: Vec::new(),
//!     priority: 100,
//!     preempt: true,
//!     heartbeat: Duration::from_millis(100),
//!     persist: false,
//! };
//! let mut node = Node::new(config, Stored::default(), 1);
//! let mut now = Now { fast: Tick(0), slow: Tick(0), wall_ms: 1_795_400_798_000 };
//! let mut inputs = VecDeque::from([Input::Start]);
//!
//! while !node.leadership(now).is_leader() {
//!     // What has arrived comes first; with nothing there, sleep until the timeout.
//!     let input = inputs.pop_front().unwrap_or_else(|| {
//!         let pause = node.poll_timeout(now).expect("a node that seeks a leader waits for something");
//!         now.fast = now.fast.after(pause);
//!         now.slow = now.slow.after(pause);
//!         Input::Timeout
//!     });
//!     node.handle(input, now);
//!     while let Some(output) = node.poll_output() {
//!         match output {
//!             Output::Send { .. } | Output::Dial { .. } | Output::Close { .. } => { /* sockets */ }
//!             Output::Persist { id, .. } => inputs.push_back(Input::Persisted { id }),
//!             Output::Event(event) => println!("{event:?}"),
//!             _ => {}
//!         }
//!     }
//! }
//! ```
#![no_std]
extern crate alloc;
#[cfg(bully_mutant = "any")]
extern crate std;

#[cfg(bully_mutant = "any")]
#[macro_use]
mod mutant;

mod bully;
mod config;
mod event;
mod members;
mod message;
mod node;
pub mod quorum;
mod status;
mod timer;
mod types;

pub use config::{Config, ConfigError, Stored};
pub use event::{Cause, DialError, Event};
pub use message::{
    Beat, BeatAck, Hello, Leave, Listed, Member, Message, NackReason, Query, QueryAck, Report,
};
pub use node::{Input, LinkId, Node, Output, PersistId, Proposal};
pub use status::{
    LeaderView, Leaderless, Leadership, MemberRole, MemberState, MemberView, Role, Status,
};
pub use types::{Address, AddressError, Claim, Epoch, Host, Inst, Mode, NUMBER_MAX, Now, Tick};
