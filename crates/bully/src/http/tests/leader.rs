//! `/leader`.

use super::*;
use crate::http::routes;
use crate::{Leader, Mode};

#[tokio::test]
async fn the_leader_is_one_line_of_text_from_every_node() {
    let got = get(Fake::new(follower()).app(), "/leader").await;
    assert_eq!((got.status, &*got.body), (OK, "192.168.1.68\n"));
    assert_eq!(got.header(header::CONTENT_TYPE), "text/plain; charset=utf-8");
    assert_eq!(got.header(header::CACHE_CONTROL), "no-store");
    let got = get(Fake::new(leader()).app(), "/leader").await;
    assert_eq!((got.status, &*got.body), (OK, "2001:db8::67\n"));
}

#[tokio::test]
async fn the_port_is_shown_where_it_is_asked_for() {
    let unresolved = |node: &str| {
        let leader = Leader { node: node.to_owned(), ip: None, port: 1, priority: 1 };
        View { leader: Some(leader), ..follower() }
    };
    for (view, bare, with_port) in [
        (follower(), "192.168.1.68\n", "192.168.1.68:8117\n"),
        (leader(), "2001:db8::67\n", "[2001:db8::67]:8117\n"),
        (unresolved("db-1:1"), "db-1\n", "db-1:1\n"),
    ] {
        for (show_port, expected) in [(false, bare), (true, with_port)] {
            let node = Box::new(Arc::new(Fake::new(view.clone())));
            let got =
                get(routes(node, Options { show_port, ..Options::default() }), "/leader").await;
            assert_eq!(got.body, expected);
        }
    }
}

#[tokio::test]
async fn the_token_follows_the_address_and_a_tab_where_it_is_asked_for() {
    for (query, expected) in [
        ("?token=1", "192.168.1.68\t1795417201\n"),
        ("?token=true&wait=0s", "192.168.1.68\t1795417201\n"),
        ("?token=0", "192.168.1.68\n"),
        ("?token=false", "192.168.1.68\n"),
        ("", "192.168.1.68\n"),
    ] {
        let got = get(Fake::new(quorum_follower()).app(), &format!("/leader{query}")).await;
        assert_eq!((got.status, &*got.body), (OK, expected), "{query}");
    }
    let node = Box::new(Arc::new(Fake::new(quorum_leader())));
    let got =
        get(routes(node, Options { show_port: true, ..Options::default() }), "/leader?token=1")
            .await;
    assert_eq!(got.body, "192.168.1.68:8117\t1795417201\n");
}

#[tokio::test]
async fn an_address_never_stands_without_the_token_that_was_asked_for() {
    let unknown = Fake::new(View { token: None, ..quorum_follower() });
    let got = get(unknown.app(), "/leader?token=1").await;
    let expected = "the token of 192.168.1.68:8117 is not known yet\n";
    assert_eq!((got.status, &*got.body), (UNAVAILABLE, expected));
    let leaderless = Fake::new(View { mode: Mode::Quorum, ..alone() });
    let got = get(leaderless.app(), "/leader?token=1").await;
    assert_eq!((got.status, got.body.contains('\t')), (UNAVAILABLE, false));
}

#[tokio::test]
async fn bully_mode_has_no_token_to_ask_for() {
    let node = Arc::new(Fake::new(follower()));
    for accept in ["text/plain", "application/json"] {
        let got = request(app(&node), "GET", "/leader?token=1", accept).await;
        assert_eq!(got.status, StatusCode::BAD_REQUEST);
        assert!(got.body.contains("token: bully mode has none"), "{}", got.body);
        assert_eq!(request(app(&node), "GET", "/leader?token=0", accept).await.status, OK);
    }
    let got = get(app(&node), "/leader?token=yes").await;
    let expected = "token: expected 1, 0, true or false\n";
    assert_eq!((got.status, &*got.body), (StatusCode::BAD_REQUEST, expected));
}

#[tokio::test]
async fn without_a_leader_the_answer_is_503_and_why() {
    let got = get(Fake::new(alone()).app(), "/leader").await;
    assert_eq!(got.status, UNAVAILABLE);
    assert_eq!(got.body, "priority is 0: waiting for a candidate\n");
    let got = get(Fake::new(View { reason: None, ..alone() }).app(), "/leader").await;
    assert_eq!((got.status, &*got.body), (UNAVAILABLE, "no leader is known\n"));
}

#[tokio::test]
async fn a_wait_that_makes_no_sense_is_refused() {
    let node = Arc::new(Fake::new(follower()));
    for wait in ["2", "0", "", "-1s", "2x", "s", "61m", "9999999999999999999s", "1s&wait=2s"] {
        let got = get(app(&node), &format!("/leader?wait={wait}")).await;
        assert_eq!(got.status, StatusCode::BAD_REQUEST, "{wait}");
        assert!(got.body.contains("wait"), "{wait}: {}", got.body);
        assert_eq!(got.body.lines().count(), 1);
    }
    for wait in ["2s", "500ms", "0s", "60s", "1h", "1m%2030s", "2s&unknown=1"] {
        let got = get(app(&node), &format!("/leader?wait={wait}")).await;
        assert_eq!(got.status, OK, "{wait}: {}", got.body);
    }
}

#[tokio::test(start_paused = true)]
async fn while_an_election_is_under_way_the_answer_waits_as_long_as_it_is_told() {
    let node = Arc::new(Fake::new(electing()));
    for (query, expected_ms) in [("", 2000), ("?wait=500ms", 500), ("?wait=0s", 0)] {
        let start = Instant::now();
        let got = get(app(&node), &format!("/leader{query}")).await;
        assert_eq!((got.status, &*got.body), (UNAVAILABLE, "an election is under way\n"));
        let took = start.elapsed().as_millis();
        assert!((expected_ms..=expected_ms + 2).contains(&took), "{query}: {took}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_node_that_expects_no_outcome_answers_at_once() {
    let start = Instant::now();
    assert_eq!(get(Fake::new(alone()).app(), "/leader").await.status, UNAVAILABLE);
    assert_eq!(start.elapsed(), Duration::ZERO);
}

/// Asks for the leader, and lets it wait; the node is changed after 1,010 ms.
async fn waited(change: impl FnOnce(&Fake)) -> (Got, Duration) {
    let node = Arc::new(Fake::new(electing()));
    let start = Instant::now();
    let later = async {
        tokio::time::sleep(Duration::from_millis(1010)).await;
        change(&node);
    };
    let (got, ()) = tokio::join!(get(app(&node), "/leader"), later);
    (got, start.elapsed())
}

#[tokio::test(start_paused = true)]
async fn the_outcome_of_an_election_is_answered_as_it_comes() {
    let (got, took) = waited(|node| node.change(follower())).await;
    assert_eq!((got.status, &*got.body), (OK, "192.168.1.68\n"));
    assert!(took < Duration::from_millis(1015), "{took:?}");
    let (got, took) = waited(|node| node.change(alone())).await;
    assert_eq!(got.status, UNAVAILABLE);
    assert!(took < Duration::from_millis(1015), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_change_that_nobody_tells_of_is_found_by_asking_again() {
    let (got, took) = waited(|node| node.set(follower())).await;
    assert_eq!(got.status, OK);
    assert!(took <= Duration::from_millis(1110), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_change_of_the_watch_alone_is_no_outcome() {
    // A frozen leader's last word was that it leads; its sample knows better.
    let (got, took) = waited(|node| drop(node.watched.send_replace(leader()))).await;
    assert_eq!(got.status, UNAVAILABLE);
    assert!(took >= Duration::from_secs(2), "{took:?}");
}
