//! Each small scope is searched whole, no law breaks in it, and what it is to come across is come
//! across. A test per scope, named by the rule that it is about.

use std::time::Duration;

use bully_model::{Found, SeenSet, World, search, small, walk, walks};

fn searched(name: &str) -> Found {
    let scope = small().into_iter().find(|scope| scope.name == name).unwrap();
    let found = search(scope, 1, Duration::from_secs(300));
    println!("{found}");
    assert!(found.is_as_expected, "{found}");
    found
}

macro_rules! scopes {
    ($($test:ident: $name:literal),* $(,)?) => {
        $(
            #[test]
            fn $test() {
                assert!(searched($name).is_whole);
            }
        )*

        const SEARCHED: &[&str] = &[$($name),*];
    };
}

scopes! {
    q5_a_leader_that_dies_is_followed_by_one: "failover",
    q1_a_restart_inside_a_promise_makes_no_second_leader: "restart inside a promise",
    q1_a_lease_that_is_shortened_at_a_restart_makes_no_second_leader:
        "leases shortened at a restart",
    q2_packets_that_come_late_and_twice_elect_nobody_twice:
        "an election with packets late and twice",
    q2_packets_in_any_order_elect_nobody_twice: "an election in any order",
    q5_acks_that_come_late_prolong_no_lease: "acks that come late to a leader that is cut off",
    q6_nobody_is_released_before_the_application_has_stopped:
        "cuts, and an application that is slow to stop",
    q6_an_application_that_is_slow_to_stop_twice_is_awaited_twice:
        "an application that is slow to stop, twice",
    q6_a_lapse_is_latched_whatever_a_process_reads_when_it_wakes: "pauses",
    q6_a_disk_that_fails_or_stalls_costs_no_safety: "disks that fail or stall",
    q8_a_handover_whose_packets_come_late_and_twice_makes_one_leader:
        "handover, its packets late and twice",
    q8_a_handover_in_which_somebody_dies_makes_one_leader: "handover and crashes",
    q6_a_release_that_comes_late_frees_nobody_of_a_later_term: "handovers to and fro",
    q10_removals_and_the_leaders_death_leave_one_cluster: "removals and the leader's death",
    q10_removals_that_race_leave_one_cluster: "four members and removals that race",
    q10_a_joiner_and_the_leaders_death_leave_one_cluster: "a joiner and the leader's death",
    q10_a_joiner_and_a_removal_are_two_steps: "a joiner and a removal",
    q10_a_lease_won_under_an_older_roster_outlives_no_two_changes:
        "two join a leader with a longer lease, which dies",
    q10_mixed_leases_and_joiners_make_no_second_leader:
        "leases of 2 s and 600 ms, joiners, the leader's death",
    q10_priorities_change_safely: "priorities that change",
    q5_mixed_leases_make_no_second_leader: "leases of 2 s and 600 ms",
    q11_a_member_that_leaves_is_removed: "leaving",
    q13_a_guardian_speaks_for_the_dead_alone: "a guardian's word",
    clocks_at_the_extremes_make_no_second_leader: "clocks at the extremes",
    a_founding_with_packets_late_and_twice_makes_one_cluster: "a founding",
    a_founding_by_two_lists_makes_one_cluster: "a founding by two lists",
    a_founding_by_lists_that_overlap_makes_no_two_clusters: "a founding by lists that overlap",
    a_founding_in_which_a_list_changes_makes_one_cluster: "a founding, and a list that changes",
}

const BAD_CLOCKS: &str = "clocks ten times worse than is promised";

#[test]
fn clocks_ten_times_worse_than_is_promised_make_two_leaders_and_the_way_there_is_told() {
    let found = searched(BAD_CLOCKS);
    let (how, told) = found.breach.unwrap();
    assert!(how.starts_with("AtMostOneActive"), "{how}");
    assert!(told.iter().any(|line| line.contains("*** the adversary")));
    assert!(told.last().unwrap().contains("BREACH of AtMostOneActive"));
}

#[test]
fn every_scope_has_a_test() {
    let mut names: Vec<_> = small().iter().map(|scope| scope.name).collect();
    names.retain(|name| !SEARCHED.contains(name) && *name != BAD_CLOCKS);
    assert!(names.is_empty(), "{names:?}");
}

#[test]
fn random_walks_break_no_law() {
    let worlds: Vec<_> = walks().into_iter().map(World::new).collect();
    let mut seen = SeenSet::default();
    for seed in 0..100_u64 {
        let world = &worlds[usize::try_from(seed).unwrap() % worlds.len()];
        match walk(world, seed) {
            Ok((_, met)) => seen.join(met),
            Err(fallen) => panic!("{:?}\n{}", fallen.breach, fallen.told.join("\n")),
        }
    }
    println!("seen: {seen}");
}
