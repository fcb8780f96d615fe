//! Q10: nodes that come later, and nodes whose disk was lost.

use bully_core::quorum::{Event, Leaderless, Message};
use bully_sim::quorum::{Fate, World, cluster, running, setup};
use bully_sim::{MS, SEC, US, address};

use crate::{
    HEARTBEAT, LEASE, count_from, crash_bound, has_event, log, next_reign, run_to, settles, stays,
};

/// It asks every 5h, and is a member after three acknowledgements; the dials, and the change itself.
const JOIN: u64 = (5 + 4 + 2) * HEARTBEAT;

/// Three hosts that list those before them and themselves.
fn growing() -> World {
    let mut world = cluster(3);
    for host in 0..3 {
        world.setup(host).places = (0..=host).map(address).collect();
    }
    world
}

fn is_whole(world: &World, members: &[usize]) -> bool {
    world.is_settled()
        && members.iter().all(|m| world.members(*m) == members)
        && world.leader().is_some_and(|l| world.bonds(l).is_some_and(|b| b.committed))
}

#[test]
fn q10_a_cluster_of_one_grows_to_three_under_one_reign() {
    let mut world = growing();
    world.start(0);
    let (at, host, _) = next_reign(&mut world, SEC);
    assert_eq!(host, 0);
    assert!(at <= 100 * MS, "alone it has nobody to wait for: {} µs", at / US);
    for (host, members) in [(1, &[0, 1][..]), (2, &[0, 1, 2])] {
        world.run_for(2 * SEC);
        world.start(host);
        let took = world.time_to(10 * SEC, |w| is_whole(w, members));
        assert!(took.is_some(), "{}", world.tell_states());
        assert!(took.unwrap() <= JOIN, "{} ms", took.unwrap() / MS);
    }
    assert_eq!(world.reigns().len(), 1);
    let crash = world.now();
    world.crash(0);
    let (at, host, _) = next_reign(&mut world, 3 * SEC);
    assert_eq!(host, 2);
    assert!(at - crash <= crash_bound(0));
}

/// Scenario 15: the leader dies with the roster of three written, whoever has heard of it.
#[test]
fn q10_a_leader_that_dies_in_the_middle_of_a_join_leaves_one_cluster() {
    for heard in [&[][..], &[0], &[2], &[0, 2]] {
        for after in [0, MS, 3 * MS, 100 * MS] {
            let mut world = cluster(3);
            for host in 0..2 {
                world.setup(host).places = (0..2).map(address).collect();
                world.start(host);
            }
            settles(&mut world, 10 * SEC);
            assert!(world.leads(1));
            world.filter(move |l| match l.message {
                Message::Hb(hb) if hb.roster.members.len() == 3 && !heard.contains(&l.to) => {
                    Fate::Drop
                }
                _ => Fate::Pass,
            });
            world.start(2);
            run_to(&mut world, 10 * SEC, |w| {
                w.stored(1).is_some_and(|s| s.roster.members.len() == 3)
            });
            world.run_for(after);
            world.crash_with_app_alive(1);
            world.run_for(3 * SEC);
            assert_eq!(world.violation, None);
            // Whoever knows of it finds a voter in the other, and the two are a majority.
            let leader = world.leader();
            assert!(leader.is_none() || !heard.is_empty(), "{heard:?} {after}");
            assert!(heard.is_empty() || after < 3 * MS || leader.is_some(), "{heard:?} {after}");
            world.unfilter();
            world.start(1);
            let took = world.time_to(30 * SEC, |w| is_whole(w, &[0, 1, 2]));
            assert!(took.is_some(), "{heard:?} {after}: {}", world.tell_states());
        }
    }
}

/// Scenario 16.
#[test]
fn q10_a_node_whose_disk_was_lost_takes_its_own_place_after_ten_seconds() {
    let mut world = running(3);
    let (old, start) = (world.inst(0).unwrap(), world.now());
    let log = log(&mut world);
    world.crash(0);
    world.wipe(0);
    world.start(0);
    let new = world.inst(0).unwrap();
    assert_ne!(new, old);
    world.run_for(9 * SEC);
    assert!(world.roster(2).unwrap().has(old), "silence alone is no proof, and this is too short");
    let is_news = |e: &Event| *e == Event::Replacing { old, new };
    assert!(has_event(&world, 2, start, is_news));
    for name in ["Vote", "VoteReq"] {
        assert_eq!(count_from(&log, 0, name), 0, "it is no member: {name}");
    }
    let took = world.time_to(3 * SEC, |w| is_whole(w, &[0, 1, 2]));
    assert!(took.is_some(), "{}", world.tell_states());
    let roster = world.roster(2).unwrap();
    assert!(roster.has(new) && !roster.has(old));
    assert_eq!(roster.removed, [old]);
    assert_eq!(world.reigns().len(), 1);
    // It votes now.
    let crash = world.now();
    world.crash(2);
    let (at, _, _) = next_reign(&mut world, 3 * SEC);
    assert!(at - crash <= crash_bound(0));
}

