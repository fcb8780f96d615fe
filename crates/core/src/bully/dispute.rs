//! A7: two instances name one address. The address decides: whoever answers there is the member.

use alloc::vec::Vec;

use super::{Bully, Role};
use crate::event::{Cause, Event};
use crate::message::{Hello, Member, Message, NackReason, Report};
use crate::node::LinkId;
use crate::timer::Probe;
use crate::types::Address;

impl Bully {
    pub(super) fn told_duplicate(&mut self, dialed: Option<&Address>) {
        let Some(dialed) = dialed else { return };
        let probe = Probe::first(self.now.fast, self.config.probe(), self.config.probe_max());
        self.duplicate.entry(dialed.clone()).or_insert(probe);
        if !matches!(self.role, Role::Joining { .. } | Role::Resigning(_) | Role::Stopped) {
            self.wait_for_address();
        }
    }

    /// Whether it is known that this Hello comes from the holder of the address it names. Another
    /// instance than the one known must prove it: the address decides.
    pub(super) fn is_settled(&self, id: LinkId, hello: &Hello) -> bool {
        let member = &hello.member;
        if member.id == self.me.id {
            return false;
        }
        let Some(known) = self.remotes.get(&member.id) else {
            return true;
        };
        let dialed = self.links.get(&id).and_then(|l| l.dialed.as_ref());
        known.member.inst == member.inst
            || dialed == Some(&member.id)
            || cfg!(bully_mutant = "newcomer-takes-address")
            || (!known.is_open() && (known.refused || known.member.left))
    }

    /// Keeps the Hello until a dial has shown who holds the address.
    pub(super) fn park(&mut self, id: LinkId, hello: Hello) {
        let address = hello.member.id.clone();
        let dialed = self.links.get(&id).and_then(|l| l.dialed.clone());
        if dialed.as_ref() == Some(&address) {
            // This node's own address, answered by another.
            self.address_answered_by(&address, Some(&hello.member));
            self.close(id);
            return;
        }
        if let Some(link) = self.links.get_mut(&id) {
            link.parked = Some(hello);
        }
        self.dial(&address);
    }

    /// The dial of a disputed address has ended: `by` answered, or (none) this node itself.
    pub(super) fn address_answered_by(&mut self, address: &Address, by: Option<&Member>) {
        if *address == self.me.id
            && let Some(holder) = by
        {
            self.event(Event::RefusedBy {
                address: Some(holder.id.clone()),
                reason: NackReason::DuplicateId,
            });
            self.told_duplicate(Some(address));
        }
        let inst = by.map_or(self.me.inst, |m| m.inst);
        for (id, hello) in self.take_parked(address) {
            if *address == self.me.id && by.is_some() {
                // It is for the holder, not for this node, to refuse anybody.
                self.close(id);
            } else if hello.member.inst == inst {
                self.on_hello(id, hello, false);
            } else {
                self.refuse(id, &hello, NackReason::DuplicateId);
            }
        }
    }

    /// The dial of a disputed address failed: its old holder is gone where nothing of it is heard.
    pub(super) fn address_unanswered(&mut self, address: &Address) {
        let is_held = *address == self.me.id
            || self.remotes.get(address).is_some_and(|r| r.is_open() && !r.refused);
        for (id, hello) in self.take_parked(address) {
            if is_held {
                self.refuse(id, &hello, NackReason::DuplicateId);
            } else if self.open_link(id, &hello) {
                let answer = self.hello();
                self.send(id, Message::HelloAck(answer));
                self.take_hello(&hello);
            }
        }
    }

    fn take_parked(&mut self, address: &Address) -> Vec<(LinkId, Hello)> {
        let mut parked = Vec::new();
        for (id, link) in &mut self.links {
            if link.parked.as_ref().is_some_and(|h| h.member.id == *address)
                && let Some(hello) = link.parked.take()
            {
                parked.push((*id, hello));
            }
        }
        parked
    }

    /// Another run of the same node answers at its address: the older one is dead.
    pub(super) fn replace_instance(&mut self, member: &Member) {
        let Some(remote) = self.remotes.get_mut(&member.id) else {
            return;
        };
        remote.joined = false;
        remote.acked = None;
        remote.list_acked = 0;
        remote.foreign = None;
        remote.report = Report::default();
        let old = remote.member.inst;
        for link in core::mem::take(&mut remote.links) {
            self.close(link);
        }
        self.watchers.remove(&member.id);
        if self.claim.as_ref().is_some_and(|c| c.id == member.id && c.inst == old) {
            self.leader_is_dead(Cause::Crash);
        }
    }
}
