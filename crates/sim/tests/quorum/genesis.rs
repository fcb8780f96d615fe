//! The founding of a cluster: all nodes of a list agree once, and never two sets that share a node.

use std::collections::BTreeSet;

use bully_core::Inst;
use bully_core::quorum::{ClusterId, Event, Leaderless, Message, Stage};
use bully_sim::quorum::{DiskMode, Fate, Unsynced, World, cluster, setup};
use bully_sim::{MS, SEC, US, WALL_MS, address};

use crate::{HEARTBEAT, HOP, SYNC, count_from, has_event, log, log_and, run_to, stays, tail};

/// A world of hosts with these lists.
fn listed(lists: &[&[usize]]) -> World {
    let mut world = cluster(lists.len());
    for (host, list) in lists.iter().enumerate() {
        world.setup(host).places = list.iter().map(|n| address(*n)).collect();
    }
    world
}

fn relist(world: &mut World, host: usize, list: &[usize]) {
    world.crash(host);
    world.setup(host).places = list.iter().map(|n| address(*n)).collect();
    world.start(host);
}

/// The clusters that nodes are in.
fn clusters(world: &World) -> BTreeSet<ClusterId> {
    (0..world.len()).filter_map(|h| world.cluster_of(h)).collect()
}

/// All are in one cluster, are its members, and follow one leader, within so long.
fn unites(world: &mut World, limit: u64) {
    let all: Vec<usize> = (0..world.len()).filter(|h| world.is_awake(*h)).collect();
    let took = world.time_to(limit, |w| {
        w.is_settled() && w.leader().is_some_and(|l| w.members(l) == all) && clusters(w).len() == 1
    });
    assert_eq!(world.violation, None);
    assert!(took.is_some(), "not united in {} s:\n{}", limit / SEC, world.tell_states());
}

#[test]
fn nodes_started_at_once_are_a_cluster_with_a_leader_at_once() {
    for count in 1..=7 {
        let mut world = cluster(count);
        (0..count).for_each(|h| world.start(h));
        let all: Vec<usize> = (0..count).collect();
        unites(&mut world, 20 * SEC);
        let (at, leader, token) = world.reigns()[0];
        assert_eq!(leader, count - 1);
        // Dial, Hello, the sets, the accepts, the roster; and then an election.
        assert!(at <= 40 * HOP + 6 * SYNC + tail(1), "{count}: {} µs", at / US);
        assert_eq!(token, WALL_MS / 1_000, "the first token is the second of the wall clock");
        assert!(all.iter().all(|h| world.members(*h) == all));
        assert_eq!(world.roster(0).unwrap().version.version, 1);
        stays(&mut world, 10 * SEC);
    }
}

#[test]
fn nodes_started_one_after_the_other_say_for_whom_they_wait() {
    let mut world = cluster(3);
    world.start(0);
    world.run_for(20 * SEC);
    let reason = world.status(0).unwrap().reason.unwrap();
    assert_eq!(reason, Leaderless::WaitingForPlaces(vec![address(1), address(2)]));
    assert_eq!(reason.to_string(), "no leader: waiting for 192.168.1.68:8117, 192.168.1.69:8117");
    world.start(1);
    world.run_for(20 * SEC);
    for host in [0, 1] {
        let reason = world.status(host).unwrap().reason;
        assert_eq!(reason, Some(Leaderless::WaitingForPlaces(vec![address(2)])));
        assert_eq!(world.stored(host).unwrap().accept, None, "nobody agrees before all answer");
    }
    let start = world.now();
    world.start(2);
    unites(&mut world, 5 * SEC);
    // The third dials the others itself.
    let took = world.reigns()[0].0 - start;
    assert!(took <= 40 * HOP + 6 * SYNC + tail(1), "{} µs", took / US);
}

#[test]
fn two_of_three_wait_for_the_third_for_ever_and_a_shorter_list_sets_them_free() {
    let mut world = cluster(3);
    world.start(0);
    world.start(1);
    world.run_for(600 * SEC);
    assert!(world.reigns().is_empty());
    assert!(clusters(&world).is_empty());
    relist(&mut world, 0, &[0, 1]);
    world.run_for(20 * SEC);
    assert!(world.reigns().is_empty(), "one of the two still lists the third");
    assert_eq!(world.status(0).unwrap().reason, Some(Leaderless::ListsDiffer));
    relist(&mut world, 1, &[0, 1]);
    unites(&mut world, 20 * SEC);
    // And the third may still come.
    world.start(2);
    unites(&mut world, 20 * SEC);
}

