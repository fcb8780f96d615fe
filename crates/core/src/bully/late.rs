//! A4, where a leader was late by F: it asks before it leads on. It may have been frozen with its
//! host, and have missed that others closed its connections and elected.

use alloc::collections::{BTreeMap, BTreeSet};

use super::{Awaited, Bully, Late, Reign, Role};
use crate::members::Remote;
use crate::types::{Address, Tick};

/// A dial and the Hello over it are three round trips, each of which is allowed δ: the connection
/// is made, the listener says that it is there, the Hello is answered.
const DIAL: u32 = 3;

impl Bully {
    /// Asks all neighbours, for a leader that was late. Those whose connection was found closed
    /// meanwhile are asked by the Hello of the dial that followed.
    pub(super) fn ask_as_late_leader(&mut self) {
        let asked = self.ask_all();
        let is_sought = |id: &Address, r: &Remote| {
            !r.is_open() && !r.refused && !r.member.left && self.is_dialed(id)
        };
        let dialed: BTreeSet<Address> = self
            .remotes
            .iter()
            .filter(|(id, remote)| is_sought(id, remote))
            .map(|(id, _)| id.clone())
            .collect();
        // How far away they are is known, though their connections are closed.
        let is_meant =
            |id: &Address| dialed.contains(id) && !cfg!(bully_mutant = "late-leader-hurries");
        let delta = self.delta_of(|r| r.is_open() || is_meant(&r.member.id));
        let now = self.now.fast;
        let asked = asked.into_iter().map(|id| (id, Awaited::asked(now.after(delta))));
        let dialed = dialed.into_iter().map(|id| (id, Awaited::dialed(now.after(delta * DIAL))));
        let pending: BTreeMap<Address, Awaited> = asked.chain(dialed).collect();
        if let Role::Leading(reign) = &mut self.role {
            reign.late = Some(Late::Asking { delta, pending });
        }
        self.lead_on_if_answered();
    }

    /// Of those that owe the late leader an answer some have had their time. Who was merely asked
    /// may have closed a connection that is open here still, or it sits in retransmission back-off:
    /// it is dialled, and has the time of that. Who was dialled is waited for no longer.
    pub(super) fn late_leader_due(&mut self) {
        let now = self.now.fast;
        let Role::Leading(Reign { late: Some(Late::Asking { delta, pending }), .. }) =
            &mut self.role
        else {
            return;
        };
        let is_tried = |w: &Awaited| w.is_dialed || cfg!(bully_mutant = "late-leader-dials-nobody");
        pending.retain(|_, awaited| now < awaited.until || !is_tried(awaited));
        let until = now.after(*delta * DIAL);
        let mut silent = BTreeSet::new();
        for (id, awaited) in pending.iter_mut().filter(|(_, awaited)| now >= awaited.until) {
            *awaited = Awaited::dialed(until);
            silent.insert(id.clone());
        }
        for id in &silent {
            self.dial(id);
        }
        self.lead_on_if_answered();
    }

    /// When a late leader has waited long enough for one of those that it asked.
    pub(super) fn late_leader_deadline(pending: &BTreeMap<Address, Awaited>) -> Option<Tick> {
        pending.values().map(|awaited| awaited.until).min()
    }

    /// The last connection to a neighbour closed, and it is dialled: a close is no answer.
    pub(super) fn late_leader_dials(&mut self, id: &Address) -> bool {
        let (now, is_dialed) = (self.now.fast, self.is_dialed(id));
        let Role::Leading(Reign { late: Some(Late::Asking { delta, pending }), .. }) =
            &mut self.role
        else {
            return false;
        };
        let Some(awaited) = pending.get_mut(id).filter(|_| is_dialed) else {
            return false;
        };
        if cfg!(bully_mutant = "close-answers-late-leader") {
            return false;
        }
        if !awaited.is_dialed {
            *awaited = Awaited::dialed(now.after(*delta * DIAL));
        }
        true
    }

    pub(super) fn is_late_leader(&self) -> bool {
        matches!(&self.role, Role::Leading(Reign { late: Some(_), .. }))
    }

    /// Has answered what a late leader asked, or never will.
    pub(super) fn late_leader_heard(&mut self, id: &Address) {
        if let Role::Leading(Reign { late: Some(Late::Asking { pending, .. }), .. }) =
            &mut self.role
        {
            pending.remove(id);
            self.lead_on_if_answered();
        }
    }

    /// The late leader has heard all it asked: it leads on under its claim.
    fn lead_on_if_answered(&mut self) {
        if let Role::Leading(Reign { late: Some(Late::Asking { pending, .. }), .. }) = &self.role
            && pending.is_empty()
        {
            self.lead_on();
        }
    }

    fn lead_on(&mut self) {
        if let Role::Leading(reign) = &mut self.role {
            reign.late = None;
            reign.next_beat = self.now.fast.after(self.config.heartbeat);
            // Else its first Beat would say that it reaches nobody, and lose it any merge.
            if !cfg!(bully_mutant = "late-leader-reaches-nobody") {
                self.renew_acknowledgements();
            }
            self.beat_all();
        }
    }
}
