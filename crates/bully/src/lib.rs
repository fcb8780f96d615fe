//! Leader election that one just runs.

#[cfg(feature = "cli")]
pub mod cli;
