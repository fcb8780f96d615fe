//! Fuzz targets as programs of libFuzzer. What they do stands in crates/bully/src/fuzzing.

use std::path::PathBuf;

#[doc(hidden)]
pub use libfuzzer_sys;

/// The program of the target with this name.
#[macro_export]
macro_rules! target {
    ($name:ident) => {
        $crate::libfuzzer_sys::fuzz_target!(
            init: $crate::plant(stringify!($name)),
            |data: &[u8]| $crate::run(stringify!($name), data)
        );
    };
}

/// Writes the seeds of a target into the folder that `BULLY_FUZZ_SEEDS` names, from which libFuzzer
/// then begins.
pub fn plant(name: &str) {
    let Some(folder) = std::env::var_os("BULLY_FUZZ_SEEDS").map(PathBuf::from) else { return };
    for (n, seed) in bully::fuzzing::target(name).seeds().iter().enumerate() {
        let path = folder.join(format!("seed-{n}"));
        std::fs::write(&path, seed).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
}

/// One run.
pub fn run(name: &str, data: &[u8]) {
    bully::fuzzing::target(name).run(data);
}
