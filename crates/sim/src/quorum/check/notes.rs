//! What the world writes down of what is sent and what happens: checks, counts, cases.

use bully_core::LinkId;
use bully_core::quorum::{Cause, Event, Message, Refusal};

use super::{World, persist};
use crate::quorum::cover::Seen;

impl World {
    pub(crate) fn note_sent(&mut self, host: usize, run: u64, link: LinkId, message: &Message) {
        *self.sent.entry(message.name()).or_default() += 1;
        self.note_message(message);
        let now = self.hosts[host].now(self.now);
        let Some(process) = self.process(host, run) else {
            return;
        };
        let me = process.node.record().inst;
        let end = process.links.get(&link).copied();
        let to = end.map(|(conn, side)| self.conns[conn].ends[1 - side].host);
        let to_inst = to.and_then(|to| self.inst(to));
        if self.transcript.is_some() {
            self.write_sent(host, to, message);
        }
        let checked = persist::sent(self.stored(host), me, message);
        self.check(host, checked);
        let checked = self
            .process(host, run)
            .map_or(Ok(()), |process| process.watch.promise.sent(me, to_inst, message, now.slow));
        self.check(host, checked);
        let checked = self.binds_while_acting(host, run, message);
        self.check(host, checked);
        if !self.checks.best_effort {
            let checked = self.checks.votes.sent(me, message);
            self.check(host, checked);
        }
        match message {
            Message::Release(release) => self.checks.release(me, release.term),
            Message::VoteReq(req) if self.checks.released.get(&me) >= Some(&req.term) => {
                self.violated(host, &format!("ReleaseClosed: stands in {}", req.term));
            }
            _ => {}
        }
    }

    /// Q6: while its application acts a node binds itself to nobody and gives nothing back.
    fn binds_while_acting(&self, host: usize, run: u64, message: &Message) -> Result<(), String> {
        let said = match message {
            Message::Vote(_) | Message::VoteReq(_) | Message::HbAck(_) | Message::Release(_) => {
                message.name()
            }
            _ => return Ok(()),
        };
        let acting = self.hosts[host].apps.iter().find(|a| a.run == run && a.until > self.now);
        acting.map_or(Ok(()), |app| {
            // A candidate that lost gives back another term than that in which its application acts.
            if matches!(message, Message::Release(r) if r.term.0 < app.token) {
                return Ok(());
            }
            let rest = (app.until - self.now) / crate::US;
            Err(format!("Revoking: {said} while its application acts for {rest} µs: {message:?}"))
        })
    }

    fn note_message(&mut self, message: &Message) {
        let seen = match message {
            Message::Reject(_) => Seen::Rejected,
            Message::Renounce(_) => Seen::Renounced,
            Message::Leave => Seen::LeaveAsked,
            Message::Release(r) if r.target.is_some() => Seen::ReleasedToTarget,
            Message::Release(_) => Seen::ReleasedToNobody,
            Message::HbAck(ack) if ack.wants => Seen::WantedLead,
            Message::HbAck(ack) if !ack.unmuted => Seen::MutedFollowed,
            _ => return,
        };
        self.cover.saw(seen);
    }

    pub(crate) fn note_event(&mut self, host: usize, run: u64, event: &Event) {
        self.write_event(host, event);
        if let Some(process) = self.process(host, run) {
            let checked = process.watch.active.event(event);
            self.check(host, checked);
        }
        if let Event::Elected { token, .. } = event {
            let checked = self.reign_begins(host, token.get());
            self.check(host, checked);
            if !self.reigns().is_empty() {
                self.cover.saw(Seen::SecondReign);
            }
        }
        if let Some(seen) = case_of(event) {
            self.cover.saw(seen);
        }
    }
}

fn case_of(event: &Event) -> Option<Seen> {
    Some(match event {
        Event::Elected { cause, .. } => match cause {
            Cause::Vacancy => Seen::ElectedOnVacancy,
            Cause::Handover | Cause::Preempted | Cause::Resign => Seen::ElectedByHandover,
            Cause::Overtaken => Seen::ElectedWhenOvertaken,
            _ => return None,
        },
        Event::Revoke { cause, .. } => match cause {
            Cause::Lapse => Seen::RevokedByLapse,
            Cause::Overtaken => Seen::RevokedWhenOvertaken,
            Cause::Preempted => Seen::RevokedByPreemption,
            Cause::Resign | Cause::Handover => Seen::RevokedByResign,
            Cause::Disk => Seen::RevokedByDisk,
            Cause::Suspended => Seen::RevokedWhenSuspended,
            _ => return None,
        },
        Event::Formed { .. } => Seen::Formed,
        Event::RosterAborted(_) => Seen::RosterAborted,
        Event::Roster(_) => Seen::RosterChanged,
        Event::NotProposed(_) => Seen::NotProposed,
        Event::Replacing { .. } => Seen::NodeReplaced,
        Event::Refused { reason: Refusal::ForeignCluster(_), .. } => Seen::RefusedForeign,
        Event::Refused { .. } => Seen::RefusedOther,
        Event::SplitClusters { .. } => Seen::SplitClusters,
        Event::Quarantined { .. } => Seen::Quarantined,
        Event::Removed => Seen::NodeRemoved,
        Event::SamePlace { .. } => Seen::SamePlace,
        Event::DiskBack => Seen::DiskBack,
        Event::Stopped => Seen::Stopped,
        _ => return None,
    })
}
