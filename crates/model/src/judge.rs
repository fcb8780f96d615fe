//! The laws, judged from outside the core after every step.

use std::sync::Arc;
use std::time::Duration;

use bully_core::Inst;
use bully_core::quorum::{Cause, Leadership, Message, Roster, RosterId, Stored};

use crate::seen::Seen;
use crate::state::{Claim, Host, Law, host_of};
use crate::turn::Turn;

impl Turn<'_> {
    /// What must hold at every moment.
    pub(crate) fn judge(&mut self) {
        for host in 0..self.s.hosts.len() {
            self.observe(host);
        }
        self.judge_claims();
        self.judge_rosters();
    }

    /// The application asks whether it leads, as it may at any moment.
    pub(crate) fn observe(&mut self, host: usize) {
        let now = self.s.clock(host);
        let h = &self.s.hosts[host];
        let Some(process) = h.process.clone().filter(|_| !h.is_paused) else { return };
        let node = &process.node;
        match node.leadership(now) {
            Leadership::Leader { token, remaining } => {
                let until = h.moment(now.fast.after(remaining));
                self.leads(host, token.get(), until, &node.record().roster);
            }
            _ => {
                if let Some(term) = self.s.hosts[host].leads.take() {
                    Arc::make_mut(&mut self.s.past).ended.push(term);
                }
            }
        }
        let bonds = node.bonds(now);
        if bonds.muted > Duration::ZERO && self.s.hosts[host].run > 1 {
            self.s.seen.add(Seen::Muted);
        }
        let roster = &node.record().roster;
        if self.s.hosts[host].leads.is_some() && bonds.committed && roster.version.version > 1 {
            let insts = |r: &Roster| r.members.iter().map(|m| m.inst).collect::<Vec<_>>();
            if insts(roster) != insts(&self.scope.roster()) {
                self.s.seen.add(Seen::Reconfigured);
            }
        }
    }

    fn leads(&mut self, host: usize, token: u64, until: u64, roster: &Arc<Roster>) {
        let name = host + 1;
        if self.s.past.ended.contains(&token) {
            let how = format!("n{name} leads again in term {token}, whose reign was over");
            self.breach(Law::OneReignPerTerm, how);
        }
        let inst = self.inst(host);
        if self.s.past.released.iter().any(|(i, t)| *i == inst && *t >= token) {
            let how = format!("n{name} leads in term {token}, which it has released");
            self.breach(Law::ReleaseClosed, how);
        }
        let h = &mut self.s.hosts[host];
        h.leads = Some(token);
        if h.told != Some(token) {
            let how = format!("n{name} says that it leads in term {token}, its events do not");
            return self.breach(Law::Announced, how);
        }
        // What it was shown may have run out before it asked again.
        let (run, roster) = (h.run, roster.clone());
        match h.claims.iter_mut().find(|c| c.token == token && c.run == run) {
            Some(claim) => (claim.until, claim.roster) = (claim.until.max(until), roster),
            None => h.claims.push(Claim { token, until, run, roster }),
        }
    }

    fn inst(&self, host: usize) -> Inst {
        self.s.hosts[host].node().map_or(Inst(u128::MAX), |n| n.record().inst)
    }

    fn judge_claims(&mut self) {
        let now = self.s.now;
        let hosts = self.s.hosts.iter().enumerate();
        let claims = hosts.flat_map(|(n, h)| h.claims.iter().map(move |c| (n, c)));
        let active: Vec<(usize, Claim)> =
            claims.filter(|(_, c)| c.until > now).map(|(n, c)| (n, c.clone())).collect();
        if let [(a, x), (b, y), ..] = &active[..] {
            let how = format!(
                "n{} holds token {} for another {} ns, and n{} token {} for another {} ns",
                a + 1,
                x.token,
                x.until - now,
                b + 1,
                y.token,
                y.until - now
            );
            self.breach(Law::AtMostOneActive, how);
        }
        if !self.scope.lease_law {
            return;
        }
        for (host, claim) in active {
            let holder = claim.roster.members.iter().find(|m| host_of(m.inst) == host);
            let holder = holder.map(|m| m.inst);
            let is_bound = |inst: Inst| Some(inst) == holder || self.is_bound(inst, holder);
            if !claim.roster.is_quorum(is_bound) {
                let how = format!(
                    "n{} holds token {} for another {} ns, without a majority that is bound to it",
                    host + 1,
                    claim.token,
                    claim.until - now
                );
                self.breach(Law::LeaseSupported, how);
            }
        }
    }

    /// A member that will vote for nobody else at this moment.
    fn is_bound(&self, inst: Inst, holder: Option<Inst>) -> bool {
        let host = host_of(inst);
        let Some(node) = self.s.hosts[host].node() else { return true };
        let bonds = node.bonds(self.s.clock(host));
        bonds.muted > Duration::ZERO
            || bonds
                .promise
                .is_some_and(|(to, _, left)| Some(to) == holder && left > Duration::ZERO)
    }

    /// Rosters that can still elect somebody: a majority of them has nothing newer on disk.
    fn judge_rosters(&mut self) {
        let of_disks = self.s.hosts.iter().filter_map(|h| h.disk.as_ref().map(|d| &d.roster));
        let of_nodes = self.s.hosts.iter().filter_map(|h| h.node().map(|n| &n.record().roster));
        let mut all = of_disks.chain(of_nodes);
        let Some(first) = all.next() else { return };
        if all.all(|r| Arc::ptr_eq(r, first) || r.members == first.members) {
            return;
        }
        let disks: Vec<&Arc<Stored>> =
            self.s.hosts.iter().filter_map(|h| h.disk.as_ref()).collect();
        let version = |inst: Inst| {
            let of = |d: &&&Arc<Stored>| d.inst == inst;
            disks.iter().find(of).map_or(RosterId::default(), |d| d.roster.version)
        };
        let mut rosters: Vec<&Arc<Roster>> = disks.iter().map(|d| &d.roster).collect();
        let nodes = self.s.hosts.iter().filter_map(Host::node);
        rosters.extend(nodes.map(|n| &n.record().roster));
        let mut active: Vec<&Arc<Roster>> = Vec::new();
        for roster in rosters {
            let is_new = active.iter().all(|r| r.members != roster.members);
            if is_new && roster.is_quorum(|i| version(i) <= roster.version) {
                active.push(roster);
            }
        }
        let apart = active.iter().enumerate().find_map(|(n, a)| {
            let b = active[..n].iter().find(|b| are_apart(a, b))?;
            Some(format!("{:?} and {:?} can both elect", a.version, b.version))
        });
        if let Some(how) = apart {
            self.breach(Law::ActiveCfgOverlap, how);
        }
    }

    pub(crate) fn judge_election(&mut self, host: usize, token: u64, cause: Cause) {
        let inst = self.inst(host);
        let elected = self.s.past.elected.clone();
        if let Some((_, other)) = elected.iter().find(|(t, i)| *t == token && *i != inst) {
            let how = format!("{inst:?} and {other:?} are both elected in term {token}");
            self.breach(Law::ElectionSafety, how);
        }
        if let Some((greatest, _)) = elected.iter().max().filter(|(t, _)| *t >= token) {
            let how = format!("n{} is elected in term {token} after {greatest}", host + 1);
            self.breach(Law::TokenMonotone, how);
        }
        // A reign is on disk before it begins: this boot could lose it otherwise.
        let is_synced = |d: &Arc<Stored>| d.roster.version.term.0 == token && d.term.0 >= token;
        if !self.s.hosts[host].disk.as_ref().is_some_and(is_synced) {
            let how = format!("n{} leads in term {token}, which is not on its disk", host + 1);
            self.breach(Law::PersistBeforeSend, how);
        }
        Arc::make_mut(&mut self.s.past).elected.push((token, inst));
        self.s.seen.add(Seen::Reign);
        if !elected.is_empty() {
            self.s.seen.add(Seen::SecondReign);
        }
        if cause == Cause::Handover {
            self.s.seen.add(Seen::HandoverReign);
        }
    }

    /// DurableMonotone, and GenesisUnique, of what reaches a disk.
    pub(crate) fn judge_disk(&mut self, host: usize, new: &Arc<Stored>) {
        if let Some(old) = self.s.hosts[host].disk.clone() {
            let of = |d: &Stored| (d.boot, d.term, d.roster.version);
            let is_less = |a: &Stored, b: &Stored| {
                a.boot < b.boot || a.term < b.term || a.roster.version < b.roster.version
            };
            if old.cluster.is_some() && (is_less(new, &old) || new.cluster != old.cluster) {
                let how =
                    format!("the disk of n{} goes from {:?} to {:?}", host + 1, of(&old), of(new));
                self.breach(Law::DurableMonotone, how);
            }
        }
        let Some(cluster) = new.cluster else { return };
        if self.s.past.formed.iter().any(|(c, _)| *c == cluster) {
            return;
        }
        let insts: Vec<Inst> = new.roster.members.iter().map(|m| m.inst).collect();
        let mut formed = self.s.past.formed.iter();
        if let Some((other, _)) = formed.find(|(_, f)| f.iter().any(|i| insts.contains(i))) {
            let how = format!("{cluster:?} is founded beside {other:?}, which shares a founder");
            self.breach(Law::GenesisUnique, how);
        }
        Arc::make_mut(&mut self.s.past).formed.push((cluster, insts));
    }

    pub(crate) fn note_release(&mut self, inst: Inst, term: u64) {
        let past = Arc::make_mut(&mut self.s.past);
        match past.released.iter_mut().find(|(i, _)| *i == inst) {
            Some((_, most)) => *most = term.max(*most),
            None => past.released.push((inst, term)),
        }
        past.released.sort_unstable();
    }

    /// What a node says.
    pub(crate) fn judge_message(&mut self, host: usize, message: &Message) {
        if let Message::Release(release) = message {
            let inst = self.inst(host);
            self.note_release(inst, release.term.0);
            self.judge_release(host, release.term.0);
        }
        if let Message::PreVoteResp(resp) = message
            && !resp.granted
            && resp.retry_after > Duration::ZERO
        {
            self.s.seen.add(Seen::RefusedByPromise);
        }
        if matches!(message, Message::Renounced(_)) {
            self.s.seen.add(Seen::Renounced);
        }
        self.judge_vote(host, message);
        let disk = self.s.hosts[host].disk.clone();
        let is_durable = disk.is_some_and(|disk| is_on_disk(&disk, message));
        if !is_durable {
            let how = format!("n{} says what its disk does not: {message:?}", host + 1);
            self.breach(Law::PersistBeforeSend, how);
        }
    }

    /// Nobody is released while the application may act.
    fn judge_release(&mut self, host: usize, term: u64) {
        let now = self.s.now;
        let mut claims = self.s.hosts[host].claims.iter();
        if let Some(claim) = claims.find(|c| c.token <= term && c.until > now) {
            let how = format!(
                "n{} releases term {term} while its application acts with token {}",
                host + 1,
                claim.token
            );
            self.breach(Law::ReleaseClosed, how);
        }
    }

    fn judge_vote(&mut self, host: usize, message: &Message) {
        let inst = self.inst(host);
        let (term, to) = match message {
            Message::Vote(vote) => (vote.term.0, vote.candidate),
            Message::VoteReq(req) => (req.term.0, inst),
            _ => return,
        };
        let votes = &self.s.past.votes;
        if votes.contains(&(inst, term, to)) {
            return;
        }
        if let Some((_, _, other)) = votes.iter().find(|(i, t, _)| *i == inst && *t == term) {
            let how = format!("n{} votes for {other:?} and {to:?} in term {term}", host + 1);
            self.breach(Law::VoteOnce, how);
        }
        let past = Arc::make_mut(&mut self.s.past);
        past.votes.push((inst, term, to));
        past.votes.sort_unstable();
    }
}

