//! A7: a leader hands over, a node leaves.

use alloc::vec::Vec;

use super::{Bully, Resigning, Role};
use crate::config::Config;
use crate::event::{Cause, Event};
use crate::message::{Leave, Message};
use crate::types::{Address, Claim};

/// A leader names at most this many successors before it goes without one.
const SUCCESSORS_MAX: usize = 3;

impl Bully {
    pub(super) fn on_resign(&mut self, leave: bool) {
        match &mut self.role {
            Role::Stopped => {}
            Role::Leading(_) => self.begin_resigning(leave, Cause::Resign),
            Role::Resigning(resigning) => resigning.leave |= leave,
            _ if leave => self.say_goodbye(),
            _ => {}
        }
    }

    pub(super) fn on_priority(&mut self, priority: u32) {
        self.me.priority = priority.min(Config::PRIORITY_MAX);
        self.raise_inc(0);
        // The hold of A6 begins for one's own change as for anybody's.
        if !cfg!(bully_mutant = "own-change-without-hold") {
            self.stable_since = self.now.fast;
        }
        self.announce();
        if self.me.priority == 0 && matches!(self.role, Role::Leading(_)) {
            self.begin_resigning(false, Cause::Resign);
        }
    }

    /// The reign ends here; its successor begins once the application has stopped.
    fn begin_resigning(&mut self, leave: bool, cause: Cause) {
        let Some(claim) = self.claim.clone() else {
            return;
        };
        self.event(Event::Deposed { claim: claim.clone(), cause });
        self.role = Role::Resigning(Resigning {
            leave,
            cause,
            claim,
            tried: Vec::new(),
            until: None,
            next_beat: self.now.fast,
        });
        self.event(Event::Revoke);
    }

    pub(super) fn on_revoked(&mut self) {
        if matches!(&self.role, Role::Resigning(r) if r.until.is_none()) {
            self.try_successor();
        }
    }

    pub(super) fn resign_due(&mut self) {
        let now = self.now.fast;
        let Role::Resigning(resigning) = &mut self.role else {
            return;
        };
        match resigning.until {
            Some(until) if now >= until => self.try_successor(),
            None if now >= resigning.next_beat => {
                resigning.next_beat = now.after(self.config.heartbeat);
                if !cfg!(bully_mutant = "silent-while-stopping") {
                    self.beat_all();
                }
            }
            _ => {}
        }
    }

    /// The best-ranked member that acknowledged within 2h, and was not tried.
    fn next_successor(&self, tried: &[Address]) -> Option<Address> {
        let fresh = self.now.fast.before(self.config.join());
        let heard = |at: crate::types::Tick| at >= fresh;
        self.remotes
            .values()
            .filter(|r| r.is_open() && r.is_electable() && !tried.contains(&r.member.id))
            .filter(|r| r.acked.as_ref().is_some_and(|(_, at)| heard(*at)))
            .max_by(|a, b| a.rank().cmp(&b.rank()))
            .map(|r| r.member.id.clone())
    }

    fn try_successor(&mut self) {
        let Role::Resigning(resigning) = &self.role else {
            return;
        };
        let mut resigning = resigning.clone();
        let next = self.next_successor(&resigning.tried);
        let none = cfg!(bully_mutant = "no-handover");
        match next.filter(|_| resigning.tried.len() < SUCCESSORS_MAX && !none) {
            Some(next) => {
                let message = self.leave(Some(next.clone()), false);
                self.send_to(&next, message);
                resigning.tried.push(next);
                resigning.until = Some(self.now.fast.after(self.delta() * 2));
                self.role = Role::Resigning(resigning);
            }
            None => self.resign_without_successor(resigning.leave, resigning.cause),
        }
    }

    fn leave(&self, successor: Option<Address>, gone: bool) -> Message {
        Message::Leave(Leave { inc: self.me.inc, claim: self.claim.clone(), successor, gone })
    }

    fn resign_without_successor(&mut self, leave: bool, cause: Cause) {
        if leave {
            self.say_goodbye();
            return;
        }
        self.tell_all(false);
        self.start_election(cause);
    }

    fn tell_all(&mut self, gone: bool) {
        for id in self.open() {
            let message = self.leave(None, gone);
            self.send_to(&id, message);
        }
    }

    /// The successor was heard.
    pub(super) fn resigned(&mut self, resigning: &Resigning) {
        if resigning.leave {
            self.say_goodbye();
        }
    }

    fn say_goodbye(&mut self) {
        self.me.left = true;
        let is_followed = matches!(self.role, Role::Following | Role::Resigning(_));
        let leader = self.claim.as_ref().filter(|claim| is_followed && claim.id != self.me.id);
        self.parting = leader.map(|claim| claim.id.clone());
        self.tell_all(true);
        let links: Vec<_> = self.links.keys().copied().collect();
        for link in links {
            self.close(link);
        }
        self.role = Role::Stopped;
        self.event(Event::Stopped);
    }

    pub(super) fn on_leave(&mut self, from: &Address, leave: &Leave) {
        let is_my_leader = matches!(self.role, Role::Following | Role::Electing { .. })
            && self.claim.as_ref().is_some_and(|c| c.id == *from);
        if leave.gone {
            self.member_left(from, leave.inc);
        }
        if !is_my_leader {
            return;
        }
        let is_asked = leave.successor.as_ref() == Some(&self.me.id);
        if is_asked && leave.claim == self.claim && self.me.priority > 0 {
            self.lead(Cause::Handover);
        } else if leave.successor.is_none() && self.ends_my_reign(from, leave) {
            self.leader_is_dead(Cause::Leave);
        }
    }

    /// Whether this is the end of the reign that this node follows. Word of an earlier one may
    /// come late: its leader was elected again, and lives.
    fn ends_my_reign(&self, from: &Address, leave: &Leave) -> bool {
        let Some(mine) = &self.claim else {
            return false;
        };
        let is_of_mine = |c: &Claim| c.is_of_same_node(mine) && c.epoch >= mine.epoch;
        // Who goes for good may name the claim of its successor: its own is over all the same.
        let is_same_run = self.remotes.get(from).is_some_and(|r| r.member.inst == mine.inst);
        leave.claim.as_ref().is_some_and(is_of_mine)
            || (leave.gone && is_same_run)
            || cfg!(bully_mutant = "any-leave-ends-reign")
    }

    fn member_left(&mut self, from: &Address, inc: u64) {
        let Some(remote) = self.remotes.get_mut(from) else {
            return;
        };
        remote.member.inc = remote.member.inc.max(inc);
        remote.member.left = true;
        remote.since = self.now.fast;
        remote.joined = false;
        remote.report.live = false;
        self.see_inc(inc);
        self.watchers.remove(from);
        self.membership_changed();
        self.probes_dirty = true;
        self.event(Event::Left { id: from.clone() });
        self.no_answer_from(from);
    }
}
