//! Leader election that one just runs: no store beside it, and the machines agree which of them
//! leads.
//!
//! **In bully mode, the default, a split network has two leaders**, one on each side, until it
//! heals. Use it for work that may be done twice, or that something else fences.
//!
//! ```
//! use bully::Elector;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), bully::StartError> {
//! // Each machine lists all of them. Here one stands alone, on a free port of this machine.
//! let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
//! let elector = Elector::builder()
//!     .nodes([listener.local_addr()?.to_string()])
//!     .listener(listener)
//!     .start()
//!     .await?;
//!
//! let mut view = elector.view();
//! view.wait_for(|view| view.leader.is_some()).await.expect("the node runs");
//!
//! if elector.leadership().is_leader() {
//!     // One step of the leader's work; then ask again.
//! }
//! elector.shutdown().await;
//! assert!(!elector.leadership().is_leader());
//! # Ok(())
//! # }
//! ```

mod alarm;
mod builder;
#[cfg(feature = "cli")]
pub mod cli;
mod clock;
mod driver;
mod elector;
mod error;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
#[cfg(feature = "http")]
pub mod http;
mod identity;
mod journal;
mod link;
#[doc(hidden)]
pub mod measure;
mod node;
mod noise;
mod place;
mod random;
#[cfg(feature = "cli")]
mod repair;
mod secret;
mod shared;
mod shortage;
mod store;
mod view;
mod wire;

pub use builder::Builder;
pub use elector::Elector;
pub use error::{Refused, StartError};
pub use journal::NOTICE;
pub use noise::{PeerKey, Pins, PinsError};
pub use secret::{Secret, SecretError, Secrets};
pub use store::StoreError;
pub use view::{
    Entry, EntryKind, Leader, Leadership, Member, MemberRole, MemberState, Mode, Role, Token, View,
};
