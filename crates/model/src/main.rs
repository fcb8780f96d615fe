//! Searches the scopes of the tests whole and then the larger ones, as far as time goes, and walks
//! at random for the rest of `MODEL` seconds: `MODEL=480 bully-model [part of a scope's name]`. With
//! `SEED` that one walk is repeated.

#![expect(clippy::disallowed_types, reason = "it is given a time, which is no part of any search")]

use std::process::ExitCode;
use std::time::{Duration, Instant};

use bully_model::{Scope, SeenSet, World, large, search, small, walk, walks};

/// Of the time, the searches get this much in a hundred.
const SEARCH_PER_CENT: u32 = 75;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn main() -> ExitCode {
    let begun = Instant::now();
    let time = Duration::from_secs(number("MODEL").unwrap_or(480));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let part = std::env::args().nth(1).unwrap_or_default();
    // What a node panics with is told as a breach, with the way there.
    std::panic::set_hook(Box::new(|panic| eprintln!("{panic}")));
    if let Some(seed) = number("SEED") {
        let is_sound = walk_from(seed, |walked| walked < 1);
        return if is_sound { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    let of = |scopes: Vec<Scope>| -> Vec<_> {
        scopes.into_iter().filter(|s| s.name.contains(&part)).collect()
    };
    let to_search = time * SEARCH_PER_CENT / 100;
    let mut is_sound = true;
    for scope in of(small()) {
        let left = to_search.saturating_sub(begun.elapsed());
        let found = search(scope, threads, left.max(Duration::from_secs(1)));
        println!("{found}");
        is_sound &= found.is_as_expected;
    }
    let large = of(large());
    for (n, scope) in large.iter().enumerate() {
        let left = to_search.saturating_sub(begun.elapsed());
        let share = left / u32::try_from(large.len() - n).unwrap_or(u32::MAX);
        is_sound &= deepen(scope, threads, share);
    }
    is_sound &= walk_from(1, |_| begun.elapsed() < time);
    if is_sound { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// With all its faults, over ever longer times: the largest that is searched whole in its share is
/// the scope's bound, and what comes after it is only looked into.
fn deepen(scope: &Scope, threads: usize, share: Duration) -> bool {
    let begun = Instant::now();
    let quarters = if scope.breaks.is_some() { 4..=4 } else { 1..=4 };
    for quarter in quarters {
        let mut part = Scope { horizon: scope.horizon * quarter / 4, ..scope.clone() };
        if quarter < 4 {
            part.expects.clear();
        }
        let left = share.saturating_sub(begun.elapsed()).max(Duration::from_secs(1));
        let found = search(part, threads, left);
        println!("{found}");
        if !found.is_as_expected {
            return false;
        }
        if !found.is_whole {
            break;
        }
    }
    true
}

/// So many walks come across everything that walks can.
const WALKS_FOR_ALL: u64 = 20_000;

/// The seed of a walk says which scope it is in.
fn walk_from(first: u64, goes_on: impl Fn(u64) -> bool) -> bool {
    let worlds: Vec<_> = walks().into_iter().map(World::new).collect();
    let (mut walked, mut steps, mut met, mut fallen) = (0, 0, SeenSet::default(), 0);
    while goes_on(walked) && fallen < 5 {
        let seed = first + walked;
        let world = &worlds[usize::try_from(seed).unwrap_or(0) % worlds.len()];
        walked += 1;
        match walk(world, seed) {
            Ok((taken, sights)) => {
                steps += taken;
                met.join(sights);
            }
            Err(fall) => {
                fallen += 1;
                println!("SEED={seed} fails: {:?}: {}", fall.breach.law, fall.breach.how);
                fall.told.iter().for_each(|line| println!("    {line}"));
            }
        }
    }
    println!("{walked} walks from seed {first}, {steps} steps, {fallen} failed; seen: {met}");
    let is_blind = walked >= WALKS_FOR_ALL && !met.is_all();
    if is_blind {
        println!("an always without its sometimes: the walks have not come across everything");
    }
    fallen == 0 && !is_blind
}
