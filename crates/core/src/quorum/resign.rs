//! Q11: a node that stops hands over first, and one that leaves is removed.

use super::event::{Cause, Event};
use super::message::Message;
use super::reign::Then;
use super::{Due, Phase, Quorum};
use crate::types::Tick;

/// A node that is on its way out.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Resigning {
    leave: bool,
    /// The last moment at which it still tries to do so in good order.
    until: Tick,
    /// When it asks again to be removed.
    ask_at: Tick,
}

impl Quorum {
    pub(super) fn on_resign(&mut self, leave: bool) {
        if matches!(self.phase, Phase::Stopped) || self.resigning.is_some() {
            return;
        }
        let now = self.now.fast;
        // A handover, an election should that fail, and the removal.
        let until = now.after(self.config.lease * 4 + self.config.heartbeat * 40);
        self.resigning = Some(Resigning { leave, until, ask_at: now });
        if matches!(self.phase, Phase::Asking(_) | Phase::Standing(_)) {
            self.fail_candidacy();
        }
        self.hand_over_or_step_down();
    }

    /// Ends its reign, by a handover where somebody can be handed it.
    pub(super) fn hand_over_or_step_down(&mut self) {
        let Phase::Leading(reign) = &self.phase else { return };
        if reign.handover.is_some() {
            return;
        }
        let has_begun = self.successor().is_some_and(|to| self.begin_handover(to, Cause::Resign));
        if !has_begun {
            self.step_down(Cause::Resign, Then::Release);
        }
    }

    pub(super) fn resign_due(&mut self) {
        let now = self.now.fast;
        if matches!(self.phase, Phase::Stopped) {
            return;
        }
        let Some(resigning) = self.resigning.clone() else { return };
        let is_reigning = self.leads() || self.revoking.is_some() || !self.disk.is_idle();
        if is_reigning && now < resigning.until {
            return;
        }
        if self.wants_removal(&resigning) && self.is_at_work() && now < resigning.until {
            if now >= resigning.ask_at {
                self.ask_for_removal();
            }
            return;
        }
        self.step_down(Cause::Resign, Then::Release);
        self.phase = Phase::Stopped;
        self.event(Event::Stopped);
    }

    fn wants_removal(&self, resigning: &Resigning) -> bool {
        let roster = &self.stored.roster;
        resigning.leave && self.is_formed() && roster.has(self.me()) && roster.members.len() > 1
    }

    fn ask_for_removal(&mut self) {
        let ask_at = self.now.fast.after(self.config.heartbeat * 2);
        if let Some(resigning) = &mut self.resigning {
            resigning.ask_at = ask_at;
        }
        if let Some((leader, _)) = self.leader {
            self.send_to(leader, Message::Leave);
        }
    }

    pub(super) fn resign_deadline(&self, due: &mut Due) {
        if let Some(resigning) = &self.resigning {
            due.fast(resigning.until);
            let is_reigning = self.leads() || self.revoking.is_some() || !self.disk.is_idle();
            if !is_reigning && self.wants_removal(resigning) {
                due.fast(resigning.ask_at);
            }
        }
    }
}
