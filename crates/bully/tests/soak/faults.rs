//! What happens to hosts, nodes, disks, clocks and writers.

use std::time::Duration;

use bully_lab::{Clocks, DiskError, Process, SickDisk, merged};

use super::HOSTS;
use super::dice::Dice;
use super::support::Lan;
use super::table::Fault;
use super::watch::now;
use super::words::DATA;

/// A host's own disk and clocks.
struct Machine {
    disk: SickDisk,
    clocks: Clocks,
}

/// Faults on the hosts of a lab, one after the other.
pub(crate) struct Storm<'a> {
    lan: &'a Lan,
    machines: Vec<Machine>,
    log: Vec<Fault>,
}

impl<'a> Storm<'a> {
    pub(crate) fn new(lan: &'a Lan) -> Self {
        let machine = |_| Machine {
            disk: SickDisk::new("/var/lib/bully").expect("a disk"),
            clocks: Clocks::new().expect("clocks"),
        };
        Self { lan, machines: (0..HOSTS).map(machine).collect(), log: Vec::new() }
    }

    /// Starts all nodes, and waits until they have formed a cluster.
    pub(crate) fn begin(&self) {
        (0..HOSTS).for_each(|host| self.start(host));
        self.lan.ruled(&all());
    }

    pub(crate) fn log(&self) -> &[Fault] {
        &self.log
    }

    fn start(&self, host: usize) {
        let Machine { disk, clocks } = &self.machines[host];
        let env = merged([clocks.env(), disk.env()]);
        let env: Vec<(&str, &str)> = env.iter().map(|(name, value)| (*name, &**value)).collect();
        self.lan.vote_with_env(host, HOSTS, &env);
    }

    fn note(&mut self, fault: impl Into<String>) {
        self.log.push((now(), fault.into()));
    }

    /// One fault, and a while after it.
    pub(crate) fn strike(&mut self, dice: &mut Dice, writers: &[Process]) {
        let (any, b) = (dice.roll(HOSTS), dice.roll(HOSTS));
        // Mostly the leader: what happens to others changes little.
        let a = if dice.roll(3) > 0 { self.leader().unwrap_or(any) } else { any };
        match dice.roll(26) {
            0 | 1 => self.kill(a),
            2 => self.terminate(a),
            3 | 4 => self.freeze(dice, a),
            5 | 17 => self.freeze_writer(dice, &writers[a], a),
            6 if a != b => {
                self.note(format!("cut {a}-{b}"));
                self.lan.lab.cut(a, b).expect("cuts");
            }
            7 if a != b => {
                self.note(format!("one-way-cut {a}->{b}"));
                self.lan.lab.cut_one_way(a, b).expect("cuts");
            }
            8 => {
                self.note(format!("isolate {a}"));
                self.lan.lab.isolate(a).expect("isolates");
            }
            9 => {
                self.note("split 2|3");
                self.lan.lab.split(&[&[0, 1], &[2, 3, 4]]).expect("splits");
            }
            10 => self.stall(dice, a),
            11 => self.fill(dice, a),
            12 => self.jump(dice, a),
            13 => self.ask(a, &["step-down"]),
            14 => {
                let to = format!("-to={}:8117", self.lan.ip(b));
                self.ask(a, &["transfer", &to]);
            }
            15 if dice.roll(4) == 0 => self.power_cycle(),
            16 if dice.roll(6) == 0 => self.wipe(a),
            _ => self.heal(),
        }
        std::thread::sleep(dice.pause(700));
    }

    /// Whoever says that it leads.
    fn leader(&self) -> Option<usize> {
        all().into_iter().find(|host| self.lan.reign(*host).is_some_and(|(_, leads)| leads))
    }

    fn kill(&mut self, host: usize) {
        self.note(format!("kill {host}"));
        self.lan.kill(host);
        self.start(host);
    }

    fn terminate(&mut self, host: usize) {
        self.note(format!("terminate {host}"));
        self.lan.node(host, Process::terminate);
        // One whose disk does not take what it gives up ends late.
        if self.lan.node(host, |node| node.wait(Duration::from_secs(2))).is_none() {
            self.lan.kill(host);
        }
        self.start(host);
    }

    /// Mostly for less than a lease, now and then for longer.
    fn freeze(&mut self, dice: &mut Dice, host: usize) {
        self.note(format!("freeze {host}"));
        self.lan.node(host, Process::freeze);
        std::thread::sleep(dice.pause(2_000));
        self.lan.node(host, Process::thaw);
    }

    /// Between the answer and the write, perhaps: what it then writes is late.
    fn freeze_writer(&mut self, dice: &mut Dice, writer: &Process, host: usize) {
        self.note(format!("freeze-writer {host}"));
        writer.freeze();
        // Its node is told to hand over, so that there is a newer reign when it wakes.
        self.ask(host, &["step-down"]);
        std::thread::sleep(dice.pause(500));
        writer.thaw();
    }

    fn stall(&mut self, dice: &mut Dice, host: usize) {
        self.note(format!("disk-stall {host}"));
        let stall = dice.pause(3_000);
        self.machines[host].disk.stall(stall).expect("steered");
    }

    fn fill(&mut self, dice: &mut Dice, host: usize) {
        self.note(format!("disk-full {host}"));
        let error = if dice.roll(2) == 0 { DiskError::Full } else { DiskError::Broken };
        self.machines[host].disk.fail(Some(error)).expect("steered");
    }

    fn jump(&mut self, dice: &mut Dice, host: usize) {
        self.note(format!("clock-jump {host}"));
        let clocks = &self.machines[host].clocks;
        match dice.roll(4) {
            0 => clocks.suspend(dice.pause(5_000)),
            1 => clocks.set_forward(dice.pause(60_000)),
            2 => clocks.set_back(dice.pause(60_000)),
            // Half a per cent, the bound, either way.
            _ => clocks.set_rate([-50, 0, 50][dice.roll(3)]),
        }
        .expect("steered");
    }

    /// An order that may be refused.
    fn ask(&mut self, host: usize, words: &[&str]) {
        self.note(format!("{} {host}", words[0]));
        let _ = self.lan.ask(host, words);
    }

    fn power_cycle(&mut self) {
        self.note("power-cycle");
        self.lan.kill_all(&all());
        (0..HOSTS).for_each(|host| self.start(host));
    }

    /// Only where all others are well, and until another vote is in the place of the lost one: two at a
    /// time, and a third that dies, would be a majority lost for good.
    fn wipe(&mut self, host: usize) {
        self.calm();
        self.lan.ruled(&all());
        self.note(format!("wipe {host}"));
        self.lan.kill(host);
        std::fs::remove_dir_all(self.lan.host(host).path(DATA)).expect("its disk is wiped");
        self.start(host);
        self.lan.until("the new node is in the place of the old one", || {
            let status = self.lan.document(host, "/v1/status");
            status.is_some_and(|status| status["role"] == "follower" || status["is_leader"] == true)
        });
    }

    fn heal(&mut self) {
        self.note("heal");
        self.lan.lab.heal().expect("heals");
        for machine in &self.machines {
            machine.disk.stall(Duration::ZERO).expect("steered");
            machine.disk.fail(None).expect("steered");
        }
    }

    /// Everything is well again, and every node runs.
    pub(crate) fn calm(&mut self) {
        self.heal();
        for host in all() {
            self.machines[host].clocks.set_rate(0).expect("steered");
            if !self.lan.node(host, Process::is_alive) {
                self.start(host);
            }
        }
    }
}

fn all() -> Vec<usize> {
    (0..HOSTS).collect()
}
