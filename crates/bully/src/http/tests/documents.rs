//! The JSON documents.

use super::*;
use crate::{Entry, EntryKind, Member, MemberRole, MemberState, Mode};

#[tokio::test]
async fn the_status_has_its_shape() {
    let got = json(Fake::new(follower()).app(), "/leader").await;
    assert_eq!(got.status, OK);
    insta::assert_snapshot!(pretty(&got.body), @r#"
    {
      "leader": {
        "node": "192.168.1.68:8117",
        "address": "192.168.1.68",
        "priority": 100
      },
      "self": "192.168.1.67:8117",
      "is_leader": false,
      "role": "follower",
      "mode": "bully",
      "cluster": "bully",
      "epoch": 1795417201000,
      "since": "2026-11-23T07:00:01.000Z",
      "revision": "5e11.2",
      "version": "VERSION"
    }
    "#);
    let status = json(Fake::new(follower()).app(), "/v1/status").await;
    assert_eq!((status.status, status.body), (OK, got.body));
}

#[tokio::test]
async fn in_quorum_mode_the_status_has_a_token_and_on_the_leader_what_is_left_of_the_lease() {
    let got = json(Fake::new(quorum_leader()).app(), "/leader").await;
    assert_eq!(got.status, OK);
    insta::assert_snapshot!(pretty(&got.body), @r#"
    {
      "leader": {
        "node": "192.168.1.68:8117",
        "address": "192.168.1.68",
        "priority": 100
      },
      "self": "192.168.1.68:8117",
      "is_leader": true,
      "role": "leader",
      "mode": "quorum",
      "cluster": "bully",
      "token": 1795417201,
      "lease_ms": 812,
      "since": "2026-11-23T07:00:01.000Z",
      "revision": "5e11.2",
      "version": "VERSION"
    }
    "#);
    let status = json(Fake::new(quorum_leader()).app(), "/v1/status").await;
    assert_eq!(status.body, got.body);
    let follower = json(Fake::new(quorum_follower()).app(), "/v1/status").await.body;
    assert!(follower.contains(r#""token":1795417201,"since""#), "{follower}");
    let leaderless = View { mode: Mode::Quorum, ..alone() };
    let leaderless = json(Fake::new(leaderless).app(), "/v1/status").await.body;
    assert!(leaderless.contains(r#""token":null,"since""#), "{leaderless}");
    for body in [follower, leaderless] {
        assert!(!body.contains("epoch") && !body.contains("lease_ms"), "{body}");
    }
}

#[tokio::test]
async fn the_status_without_a_leader_says_why_and_is_200() {
    let got = json(Fake::new(alone()).app(), "/leader").await;
    assert_eq!(got.status, UNAVAILABLE);
    insta::assert_snapshot!(pretty(&got.body), @r#"
    {
      "leader": null,
      "self": "192.168.1.67:8117",
      "is_leader": false,
      "role": "electing",
      "mode": "bully",
      "cluster": "bully",
      "epoch": null,
      "since": "2026-11-23T07:00:00.000Z",
      "reason": "priority is 0: waiting for a candidate",
      "revision": "5e11.1",
      "version": "VERSION"
    }
    "#);
    let status = json(Fake::new(alone()).app(), "/v1/status").await;
    assert_eq!((status.status, status.body), (OK, got.body));
}

#[tokio::test]
async fn the_members_have_their_shape() {
    let member = |node: &str, ip: Option<[u8; 4]>| Member {
        node: node.to_owned(),
        ip: ip.map(Into::into),
        priority: 100,
        role: MemberRole::Leader,
        state: MemberState::Alive,
        rtt: None,
        is_self: true,
    };
    let mut node = Fake::new(leader());
    node.members = vec![
        member("192.168.1.67:8117", Some([192, 168, 1, 67])),
        Member {
            role: MemberRole::Candidate,
            state: MemberState::Unreachable,
            rtt: Some(Duration::from_nanos(412_499)),
            is_self: false,
            ..member("db-2:8117", None)
        },
    ];
    let got = json(node.app(), "/v1/members").await;
    assert_eq!(got.status, OK);
    insta::assert_snapshot!(pretty(&got.body), @r#"
    {
      "members": [
        {
          "node": "192.168.1.67:8117",
          "address": "192.168.1.67",
          "priority": 100,
          "role": "leader",
          "state": "alive",
          "rtt_ms": null,
          "self": true
        },
        {
          "node": "db-2:8117",
          "address": "db-2",
          "priority": 100,
          "role": "candidate",
          "state": "unreachable",
          "rtt_ms": 0.412,
          "self": false
        }
      ],
      "revision": "5e11.2"
    }
    "#);
}

#[tokio::test]
async fn in_quorum_mode_the_leader_among_the_members_has_its_token() {
    let member = |node: &str, role| Member {
        node: node.to_owned(),
        ip: None,
        priority: 100,
        role,
        state: MemberState::Alive,
        rtt: None,
        is_self: false,
    };
    let mut node = Fake::new(quorum_follower());
    node.members = vec![
        member("192.168.1.67:8117", MemberRole::Candidate),
        member("192.168.1.68:8117", MemberRole::Leader),
        // Who leads has changed between the two looks: whose the token is, is not known.
        member("192.168.1.69:8117", MemberRole::Leader),
    ];
    let got = json(node.app(), "/v1/members").await;
    let value: serde_json::Value = serde_json::from_str(&got.body).unwrap();
    let tokens: Vec<_> =
        value["members"].as_array().unwrap().iter().map(|member| member.get("token")).collect();
    assert_eq!(tokens, [None, Some(&1_795_417_201.into()), None]);
}

fn entry(revision: u64) -> Entry {
    Entry {
        revision,
        time: time(revision),
        kind: EntryKind::Election,
        cause: Some("join"),
        node: None,
        leader: Some("192.168.1.67:8117".to_owned()),
        epoch: Some(1_795_417_201_000),
        token: None,
        won: true,
        message: "192.168.1.67:8117 leads".to_owned(),
    }
}

#[tokio::test]
async fn the_history_has_its_shape() {
    let mut node = Fake::new(leader());
    node.history = vec![
        entry(1),
        Entry {
            kind: EntryKind::Unreachable,
            cause: None,
            node: Some("192.168.1.69:8117".to_owned()),
            leader: None,
            epoch: None,
            won: false,
            message: "192.168.1.69:8117 cannot be added: i/o timeout".to_owned(),
            ..entry(2)
        },
    ];
    let got = json(node.app(), "/v1/history").await;
    assert_eq!(got.status, OK);
    insta::assert_snapshot!(pretty(&got.body), @r#"
    {
      "history": [
        {
          "revision": "5e11.1",
          "time": "2026-11-23T07:00:01.000Z",
          "kind": "election",
          "cause": "join",
          "node": null,
          "leader": "192.168.1.67:8117",
          "epoch": 1795417201000,
          "won": true,
          "message": "192.168.1.67:8117 leads"
        },
        {
          "revision": "5e11.2",
          "time": "2026-11-23T07:00:02.000Z",
          "kind": "unreachable",
          "cause": null,
          "node": "192.168.1.69:8117",
          "leader": null,
          "epoch": null,
          "message": "192.168.1.69:8117 cannot be added: i/o timeout"
        }
      ],
      "revision": "5e11.2"
    }
    "#);
}

#[tokio::test]
async fn in_quorum_mode_an_entry_has_a_token_and_no_epoch() {
    let mut node = Fake::new(quorum_leader());
    let token = Some(1_795_417_201);
    node.history =
        vec![Entry { epoch: None, token, ..entry(1) }, Entry { epoch: None, ..entry(2) }];
    let got = json(node.app(), "/v1/history").await;
    assert!(got.body.contains(r#""token":1795417201,"won":true"#), "{}", got.body);
    assert!(got.body.contains(r#""token":null,"won":true"#), "{}", got.body);
    assert!(!got.body.contains("epoch"), "{}", got.body);
}

#[tokio::test]
async fn the_history_can_be_read_in_parts() {
    for (query, expected) in [
        ("", "1 2 3 4"),
        ("?limit=2", "3 4"),
        ("?limit=0", ""),
        ("?limit=99", "1 2 3 4"),
        ("?after=5e11.2", "3 4"),
        ("?after=2", "3 4"),
        ("?after=5e11.1&limit=2", "2 3"),
        ("?after=5e11.9", ""),
        ("?after=0ther.3", "1 2 3 4"),
        ("?unknown=1", "1 2 3 4"),
    ] {
        let mut node = Fake::new(leader());
        node.history = (1..=4).map(entry).collect();
        let got = json(node.app(), &format!("/v1/history{query}")).await;
        let value: serde_json::Value = serde_json::from_str(&got.body).unwrap();
        let number = |entry: &serde_json::Value| {
            entry["revision"].as_str().unwrap().rsplit_once('.').unwrap().1.to_owned()
        };
        let numbers: Vec<_> = value["history"].as_array().unwrap().iter().map(number).collect();
        assert_eq!(numbers.join(" "), expected, "{query}");
        let newest = if query == "?after=5e11.9" { "5e11.2" } else { "5e11.4" };
        assert!(expected.is_empty() || value["revision"] == newest, "{query}: {value}");
    }
}
