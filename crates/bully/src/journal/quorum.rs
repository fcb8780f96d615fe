//! What happens in quorum mode.

use std::time::SystemTime;

use bully_core::quorum::{Cause, Event, Refusal, Roster, Token};
use bully_core::{Address, Inst};

use super::notices::Saying;
use super::{Journal, words};
use crate::node::Node;
use crate::view::EntryKind;

impl Journal {
    pub(super) fn enter_quorum(&mut self, event: &Event, node: &Node, now: SystemTime) {
        match event {
            Event::Elected { token, cause, .. } => self.elected(*token, *cause, now),
            Event::Revoke { token, cause, .. } => self.revoked(*token, *cause, now),
            Event::Following { leader, term } => {
                self.follows(address_of(node, *leader), term.0, now);
            }
            Event::LeaderLost { leader } => self.lost(address_of(node, *leader), now),
            Event::Formed { .. } => self.formed(roster_of(node), now),
            Event::Roster(roster) => self.members_are(roster, now),
            other => self.enter_quorum_trouble(other, node, now),
        }
    }

    fn elected(&mut self, token: Token, cause: Cause, now: SystemTime) {
        self.leader = Some(self.me.clone());
        self.token = Some(token.get());
        self.since = now;
        let why = words::quorum_phrase(cause);
        let message = format!("{} (this node) leads, token {}: {why}", self.me, token.get());
        self.notices.say(&message);
        let me = self.me.to_string();
        let entry = self.reign(now, EntryKind::Election, message);
        entry.cause = Some(cause.as_str());
        (entry.node, entry.leader) = (Some(me.clone()), Some(me));
        (entry.token, entry.won) = (Some(token.get()), true);
    }

    fn revoked(&mut self, token: Token, cause: Cause, now: SystemTime) {
        self.since = now;
        let message = format!("this node no longer leads: {}", words::quorum_phrase(cause));
        // Of a handover, the line that names the next leader says enough.
        if !matches!(cause, Cause::Resign | Cause::Preempted) {
            self.notices.say(&message);
        }
        // Whoever leads next is news, were it this node again.
        (self.leader, self.token) = (None, None);
        let me = self.me.to_string();
        let entry = self.reign(now, EntryKind::Deposed, message);
        entry.cause = Some(cause.as_str());
        (entry.node, entry.token) = (Some(me), Some(token.get()));
    }

    fn follows(&mut self, leader: Option<Address>, term: u64, now: SystemTime) {
        let Some(leader) = leader else { return };
        let is_new = self.leader.as_ref() != Some(&leader) || self.token != Some(term);
        self.leader = Some(leader.clone());
        self.token = Some(term);
        self.since = now;
        let message = format!("{leader} leads, token {term}");
        if is_new {
            self.notices.say(&message);
        }
        let entry = self.reign(now, EntryKind::Election, message);
        entry.of(&leader);
        entry.leader = Some(leader.to_string());
        entry.token = Some(term);
    }

    fn lost(&mut self, leader: Option<Address>, now: SystemTime) {
        self.since = now;
        let Some(leader) = leader else { return };
        let token = self.token;
        let message = format!("{leader} no longer leads, or is no longer heard");
        let entry = self.reign(now, EntryKind::LeaderLost, message);
        entry.of(&leader);
        entry.token = token;
    }

    fn formed(&mut self, roster: Vec<Address>, now: SystemTime) {
        let is_member = roster.contains(&self.me);
        let what = if is_member { "the cluster is formed" } else { "this node joins the cluster" };
        let message = format!("{what}: {}", words::list(&roster));
        self.notices.say(&message);
        self.other(now, EntryKind::Members, message);
        if is_member {
            self.warn_of_two(roster.len(), now);
        }
        self.members = Some(roster);
    }