/// Scenario 16: it was the leader's.
#[test]
fn q10_a_leader_whose_disk_was_lost_is_replaced_by_its_successor() {
    let mut world = running(3);
    world.crash(2);
    world.wipe(2);
    world.start(2);
    let (_, host, _) = next_reign(&mut world, 3 * SEC);
    assert_eq!(host, 1);
    let took = world.time_to(15 * SEC, |w| is_whole(w, &[0, 1, 2]));
    assert!(took.is_some(), "{}", world.tell_states());
}

#[test]
fn q10_a_member_that_is_silent_is_not_replaced_unless_another_answers_in_its_place() {
    let mut world = running(3);
    world.crash(0);
    stays(&mut world, 120 * SEC);
    assert_eq!(world.roster(2).unwrap().members.len(), 3);
    let version = world.roster(2).unwrap().version;
    world.start(0);
    settles(&mut world, 10 * SEC);
    assert_eq!(world.roster(2).unwrap().version, version);
}

/// Of three one is gone and another lost its disk: no majority is left, and nothing is undone.
#[test]
fn q10_without_a_majority_a_lost_disk_waits_for_the_third() {
    let mut world = running(3);
    let token = world.token().unwrap();
    world.vanish(0);
    world.crash(1);
    world.wipe(1);
    world.start(1);
    world.run_for(30 * SEC);
    assert_eq!(world.leader(), None);
    assert_eq!(world.roster(2).unwrap().members.len(), 3);
    assert_eq!(world.status(1).unwrap().reason, Some(Leaderless::Joining));
    world.start(0);
    let took = world.time_to(40 * SEC, |w| is_whole(w, &[0, 1, 2]));
    assert!(took.is_some(), "{}", world.tell_states());
    assert!(world.token().unwrap() > token);
}

/// Both at once lose their disks: they are replaced one after the other, in a cluster of five.
#[test]
fn q10_two_lost_disks_of_five_are_replaced_one_after_the_other() {
    let mut world = running(5);
    for host in [0, 1] {
        world.crash(host);
        world.wipe(host);
        world.start(host);
    }
    let took = world.time_to(20 * SEC, |w| is_whole(w, &[0, 1, 2, 3, 4]));
    assert!(took.is_some(), "{}", world.tell_states());
    assert_eq!(world.reigns().len(), 1);
    assert_eq!(world.roster(4).unwrap().removed.len(), 2);
}

#[test]
fn q10_a_removed_instance_does_not_come_back_and_a_new_one_may() {
    let mut world = running(3);
    world.propose(2, bully_core::quorum::Proposal::Remove(address(0)));
    world.run_for(SEC);
    world.crash(0);
    world.start(0);
    stays(&mut world, 30 * SEC);
    assert_eq!(world.members(2), [1, 2]);
    assert_eq!(world.status(0).unwrap().reason, Some(Leaderless::Removed));
    world.crash(0);
    world.wipe(0);
    world.start(0);
    let took = world.time_to(10 * SEC, |w| is_whole(w, &[0, 1, 2]));
    assert!(took.is_some(), "{}", world.tell_states());
}

#[test]
fn q10_a_learner_that_falls_silent_is_forgotten_and_asks_again() {
    let mut world = running(2);
    let host = world.add_host(address(2), setup(2, 3));
    world.filter(move |l| match l.message {
        Message::HbAck(_) if l.from == host => Fate::Drop,
        _ => Fate::Pass,
    });
    world.start(host);
    world.run_for(20 * SEC);
    assert_eq!(world.members(1), [0, 1], "it has acknowledged nothing");
    world.unfilter();
    let took = world.time_to(5 * SEC, |w| is_whole(w, &[0, 1, 2]));
    assert!(took.is_some(), "{}", world.tell_states());
    assert_eq!(world.reigns().len(), 1);
}

