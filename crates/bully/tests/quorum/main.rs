//! Quorum mode on real machines: the real binary on hosts with addresses and disks of their own.

mod operators;
#[expect(dead_code, reason = "the tests of bully mode use the rest of it")]
#[path = "../lan/proc.rs"]
mod proc;
mod rosters;
#[expect(dead_code, reason = "the tests of bully mode use the rest of it")]
#[path = "../lan/support.rs"]
mod support;
mod words;
