//! The leader's loop, beside a program that answers in the place of `bully`.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use super::{block, until};

fn executable(path: &Path, text: &str) {
    std::fs::write(path, text).expect("a script");
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).expect("it can be run");
}

#[test]
fn the_loop_works_with_the_token_of_its_own_reigns_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    let answer = |text: &str| {
        // In one step: a reader sees the old answer or the new one.
        std::fs::write(path("next"), text).expect("an answer");
        std::fs::rename(path("next"), path("answer")).expect("an answer");
    };
    let asks = "#!/bin/sh\n[ \"$*\" = 'leader -token' ] && grep . \"$FOLDER/answer\"\n";
    executable(&path("bully"), asks);
    executable(&path("work"), "#!/bin/sh\necho \"$1\" >>\"$FOLDER/done\"; [ \"$1\" != 8 ]\n");
    answer("192.168.1.68\t5\n");
    let programs = format!("{}:{}", folder.path().display(), std::env::var("PATH").expect("PATH"));
    let mut command = Command::new("sh");
    command.args(["-c", &block("client"), "loop", "work"]);
    command.env("PATH", programs).env("FOLDER", folder.path()).env("ME", "192.168.1.67");
    command.env("PAUSE", "0.01").stdin(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("a shell starts");
    let done = || std::fs::read_to_string(path("done")).unwrap_or_default();
    answer("192.168.1.67\t7\n");
    until("it works", || done().lines().count() > 2);
    assert!(done().lines().all(|token| token == "7"), "{}", done());
    // Nobody leads, then another.
    answer("");
    answer("192.168.1.69\t9\n");
    answer("192.168.1.67\t8\n");
    until("it is refused", || done().ends_with("8\n8\n"));
    child.kill().expect("it is ended");
    let output = child.wait_with_output().expect("it ends");
    assert!(String::from_utf8_lossy(&output.stderr).contains("no longer leads"));
    assert!(!done().contains('9') && !done().contains('5'), "{}", done());
}
