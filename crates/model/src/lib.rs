//! Quorum mode's shipping core under an adversary with a budget: every way in which it can spend
//! that budget within a stretch of time is tried, and the laws of PROTOCOL.md are judged after each
//! step. What lies beyond is walked at random.
//!
//! **What is searched.** Left alone, the world takes one course: packets arrive at once and in
//! order, writes are synced, applications stop when told, and when nothing is on its way, time
//! jumps to the next deadline of any node. The adversary departs from that course a few times: it
//! keeps a packet for any later moment, kills a process before any of its steps, lets a write fail,
//! and so on ([`Fault`]). A search is whole if every way to do so was tried at every moment.
//!
//! **What is not.** Packets take no time unless they are kept, and time stops at deadlines alone.

mod budget;
mod choices;
mod clusters;
mod judge;
mod model;
mod net;
mod print;
mod scope;
mod scopes;
mod search;
mod seen;
mod state;
mod turn;
mod walk;
mod words;

pub use budget::{Budget, Fault};
pub use choices::Action;
pub use model::World;
pub use scope::{Begin, Scope, Spec, Stand};
pub use scopes::{large, small, walks};
pub use search::{Found, search};
pub use seen::{Seen, SeenSet};
pub use state::{Breach, Law, MS, State, address};
pub use walk::{Fallen, walk};
