//! The checkers: what must hold at every step, judged from outside the core.

use bully_core::{Claim, Event, Hello, Member, Message, NUMBER_MAX, Report, Status};

/// What is remembered of one run of a node, to judge its next step.
#[derive(Clone, Debug, Default)]
pub(crate) struct Watch {
    claim: Option<Claim>,
    seq: u64,
    /// When its newest word of another leader was sent, as its own messages say.
    heard: Option<(Claim, u64, u64)>,
    /// The claim under which it said that it leads.
    reign: Option<Claim>,
}

impl Watch {
    /// ClaimMonotone: what a node holds only ever grows.
    pub(crate) fn claim_monotone(&mut self, status: &Status) -> Result<(), String> {
        let new = (status.claim.as_ref(), status.seq);
        let old = (self.claim.as_ref(), self.seq);
        if new < old {
            return Err(format!("ClaimMonotone: {old:?} was followed by {new:?}"));
        }
        if status.claim != self.claim {
            self.claim.clone_from(&status.claim);
        }
        self.seq = status.seq;
        Ok(())
    }

    /// A node leads just as long as its events say so, though it may be in doubt meanwhile.
    pub(crate) fn leads_as_announced(&self, leads: Option<&Claim>) -> Result<(), String> {
        match (leads, &self.reign) {
            (Some(claim), reign) if reign.as_ref() != Some(claim) => {
                Err(format!("it leads under {claim:?}, its events say {reign:?}"))
            }
            _ => Ok(()),
        }
    }

    /// Elected, EpochRaised and Deposed come in their order, each for the claim in force.
    pub(crate) fn event(&mut self, event: &Event) -> Result<(), String> {
        match event {
            Event::Elected { claim, .. } => {
                if let Some(old) = &self.reign {
                    return Err(format!("elected under {claim:?} while leading under {old:?}"));
                }
                self.reign = Some(claim.clone());
            }
            Event::EpochRaised { claim } => {
                if self.reign.as_ref().is_none_or(|old| old >= claim) {
                    return Err(format!("raised from {:?} to {claim:?}", self.reign));
                }
                self.reign = Some(claim.clone());
            }
            Event::Deposed { claim, .. } if self.reign.take().as_ref() != Some(claim) => {
                return Err(format!("deposed from {claim:?}, which it did not hold"));
            }
            _ => {}
        }
        Ok(())
    }

    /// SeqFresh: word of a leader becomes younger only with a new sequence number. Judged by the
    /// ages that the node states to others.
    pub(crate) fn seq_fresh(
        &mut self,
        me: &bully_core::Address,
        message: &Message,
        now: u64,
    ) -> Result<(), String> {
        let (claim, seq, age) = match message {
            Message::Hello(h) | Message::HelloAck(h) => of(&h.report),
            Message::BeatAck(a) => of(&a.report),
            Message::Query(q) => of(&q.report),
            Message::QueryAck(a) => of(&a.report),
            Message::Beat(b) | Message::Coord(b) => (Some(&b.claim), b.seq, b.age),
            Message::HelloNack(_) | Message::Leave(_) => return Ok(()),
        };
        let Some(claim) = claim.filter(|c| c.id != *me) else {
            return Ok(());
        };
        let age = u64::try_from(age.as_nanos()).unwrap_or(u64::MAX);
        let heard_at = now.saturating_sub(age);
        if let Some((c, s, at)) = &self.heard
            && c == claim
            && *s == seq
            && heard_at > *at
        {
            return Err(format!(
                "SeqFresh: {claim:?} seq {seq} was of {at}, and is now of {heard_at}"
            ));
        }
        self.heard = Some((claim.clone(), seq, heard_at));
        Ok(())
    }
}

/// Numbers: none that a message holds is too large for JSON, or the receiver refuses it whole.
pub(crate) fn numbers(message: &Message) -> Result<(), String> {
    let own = |h: &Hello| h.member.inc.max(h.seen.0);
    let (number, members): (u64, Vec<&Member>) = match message {
        Message::Hello(h) | Message::HelloAck(h) => (own(h), h.members.iter().collect()),
        Message::Beat(b) | Message::Coord(b) => {
            let listed = b.members.iter().flatten();
            (b.claim.epoch.0, listed.map(|l| &l.member).collect())
        }
        Message::Leave(l) => (l.inc, Vec::new()),
        Message::BeatAck(a) => (a.need.0, Vec::new()),
        Message::Query(q) => (q.need.0, Vec::new()),
        Message::QueryAck(_) | Message::HelloNack(_) => return Ok(()),
    };
    let greatest = members.iter().map(|m| m.inc).fold(number, u64::max);
    if greatest > NUMBER_MAX {
        return Err(format!("Numbers: {} says {greatest}", message.name()));
    }
    Ok(())
}

fn of(report: &Report) -> (Option<&Claim>, u64, std::time::Duration) {
    (report.claim.as_ref(), report.seq, report.age)
}
