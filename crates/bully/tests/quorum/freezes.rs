//! Programs and hosts that stand still for a while.

use std::time::{Duration, Instant};

use bully_lab::Process;

use super::reigns::side_by_side;
use super::support::Lan;
use super::words::{LEASE, Reign};

const ALL: [usize; 3] = [0, 1, 2];

/// Fails unless the leader of that reign, which was frozen, says in its first answers that it does not
/// lead.
fn denies(lan: &Lan, old: &Reign, paths: [&str; 2]) {
    let host = lan.host_of(&old.leader);
    for path in paths {
        let reply = lan.get(host, path).expect("an answer");
        let is_denied = match path {
            "/v1/status" => reply.text().contains("\"is_leader\":false"),
            _ => reply.status == 503,
        };
        assert!(is_denied, "{path}: {}{}", reply.text(), lan.said());
    }
}

#[test]
fn a_leader_that_stood_still_for_three_leases_denies_in_its_first_answer_that_it_leads() {
    let test =
        "a_leader_that_stood_still_for_three_leases_denies_in_its_first_answer_that_it_leads";
    let Some(lan) = Lan::new(test, 3) else { return };
    let _watch = lan.watch();
    let mut old = lan.found();
    for paths in [["/primary", "/v1/status"], ["/v1/status", "/primary"]] {
        let frozen = lan.host_of(&old.leader);
        let start = Instant::now();
        assert!(lan.node(frozen, Process::freeze));
        let next = lan.succeeded(&lan.all_but(&[frozen]), &old);
        std::thread::sleep((LEASE * 3).saturating_sub(start.elapsed()));
        assert!(lan.node(frozen, Process::thaw));
        denies(&lan, &old, paths);
        assert_eq!(lan.ruled(&ALL), next, "the reign goes on{}", lan.said());
        old = next;
    }
}

#[test]
fn a_question_that_waited_while_the_leader_stood_still_is_answered_no() {
    let test = "a_question_that_waited_while_the_leader_stood_still_is_answered_no";
    let Some(lan) = Lan::new(test, 3) else { return };
    let _watch = lan.watch();
    let old = lan.found();
    let frozen = lan.host_of(&old.leader);
    assert!(lan.node(frozen, Process::freeze));
    // Nothing reaches it that would tell it of the others: its clock alone does.
    lan.lab.isolate(frozen).expect("isolates");
    let next = lan.succeeded(&lan.all_but(&[frozen]), &old);
    let host = lan.host(frozen);
    std::thread::scope(|scope| {
        let ask = |path: &'static str| {
            let url = format!("http://127.0.0.1:8080{path}");
            scope.spawn(move || host.http_get(&url, Duration::from_secs(5)))
        };
        let waiting = ["/primary", "/v1/status", "/leader?wait=0s"].map(ask);
        // The kernel takes the questions, and nobody reads them.
        std::thread::sleep(LEASE / 4);
        assert!(lan.node(frozen, Process::thaw));
        for (asked, answer) in waiting.into_iter().enumerate() {
            let reply = answer.join().expect("no panic").expect("an answer");
            let said = reply.text();
            let is_denied = match asked {
                1 => said.contains("\"is_leader\":false"),
                _ => reply.status == 503,
            };
            assert!(is_denied, "{asked}: {said}{}", lan.said());
        }
    });
    lan.lab.heal().expect("heals");
    assert_eq!(lan.ruled(&ALL), next, "the reign goes on{}", lan.said());
}

#[test]
fn a_leader_s_host_that_stood_still_whole_denies_in_its_first_answer_that_it_leads() {
    let test = "a_leader_s_host_that_stood_still_whole_denies_in_its_first_answer_that_it_leads";
    let Some(lan) = Lan::new(test, 3) else { return };
    let _watch = lan.watch();
    let old = lan.found();
    let frozen = lan.host_of(&old.leader);
    lan.lab.freeze(frozen).expect("freezes");
    let next = lan.succeeded(&lan.all_but(&[frozen]), &old);
    lan.lab.thaw(frozen).expect("thaws");
    denies(&lan, &old, ["/primary", "/v1/status"]);
    assert_eq!(lan.ruled(&ALL), next, "the reign goes on{}", lan.said());
}

#[test]
fn all_that_stood_still_for_a_lease_have_one_leader_again_and_no_answer_was_wrong() {
    let test = "all_that_stood_still_for_a_lease_have_one_leader_again_and_no_answer_was_wrong";
    let Some(lan) = Lan::new(test, 3) else { return };
    let _watch = lan.watch();
    let mut old = lan.found();
    for pause in [LEASE * 3 / 2, LEASE * 3 / 4] {
        lan.freeze_all(&ALL);
        std::thread::sleep(pause);
        // The leader last: the others may have chosen by then.
        let leader = lan.host_of(&old.leader);
        lan.thaw_all(&lan.all_but(&[leader]));
        std::thread::sleep(LEASE / 10);
        lan.thaw_all(&[leader]);
        let next = lan.ruled(&ALL);
        assert!(next.token >= old.token, "{next:?} after {old:?}");
        old = next;
    }
}

#[test]
fn a_follower_that_gets_hardly_any_time_or_none_changes_nothing() {
    let test = "a_follower_that_gets_hardly_any_time_or_none_changes_nothing";
    side_by_side([Some((110, 15)), Some((600, 40)), None], |bursts| {
        let Some(lan) = Lan::new(test, 3) else { return };
        let _watch = lan.watch();
        let reign = lan.found();
        let leader = lan.host_of(&reign.leader);
        let [starved, other] = lan.all_but(&[leader])[..] else { panic!("three hosts") };
        let start = Instant::now();
        while start.elapsed() < LEASE * 4 {
            assert!(lan.node(starved, Process::freeze));
            let (still, runs) = bursts.unwrap_or((4_000, 0));
            std::thread::sleep(Duration::from_millis(still));
            assert!(lan.node(starved, Process::thaw));
            std::thread::sleep(Duration::from_millis(runs));
        }
        assert_eq!(lan.ruled(&[leader, other]), reign, "{}", lan.said());
        lan.stays(&ALL, &reign, LEASE);
    });
}
