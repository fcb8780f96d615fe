//! Cuts: of halves, of single links, in one direction, and those that leave a centre.

use std::time::Duration;

use bully_core::quorum::{Cause, Leaderless, Proposal, Role};
use bully_sim::quorum::{Fate, World, cluster, running, settle};
use bully_sim::{MS, SEC, US};

use crate::{
    DELTA, HEARTBEAT, HOP, LEASE, count_from, crash_bound, log, log_and, next_reign, revokes,
    run_to, settles, stays, tail, term_max, usable_nanos,
};

/// Scenario 4.
#[test]
fn q2_two_halves_have_no_leader_and_the_whole_has_one_again() {
    let mut world = running(4);
    let (start, old) = (world.now(), world.token().unwrap());
    world.split(&[0, 0, 1, 1]);
    let took = world.time_to(2 * SEC, |w| w.leader().is_none()).unwrap();
    assert!(took <= usable_nanos(LEASE) + MS);
    world.run_for(30 * SEC);
    assert_eq!(world.leader(), None);
    assert_eq!(revokes(&world, 3, start).len(), 1);
    assert_eq!(term_max(&world), old, "neither half takes up a term");
    let reason = world.status(0).unwrap().reason;
    assert_eq!(reason, Some(Leaderless::NoQuorum(vec![world.id(2), world.id(3)])));
    let healed = world.now();
    world.heal_all();
    let (at, _, token) = next_reign(&mut world, 20 * SEC);
    assert!(at - healed <= 50 * HEARTBEAT + SEC, "{} ms", (at - healed) / MS);
    assert_eq!(token, old + 1);
    stays(&mut world, 10 * SEC);
}

/// The nodes of a star of five whose centre is the worst-ranked, led by an outer node.
fn star(world: &mut World) {
    world.only(&[(0, 1), (0, 2), (0, 3), (0, 4)]);
}

/// Scenario 5: nobody but the centre reaches a majority.
#[test]
fn q6_where_a_majority_is_lost_the_centre_leads_after_the_release() {
    for phase in 0..6 {
        let mut world = running(5);
        world.run_for(phase * 25 * MS);
        let (start, old) = (world.now(), world.token().unwrap());
        assert!(world.leads(4));
        star(&mut world);
        let (at, host, token) = next_reign(&mut world, 5 * SEC);
        assert_eq!((host, token), (0, old + 1), "terms do not race");
        // Three better-ranked members cannot win, and do not in their turns.
        assert!(at - start <= LEASE + HOP + tail(3), "{} µs", (at - start) / US);
        stays(&mut world, 60 * SEC);
        assert!(world.is_settled());
    }
}

/// Scenario 5: the Release is lost, and so the centre's promise runs its time.
#[test]
fn q6_where_the_release_is_lost_too_the_centre_leads_a_lease_later() {
    for phase in 0..6 {
        let mut world = running(5);
        world.run_for(phase * 25 * MS);
        let (start, old) = (world.now(), world.token().unwrap());
        star(&mut world);
        world.filter(|l| if l.message.name() == "Release" { Fate::Drop } else { Fate::Pass });
        let (at, host, token) = next_reign(&mut world, 5 * SEC);
        assert_eq!((host, token), (0, old + 1));
        let bound = usable_nanos(LEASE) + LEASE + HOP + tail(3);
        assert!(at - start <= bound, "{} µs", (at - start) / US);
        assert!(at - start >= LEASE + usable_nanos(LEASE) - 2 * HEARTBEAT);
        stays(&mut world, 60 * SEC);
    }
}

