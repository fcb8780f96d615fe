//! Hosts that are killed, started anew, and vanish; leaders that step down.

use std::time::Duration;

use super::support::Lan;
use super::watch::{nanos, now};
use super::words::LEASE;

const ALL: [usize; 3] = [0, 1, 2];

/// A lease as a clock measures it that is as fast as one may be.
const LEASE_AT_LEAST: Duration = LEASE.saturating_sub(Duration::from_millis(5));

#[test]
fn a_killed_leader_is_replaced_under_a_larger_token() {
    let test = "a_killed_leader_is_replaced_under_a_larger_token";
    let Some(lan) = Lan::new(test, 3) else { return };
    let _watch = lan.watch();
    let mut old = lan.found();
    for _ in 0..2 {
        let leader = lan.host_of(&old.leader);
        lan.kill(leader);
        let next = lan.succeeded(&lan.all_but(&[leader]), &old);
        lan.vote(leader, 3);
        assert_eq!(lan.ruled(&ALL), next, "who comes back follows{}", lan.said());
        old = next;
    }
}

#[test]
fn a_leader_killed_and_started_at_once_has_no_successor_before_its_lease_is_over() {
    let test = "a_leader_killed_and_started_at_once_has_no_successor_before_its_lease_is_over";
    let Some(lan) = Lan::new(test, 3) else { return };
    let watch = lan.watch();
    let mut old = lan.found();
    for _ in 0..3 {
        let leader = lan.host_of(&old.leader);
        lan.kill(leader);
        lan.vote(leader, 3);
        let next = lan.succeeded(&ALL, &old);
        let (last, first) = (watch.last_of(old.token), watch.first_after(old.token));
        // What its application was told may be acted on until then, whatever became of the node.
        assert!(last.lease_ms > 0 && first.answered >= last.deadline(), "{last:?} {first:?}");
        old = next;
    }
}

#[test]
fn a_voter_started_anew_inside_its_promise_is_silent_for_a_lease() {
    let test = "a_voter_started_anew_inside_its_promise_is_silent_for_a_lease";
    let Some(lan) = Lan::new(test, 3) else { return };
    let watch = lan.watch();
    let old = lan.found();
    let leader = lan.host_of(&old.leader);
    let [voter, other] = lan.all_but(&[leader])[..] else { panic!("three hosts") };
    lan.kill(leader);
    // The third host's promise is over long before the voter's silence: it stands, and needs it.
    std::thread::sleep(LEASE / 2);
    lan.kill(voter);
    let started = now();
    lan.vote(voter, 3);
    lan.succeeded(&[voter, other], &old);
    let first = watch.first_after(old.token);
    assert!(first.answered - started >= nanos(LEASE_AT_LEAST), "{first:?} {started}");
    // The silence is what was waited for: the promises were over by then.
    let last = watch.last_of(old.token);
    assert!(first.answered > last.deadline() + nanos(LEASE / 10), "{last:?} {first:?}");
}

#[test]
fn a_leader_that_vanishes_says_no_by_its_deadline_and_comes_back_as_a_follower() {
    let test = "a_leader_that_vanishes_says_no_by_its_deadline_and_comes_back_as_a_follower";
    let Some(lan) = Lan::new(test, 3) else { return };
    let watch = lan.watch();
    let old = lan.found();
    let leader = lan.host_of(&old.leader);
    lan.lab.isolate(leader).expect("isolates");
    let gone = now();
    let next = lan.succeeded(&lan.all_but(&[leader]), &old);
    assert_eq!(lan.code(leader, "/primary"), 503);
    lan.leaderless(&[leader], LEASE);
    let last = watch.last_of(old.token);
    assert!(last.asked < gone + nanos(LEASE), "{last:?} {gone}");
    lan.lab.heal().expect("heals");
    assert_eq!(lan.ruled(&ALL), next, "{}", lan.said());
    lan.stays(&ALL, &next, LEASE * 2);
}

#[test]
fn of_a_split_in_halves_neither_leads_until_it_heals() {
    let Some(lan) = Lan::new("of_a_split_in_halves_neither_leads_until_it_heals", 4) else {
        return;
    };
    let watch = lan.watch();
    let old = lan.found();
    lan.until_voters(&lan.all(), &lan.all());
    lan.lab.split(&[&[0, 1], &[2, 3]]).expect("splits");
    let split = now();
    lan.leaderless(&lan.all(), LEASE * 2);
    let last = watch.last_of(old.token);
    assert!(last.asked < split + nanos(LEASE), "{last:?} {split}");
    let reply = lan.get(0, "/leader?wait=0s").expect("an answer");
    assert_eq!(reply.status, 503);
    for missing in [2, 3] {
        assert!(reply.text().contains(&lan.ip(missing)), "{}", reply.text());
    }
    lan.lab.heal().expect("heals");
    let next = lan.ruled(&lan.all());
    assert!(next.token > old.token, "{next:?} after {old:?}");
    lan.stays(&lan.all(), &next, LEASE);
}

