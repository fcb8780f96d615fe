//! Quorum mode on real machines: the real binary on hosts with addresses and disks of their own.

mod clocks;
mod copies;
mod disks;
mod faults;
mod foundings;
mod freezes;
mod operators;
mod partial;
#[expect(dead_code, reason = "the tests of bully mode use the rest of it")]
#[path = "../lan/proc.rs"]
mod proc;
mod reigns;
mod rosters;
#[expect(dead_code, reason = "the tests of bully mode use the rest of it")]
#[path = "../lan/support.rs"]
mod support;
mod watch;
mod words;
