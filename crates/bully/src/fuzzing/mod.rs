//! What must hold of hostile input: a function for each thing that reads what others wrote. Each takes
//! any bytes, and panics where the program is wrong, never because the bytes are.
//!
//! Built for tests, which run them on seeds, on mutations of those and on what was once found, and for
//! `fuzz/`, where libFuzzer looks for bytes that reach new code.

mod bytes;
mod drive;
mod fields;
mod node_bully;
mod node_quorum;
mod seeds;
#[cfg(test)]
mod tests;

use bully_core::Mode;

/// Something that reads hostile input.
pub struct Target {
    /// Its name: that of its program in `fuzz/fuzz_targets`, too.
    pub name: &'static str,
    run: fn(&[u8]),
    seeds: fn() -> Vec<Vec<u8>>,
}

impl Target {
    /// Has it read this.
    ///
    /// # Panics
    /// If the program is wrong.
    pub fn run(&self, data: &[u8]) {
        (self.run)(data);
    }

    /// Inputs to begin from.
    pub fn seeds(&self) -> Vec<Vec<u8>> {
        (self.seeds)()
    }
}

/// All of them.
pub const TARGETS: &[Target] = &[
    Target {
        name: "wire_bully",
        run: |data| crate::wire::fuzz::packet(data, Mode::Bully),
        seeds: seeds::packets,
    },
    Target {
        name: "wire_quorum",
        run: |data| crate::wire::fuzz::packet(data, Mode::Quorum),
        seeds: seeds::packets,
    },
    Target { name: "frames", run: crate::wire::fuzz::frames, seeds: seeds::streams },
    Target { name: "preamble", run: crate::wire::fuzz::preamble, seeds: seeds::preambles },
    Target { name: "handshake", run: crate::noise::fuzz::handshake, seeds: seeds::handshakes },
    Target { name: "records", run: crate::noise::fuzz::records, seeds: seeds::records },
    Target { name: "keys", run: crate::noise::fuzz::keys, seeds: seeds::keys },
    Target { name: "state", run: crate::store::fuzz::state, seeds: seeds::states },
    Target { name: "node_bully", run: node_bully::run, seeds: seeds::lives_in_bully_mode },
    Target { name: "node_quorum", run: node_quorum::run, seeds: seeds::lives_in_quorum_mode },
    #[cfg(feature = "http")]
    Target { name: "wait", run: crate::http::fuzz::wait, seeds: seeds::queries },
    #[cfg(feature = "cli")]
    Target { name: "argv", run: crate::cli::fuzz::command_line, seeds: seeds::command_lines },
    #[cfg(feature = "cli")]
    Target { name: "config", run: crate::cli::fuzz::configuration, seeds: seeds::configurations },
    #[cfg(feature = "cli")]
    Target { name: "places", run: crate::cli::fuzz::places, seeds: seeds::places },
];

/// The one with this name.
///
/// # Panics
/// If there is none.
pub fn target(name: &str) -> &'static Target {
    let target = TARGETS.iter().find(|target| target.name == name);
    target.unwrap_or_else(|| panic!("no target {name}"))
}

/// A complaint is one line that somebody can read, however long and whatever it is that is wrong.
pub(crate) fn assert_one_line(complaint: &str) {
    assert!(!complaint.is_empty());
    assert!(!complaint.contains(char::is_control), "{complaint:?}");
}