#[test]
fn after_a_power_cycle_of_all_one_leads_once_the_silence_is_over_under_a_larger_token() {
    let test = "after_a_power_cycle_of_all_one_leads_once_the_silence_is_over_under_a_larger_token";
    let Some(lan) = Lan::new(test, 3) else { return };
    let mut watch = lan.watch();
    let mut old = lan.found();
    for _ in 0..2 {
        lan.lab.power_off(&ALL).expect("off");
        lan.lab.power_on(&ALL).expect("on");
        watch.goes_on(&lan, &ALL);
        let started = now();
        for host in ALL {
            lan.vote(host, 3);
        }
        let next = lan.succeeded(&ALL, &old);
        let first = watch.first_after(old.token);
        println!("led after {:?}", Duration::from_nanos(first.answered - started));
        assert!(first.answered - started >= nanos(LEASE_AT_LEAST), "{first:?} {started}");
        old = next;
    }
    lan.stays(&ALL, &old, LEASE);
}

#[test]
fn a_leader_whose_host_loses_its_power_is_replaced_and_comes_back_as_a_follower() {
    let test = "a_leader_whose_host_loses_its_power_is_replaced_and_comes_back_as_a_follower";
    let Some(lan) = Lan::new(test, 3) else { return };
    let mut watch = lan.watch();
    let old = lan.found();
    let leader = lan.host_of(&old.leader);
    lan.lab.power_off(&[leader]).expect("off");
    let next = lan.succeeded(&lan.all_but(&[leader]), &old);
    let (last, first) = (watch.last_of(old.token), watch.first_after(old.token));
    assert!(last.lease_ms > 0 && first.answered >= last.deadline(), "{last:?} {first:?}");
    lan.lab.power_on(&[leader]).expect("on");
    watch.goes_on(&lan, &[leader]);
    lan.vote(leader, 3);
    assert_eq!(lan.ruled(&ALL), next, "{}", lan.said());
    lan.stays(&ALL, &next, LEASE);
}

#[test]
fn who_steps_down_does_not_come_back_at_once() {
    let Some(lan) = Lan::new("who_steps_down_does_not_come_back_at_once", 3) else { return };
    let _watch = lan.watch();
    // The one that ranks best.
    let old = lan.found_under(2);
    let done = lan.ask(2, &["step-down"]);
    assert!(done.status.success(), "{done:?}{}", lan.said());
    let next = lan.ruled(&ALL);
    assert_ne!(next.leader, old.leader, "{}", lan.said());
    assert!(next.token > old.token, "{next:?} after {old:?}");
    lan.stays(&ALL, &next, LEASE * 3);
}

#[test]
fn leases_of_several_lengths_are_each_kept_and_changed_one_node_after_the_other() {
    let test = "leases_of_several_lengths_are_each_kept_and_changed_one_node_after_the_other";
    let Some(lan) = Lan::new(test, 3) else { return };
    let watch = lan.watch();
    for (host, lease) in [(0, "-lease=2s"), (1, "-lease=600ms"), (2, "-lease=1s")] {
        lan.vote_with(host, 3, &["-heartbeat=100ms", lease]);
    }
    let mut reign = lan.ruled(&ALL);
    lan.until_voters(&ALL, &ALL);
    for (host, lease) in [(0, "-lease=600ms"), (1, "-lease=2s"), (2, "-lease=800ms")] {
        reign = lan.hand_to(host, reign);
        lan.kill(host);
        lan.vote_with(host, 3, &["-heartbeat=100ms", lease]);
        let next = lan.succeeded(&ALL, &reign);
        let (last, first) = (watch.last_of(reign.token), watch.first_after(reign.token));
        assert!(last.lease_ms > 0 && first.answered >= last.deadline(), "{last:?} {first:?}");
        reign = next;
    }
    // In good order, too: each hands over, if it leads, and comes back.
    for host in ALL {
        lan.stop(host);
        lan.vote_with(host, 3, &["-heartbeat=100ms", "-lease=700ms"]);
        reign = lan.ruled(&ALL);
    }
    lan.stays(&ALL, &reign, LEASE);
}

#[test]
fn where_the_switch_is_off_nobody_leads_until_it_is_on_again() {
    let test = "where_the_switch_is_off_nobody_leads_until_it_is_on_again";
    let Some(lan) = Lan::new(test, 3) else { return };
    let watch = lan.watch();
    let old = lan.found();
    lan.lab.switch_off().expect("off");
    let off = now();
    lan.leaderless(&ALL, LEASE);
    let last = watch.last_of(old.token);
    assert!(last.asked < off + nanos(LEASE), "{last:?} {off}");
    lan.lab.switch_on().expect("on");
    let next = lan.ruled(&ALL);
    assert!(next.token > old.token, "{next:?} after {old:?}");
}

#[test]
fn a_better_ranked_node_that_comes_and_goes_takes_the_lead_from_nobody_for_a_while() {
    let test = "a_better_ranked_node_that_comes_and_goes_takes_the_lead_from_nobody_for_a_while";
    let Some(lan) = Lan::new(test, 3) else { return };
    let _watch = lan.watch();
    for (host, priority) in [(0, "-priority=100"), (1, "-priority=100"), (2, "-priority=200")] {
        lan.vote_with(host, 3, &[priority, "-heartbeat=50ms"]);
    }
    let old = lan.led_by(2);
    lan.kill(2);
    let next = lan.succeeded(&[0, 1], &old);
    for _ in 0..2 {
        lan.vote_with(2, 3, &["-priority=200", "-heartbeat=50ms"]);
        // It wants to lead, and would be given the lead ten heartbeats after its silence.
        lan.stays(&ALL, &next, LEASE * 3);
        lan.kill(2);
    }
}
