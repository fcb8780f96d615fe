//! Bully mode: nothing is kept on disk, and nobody is waited for when a reign ends.

use bully_core::{self as core, Address, Node, Now, Proposal};

use super::{Change, Duty, Input, Output, Shown};
use crate::link::LinkEvent;
use crate::view::{Leadership, Role};
use crate::wire::Message;

pub(super) fn handle(node: &mut Node, input: Input, now: Now) {
    let input = match input {
        Input::Start => core::Input::Start,
        Input::Timeout => core::Input::Timeout,
        Input::Link(event) => match link(event) {
            Some(input) => input,
            None => return,
        },
        Input::Persisted(id) => core::Input::Persisted { id },
        Input::PersistFailed(id) => core::Input::PersistFailed { id },
        Input::Revoked => core::Input::Revoked,
        Input::Leave => core::Input::Resign { leave: true },
        Input::Change(Change::StepDown) => core::Input::Resign { leave: false },
        Input::Change(Change::Priority(priority)) => {
            core::Input::Propose(Proposal::Priority(priority))
        }
        // Refused before it gets here: this mode has neither.
        Input::Change(Change::Transfer(_) | Change::Remove(_)) => return,
    };
    node.handle(input, now);
}

fn link(event: LinkEvent) -> Option<core::Input> {
    Some(match event {
        LinkEvent::Up { link, dialed, .. } => core::Input::LinkUp { link, dialed },
        LinkEvent::DialFailed { dialed, reason } => core::Input::DialFailed { dialed, reason },
        LinkEvent::Message { link, message: Message::Bully(message), .. } => {
            core::Input::Message { from: link, message }
        }
        LinkEvent::Message { .. } => return None,
        LinkEvent::Down { link } => core::Input::LinkDown { link },
    })
}

pub(super) fn poll_output(node: &mut Node) -> Option<Output> {
    loop {
        return Some(match node.poll_output()? {
            core::Output::Send { to, message } => {
                Output::Send { to, message: Message::Bully(message) }
            }
            core::Output::Dial { to, timeout } => Output::Dial { to, timeout },
            core::Output::Close { link } => Output::Close { link },
            core::Output::Persist { id, .. } => Output::Persist { id, state: None },
            core::Output::Event(event) => Output::Event(super::Event::Bully(event)),
            _ => continue,
        });
    }
}

pub(super) fn duty(event: &core::Event) -> Option<Duty> {
    match event {
        // Whoever acts on leadership asks at each use, and was told no from here on.
        core::Event::Revoke => Some(Duty::Revoke { deadline: None }),
        core::Event::Stopped => Some(Duty::End),
        _ => None,
    }
}

pub(super) fn leadership(node: &Node, now: Now) -> Leadership {
    match node.leadership(now) {
        core::Leadership::Leader(epoch) => Leadership::Leader { epoch: epoch.0 },
        _ => Leadership::NotLeader,
    }
}

pub(super) fn shown(node: &Node, now: Now) -> Shown {
    let status = node.status(now);
    Shown {
        leader: status.leader,
        role: match status.role {
            core::Role::Follower => Role::Follower,
            core::Role::Electing => Role::Electing,
            core::Role::Leader => Role::Leader,
            _ => Role::Joining,
        },
        epoch: status.claim.map(|claim| claim.epoch.0),
        token: None,
        reason: status.reason.map(|reason| reason.to_string()),
        pending: status.pending,
        priority: status.priority,
        roster: None,
        is_writable: true,
    }
}

/// Its claim is its own still, and it does not lead: the handover is under way.
pub(super) fn is_done(node: &Node, me: &Address, now: Now) -> Option<bool> {
    let status = node.status(now);
    let is_own = status.claim.is_some_and(|claim| claim.id == *me);
    let is_resigning = status.role == core::Role::Follower && is_own;
    (!is_resigning).then_some(true)
}
