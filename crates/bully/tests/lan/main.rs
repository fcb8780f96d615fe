//! The real binary on hosts with addresses of their own, cut from one another, killed, frozen.

mod account;
mod bad_input;
mod chaos;
mod clocks;
mod deaths;
mod descriptors;
mod dice;
mod faults;
mod flapping;
mod frozen;
mod names;
mod partial;
mod proc;
mod quick_start;
mod readme;
mod silent_names;
mod starts;
mod support;
