//! Wall clocks that are set back and forward by a year, each host's its own.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bully_lab::Clocks;

use super::account::Reign;
use super::support::Lan;

const YEAR: Duration = Duration::from_secs(365 * 24 * 3_600);

/// A day: far more than a test takes, far less than a year.
const DAY_MS: u64 = 24 * 3_600 * 1_000;

const ALL: [usize; 3] = [0, 1, 2];

fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    u64::try_from(now.as_millis()).expect("it is not so late")
}

fn year_ms() -> u64 {
    u64::try_from(YEAR.as_millis()).expect("a year")
}

/// Runs a node that lives by this clock.
fn run_by(lan: &Lan, clock: &Clocks, host: usize) {
    let nodes = format!("-nodes={}", lan.list(3));
    let bully = env!("CARGO_BIN_EXE_bully");
    let env = clock.env();
    let env: Vec<(&str, &str)> = env.iter().map(|(name, value)| (*name, &**value)).collect();
    let words = [&*nodes, "-http=0.0.0.0:8080"];
    let node = lan.host(host).spawn_with_env(bully, words, &env).expect("bully starts");
    lan.put(host, node);
}

/// Fails unless the clock of a node is this far from the machine's, in milliseconds: what it notes
/// next carries its time. Something must happen for that: the third host is started anew.
fn assert_its_time(lan: &Lan, host: usize, expected: u64) {
    let before = lan.history(host).len();
    lan.kill(2);
    lan.join(2, 3, &[]);
    lan.until("it notes something", || lan.history(host).len() > before);
    let history = lan.history(host);
    let time = history.last().expect("an entry")["time"].as_str().expect("a time").to_owned();
    let time = humantime::parse_rfc3339(&time).expect("a time of RFC 3339");
    let time = time.duration_since(UNIX_EPOCH).expect("after 1970").as_millis();
    let time = u64::try_from(time).expect("a time");
    assert!(time.abs_diff(expected) < DAY_MS, "{time} is not {expected}: the clock is not its own");
}

/// Has a node that lives by this clock succeed one that has the machine's time. Both reigns; the heir
/// and the second host are left.
fn succeeded_by(lan: &Lan, clock: &Clocks) -> [Reign; 2] {
    lan.join(0, 3, &[]);
    lan.settled(&[0]);
    // The best of the rest.
    run_by(lan, clock, 2);
    lan.join(1, 3, &[]);
    let first = lan.settled(&ALL);
    assert_eq!(first.leader, lan.ip(0));
    lan.kill(0);
    let next = lan.settled(&[1, 2]);
    assert_eq!(next.leader, lan.ip(2));
    [first, next]
}

#[test]
fn a_clock_that_jumps_by_a_year_changes_no_leader_and_no_epoch() {
    let test = "a_clock_that_jumps_by_a_year_changes_no_leader_and_no_epoch";
    let Some(lan) = Lan::new(test, 3) else { return };
    let clocks = [Clocks::new(), Clocks::new()].map(|clock| clock.expect("a clock"));
    // The first leads, with a clock of its own; so has a follower; the third has the machine's.
    for host in [0, 1] {
        run_by(&lan, &clocks[host], host);
        lan.until("it answers", || lan.leader(host).is_some());
    }
    lan.join(2, 3, &[]);
    let reign = lan.settled(&ALL);
    assert_eq!(reign.leader, lan.ip(0));
    assert!(reign.epoch.abs_diff(now_ms()) < DAY_MS, "epochs begin as times: {reign:?}");
    for (jumps, clock) in clocks.iter().enumerate() {
        for _ in 0..3 {
            clock.set_forward(YEAR).expect("set");
            lan.stays(&[0, 1], &reign, Duration::from_millis(700));
            assert_its_time(&lan, jumps, now_ms() + year_ms());
            clock.set_back(YEAR).expect("set");
            lan.stays(&[0, 1], &reign, Duration::from_millis(700));
            assert_its_time(&lan, jumps, now_ms() - year_ms());
            assert_eq!(lan.settled(&ALL), reign, "{}", lan.said());
        }
    }
    for host in [0, 1] {
        assert_eq!(lan.reigns(host).len(), 1, "it notes one reign{}", lan.said());
    }
}

#[test]
fn a_clock_a_year_ahead_gives_an_epoch_that_the_rest_can_surpass() {
    let test = "a_clock_a_year_ahead_gives_an_epoch_that_the_rest_can_surpass";
    let Some(lan) = Lan::new(test, 3) else { return };
    let ahead = Clocks::new().expect("a clock");
    ahead.set_forward(YEAR).expect("set");
    let [_, of_ahead] = succeeded_by(&lan, &ahead);
    let expected = now_ms() + year_ms();
    assert!(of_ahead.epoch.abs_diff(expected) < DAY_MS, "the clock is its own: {of_ahead:?}");
    // Who has the machine's time goes one beyond the number, and who joins follows.
    lan.join(0, 3, &[]);
    assert_eq!(lan.settled(&ALL), of_ahead);
    lan.kill(2);
    let after = lan.settled(&[0, 1]);
    assert!((1..100).contains(&(after.epoch - of_ahead.epoch)), "{after:?} after {of_ahead:?}");
    lan.join(2, 3, &[]);
    assert_eq!(lan.settled(&ALL), after);
}

#[test]
fn a_node_whose_clock_is_a_year_behind_is_elected_and_followed_like_any_other() {
    let test = "a_node_whose_clock_is_a_year_behind_is_elected_and_followed_like_any_other";
    let Some(lan) = Lan::new(test, 3) else { return };
    let behind = Clocks::new().expect("a clock");
    behind.set_back(YEAR).expect("set");
    let [first, of_behind] = succeeded_by(&lan, &behind);
    assert!((1..100).contains(&(of_behind.epoch - first.epoch)), "{of_behind:?} after {first:?}");
    // The leader is started anew, and its clock has been set back further.
    behind.set_back(2 * YEAR).expect("set");
    lan.kill(2);
    run_by(&lan, &behind, 2);
    let last = lan.settled(&[1, 2]);
    assert!(last.epoch > of_behind.epoch, "{last:?} after {of_behind:?}");
    lan.join(0, 3, &[]);
    assert_eq!(lan.settled(&ALL), last);
}

#[test]
fn a_node_alone_whose_clock_is_a_year_behind_merges_with_those_that_have_the_time() {
    let test = "a_node_alone_whose_clock_is_a_year_behind_merges_with_those_that_have_the_time";
    let Some(lan) = Lan::new(test, 3) else { return };
    for is_behind in [true, false] {
        let clock = Clocks::new().expect("a clock");
        if is_behind {
            clock.set_back(YEAR).expect("set");
        } else {
            clock.set_forward(YEAR).expect("set");
        }
        lan.lab.isolate(2).expect("isolates");
        run_by(&lan, &clock, 2);
        lan.join(0, 3, &[]);
        lan.join(1, 3, &[]);
        let larger = lan.settled(&[0, 1]);
        let alone = lan.settled(&[2]);
        assert_eq!(alone.epoch < larger.epoch, is_behind, "{alone:?} {larger:?}");
        assert!(alone.epoch.abs_diff(larger.epoch) > DAY_MS, "the clock is its own");
        lan.lab.heal().expect("heals");
        let merged = lan.settled(&ALL);
        assert_eq!(merged.leader, larger.leader, "the larger group's leader stays");
        assert!(merged.epoch >= larger.epoch.max(alone.epoch), "{merged:?}");
        lan.kill_all(&ALL);
    }
}