/// Scenario 18, all at once and in every order.
#[test]
fn the_lists_of_the_quick_start_make_one_cluster_in_any_order() {
    let pauses = [0, 500 * US, 3 * MS, 20 * MS, 2 * SEC];
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0], [2, 0, 1]] {
        for pause in pauses {
            let mut world = listed(&[&[0, 1], &[0, 1], &[0, 1, 2]]);
            for host in order {
                world.start(host);
                world.run_for(pause);
            }
            unites(&mut world, 30 * SEC);
            assert_eq!(world.reigns().len(), 1, "the third comes under the same reign");
            stays(&mut world, 10 * SEC);
        }
    }
}

/// Scenario 19.
#[test]
fn of_lists_that_overlap_one_cluster_is_formed_at_most() {
    let middle: [&[usize]; 4] = [&[0, 1], &[1, 2], &[1], &[0, 1, 2]];
    for list in middle {
        for pause in [0, 400 * US, 2 * MS] {
            let mut world = listed(&[&[0, 1], list, &[1, 2]]);
            for host in 0..3 {
                world.start(host);
                world.run_for(pause);
            }
            world.run_for(60 * SEC);
            assert!(clusters(&world).len() <= 1, "{list:?}\n{}", world.tell_states());
            if list.len() < 3 {
                unites(&mut world, SEC);
            } else {
                // All three name different sets: it cannot be known which was meant.
                assert!(world.reigns().is_empty());
                assert_eq!(world.status(0).unwrap().reason, Some(Leaderless::ListsDiffer));
            }
        }
    }
}

/// Scenario 36: one of three switches to another set while the accepts are under way.
#[test]
fn accepts_in_flight_and_a_node_that_switches_lists_make_one_cluster() {
    let mut lost = 0;
    for delay in [0, 5 * MS, 200 * MS, 3 * SEC] {
        for at in [2 * MS, 4 * MS, 6 * MS, 8 * MS, 12 * MS, 300 * MS] {
            for slow in 0..3 {
                let mut world = listed(&[&[0, 1, 2], &[0, 1, 2], &[0, 1, 2], &[2, 3]]);
                world.filter(move |l| match l.message {
                    Message::GenesisAccept(_) if l.from == slow => Fate::Delay(delay),
                    _ => Fate::Pass,
                });
                (0..4).for_each(|h| world.start(h));
                world.run_for(at);
                // What the third had not on disk yet is gone with its first run.
                relist(&mut world, 2, &[2, 3]);
                let mut formed = clusters(&world);
                let seen = world.events.len();
                unites(&mut world, 60 * SEC);
                formed.extend(world.events[seen..].iter().filter_map(|(_, _, e)| match e {
                    Event::Formed { cluster } => Some(*cluster),
                    _ => None,
                }));
                assert_eq!(formed.len(), 1, "{}", world.tell_states());
                lost += u64::from(world.stored(0).unwrap().round > 0);
            }
        }
    }
    assert!(lost > 0, "in no run a founding was given up");
}

