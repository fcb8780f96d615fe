//! What happens when something breaks.

use std::time::Duration;

use super::support::{DEADLINE, Lan};

#[test]
fn after_kill_9_the_rest_agree() {
    let Some(lan) = Lan::new("after_kill_9_the_rest_agree", 3) else {
        return;
    };
    let leader = lan.host_of(&lan.form(&[]));
    lan.kill(leader);
    let rest: Vec<usize> = (0..3).filter(|h| *h != leader).collect();
    lan.agreed(&rest);
}

#[test]
fn a_leader_that_is_told_to_end_hands_over_first() {
    let Some(lan) = Lan::new("a_leader_that_is_told_to_end_hands_over_first", 3) else {
        return;
    };
    let leader = lan.host_of(&lan.form(&[]));
    lan.node(leader, bully_lab::Process::terminate);
    let status = lan.node(leader, |node| node.wait(DEADLINE)).expect("it ends");
    assert!(status.success(), "{status}");
    let rest: Vec<usize> = (0..3).filter(|h| *h != leader).collect();
    lan.agreed(&rest);
    let history = lan.get(rest[0], "/v1/history").expect("an answer").text();
    assert!(
        history.contains("\"cause\":\"handover\"") || {
            let other = lan.get(rest[1], "/v1/history").expect("an answer").text();
            other.contains("\"cause\":\"handover\"")
        }
    );
}

#[test]
fn a_frozen_leader_is_replaced_and_does_not_answer_as_leader_once_thawed() {
    let test = "a_frozen_leader_is_replaced_and_does_not_answer_as_leader_once_thawed";
    let Some(lan) = Lan::new(test, 3) else { return };
    let old = lan.host_of(&lan.form(&[]));
    lan.node(old, bully_lab::Process::freeze);
    let rest: Vec<usize> = (0..3).filter(|h| *h != old).collect();
    let new = lan.agreed(&rest);
    lan.node(old, bully_lab::Process::thaw);
    // The very first answer counts.
    let reply = lan.get(old, "/leader").expect("an answer");
    assert_eq!(reply.text().trim_end(), new);
    assert_eq!(lan.get(old, "/primary").expect("an answer").status, 503);
    assert_eq!(lan.agreed(&[0, 1, 2]), new);
}

#[test]
fn a_frozen_follower_does_not_name_a_dead_leader_once_thawed() {
    let test = "a_frozen_follower_does_not_name_a_dead_leader_once_thawed";
    let Some(lan) = Lan::new(test, 3) else { return };
    let old = lan.host_of(&lan.form(&[]));
    let (frozen, other) = ((old + 1) % 3, (old + 2) % 3);
    lan.node(frozen, bully_lab::Process::freeze);
    lan.kill(old);
    let new = lan.agreed(&[other]);
    lan.node(frozen, bully_lab::Process::thaw);
    // The very first answer counts.
    let reply = lan.get(frozen, "/leader").expect("an answer");
    assert_eq!((reply.status, reply.text().trim_end()), (200, &*new));
}

#[test]
fn a_leader_that_vanishes_is_replaced_and_the_split_heals() {
    let test = "a_leader_that_vanishes_is_replaced_and_the_split_heals";
    let Some(lan) = Lan::new(test, 3) else { return };
    let old = lan.host_of(&lan.form(&[]));
    lan.lab.isolate(old).expect("isolates");
    let rest: Vec<usize> = (0..3).filter(|h| *h != old).collect();
    let new = lan.agreed(&rest);
    assert_eq!(lan.leader(old), Some(lan.ip(old)), "in bully mode a split has two leaders");
    lan.lab.heal().expect("heals");
    assert_eq!(lan.agreed(&[0, 1, 2]), new, "the larger group's leader stays");
}

#[test]
fn a_split_of_four_has_two_leaders_and_merges_when_it_heals() {
    let Some(lan) = Lan::new("a_split_of_four_has_two_leaders_and_merges_when_it_heals", 4) else {
        return;
    };
    lan.form(&[]);
    lan.lab.split(&[&[0, 1], &[2, 3]]).expect("splits");
    let one = lan.agreed(&[0, 1]);
    let other = lan.agreed(&[2, 3]);
    assert_ne!(one, other);
    lan.lab.heal().expect("heals");
    lan.agreed(&[0, 1, 2, 3]);
}

#[test]
fn a_one_way_link_from_the_leader_is_no_link() {
    let Some(lan) = Lan::new("a_one_way_link_from_the_leader_is_no_link", 3) else {
        return;
    };
    let leader = lan.host_of(&lan.form(&[]));
    let other = (0..3).find(|h| *h != leader).expect("another");
    // The leader hears it no more; it hears the leader still, through the third.
    lan.lab.cut_one_way(other, leader).expect("cuts");
    lan.until("it follows through the third", || {
        lan.get(other, "/v1/history").is_ok_and(|r| r.text().contains("member-lost"))
    });
    assert_eq!(lan.agreed(&[0, 1, 2]), lan.ip(leader), "the leader stays");
}

#[test]
fn two_that_cannot_reach_each_other_follow_one_leader_through_the_third() {
    let test = "two_that_cannot_reach_each_other_follow_one_leader_through_the_third";
    let Some(lan) = Lan::new(test, 3) else { return };
    let leader = lan.host_of(&lan.form(&[]));
    let other = (0..3).find(|h| *h != leader).expect("another");
    lan.lab.cut(leader, other).expect("cuts");
    lan.until("the cut is felt", || {
        lan.get(other, "/v1/history").is_ok_and(|r| r.text().contains("member-lost"))
    });
    assert_eq!(lan.agreed(&[0, 1, 2]), lan.ip(leader), "the leader stays");
}

#[test]
fn all_started_at_once_agree() {
    let Some(lan) = Lan::new("all_started_at_once_agree", 7) else {
        return;
    };
    lan.form(&[]);
}

#[test]
fn a_leader_restarted_at_once_joins_under_its_successor_or_leads() {
    let test = "a_leader_restarted_at_once_joins_under_its_successor_or_leads";
    let Some(lan) = Lan::new(test, 3) else { return };
    let leader = lan.host_of(&lan.form(&[]));
    for _ in 0..5 {
        lan.node(leader, bully_lab::Process::kill);
        lan.join(leader, 3, &[]);
        lan.agreed(&[0, 1, 2]);
    }
}

#[test]
fn a_higher_priority_takes_over_after_the_hold() {
    let Some(lan) = Lan::new("a_higher_priority_takes_over_after_the_hold", 2) else {
        return;
    };
    lan.join(0, 2, &[]);
    lan.agreed(&[0]);
    lan.join(1, 2, &["-priority=200"]);
    lan.until("the second leads", || {
        lan.leader(0) == Some(lan.ip(1)) && lan.leader(1) == Some(lan.ip(1))
    });
}

#[test]
fn without_preemption_the_incumbent_stays() {
    let Some(lan) = Lan::new("without_preemption_the_incumbent_stays", 2) else {
        return;
    };
    lan.join(0, 2, &["-preempt=false"]);
    lan.agreed(&[0]);
    lan.join(1, 2, &["-preempt=false", "-priority=200"]);
    assert_eq!(lan.agreed(&[0, 1]), lan.ip(0), "{}", lan.said());
    // Longer than the hold of 800 ms.
    let since = std::time::Instant::now();
    lan.until("the hold passes", || {
        assert_eq!(lan.leader(0), Some(lan.ip(0)));
        since.elapsed() > Duration::from_secs(2)
    });
}
