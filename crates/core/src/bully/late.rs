//! A4, where a leader was late by F: it asks before it leads on. It may have been frozen with its
//! host, and have missed that others closed its connections and elected.

use super::{Bully, Late, Reign, Role};
use crate::types::{Address, Tick};

impl Bully {
    /// Asks all neighbours, for a leader that was late. Those whose connection was found closed
    /// meanwhile are asked by the Hello of the dial that followed.
    pub(super) fn ask_as_late_leader(&mut self) {
        let mut pending = self.ask_all();
        let mut until = self.now.fast.after(self.delta());
        for (id, remote) in &self.remotes {
            if !remote.is_open() && !remote.refused && !remote.member.left && self.is_dialed(id) {
                pending.insert(id.clone());
                until = self.dial_ends();
            }
        }
        if let Role::Leading(reign) = &mut self.role {
            reign.late = Some(Late::Asking { until, pending, dialed: false });
        }
        self.lead_on_if_answered();
    }

    /// Those that owe the late leader an answer have had their time. They may have closed a
    /// connection that is open here still, or it sits in retransmission back-off: they are dialled,
    /// and have the time of that.
    pub(super) fn late_leader_due(&mut self) {
        let ends = self.dial_ends();
        let Role::Leading(Reign { late: Some(Late::Asking { until, pending, dialed }), .. }) =
            &mut self.role
        else {
            return;
        };
        if *dialed || cfg!(bully_mutant = "late-leader-dials-nobody") {
            self.lead_on();
            return;
        }
        (*until, *dialed) = (ends, true);
        for id in pending.clone() {
            self.dial(&id);
        }
    }

    /// The last connection to a neighbour closed, and it is dialled: a close is no answer.
    pub(super) fn late_leader_dials(&mut self, id: &Address) -> bool {
        let (is_dialed, ends) = (self.is_dialed(id), self.dial_ends());
        match &mut self.role {
            Role::Leading(Reign { late: Some(Late::Asking { until, pending, .. }), .. })
                if is_dialed
                    && pending.contains(id)
                    && !cfg!(bully_mutant = "close-answers-late-leader") =>
            {
                *until = ends.max(*until);
                true
            }
            _ => false,
        }
    }

    /// When a dial and the Hello over it have had their time: twice the two round trips of δ.
    fn dial_ends(&self) -> Tick {
        self.now.fast.after(self.delta() * 2)
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
