//! The real binary on hosts with addresses of their own, cut from one another, killed, frozen.

mod account;
mod bad_input;
mod chaos;
mod deaths;
mod faults;
mod frozen;
mod names;
mod partial;
mod proc;
mod quick_start;
mod readme;
mod silent_names;
mod starts;
mod support;
