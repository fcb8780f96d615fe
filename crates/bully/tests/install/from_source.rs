//! The README's way to install.

use std::process::Command;

use super::support::{read, root, run, stdout};

/// Without optimisation, and from the folder of this build: what takes minutes is the same.
#[test]
#[ignore = "make test-install"]
fn cargo_installs_the_program_as_the_readme_says() {
    let readme = read("README.md");
    let (_, section) = readme.split_once("\n## Install\n").expect("the README has this section");
    let line = section.lines().find_map(|line| line.strip_prefix("$ cargo install ")).expect("it");
    let folder = tempfile::tempdir().expect("a folder for the test");
    let target = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("target");
    stdout(
        Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
            .arg("install")
            .args(line.split(' '))
            .args(["--debug", "--quiet", "--root"])
            .arg(folder.path())
            .arg("--target-dir")
            .arg(target)
            .current_dir(root()),
    );
    let program = folder.path().join("bin/bully");
    let version = run(program.to_str().expect("text"), &["--version"]);
    assert_eq!(version, concat!("bully ", env!("CARGO_PKG_VERSION"), "\n"));
}
