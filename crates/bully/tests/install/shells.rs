//! Completions and the manual page.

use std::process::{Command, Stdio};

use super::support::{bully, have, stdout};

/// What bash offers for the last word of the line: the function that the script has registered,
/// called as readline does, with the words that readline makes of the line.
fn offered(words: &[&str]) -> Vec<String> {
    let script = stdout(bully().args(["completions", "bash"]));
    let ask = r#"
        eval "$1"; shift
        COMP_WORDS=("$@")
        COMP_CWORD=$(($# - 1))
        COMP_LINE="$*"
        COMP_POINT=${#COMP_LINE}
        function=$(complete -p bully | sed 's/.* -F \([^ ]*\) .*/\1/')
        "$function" bully "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
        printf '%s\n' "${COMPREPLY[@]}"
    "#;
    let mut bash = Command::new("bash");
    bash.args(["--norc", "--noprofile", "-c", ask, "bash", &script]).args(words);
    stdout(&mut bash).lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

#[test]
fn bash_completes_flags_with_one_dash_and_with_two() {
    assert_eq!(offered(&["bully", "--no"]), ["--nodes"]);
    assert_eq!(offered(&["bully", "-no"]), ["-nodes"]);
    assert_eq!(offered(&["bully", "leader", "-wa"]), ["-wait"]);
    assert_eq!(offered(&["bully", "-port", "=", "1", "-no"]), ["-nodes"]);
    assert!(offered(&["bully", "-"]).contains(&"-heartbeat".to_owned()));
}

#[test]
fn bash_completes_commands_and_the_values_of_flags_that_have_few() {
    assert_eq!(offered(&["bully", "is"]), ["is-leader"]);
    assert_eq!(offered(&["bully", "completions", "z"]), ["zsh"]);
    assert_eq!(offered(&["bully", "-log", "j"]), ["json"]);
    assert_eq!(offered(&["bully", "-log", "=", "j"]), ["json"]);
    assert_eq!(
        offered(&["bully", "--log-level", "="]),
        ["error", "warn", "info", "debug", "trace"]
    );
}

#[test]
fn a_reader_that_has_had_enough_is_no_fault() {
    for arguments in [&["man"][..], &["completions", "bash"], &["completions", "zsh"]] {
        let mut child = bully()
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("bully runs");
        drop(child.stdout.take());
        let output = child.wait_with_output().expect("it ends");
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{arguments:?}");
    }
}

#[test]
#[ignore = "make test-install"]
fn zsh_and_fish_take_their_scripts_and_fish_completes_one_dash() {
    let test = "zsh_and_fish_take_their_scripts_and_fish_completes_one_dash";
    if !have(test, &["zsh", "fish"], false) {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder for the test");
    let script = |shell: &str| {
        let path = folder.path().join(shell);
        std::fs::write(&path, stdout(bully().args(["completions", shell]))).expect("is written");
        path
    };
    stdout(Command::new("zsh").arg("-fn").arg(script("zsh")));
    let fish = script("fish");
    for (line, offered) in
        [("bully -no", "-nodes\t"), ("bully --no", "--nodes\t"), ("bully lead", "leader\t")]
    {
        let ask = format!("source {}; complete -C '{line}'", fish.display());
        let said = stdout(Command::new("fish").args(["--no-config", "-c", &ask]));
        assert!(said.lines().count() == 1 && said.starts_with(offered), "{line}: {said}");
    }
}

#[test]
#[ignore = "make test-install"]
fn the_manual_page_is_clean_to_those_who_check_such_pages() {
    let test = "the_manual_page_is_clean_to_those_who_check_such_pages";
    if !have(test, &["mandoc", "man"], false) {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder for the test");
    let page = folder.path().join("bully.1");
    std::fs::write(&page, stdout(bully().arg("man"))).expect("is written");
    // Its exit code is 0 as long as nothing is wrong at all.
    stdout(Command::new("mandoc").args(["-Tlint", "-Wstyle"]).arg(&page));
    let shown = Command::new("man")
        .args(["--warnings", "-E", "UTF-8", "-l"])
        .arg(&page)
        .env("MANWIDTH", "80")
        .output()
        .expect("man runs");
    assert_eq!(String::from_utf8_lossy(&shown.stderr), "");
    assert!(String::from_utf8_lossy(&shown.stdout).contains("bully - leader election"));
}
