//! The real binary on hosts with addresses of their own, cut from one another, killed, frozen.

mod bad_input;
mod chaos;
mod faults;
mod names;
mod quick_start;
mod readme;
mod silent_names;
mod support;
