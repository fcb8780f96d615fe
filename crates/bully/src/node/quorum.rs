//! Quorum mode: a record on disk, a lease that the application may have been shown, a roster.

use bully_core::LeaderView;
use bully_core::quorum::{self as core, Leaderless, Node, Proposal, Status};
use bully_core::{Address, Now};

use super::{Change, Duty, Input, Output, Shown};
use crate::link::LinkEvent;
use crate::view::{Leadership, Role, Token};
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
        // It stays a member: it is expected back.
        Input::Leave => core::Input::Resign { leave: false },
        Input::Change(change) => core::Input::Propose(match change {
            Change::StepDown => Proposal::HandOver(None),
            Change::Transfer(to) => Proposal::HandOver(Some(to)),
            Change::Priority(priority) => Proposal::Priority(priority),
            Change::Remove(member) => Proposal::Remove(member),
        }),
    };
    node.handle(input, now);
}

fn link(event: LinkEvent) -> Option<core::Input> {
    Some(match event {
        LinkEvent::Up { link, dialed, .. } => core::Input::LinkUp { link, dialed },
        LinkEvent::DialFailed { dialed, reason } => core::Input::DialFailed { dialed, reason },
        LinkEvent::Message { link, message: Message::Quorum(message), .. } => {
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
                Output::Send { to, message: Message::Quorum(message) }
            }
            core::Output::Dial { to, timeout } => Output::Dial { to, timeout },
            core::Output::Close { link } => Output::Close { link },
            core::Output::Persist { id, state } => {
                Output::Persist { id, state: Some(Box::new(state)) }
            }
            core::Output::Event(event) => Output::Event(super::Event::Quorum(event)),
            // There is no guardian to be told.
            _ => continue,
        });
    }
}

pub(super) fn duty(event: &core::Event) -> Option<Duty> {
    match event {
        core::Event::Revoke { deadline, .. } => Some(Duty::Revoke { deadline: Some(*deadline) }),
        core::Event::NotProposed(objection) => Some(Duty::Refuse(*objection)),
        core::Event::Roster(roster) => {
            Some(Duty::Roster(roster.members.iter().map(|m| m.id.clone()).collect()))
        }
        core::Event::Stopped => Some(Duty::End),
        _ => None,
    }
}

pub(super) fn leadership(node: &Node, now: Now) -> Leadership {
    match node.leadership(now) {
        core::Leadership::Leader { token, remaining } => {
            Leadership::Lease { token: Token(token.get()), remaining }
        }
        _ => Leadership::NotLeader,
    }
}

pub(super) fn shown(node: &Node, now: Now) -> Shown {
    let status = node.status(now);
    Shown {
        role: role(status.role),
        epoch: None,
        token: status.reign.map(|term| term.0),
        reason: status.reason.as_ref().map(words),
        pending: status.pending,
        priority: status.priority,
        roster: Some((status.roster, status.committed)),
        is_writable: status.disk,
        leader: leader(status),
    }
}

fn leader(status: Status) -> Option<LeaderView> {
    let leader = status.leader?;
    let ip = status.leader_ip.or_else(|| leader.id.host.ip());
    Some(LeaderView { id: leader.id, ip, priority: leader.priority })
}

fn role(role: core::Role) -> Role {
    match role {
        core::Role::Follower => Role::Follower,
        core::Role::Leader => Role::Leader,
        core::Role::Electing | core::Role::Revoking => Role::Electing,
        core::Role::Quarantined => Role::Quarantined,
        _ => Role::Joining,
    }
}

/// What is left of the silence is another number each time that one looks.
fn words(reason: &Leaderless) -> String {
    match reason {
        Leaderless::Muted(_) => "started lately: silent for the time of a lease".to_owned(),
        other => other.to_string(),
    }
}

pub(super) fn is_done(node: &Node, change: &Change, now: Now) -> Option<bool> {
    let status = node.status(now);
    let leader = status.leader.as_ref().map(|leader| &leader.id);
    let is_led_elsewhere = status.role != core::Role::Leader && leader.is_some();
    match change {
        Change::StepDown => is_led_elsewhere.then_some(true),
        Change::Transfer(to) if leader == Some(to) => Some(true),
        Change::Transfer(_) => is_led_elsewhere.then_some(false),
        Change::Priority(priority) => {
            let own = status.members.iter().find(|m| m.inst == status.inst);
            // Outside of a cluster, and without a leader, it waits for its time.
            let is_held = own.is_none_or(|own| own.priority == *priority) || leader.is_none();
            is_held.then_some(true)
        }
        Change::Remove(member) if has(&status, member) => is_led_elsewhere.then_some(false),
        Change::Remove(_) => (status.committed || is_led_elsewhere).then_some(true),
    }
}

fn has(status: &Status, member: &Address) -> bool {
    status.members.iter().any(|m| m.id == *member)
}