/// Scenario 6: the centre is the worst-ranked and has an older roster; the leader dies.
#[test]
fn q3_a_centre_with_an_older_roster_learns_the_newer_one_from_refusals_and_leads() {
    let mut world = cluster(5);
    for host in 0..5 {
        world.setup(host).preempt = false;
        world.start(host);
    }
    settle(&mut world);
    world.cut(0, 4);
    world.propose(1, Proposal::Priority(101));
    world.run_for(30 * MS);
    let of = |w: &World, host| w.roster(host).unwrap().version;
    assert!(of(&world, 0) < of(&world, 1), "{}", world.tell_states());
    assert_eq!(of(&world, 1), of(&world, 4));
    let log = log(&mut world);
    let (crash, old) = (world.now(), world.token().unwrap());
    world.crash(4);
    world.only(&[(0, 1), (0, 2), (0, 3)]);
    let (at, host, token) = next_reign(&mut world, 5 * SEC);
    assert_eq!((host, token), (0, old + 1), "terms do not race");
    assert_eq!(world.roster(0).unwrap().version.version, of(&world, 1).version);
    // One round fails for its older roster.
    let bound = crash_bound(3) + 2 * DELTA + 2 * HOP;
    assert!(at - crash <= bound, "{} µs", (at - crash) / US);
    assert!(count_from(&log, 0, "PreVote") >= 8, "two rounds at least");
    stays(&mut world, 60 * SEC);
}

/// A chain of three around host 1, in which `end` leads, with these values for h and L.
fn chain(end: usize, h: Duration, lease: Duration) -> World {
    let mut world = cluster(3);
    for host in 0..3 {
        world.setup(host).heartbeat = h;
        world.setup(host).lease = lease;
    }
    world.setup(end).priority = 200;
    (0..3).for_each(|h| world.start(h));
    let took = world.time_to(1_000 * SEC, World::is_settled);
    assert!(took.is_some(), "{:?}\n{}", world.violation, world.tell_states());
    assert_eq!(world.leader(), Some(end));
    world.only(&[(0, 1), (1, 2)]);
    world
}

/// Scenario 7: an hour at the usual pace.
#[test]
fn q3_in_a_chain_whose_end_leads_the_other_end_disturbs_nobody() {
    for end in [0, 2] {
        let mut world = chain(end, Duration::from_millis(150), Duration::from_secs(1));
        stays(&mut world, 3_600 * SEC);
        let status = world.status(2 - end).unwrap();
        assert_eq!(status.role, Role::Electing);
        let hint = status.hint.and_then(|m| world.host_of(m.inst));
        assert_eq!(hint, Some(end), "the middle tells it who leads");
        assert_eq!(world.leader_of(1), Some(end));
        let healed = world.now();
        world.heal_all();
        settles(&mut world, 50 * HEARTBEAT + SEC);
        assert!(world.leads(end) && world.now() > healed);
    }
}

/// Scenario 7: five hundred hours.
#[test]
fn q3_in_a_chain_at_a_slow_pace_the_leader_stays_for_weeks() {
    for end in [0, 2] {
        let mut world = chain(end, Duration::from_secs(10), Duration::from_secs(60));
        stays(&mut world, 500 * 3_600 * SEC);
    }
}

/// Scenario 7: the middle leads, and then one of the ends is all that it has.
#[test]
fn q3_in_a_chain_whose_middle_leads_nothing_is_missing() {
    let mut world = running(3);
    world.only(&[(0, 2), (1, 2)]);
    stays(&mut world, 60 * SEC);
    assert!(world.is_settled());
    world.cut(1, 2);
    stays(&mut world, 60 * SEC);
    assert_eq!(world.leader_of(0), Some(2));
}

/// Scenario 8.
#[test]
fn q7_a_link_that_carries_one_way_disturbs_nobody_while_a_majority_is_fine() {
    for follower in [0, 1] {
        for is_to_leader in [true, false] {
            let mut world = running(3);
            if is_to_leader {
                world.cut_one_way(2, follower);
            } else {
                world.cut_one_way(follower, 2);
            }
            stays(&mut world, 60 * SEC);
            assert!(world.leads(2));
            world.heal_all();
            stays(&mut world, 20 * SEC);
            assert!(world.is_settled());
        }
    }
}

