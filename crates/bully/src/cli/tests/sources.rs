//! Where the settings of a node come from.

use std::path::Path;

use super::*;
use crate::{Builder, Mode};

#[test]
fn a_node_without_flags_has_the_documented_settings() {
    let Configuration { settings, origins } = configured(&[], &[]);
    let expected = Settings {
        nodes: vec![],
        port: 8117,
        bind: None,
        advertise: None,
        http: HttpListen(vec![HttpPlace::At(Place { host: "127.0.0.1".to_owned(), port: 8080 })]),
        http_guard: HttpGuard::default(),
        show_port: false,
        webhook: None,
        cluster: "bully".to_owned(),
        priority: 100,
        preempt: true,
        heartbeat: Duration::from_millis(100),
        quorum: None,
        data_dir: None,
        security: None,
        log: LogFormat::Text,
        log_level: tracing::Level::WARN,
    };
    assert_eq!(settings, expected);
    assert_eq!((settings.mode(), settings.data_directory()), (Mode::Bully, None));
    assert_eq!(settings.heartbeat, Builder::default_heartbeat(Mode::Bully));
    assert!(Key::ALL.iter().all(|key| *origins.of(*key) == Origin::Default));
}

#[test]
fn a_node_in_quorum_mode_has_the_documented_settings() {
    let variables = [("STATE_DIRECTORY", "/var/lib/bully:/other")];
    let Configuration { settings, origins } = configured(&["-mode=quorum"], &variables);
    let lease = Duration::from_secs(1);
    let quorum = Some(Quorum { lease, moved: false });
    let data_dir = Some("/var/lib/bully".into());
    let heartbeat = Duration::from_millis(150);
    let expected = Settings { heartbeat, quorum, data_dir, ..configured(&[], &[]).settings };
    assert_eq!(settings, expected);
    assert_eq!(settings.mode(), Mode::Quorum);
    assert_eq!(
        (heartbeat, lease),
        (Builder::default_heartbeat(Mode::Quorum), Builder::DEFAULT_LEASE)
    );
    let directory = settings.data_directory();
    assert_eq!(directory.as_deref(), Some(Path::new("/var/lib/bully/bully/8117")));
    assert_eq!(*origins.of(Key::Mode), Origin::Flag);
    assert_eq!(*origins.of(Key::DataDir), Origin::Environment("STATE_DIRECTORY".to_owned()));
    for key in [Key::Heartbeat, Key::Lease, Key::Moved] {
        assert_eq!(*origins.of(key), Origin::Default, "{key:?}");
    }
}

#[test]
fn each_node_of_a_machine_has_a_data_directory_of_its_own() {
    let directory = |line: &[&str]| {
        let line = [&["-mode=quorum", "-data-dir=/data"], line].concat();
        configured(&line, &[("STATE_DIRECTORY", "/unused")]).settings.data_directory()
    };
    assert_eq!(directory(&[]), Some("/data/bully/8117".into()));
    assert_eq!(directory(&["-port=8118"]), Some("/data/bully/8118".into()));
    assert_eq!(directory(&["-cluster=../x"]), Some("/data/%2E.%2Fx/8117".into()));
}

#[test]
fn a_flag_goes_over_the_environment_over_the_file_over_the_default() {
    with_file("port = 1\npriority = 1\ncluster = 'file'", |path| {
        let variables = [("BULLY_PORT", "2"), ("BULLY_PRIORITY", "2"), ("BULLY_CONFIG", path)];
        let Configuration { settings, origins } = configured(&["-port=3"], &variables);
        assert_eq!((settings.port, settings.priority), (3, 2));
        assert_eq!(settings.cluster, "file");
        assert_eq!(*origins.of(Key::Port), Origin::Flag);
        assert_eq!(*origins.of(Key::Priority), Origin::Environment("BULLY_PRIORITY".to_owned()));
        assert_eq!(*origins.of(Key::Cluster), Origin::File(Path::new(path).to_owned()));
        assert_eq!(*origins.of(Key::Log), Origin::Default);
    });
}

#[test]
fn every_setting_can_come_from_a_flag_the_environment_or_the_file() {
    let values = [
        ("nodes", "a:1,b"),
        ("port", "9000"),
        ("bind", "10.0.0.1"),
        ("advertise", "a.example"),
        ("http", "off"),
        ("http-tls-cert", "/etc/bully/cert.pem"),
        ("http-tls-key", "/etc/bully/key.pem"),
        ("http-client-ca", "/etc/bully/ca.pem"),
        ("http-read-token-file", "/etc/bully/read"),
        ("http-admin-token-file", "/etc/bully/admin"),
        ("showport", "true"),
        ("url", "https://example.com/hook"),
        ("cluster", "east"),
        ("mode", "quorum"),
        ("priority", "0"),
        ("preempt", "false"),
        ("heartbeat", "1s"),
        ("lease", "10s"),
        ("data-dir", "/data"),
        ("moved", "true"),
        ("secret-file", "/etc/bully/secret"),
        ("peer-keys", "/etc/bully/keys"),
        ("log", "json"),
        ("log-level", "debug"),
    ];
    assert_eq!(values.map(|(name, _)| name), Key::ALL.map(Key::name));
    let flags = values.map(|(name, value)| format!("-{name}={value}"));
    let flags = configured(&flags.each_ref().map(String::as_str), &[]);
    let names = values.map(|(name, _)| key::variable(name));
    let variables: Vec<_> =
        names.iter().zip(values).map(|(name, (_, value))| (name.as_str(), value)).collect();
    let environment = configured(&[], &variables);
    let lines = values.map(|(name, value)| format!("{name} = '{value}'\n")).concat();
    let file = with_file(&lines, |path| configured(&["-config", path], &[]));
    assert_eq!(flags.settings, environment.settings);
    assert_eq!(flags.settings, file.settings);
    assert_eq!(flags.settings.nodes[1], Place { host: "b".to_owned(), port: 9000 });
    assert_eq!(flags.settings.priority, 0);
    let quorum = flags.settings.quorum.as_ref().expect("the mode is quorum");
    assert_eq!((quorum.lease, quorum.moved), (Duration::from_secs(10), true));
    assert!(Key::ALL.iter().all(|key| *flags.origins.of(*key) == Origin::Flag));
}

#[test]
fn an_empty_variable_counts_as_one_that_is_not_set() {
    let variables = [("BULLY_PORT", ""), ("BULLY_CONFIG", ""), ("BULLY_SHOWPORT", "")];
    assert_eq!(configured(&[], &variables), configured(&[], &[]));
}

#[test]
fn a_switch_never_takes_the_next_word() {
    assert!(configured(&["-showport", "-port", "9"], &[]).settings.show_port);
    assert!(!configured(&["--preempt=false"], &[]).settings.preempt);
    let told = "unexpected argument \"false\": a switch has its value glued, ";
    assert_eq!(complaint(&["-showport", "false"], &[]), format!("{told}-showport=false"));
    assert_eq!(complaint(&["status", "-json", "false"], &[]), format!("{told}-json=false"));
}
