//! Quorum mode on real machines: the real binary on hosts with addresses and disks of their own.

mod operators;
#[path = "../lan/proc.rs"]
mod proc;
mod rosters;
#[path = "../lan/support.rs"]
mod support;
mod words;
