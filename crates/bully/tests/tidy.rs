//! The repository tests itself.

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the repository")
}

/// All files that end like this, below a folder; build output left out.
fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        if path.is_dir() && name != "target" && name != ".git" && name != "node_modules" {
            found.extend(files(&path, ending));
        } else if name.to_string_lossy().ends_with(ending) {
            found.push(path);
        }
    }
    found
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn no_source_file_is_longer_than_500_lines() {
    let sources = files(&root(), ".rs");
    assert!(sources.len() > 40, "the sources are where they were");
    for path in sources {
        let lines = read(&path).lines().count();
        assert!(lines <= 500, "{} has {lines} lines: move the walls", path.display());
    }
}

/// An engine that decides elsewhere shall only add a folder.
#[test]
fn nothing_above_elector_imports_the_core() {
    let source = root().join("crates/bully/src");
    let above = [source.join("http"), source.join("cli")];
    let mut above: Vec<PathBuf> = above.iter().flat_map(|folder| files(folder, ".rs")).collect();
    above.extend([source.join("main.rs"), source.join("view.rs"), source.join("lib.rs")]);
    assert!(above.len() > 20, "the interfaces are where they were");
    for path in above {
        assert!(!read(&path).contains("bully_core"), "{} imports bully-core", path.display());
    }
}

#[test]
fn every_link_between_documents_leads_somewhere() {
    for document in files(&root(), ".md") {
        let text = read(&document);
        let folder = document.parent().expect("a folder");
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = link.split('#').next().unwrap_or_default();
            if !file.is_empty() && !link.contains("://") {
                assert!(folder.join(file).exists(), "{}: {link}", document.display());
            }
        }
    }
}

#[test]
fn every_rule_file_of_the_core_is_in_the_architecture() {
    let architecture = read(&root().join("ARCHITECTURE.md"));
    for path in files(&root().join("crates/core/src"), ".rs") {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        if name != "mod.rs" && name != "lib.rs" && name != "tests.rs" {
            assert!(architecture.contains(&name), "ARCHITECTURE.md does not name {name}");
        }
    }
}

#[test]
fn every_file_and_folder_of_the_program_s_tests_is_in_the_architecture() {
    let architecture = read(&root().join("ARCHITECTURE.md"));
    let tests = fs::read_dir(root().join("crates/bully/tests")).expect("a folder").flatten();
    for entry in tests {
        let mut name = format!("tests/{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            name.push('/');
        }
        assert!(architecture.contains(&name), "ARCHITECTURE.md does not name {name}");
    }
}
