//! Who votes: clusters are founded, and members come and go.

use serde_json::Value;

use super::support::{DEADLINE, Lan};
use super::words::DATA;

fn node(lan: &Lan, host: usize) -> String {
    format!("{}:8117", lan.ip(host))
}

/// What a host's node said that contains this, each with its number among all lines.
fn said(lan: &Lan, host: usize, part: &str) -> bool {
    lan.stderr(host).iter().any(|line| line.contains(part))
}

#[test]
fn three_hosts_found_a_cluster_and_name_one_leader_with_one_token() {
    let test = "three_hosts_found_a_cluster_and_name_one_leader_with_one_token";
    let Some(lan) = Lan::new(test, 3) else { return };
    let reign = lan.found();
    lan.until_voters(&[0, 1, 2], &[0, 1, 2]);
    assert!(reign.token > 1_700_000_000, "the first token is the time: {reign:?}");
    for host in 0..3 {
        let reply = lan.get(host, "/leader?token=1").expect("an answer");
        assert_eq!(reply.text(), format!("{}\t{}\n", reign.leader, reign.token));
        let status = lan.document(host, "/v1/status").expect("a status");
        assert_eq!(status["mode"], "quorum");
        assert_eq!(status["epoch"], Value::Null);
        let leads = lan.ip(host) == reign.leader;
        assert_eq!(status["lease_ms"].as_u64().is_some_and(|ms| ms < 1_000), leads, "{status}");
    }
}

#[test]
fn two_form_a_cluster_when_both_are_up_and_a_third_joins_while_they_run() {
    let test = "two_form_a_cluster_when_both_are_up_and_a_third_joins_while_they_run";
    let Some(lan) = Lan::new(test, 3) else { return };
    lan.vote(0, 2);
    lan.until("it says whom it waits for", || {
        let reply = lan.get(0, "/leader");
        let waits = format!("no leader: waiting for {}\n", node(&lan, 1));
        reply.is_ok_and(|reply| (reply.status, reply.text()) == (503, waits))
    });
    lan.vote(1, 2);
    let first = lan.ruled(&[0, 1]);
    lan.until_voters(&[0, 1], &[0, 1]);
    lan.until_said(0, "two members tolerate no failure and no restart");

    // The third machine has the longer list, and the first two go on with theirs.
    lan.vote(2, 3);
    lan.until_voters(&[0, 1, 2], &[0, 1, 2]);
    let reign = lan.ruled(&[0, 1, 2]);
    assert_eq!(reign, first, "a join changes no leader");
    let differs = format!(
        "the members are {}, {}, {}, as the disk says; -nodes leaves out {}, and decides nothing",
        node(&lan, 0),
        node(&lan, 1),
        node(&lan, 2),
        node(&lan, 2)
    );
    lan.until_said(0, &differs);
    assert!(!said(&lan, 2, "decides nothing"), "its list is that of the disk{}", lan.said());

    // What the disk says outlives the list.
    lan.kill(1);
    lan.vote(1, 2);
    lan.until_said(1, &differs);
    lan.until_voters(&[0, 1, 2], &[0, 1, 2]);
}

#[test]
fn a_member_is_removed_by_the_leader_alone_and_does_not_come_back_but_with_an_empty_disk() {
    let test =
        "a_member_is_removed_by_the_leader_alone_and_does_not_come_back_but_with_an_empty_disk";
    let Some(lan) = Lan::new(test, 3) else { return };
    let reign = lan.found();
    let leader = lan.host_of(&reign.leader);
    let (gone, stays) = ((leader + 1) % 3, (leader + 2) % 3);
    for (host, member, why) in [
        (stays, node(&lan, gone), format!("{} leads: ask it", node(&lan, leader))),
        (leader, node(&lan, leader), "this node is itself the leader".to_owned()),
        (leader, "192.168.1.99:8117".to_owned(), "192.168.1.99:8117 is no member".to_owned()),
    ] {
        let output = lan.ask(host, &["members", "remove", &member]);
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(stderr.contains(&why), "{stderr}");
    }
    let output = lan.ask(leader, &["members", "remove", &node(&lan, gone)]);
    assert!(output.status.success(), "{output:?}");
    lan.until_voters(&[leader, stays], &[leader, stays]);
    lan.until_said(gone, "this node was removed from the cluster");
    lan.kill(gone);
    lan.vote(gone, 3);
    lan.until("it knows that it is out", || {
        lan.get(gone, "/leader?wait=0s").is_ok_and(|reply| reply.text().contains("removed"))
    });
    assert_eq!(lan.ruled(&[leader, stays]), reign);

    lan.kill(gone);
    std::fs::remove_dir_all(lan.host(gone).path(DATA)).expect("its disk is wiped");
    lan.vote(gone, 3);
    lan.until_voters(&[0, 1, 2], &[0, 1, 2]);
    assert_eq!(lan.ruled(&[0, 1, 2]), reign);
}