/// What was given up is never agreed to again, whatever of it is still on its way.
#[test]
fn a_round_keeps_a_founding_that_was_renounced_from_being_counted_later() {
    let mut world = listed(&[&[0, 1, 2], &[0, 1, 2], &[0, 1, 2]]);
    let log = log_and(&mut world, |l| match l.message {
        Message::GenesisAccept(_) if l.to != 2 => Fate::Drop,
        Message::GenesisAccept(_) => Fate::Delay(10 * SEC),
        _ => Fate::Pass,
    });
    (0..3).for_each(|h| world.start(h));
    let has_agreed = |w: &World, h: usize| w.stored(h).is_some_and(|s| s.accept.is_some());
    run_to(&mut world, SEC, move |w| (0..3).all(|h| has_agreed(w, h)));
    let first = world.stored(0).unwrap().accept.clone().unwrap().cluster;
    relist(&mut world, 2, &[1, 2]);
    run_to(&mut world, 5 * SEC, |w| (0..3).all(|h| w.stored(h).unwrap().round > 0));
    assert!(clusters(&world).is_empty());
    let back = |w: &World, h: usize| w.stored(h).unwrap().leaving.is_none();
    run_to(&mut world, 5 * SEC, move |w| (0..3).all(|h| back(w, h)));
    // The accepts of the first founding are repeated by nobody, and those under way are stale.
    let accepts = log.borrow().clone();
    let accepts = accepts.into_iter().filter(|s| s.message.name() == "GenesisAccept");
    let accepts: Vec<crate::Sent> = accepts.collect();
    world.unfilter();
    relist(&mut world, 2, &[0, 1, 2]);
    for sent in &accepts {
        world.inject(sent.from, sent.to, &sent.message);
    }
    unites(&mut world, 20 * SEC);
    assert_ne!(clusters(&world), [first].into());
    for host in 0..3 {
        assert!(world.stored(host).unwrap().round > 0);
        for sent in &accepts {
            world.inject(sent.from, host, &sent.message);
        }
    }
    stays(&mut world, 15 * SEC);
}

/// "All others are not formed" is no licence: one that has renounced may still be counted by an
/// accept of it that is on its way, and so everybody must have renounced.
#[test]
fn a_node_that_takes_its_word_back_is_bound_until_all_others_have() {
    let mut world = listed(&[&[0, 1, 2], &[0, 1, 2], &[0, 1, 2], &[2, 3]]);
    world.filter(|l| match l.message {
        Message::GenesisAccept(_) if l.to != 0 => Fate::Drop,
        Message::GenesisAccept(_) => Fate::Delay(2 * SEC),
        Message::Renounced(_) if l.from == 0 => Fate::Drop,
        _ => Fate::Pass,
    });
    (0..4).for_each(|h| world.start(h));
    let has_agreed = |w: &World, h: usize| w.stored(h).is_some_and(|s| s.accept.is_some());
    run_to(&mut world, SEC, move |w| (0..3).all(|h| has_agreed(w, h)));
    let first = world.stored(0).unwrap().accept.clone().unwrap().cluster;
    relist(&mut world, 2, &[2, 3]);
    world.run_for(10 * SEC);
    let record = world.stored(2).unwrap();
    assert_eq!(record.leaving.as_ref().map(|l| l.cluster), Some(first));
    assert_eq!(record.accept, None, "2 and 3 could have agreed otherwise");
    assert_eq!(clusters(&world), BTreeSet::new());
    world.unfilter();
    unites(&mut world, 30 * SEC);
}

/// An answer to Renounce may be that the cluster exists: then it is in it.
#[test]
fn a_node_that_takes_its_word_back_too_late_is_a_member() {
    let mut world = listed(&[&[0, 1, 2], &[0, 1, 2], &[0, 1, 2], &[2, 3]]);
    // All have agreed, and 2 alone does not hear of it.
    world.filter(|l| match l.message {
        Message::GenesisAccept(_) | Message::Formed(_) if l.to == 2 => Fate::Drop,
        Message::Hello(h) | Message::HelloAck(h)
            if l.to == 2 && matches!(h.stage, Stage::Formed(_)) =>
        {
            Fate::Drop
        }
        _ => Fate::Pass,
    });
    (0..4).for_each(|h| world.start(h));
    run_to(&mut world, SEC, |w| w.cluster_of(0).is_some());
    assert!(world.cluster_of(2).is_none());
    let formed = clusters(&world);
    relist(&mut world, 2, &[2, 3]);
    world.run_for(SEC);
    world.unfilter();
    unites(&mut world, 30 * SEC);
    assert_eq!(clusters(&world), formed);
}

