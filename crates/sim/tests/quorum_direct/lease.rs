//! The lease inequality: when a leader's lease ends, and that nothing revives it.

use bully_core::quorum::{
    Cause, Config, Event, HbAck, Input, Leadership, Message, Stamp, Term, Token, Vote, usable,
};

use crate::bench::{Bench, H, LEASE, NANO, USABLE, ack, brief, config, events, ms, sent};

/// Its next heartbeats go out, and are not acknowledged yet.
fn beats(bench: &mut Bench) {
    let effects = bench.wait(H);
    assert!(!sent(&effects, "Hb").is_empty(), "{effects:?}");
}

#[test]
fn q5_a_lease_is_shorter_than_the_promises_it_rests_on_by_the_clocks_error_and_20_ms() {
    for millis in [100_u64, 640, 1_000, 4_000, 120_000] {
        let lease = ms(millis);
        // The voter's clock is fast by ρ, the holder's slow by ρ: in true time the promise lasts at
        // least L/(1+ρ), and what the holder counts on at most D/(1−ρ).
        let promise = lease.as_secs_f64() / 1.005;
        let counted = usable(lease).as_secs_f64() / 0.995;
        assert!(counted + 0.02 / 0.995 <= promise + 1e-9, "{lease:?}");
        assert!(counted + 0.021 / 0.995 > promise, "and no shorter than it must be: {lease:?}");
    }
    let mut bench = Bench::candidate(3);
    bench.votes(2);
    assert_eq!(bench.remaining(), Some(USABLE), "of a promise of {LEASE:?}");
}

#[test]
fn q5_a_lease_counts_from_when_the_request_was_sent() {
    let mut bench = Bench::candidate(3);
    bench.pass(ms(60));
    bench.votes(2);
    assert_eq!(bench.remaining(), Some(USABLE - ms(60)));
}

#[test]
fn q7_a_lease_counts_from_when_the_heartbeat_was_sent_not_from_its_acknowledgement() {
    let mut bench = Bench::leader(3);
    beats(&mut bench);
    bench.pass(ms(100));
    assert_eq!(bench.acks(2), []);
    assert_eq!(bench.remaining(), Some(USABLE - ms(100)));
}

#[test]
fn q7_the_lease_is_the_one_that_a_majority_grants() {
    let mut bench = Bench::leader(5);
    beats(&mut bench);
    let before = bench.remaining();
    bench.acks(2);
    assert_eq!(bench.remaining(), before, "the leader and one of the four others are no majority");
    bench.acks(3);
    assert_eq!(bench.remaining(), Some(USABLE));
}

#[test]
fn q7_a_longer_promise_of_others_counts_as_the_own_lease() {
    // After a restart it is silent for its own lease only, and it is part of each of its majorities.
    let longer = |bench: &Bench| HbAck { lease: ms(4_000), ..ack(&bench.last_hb()) };
    let mut bench = Bench::leader(3);
    beats(&mut bench);
    for who in [2, 3] {
        let ack = longer(&bench);
        bench.say(who, Message::HbAck(ack));
    }
    assert_eq!(bench.remaining(), Some(USABLE));
}

#[test]
fn q5_a_shorter_promise_of_others_counts_as_what_it_is() {
    let mut bench = Bench::candidate(3);
    let vote = Vote { lease: ms(640), ..bench.vote() };
    bench.say(2, Message::Vote(vote));
    assert_eq!(bench.remaining(), Some(usable(ms(640))));
}

#[test]
fn q7_an_acknowledgement_of_another_term_or_of_the_future_does_not_count() {
    let mut bench = Bench::leader(3);
    beats(&mut bench);
    let before = bench.remaining();
    let good = ack(&bench.last_hb());
    for ack in [
        HbAck { term: Term(10), ..good.clone() },
        HbAck { term: Term(12), ..good.clone() },
        HbAck { stamp: Stamp(bench.now.fast.after(NANO)), ..good.clone() },
    ] {
        assert_eq!(bench.say(2, Message::HbAck(ack)), []);
        assert_eq!(bench.remaining(), before);
    }
    bench.say(2, Message::HbAck(good));
    assert_eq!(bench.remaining(), Some(USABLE));
}

