//! Runs random scenarios: `SEED=1 SEEDS=20000 bully-sim`, and those of quorum mode with
//! `MODE=quorum`. Without `SEEDS` one seed is run, and told in words; `HIDE=Hb,HbAck` leaves messages
//! out. `CLOCKS=beyond` runs quorum mode by clocks that are worse than allowed.

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use bully_sim::{Cover, MS, SEC, quorum, random};

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn is(name: &str, value: &str) -> bool {
    std::env::var(name).is_ok_and(|v| v == value)
}

fn main() -> ExitCode {
    let first = number("SEED").unwrap_or(1);
    let count = number("SEEDS").or_else(|| number("SEED").is_none().then_some(1_000));
    match (is("MODE", "quorum"), count) {
        (false, None) => tell(first),
        (false, Some(count)) => run(first, count),
        (true, None) => tell_quorum(first),
        (true, Some(count)) => run_quorum(first, count),
    }
}

fn tell(seed: u64) -> ExitCode {
    let outcome = random::tell(seed);
    if let Some(error) = outcome.error {
        println!("\nSEED={seed} fails: {error}");
        ExitCode::FAILURE
    } else {
        let settled = outcome.settled_in / MS;
        println!("\nSEED={seed} is clean, settled in {settled} ms");
        ExitCode::SUCCESS
    }
}

fn run(first: u64, count: u64) -> ExitCode {
    let mut cover = Cover::default();
    let (mut failed, mut lasted, mut slowest) = (0, 0, (0, 0));
    for seed in first..first + count {
        // What the core asserts of itself has failed, and says how: here is where.
        let Ok(outcome) = std::panic::catch_unwind(|| random::run(seed)) else {
            failed += 1;
            println!("SEED={seed} fails: a panic\n");
            continue;
        };
        cover.add(&outcome.cover);
        lasted += outcome.lasted;
        slowest = slowest.max((outcome.bound_used, seed));
        if let Some(error) = outcome.error {
            failed += 1;
            println!("SEED={seed} fails: {error}\n");
        }
    }
    println!("{cover}");
    println!(
        "{count} seeds, {failed} failed; {} virtual hours; SEED={} took {}/1000 of its bound",
        lasted / SEC / 3_600,
        slowest.1,
        slowest.0
    );
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn clocks() -> quorum::random::Clocks {
    use quorum::random::Clocks;
    if is("CLOCKS", "beyond") { Clocks::Beyond } else { Clocks::InBound }
}

fn tell_quorum(seed: u64) -> ExitCode {
    let hidden = std::env::var("HIDE").unwrap_or_default();
    let hidden: Vec<String> = hidden.split(',').map(str::to_owned).collect();
    let (outcome, text) = quorum::random::tell(seed, clocks(), &hidden);
    print!("{text}");
    if let Some(error) = outcome.error {
        println!("\nSEED={seed} fails: {error}");
        ExitCode::FAILURE
    } else {
        println!("\nSEED={seed} is clean, led after {} ms", outcome.led_in / MS);
        ExitCode::SUCCESS
    }
}

/// What many seeds came to.
#[derive(Default)]
struct Total {
    cover: quorum::Cover,
    failed: u64,
    lasted: u64,
    steps: u64,
    slowest: (u64, u64),
}

impl Total {
    fn add(&mut self, seed: u64, outcome: Option<quorum::random::Outcome>) {
        // What the core asserts of itself has failed, and says how: here is where.
        let Some(outcome) = outcome else {
            self.failed += 1;
            println!("SEED={seed} fails: a panic\n");
            return;
        };
        self.cover.add(&outcome.cover);
        self.lasted += outcome.lasted;
        self.steps += outcome.steps;
        self.slowest = self.slowest.max((outcome.bound_used, seed));
        if let Some(error) = outcome.error {
            self.failed += 1;
            println!("SEED={seed} fails: {error}\n");
        }
    }
}

/// So many seeds come across every case.
const SEEDS_FOR_ALL: u64 = 20_000;

fn run_quorum(first: u64, count: u64) -> ExitCode {
    let (next, total) = (AtomicU64::new(first), Mutex::new(Total::default()));
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + count {
                        break;
                    }
                    let run = || quorum::random::run_with(seed, clocks());
                    let outcome = std::panic::catch_unwind(run).ok();
                    if let Ok(mut total) = total.lock() {
                        total.add(seed, outcome);
                    }
                }
            });
        }
    });
    let total = total.into_inner().unwrap_or_default();
    println!("{}", total.cover);
    println!(
        "{count} seeds, {} failed; {} steps, {} virtual hours; SEED={} took {}/1000 of its bound",
        total.failed,
        total.steps,
        total.lasted / SEC / 3_600,
        total.slowest.1,
        total.slowest.0
    );
    // Clocks beyond the bound are to fail, and what they meet is not counted on.
    let never = total.cover.never();
    let is_blind =
        count >= SEEDS_FOR_ALL && clocks() == quorum::random::Clocks::InBound && !never.is_empty();
    if is_blind {
        println!("an always without its sometimes: {never:?}");
    }
    if total.failed == 0 && !is_blind { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
