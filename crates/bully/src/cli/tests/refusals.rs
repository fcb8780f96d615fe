//! What is refused, and the one line that says why.

use super::*;

#[test]
fn a_wrong_value_is_told_with_its_source_and_with_what_was_expected() {
    let expected = "\"99999\" is not a port: expected a number from 1 to 65535";
    assert_eq!(complaint(&["-port=99999"], &[]), format!("-port: {expected}"));
    assert_eq!(complaint(&[], &[("BULLY_PORT", "99999")]), format!("BULLY_PORT: {expected}"));
    with_file("# my node\nport = 99999", |path| {
        let told = complaint(&["-config", path], &[]);
        assert_eq!(told, format!("{path}: port: {expected} (line 2)"));
    });
}

#[test]
fn each_flag_refuses_what_it_cannot_mean() {
    for (flag, expected) in [
        ("-nodes=a,b:0", "-nodes: \"b:0\": port 0 cannot be dialled"),
        ("-port=0", "(peers have to know the port)"),
        ("-port=", "-port: \"\" is not a port"),
        ("-bind=eth0", "-bind: \"eth0\" is not an IP address"),
        ("-advertise=0.0.0.0", "-advertise: \"0.0.0.0\" cannot be dialled"),
        ("-advertise=[::]:9", "-advertise: \"[::]:9\" cannot be dialled"),
        ("-advertise=", "-advertise: \"\" is not a place"),
        ("-http=on", "-http: \"on\" is no address to listen on"),
        ("-showport=yes", "-showport: \"yes\" is not a switch: expected true or false"),
        ("-url=example.com", "-url: \"example.com\" is not a URL"),
        ("-url=ftp://example.com", "expected http://… or https://…"),
        ("-cluster=a b", "-cluster: \"a b\" is not a name"),
        ("-cluster=-x", "-cluster: \"-x\" is not a name"),
        ("-cluster=", "expected 1 to 64 bytes of text"),
        ("-mode=raft", "-mode: \"raft\" is not a mode: expected bully or quorum"),
        ("-mode=Quorum", "-mode: \"Quorum\" is not a mode: expected bully or quorum"),
        (
            "-priority=1001",
            "-priority: \"1001\" is not a priority: expected a number from 0 to 1000",
        ),
        ("-priority=-1", "-priority: \"-1\" is not a priority"),
        ("-heartbeat=9ms", "-heartbeat: \"9ms\" is not a duration from 10ms to 10s"),
        ("-heartbeat=11s", "-heartbeat: \"11s\" is not a duration"),
        ("-heartbeat=100", "expected a number and a unit, such as 100ms"),
        ("-log=xml", "-log: \"xml\" is not a form of log: expected text or json"),
        (
            "-log-level=3",
            "-log-level: \"3\" is not a level: expected error, warn, info, debug or trace",
        ),
        ("-config=", "-config: \"\" cannot be read: No such file"),
    ] {
        let told = complaint(&[flag], &[]);
        assert!(told.contains(expected), "{flag}: {told}");
    }
}

#[test]
fn each_flag_of_quorum_mode_refuses_what_it_cannot_mean() {
    for (flag, expected) in [
        ("-lease=0s", "-lease: \"0s\" is not a duration from 10ms to 2m"),
        ("-lease=3m", "-lease: \"3m\" is not a duration from 10ms to 2m"),
        ("-lease=1", "expected a number and a unit, such as 100ms"),
        ("-data-dir=", "-data-dir: \"\" is not the path of a directory"),
        ("-data-dir=a\nb", "-data-dir: \"a\\nb\" is not the path of a directory"),
        ("-moved=yes", "-moved: \"yes\" is not a switch: expected true or false"),
    ] {
        let told = complaint(&["-mode=quorum", flag], &[("HOME", "/home/u")]);
        assert!(told.contains(expected), "{flag}: {told}");
    }
}

