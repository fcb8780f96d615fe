//! The commands, help and the report.

use super::*;

#[test]
fn a_question_goes_to_this_machine_unless_told_otherwise() {
    let place = |host: &str, port| Place { host: host.to_owned(), port };
    let wait = Duration::from_secs(2);
    let plain =
        Ask { what: Question::Leader { wait }, http: place("127.0.0.1", 8080), json: false };
    assert_eq!(asked(&["leader"], &[]), plain);
    let told = asked(&["leader", "-wait", "0s", "-json", "-http=http://a:1"], &[]);
    let what = Question::Leader { wait: Duration::ZERO };
    assert_eq!(told, Ask { what, http: place("a", 1), json: true });
    let variables = [("BULLY_HTTP", "0.0.0.0:9"), ("BULLY_JSON", "true"), ("BULLY_WAIT", "3s")];
    let what = Question::Leader { wait: Duration::from_secs(3) };
    let environment = Ask { what, http: place("127.0.0.1", 9), json: true };
    assert_eq!(asked(&["leader"], &variables), environment);
    for (name, what) in [
        ("is-leader", Question::IsLeader),
        ("members", Question::Members),
        ("status", Question::Status),
        ("history", Question::History),
    ] {
        assert_eq!(asked(&[name, "-json=false"], &[]), Ask { what, ..plain.clone() });
    }
}

#[test]
fn whoever_asks_finds_the_node_of_the_file_that_the_environment_names() {
    with_file("http = ':9090'", |path| {
        let variables = [("BULLY_CONFIG", path)];
        assert_eq!(asked(&["status"], &variables).http.to_string(), "127.0.0.1:9090");
        assert_eq!(asked(&["status", "-http=:1"], &variables).http.to_string(), "127.0.0.1:1");
    });
    let unread = [("BULLY_CONFIG", "/none"), ("BULLY_HTTP", ":2")];
    assert_eq!(asked(&["status"], &unread).http.port, 2);
    assert!(complaint(&["status"], &[("BULLY_HTTP", "off")]).starts_with("BULLY_HTTP: \"off\""));
}

#[test]
fn a_wait_is_a_duration_of_at_most_an_hour() {
    asked(&["leader", "-wait=1h"], &[]);
    assert!(complaint(&["leader", "-wait=2h"], &[]).starts_with("-wait: \"2h\" is not a duration"));
}

#[test]
fn a_demo_ends_by_itself_when_told_so() {
    assert_eq!(run(&["demo"], &[]), Ok(Invocation::Demo { once: false }));
    assert_eq!(run(&["demo", "-once"], &[]), Ok(Invocation::Demo { once: true }));
    assert_eq!(run(&["demo", "--once=false"], &[]), Ok(Invocation::Demo { once: false }));
}

#[test]
fn help_is_the_same_however_it_is_asked_for_and_fits_a_terminal() {
    let text = help(&["--help"]);
    for line in [&["-help"][..], &["-h"], &["help"]] {
        assert_eq!(help(line), text);
    }
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    for key in Key::ALL {
        assert!(text.contains(&format!("  -{}", key.name())), "{text}");
    }
    let leader = help(&["leader", "-h"]);
    assert_eq!(help(&["help", "leader"]), leader);
    assert!(leader.contains("-wait=DURATION") && leader.contains("-http=ADDR"), "{leader}");
}

#[test]
fn the_version_is_the_crate_s() {
    let version = format!("bully {}\n", env!("CARGO_PKG_VERSION"));
    for flag in ["--version", "-version", "-V"] {
        assert_eq!(run(&[flag], &[]), Ok(Invocation::Version(version.clone())));
    }
}

#[test]
fn the_settings_in_force_are_a_table_or_an_object() {
    let line = ["config", "-nodes=a,b:1", "-url=http://u:secret@h/", "-json"];
    let variables = [("BULLY_PORT", "9000"), ("BULLY_JSON", "")];
    let Ok(Invocation::Config { configuration, json: true }) = run(&line, &variables) else {
        panic!("{line:?} prints no JSON");
    };
    let table = report(&configuration, false);
    insta::assert_snapshot!(table, @r"
    flag        value             from
    -nodes      a:9000,b:1        flag
    -port       9000              BULLY_PORT
    -bind       (all addresses)   default
    -advertise  (found at start)  default
    -http       127.0.0.1:8080    default
    -showport   false             default
    -url        http://u:***@h/   flag
    -cluster    bully             default
    -mode       bully             default
    -priority   100               default
    -preempt    true              default
    -heartbeat  100ms             default
    -log        text              default
    -log-level  warn              default
    ");
    let object: serde_json::Value =
        serde_json::from_str(&report(&configuration, true)).expect("an object");
    let port = serde_json::json!({"value": 9000, "from": "environment", "source": "BULLY_PORT"});
    assert_eq!(object["port"], port);
    let nodes = serde_json::json!({"value": ["a:9000", "b:1"], "from": "flag"});
    assert_eq!(object["nodes"], nodes);
    assert_eq!(object["bind"], serde_json::json!({"value": null, "from": "default"}));
    assert!(!table.contains("secret") && !object.to_string().contains("secret"));
}
