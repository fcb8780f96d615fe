//! Random scenarios: a seed makes a cluster and its misfortunes, then peace, and then a judgement.

use std::time::Duration;

use bully_core::{Cause, Claim, Epoch, Event, Inst, Message, Query, QueryAck, Report};

use crate::cover::{Cover, Seen};
use crate::net::{MS, SEC, US};
use crate::rng::Rng;
use crate::world::World;
use crate::{WALL_MS, address, setup};

/// What a seed came to.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The seed.
    pub seed: u64,
    /// What was wrong, if anything was.
    pub error: Option<String>,
    /// What was seen.
    pub cover: Cover,
    /// How long agreement took once all was at peace, in nanoseconds.
    pub settled_in: u64,
    /// Of its bound, in thousandths.
    pub bound_used: u64,
    /// Virtual nanoseconds.
    pub lasted: u64,
}

struct Run {
    world: World,
    rng: Rng,
    heartbeat: u64,
    story: Vec<String>,
}

/// Runs a seed.
pub fn run(seed: u64) -> Outcome {
    Run::new(seed).play(seed, false)
}

/// Runs a seed and prints what happens.
pub fn tell(seed: u64) -> Outcome {
    let mut run = Run::new(seed);
    run.world.write_transcript();
    run.play(seed, true)
}

