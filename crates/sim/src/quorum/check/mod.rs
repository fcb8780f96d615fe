//! The checkers: what must hold at every step, judged from outside the core by what is sent, what is
//! on the disks, and what applications do. A file per concern.

mod active;
mod crosstalk;
mod genesis;
mod lease;
mod notes;
pub(crate) mod persist;
mod promise;
mod roster;
mod votes;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bully_core::quorum::{Input, Leadership, Pact, Stored, Term};
use bully_core::{Inst, Now};

use super::wire::Origin;
use super::world::World;
pub(crate) use crosstalk::Before;

/// What is remembered of the whole world.
#[derive(Clone, Debug, Default)]
pub(crate) struct Checks {
    /// Disks were copied or rolled back, or a machine was halted: from here on only best effort is
    /// promised, and what rests on voters remembering what they said is not judged.
    pub(crate) best_effort: bool,
    /// Instances whose disk is lost: they vote no more.
    lost: BTreeSet<Inst>,
    reigns: active::Reigns,
    votes: votes::Votes,
    rosters: roster::Rosters,
    genesis: genesis::Foundings,
    /// Of each instance the greatest term that it, or its guardian, released.
    released: BTreeMap<Inst, Term>,
}

/// What is remembered of one run of a node.
#[derive(Clone, Debug)]
pub(crate) struct Watch {
    lease: lease::Twin,
    promise: promise::Twin,
    active: active::Watch,
}

impl Watch {
    pub(crate) fn new(stored: Option<&Stored>, own: Duration, now: Now) -> Self {
        Self {
            lease: lease::Twin::new(own),
            promise: promise::Twin::new(stored, own, now),
            active: active::Watch::default(),
        }
    }
}

impl Checks {
    pub(crate) fn lost(&mut self, inst: Inst) {
        self.lost.insert(inst);
    }

    /// Something else than before is on a host's disk, by no write of its node.
    pub(crate) fn disk_replaced(&mut self, host: usize) {
        self.genesis.disk_replaced(host);
    }

    /// A write is on the disk of a host.
    pub(crate) fn synced(
        &mut self,
        host: usize,
        old: Option<&Stored>,
        new: &Stored,
    ) -> Result<(), String> {
        if let Some(old) = old {
            persist::grows(old, new)?;
        }
        if !self.best_effort {
            self.votes.record(new)?;
        }
        self.genesis.synced(host, new, &self.lost)
    }

    pub(crate) fn farewell(&mut self, pact: &Pact) {
        self.release(pact.inst, pact.term);
    }

    fn release(&mut self, inst: Inst, term: Term) {
        let released = self.released.entry(inst).or_insert(term);
        *released = term.max(*released);
    }
}

impl World {
    /// Before a node takes an input: what the twins learn of it.
    pub(crate) fn before_step(
        &mut self,
        host: usize,
        input: &Input,
        origin: Option<&Origin>,
    ) -> Option<Before> {
        let (Input::Message { message, .. }, Some(origin)) = (input, origin) else {
            return None;
        };
        let now = self.hosts[host].now(self.now);
        let process = self.hosts[host].process.as_mut()?;
        let record = process.node.record();
        process.watch.lease.received(record, origin.inst, message);
        process.watch.promise.received(origin.inst, message, now.slow);
        self.before_foreign(host, origin, message)
    }

    /// After it has taken one.
    pub(crate) fn after_step(&mut self, host: usize, before: Option<Before>) {
        if let Some(before) = before {
            let checked = self.untouched(host, &before);
            self.check(host, checked);
        }
        let clocks = self.hosts[host].now(self.now);
        let Some(process) = self.hosts[host].process.as_mut() else {
            return;
        };
        let leadership = process.node.leadership(clocks);
        let bonds = process.node.bonds(clocks);
        let checked = process.watch.lease.judge(process.node.record(), &bonds, clocks.fast);
        let checked = checked.and(process.watch.active.judge(leadership, clocks.fast));
        self.check(host, checked);
        self.hosts[host].leads_until = match leadership {
            Leadership::Leader { remaining, .. } => {
                self.hosts[host].clocks.when_fast(self.now, clocks.fast.after(remaining))
            }
            _ => 0,
        };
        if self.hosts[host].setup.eager {
            self.look(host);
        }
        if !self.checks.best_effort {
            let checked = self.at_most_one_active(host);
            self.check(host, checked);
            let checked = self.leases_supported();
            self.check(host, checked);
        }
    }
}
