//! What guards the HTTP interface, and how those who ask pass it.

use std::path::Path;

use super::*;

#[test]
fn what_means_nothing_without_another_flag_is_told_with_that() {
    for (line, told) in [
        (&["-http-tls-cert=c"][..], "-http-tls-cert: -http-tls-key is missing"),
        (&["-http-tls-key=k"], "-http-tls-key: -http-tls-cert is missing"),
        (&["-http-client-ca=a"], "-http-client-ca: -http-tls-cert is missing"),
        (&["-http-tls-cert="], "-http-tls-cert: \"\" is not the path of a file"),
        (&["leader", "-http-client-cert=c"], "-http-client-cert: -http-client-key is missing"),
        (&["leader", "-http-client-key=k"], "-http-client-key: -http-client-cert is missing"),
    ] {
        let line = match line {
            ["leader", flag] => vec!["leader", "-http=https://a:1", flag],
            line => line.to_vec(),
        };
        assert_eq!(complaint(&line, &[]), told, "{line:?}");
    }
    let variables = [("BULLY_HTTP_TLS_KEY", "k")];
    assert_eq!(complaint(&[], &variables), "BULLY_HTTP_TLS_KEY: -http-tls-cert is missing");
}

#[test]
fn where_http_is_served_may_be_a_list_in_the_file_too() {
    with_file("http = [':1', 'unix:/s']", |path| {
        let settings = configured(&["-config", path], &[]).settings;
        assert_eq!(settings.http.to_string(), ":1,unix:/s");
        assert_eq!(asked(&["leader"], &[("BULLY_CONFIG", path)]).http, here(1));
    });
}

#[test]
fn whoever_asks_is_known_by_files_that_flags_or_the_environment_name() {
    let variables = [
        ("BULLY_HTTP", "https://db1:8443"),
        ("BULLY_HTTP_TOKEN_FILE", "t"),
        ("BULLY_HTTP_CA", "a"),
    ];
    let line = ["status", "-http-client-cert=c", "-http-client-key", "k", "-http-token-file=u"];
    let asked = asked(&line, &variables).http;
    let place = Place { host: "db1".to_owned(), port: 8443 };
    assert_eq!(
        asked,
        Asked {
            at: Address::Https(place),
            token_file: Some("u".into()),
            ca: Some("a".into()),
            identity: Some(("c".into(), "k".into())),
        }
    );
}

/// A variable stands for all the nodes that are asked, a flag for the one that is.
#[test]
fn a_flag_about_certificates_is_for_a_node_that_has_one() {
    let told = complaint(&["leader", "-http=db1:8443", "-http-ca=a"], &[]);
    assert_eq!(told, "-http-ca: only https:// has certificates: -http=https://host:port");
    let asked = asked(&["leader"], &[("BULLY_HTTP_CA", "a")]);
    assert_eq!(asked.http.ca.as_deref(), Some(Path::new("a")));
}
