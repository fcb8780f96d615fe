//! The systemd service, and the configuration that comes with it.

use std::process::Command;

use bully::Mode;
use bully::cli::Key;
use serde_json::Value;

use super::support::{bully, have, output, read, stdout};

const UNIT: &str = "packaging/deb/bully.service";
const CONFIGURATION: &str = "packaging/deb/bully.toml";

fn configured(text: &str) -> Value {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = folder.path().join("bully.toml");
    std::fs::write(&path, text).expect("is written");
    let config = format!("-config={}", path.display());
    let printed = stdout(bully().args(["config", "-json", &config]));
    serde_json::from_str(&printed).expect("JSON")
}

#[test]
fn the_configuration_of_the_service_says_nothing_until_it_is_edited() {
    let values = configured(&read(CONFIGURATION));
    for key in Key::ALL.map(Key::name) {
        assert_eq!(values[key]["from"], "default", "{key}");
    }
}

#[test]
fn each_line_of_the_configuration_that_is_commented_out_works_and_shows_the_default() {
    // Prose has a blank after the sign, a key has none.
    let is_key = |line: &str| line.starts_with(|c: char| c.is_ascii_lowercase());
    let uncomment = |line: &str| match line.strip_prefix('#') {
        Some(rest) if is_key(rest) => format!("{rest}\n"),
        _ => String::new(),
    };
    let all: String = read(CONFIGURATION).lines().map(uncomment).collect();
    // What quorum mode alone has is refused in the other.
    let of_quorum = [Key::Lease, Key::DataDir, Key::Moved];
    let is_of_quorum = |line: &&str| of_quorum.iter().any(|key| line.starts_with(key.name()));
    let bully: Vec<&str> = all.lines().filter(|line| !is_of_quorum(line)).collect();
    let quorum = all.replace("mode = \"bully\"", "mode = \"quorum\"");
    for (mode, values, defaults) in [
        (Mode::Bully, configured(&bully.join("\n")), configured("")),
        (Mode::Quorum, configured(&quorum), configured("mode = \"quorum\"")),
    ] {
        for key in
            Key::ALL.into_iter().filter(|key| of_quorum.contains(key) == (mode == Mode::Quorum))
        {
            let name = key.name();
            assert_eq!(values[name]["from"], "file", "{name}");
            if key.default_text(mode).is_some() {
                assert_eq!(values[name]["value"], defaults[name]["value"], "{name}");
            }
        }
    }
}

#[test]
fn the_service_starts_the_program_of_the_package_with_its_configuration_as_its_user() {
    let unit = read(UNIT);
    for line in [
        "Type=notify",
        "NotifyAccess=main",
        "User=bully",
        "ExecStart=/usr/bin/bully -config=/etc/bully/bully.toml",
        "ExecReload=/bin/kill -HUP $MAINPID",
    ] {
        assert!(unit.lines().any(|other| other == line), "{line}");
    }
    let manifest = read("crates/bully/Cargo.toml");
    for path in ["\"usr/bin/\"", "\"etc/bully/bully.toml\""] {
        assert!(manifest.contains(path), "the package has {path}");
    }
}

#[test]
#[ignore = "make test-install"]
fn systemd_finds_nothing_wrong_with_the_service_and_little_that_it_is_exposed_to() {
    let test = "systemd_finds_nothing_wrong_with_the_service_and_little_that_it_is_exposed_to";
    if !have(test, &["systemd-analyze"], false) {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder for the test");
    let unit = folder.path().join("bully.service");
    // Nothing is installed here; of the package, tests/install/package.rs asks it again.
    let here = read(UNIT).replace("/usr/bin/bully", env!("CARGO_BIN_EXE_bully"));
    std::fs::write(&unit, here).expect("is written");
    let verify = output(Command::new("systemd-analyze").args(["verify", "--man=no"]).arg(&unit));
    assert!(verify.status.success(), "{verify:?}");
    assert_eq!(String::from_utf8_lossy(&verify.stderr), "");
    // In tenths: 10 is as exposed as a service can be, and this one needs the network.
    let exposure = Command::new("systemd-analyze")
        .args(["security", "--offline=true", "--threshold=20"])
        .arg(unit)
        .output();
    let exposure = exposure.expect("it runs");
    assert!(exposure.status.success(), "{}", String::from_utf8_lossy(&exposure.stdout));
}
