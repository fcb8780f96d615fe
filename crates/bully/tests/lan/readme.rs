//! The README's transcripts, run to the letter.

use std::path::Path;

use super::account::mostly;
use super::support::Lan;

/// One line typed at a prompt, and what it prints.
#[derive(Debug)]
struct Step {
    host: String,
    command: String,
    prints: Vec<String>,
}

fn readme() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md");
    std::fs::read_to_string(path).expect("the README")
}

/// The steps of the transcript that follows this comment.
fn steps(comment: &str) -> Vec<Step> {
    let readme = readme();
    let (_, rest) = readme.split_once(comment).expect("the README has this transcript");
    let (_, rest) = rest.split_once("```console\n").expect("a block");
    let (block, _) = rest.split_once("```").expect("the block ends");
    let mut steps: Vec<Step> = Vec::new();
    for line in block.lines() {
        match line.split_once("$ ") {
            Some((host, command)) if !host.contains(' ') => steps.push(Step {
                host: host.to_owned(),
                command: command.to_owned(),
                prints: Vec::new(),
            }),
            _ => steps.last_mut().expect("a prompt comes first").prints.push(line.to_owned()),
        }
    }
    steps
}

/// Epochs and tokens are times, or follow one, and differ from run to run.
fn without_numbers(line: &str) -> String {
    let mut line = line.to_owned();
    for word in ["epoch ", "token ", "\t"] {
        if let Some((before, after)) = line.split_once(word) {
            let after = after.trim_start_matches(|c: char| c.is_ascii_digit());
            line = format!("{before}{word}{after}");
        }
    }
    line
}

fn start(lan: &Lan, host: usize, step: &Step) {
    let command = step.command.trim_end_matches('&').trim().replace('"', "");
    let mut words = command.split_whitespace();
    assert_eq!(words.next(), Some("bully"));
    lan.run(host, &words.collect::<Vec<_>>());
    lan.until(&format!("the output of {step:?}"), || has_printed(&lan.stderr(host), &step.prints));
}

/// Whether the first line is the first that is expected, and all others have come: a complaint and
/// a change of leader in whichever order, since neither waits for the other.
fn has_printed(lines: &[String], expected: &[String]) -> bool {
    let mut left: Vec<String> = lines.iter().map(|line| without_numbers(line)).collect();
    let mut expected = expected.iter().map(|line| without_numbers(line));
    if left.first() != expected.next().as_ref() {
        return false;
    }
    expected.all(|line| match left.iter().position(|other| *other == line) {
        Some(at) => {
            left.remove(at);
            true
        }
        None => false,
    })
}

#[test]
fn lines_after_the_first_may_come_in_any_order_but_must_all_come() {
    let lines = |text: &str| text.split(", ").map(str::to_owned).collect::<Vec<_>>();
    let expected = lines("start, refused, leads epoch 7");
    assert!(has_printed(&lines("start, leads epoch 9, refused"), &expected));
    assert!(has_printed(&lines("start, added, refused, leads epoch 9"), &expected));
    assert!(!has_printed(&lines("start, leads epoch 9"), &expected));
    assert!(!has_printed(&lines("refused, start, leads epoch 9"), &expected));
    assert!(!has_printed(&lines("start, refused"), &lines("start, refused, refused")));
}

fn ask(lan: &Lan, host: usize, step: &Step) {
    let program = format!("PATH={}:$PATH {}", bully_folder().display(), step.command);
    let output = lan.host(host).exec(&["sh", "-c", &program]).expect("runs");
    let text = String::from_utf8(output.stdout).expect("text");
    let lines: Vec<String> = text.lines().map(without_numbers).collect();
    let expected: Vec<String> = step.prints.iter().map(|line| without_numbers(line)).collect();
    assert_eq!(lines, expected, "{step:?}");
}

fn bully_folder() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_bully")).parent().expect("a folder")
}

#[test]
fn the_quick_start_on_three_machines_prints_what_the_readme_says() {
    let test = "the_quick_start_on_three_machines_prints_what_the_readme_says";
    run_on_hosts(test, "<!-- run on the lab's hosts by tests/lan/readme.rs -->");
}

#[test]
fn the_quick_start_in_quorum_mode_prints_what_the_readme_says() {
    let test = "the_quick_start_in_quorum_mode_prints_what_the_readme_says";
    // Among equals the higher address is the first to stand, by 25 ms: a machine that keeps it waiting
    // for longer sees the other lead.
    mostly("the higher of two stands first", || {
        let comment = "<!-- run in quorum mode on the lab's hosts by tests/lan/readme.rs -->";
        std::panic::catch_unwind(|| run_on_hosts(test, comment)).is_ok()
    });
}

fn run_on_hosts(test: &str, comment: &str) {
    let Some(lan) = Lan::new(test, 3) else { return };
    let steps = steps(comment);
    assert!(steps.len() > 6, "{steps:?}");
    for step in steps {
        let host = lan.host_of(&step.host);
        if step.command.ends_with('&') {
            start(&lan, host, &step);
        } else if step.command == "kill -9 %1" {
            lan.kill(host);
        } else {
            ask(&lan, host, &step);
        }
    }
}

#[test]
fn the_quick_start_on_one_laptop_prints_what_the_readme_says() {
    let test = "the_quick_start_on_one_laptop_prints_what_the_readme_says";
    let Some(lan) = Lan::new(test, 1) else { return };
    let mut nodes = Vec::new();
    for step in steps("<!-- run on loopback by tests/lan/readme.rs -->") {
        if let Some(command) = step.command.strip_suffix(" &") {
            let words: Vec<&str> = command.split_whitespace().skip(1).collect();
            let node = lan.spawn(0, &words);
            node.wait_for_line(|l| l.contains(" leads, epoch "), super::support::DEADLINE)
                .expect("it finds a leader");
            nodes.push(node);
        } else {
            ask(&lan, 0, &step);
        }
    }
    assert_eq!(nodes.len(), 3);
}

#[test]
fn every_command_of_the_readme_is_run_by_a_test() {
    let readme = readme();
    // Each with the test that runs it.
    let elsewhere = [
        ("cargo run --release -- demo", "tests/demo.rs, with --once, in the profile of the tests"),
        ("make test", ".ci/run"),
        ("cargo install --locked --path crates/bully", "tests/install/from_source.rs, likewise"),
    ];
    for block in readme.split("```console\n").skip(1) {
        let (block, _) = block.split_once("```").expect("the block ends");
        for command in block.lines().filter_map(|line| line.strip_prefix("$ ")) {
            assert!(elsewhere.iter().any(|(known, _)| *known == command), "nobody runs: {command}");
        }
    }
}
