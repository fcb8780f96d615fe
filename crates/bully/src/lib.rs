//! Leader election that one just runs.