#[test]
fn a_crash_between_the_word_and_the_founding_forgets_nothing() {
    for crashing in [&[0][..], &[0, 1], &[0, 1, 2]] {
        let mut world = cluster(3);
        world.filter(|l| match l.message {
            Message::GenesisAccept(_) => Fate::Drop,
            _ => Fate::Pass,
        });
        (0..3).for_each(|h| world.start(h));
        let has_agreed = |w: &World, h: usize| w.stored(h).is_some_and(|s| s.accept.is_some());
        run_to(&mut world, SEC, move |w| (0..3).all(|h| has_agreed(w, h)));
        let first = world.stored(0).unwrap().accept.clone().unwrap().cluster;
        for host in crashing {
            world.crash(*host);
        }
        world.run_for(SEC);
        world.unfilter();
        for host in crashing {
            world.start(*host);
        }
        unites(&mut world, 20 * SEC);
        assert_eq!(clusters(&world), [first].into(), "what was agreed to holds");
    }
}

#[test]
fn a_disk_that_is_lost_in_the_middle_begins_it_all_again() {
    let mut world = cluster(3);
    world.filter(|l| match l.message {
        Message::GenesisAccept(_) => Fate::Drop,
        _ => Fate::Pass,
    });
    (0..3).for_each(|h| world.start(h));
    let has_agreed = |w: &World, h: usize| w.stored(h).is_some_and(|s| s.accept.is_some());
    run_to(&mut world, SEC, move |w| (0..3).all(|h| has_agreed(w, h)));
    let first = world.stored(0).unwrap().accept.clone().unwrap().cluster;
    world.crash(2);
    world.wipe(2);
    world.unfilter();
    world.start(2);
    unites(&mut world, 20 * SEC);
    assert_ne!(clusters(&world), [first].into());
    assert_eq!(world.stored(0).unwrap().round, 1);
}

#[test]
fn a_founder_that_vanished_for_good_is_given_up_by_an_operator() {
    let mut world = cluster(3);
    world.filter(|l| match l.message {
        Message::GenesisAccept(_) => Fate::Drop,
        _ => Fate::Pass,
    });
    (0..3).for_each(|h| world.start(h));
    let has_agreed = |w: &World, h: usize| w.stored(h).is_some_and(|s| s.accept.is_some());
    run_to(&mut world, SEC, move |w| (0..3).all(|h| has_agreed(w, h)));
    world.vanish(2);
    world.unfilter();
    for host in [0, 1] {
        relist(&mut world, host, &[0, 1]);
    }
    world.run_for(120 * SEC);
    assert!(world.reigns().is_empty(), "it might have been counted by the third");
    for host in [0, 1] {
        world.crash(host);
        let record = world.snapshot(host).unwrap();
        let fresh = Inst(record.inst.0 ^ 1);
        world.write_disk(host, Some(record.reset_genesis(fresh).unwrap()));
        world.start(host);
    }
    unites(&mut world, 20 * SEC);
    let record = world.snapshot(0).unwrap();
    assert!(record.reset_genesis(Inst(9)).is_err(), "a member does not forget");
}

#[test]
fn two_places_that_lead_to_one_node_are_one_and_are_named() {
    let mut world = listed(&[&[0, 1, 8], &[0, 1], &[]]);
    world.add_alias(address(8), 1);
    world.start(0);
    world.start(1);
    unites(&mut world, 20 * SEC);
    let is_same = |e: &Event| matches!(e, Event::SamePlace { .. });
    assert!(has_event(&world, 0, 0, is_same));
    assert_eq!(world.members(0), [0, 1]);
}

#[test]
fn a_list_need_not_name_its_own_node() {
    let mut world = listed(&[&[1, 2], &[0, 2], &[0, 1]]);
    (0..3).for_each(|h| world.start(h));
    unites(&mut world, 5 * SEC);
}

#[test]
fn a_place_that_means_oneself_is_oneself() {
    let mut world = listed(&[&[0, 7, 1], &[0, 1]]);
    world.add_alias(address(7), 0);
    (0..2).for_each(|h| world.start(h));
    unites(&mut world, 20 * SEC);
}

#[test]
fn a_founding_gets_through_loss_and_repetition() {
    for loss in [100, 300] {
        let mut world = cluster(5);
        world.net.loss = loss;
        world.net.duplication = loss;
        world.net.reorder = true;
        (0..5).for_each(|h| world.start(h));
        let took = world.time_to(120 * SEC, |w| (0..5).all(|h| w.cluster_of(h).is_some()));
        assert!(took.is_some(), "{}", world.tell_states());
        world.net.loss = 0;
        unites(&mut world, 30 * SEC);
    }
}

