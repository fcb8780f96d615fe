//! Hosts that freeze or vanish, leaders and followers, some and all.

use std::time::{Duration, Instant};

use bully_lab::Process;
use serde_json::Value;

use super::account::mostly;
use super::support::Lan;

const ALL: [usize; 3] = [0, 1, 2];

/// The leader's host, and the other two.
fn roles(lan: &Lan, leader: &str) -> (usize, [usize; 2]) {
    let leader = lan.host_of(leader);
    (leader, [(leader + 1) % 3, (leader + 2) % 3])
}

#[test]
fn a_host_that_freezes_whole_is_replaced_and_does_not_answer_as_leader_once_thawed() {
    let test = "a_host_that_freezes_whole_is_replaced_and_does_not_answer_as_leader_once_thawed";
    let Some(lan) = Lan::new(test, 3) else { return };
    lan.form(&[]);
    for frozen_for in [0, 1, 5] {
        mostly("it names its successor at once, who stays", || {
            thawed_names_its_successor(&lan, Duration::from_secs(frozen_for))
        });
    }
}

/// Freezes the leader's host for so long. Its reign is over when it is thawed; whether all live
/// under its successor's, which they do unless the machine keeps those waiting whom it asks.
fn thawed_names_its_successor(lan: &Lan, frozen_for: Duration) -> bool {
    let reign = lan.settled(&ALL);
    let (old, rest) = roles(lan, &reign.leader);
    let before = lan.newest(old);
    lan.lab.freeze(old).expect("freezes");
    let next = lan.settled(&rest);
    assert!(next.epoch > reign.epoch, "{next:?} after {reign:?}");
    lan.stays(&rest, &next, frozen_for);
    lan.lab.thaw(old).expect("thaws");
    // The very first answer counts.
    let reply = lan.get(old, "/leader").expect("an answer");
    let named = reply.text().trim_end().to_owned();
    let is_new = |entry: &Value| {
        entry["won"] == true && entry["epoch"].as_u64().is_some_and(|epoch| epoch > reign.epoch)
    };
    let has_won_since = || lan.history_since(old, before).iter().any(is_new);
    assert!(named != lan.ip(old) || has_won_since(), "after {frozen_for:?}{}", lan.said());
    // The larger group's leader stays.
    let last = lan.settled(&ALL);
    assert!(last.epoch >= next.epoch, "{last:?} after {next:?}{}", lan.said());
    named == next.leader && last.leader == next.leader
}

#[test]
fn a_follower_s_host_that_freezes_or_vanishes_changes_nothing_for_the_rest() {
    let test = "a_follower_s_host_that_freezes_or_vanishes_changes_nothing_for_the_rest";
    let Some(lan) = Lan::new(test, 3) else { return };
    lan.form(&[]);
    for is_frozen in [true, false] {
        let reign = lan.settled(&ALL);
        lan.know_each_other(&ALL);
        let (leader, [gone, other]) = roles(&lan, &reign.leader);
        if is_frozen {
            lan.lab.freeze(gone).expect("freezes");
        } else {
            lan.lab.isolate(gone).expect("isolates");
        }
        lan.know_each_other(&[leader, other]);
        lan.stays(&[leader, other], &reign, Duration::from_secs(2));
        if is_frozen {
            lan.lab.thaw(gone).expect("thaws");
        } else {
            assert_eq!(lan.settled(&[gone]).leader, lan.ip(gone), "alone it leads itself");
            lan.lab.rejoin(gone).expect("rejoins");
        }
        let last = lan.settled(&ALL).leader;
        assert_eq!(last, reign.leader, "the larger group's leader stays{}", lan.said());
    }
}

