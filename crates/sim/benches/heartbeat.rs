//! What a heartbeat costs the core at rest: time, and allocations. `cargo bench -p bully-sim`.

use bully_sim::rest::{RestingFollower, RestingLeader};
use divan::{AllocProfiler, Bencher};

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

const MEMBERS: [usize; 3] = [3, 25, 100];

fn main() {
    divan::main();
}

/// The leader's Beats, and all the acknowledgements.
#[divan::bench(args = MEMBERS, max_time = 1)]
fn leader(bencher: Bencher<'_, '_>, members: usize) {
    let mut node = RestingLeader::of(members);
    bencher.bench_local(|| node.heartbeat());
}

/// A Beat, and its acknowledgement.
#[divan::bench(args = MEMBERS, max_time = 1)]
fn follower(bencher: Bencher<'_, '_>, members: usize) {
    let mut node = RestingFollower::of(members);
    bencher.bench_local(|| node.heartbeat());
}
