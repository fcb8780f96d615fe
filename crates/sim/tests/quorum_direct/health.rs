//! Q12: a node that is served late by its machine holds back.

use bully_core::quorum::{Input, Message};

use crate::bench::{Bench, DELTA, H, LEASE, NANO, hb, ms, sent};

/// How long after its promise was over a follower asks, where that was noticed so late.
fn asks_after(late: std::time::Duration) -> std::time::Duration {
    let mut bench = Bench::follower();
    bench.wait(LEASE - NANO);
    bench.pass(NANO + late);
    let start = bench.now.fast;
    bench.hand(Input::Timeout);
    bench.wait_for("PreVote");
    bench.now.fast.since(start)
}

#[test]
fn q12_who_is_late_by_more_than_a_heartbeat_lets_others_stand_first() {
    let turn = DELTA..=DELTA + DELTA / 2;
    assert!(turn.contains(&asks_after(H)), "{:?}", asks_after(H));
    let late = H + *turn.start()..=H + *turn.end();
    assert!(late.contains(&asks_after(H + ms(1))), "{:?}", asks_after(H + ms(1)));
}

/// Whether a follower that is better ranked and reaches a quorum says so.
fn wants(bench: &mut Bench) -> bool {
    let record = bench.node.record().roster.as_ref().clone();
    let roster = bully_core::quorum::Roster { version: crate::bench::version(11, 1), ..record };
    let Message::Hb(beat) = hb(11, &[1, 2, 3]) else { panic!() };
    let beat = bully_core::quorum::Hb { roster: roster.into(), ..beat };
    let effects = bench.say(2, Message::Hb(beat));
    let [(2, Message::HbAck(ack))] = sent(&effects, "HbAck")[..] else { panic!("{effects:?}") };
    ack.wants
}

#[test]
fn q12_who_is_late_does_not_want_to_lead_for_ten_heartbeats() {
    let mut bench = Bench::free(&[200, 100, 100]);
    let step = |bench: &mut Bench| {
        if !sent(&bench.wait(H), "PreVote").is_empty() {
            bench.grants(3);
        }
        wants(bench)
    };
    wants(&mut bench);
    for _ in 0..12 {
        step(&mut bench);
    }
    assert!(step(&mut bench));
    let rest = bench.node.poll_timeout(bench.now).expect("it waits");
    bench.pass(rest + H + ms(1));
    assert!(!wants(&mut bench));
    let mut silent = 1;
    while !step(&mut bench) {
        silent += 1;
        assert!(silent < 30, "for ever");
    }
    assert!(silent >= 10, "{silent}");
}