#[test]
fn a_vanished_leader_is_replaced_within_a_moment_each_time() {
    let test = "a_vanished_leader_is_replaced_within_a_moment_each_time";
    let Some(lan) = Lan::new(test, 3) else { return };
    lan.form(&[]);
    for _ in 0..3 {
        let reign = lan.settled(&ALL);
        let (old, rest) = roles(&lan, &reign.leader);
        let start = Instant::now();
        lan.lab.isolate(old).expect("isolates");
        let next = lan.settled(&rest);
        let took = start.elapsed();
        println!("replaced after {took:?}");
        assert!(next.epoch > reign.epoch, "{next:?} after {reign:?}");
        // Four heartbeats, on a machine that is busy with other tests.
        assert!(took < Duration::from_secs(3), "{took:?}");
        lan.lab.heal().expect("heals");
        lan.settled(&ALL);
    }
}

#[test]
fn a_frozen_follower_does_not_keep_newcomers_from_an_answer() {
    let test = "a_frozen_follower_does_not_keep_newcomers_from_an_answer";
    let Some(lan) = Lan::new(test, 6) else { return };
    lan.join_all(&ALL, 5);
    let reign = lan.settled(&ALL);
    let (leader, [frozen, other]) = roles(&lan, &reign.leader);
    assert!(lan.node(frozen, Process::freeze));
    // One at once, one when the others have given it up, and one that lists nobody else and is
    // listed by nobody: its dial connects, since the kernel takes it, and no word follows.
    for (newcomer, nodes) in [(3, lan.list(5)), (4, lan.list(5)), (5, lan.ip(frozen))] {
        let start = Instant::now();
        lan.run(newcomer, &[&format!("-nodes={nodes}"), "-http=0.0.0.0:8080"]);
        let expected = if newcomer == 5 { lan.ip(5) } else { reign.leader.clone() };
        lan.until("its first answer", || {
            lan.get(newcomer, "/leader").is_ok_and(|reply| {
                assert_eq!(reply.text().trim_end(), expected, "{}", lan.said());
                true
            })
        });
        let took = start.elapsed();
        println!("answered after {took:?}");
        assert!(took < Duration::from_millis(1_500), "{took:?}");
        lan.know_each_other(&[leader, other, 3, 4][..newcomer.min(4)]);
    }
    assert_eq!(lan.settled(&[leader, other, 3, 4]), reign, "{}", lan.said());
    assert!(lan.node(frozen, Process::thaw));
    assert_eq!(lan.settled(&[0, 1, 2, 3, 4, 5]).leader, reign.leader);
}

#[test]
fn all_frozen_and_thawed_together_agree_and_none_is_proved_dead() {
    let test = "all_frozen_and_thawed_together_agree_and_none_is_proved_dead";
    let Some(lan) = Lan::new(test, 5) else { return };
    lan.form(&[]);
    let all = [0, 1, 2, 3, 4];
    for pause in [100, 450, 2_000] {
        let reign = lan.settled(&all);
        lan.freeze_all(&all);
        std::thread::sleep(Duration::from_millis(pause));
        lan.thaw_all(&all);
        lan.settled(&all);
        lan.know_each_other(&all);
        if pause == 100 {
            assert_eq!(lan.settled(&all), reign, "less than four heartbeats are no fault");
        }
    }
    let reign = lan.settled(&all);
    lan.stays(&all, &reign, Duration::from_secs(1));
    for host in all {
        let history = lan.history(host);
        let crash = history.iter().find(|entry| entry["cause"] == "crash");
        assert!(crash.is_none(), "{crash:?}");
    }
}

#[test]
fn a_node_frozen_and_thawed_again_and_again_ends_in_one_reign() {
    let test = "a_node_frozen_and_thawed_again_and_again_ends_in_one_reign";
    let Some(lan) = Lan::new(test, 3) else { return };
    lan.form(&[]);
    let start = Instant::now();
    let mut rounds = 0_usize;
    while start.elapsed() < Duration::from_secs(6) {
        let host = rounds % 3;
        assert!(lan.node(host, Process::freeze));
        std::thread::sleep(Duration::from_millis(390 + 40 * (rounds as u64 % 4)));
        assert!(lan.node(host, Process::thaw));
        rounds += 1;
    }
    let reign = lan.settled(&ALL);
    lan.stays(&ALL, &reign, Duration::from_secs(1));
    assert!(rounds > 3, "{rounds}");
}