impl Run {
    fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let mut world = World::new(rng.bits());
        let count = *rng.pick(&[1, 2, 2, 3, 3, 3, 4, 4, 5, 5, 6, 7, 8, 9]);
        let heartbeat = *rng.pick(&[50, 100, 100, 100, 200]) * MS;
        let preempt = rng.chance(700);
        let priorities: &[u32] = match rng.below(4) {
            0 => &[100],
            1 => &[0, 100, 200],
            2 => &[100, 200, 300, 400],
            _ => &[50, 100, 100, 100],
        };
        for n in 0..count {
            let mut setup = setup(n, count);
            setup.heartbeat = Duration::from_nanos(heartbeat);
            setup.preempt = preempt;
            setup.priority = *rng.pick(priorities);
            setup.wall_ms = WALL_MS + rng.below(5_000);
            setup.revoke_lag = *rng.pick(&[0, 0, MS, 50 * MS]);
            world.add_host(address(n), setup);
        }
        weather(&mut rng, &mut world, count, heartbeat);
        Self { world, rng, heartbeat, story: Vec::new() }
    }

    fn play(mut self, seed: u64, aloud: bool) -> Outcome {
        self.begin();
        let acts = self.rng.between(0, 12);
        for _ in 0..acts {
            let pause = match self.rng.below(4) {
                0 => self.rng.below(3 * MS),
                1 => self.rng.below(100 * MS),
                2 => self.rng.below(SEC),
                _ => self.rng.below(4 * SEC),
            };
            self.go(pause);
            self.act();
        }
        let pause = self.rng.below(2 * SEC);
        self.go(pause);
        self.peace();
        let bound = self.bound();
        let settled = self.world.last_disagreement(bound);
        let error = self.world.violation.clone().or_else(|| match settled {
            None => Some(format!(
                "no agreement within {} ms: {}",
                bound / MS,
                self.world.agreement().err().unwrap_or_default()
            )),
            Some(_) => self.stays(),
        });
        if aloud {
            print!("{}", self.world.take_transcript());
            for host in self.world.hosts.iter().filter(|_| std::env::var("DUMP").is_ok()) {
                println!(
                    "{:#?} wants {:?}",
                    host.node(),
                    host.node().map(|n| n.poll_timeout(host.clocks(self.world.now)))
                );
            }
        }
        let settled_in = settled.unwrap_or(bound);
        Outcome {
            seed,
            error: error.map(|e| format!("{e}\n  {}", self.story.join("\n  "))),
            cover: self.world.cover.clone(),
            settled_in,
            bound_used: settled_in * 1000 / bound,
            lasted: self.world.now(),
        }
    }

    fn go(&mut self, nanos: u64) {
        let at = self.world.now() + nanos;
        self.world.run_until(at);
    }

    fn note(&mut self, what: &str) {
        let us = self.world.now() / US;
        let line = format!("{:>5}.{:03} ms  {what}", us / 1_000, us % 1_000);
        self.world.say(&line);
        self.story.push(line);
    }

    fn begin(&mut self) {
        let count = self.world.len();
        if self.rng.chance(300) {
            self.topology();
        }
        let spread = *self.rng.pick(&[0, 5 * MS, 300 * MS, 2 * SEC]);
        let missing = if self.rng.chance(200) { self.rng.index(count) } else { count };
        for host in 0..count {
            let pause = self.rng.below(spread + 1);
            self.go(pause);
            if host != missing {
                self.note(&format!("start {host}"));
                self.world.start(host);
            }
        }
    }

    /// A new shape of the network.
    fn topology(&mut self) {
        let count = self.world.len();
        let shape = self.rng.below(6);
        match shape {
            0 => {
                let groups = 2 + self.rng.index(2);
                let of: Vec<usize> = (0..count).map(|_| self.rng.index(groups)).collect();
                self.note(&format!("split {of:?}"));
                self.world.split(&of);
            }
            1 => {
                let chain: Vec<_> = (1..count).map(|n| (n - 1, n)).collect();
                self.note("a chain");
                self.world.only(&chain);
                self.world.cover.saw(Seen::Partial);
            }
            2 => {
                let mut ring: Vec<_> = (1..count).map(|n| (n - 1, n)).collect();
                ring.push((count - 1, 0));
                self.note("a ring");
                self.world.only(&ring);
                self.world.cover.saw(Seen::Partial);
            }
            3 => {
                let hub = self.rng.index(count);
                let star: Vec<_> = (0..count).filter(|n| *n != hub).map(|n| (hub, n)).collect();
                self.note(&format!("a star about {hub}"));
                self.world.only(&star);
                self.world.cover.saw(Seen::Partial);
            }
            4 => {
                let portion = self.rng.between(100, 600);
                for a in 0..count {
                    for b in 0..a {
                        if self.rng.chance(portion) {
                            self.note(&format!("cut {a} {b}"));
                            self.world.cut(a, b);
                            self.world.cover.saw(Seen::Partial);
                        }
                    }
                }
            }
            _ => {
                self.note("heal all");
                self.world.heal_all();
            }
        }
    }

    fn act(&mut self) {
        let host = self.rng.index(self.world.len());
        let other = self.rng.index(self.world.len());
        match self.rng.below(16) {
            0 | 1 => self.crash(host),
            2 => self.crash_leader(),
            3 => {
                self.note(&format!("vanish {host}"));
                self.world.vanish(host);
            }
            4 | 5 => self.start(host),
            6 | 7 => self.pause(host),
            8 => self.topology(),
            9 if host != other => {
                self.note(&format!("cut {host} {other}"));
                self.world.cut(host, other);
            }
            10 if host != other => {
                self.note(&format!("cut {host} -> {other}"));
                self.world.cut_one_way(host, other);
            }
            11 => {
                self.note("heal all");
                self.world.heal_all();
            }
            12 => {
                let leave = self.rng.chance(700);
                self.note(&format!("resign {host}, leave {leave}"));
                self.world.resign(host, leave);
            }
            13 => {
                let priority = *self.rng.pick(&[0, 50, 100, 200, 300]);
                self.note(&format!("priority of {host} {priority}"));
                self.world.set_priority(host, priority);
            }
            14 => {
                self.world.net.loss = *self.rng.pick(&[0, 0, 20, 200, 500]);
                self.note(&format!("loss {}", self.world.net.loss));
            }
            _ => self.hostility(host, other),
        }
    }

    fn crash(&mut self, host: usize) {
        self.note(&format!("crash {host}"));
        self.world.crash(host);
        if self.rng.chance(400) {
            let pause = *self.rng.pick(&[0, MS, 4 * MS, 50 * MS, 600 * MS]);
            self.go(pause);
            if pause < 5 * MS {
                self.world.cover.saw(Seen::RestartBelowFiveMs);
            }
            self.start(host);
        }
    }

    fn crash_leader(&mut self) {
        let leaders: Vec<usize> = (0..self.world.len()).filter(|h| self.world.leads(*h)).collect();
        if !leaders.is_empty() {
            let leader = *self.rng.pick(&leaders);
            self.crash(leader);
        }
    }

    fn start(&mut self, host: usize) {
        if self.world.is_present(host) {
            return;
        }
        if self.rng.chance(300) {
            self.world.cover.saw(Seen::ClockSetBack);
            self.world.setup(host).wall_ms -= 3_600_000;
        }
        self.note(&format!("start {host}"));
        self.world.start(host);
    }

    fn pause(&mut self, host: usize) {
        self.note(&format!("pause {host}"));
        self.world.pause(host);
        if self.rng.chance(600) {
            let pause = *self.rng.pick(&[10 * MS, 300 * MS, 450 * MS, 900 * MS, 5 * SEC]);
            let pause = self.rng.below(pause);
            self.go(pause);
            self.thaw(host);
        }
    }

    fn thaw(&mut self, host: usize) {
        if self.world.is_present(host) && !self.world.is_running(host) {
            self.note(&format!("thaw {host}"));
            self.world.thaw(host);
        }
    }

    /// What no honest node sends, on a connection between honest nodes.
    fn hostility(&mut self, from: usize, to: usize) {
        let high = *self.rng.pick(&[0, WALL_MS, 1 << 42, (1 << 42) + (1 << 20), 1 << 50, u64::MAX]);
        let claim = Claim {
            epoch: Epoch(high),
            priority: 1_000,
            id: address(from),
            inst: Inst(u128::from(self.rng.bits())),
        };
        let report = Report {
            claim: Some(claim),
            seq: self.rng.below(9),
            age: Duration::from_secs(60),
            live: self.rng.chance(500),
            size: u32::MAX,
        };
        let message = if self.rng.chance(500) {
            let q = self.rng.below(9);
            Message::QueryAck(QueryAck { q, report })
        } else {
            let need = Epoch(*self.rng.pick(&[0, high]));
            let (q, watch) = (self.rng.below(9), self.rng.chance(500));
            Message::Query(Query { q, report, need, watch })
        };
        self.note(&format!("hostile {from} -> {to}: {message:?}"));
        self.world.inject(from, to, &message);
    }

    /// No more faults. The cuts stay in some runs; one-way ones count as cut.
    fn peace(&mut self) {
        for host in 0..self.world.len() {
            self.thaw(host);
        }
        self.world.net.loss = 0;
        self.world.net.duplication = 0;
        if self.rng.chance(600) {
            self.note("peace: heal all");
            self.world.heal_all();
        } else {
            self.note(&format!("peace, still cut: {:?}", self.world.net.cut));
        }
    }

    /// T_A, with P_max for the heal and 2P for leaders that cannot meet.
    fn bound(&self) -> u64 {
        let h = self.heartbeat;
        let rtt = 2 * self.world.net.hop_max();
        let delta = (25 * MS).max(2 * rtt);
        let n = self.world.len() as u64;
        4 * h + (n + 1) * delta + 2 * rtt + 50 * h + 10 * h
    }

    /// Once agreed, nothing but a higher priority changes the leader.
    fn stays(&mut self) -> Option<String> {
        let start = self.world.events.len();
        let long = if self.rng.chance(50) { 60 } else { 3 };
        self.go(long * SEC);
        if let Some(what) = &self.world.violation {
            return Some(what.clone());
        }
        for (at, host, event) in &self.world.events[start..] {
            if let Event::Elected { cause, .. } = event
                && *cause != Cause::Priority
            {
                return Some(format!("after agreement, at {} ms, on {host}: {event:?}", at / MS));
            }
        }
        self.world.note_relays();
        // A takeover may be under way at this very moment.
        let grace = self.world.grace();
        self.world.time_to_agreement(grace).is_none().then(|| {
            let why = self.world.agreement().err().unwrap_or_default();
            format!("agreement was lost: {why}")
        })
    }
}

/// Delays, loss, repetition.
fn weather(rng: &mut Rng, world: &mut World, count: usize, heartbeat: u64) {
    let net = &mut world.net;
    net.delay = *rng.pick(&[
        (250 * US, 250 * US),
        (50 * US, 500 * US),
        (MS, 3 * MS),
        (10 * MS, 20 * MS),
        (25 * MS, 30 * MS),
    ]);
    if rng.chance(300) {
        for a in 0..count {
            for b in a + 1..count {
                let low = rng.below(heartbeat / 4);
                net.pair_delay.push(((a, b), (low, low + rng.below(5 * MS))));
            }
        }
    }
    net.loss = *rng.pick(&[0, 0, 0, 5, 50]);
    net.duplication = *rng.pick(&[0, 0, 50]);
    net.reorder = rng.chance(500);
    net.holds = rng.chance(500);
    net.refusal_lag = *rng.pick(&[0, MS]);
}
