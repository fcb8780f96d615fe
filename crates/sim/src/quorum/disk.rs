//! Disks: what is on them, what is on its way there, and what may become of them.

use bully_core::PersistId;
use bully_core::quorum::{Input, Stored};

use super::cover::Seen;
use super::queue::Due;
use super::world::World;

/// How a disk takes writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DiskMode {
    /// In its usual time.
    #[default]
    Good,
    /// Not until it is good again.
    Stalled,
    /// They fail, and what is on it is then the old record or the new one.
    Failing,
    /// They fail, and what was on it stays.
    Full,
}

/// What becomes of a write that was not synced when its process or its machine died.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unsynced {
    /// It is lost.
    #[default]
    Lost,
    /// It is on the disk all the same.
    Kept,
    /// The one or the other.
    Either,
}

/// A disk with one record on it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Disk {
    /// What is on it for good.
    pub(crate) stored: Option<Stored>,
    pub(crate) mode: DiskMode,
    pub(crate) unsynced: Unsynced,
    /// The write under way.
    pub(crate) pending: Option<(PersistId, Stored)>,
}

impl World {
    /// The record on a host's disk, as far as it is synced.
    pub fn stored(&self, host: usize) -> Option<&Stored> {
        self.hosts[host].disk.stored.as_ref()
    }

    /// From now on the disk takes writes like this. One that is good again ends its stalled write
    /// in its usual time.
    pub fn set_disk(&mut self, host: usize, mode: DiskMode) {
        let was = std::mem::replace(&mut self.hosts[host].disk.mode, mode);
        let Some(run) = self.hosts[host].process.as_ref().map(|p| p.run) else {
            return;
        };
        let pending = self.hosts[host].disk.pending.as_ref().map(|(id, _)| *id);
        if let Some(id) = pending.filter(|_| was == DiskMode::Stalled && mode != was) {
            self.schedule_sync(host, run, id);
        }
    }

    /// What becomes of writes that are not synced when the node dies.
    pub fn set_unsynced(&mut self, host: usize, unsynced: Unsynced) {
        self.hosts[host].disk.unsynced = unsynced;
    }

    /// The disk is lost, and an empty one is in its place. Only where no process runs.
    ///
    /// # Panics
    /// If one runs.
    pub fn wipe(&mut self, host: usize) {
        assert!(self.hosts[host].process.is_none(), "a node runs on the disk of {host}");
        let old = self.hosts[host].disk.stored.take();
        self.forget(host, old.as_ref());
    }

    /// What was on a disk is there no more: its instance is gone, unless it lives elsewhere.
    fn forget(&mut self, host: usize, old: Option<&Stored>) {
        self.checks.disk_replaced(host);
        if let Some(old) = old.filter(|old| self.host_of(old.inst).is_none()) {
            self.checks.lost(old.inst);
        }
    }

    /// The disk of `from`, copied over that of `to`. From here on only best effort is promised if
    /// both are used. Only where no process runs at `to`.
    ///
    /// # Panics
    /// If one runs.
    pub fn copy_disk(&mut self, from: usize, to: usize) {
        let copy = self.hosts[from].disk.stored.clone();
        self.put_disk(to, copy);
    }

    /// What [`World::put_disk`] puts back later.
    pub fn snapshot(&self, host: usize) -> Option<Stored> {
        self.hosts[host].disk.stored.clone()
    }

    /// Puts a record on the disk in place of what is there: a backup, a copy. If that is not what
    /// its instance has stored last, or lives elsewhere too, only best effort is promised from
    /// here on. Only where no process runs.
    ///
    /// # Panics
    /// If one runs.
    pub fn put_disk(&mut self, host: usize, stored: Option<Stored>) {
        assert!(self.hosts[host].process.is_none(), "a node runs on the disk of {host}");
        let old = self.hosts[host].disk.stored.take();
        if stored.is_some() && stored != old {
            self.checks.best_effort = true;
        }
        self.hosts[host].disk.stored = stored;
        self.forget(host, old.as_ref());
    }

    /// Puts a record on the disk in place of what is there, and all promises stand: what an
    /// operator's tool wrote, a node that moved with its disk.
    ///
    /// # Panics
    /// If a process runs.
    pub fn write_disk(&mut self, host: usize, stored: Option<Stored>) {
        let best_effort = self.checks.best_effort;
        self.put_disk(host, stored);
        self.checks.best_effort = best_effort;
    }

    pub(crate) fn persist(&mut self, host: usize, run: u64, id: PersistId, state: Stored) {
        let disk = &mut self.hosts[host].disk;
        if let Some((pending, _)) = &disk.pending {
            let what = format!("OneWrite: {id:?} while {pending:?} is under way");
            self.violated(host, &what);
            return;
        }
        disk.pending = Some((id, state));
        if disk.mode == DiskMode::Stalled {
            self.cover.saw(Seen::DiskStalled);
        } else {
            self.schedule_sync(host, run, id);
        }
    }

    fn schedule_sync(&mut self, host: usize, run: u64, id: PersistId) {
        let (low, high) = self.hosts[host].setup.sync;
        let at = self.now + self.rng.between(low, high);
        self.schedule(at, Due::Synced { host, run, id });
    }

    /// A write has come to its end.
    pub(crate) fn synced(&mut self, host: usize, run: u64, id: PersistId) {
        let is_alive = self.hosts[host].process.as_ref().is_some_and(|p| p.run == run);
        let disk = &mut self.hosts[host].disk;
        let is_meant = disk.pending.as_ref().is_some_and(|(pending, _)| *pending == id);
        if !is_alive || !is_meant || disk.mode == DiskMode::Stalled {
            return;
        }
        let Some((_, state)) = disk.pending.take() else {
            return;
        };
        let mode = disk.mode;
        match mode {
            DiskMode::Good | DiskMode::Stalled => {
                self.put_record(host, state);
                self.tell(host, run, Input::Persisted { id }, None);
            }
            DiskMode::Failing | DiskMode::Full => {
                if mode == DiskMode::Failing && self.rng.chance(500) {
                    self.put_record(host, state);
                }
                self.cover.saw(Seen::DiskFailed);
                self.tell(host, run, Input::PersistFailed { id }, None);
            }
        }
    }

    /// The process died: what becomes of the write that was under way.
    pub(crate) fn end_write(&mut self, host: usize) {
        let disk = &mut self.hosts[host].disk;
        let Some((_, state)) = disk.pending.take() else {
            return;
        };
        let keeps = match disk.unsynced {
            Unsynced::Lost => false,
            Unsynced::Kept => true,
            Unsynced::Either => self.rng.chance(500),
        };
        self.cover.saw(if keeps { Seen::UnsyncedKept } else { Seen::UnsyncedLost });
        if keeps {
            self.put_record(host, state);
        }
    }

    fn put_record(&mut self, host: usize, state: Stored) {
        let old = self.hosts[host].disk.stored.replace(state);
        let new = self.hosts[host].disk.stored.as_ref();
        let checked = new.map_or(Ok(()), |new| self.checks.synced(host, old.as_ref(), new));
        self.check(host, checked);
        let checked = self.check_rosters(host);
        self.check(host, checked);
    }
}
