//! Leader election that one just runs: no store beside it, and the machines agree which of them
//! leads.
//!
//! **In bully mode, the default, a split network has two leaders**, one on each side, until it
//! heals. Use it for work that may be done twice, or that something else fences.
//!
//! ```no_run
//! use bully::Elector;
//!
//! # async fn work() -> Result<(), bully::StartError> {
//! let elector = Elector::builder()
//!     .nodes(["192.168.1.67", "192.168.1.68", "192.168.1.69"])
//!     .start()
//!     .await?;
//! loop {
//!     if elector.leadership().is_leader() {
//!         // One step of the leader's work; then ask again.
//!     }
//!     tokio::time::sleep(std::time::Duration::from_millis(50)).await;
//! #   break;
//! }
//! elector.shutdown().await;
//! # Ok(())
//! # }
//! ```

#[cfg(feature = "cli")]
pub mod cli;
mod clock;
mod driver;
mod elector;
#[cfg(feature = "http")]
pub mod http;
mod identity;
mod journal;
mod link;
mod shared;
mod view;
mod wire;

pub use elector::{Builder, Elector, StartError};
pub use journal::NOTICE;
pub use view::{
    Entry, EntryKind, Leader, Leadership, Member, MemberRole, MemberState, Mode, Role, View,
};
