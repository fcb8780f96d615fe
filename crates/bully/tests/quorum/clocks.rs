//! Clocks that are set, that jump as over a suspension, and that run at wrong rates: each host's its
//! own.

use std::time::{Duration, Instant};

use bully_lab::{Clocks, Process};

use super::reigns::side_by_side;
use super::support::Lan;
use super::watch::now;
use super::words::{LEASE, Reign};

const ALL: [usize; 3] = [0, 1, 2];

const HOUR: Duration = Duration::from_secs(3_600);
const YEAR: Duration = Duration::from_secs(365 * 24 * 3_600);

/// Three hosts under the last of them, each with clocks of its own.
fn by_clocks(lan: &Lan) -> ([Clocks; 3], Reign) {
    by_these(lan, ALL.map(|_| Clocks::new().expect("clocks")))
}

fn by_these(lan: &Lan, clocks: [Clocks; 3]) -> ([Clocks; 3], Reign) {
    for host in ALL {
        lan.vote_in(host, 3, &clocks[host].env());
    }
    let reign = lan.led_by(2);
    (clocks, reign)
}

/// Fails unless the leader of that reign says that it does not lead, in answer to the first questions.
fn denies(lan: &Lan, old: &Reign) {
    let host = lan.host_of(&old.leader);
    let reply = lan.get(host, "/v1/status").expect("an answer");
    let text = reply.text();
    let is_new = |reign: &Reign| reign.token > old.token;
    let denies = text.contains("\"is_leader\":false");
    // On a busy machine it may have been elected anew by now.
    let has_won = || lan.reign(host).is_some_and(|(reign, _)| is_new(&reign));
    assert!(denies || has_won(), "{text}{}", lan.said());
}

#[test]
fn a_leader_that_was_suspended_for_an_hour_denies_in_its_first_answer_that_it_leads() {
    let test = "a_leader_that_was_suspended_for_an_hour_denies_in_its_first_answer_that_it_leads";
    let Some(lan) = Lan::new(test, 3) else { return };
    let watch = lan.watch();
    let (clocks, mut old) = by_clocks(&lan);
    for is_cut in [false, true] {
        let leader = lan.host_of(&old.leader);
        assert!(lan.node(leader, Process::freeze));
        let suspended = now();
        if is_cut {
            // It hears nothing of the others, and its wall clock tells nothing of the hour.
            lan.lab.isolate(leader).expect("isolates");
            clocks[leader].set_back(HOUR).expect("set");
        }
        clocks[leader].suspend(HOUR).expect("suspends");
        assert!(lan.node(leader, Process::thaw));
        denies(&lan, &old);
        let voters = if is_cut { lan.all_but(&[leader]) } else { ALL.to_vec() };
        let next = lan.succeeded(&voters, &old);
        let last = watch.last_of(old.token);
        assert!(last.asked < suspended, "{last:?} {suspended}");
        lan.lab.heal().expect("heals");
        assert_eq!(lan.ruled(&ALL), next, "{}", lan.said());
        old = next;
    }
}

#[test]
fn a_leader_that_was_suspended_while_another_was_elected_denies_in_its_first_answer_that_it_leads()
{
    let test = "a_leader_that_was_suspended_while_another_was_elected_denies_in_its_first_answer_that_it_leads";
    let Some(lan) = Lan::new(test, 3) else { return };
    let _watch = lan.watch();
    let (clocks, old) = by_clocks(&lan);
    let leader = lan.host_of(&old.leader);
    assert!(lan.node(leader, Process::freeze));
    let since = Instant::now();
    lan.lab.isolate(leader).expect("isolates");
    let next = lan.succeeded(&lan.all_but(&[leader]), &old);
    // No time has passed to the clock that does not count suspensions, and none to the wall's: BOOTTIME
    // alone tells.
    let pause = since.elapsed();
    clocks[leader].set_back(pause).expect("set");
    clocks[leader].was_suspended(pause).expect("suspends");
    assert!(lan.node(leader, Process::thaw));
    denies(&lan, &old);
    lan.leaderless(&[leader], Duration::ZERO);
    lan.lab.heal().expect("heals");
    assert_eq!(lan.ruled(&ALL), next, "{}", lan.said());
}

