//! The resources of docs/fencing.md, as they stand there, run against what they are to withstand.

mod client;
mod file;
mod postgres;
mod service;
mod sql;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Far above what anything here takes.
const DEADLINE: Duration = Duration::from_secs(30);

/// The block of the document that follows this comment.
fn block(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/fencing.md");
    let document = std::fs::read_to_string(path).expect("the document");
    let comment = format!("<!-- run by tests/fencing: {name} -->\n```");
    let (_, rest) = document.split_once(&comment).expect("the document has this block");
    let (_, rest) = rest.split_once('\n').expect("a language");
    let (block, _) = rest.split_once("```").expect("the block ends");
    assert!(block.lines().count() <= 30, "{name}: what people are to copy fits a screen");
    block.to_owned()
}

/// A program of `PATH`, or of where Debian keeps PostgreSQL's; none where it is not installed and
/// nobody counts on it.
fn program(test: &str, name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let versions = versions.map(|version| version.path().join("bin"));
    let found = std::env::split_paths(&path).chain(versions).map(|folder| folder.join(name));
    let found = found.into_iter().find(|file| file.is_file());
    if found.is_none() {
        let ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
        assert!(!ci, "{test} must not be skipped where CI=true: {name} is not installed");
        eprintln!("skipped: {test}: {name} is not installed");
    }
    found
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < DEADLINE, "not within {DEADLINE:?}: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
