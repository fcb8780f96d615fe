//! Scenarios in words, and the messages that they must cause. `INSTA_UPDATE=always` rewrites them;
//! only commit a change that you understand.

use bully_sim::{MS, SEC, World, cluster, running};

fn told(count: usize) -> World {
    let mut world = cluster(count);
    world.write_transcript();
    world
}

#[test]
fn the_quick_start() {
    let mut world = told(3);
    world.say("67 starts alone: the others refuse, and it leads.");
    world.start(0);
    world.run_for(MS);
    world.say("68 joins: the incumbent stays.");
    world.start(1);
    world.run_for(2 * MS);
    world.say("69 joins.");
    world.start(2);
    world.run_for(2 * MS);
    world.say("A heartbeat.");
    world.run_for(98 * MS);
    world.say("kill -9 of 67: the best of the rest dials it, is refused, and leads.");
    world.crash(0);
    world.run_for(2 * MS);
    world.say("67 is back, and follows.");
    world.start(0);
    world.run_for(2 * MS);
    assert_eq!(world.violation, None);
    insta::assert_snapshot!(world.take_transcript());
}

#[test]
fn a_merge() {
    let mut world = running(3);
    world.split(&[0, 0, 1]);
    world.run_for(3 * SEC);
    world.write_transcript();
    world.heal_all();
    let took = world.time_to_agreement(6 * SEC);
    assert!(took.is_some());
    world.run_for(5 * MS);
    // The heartbeats of both sides until a probe gets through are not the point.
    let text = world.take_transcript();
    let meeting = text.find("  Hello ").and_then(|at| text[..at].rfind('\n')).unwrap_or(0);
    insta::assert_snapshot!(&text[meeting..]);
}

#[test]
fn a_split() {
    let mut world = running(3);
    world.write_transcript();
    world.say("69 leads, and is cut off.");
    world.split(&[0, 0, 1]);
    world.run_for(440 * MS);
    assert_eq!(world.violation, None);
    insta::assert_snapshot!(world.take_transcript());
}

#[test]
fn a_handover() {
    let mut world = running(3);
    world.write_transcript();
    world.say("SIGTERM to 69, which leads.");
    world.resign(2, true);
    world.run_for(3 * MS);
    assert_eq!(world.violation, None);
    insta::assert_snapshot!(world.take_transcript());
}

#[test]
fn a_node_reached_through_a_relay() {
    let mut world = running(3);
    world.write_transcript();
    world.say("69 leads; its link with 67 is cut. 67 asks 68, and follows through it.");
    world.cut(0, 2);
    world.run_for(430 * MS);
    assert_eq!(world.violation, None);
    insta::assert_snapshot!(world.take_transcript());
}
