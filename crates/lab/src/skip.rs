//! Tests on machines that give no namespaces.

use std::io::{self, Write};

use crate::{Lab, LabConfig};

/// The lab for a test, or `None` and a line `skipped: <test>: <reason>` on standard error where
/// namespaces cannot be had.
///
/// # Panics
/// Where the lab cannot be built although there are namespaces; and where there are none but the
/// environment has `CI=true`, so that a test run nobody watches does not pass by skipping.
pub fn lab_or_skip(test: &str, config: &LabConfig) -> Option<Lab> {
    let forced = config.force_user_namespace;
    if let Err(reason) = Lab::available_with(forced) {
        let ci = std::env::var_os("CI").is_some_and(|value| value == "true");
        assert!(!ci, "{test} must not be skipped where CI=true: {reason}");
        // Not by a macro: the test harness would keep what those print of a test that passes.
        let _ = writeln!(io::stderr(), "skipped: {test}: {reason}");
        return None;
    }
    match Lab::new(config) {
        Ok(lab) => Some(lab),
        Err(error) => panic!("{test}: {error}"),
    }
}