#[test]
fn a_majority_that_is_gone_for_good_is_recovered_from_by_force() {
    let test = "a_majority_that_is_gone_for_good_is_recovered_from_by_force";
    let Some(lan) = Lan::new(test, 3) else { return };
    let reign = lan.found();
    let running = lan.ask(0, &["recover", "-force"]);
    assert_eq!(running.status.code(), Some(69), "its node runs: {running:?}");
    lan.kill_all(&[0, 1, 2]);
    let unforced = lan.ask(0, &["recover"]);
    assert_eq!(unforced.status.code(), Some(2));
    let warning = String::from_utf8_lossy(&unforced.stderr).into_owned();
    assert!(warning.contains("unsafe") && warning.contains("must be wiped"), "{warning}");

    let forced = lan.ask(0, &["recover", "-force"]);
    assert!(forced.status.success(), "{forced:?}");
    lan.vote(0, 3);
    let alone = lan.ruled(&[0]);
    assert!(alone.token > reign.token + 999_999, "{alone:?} after {reign:?}");
    // One that was not wiped is of another cluster, and is told so.
    lan.vote(1, 3);
    lan.until_said(1, "founded apart");
    lan.kill(1);
    for host in [1, 2] {
        std::fs::remove_dir_all(lan.host(host).path(DATA)).expect("its disk is wiped");
        lan.vote(host, 3);
    }
    lan.until_voters(&[0, 1, 2], &[0, 1, 2]);
    assert_eq!(lan.ruled(&[0, 1, 2]), alone);
}

#[test]
fn who_is_in_no_cluster_may_begin_anew_and_who_is_in_one_may_not() {
    let test = "who_is_in_no_cluster_may_begin_anew_and_who_is_in_one_may_not";
    let Some(lan) = Lan::new(test, 2) else { return };
    lan.vote(0, 2);
    lan.until_said(0, "cannot be added");
    lan.kill(0);
    let before = std::fs::read(lan.host(0).path(DATA).join("state")).expect("a record");
    let reset = lan.ask(0, &["genesis-reset", "-force"]);
    assert!(reset.status.success(), "{reset:?}");
    let after = std::fs::read(lan.host(0).path(DATA).join("state")).expect("a record");
    assert_ne!(before, after);

    lan.vote(0, 2);
    lan.vote(1, 2);
    lan.ruled(&[0, 1]);
    lan.kill_all(&[0, 1]);
    let before = std::fs::read(lan.host(0).path(DATA).join("state")).expect("a record");
    let reset = lan.ask(0, &["genesis-reset", "-force"]);
    assert_eq!(reset.status.code(), Some(1), "{reset:?}");
    let after = std::fs::read(lan.host(0).path(DATA).join("state")).expect("a record");
    assert_eq!(before, after);
}

#[test]
fn a_node_that_moved_says_so_once_and_is_the_member_that_it_was() {
    let test = "a_node_that_moved_says_so_once_and_is_the_member_that_it_was";
    let Some(lan) = Lan::new(test, 4) else { return };
    for host in 0..3 {
        lan.vote(host, 3);
    }
    let reign = lan.ruled(&[0, 1, 2]);
    let moves = if reign.leader == lan.ip(2) { 1 } else { 2 };
    lan.kill(moves);
    // The fourth host gets the disk.
    let (from, to) = (lan.host(moves).path(DATA), lan.host(3).path(DATA));
    std::fs::create_dir_all(to.parent().expect("a parent")).expect("a folder");
    std::fs::create_dir(&to).expect("a folder");
    std::fs::copy(from.join("state"), to.join("state")).expect("the disk moves");
    std::fs::remove_dir_all(from).expect("no copy is left behind");

    lan.vote(3, 3);
    let status = lan.node(3, |node| node.wait(DEADLINE)).expect("it does not start");
    assert_eq!(status.code(), Some(1));
    lan.until_said(3, &format!("belongs to the node at {}", node(&lan, moves)));
    lan.join(3, 3, &["-mode=quorum", "-moved"]);
    let others: Vec<usize> = (0..4).filter(|host| *host != moves).collect();
    lan.until_voters(&others, &others);
    // From then on that is its address.
    lan.kill(3);
    lan.vote(3, 3);
    lan.ruled(&others);
}
