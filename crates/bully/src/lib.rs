//! Leader election that one just runs.

mod link;
mod wire;
