//! The commands, help and the report.

use super::*;

#[test]
fn a_question_goes_to_this_machine_unless_told_otherwise() {
    let place = |host: &str, port| Address::Http(Place { host: host.to_owned(), port }).into();
    let wait = Duration::from_secs(2);
    let leader = |wait| Question::Leader { wait, token: false };
    let plain = Ask { what: leader(wait), http: place("127.0.0.1", 8080), json: false };
    assert_eq!(asked(&["leader"], &[]), plain);
    let told = asked(&["leader", "-wait", "0s", "-json", "-http=http://a:1"], &[]);
    let what = leader(Duration::ZERO);
    assert_eq!(told, Ask { what, http: place("a", 1), json: true });
    let variables = [("BULLY_HTTP", "0.0.0.0:9"), ("BULLY_JSON", "true"), ("BULLY_WAIT", "3s")];
    let what = leader(Duration::from_secs(3));
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
fn the_token_of_the_reign_is_asked_for_by_a_switch() {
    let wait = Duration::from_secs(2);
    let with_token = Question::Leader { wait, token: true };
    assert_eq!(asked(&["leader", "-token"], &[]).what, with_token);
    assert_eq!(asked(&["leader"], &[("BULLY_TOKEN", "true")]).what, with_token);
    let without = Question::Leader { wait, token: false };
    assert_eq!(asked(&["leader", "-token=false"], &[]).what, without);
}

fn told(line: &[&str]) -> Tell {
    match run(line, &[]) {
        Ok(Invocation::Tell(tell)) => tell,
        other => panic!("{line:?} is no order: {other:?}"),
    }
}

#[test]
fn an_order_goes_to_this_machine_unless_told_otherwise() {
    for (line, what) in [
        (&["step-down"][..], Order::StepDown),
        (&["transfer", "-to=a:1"], Order::Transfer("a:1".to_owned())),
        (&["transfer", "--to", "192.168.1.68"], Order::Transfer("192.168.1.68".to_owned())),
        (&["priority", "50"], Order::Priority(50)),
        (&["priority", "0"], Order::Priority(0)),
        (&["members", "remove", "[::1]:1"], Order::Remove("[::1]:1".to_owned())),
    ] {
        let http = here(8080);
        assert_eq!(told(line), Tell { what: what.clone(), http, json: false });
        let elsewhere = [line, &["-http=:9090", "-json"]].concat();
        let http = here(9090);
        assert_eq!(told(&elsewhere), Tell { what, http, json: true });
    }
    assert_eq!(asked(&["members"], &[]).what, Question::Members);
}

#[test]
fn an_order_that_lacks_something_says_what() {
    for (line, told) in [
        (&["transfer"][..], "transfer: -to=ADDR is missing: which member is to lead?"),
        (&["priority"], "priority: expected a number from 0 to 1000"),
        (
            &["priority", "1001"],
            "priority: \"1001\" is not a priority: expected a number from 0 to 1000",
        ),
        (
            &["priority", "-5"],
            "priority: \"-5\" is not a priority: expected a number from 0 to 1000",
        ),
        (&["members", "remove"], "members remove: expected the address of a member"),
    ] {
        assert_eq!(complaint(line, &[]), told, "{line:?}");
    }
    for line in [&["transfer", "-to=a:0"][..], &["members", "remove", "0.0.0.0"]] {
        assert!(complaint(line, &[]).contains("cannot be dialled"), "{line:?}");
    }
}

#[test]
fn a_remedy_finds_the_data_as_the_node_itself_does() {
    let repair = |line: &[&str], variables: Variables<'_>| match run(line, variables) {
        Ok(Invocation::Repair(repair)) => repair,
        other => panic!("{line:?} repairs nothing: {other:?}"),
    };
    let variables = [("STATE_DIRECTORY", "/state")];
    let plain = Repair {
        what: Remedy::Recover,
        directory: "/state/bully/8117".into(),
        cluster: "bully".to_owned(),
        priority: 100,
        is_forced: false,
    };
    assert_eq!(repair(&["recover"], &variables), plain);
    let reset = Repair { what: Remedy::GenesisReset, is_forced: true, ..plain.clone() };
    assert_eq!(repair(&["genesis-reset", "-force"], &variables), reset);
    let line = ["recover", "-data-dir=/d", "-cluster=a", "-port=9", "--force=true"];
    let there = Repair {
        directory: "/d/a/9".into(),
        cluster: "a".to_owned(),
        is_forced: true,
        ..plain.clone()
    };
    assert_eq!(repair(&line, &variables), there);
    with_file("mode = 'quorum'\ncluster = 'f'\nport = 7\npriority = 3\ndata-dir = '/f'", |path| {
        let of_file = Repair {
            directory: "/f/f/7".into(),
            cluster: "f".to_owned(),
            priority: 3,
            ..plain.clone()
        };
        assert_eq!(repair(&["recover", "-config", path], &[]), of_file);
        assert_eq!(repair(&["recover"], &[("BULLY_CONFIG", path)]), of_file);
    });
}

