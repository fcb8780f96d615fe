//! Writers with fencing tokens, through random faults: `make soak`. A store accepts only tokens that
//! are not smaller than the last; afterwards a checker reads what was claimed and written.

mod check;
mod client;
#[path = "../lan/dice.rs"]
mod dice;
mod faults;
#[expect(dead_code, reason = "the tests of bully mode use the rest of it")]
#[path = "../lan/proc.rs"]
mod proc;
mod store;
#[expect(dead_code, reason = "the tests of bully mode use the rest of it")]
#[path = "../lan/support.rs"]
mod support;
mod table;
#[expect(dead_code, reason = "the tests of single faults use the rest of it")]
#[path = "../quorum/watch.rs"]
mod watch;
#[expect(dead_code, reason = "the tests of single faults use the rest of it")]
#[path = "../quorum/words.rs"]
mod words;

use std::time::{Duration, Instant};

use dice::{Dice, lasting};
use faults::Storm;
use store::Store;
use support::Lan;

/// How long, unless told otherwise.
const USUAL: Duration = Duration::from_secs(60);

const HOSTS: usize = 5;

#[test]
fn through_a_storm_of_faults_no_write_of_an_older_reign_follows_one_of_a_newer() {
    let test = "through_a_storm_of_faults_no_write_of_an_older_reign_follows_one_of_a_newer";
    let Some(lan) = Lan::new(test, HOSTS) else { return };
    let mut dice = Dice::new();
    let seed = dice.seed();
    let store = Store::open();
    let mut faults = Storm::new(&lan);
    faults.begin();
    let clients = client::start(&lan, store.path());
    let (begun, start) = (watch::now(), Instant::now());
    while start.elapsed() < lasting(USUAL) {
        faults.strike(&mut dice, &clients);
    }
    let ended = watch::now();
    faults.calm();
    // Whatever happened, they go on.
    let before = store.accepted();
    lan.until("somebody leads and writes", || store.accepted() > before + 100);
    drop(clients);
    let history = store.into_history();
    let outcome = check::check(&history);
    let table = table::Table::of(&history, (begun, ended), faults.log(), seed);
    println!("{table}");
    if let Err(violation) = outcome {
        let path = store::keep(&history);
        panic!("{violation}\nthe whole history: {}\n{}", path.display(), lan.said());
    }
    assert!(table.reigns > 1, "the faults changed no leader");
}
