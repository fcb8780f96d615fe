//! The misfortunes.

use std::time::Duration;

use bully_core::quorum::{Input, Proposal};

use super::Run;
use crate::quorum::cover::Seen;
use crate::quorum::disk::DiskMode;
use crate::{MS, SEC, address};

impl Run {
    pub(super) fn act(&mut self) {
        let host = self.rng.index(self.world.len());
        let other = self.rng.index(self.world.len());
        if self.is_beyond && self.rng.chance(400) {
            self.world.heal_all();
            return self.cut_leader_off();
        }
        match self.rng.below(30) {
            0..=2 => self.crash(host),
            3..=5 => self.crash_leader(),
            6 => {
                self.note(&format!("vanish {host}"));
                self.world.vanish(host);
            }
            7..=9 => self.start_some(),
            10 | 11 => self.pause(host),
            12 => self.pause_leader(),
            13 | 14 => self.topology(),
            15 if host != other => {
                self.note(&format!("cut {host} {other}"));
                self.world.cut(host, other);
                self.world.cover.saw(Seen::PartialCut);
            }
            16 if host != other => {
                self.note(&format!("cut {host} -> {other}"));
                self.world.cut_one_way(host, other);
                self.world.cover.saw(Seen::OneWayCut);
            }
            17 | 18 => {
                self.note("heal all");
                self.world.heal_all();
            }
            19 => self.resign(host),
            20 | 21 => self.propose(host, other),
            22 => {
                self.world.net.loss = *self.rng.pick(&[0, 0, 20, 200]);
                self.note(&format!("loss {}", self.world.net.loss));
            }
            23 | 24 => self.disk(host),
            25 => self.lose_disk(host),
            26 => self.wild(host, other),
            27 => self.move_house(host, other),
            28 => self.steal_address(host),
            _ => self.trifle(host, other),
        }
    }

    fn leader(&mut self) -> Option<usize> {
        let leaders: Vec<usize> = (0..self.world.len()).filter(|h| self.world.leads(*h)).collect();
        (!leaders.is_empty()).then(|| *self.rng.pick(&leaders))
    }

    fn crash(&mut self, host: usize) {
        if !self.world.is_present(host) {
            return;
        }
        if self.rng.chance(500) {
            self.note(&format!("crash {host}, its application lives"));
            self.world.crash_with_app_alive(host);
        } else {
            self.note(&format!("crash {host}"));
            self.world.crash(host);
        }
        if self.rng.chance(400) {
            let pause = *self.rng.pick(&[0, MS, 4 * MS, 50 * MS, 600 * MS]);
            self.go(pause);
            self.start(host);
        }
    }

    fn crash_leader(&mut self) {
        if let Some(leader) = self.leader() {
            self.crash(leader);
        }
    }

    pub(super) fn start(&mut self, host: usize) {
        if self.world.is_present(host) || self.gone.contains(&host) {
            return;
        }
        if self.rng.chance(80) {
            let setup = self.world.setup(host);
            let lease = Duration::from_nanos(*self.rng.pick(&[600 * MS, SEC, 2 * SEC, 4 * SEC]));
            if bully_core::quorum::usable(lease) >= setup.heartbeat * 4 {
                setup.lease = lease;
                self.lease = self.lease.max(u64::try_from(lease.as_nanos()).unwrap_or(u64::MAX));
            }
        }
        let lease = self.world.setup(host).lease;
        self.note(&format!("start {host} with a lease of {lease:?}"));
        self.world.start(host);
    }

    /// A host that is down, if there is one; also one that was never up.
    fn start_some(&mut self) {
        let down: Vec<usize> =
            (0..self.world.len()).filter(|h| !self.world.is_present(*h)).collect();
        if !down.is_empty() {
            let host = *self.rng.pick(&down);
            self.start(host);
        }
    }

    fn pause(&mut self, host: usize) {
        if self.rng.chance(700) {
            self.note(&format!("pause {host}"));
            self.world.pause(host);
        } else {
            self.note(&format!("suspend {host}"));
            self.world.suspend(host);
        }
        if self.rng.chance(600) {
            let pause = *self.rng.pick(&[10 * MS, 300 * MS, 900 * MS, 5 * SEC]);
            let pause = self.rng.below(pause);
            self.go(pause);
            self.thaw(host);
        }
    }

    fn pause_leader(&mut self) {
        if let Some(leader) = self.leader() {
            self.pause(leader);
        }
    }

    pub(super) fn thaw(&mut self, host: usize) {
        self.note(&format!("thaw {host}"));
        self.world.thaw(host);
    }