/// Left in an environment, it would force what nobody sees.
#[test]
fn a_remedy_is_forced_on_the_command_line_alone() {
    let variables = [("STATE_DIRECTORY", "/state"), ("BULLY_FORCE", "true")];
    for command in ["recover", "genesis-reset"] {
        match run(&[command], &variables) {
            Ok(Invocation::Repair(repair)) => assert!(!repair.is_forced),
            other => panic!("{other:?}"),
        }
        let told = complaint(&[command, "-force=yes"], &variables);
        assert_eq!(told, "-force: \"yes\" is not a switch: expected true or false");
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
    assert_eq!(asked(&["status"], &unread).http, here(2));
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
    let remove = help(&["members", "remove", "-h"]);
    assert_eq!(help(&["help", "members", "remove"]), remove);
    assert!(remove.contains("Usage: bully members remove ADDR [flags]\n"), "{remove}");
    assert!(help(&["members", "-h"]).contains("  remove  "));
    assert!(help(&["recover", "-h"]).contains("makes a second cluster"));
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
    let line = ["config", "-nodes=a,b:1", "-url=http://u:hunter2@h/", "-json"];
    let variables = [("BULLY_PORT", "9000"), ("BULLY_JSON", "")];
    let Ok(Invocation::Config { configuration, json: true }) = run(&line, &variables) else {
        panic!("{line:?} prints no JSON");
    };
    let table = report(&configuration, false);
    insta::assert_snapshot!(table, @r"
    flag                    value             from
    -nodes                  a:9000,b:1        flag
    -port                   9000              BULLY_PORT
    -bind                   (all addresses)   default
    -advertise              (found at start)  default
    -http                   127.0.0.1:8080    default
    -http-tls-cert          (none)            default
    -http-tls-key           (none)            default
    -http-client-ca         (none)            default
    -http-read-token-file   (none)            default
    -http-admin-token-file  (none)            default
    -showport               false             default
    -url                    http://u:***@h/   flag
    -cluster                bully             default
    -mode                   bully             default
    -priority               100               default
    -preempt                true              default
    -heartbeat              100ms             default
    -lease                  (none)            default
    -data-dir               (none)            default
    -moved                  false             default
    -secret-file            (none)            default
    -peer-keys              (none)            default
    -log                    text              default
    -log-level              warn              default
    ");
    let object: serde_json::Value =
        serde_json::from_str(&report(&configuration, true)).expect("an object");
    let port = serde_json::json!({"value": 9000, "from": "environment", "source": "BULLY_PORT"});
    assert_eq!(object["port"], port);
    let nodes = serde_json::json!({"value": ["a:9000", "b:1"], "from": "flag"});
    assert_eq!(object["nodes"], nodes);
    assert_eq!(object["bind"], serde_json::json!({"value": null, "from": "default"}));
    assert!(!table.contains("hunter2") && !object.to_string().contains("hunter2"));
}

#[test]
fn in_quorum_mode_its_settings_are_in_force_with_who_gave_them() {
    let line = ["config", "-mode=quorum", "-lease=2s"];
    let variables = [("XDG_STATE_HOME", "/home/u/state"), ("STATE_DIRECTORY", "/state")];
    let Ok(Invocation::Config { configuration, .. }) = run(&line, &variables) else {
        panic!("{line:?} prints no settings");
    };
    let table = report(&configuration, false);
    let of_quorum = |line: &&str| {
        ["-mode", "-heartbeat", "-lease", "-data-dir", "-moved"]
            .iter()
            .any(|flag| line.starts_with(flag))
    };
    let rows: Vec<&str> = table.lines().filter(of_quorum).collect();
    insta::assert_snapshot!(rows.join("\n"), @r"
    -mode                   quorum            flag
    -heartbeat              150ms             default
    -lease                  2s                flag
    -data-dir               /state            STATE_DIRECTORY
    -moved                  false             default
    ");
    let object: serde_json::Value =
        serde_json::from_str(&report(&configuration, true)).expect("an object");
    assert_eq!(object["lease"], serde_json::json!({"value": "2s", "from": "flag"}));
    let directory =
        serde_json::json!({"value": "/state", "from": "environment", "source": "STATE_DIRECTORY"});
    assert_eq!(object["data-dir"], directory);
}
