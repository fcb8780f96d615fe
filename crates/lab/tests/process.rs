//! Programs on hosts: what they print, how they are stopped, what they answer.

mod common;

use std::io::ErrorKind;
use std::os::unix::process::ExitStatusExt;
use std::time::Duration;

use bully_lab::{LabConfig, LabError, Stream, lab_or_skip};
use common::{PEER, SOON, listen, next_echo, talk, wait_until};

#[test]
fn what_a_program_prints_can_be_read_while_it_runs() {
    let test = "what_a_program_prints_can_be_read_while_it_runs";
    let Some(lab) = lab_or_skip(test, &LabConfig::of(1)) else {
        return;
    };
    let script = "echo \"$WORD\"; echo to-err >&2; trap 'echo bye; exit 3' TERM
        while :; do sleep 0.01; done";
    let env = [("WORD", "hello")];
    let program = lab.host(0).spawn_with_env("sh", ["-c", script], &env).unwrap();
    let line = program.wait_for_line(|line| line == "to-err", SOON).unwrap();
    assert_eq!(line.stream, Stream::Stderr);
    program.wait_for_line(|line| line == "hello", SOON).unwrap();
    assert!(program.is_alive());
    let late = program.wait_for_line(|line| line == "never", Duration::from_millis(20));
    let Err(LabError::Late { seen, .. }) = late else {
        panic!("{late:?}");
    };
    assert!(seen.contains("hello"));
    assert_eq!(program.wait(Duration::from_millis(20)), None);
    assert!(program.terminate());
    assert_eq!(program.wait(SOON).unwrap().code(), Some(3));
    assert_eq!(program.stdout_lines(), ["hello", "bye"]);
    assert_eq!(program.stderr(), "to-err");
    assert!(!program.kill(), "it has ended already");
}

#[test]
fn the_process_id_is_the_programs_own() {
    let Some(lab) = lab_or_skip("the_process_id_is_the_programs_own", &LabConfig::of(1)) else {
        return;
    };
    let program = lab.host(0).spawn("sh", ["-c", "echo $$"]).unwrap();
    program.wait(SOON).unwrap();
    assert_eq!(program.stdout(), program.pid().to_string());
}

#[test]
fn a_frozen_program_stands_still_until_it_is_thawed() {
    let test = "a_frozen_program_stands_still_until_it_is_thawed";
    let Some(lab) = lab_or_skip(test, &LabConfig::of(2)) else {
        return;
    };
    let server = listen(&lab, 1, lab.host(1).ipv4().into());
    let client = talk(&lab, 0, lab.host(1).ipv4().into());
    next_echo(&client);
    assert!(server.freeze());
    let state = || std::fs::read_to_string(format!("/proc/{}/stat", server.pid())).unwrap();
    wait_until("the program standing still", || state().contains(") T "));
    let seen = server.lines().len();
    let moved = server.wait_for_line_after(seen, |_| true, Duration::from_millis(300));
    // A line may have been on its way through the pipe; a running program prints thirty.
    assert!(moved.is_err() || server.lines().len() < seen + 3);
    assert!(server.is_alive());
    assert!(server.thaw());
    next_echo(&client);
    assert!(server.kill());
    assert_eq!(server.wait(SOON).unwrap().signal(), Some(9));
    client.wait_for_line(|line| line.starts_with("lost") || line == "closed", SOON).unwrap();
}

#[test]
fn a_dropped_program_has_ended() {
    let Some(lab) = lab_or_skip("a_dropped_program_has_ended", &LabConfig::of(1)) else {
        return;
    };
    let program = lab.host(0).spawn("sleep", ["1000"]).unwrap();
    let process = std::path::PathBuf::from(format!("/proc/{}", program.pid()));
    assert!(process.exists());
    drop(program);
    assert!(!process.exists());
}

#[test]
fn a_request_is_made_from_the_host() {
    let Some(lab) = lab_or_skip("a_request_is_made_from_the_host", &LabConfig::of(2)) else {
        return;
    };
    let refused = lab.host(0).http_get("8080/leader", SOON).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused, "{refused}");

    let address = format!("{}:80", lab.host(1).ipv4());
    let server = lab.host(1).spawn(PEER, ["answer", &address]).unwrap();
    server.wait_for_line(|line| line == "listening", SOON).unwrap();
    let url = format!("http://{}/leader", lab.host(1).name());
    let reply = lab.host(0).http_get(&url, SOON).unwrap();
    assert_eq!(reply.status, 203);
    assert!(reply.text().starts_with("get /leader http/1.1\nhost: host68\n"));
    let length = reply.body.len().to_string();
    assert_eq!(reply.header("Content-Length"), Some(length.as_str()));

    let headers = [("X-Word", "hello")];
    let reply = lab.host(0).http("POST", &url, &headers, Some("{}"), SOON);
    let text = reply.unwrap().text();
    assert!(text.starts_with("post /leader http/1.1\n"), "{text}");
    assert!(text.contains("x-word: hello\n"), "{text}");
    assert!(text.contains("content-length: 2\n"), "{text}");

    lab.cut(0, 1).unwrap();
    let late = lab.host(0).http_get(&url, Duration::from_millis(300)).unwrap_err();
    assert_eq!(late.kind(), ErrorKind::TimedOut, "{late}");
}