    /// A new shape of the network.
    pub(super) fn topology(&mut self) {
        let count = self.world.len();
        let shape = self.rng.below(5);
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
            }
            2 => {
                let hub = self.rng.index(count);
                let star: Vec<_> = (0..count).filter(|n| *n != hub).map(|n| (hub, n)).collect();
                self.note(&format!("a star about {hub}"));
                self.world.only(&star);
            }
            3 => self.cut_leader_off(),
            _ => {
                let portion = self.rng.between(100, 600);
                for a in 0..count {
                    for b in 0..a {
                        if self.rng.chance(portion) {
                            self.note(&format!("cut {a} {b}"));
                            self.world.cut(a, b);
                        }
                    }
                }
            }
        }
        self.world.cover.saw(Seen::PartialCut);
    }

    fn cut_leader_off(&mut self) {
        if let Some(leader) = self.leader() {
            self.note(&format!("isolate the leader {leader}"));
            self.world.isolate(leader);
        }
    }

    fn resign(&mut self, host: usize) {
        if !self.world.is_awake(host) || self.foreign.contains(&host) {
            return;
        }
        let leave = self.rng.chance(500);
        self.note(&format!("resign {host}, leave {leave}"));
        self.world.resign(host, leave);
        if leave {
            self.gone.push(host);
            self.world.setup(host).restart_after = None;
        }
    }

    fn propose(&mut self, host: usize, other: usize) {
        let proposal = match self.rng.below(4) {
            0 | 1 => Proposal::Priority(*self.rng.pick(&[0, 50, 100, 200, 300])),
            2 => Proposal::Remove(address(other)),
            _ if self.rng.chance(500) => Proposal::HandOver(None),
            _ => Proposal::HandOver(Some(address(other))),
        };
        let host = match proposal {
            Proposal::Priority(_) => host,
            _ => self.leader().unwrap_or(host),
        };
        if !self.foreign.contains(&host) {
            self.note(&format!("propose to {host}: {proposal:?}"));
            self.world.propose(host, proposal);
        }
    }

    fn disk(&mut self, host: usize) {
        let modes = [DiskMode::Good, DiskMode::Stalled, DiskMode::Failing, DiskMode::Full];
        let mode = *self.rng.pick(&modes);
        let host = if self.rng.chance(300) { self.leader().unwrap_or(host) } else { host };
        self.note(&format!("the disk of {host} is {mode:?}"));
        self.world.set_disk(host, mode);
        if mode != DiskMode::Good && self.rng.chance(700) {
            let pause = self.rng.below(5 * SEC);
            self.go(pause);
            self.note(&format!("the disk of {host} is good"));
            self.world.set_disk(host, DiskMode::Good);
        }
    }

    fn lose_disk(&mut self, host: usize) {
        if self.foreign.contains(&host) || self.gone.contains(&host) || self.is_busy(host) {
            return;
        }
        self.note(&format!("crash {host} and wipe it"));
        self.world.crash(host);
        if self.is_busy(host) {
            return;
        }
        self.world.wipe(host);
        self.world.cover.saw(Seen::DiskWiped);
        self.start(host);
    }

    /// A guardian is about to start the node there again.
    fn is_busy(&mut self, host: usize) -> bool {
        self.world.setup(host).guardian
    }

    /// What only best effort is promised for.
    fn wild(&mut self, host: usize, other: usize) {
        if !self.wild || self.is_busy(host) || self.is_busy(other) {
            return;
        }
        match self.rng.below(4) {
            0 => {
                if let Some(stored) = self.world.snapshot(host) {
                    self.note(&format!("back {host} up"));
                    self.backups.push((host, stored));
                }
            }
            1 => {
                if let Some((host, stored)) = self.backups.pop()
                    && !self.is_busy(host)
                {
                    self.note(&format!("roll {host} back"));
                    self.world.crash(host);
                    self.world.put_disk(host, Some(stored));
                    self.start(host);
                }
            }
            2 if host != other && self.world.snapshot(host).is_some() => {
                let moved = self.rng.chance(500);
                self.note(&format!("copy the disk of {host} to {other}, moved {moved}"));
                self.world.crash(other);
                self.world.copy_disk(host, other);
                self.world.setup(other).moved = moved;
                self.start(other);
            }
            _ => {
                self.note(&format!("halt {host}"));
                self.world.halt(host);
                let pause = self.rng.below(3 * SEC);
                self.go(pause);
                self.thaw(host);
            }
        }
    }

    /// A node moves to a machine on which none was, with its disk and by its operator's word; or
    /// its disk is put there, and it refuses to start.
    fn move_house(&mut self, host: usize, to: usize) {
        let is_free = |run: &mut Self, h: usize| {
            !run.foreign.contains(&h) && !run.gone.contains(&h) && !run.is_busy(h)
        };
        let is_empty = self.world.snapshot(to).is_none() && !self.world.is_present(to);
        let is_empty = is_empty && self.world.snapshot(host).is_some();
        if host == to || !is_free(self, host) || !is_free(self, to) || !is_empty {
            return;
        }
        let moved = self.rng.chance(700);
        self.note(&format!("move {host} to {to}, and say so: {moved}"));
        self.world.crash(host);
        let disk = self.world.snapshot(host);
        self.world.write_disk(to, disk);
        if !moved {
            self.start(to);
            self.world.write_disk(to, None);
            return;
        }
        self.world.write_disk(host, None);
        self.gone.push(host);
        self.world.setup(to).moved = true;
        self.start(to);
    }

    /// A foreign node takes the address of one that is off.
    fn steal_address(&mut self, host: usize) {
        let Some(foreign) = self.foreign.first().copied().filter(|f| *f != host) else {
            return;
        };
        self.note(&format!("{foreign} takes the address of {host}"));
        self.world.vanish(host);
        self.world.add_alias(address(host), foreign);
    }

    fn trifle(&mut self, host: usize, other: usize) {
        match self.rng.below(4) {
            0 => {
                self.note(&format!("break the connections of {host} and {other}"));
                self.world.break_connections(host, other);
            }
            1 => {
                for _ in 0..5 {
                    self.go(MS);
                    self.world.input(host, Input::Timeout);
                }
            }
            2 => {
                let by = *self.rng.pick(&[-3_600_000, -150, 150, 5_000]);
                self.note(&format!("the wall clock of {host} jumps by {by} ms"));
                self.world.jump_wall(host, by);
            }
            _ => {
                self.world.late = *self.rng.pick(&[(0, 0), (50, SEC), (300, 100 * MS)]);
                self.note(&format!("late {:?}", self.world.late));
            }
        }
    }
}