/// Whoever gives one of them counts on it, so that it is not passed over.
#[test]
fn what_quorum_mode_alone_has_is_refused_in_bully_mode_wherever_it_stands() {
    let remedy = "add -mode=quorum, or leave this out";
    for (name, value, why) in [
        ("lease", "1s", "bully mode has no lease"),
        ("moved", "true", "bully mode keeps no address from one run to the next"),
        ("moved", "false", "bully mode keeps no address from one run to the next"),
    ] {
        let flag = format!("-{name}={value}");
        let variable = key::variable(name);
        let told = format!("{why}: {remedy}");
        assert_eq!(complaint(&[&flag], &[]), format!("-{name}: {told}"));
        assert_eq!(complaint(&[&flag, "-mode=bully"], &[]), format!("-{name}: {told}"));
        assert_eq!(complaint(&[], &[(&variable, value)]), format!("{variable}: {told}"));
        with_file(&format!("mode = 'quorum'\n{name} = '{value}'"), |path| {
            let home = ("HOME", "/home/u");
            configured(&["-config", path], &[home]);
            let bully = complaint(&["-config", path, "-mode=bully"], &[home]);
            assert_eq!(bully, format!("{path}: {name}: {told} (line 2)"));
        });
    }
}

#[test]
fn a_lease_that_does_not_fit_the_heartbeat_is_told_with_what_would() {
    let home = [("HOME", "/home/u")];
    let told = complaint(&["-mode=quorum", "-lease=300ms"], &home);
    let start = "-lease: a lease of 300ms does not fit a heartbeat of 150ms: expected ";
    assert!(told.starts_with(start), "{told}");
    assert!(told.ends_with(" to 120s"), "{told}");
    configured(&["-mode=quorum", "-lease=300ms", "-heartbeat=40ms"], &home);
    configured(&["-mode=quorum", "-lease=2m", "-heartbeat=10s"], &home);
    // The lease is the one that gives way, also where it was the heartbeat that was given.
    let told = complaint(&["-mode=quorum", "-heartbeat=1s"], &home);
    assert!(told.starts_with("-lease: a lease of 1s does not fit a heartbeat of 1s"), "{told}");
    with_file("mode = 'quorum'\nlease = '50ms'", |path| {
        let told = complaint(&["-config", path], &home);
        assert!(told.starts_with(&format!("{path}: lease: a lease of 50ms ")), "{told}");
        assert!(told.ends_with(" (line 2)"), "{told}");
    });
}

#[test]
fn quorum_mode_without_a_place_for_its_data_is_refused() {
    let told = complaint(&["-mode=quorum"], &[("STATE_DIRECTORY", "state")]);
    assert!(told.starts_with("STATE_DIRECTORY: \"state\" is not an absolute path"), "{told}");
    // Bully mode needs none.
    configured(&[], &[("STATE_DIRECTORY", "state")]);
}

#[test]
fn the_bounds_of_each_range_are_within_it() {
    for flag in ["-port=1", "-port=65535", "-priority=0", "-priority=1000", "-heartbeat=10ms"] {
        configured(&[flag], &[]);
    }
    configured(&["-heartbeat=10s"], &[]);
    let longest = format!("-cluster={}", "é".repeat(32));
    configured(&[&longest], &[]);
    complaint(&[&format!("{longest}a")], &[]);
}

/// The flag's bound is the node's own: what is accepted here must not be refused after the start.
#[tokio::test]
async fn a_node_starts_in_every_cluster_that_the_flag_accepts() {
    for name in ["é".repeat(32), "a".repeat(64), "a".repeat(65), "é".repeat(33)] {
        let flag = format!("-cluster={name}");
        let node = || {
            let builder = crate::Elector::builder().bind(std::net::Ipv4Addr::LOCALHOST.into());
            builder.port(0).cluster(&name).start()
        };
        assert_eq!(run(&[&flag], &[]).is_ok(), node().await.is_ok(), "{name}");
    }
}

#[test]
fn a_wrong_value_is_told_even_where_a_stronger_one_hides_it() {
    assert!(complaint(&["-port=9"], &[("BULLY_PORT", "x")]).starts_with("BULLY_PORT: \"x\""));
}

#[test]
fn the_port_that_kubernetes_sets_beside_a_service_is_explained() {
    let told = complaint(&[], &[("BULLY_PORT", "tcp://10.0.0.1:8117")]);
    assert!(told.ends_with("use enableServiceLinks: false"), "{told}");
}