/// Scenario 8.
#[test]
fn q7_a_leader_that_is_heard_and_hears_nobody_steps_down_by_d() {
    let mut world = running(3);
    let start = world.now();
    world.cut_one_way(0, 2);
    world.cut_one_way(1, 2);
    let took = world.time_to(2 * SEC, |w| !w.leads(2)).unwrap();
    assert!(took <= usable_nanos(LEASE) + MS);
    assert_eq!(revokes(&world, 2, start)[0].1, Cause::Lapse);
    let (at, host, _) = next_reign(&mut world, 3 * SEC);
    assert_eq!(host, 1);
    // It has kept its connections, though they owe it answers, and its Release comes through.
    let bound = usable_nanos(LEASE) + HOP + tail(0);
    assert!(at - start <= bound, "{} µs", (at - start) / US);
    stays(&mut world, 30 * SEC);
}

/// Scenario 8.
#[test]
fn q7_a_leader_that_hears_and_is_not_heard_steps_down_by_d() {
    let mut world = running(3);
    let start = world.now();
    world.cut_one_way(2, 0);
    world.cut_one_way(2, 1);
    let took = world.time_to(2 * SEC, |w| !w.leads(2)).unwrap();
    assert!(took <= usable_nanos(LEASE) + MS);
    let (at, host, _) = next_reign(&mut world, 3 * SEC);
    assert_eq!(host, 1);
    assert!(at - start <= crash_bound(0), "{} µs", (at - start) / US);
    stays(&mut world, 30 * SEC);
}

#[test]
fn q3_after_a_silence_of_all_there_is_a_leader_within_the_bound_and_one_term_is_taken_up() {
    for count in [3, 4, 5] {
        let mut world = running(count);
        let old = world.token().unwrap();
        world.filter(|_| Fate::Drop);
        // Shorter than F: the connections stand.
        world.run_for(500 * MS);
        world.unfilter();
        stays(&mut world, 5 * SEC);
        for a in 0..count {
            for b in 0..a {
                world.cut(a, b);
            }
        }
        world.run_for(20 * SEC);
        assert_eq!((world.leader(), term_max(&world)), (None, old));
        let healed = world.now();
        world.heal_all();
        let (at, _, token) = next_reign(&mut world, 20 * SEC);
        assert_eq!(token, old + 1);
        assert!(at - healed <= 50 * HEARTBEAT + SEC, "{} ms", (at - healed) / MS);
        stays(&mut world, 10 * SEC);
    }
}

/// Loss makes no leader change as long as it leaves acknowledgements within D.
#[test]
fn q7_loss_of_a_fifth_of_all_messages_is_borne() {
    let mut world = running(5);
    world.net.loss = 200;
    let reigns = world.reigns().len();
    world.run_for(600 * SEC);
    let more = world.reigns().len() - reigns;
    assert!(more <= 2, "{more} in ten minutes");
}

#[test]
fn q3_a_split_in_three_and_back_again_and_again_raises_a_term_per_reign() {
    let mut world = running(5);
    let old = world.token().unwrap();
    for round in 0..6 {
        world.split(&[round % 2, 0, 1, 1, 2]);
        world.run_for(6 * SEC);
        world.heal_all();
        world.run_for(12 * SEC);
    }
    assert!(world.is_settled());
    let reigns = world.reigns().len() as u64;
    assert!(term_max(&world) - old <= reigns, "{reigns} reigns");
}

#[test]
fn n3_a_leaders_connection_that_leads_nowhere_is_closed_after_its_lease_and_dialled_anew() {
    let mut world = running(3);
    let log = log_and(&mut world, |letter| {
        if (letter.from, letter.to) == (0, 2) { Fate::Drop } else { Fate::Pass }
    });
    let dials = world.dials(2) + world.dials(0);
    run_to(&mut world, 2 * SEC, move |w| w.dials(2) + w.dials(0) > dials);
    assert!(count_from(&log, 2, "Hb") >= 6);
    world.unfilter();
    world.run_for(50 * HEARTBEAT + SEC);
    assert_eq!(world.open_connections(0, 2), 1);
    stays(&mut world, 10 * SEC);
}
