//! Quorum mode's rules, held to one node at a time: the test is its driver, its disk, its clocks, its
//! peers and its application, and sees all that it does. Each test cites the rule whose sentence it
//! is; `scripts/mutants` names for each breakage of a rule the test here that must notice it.

#![allow(clippy::unchecked_time_subtraction, reason = "of times that the tests know")]

mod bench;
mod candidate;
mod durable;
mod effect;
mod genesis;
mod greet;
mod guardian;
mod handover;
mod health;
mod hostile;
mod join;
mod lease;
mod preempt;
mod reconfig;
mod reign;
mod resign;
mod vote;
mod words;