    fn members_are(&mut self, roster: &Roster, now: SystemTime) {
        let ids: Vec<Address> = roster.members.iter().map(|m| m.id.clone()).collect();
        let message = format!("the members are {}", words::list(&ids));
        // Before it is one of them, and once it is none any longer, neither is its business.
        let is_member = ids.contains(&self.me);
        if self.members.as_ref() != Some(&ids) {
            self.notices.say(&message);
            if is_member {
                self.warn_of_two(ids.len(), now);
            }
            self.members = Some(ids);
            self.other(now, EntryKind::Members, message);
        }
        if is_member {
            self.compare_list(roster, now);
        }
    }

    /// What the list says against what the disk says.
    pub(crate) fn compare_list(&mut self, roster: &Roster, now: SystemTime) {
        if let Some(line) = self.listed.difference(roster) {
            self.warn(line, now);
        }
    }

    fn warn_of_two(&mut self, members: usize, now: SystemTime) {
        if members == 2 {
            let line = "two members tolerate no failure and no restart, less than one machine \
                        alone: add a third, which may be a witness (-priority=0)";
            self.warn(line.to_owned(), now);
        }
    }

    fn enter_quorum_trouble(&mut self, event: &Event, node: &Node, now: SystemTime) {
        let me = self.me.clone();
        match event {
            Event::Unreachable { address, reason } => {
                let line = words::unreachable(address, reason);
                self.trouble(address, Saying::Unreachable, EntryKind::Unreachable, line, now);
            }
            Event::Reachable { address } => {
                let line = format!("{address} added");
                self.trouble(address, Saying::Reachable, EntryKind::Reachable, line, now);
            }
            Event::Refused { address, by_me, reason } => {
                self.refused(address.as_ref(), *by_me, reason, now);
            }
            Event::TermDropped { from, term } => {
                let by = from.and_then(|inst| address_of(node, inst));
                let who = by.as_ref().map_or_else(|| "somebody".to_owned(), ToString::to_string);
                let line = format!(
                    "{who} sent term {term}, which no honest node holds: its message was dropped"
                );
                let of = by.unwrap_or(me);
                self.trouble(&of, Saying::Epoch, EntryKind::Warning, line, now);
            }
            Event::SamePlace { first, second } => {
                let line = format!("{first} and {second} of -nodes lead to one node");
                self.trouble(second, Saying::Record, EntryKind::Warning, line, now);
            }
            Event::Replacing { old, new } => {
                let at = address_of(node, *new).or_else(|| address_of(node, *old));
                let at = at.unwrap_or(me);
                let line = format!(
                    "{at} has lost its disk, or another node answers there: the member that was \
                     there is replaced once it has been silent for 10 s"
                );
                self.trouble(&at, Saying::Record, EntryKind::Members, line, now);
            }
            Event::RosterAborted(roster) => {
                let ids: Vec<Address> = roster.members.iter().map(|m| m.id.clone()).collect();
                let line = format!(
                    "a change of the members found no majority; they are {} again",
                    words::list(&ids)
                );
                self.members = Some(ids);
                self.warn(line, now);
            }
            other => {
                if let Some((kind, line)) = words::of_node(other) {
                    self.notices.say(&line);
                    self.other(now, kind, line);
                }
            }
        }
    }

    fn refused(
        &mut self,
        address: Option<&Address>,
        by_me: bool,
        reason: &Refusal,
        now: SystemTime,
    ) {
        let of = address.unwrap_or(&self.me).clone();
        let (saying, line) = if by_me {
            (Saying::Refused, words::quorum_refused(&of, reason, &self.cluster))
        } else {
            (Saying::RefusedBy, words::quorum_refused_by(&of, reason, &self.cluster))
        };
        self.trouble(&of, saying, EntryKind::Refused, line, now);
    }
}

fn address_of(node: &Node, inst: Inst) -> Option<Address> {
    match node {
        Node::Quorum(node) => node.member(inst).map(|member| member.id),
        Node::Bully(_) => None,
    }
}

fn roster_of(node: &Node) -> Vec<Address> {
    match node {
        Node::Quorum(node) => node.record().roster.members.iter().map(|m| m.id.clone()).collect(),
        Node::Bully(_) => Vec::new(),
    }
}