#[test]
fn what_clap_refuses_is_one_line_in_our_spelling() {
    for (line, told) in [
        (&["-nodse=a"][..], "unknown flag -nodse (did you mean -nodes?); bully --help lists them"),
        (&["--nodse", "a"], "unknown flag -nodse (did you mean -nodes?); bully --help lists them"),
        (&["-observe"], "unknown flag -observe; bully --help lists them"),
        (&["-5"], "unknown flag -5; bully --help lists them"),
        (
            &["leader", "-jsn"],
            "unknown flag -jsn (did you mean -json?); bully leader --help lists them",
        ),
        (&["leader", "-port=1"], "unknown flag -port; bully leader --help lists them"),
        (&["-port"], "-port needs a value"),
        (&["-nodes", "-port=9"], "-nodes needs a value"),
        (&["-nodes", "--"], "-nodes needs a value"),
        (&["-port=1", "--port", "2"], "-port is given twice"),
        (&["-showport", "-showport=false"], "-showport is given twice"),
        (&["-help=x"], "-help takes no value"),
        (&["laeder"], "unknown command \"laeder\" (did you mean leader?); bully --help lists them"),
        (&["run"], "unknown command \"run\"; bully --help lists them"),
        (&["-port=1", "leader"], "flags go after the command: bully leader -flag=value"),
        (
            &["leader", "a\nb"],
            "unexpected argument \"a\\nb\"; bully leader --help says what it takes",
        ),
        (&["-nodes=a,", "b"], "unexpected argument \"b\"; bully --help says what it takes"),
        (&["-port=1", "laeder"], "unknown command \"laeder\" (did you mean leader?)"),
        (&["leader", "--", "-json"], "unexpected argument \"-json\""),
        (&["---port=1"], "unknown flag --port"),
        (
            &["members", "remvoe", "a"],
            "unknown command \"remvoe\" (did you mean remove?); bully members --help lists them",
        ),
        (
            &["members", "-json", "remove", "a"],
            "flags go after the command: bully members remove -flag=value",
        ),
        (
            &["members", "remove", "a", "-jsn"],
            "unknown flag -jsn (did you mean -json?); bully members remove --help lists them",
        ),
        (
            &["members", "remove", "a", "b"],
            "unexpected argument \"b\"; bully members remove --help",
        ),
        (&["transfer", "b"], "unexpected argument \"b\"; bully transfer --help says what it takes"),
        (&["transfer", "-to"], "-to needs a value"),
    ] {
        let complaint = complaint(line, &[]);
        assert!(complaint.starts_with(told), "{line:?}: {complaint}");
        assert!(!complaint.contains('\n'), "{complaint}");
    }
}

#[test]
fn flags_of_later_versions_are_unknown() {
    for flag in ["-observe", "-guardian"] {
        assert!(complaint(&[flag], &[]).starts_with("unknown flag"), "{flag}");
    }
}

#[test]
fn words_and_variables_that_are_not_text_are_told_in_one_line() {
    use std::os::unix::ffi::OsStringExt as _;
    let bytes = || OsString::from_vec(b"-port=\xff\n".to_vec());
    let told = parse(["bully".into(), bytes()], |_| None).expect_err("no text").to_string();
    assert_eq!(told, "argument \"-port=\u{fffd}\\n\" is not UTF-8");
    let env = |name: &str| (name == "BULLY_PORT").then(bytes);
    let told = parse(["bully".into()], env).expect_err("no text").to_string();
    assert_eq!(told, "BULLY_PORT: \"-port=\u{fffd}\\n\" is not UTF-8");
}

#[test]
fn a_setting_that_needs_a_secret_is_refused_without_one_and_two_secrets_are_one_too_many() {
    let secret = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    assert_eq!(
        complaint(&["-data-dir=/data"], &[]),
        "-data-dir: bully mode without a secret keeps nothing on disk: add -mode=quorum or \
         -secret-file, or leave this out"
    );
    assert_eq!(
        complaint(&["-peer-keys=/keys"], &[]),
        "-peer-keys: nodes have keys only where they share a secret: add -secret-file, or leave this \
         out"
    );
    assert_eq!(
        complaint(&["-secret-file=/secret"], &[("BULLY_SECRET", secret)]),
        "-secret-file: BULLY_SECRET holds a secret, too: give one of them alone"
    );
    let with_secret = [("BULLY_SECRET", secret)];
    let settings = configured(&["-data-dir=/data", "-peer-keys=/keys"], &with_secret).settings;
    assert_eq!(settings.data_directory(), Some("/data/bully/8117".into()));
    let security = settings.security.expect("there is a secret");
    assert_eq!(security.peer_keys, Some("/keys".into()));
}
