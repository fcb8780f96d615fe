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

/// Seeds that once failed, each by another fault of the rules or of the code.
#[test]
fn what_once_failed_stays_mended() {
    for seed in [
        149, 255, 4_291, 4_802, 5_966, 11_646, 13_830, 31_670, 38_656, 39_085,
    ] {
        let outcome = random::run(seed);
        assert_eq!(outcome.error, None, "SEED={seed}");
    }
}
