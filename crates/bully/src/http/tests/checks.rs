//! Checks for load balancers and supervisors.

use super::*;

#[tokio::test]
async fn the_status_code_of_a_check_is_its_answer() {
    for (view, primary, replica, health) in [
        (leader(), OK, UNAVAILABLE, OK),
        (quorum_leader(), OK, UNAVAILABLE, OK),
        (quorum_follower(), UNAVAILABLE, OK, OK),
        (follower(), UNAVAILABLE, OK, OK),
        (electing(), UNAVAILABLE, UNAVAILABLE, UNAVAILABLE),
        (View { role: crate::Role::Joining, ..follower() }, UNAVAILABLE, UNAVAILABLE, OK),
        (alone(), UNAVAILABLE, UNAVAILABLE, UNAVAILABLE),
    ] {
        for (path, expected) in [
            ("/primary", primary),
            ("/read-write", primary),
            ("/replica", replica),
            ("/health", health),
            ("/livez", OK),
            ("/readyz", OK),
        ] {
            for method in ["GET", "HEAD", "OPTIONS"] {
                let got = request(Fake::new(view.clone()).app(), method, path, "*/*").await;
                assert_eq!(got.status, expected, "{method} {path} {view:?}");
                let lines = got.body.lines().count();
                assert_eq!(lines, usize::from(method == "GET"), "{method} {path}");
            }
        }
    }
}

#[tokio::test]
async fn the_leadership_decides_the_checks_and_not_the_view() {
    let node = Arc::new(Fake::new(leader()));
    *node.leads.lock().unwrap() = false;
    assert_eq!(get(app(&node), "/primary").await.status, UNAVAILABLE);
    node.set(follower());
    *node.leads.lock().unwrap() = true;
    assert_eq!(get(app(&node), "/primary").await.status, OK);
    assert_eq!(get(app(&node), "/replica").await.status, UNAVAILABLE);
}

#[tokio::test]
async fn a_node_whose_disk_fails_is_alive_and_not_ready() {
    for view in [quorum_leader(), alone()] {
        let mut node = Fake::new(view);
        node.is_writable = false;
        let node = Arc::new(node);
        let got = get(app(&node), "/readyz").await;
        assert_eq!(got.status, UNAVAILABLE);
        assert_eq!(got.body, "the last write to the data directory failed\n");
        assert_eq!(get(app(&node), "/livez").await.status, OK);
    }
}

#[tokio::test]
async fn a_node_whose_loop_stands_still_is_not_live() {
    for (idle_ms, expected) in [(0, OK), (999, OK), (1000, UNAVAILABLE)] {
        let mut node = Fake::new(follower());
        node.idle = Duration::from_millis(idle_ms);
        assert_eq!(get(node.app(), "/livez").await.status, expected, "{idle_ms}");
    }
}
