//! Records kept as files: what a version has written, later ones must read.
//!
//! `BULLY_REWRITE=1 cargo test -p bully golden` writes them anew. A file that changes is a change
//! of the format: commit only one that you understand.

use std::collections::BTreeMap;
use std::sync::Once;

use super::*;

fn records() -> [(&'static str, Stored); 4] {
    [("accepted", accepted()), ("formed", formed()), ("fresh", fresh()), ("leaving", leaving())]
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/store/golden")
}

/// Sixteen bytes a line.
fn to_hex(bytes: &[u8]) -> String {
    let line = |bytes: &[u8]| {
        let words: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        words.join(" ") + "\n"
    };
    bytes.chunks(16).map(line).collect()
}

fn from_hex(text: &str) -> Vec<u8> {
    text.split_whitespace().map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect()
}

fn rewrite() {
    for (name, state) in records() {
        let path = folder().join(name).with_extension("hex");
        fs::write(path, to_hex(&record::to_bytes(CLUSTER, &state))).unwrap();
    }
}

fn kept() -> BTreeMap<String, Vec<u8>> {
    // Once, so that no test reads what another is writing.
    static REWRITE: Once = Once::new();
    if std::env::var_os("BULLY_REWRITE").is_some() {
        REWRITE.call_once(rewrite);
    }
    let entries = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    entries
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, from_hex(&fs::read_to_string(path).unwrap()))
        })
        .collect()
}

#[test]
fn golden_records_are_written_and_read() {
    let mut kept = kept();
    for (name, state) in records() {
        let bytes = kept.remove(name).unwrap_or_else(|| panic!("no golden record {name}"));
        assert_eq!(record::from_bytes(&bytes, CLUSTER), Ok(state.clone()), "{name}");
        assert_eq!(to_hex(&bytes), to_hex(&record::to_bytes(CLUSTER, &state)), "{name}");
    }
    assert_eq!(kept.keys().collect::<Vec<_>>(), Vec::<&String>::new(), "of no record");
}

#[test]
fn golden_records_may_hold_fields_that_this_version_does_not_know() {
    for (name, state) in records() {
        let bytes = kept().remove(name).unwrap();
        let payload = &bytes[20..];
        // Field 100, a number.
        let beside = record::seal(record::FORMAT, &[payload, &[0xa0, 0x06, 1]].concat());
        assert_eq!(record::from_bytes(&beside, CLUSTER), Ok(state), "{name}");
    }
}
