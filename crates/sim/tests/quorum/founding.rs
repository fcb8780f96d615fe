//! The founding of a cluster, where it must not come about.

use bully_core::quorum::Leaderless;
use bully_sim::quorum::cluster;
use bully_sim::{MS, SEC, address};

/// A founding that was agreed to is taken back before another cluster is joined.
#[test]
fn who_has_given_its_word_to_one_founding_joins_no_other_cluster_before_it_is_taken_back() {
    for cut_at in 0..24 {
        let mut world = cluster(4);
        // 2 and 3 are a cluster. 0 and 1 found one; as they do, 0 learns of the other.
        for (host, list) in [(0, [0, 1]), (1, [0, 1]), (2, [2, 3]), (3, [2, 3])] {
            world.setup(host).places = list.map(address).to_vec();
        }
        world.start(2);
        world.start(3);
        world.run_for(3 * SEC);
        world.start(0);
        world.start(1);
        world.run_for(cut_at * MS / 2);
        world.cut(0, 1);
        world.crash(0);
        world.setup(0).places = [0, 2].map(address).to_vec();
        world.start(0);
        world.run_for(20 * SEC);
        world.heal_all();
        world.run_for(30 * SEC);
        let (a, b) = (world.record(0).unwrap().cluster, world.record(1).unwrap().cluster);
        let both = a.zip(b).is_none_or(|(a, b)| a == b || !world.members(1).contains(&0));
        assert!(both, "{cut_at}: {}", world.tell_states());
    }
}

#[test]
fn a_cluster_in_which_nobody_may_lead_is_not_founded_and_says_so() {
    let mut world = cluster(3);
    for host in 0..3 {
        world.setup(host).priority = 0;
        world.start(host);
    }
    world.run_for(5 * SEC);
    assert_eq!(world.record(0).unwrap().cluster, None);
    assert_eq!(world.status(0).unwrap().reason, Some(Leaderless::NobodyElectable));
}
