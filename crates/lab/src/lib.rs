//! Hosts in network namespaces: start programs on them, cut them from one another, freeze them,
//! kill them; for end-to-end tests and benchmarks.
//!
//! The whole lab, bridge included, lives in namespaces of its own, held by processes that end
//! with it: the machine gets no interface, address, route or file, and nothing is left behind,
//! even if the test process is killed. Root is not needed where the kernel gives unprivileged
//! user namespaces. What it needs besides: util-linux, iproute2, a shell, curl for requests, and a
//! C compiler for clocks that are set and disks that fail.
//!
//! Hosts have their own network and `/var/lib/bully`. They share the machine's clocks, process
//! ids, other files and processors: a frozen program is a frozen program, and a frozen host is an
//! isolated one with all its programs stopped. Clocks that are wrong ([`Clocks`]) and disks that fail
//! ([`SickDisk`]) are a program's own, not its host's: it finds them by its environment.
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use bully_lab::{LabConfig, lab_or_skip};
//!
//! let second = Duration::from_secs(1);
//! let Some(lab) = lab_or_skip("the_rest_notice_a_host_that_vanished", &LabConfig::of(3)) else {
//!     return Ok(());
//! };
//! let nodes: Vec<_> = (lab.hosts().iter())
//!     .map(|host| host.spawn("bully", ["-nodes=host67,host68,host69"]))
//!     .collect::<Result<_, _>>()?;
//! nodes[1].wait_for_line(|line| line.contains("leader"), second)?;
//!
//! lab.isolate(2)?;
//! nodes[1].wait_for_line(|line| line.contains("192.168.1.69"), second)?;
//! lab.heal()?;
//!
//! let reply = lab.host(0).http_get("8080/leader", second)?;
//! assert_eq!(reply.status, 200);
//! nodes[0].terminate();
//! assert!(nodes[0].wait(second).is_some_and(|status| status.success()));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod clocks;
mod config;
mod disk;
mod error;
mod fault;
mod host;
mod http;
mod lab;
mod namespace;
mod process;
mod shim;
mod skip;
mod state;

pub use clocks::Clocks;
pub use config::LabConfig;
pub use disk::{DiskError, SickDisk};
pub use error::{LabError, Unavailable};
pub use host::Host;
pub use http::HttpReply;
pub use lab::Lab;
pub use process::{Line, Process, Stream};
pub use shim::{Env, merged};
pub use skip::lab_or_skip;
pub use state::SavedState;