#[test]
fn a_follower_that_was_suspended_for_an_hour_changes_nothing() {
    let test = "a_follower_that_was_suspended_for_an_hour_changes_nothing";
    let Some(lan) = Lan::new(test, 3) else { return };
    let _watch = lan.watch();
    let (clocks, reign) = by_clocks(&lan);
    for _ in 0..3 {
        clocks[0].suspend(HOUR).expect("suspends");
        lan.stays(&[1, 2], &reign, LEASE / 2);
        assert_eq!(lan.ruled(&ALL), reign, "{}", lan.said());
    }
}

#[test]
fn a_leader_whose_wall_clock_is_set_forward_steps_down_at_most_and_one_set_back_does_nothing() {
    let test =
        "a_leader_whose_wall_clock_is_set_forward_steps_down_at_most_and_one_set_back_does_nothing";
    side_by_side([YEAR, Duration::from_secs(5)], |step| {
        let Some(lan) = Lan::new(test, 3) else { return };
        let _watch = lan.watch();
        let (clocks, old) = by_clocks(&lan);
        clocks[2].set_back(step).expect("set");
        lan.stays(&ALL, &old, LEASE * 2);
        // To those that look at it the machine was suspended meanwhile.
        clocks[2].set_forward(Duration::ZERO).expect("set");
        denies(&lan, &old);
        let next = lan.succeeded(&ALL, &old);
        assert!(next.token - old.token < 100, "{next:?} after {old:?}");
        lan.stays(&ALL, &next, LEASE * 2);
    });
}

#[test]
fn a_follower_whose_wall_clock_is_set_changes_nothing_and_its_tokens_go_on_like_any_other_s() {
    let test =
        "a_follower_whose_wall_clock_is_set_changes_nothing_and_its_tokens_go_on_like_any_other_s";
    let Some(lan) = Lan::new(test, 3) else { return };
    let _watch = lan.watch();
    let (clocks, reign) = by_clocks(&lan);
    clocks[0].set_forward(YEAR).expect("set");
    clocks[1].set_back(YEAR).expect("set");
    lan.stays(&ALL, &reign, LEASE * 2);
    clocks[0].set_back(YEAR).expect("set");
    clocks[1].set_forward(YEAR).expect("set");
    lan.stays(&ALL, &reign, LEASE);
    // Each of the two succeeds the leader in turn.
    lan.kill(2);
    let next = lan.succeeded(&[0, 1], &reign);
    let other = 1 - lan.host_of(&next.leader);
    let last = {
        let to = format!("-to={}:8117", lan.ip(other));
        let done = lan.ask(1 - other, &["transfer", &to]);
        assert!(done.status.success(), "{done:?}{}", lan.said());
        lan.succeeded(&[0, 1], &next)
    };
    assert_eq!(last.leader, lan.ip(other));
    assert!(last.token - reign.token < 100, "{last:?} after {reign:?}");
}

/// The leader vanishes, whose clocks run at this rate, while those of the others run at that one: what
/// the watch has against it once its lease is over.
fn at_rates(lan: &Lan, leader: i64, others: i64) -> Option<String> {
    let watch = lan.watch();
    let clocks = ALL.map(|_| Clocks::new().expect("clocks"));
    for host in ALL {
        clocks[host].set_rate(if host == 2 { leader } else { others }).expect("a rate");
    }
    let (_clocks, old) = by_these(lan, clocks);
    lan.stays(&ALL, &old, LEASE);
    lan.lab.isolate(2).expect("isolates");
    lan.succeeded(&[0, 1], &old);
    let start = Instant::now();
    lan.until("the old leader's lease is over by its own clock", || start.elapsed() > LEASE * 2);
    lan.leaderless(&[2], Duration::ZERO);
    watch.into_fault()
}

#[test]
fn clocks_at_the_bound_of_what_their_rates_may_be_break_no_promise() {
    let test = "clocks_at_the_bound_of_what_their_rates_may_be_break_no_promise";
    side_by_side([(-50, 50), (50, -50)], |(leader, others)| {
        let Some(lan) = Lan::new(test, 3) else { return };
        assert_eq!(at_rates(&lan, leader, others), None);
    });
}

#[test]
fn clocks_far_beyond_the_bound_break_the_promise_and_the_watch_sees_it() {
    let test = "clocks_far_beyond_the_bound_break_the_promise_and_the_watch_sees_it";
    let Some(lan) = Lan::new(test, 3) else { return };
    // The leader's clocks run at half their speed: its lease lasts twice as long as it says.
    let fault = at_rates(&lan, -5_000, 0).expect("two reigns at a time");
    assert!(fault.contains("an older reign is claimed after a newer one"), "{fault}");
}