#[test]
fn q7_acknowledgements_in_any_order_never_shorten_the_lease() {
    let mut bench = Bench::leader(3);
    beats(&mut bench);
    let older = ack(&bench.last_hb());
    beats(&mut bench);
    bench.acks(2);
    bench.say(2, Message::HbAck(older.clone()));
    bench.say(3, Message::HbAck(older));
    assert_eq!(bench.remaining(), Some(USABLE));
}

#[test]
fn q6_whether_it_leads_is_decided_at_every_read() {
    let mut bench = Bench::leader(3);
    let rest = bench.remaining().expect("leads");
    bench.pass(rest - NANO);
    let Leadership::Leader { remaining, token } = bench.node.leadership(bench.now) else {
        panic!("the lease runs");
    };
    assert_eq!((remaining, Token::get(token)), (NANO, 11));
    bench.pass(NANO);
    assert_eq!(bench.node.leadership(bench.now), Leadership::NotLeader, "without any input");
}

#[test]
fn q6_a_lease_is_measured_by_the_fast_clock() {
    let mut bench = Bench::leader(3);
    bench.pass_unlike(USABLE, ms(1));
    assert!(!bench.leads());
}

#[test]
fn q6_a_lapse_is_latched_and_no_acknowledgement_revives_the_lease() {
    let mut bench = Bench::leader(3);
    beats(&mut bench);
    let rest = bench.remaining().expect("leads");
    bench.pass(rest);
    // It lay in the queue while the node was not served, and would be good for 150 ms more.
    let effects = bench.acks(2);
    assert_eq!(brief(&effects)[..3], ["Revoke", "2: Release", "3: Release"]);
    let Event::Revoke { cause, .. } = events(&effects)[0] else { panic!() };
    assert_eq!(*cause, Cause::Lapse);
    assert!(!bench.leads());
    assert_eq!(bench.acks(3), []);
    assert!(!bench.leads());
    assert_eq!(bench.bonds().closed, Term(11));
}

#[test]
fn q6_a_leap_of_the_wall_clock_means_a_suspended_machine_and_ends_the_reign() {
    let mut bench = Bench::leader(3);
    bench.now.wall_ms += 200;
    assert!(bench.leads());
    bench.now.wall_ms += 1;
    assert!(!bench.leads(), "at the first read");
    let effects = bench.hand(Input::Timeout);
    let [Event::Revoke { cause: Cause::Suspended, .. }] = events(&effects)[..] else {
        panic!("{effects:?}");
    };
    assert_eq!(bench.acks(2), []);
    assert!(!bench.leads());
}

#[test]
fn q6_a_wall_clock_that_is_set_back_does_not_end_a_reign() {
    let mut bench = Bench::leader(3);
    bench.now.wall_ms -= 3_600_000;
    assert!(bench.leads());
    assert_eq!(bench.hand(Input::Timeout), []);
}

#[test]
fn q5_a_lease_that_was_renewed_holds_as_long_as_it_says() {
    let mut bench = Bench::leader(3);
    bench.rule(ms(10_000), &[3]);
    assert!(bench.leads());
    assert_eq!(bench.term(), 11);
}

#[test]
fn q5_the_own_vote_counts_for_no_longer_than_the_own_lease() {
    let short = Config { lease: ms(640), ..config(100) };
    let mut bench = Bench::leader_with(short, &[100, 100, 100]);
    beats(&mut bench);
    bench.acks(2);
    bench.acks(3);
    assert_eq!(bench.remaining(), Some(usable(ms(640))));
}

#[test]
fn q6_a_revoke_names_the_latest_deadline_that_was_shown() {
    let mut bench = Bench::leader(3);
    beats(&mut bench);
    bench.acks(2);
    let shown = bench.now.fast.after(USABLE);
    let effects = bench.hand(Input::Resign { leave: false });
    let [Event::Revoke { deadline, token, .. }] = events(&effects)[..] else {
        panic!("{effects:?}");
    };
    assert_eq!((*deadline, token.get()), (shown, 11));
}
