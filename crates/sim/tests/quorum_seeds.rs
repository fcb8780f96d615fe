//! Random scenarios of quorum mode. `MODE=quorum SEED=… cargo run -p bully-sim` tells one in words.

use bully_sim::quorum::random::{Clocks, run, run_with};
use bully_sim::quorum::{Cover, Seen, cluster, settle};
use bully_sim::{MS, SEC};

/// So rare in random scenarios that directed ones alone are sure to meet them.
const DIRECTED: [Seen; 3] = [Seen::RosterAborted, Seen::Quarantined, Seen::SamePlace];

#[test]
fn every_random_scenario_keeps_the_promises_and_together_they_meet_every_case() {
    let mut cover = Cover::default();
    let mut failures = Vec::new();
    for seed in 1..=400 {
        let outcome = run(seed);
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
        let (a, b) = (run(seed), run(seed));
        assert_eq!((a.lasted, a.steps, a.led_in, a.cover), (b.lasted, b.steps, b.led_in, b.cover));
    }
}

#[test]
fn clocks_ten_times_worse_than_allowed_lead_to_two_leaders_that_the_checkers_find() {
    let errors = (1..=2_000).filter_map(|seed| run_with(seed, Clocks::Beyond).error);
    let two =
        |error: &String| error.contains("AtMostOneActive") || error.contains("LeaseSupported");
    assert!(errors.into_iter().any(|error| two(&error)), "the checkers see nothing");
}

#[test]
fn clusters_of_every_size_form_within_a_moment_and_one_leader_stays() {
    for n in 1..=7 {
        let mut world = cluster(n);
        (0..n).for_each(|host| world.start(host));
        settle(&mut world);
        world.run_for(20 * SEC);
        let reigns = world.reigns();
        assert_eq!(reigns.len(), 1, "{reigns:?}");
        assert!(reigns[0].0 < 100 * MS, "{reigns:?}");
    }
}
