//! AtMostOneActive, ElectionSafety, TokenMonotone, OneReignPerTerm, ReleaseClosed.

use std::collections::BTreeMap;

use bully_core::quorum::{ClusterId, Event, Leadership, Node, Term};
use bully_core::{Inst, Tick};

use super::World;

/// Every reign that there was.
#[derive(Clone, Debug, Default)]
pub(super) struct Reigns(BTreeMap<(ClusterId, u64), (usize, Inst)>);

/// What a node's events say of its reign.
#[derive(Clone, Debug, Default)]
pub(crate) struct Watch {
    /// Of the reign that was announced, and of which no end was.
    token: Option<u64>,
    /// Its deadline as of the last step, by the fast clock.
    until: Tick,
    /// Whether it was over at some step.
    ended: bool,
}

impl Watch {
    pub(super) fn event(&mut self, event: &Event) -> Result<(), String> {
        match event {
            Event::Elected { token, deadline, .. } => {
                if let Some(old) = self.token {
                    return Err(format!("Events: elected for {token:?} while leading for {old}"));
                }
                *self = Self { token: Some(token.get()), until: *deadline, ended: false };
            }
            Event::Revoke { token, .. } if self.token.take() != Some(token.get()) => {
                return Err(format!("Events: {token:?} is revoked, which it did not hold"));
            }
            _ => {}
        }
        Ok(())
    }

    /// OneReignPerTerm: a reign that was over once, by the clock or by its own word, stays over.
    pub(super) fn judge(&mut self, leadership: Leadership, now: Tick) -> Result<(), String> {
        if self.token.is_some() && now >= self.until {
            self.ended = true;
        }
        let Leadership::Leader { token, remaining } = leadership else {
            self.ended |= self.token.is_some();
            return Ok(());
        };
        if self.token != Some(token.get()) {
            return Err(format!("Events: leads with {token:?}, announced {:?}", self.token));
        }
        if self.ended {
            return Err(format!("OneReignPerTerm: {token:?} was over, and goes on"));
        }
        let until = now.after(remaining);
        if until < self.until {
            return Err(format!("Deadline: {:?} was shown, and now {until:?}", self.until));
        }
        self.until = until;
        Ok(())
    }
}

impl World {
    /// A reign begins.
    pub(crate) fn reign_begins(&mut self, host: usize, token: u64) -> Result<(), String> {
        let Some(record) = self.hosts[host].node().map(Node::record) else {
            return Ok(());
        };
        let (inst, Some(cluster)) = (record.inst, record.cluster) else {
            return Err("Elected: it is in no cluster".to_owned());
        };
        let stored = self.hosts[host].disk.stored.as_ref();
        if stored.is_none_or(|s| s.roster.version.term < Term(token)) {
            return Err(format!(
                "PersistBeforeSend: elected with {token}, its disk does not say so"
            ));
        }
        if self.checks.released.get(&inst).is_some_and(|t| t.0 >= token) {
            return Err(format!("ReleaseClosed: leads in {token}, which was released"));
        }
        let reigns = &mut self.checks.reigns.0;
        let of_cluster = reigns.range((cluster, 0)..=(cluster, u64::MAX));
        let last = of_cluster.last().map(|((_, t), who)| (*t, *who));
        let again = reigns.insert((cluster, token), (host, inst));
        if self.checks.best_effort {
            return Ok(());
        }
        if let Some((other, _)) = again {
            return Err(format!("ElectionSafety: {token} was a token of {other} before"));
        }
        if let Some((greater, (other, _))) = last.filter(|(t, _)| *t > token) {
            return Err(format!("TokenMonotone: {token} after {greater} of {other}"));
        }
        Ok(())
    }

    /// AtMostOneActive, in true time: of applications, also those whose node is gone, and of what
    /// nodes answer. Called when the claims of `host` may have grown.
    pub(crate) fn at_most_one_active(&self, host: usize) -> Result<(), String> {
        let mine = self.claims(host);
        for (other, (cluster, token, until)) in
            (0..self.hosts.len()).flat_map(|h| self.claims(h).into_iter().map(move |c| (h, c)))
        {
            let differs = |(c, t, _): &&(ClusterId, u64, u64)| {
                *c == cluster && (host != other || *t != token)
            };
            if let Some((_, mine, _)) = mine.iter().find(differs) {
                let rest = (until - self.now) / crate::US;
                return Err(format!(
                    "AtMostOneActive: with {mine}, and {other} acts with {token} for {rest} µs"
                ));
            }
        }
        Ok(())
    }

    /// Who claims to lead on a host: cluster, token, until when.
    fn claims(&self, host: usize) -> Vec<(ClusterId, u64, u64)> {
        let owner = &self.hosts[host];
        let apps = owner.apps.iter().filter(|a| a.until > self.now);
        let mut claims: Vec<_> = apps.map(|a| (a.cluster, a.token, a.until)).collect();
        if owner.leads_until > self.now
            && let Some(node) = owner.awake()
            && let Some(cluster) = node.record().cluster
            && let Leadership::Leader { token, .. } = node.leadership(owner.now(self.now))
        {
            claims.push((cluster, token.get(), owner.leads_until));
        }
        claims
    }
}
