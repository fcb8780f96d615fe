//! What happens in bully mode.

use std::time::SystemTime;

use bully_core::{Address, Cause, Claim, Event};

use super::notices::Saying;
use super::{Journal, words};
use crate::view::{Entry, EntryKind};

impl Journal {
    pub(super) fn enter_bully(&mut self, event: &Event, now: SystemTime) {
        match event {
            Event::Elected { claim, cause } => self.leads(claim, *cause, true, now),
            Event::Following { claim, cause } => self.leads(claim, *cause, false, now),
            Event::Deposed { claim, cause } => self.deposed(claim, *cause, now),
            Event::LeaderLost { claim, cause } => {
                self.since = now;
                let message = format!("{} is lost: {}", claim.id, words::phrase(*cause));
                self.reign(now, EntryKind::LeaderLost, message).about(*cause, claim);
            }
            Event::EpochRaised { claim } => {
                let message = format!("{} leads on under epoch {}", claim.id, claim.epoch.0);
                let entry = self.reign(now, EntryKind::EpochRaised, message);
                entry.epoch = Some(claim.epoch.0);
            }
            Event::Joined { id, leader } => self.joined(id, leader.as_ref(), now),
            Event::Left { id } => self.other(now, EntryKind::Left, format!("{id} left")).of(id),
            Event::MemberLost { id } => {
                self.other(now, EntryKind::MemberLost, format!("{id} is no longer heard")).of(id);
            }
            Event::MemberBack { id } => {
                self.other(now, EntryKind::MemberBack, format!("{id} is heard again")).of(id);
            }
            other => self.enter_trouble(other, now),
        }
    }

    fn enter_trouble(&mut self, event: &Event, now: SystemTime) {
        let (of, saying, kind, message) = match event {
            Event::Unreachable { address, reason } => {
                let message = words::unreachable(address, reason);
                (address, Saying::Unreachable, EntryKind::Unreachable, message)
            }
            Event::Reachable { address } => {
                (address, Saying::Reachable, EntryKind::Reachable, format!("{address} added"))
            }
            Event::Refused { id, reason } => {
                let message = words::refused(id, reason, &self.cluster);
                (id, Saying::Refused, EntryKind::Refused, message)
            }
            Event::RefusedBy { address, reason } => {
                let by = address.as_ref().unwrap_or(&self.me);
                let message = words::refused_by(by, reason, &self.me, &self.cluster);
                // Who refuses a duplicate is not the point, and so it is said once for all.
                let is_duplicate = *reason == bully_core::NackReason::DuplicateId;
                let of = if is_duplicate { &self.me } else { by };
                (of, Saying::RefusedBy, EntryKind::Refused, message)
            }
            Event::PreemptDiffers { id } => {
                let message =
                    format!("{id} has another value of -preempt: it must be the same everywhere");
                (id, Saying::Preempt, EntryKind::Warning, message)
            }
            Event::EpochDropped { id, epoch } => {
                let by = id.as_ref().unwrap_or(&self.me);
                let message = format!(
                    "{by} sent epoch {}, which no honest node holds: its message was dropped",
                    epoch.0
                );
                (by, Saying::Epoch, EntryKind::Warning, message)
            }
            Event::RecordDropped { from, id, inc } => {
                let by = from.as_ref().unwrap_or(&self.me);
                let message = format!(
                    "{by} told of {id} with incarnation {inc}, which no honest node has: it was \
                     left out"
                );
                (by, Saying::Record, EntryKind::Warning, message)
            }
            _ => return,
        };
        let of = of.clone();
        self.trouble(&of, saying, kind, message, now);
    }

    fn leads(&mut self, claim: &Claim, cause: Cause, by_self: bool, now: SystemTime) {
        let is_new = self.leader.as_ref() != Some(&claim.id);
        self.leader = Some(claim.id.clone());
        self.since = now;
        let who = if by_self { " (this node)" } else { "" };
        let message =
            format!("{}{who} leads, epoch {}: {}", claim.id, claim.epoch.0, words::phrase(cause));
        if is_new {
            self.notices.say(&message);
        }
        let entry = self.reign(now, EntryKind::Election, message);
        entry.about(cause, claim);
        entry.leader = Some(claim.id.to_string());
        entry.won = by_self && is_new;
    }

    fn deposed(&mut self, claim: &Claim, cause: Cause, now: SystemTime) {
        self.since = now;
        if cause == Cause::DuplicateId {
            // It waits outside, and others may lead meanwhile without its knowledge.
            self.leader = None;
        }
        let message = format!("this node no longer leads: {}", words::phrase(cause));
        self.reign(now, EntryKind::Deposed, message).about(cause, claim);
    }

    fn joined(&mut self, id: &Address, leader: Option<&Claim>, now: SystemTime) {
        let outcome = match leader {
            Some(claim) => format!("{} leads", claim.id),
            None => "no leader yet".to_owned(),
        };
        let message = format!("{id} joined: {outcome}");
        let entry = self.other(now, EntryKind::Election, message);
        entry.of(id);
        entry.cause = Some(Cause::Join.as_str());
        entry.leader = leader.map(|claim| claim.id.to_string());
        entry.epoch = leader.map(|claim| claim.epoch.0);
    }
}

impl Entry {
    fn about(&mut self, cause: Cause, claim: &Claim) {
        self.cause = Some(cause.as_str());
        self.node = Some(claim.id.to_string());
        self.epoch = Some(claim.epoch.0);
    }
}
