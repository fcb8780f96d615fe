//! The `bully` program.
fn main() {}
