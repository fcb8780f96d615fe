//! Faults of the network between the hosts, and their end.
//!
//! **A cut** gives the sending host a wrong card address for the receiving one. Its frames go out
//! as ever, the bridge knows no such card and drops them: no error, no reset, no ICMP. Only what
//! is addressed to one host is cut; broadcast and multicast still pass.
//!
//! **Isolation** takes the host's port of the bridge out of service, without taking the link
//! down: everything is dropped, both ways, in one step.
//!
//! **A frozen host**'s programs stand still, and then it is isolated: the nearest to a machine whose
//! processor stopped. In this order nothing is lost on its way out that its kernel would repeat.
//!
//! **A host without power** is a frozen one whose programs are killed: the isolation keeps their kernel
//! from telling others that they ended. Once the host is back, those may hear of it late, as they would
//! from a machine that started again.
//!
//! Faults add up and are remembered apart: healing a pair leaves an isolated host isolated.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::{MutexGuard, PoisonError};
use std::time::Duration;

use crate::error::LabError;
use crate::lab::Lab;
use crate::namespace::finish_all;

/// A card address that no host has.
const NOBODY: &str = "02:00:00:00:de:ad";

/// What is broken at the moment.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    /// Pairs (from, to) whose frames are dropped.
    cut: BTreeSet<(usize, usize)>,
    isolated: BTreeSet<usize>,
}

/// Hosts are given by their number, the first is 0. A number that no host has is a panic.
impl Lab {
    /// Drops everything between two hosts, in both directions.
    ///
    /// # Errors
    /// If a tool failed; the fault may then be there in part.
    pub fn cut(&self, a: usize, b: usize) -> Result<(), LabError> {
        self.set_cuts(&[(a, b), (b, a)], true)
    }

    /// Drops what one host sends to the other; what that one sends still arrives.
    ///
    /// # Errors
    /// If a tool failed.
    pub fn cut_one_way(&self, from: usize, to: usize) -> Result<(), LabError> {
        self.set_cuts(&[(from, to)], true)
    }

    /// Cuts every host of each group from every host of the other groups. Hosts in no group keep
    /// all their links.
    ///
    /// # Errors
    /// If a tool failed; the fault may then be there in part.
    pub fn split(&self, groups: &[&[usize]]) -> Result<(), LabError> {
        let mut pairs = Vec::new();
        for (number, group) in groups.iter().enumerate() {
            let others = groups.iter().enumerate().filter(|(other, _)| *other != number);
            for to in others.flat_map(|(_, other)| other.iter()) {
                pairs.extend(group.iter().map(|from| (*from, *to)));
            }
        }
        self.set_cuts(&pairs, true)
    }

    /// Leaves just these links, each in both directions, and cuts all others between hosts. What
    /// was cut before and stands here is healed.
    ///
    /// # Errors
    /// If a tool failed; the fault may then be there in part.
    pub fn only(&self, links: &[(usize, usize)]) -> Result<(), LabError> {
        let count = self.hosts().len();
        let is_link = |a, b| links.contains(&(a, b)) || links.contains(&(b, a));
        let pairs = (0..count).flat_map(|from| (0..count).map(move |to| (from, to)));
        let pairs = pairs.filter(|(from, to)| from != to);
        let (kept, cut): (Vec<_>, Vec<_>) = pairs.partition(|(from, to)| is_link(*from, *to));
        self.set_cuts(&cut, true)?;
        self.set_cuts(&kept, false)
    }

    /// Makes a host vanish: nothing it sends arrives anywhere, nothing arrives at it, and neither
    /// side is told.
    ///
    /// # Errors
    /// If a tool failed.
    pub fn isolate(&self, host: usize) -> Result<(), LabError> {
        self.set_isolated(&[host], true)
    }

    /// Brings an isolated host back. Cuts between it and others stay.
    ///
    /// # Errors
    /// If a tool failed.
    pub fn rejoin(&self, host: usize) -> Result<(), LabError> {
        self.set_isolated(&[host], false)
    }

    /// Takes the whole switch out of service: every host is isolated, in one step.
    ///
    /// # Errors
    /// If a tool failed.
    pub fn switch_off(&self) -> Result<(), LabError> {
        self.set_isolated(&(0..self.hosts().len()).collect::<Vec<_>>(), true)
    }

    /// Brings the switch back into service: no host is isolated any more. Cuts stay.
    ///
    /// # Errors
    /// If a tool failed.
    pub fn switch_on(&self) -> Result<(), LabError> {
        self.set_isolated(&(0..self.hosts().len()).collect::<Vec<_>>(), false)
    }

    /// Freezes a host: every program on it is stopped (SIGSTOP), and it is isolated. What is
    /// started there later runs.
    ///
    /// # Errors
    /// If a tool failed, or the lab is gone.
    pub fn freeze(&self, host: usize) -> Result<(), LabError> {
        self.host(host).stop_programs()?;
        self.isolate(host)
    }