/// Q1: a founder that hears of its cluster late has promised nothing before.
#[test]
fn a_founder_that_hears_late_of_its_cluster_is_no_danger_to_its_leader() {
    let mut world = cluster(3);
    world.filter(|l| match l.message {
        Message::GenesisAccept(_) | Message::Formed(_) | Message::Hb(_) if l.to == 0 => Fate::Drop,
        Message::Hello(h) | Message::HelloAck(h)
            if l.to == 0 && matches!(h.stage, Stage::Formed(_)) =>
        {
            Fate::Drop
        }
        _ => Fate::Pass,
    });
    (0..3).for_each(|h| world.start(h));
    run_to(&mut world, SEC, |w| w.leader().is_some());
    world.run_for(5 * SEC);
    assert!(world.cluster_of(0).is_none());
    let log = log(&mut world);
    unites(&mut world, 10 * SEC);
    stays(&mut world, 10 * SEC);
    assert_eq!(count_from(&log, 0, "VoteReq"), 0);
    assert_eq!(world.reigns().len(), 1);
}

/// Hosts that are added to the lists afterwards join, though each lists another part.
#[test]
fn a_node_that_lists_any_member_finds_the_cluster() {
    let mut world = cluster(3);
    (0..3).for_each(|h| world.start(h));
    unites(&mut world, 5 * SEC);
    let mut fourth = setup(3, 0);
    fourth.places = vec![address(1)];
    world.add_host(address(3), fourth);
    world.start(3);
    unites(&mut world, 13 * HEARTBEAT);
    assert_eq!(world.reigns().len(), 1);
}

/// Disks that are bad for a while.
fn bad_disks() -> impl Iterator<Item = (DiskMode, u64)> {
    let modes = [DiskMode::Full, DiskMode::Failing, DiskMode::Stalled];
    modes.into_iter().flat_map(|mode| [20 * MS, 300 * MS, 5 * SEC].map(|lasts| (mode, lasts)))
}

/// The write of the founding fails at first: what it had to tell is told once it succeeds.
#[test]
fn a_founder_whose_disk_fails_at_the_founding_is_heard_once_it_is_good_again() {
    for (count, victim) in [(2, 0), (2, 1), (3, 0), (3, 2)] {
        for (mode, lasts) in bad_disks() {
            let mut world = cluster(count);
            (0..count).for_each(|h| world.start(h));
            run_to(&mut world, SEC, move |w| {
                w.cluster_of(victim).is_some()
                    && w.stored(victim).is_some_and(|s| s.cluster.is_none())
            });
            world.set_disk(victim, mode);
            world.run_for(lasts);
            world.set_disk(victim, DiskMode::Good);
            unites(&mut world, 15 * SEC);
            stays(&mut world, 20 * SEC);
        }
    }
}

/// The same for the word to found it.
#[test]
fn a_founder_whose_disk_fails_before_the_founding_gives_its_word_once_it_is_good_again() {
    for count in [2, 3] {
        for (mode, lasts) in bad_disks() {
            let mut world = cluster(count);
            (0..count).for_each(|h| world.start(h));
            run_to(&mut world, SEC, |w| w.record(0).unwrap().accept.is_some());
            world.set_disk(0, mode);
            world.run_for(lasts);
            world.set_disk(0, DiskMode::Good);
            unites(&mut world, 15 * SEC);
        }
    }
}

#[test]
fn any_founder_may_die_at_any_moment_of_the_founding() {
    for moment in 0..48 {
        for victim in 0..3 {
            let mut world = cluster(3);
            world.set_unsynced(victim, Unsynced::Either);
            (0..3).for_each(|h| world.start(h));
            world.run_for(moment * 300 * US);
            world.crash_with_app_alive(victim);
            world.start(victim);
            unites(&mut world, 20 * SEC);
        }
    }
}

#[test]
fn any_message_of_the_founding_may_be_lost() {
    for number in 0..60 {
        let mut world = cluster(3);
        (0..3).for_each(|h| world.start(h));
        crate::lose(&mut world, number);
        unites(&mut world, 20 * SEC);
    }
}
