//! At rest the core allocates nothing, whatever the size of the cluster.

use allocation_counter::measure;
use bully_sim::rest::{RestingFollower, RestingLeader};

const HEARTBEATS: usize = 5_000;

#[test]
fn a_leader_at_rest_allocates_nothing() {
    for members in [3, 25] {
        let mut leader = RestingLeader::of(members);
        let allocations = after_warm_up(|| leader.heartbeat(), 2 * (members - 1));
        assert_eq!(allocations, 0, "in {HEARTBEATS} heartbeats of {members} members");
    }
}

#[test]
fn a_follower_at_rest_allocates_nothing() {
    for members in [3, 25] {
        let mut follower = RestingFollower::of(members);
        let allocations = after_warm_up(|| follower.heartbeat(), 2);
        assert_eq!(allocations, 0, "in {HEARTBEATS} heartbeats of {members} members");
    }
}

/// Buffers have grown to their size by then.
fn after_warm_up(mut heartbeat: impl FnMut() -> usize, messages: usize) -> u64 {
    assert_eq!(heartbeat(), messages);
    let info = measure(|| {
        for _ in 0..HEARTBEATS {
            assert_eq!(heartbeat(), messages);
        }
    });
    info.count_total
}