    /// Ends the freeze of a host: its link comes back first, then its programs go on.
    ///
    /// # Errors
    /// If a tool failed, or the lab is gone.
    pub fn thaw(&self, host: usize) -> Result<(), LabError> {
        self.rejoin(host)?;
        self.host(host).continue_programs()
    }

    /// Takes the power from hosts, from all of them at once: every program there is killed (SIGKILL), and
    /// nobody, on these hosts or on others, hears of it. What was written to files stays there, synced or not.
    ///
    /// # Errors
    /// If a tool failed, a program would not end, or the lab is gone.
    pub fn power_off(&self, hosts: &[usize]) -> Result<(), LabError> {
        // None ends while another still looks on.
        hosts.iter().try_for_each(|host| self.host(*host).stop_programs())?;
        self.set_isolated(hosts, true)?;
        hosts.iter().try_for_each(|host| self.host(*host).kill_programs())
    }

    /// Gives hosts their power back: they have their links again, and run what is started there.
    ///
    /// # Errors
    /// If a tool failed.
    pub fn power_on(&self, hosts: &[usize]) -> Result<(), LabError> {
        self.set_isolated(hosts, false)
    }

    /// Ends every cut and every isolation. Traffic flows when this returns. Delays stay, and what
    /// was stopped.
    ///
    /// # Errors
    /// If a tool failed; some faults may then remain.
    pub fn heal(&self) -> Result<(), LabError> {
        let (cut, isolated): (Vec<_>, Vec<_>) = {
            let faults = self.faults();
            let cut = faults.cut.iter().copied().collect();
            (cut, faults.isolated.iter().copied().collect())
        };
        self.set_isolated(&isolated, false)?;
        self.set_cuts(&cut, false)
    }

    /// Ends the cuts between two hosts, in both directions.
    ///
    /// # Errors
    /// If a tool failed.
    pub fn heal_between(&self, a: usize, b: usize) -> Result<(), LabError> {
        self.set_cuts(&[(a, b), (b, a)], false)
    }

    /// Holds back everything a host sends for so long; zero ends it. A round trip to the host
    /// grows by `delay`, one between two such hosts by both their delays.
    ///
    /// # Errors
    /// If the kernel has no `netem`, which is a module of its own.
    pub fn set_delay(&self, host: usize, delay: Duration) -> Result<(), LabError> {
        let host = self.host(host);
        let micros = format!("{}us", delay.as_micros());
        let what = format!("delay what {} sends by {delay:?}", host.name());
        let on = host.namespace();
        // Deep enough not to drop anything at the speed of a bridge in memory.
        let netem = ["root", "netem", "delay", &micros, "limit", "100000"];
        if !delay.is_zero() {
            let mut argv = vec!["tc", "qdisc", "replace", "dev", "eth0"];
            argv.extend(netem);
            return on.start(&what, &argv, "")?.finish().map(|_| ());
        }
        let shown = on.start(&what, &["tc", "qdisc", "show", "dev", "eth0"], "")?;
        let shown = shown.finish()?;
        if String::from_utf8_lossy(&shown.stdout).contains("netem") {
            let argv = ["tc", "qdisc", "del", "dev", "eth0", "root"];
            on.start(&what, &argv, "")?.finish()?;
        }
        Ok(())
    }

    /// One `ip` for each host that sends, all at once.
    fn set_cuts(&self, pairs: &[(usize, usize)], cut: bool) -> Result<(), LabError> {
        let mut faults = self.faults();
        let mut batches: BTreeMap<usize, String> = BTreeMap::new();
        for &(from, to) in pairs {
            assert_ne!(from, to, "a host cannot be cut from itself");
            let to = self.host(to);
            let mac = if cut { NOBODY.to_owned() } else { to.mac() };
            batches.entry(from).or_default().push_str(&to.neighbour(&mac));
        }
        let mut running = Vec::with_capacity(batches.len());
        for (from, batch) in &batches {
            let from = self.host(*from);
            let what = format!("set whom {} reaches", from.name());
            running.push(from.namespace().start(&what, &["ip", "-batch", "-"], batch)?);
        }
        finish_all(running)?;
        for pair in pairs {
            if cut {
                faults.cut.insert(*pair);
            } else {
                faults.cut.remove(pair);
            }
        }
        Ok(())
    }

    fn set_isolated(&self, hosts: &[usize], isolated: bool) -> Result<(), LabError> {
        // To the bridge, 0 is a port out of service and 3 one that forwards.
        let state = if isolated { 0 } else { 3 };
        let mut faults = self.faults();
        let mut batch = String::new();
        for host in hosts {
            let _ = writeln!(batch, "link set dev {} state {state}", self.host(*host).port());
        }
        if batch.is_empty() {
            return Ok(());
        }
        let what = "isolate or rejoin hosts";
        let argv = ["bridge", "-batch", "-"];
        self.bridge().start(what, &argv, &batch)?.finish()?;
        for host in hosts {
            if isolated {
                faults.isolated.insert(*host);
            } else {
                faults.isolated.remove(host);
            }
        }
        Ok(())
    }

    /// Held while a fault is being set, so that two at once do not mix. A test that panicked
    /// meanwhile left the record as it was.
    fn faults(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
