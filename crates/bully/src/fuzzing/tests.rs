//! The targets without an engine: on their seeds, on mutations of those, and on what was found once.

use std::collections::BTreeSet;
use std::fs;
use std::panic;
use std::path::{Path, PathBuf};

use super::{TARGETS, Target, target};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
    entries.map(|entry| entry.expect("a file").path()).collect()
}

/// Has the target read this, and says what it was if that fails.
fn run(target: &Target, what: &str, data: &[u8]) {
    let outcome = panic::catch_unwind(|| target.run(data));
    assert!(outcome.is_ok(), "{} fails on {what}: b\"{}\"", target.name, data.escape_ascii());
}

#[test]
fn every_target_has_its_program_and_the_other_way_round() {
    let fuzz = repository().join("fuzz");
    let manifest = fs::read_to_string(fuzz.join("Cargo.toml")).expect("a manifest");
    for target in TARGETS {
        let program =
            format!("[[bin]]\nname = \"{0}\"\npath = \"fuzz_targets/{0}.rs\"\n", target.name);
        assert!(manifest.contains(&program), "fuzz/Cargo.toml has no {}", target.name);
    }
    let name = |path: &PathBuf| path.file_stem().expect("a name").to_string_lossy().into_owned();
    let programs: BTreeSet<String> = files(&fuzz.join("fuzz_targets")).iter().map(name).collect();
    // Without the program's features some are not there to be asked for.
    if cfg!(feature = "cli") {
        assert_eq!(programs, TARGETS.iter().map(|target| target.name.to_owned()).collect());
    }
}

#[test]
fn every_target_takes_its_seeds_and_the_empty_input() {
    for target in TARGETS {
        let seeds = target.seeds();
        assert!(seeds.len() >= 4, "{} has {} seeds", target.name, seeds.len());
        run(target, "nothing", &[]);
        for seed in seeds {
            run(target, "a seed", &seed);
        }
    }
}

/// `found/TARGET-ANYTHING.hex`: what `make fuzz` has found, once it is mended.
#[test]
fn what_was_found_once_is_taken() {
    for path in files(&repository().join("crates/bully/src/fuzzing/found")) {
        if path.extension().is_none_or(|ending| ending != "hex") {
            continue;
        }
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).expect("a text");
        let byte = |byte| u8::from_str_radix(byte, 16).expect("two digits");
        let data: Vec<u8> = text.split_whitespace().map(byte).collect();
        run(target(name.split_once('-').expect("a target").0), &name, &data);
    }
}

/// Where there is no C++ compiler, this is what is left of fuzzing: less deep, and the same each time.
#[test]
fn every_target_takes_mutations_of_its_seeds() {
    for target in TARGETS {
        let seeds = target.seeds();
        let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
        for n in 0..1_500 {
            let mut data = seeds[dice.below(seeds.len())].clone();
            for _ in 0..=dice.below(5) {
                mutate(&mut data, &mut dice, &seeds);
            }
            run(target, &format!("mutation {n}"), &data);
        }
    }
}

fn mutate(data: &mut Vec<u8>, dice: &mut Dice, seeds: &[Vec<u8>]) {
    let at = dice.below(data.len() + 1);
    match dice.below(6) {
        0 => data.truncate(at),
        1 => data.insert(at, dice.byte()),
        2 => {
            let other = &seeds[dice.below(seeds.len())];
            data.truncate(at);
            data.extend(&other[dice.below(other.len() + 1)..]);
        }
        3 => {
            let again = data[at..].to_vec();
            data.extend(&again[..again.len().min(64)]);
        }
        _ if at == data.len() => data.push(dice.byte()),
        4 => data[at] ^= 1 << dice.below(8),
        _ => data[at] = dice.byte(),
    }
}

/// Xorshift: the same each time, everywhere.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, count: usize) -> usize {
        let count = u64::try_from(count.max(1)).expect("a small number");
        usize::try_from(self.roll() % count).expect("smaller")
    }

    fn byte(&mut self) -> u8 {
        [0, 1, 0x7f, 0x80, 0xff, self.roll().to_le_bytes()[3]][self.below(6)]
    }
}