#[test]
fn q10_a_node_joins_while_a_member_and_a_place_of_its_list_are_down() {
    let mut world = running(3);
    world.crash(0);
    world.run_for(SEC);
    let mut fourth = setup(3, 4);
    fourth.places.push(address(9));
    world.add_host(address(3), fourth);
    world.start(3);
    let took = world.time_to(10 * SEC, |w| w.members(2) == [0, 1, 2, 3]);
    assert!(took.is_some(), "{}", world.tell_states());
    world.run_for(SEC);
    assert!(world.leads(2) && world.leader_of(3) == Some(2));
    // Three of four are a majority, and the newcomer is one of them.
    let crash = world.now();
    world.start(0);
    world.run_for(2 * SEC);
    world.crash(2);
    let (_, host, _) = next_reign(&mut world, 3 * SEC);
    assert_eq!(host, 3);
    assert!(world.now() > crash + LEASE);
}

#[test]
fn q10_many_join_at_once_and_each_in_its_turn() {
    let mut world = cluster(7);
    for host in 0..7 {
        world.setup(host).places = vec![address(0), address(host)];
    }
    world.setup(0).places = vec![address(0)];
    (0..7).for_each(|h| world.start(h));
    let took = world.time_to(20 * SEC, |w| is_whole(w, &[0, 1, 2, 3, 4, 5, 6]));
    assert!(took.is_some(), "{}", world.tell_states());
    assert_eq!(world.reigns().len(), 1);
}

/// A node on a disk that does not last is another one at each start.
#[test]
fn q10_a_node_that_comes_under_ever_new_numbers_uses_nothing_up() {
    let mut world = running(3);
    for _ in 0..200 {
        world.crash(0);
        world.wipe(0);
        world.start(0);
        world.run_for(200 * MS);
    }
    let took = world.time_to(30 * SEC, |w| is_whole(w, &[0, 1, 2]));
    assert!(took.is_some(), "{}", world.tell_states());
    assert_eq!(world.reigns().len(), 1);
}

/// The joiner, the leader or the other member dies at whatever moment.
#[test]
fn q10_any_node_may_die_at_any_moment_of_a_join() {
    for victim in 0..3 {
        for moment in 0..30 {
            let mut world = running(2);
            world.add_host(address(2), setup(2, 3));
            world.start(2);
            // The roster changes after some 700 ms.
            let at = if moment < 10 { moment * 70 * MS } else { 690 * MS + (moment - 10) * MS };
            world.run_for(at);
            world.crash_with_app_alive(victim);
            world.start(victim);
            let took = world.time_to(30 * SEC, |w| is_whole(w, &[0, 1, 2]));
            assert_eq!(world.violation, None);
            assert!(took.is_some(), "{victim} {moment}: {}", world.tell_states());
        }
    }
}

#[test]
fn q10_any_message_of_a_join_may_be_lost() {
    for number in 0..60 {
        let mut world = running(2);
        world.add_host(address(2), setup(2, 3));
        world.start(2);
        crate::lose(&mut world, number);
        let took = world.time_to(15 * SEC, |w| is_whole(w, &[0, 1, 2]));
        assert_eq!(world.violation, None);
        assert!(took.is_some(), "{number}: {}", world.tell_states());
    }
}

/// It has acknowledged nothing that counts yet, and the one of before is enough.
#[test]
fn q10_a_cluster_of_one_takes_a_member_back_that_dies_as_it_is_added() {
    let mut world = growing();
    world.start(0);
    world.run_for(SEC);
    world.filter(|l| match l.message {
        Message::Hb(hb) if hb.roster.members.len() == 2 => Fate::Drop,
        _ => Fate::Pass,
    });
    world.start(1);
    run_to(&mut world, 10 * SEC, |w| w.members(0).len() == 2);
    let start = world.now();
    world.vanish(1);
    world.unfilter();
    world.run_for(2_900 * MS);
    assert_eq!(world.members(0), [0, 1]);
    world.run_for(200 * MS);
    assert_eq!(world.members(0), [0]);
    assert!(has_event(&world, 0, start, |e| matches!(e, Event::RosterAborted(_))));
    stays(&mut world, 10 * SEC);
    assert!(world.leads(0));
    world.start(1);
    let took = world.time_to(10 * SEC, |w| is_whole(w, &[0, 1]));
    assert!(took.is_some(), "{}", world.tell_states());
    assert_eq!(world.reigns().len(), 1);
}
