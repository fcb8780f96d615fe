//! Random scenarios. `SEED=… cargo run -p bully-sim` tells one in words.

use bully_sim::{Cover, Seen, random};

/// Seen in directed scenarios alone: no random one has two hosts with one identity.
const DIRECTED: [Seen; 2] = [Seen::DeposedAsDuplicate, Seen::RefusedDuplicate];

#[test]
fn every_random_scenario_keeps_the_promises_and_together_they_meet_every_case() {
    let mut cover = Cover::default();
    let mut failures = Vec::new();
    for seed in 1..=2_500 {
        let outcome = random::run(seed);
        cover.add(&outcome.cover);
        if let Some(error) = outcome.error {
            failures.push(format!("SEED={seed}: {error}"));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
    let mut never = cover.never();
    never.retain(|seen| !DIRECTED.contains(seen));
    assert_eq!(never, [], "an always without its sometimes:\n{cover}");
}

#[test]
fn a_seed_repeats_its_run_exactly() {
    for seed in [3, 149, 4_243] {
        let (a, b) = (random::run(seed), random::run(seed));
        assert_eq!((a.lasted, a.settled_in, a.cover), (b.lasted, b.settled_in, b.cover));
    }
}

fn clean(seeds: &[u64]) {
    for seed in seeds {
        let outcome = random::run(*seed);
        assert_eq!(outcome.error, None, "SEED={seed}");
    }
}

/// Seeds that once failed, each by another fault of the rules or of the code.
#[test]
fn what_once_failed_stays_mended() {
    clean(&[255, 4_291, 4_802, 11_646, 13_830, 39_085]);
}

#[test]
fn a_lie_that_reached_one_node_alone_does_not_split_it_from_the_rest() {
    clean(&[149, 2_928, 4_243, 206_779]);
}

#[test]
fn a_pause_that_was_measured_as_a_round_trip_delays_no_election() {
    clean(&[38_656]);
}

#[test]
fn a_lost_hello_with_a_new_priority_leaves_nobody_waiting_for_a_node_that_never_stands() {
    clean(&[31_670]);
}

#[test]
fn a_leader_that_stepped_down_and_was_elected_again_is_not_reported_dead() {
    clean(&[5_966]);
}

#[test]
fn two_that_each_took_the_other_for_the_better_one_elect() {
    clean(&[118_916]);
}

#[test]
fn a_claim_that_was_merely_shown_is_watched_and_not_lost_again_after_f() {
    clean(&[4_435, 5_836, 10_402]);
}
