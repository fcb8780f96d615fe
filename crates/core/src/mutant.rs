//! Only in a build with `--cfg bully_mutant="any"`: which rule is broken is chosen when a test runs, so
//! that one build serves all of `scripts/mutants`.

use std::string::String;
use std::sync::OnceLock;

/// What it is elsewhere, but for `cfg!(bully_mutant = "name")`: that asks the environment.
macro_rules! cfg {
    (bully_mutant = $name:literal) => {
        crate::mutant::is($name)
    };
    ($($other:tt)*) => {
        ::core::cfg!($($other)*)
    };
}

/// Whether `BULLY_MUTANT` names this one.
pub(crate) fn is(name: &str) -> bool {
    static CHOSEN: OnceLock<String> = OnceLock::new();
    CHOSEN.get_or_init(|| std::env::var("BULLY_MUTANT").unwrap_or_default()) == name
}
