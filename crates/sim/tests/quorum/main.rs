//! The scenarios of quorum mode, each directed to one sentence of PROTOCOL.md and named by its rule.
//!
//! That nobody is harmed is judged by the checkers of the world at every step: a run that breaks a
//! property stops there. What a scenario asserts besides is who leads, since when, and with which
//! token. Bounds are held in virtual time, to the nanosecond.

mod clocks;
mod cost;
mod disk;
mod failover;
mod founding;
mod genesis;
mod guardian;
mod handover;
mod identity;
mod join;
mod lease;
mod leave;
mod partition;
mod preempt;
mod reconfig;
mod restart;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use bully_core::quorum::{Cause, Event, Leadership, Message, usable};
use bully_sim::quorum::{Fate, Letter, World};
use bully_sim::{MS, US};

/// h of the usual configuration.
const HEARTBEAT: u64 = 150 * MS;
/// L of the usual configuration.
const LEASE: u64 = 1_000 * MS;
/// d: one hop on the usual network.
const HOP: u64 = 250 * US;
/// f: the longest that a usual disk takes.
const SYNC: u64 = 2 * MS;
/// δ on the usual network.
const DELTA: u64 = 25 * MS;

/// What comes after the promises are over: (u+1)δ + 2RTT + 3f.
fn tail(down: u64) -> u64 {
    (down + 1) * DELTA + 4 * HOP + 3 * SYNC
}

/// Until a crashed leader is replaced: d + L + the tail. The clocks are exact.
fn crash_bound(down: u64) -> u64 {
    HOP + LEASE + tail(down)
}

/// D in nanoseconds.
fn usable_nanos(lease: u64) -> u64 {
    nanos(usable(Duration::from_nanos(lease)))
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap()
}

/// Runs until another reign begins: when, on which host, with which token.
fn next_reign(world: &mut World, limit: u64) -> (u64, usize, u64) {
    let before = world.reigns().len();
    let took = world.time_to(limit, |w| w.reigns().len() > before);
    assert_eq!(world.violation, None);
    assert!(took.is_some(), "no reign in {} ms:\n{}", limit / MS, world.tell_states());
    world.reigns()[before]
}

/// For so long no reign begins, and no node takes part in a new term.
fn stays(world: &mut World, nanos: u64) {
    let (reigns, leader, term) = (world.reigns(), world.leader(), term_max(world));
    world.run_for(nanos);
    assert_eq!(world.reigns(), reigns, "a reign began:\n{}", world.tell_states());
    assert_eq!(world.leader(), leader, "{}", world.tell_states());
    assert_eq!(term_max(world), term, "a term was taken up:\n{}", world.tell_states());
}

/// Runs until the condition holds, looking every 50 µs.
fn run_to(world: &mut World, limit: u64, holds: impl Fn(&World) -> bool) {
    let end = world.now() + limit;
    while !holds(world) {
        assert!(world.now() < end, "not in {} ms:\n{}", limit / MS, world.tell_states());
        world.run_for(50 * US);
    }
}

/// Everybody that is awake follows one leader within so long.
fn settles(world: &mut World, limit: u64) -> usize {
    let took = world.time_to(limit, World::is_settled);
    assert_eq!(world.violation, None);
    assert!(took.is_some(), "not settled in {} ms:\n{}", limit / MS, world.tell_states());
    world.leader().unwrap()
}

/// The greatest term that a living node has taken part in.
fn term_max(world: &World) -> u64 {
    let terms = (0..world.len()).filter_map(|h| world.record(h)).map(|r| r.term.0);
    terms.max().unwrap_or(0)
}

/// Since a moment: when a host's reigns ended, and why.
fn revokes(world: &World, host: usize, since: u64) -> Vec<(u64, Cause)> {
    let of = |(at, h, event): &(u64, usize, Event)| match event {
        Event::Revoke { cause, .. } if *h == host && *at >= since => Some((*at, *cause)),
        _ => None,
    };
    world.events.iter().filter_map(of).collect()
}

/// Why the last reign began.
fn last_cause(world: &World) -> Option<Cause> {
    world.events.iter().rev().find_map(|(_, _, event)| match event {
        Event::Elected { cause, .. } => Some(*cause),
        _ => None,
    })
}

/// Whether a host has had this event since a moment.
fn has_event(world: &World, host: usize, since: u64, is: impl Fn(&Event) -> bool) -> bool {
    world.events_of(host, since).any(is)
}

/// For how long a host may still say that it leads.
fn remaining(world: &World, host: usize) -> u64 {
    match world.leadership(host) {
        Leadership::Leader { remaining, .. } => nanos(remaining),
        _ => 0,
    }
}

/// A message as it was put on its way.
#[derive(Clone, Debug)]
struct Sent {
    at: u64,
    from: usize,
    to: usize,
    message: Message,
}

/// What the filter saw.
type Log = Rc<RefCell<Vec<Sent>>>;

/// Notes every message, and decides its fate.
fn log_and(world: &mut World, mut fate: impl FnMut(&Letter<'_>) -> Fate + 'static) -> Log {
    let log = Log::default();
    let kept = log.clone();
    world.filter(move |letter| {
        let (at, from, to) = (letter.at, letter.from, letter.to);
        kept.borrow_mut().push(Sent { at, from, to, message: letter.message.clone() });
        fate(letter)
    });
    log
}

/// Notes every message.
fn log(world: &mut World) -> Log {
    log_and(world, |_| Fate::Pass)
}

/// How many messages of that name a host has sent by a log.
fn count_from(log: &Log, host: usize, name: &str) -> usize {
    log.borrow().iter().filter(|s| s.from == host && s.message.name() == name).count()
}

/// Something that fences: it refuses tokens smaller than one that it has seen.
#[derive(Default)]
struct Resource(u64);

impl Resource {
    fn write(&mut self, token: u64) -> bool {
        let is_new = token >= self.0;
        self.0 = self.0.max(token);
        is_new
    }
}

/// From here on the message of that number is lost, and all others pass.
fn lose(world: &mut World, number: usize) {
    let mut seen = 0;
    world.filter(move |_| {
        seen += 1;
        if seen == number + 1 { Fate::Drop } else { Fate::Pass }
    });
}
