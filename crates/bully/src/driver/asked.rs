//! Changes that were asked for, and what came of them.

use std::time::Duration;

use bully_core::Tick;
use bully_core::quorum::Objection;
use tokio::sync::oneshot;

use crate::error::Refused;
use crate::node::Change;
use crate::shared::Shared;
use crate::view::Mode;

/// A change that has not come by then is not waited for: well above what a handover takes, an
/// election after one that failed included, with leases and heartbeats as they mostly are.
const PATIENCE: Duration = Duration::from_secs(10);

/// What cannot be done now is tried again for so long, each time that the loop turns: a leader that has
/// just won can hand over once it has heard of its members.
const INSISTENCE: Duration = Duration::from_secs(2);

/// Who waits for what.
#[derive(Debug, Default)]
pub(super) struct Asked(Vec<Request>);

#[derive(Debug)]
struct Request {
    change: Change,
    until: Tick,
    /// The node would not do it now; until then it is asked again.
    insists: Option<Tick>,
    is_put_off: bool,
    done: oneshot::Sender<Result<(), Refused>>,
}

/// Why the change cannot even be asked for.
pub(super) fn objection(shared: &Shared, change: &Change) -> Option<Refused> {
    let is_bully = shared.identity.mode == Mode::Bully;
    let leads = shared.leads();
    match change {
        Change::Transfer(_) | Change::Remove(_) if is_bully => Some(Refused::Mode),
        // In quorum mode the node itself says so.
        Change::StepDown if is_bully && !leads => Some(not_leader(shared)),
        Change::Transfer(to) if leads && *to == shared.identity.node => Some(Refused::Myself),
        _ => None,
    }
}

impl Asked {
    pub(super) fn add(
        &mut self,
        change: Change,
        done: oneshot::Sender<Result<(), Refused>>,
        shared: &Shared,
    ) {
        let (until, insists) = (shared.after(PATIENCE), Some(shared.after(INSISTENCE)));
        self.0.push(Request { change, until, insists, is_put_off: false, done });
    }

    /// What the node is to be asked again. Its answer is about the last one that was asked.
    pub(super) fn take_put_off(&mut self) -> Option<Change> {
        let at = self.0.iter().position(|request| request.is_put_off)?;
        let request = self.0.remove(at);
        let change = request.change.clone();
        self.0.push(Request { is_put_off: false, ..request });
        Some(change)
    }

    /// The node has refused what was asked of it just now.
    pub(super) fn refuse_last(&mut self, objection: Objection, shared: &Shared) {
        let Some(mut last) = self.0.pop() else { return };
        let insists = last.insists.is_some_and(|until| !shared.is_past(until));
        if objection == Objection::NotNow && insists {
            last.is_put_off = true;
            self.0.push(last);
            return;
        }
        let Request { change, done, .. } = last;
        let named = match &change {
            Change::Transfer(node) | Change::Remove(node) => node.to_string(),
            Change::StepDown | Change::Priority(_) => String::new(),
        };
        let refused = match objection {
            Objection::NotLeader => not_leader(shared),
            Objection::NotMember => Refused::NotMember(named),
            Objection::LastElectable => Refused::LastElectable,
            Objection::Myself => Refused::Myself,
            Objection::Priority(priority) => Refused::Priority(priority),
            Objection::NeverLeads => Refused::NeverLeads(named),
            _ => Refused::NotNow,
        };
        let _ = done.send(Err(refused));
    }

    /// Answers those whose time has come.
    pub(super) fn answer(&mut self, shared: &Shared) {
        let open = std::mem::take(&mut self.0);
        for request in open {
            if request.is_put_off {
                self.0.push(request);
                continue;
            }
            let answer = match shared.is_done(&request.change) {
                Some(true) => Ok(()),
                Some(false) => Err(Refused::Failed { leader: leader(shared) }),
                None if shared.is_past(request.until) => Err(Refused::TimedOut),
                None => {
                    self.0.push(request);
                    continue;
                }
            };
            // Who no longer waits for it has gone away.
            let _ = request.done.send(answer);
        }
    }

    /// The node has left.
    pub(super) fn end(&mut self) {
        for request in self.0.drain(..) {
            let _ = request.done.send(Err(Refused::Ended));
        }
    }
}

fn not_leader(shared: &Shared) -> Refused {
    Refused::NotLeader { leader: leader(shared) }
}

fn leader(shared: &Shared) -> Option<String> {
    shared.view().leader.map(|leader| leader.node)
}
