//! Scenarios of quorum mode in words, and the messages that they must cause. `INSTA_UPDATE=always`
//! rewrites them; only commit a change that you understand.

use bully_core::quorum::Proposal;
use bully_sim::quorum::{World, cluster, running, settle};
use bully_sim::{MS, SEC, address};

/// The nodes of the quick start, which list those before them: none started.
fn quick_start() -> World {
    let mut world = cluster(3);
    for host in 0..3 {
        world.setup(host).places = (0..=host.max(1)).map(address).collect();
    }
    world.write_transcript();
    world
}

/// Without what goes on all the time.
fn hide_beats(world: &mut World) {
    world.hide(&["Hb".to_owned(), "HbAck".to_owned()]);
}

#[test]
fn the_quick_start() {
    let mut world = quick_start();
    world.say("67 starts with the list {67 68}, and waits for 68.");
    world.start(0);
    world.run_for(2 * SEC);
    world.say("68 starts with the same list: they found the cluster, and the better-ranked leads.");
    world.start(1);
    world.run_for(40 * MS);
    assert!(world.is_settled());
    world.say("A heartbeat.");
    world.run_for(150 * MS);
    assert_eq!(world.violation, None);
    insta::assert_snapshot!(world.take_transcript());
}

#[test]
fn three_at_once() {
    let mut world = cluster(3);
    world.write_transcript();
    (0..3).for_each(|h| world.start(h));
    world.run_for(30 * MS);
    assert_eq!(world.violation, None);
    insta::assert_snapshot!(world.take_transcript());
}

#[test]
fn a_join() {
    let mut world = quick_start();
    (0..2).for_each(|h| world.start(h));
    settle(&mut world);
    world.take_transcript();
    world.say(
        "69 starts with the list {67 68 69}: it joins, hears the leader, and becomes a voter.",
    );
    world.start(2);
    let took = world.time_to(5 * SEC, |w| w.members(1).len() == 3);
    assert!(took.is_some());
    world.run_for(10 * MS);
    assert_eq!(world.violation, None);
    insta::assert_snapshot!(world.take_transcript());
}

#[test]
fn a_handover() {
    let mut world = running(3);
    world.write_transcript();
    world.say("69 leads, and is asked to hand over.");
    world.propose(2, Proposal::HandOver(None));
    world.run_for(10 * MS);
    assert!(world.leads(1));
    assert_eq!(world.violation, None);
    insta::assert_snapshot!(world.take_transcript());
}

#[test]
fn a_failover() {
    let mut world = running(3);
    world.write_transcript();
    world.say("kill -9 of 69, which leads: the others wait until their promises to it are over.");
    world.crash(2);
    world.run_for(1_050 * MS);
    assert!(world.leads(1));
    hide_beats(&mut world);
    world.say("69 is back: it is silent for a lease, and follows meanwhile.");
    world.start(2);
    world.run_for(1_200 * MS);
    assert!(world.is_settled());
    assert_eq!(world.violation, None);
    insta::assert_snapshot!(world.take_transcript());
}

#[test]
fn a_lost_disk_is_replaced() {
    let mut world = running(3);
    world.write_transcript();
    hide_beats(&mut world);
    world
        .say("67 loses its disk, and starts on an empty one: another instance, that asks to join.");
    world.crash(0);
    world.wipe(0);
    world.start(0);
    world.run_for(300 * MS);
    let text = world.take_transcript();
    world.run_for(9_400 * MS);
    world.take_transcript();
    world.say("Ten seconds later: the old one is removed, and then the new one added.");
    let took = world.time_to(5 * SEC, |w| w.members(2) == [0, 1, 2]);
    assert!(took.is_some());
    world.run_for(10 * MS);
    assert_eq!(world.violation, None);
    insta::assert_snapshot!(text + &world.take_transcript());
}

#[test]
fn a_leader_that_loses_its_majority() {
    let mut world = running(3);
    world.write_transcript();
    hide_beats(&mut world);
    world.say("69 leads, and is cut off: its lease runs out before the promises of the others do.");
    world.isolate(2);
    world.run_for(1_100 * MS);
    assert!(world.leads(1));
    world.say("It is back, and follows.");
    world.heal_all();
    world.run_for(2 * SEC);
    assert!(world.is_settled());
    assert_eq!(world.violation, None);
    insta::assert_snapshot!(world.take_transcript());
}