/// Whether two majorities can be found that share no member.
fn are_apart(a: &Roster, b: &Roster) -> bool {
    let shared = a.members.iter().filter(|m| b.has(m.inst)).count();
    let missing = |r: &Roster| r.quorum().saturating_sub(r.members.len() - shared);
    missing(a) + missing(b) <= shared
}

/// What a message says of its sender's record.
fn is_on_disk(disk: &Stored, message: &Message) -> bool {
    let has_voted =
        |term, whom| disk.term > term || (disk.term == term && disk.voted_for == Some(whom));
    match message {
        Message::Vote(vote) => has_voted(vote.term, vote.candidate) && vote.lease <= disk.lease_max,
        Message::VoteReq(req) => has_voted(req.term, disk.inst),
        Message::Hb(hb) => disk.term >= hb.term && disk.roster.version >= hb.roster.version,
        Message::HbAck(ack) => {
            disk.term >= ack.term
                && disk.roster.version >= ack.roster
                && ack.lease <= disk.lease_max
        }
        Message::Release(release) => release
            .target
            .is_none_or(|t| disk.term > release.term || disk.voted_for == Some(t.inst)),
        // Who is taking its word back is bound by it until all others have done so too: should the
        // cluster be founded on that word, it is in it.
        Message::GenesisAccept(accept) => {
            let founding = [&disk.accept, &disk.leaving].into_iter().flatten();
            let mut bound = founding.map(|f| f.cluster).chain(disk.cluster);
            bound.any(|cluster| cluster == accept.cluster)
        }
        Message::Formed(formed) => disk.cluster == Some(formed.cluster),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bully_core::Address;
    use bully_core::quorum::Member;

    fn roster(bits: u32) -> Roster {
        let member = |i| Member { inst: Inst(i), id: Address::new("h", 1), priority: 1 };
        let members = (0..6_u128).filter(|i| bits >> i & 1 == 1).map(member).collect();
        Roster { members, ..Roster::default() }
    }

    #[test]
    fn rosters_are_apart_just_where_two_of_their_majorities_share_nobody() {
        let majorities = |r: &Roster| -> Vec<u32> {
            let is_one = |bits: &u32| r.is_quorum(|i| bits >> i.0 & 1 == 1);
            (0..64).filter(is_one).collect()
        };
        for (a, b) in (1..64).flat_map(|a| (1..64).map(move |b| (a, b))) {
            let (x, y) = (roster(a), roster(b));
            let apart = majorities(&x).iter().any(|m| majorities(&y).iter().any(|n| m & n == 0));
            assert_eq!(are_apart(&x, &y), apart, "{a:b} {b:b}");
        }
    }
}
