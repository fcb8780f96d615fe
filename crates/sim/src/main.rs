//! Runs random scenarios: `SEED=1 SEEDS=20000 bully-sim`. Without `SEEDS` one seed is run, and
//! told in words.

use std::process::ExitCode;

use bully_sim::{Cover, MS, SEC, random};

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn main() -> ExitCode {
    let first = number("SEED").unwrap_or(1);
    let Some(count) = number("SEEDS").or_else(|| number("SEED").is_none().then_some(1_000)) else {
        let outcome = random::tell(first);
        return if let Some(error) = outcome.error {
            println!("\nSEED={first} fails: {error}");
            ExitCode::FAILURE
        } else {
            let settled = outcome.settled_in / MS;
            println!("\nSEED={first} is clean, settled in {settled} ms");
            ExitCode::SUCCESS
        };
    };
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
