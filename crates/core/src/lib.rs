//! The election protocol of bully as a pure state machine.
#![no_std]
extern crate alloc;
