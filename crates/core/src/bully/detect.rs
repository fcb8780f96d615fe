//! A3 and A3': a leader is lost, and another found.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::time::Duration;

use super::accept::Offer;
use super::{Bully, Collect, Phase, Role};
use crate::event::{Cause, Event};
use crate::message::{Message, Query, QueryAck, Report};
use crate::node::LinkId;
use crate::types::{Address, Epoch, Tick};

impl Bully {
    /// A3: F after the last word, and k·δ more, so that the best of the rest moves first.
    fn silence_deadline(&self) -> Tick {
        self.silence_after(self.stagger())
    }

    /// When to look whether that deadline has come: where none ranks above this node, it has.
    pub(super) fn silence_looked_for_at(&self) -> Tick {
        let first = self.silence_after(Duration::ZERO);
        if self.now.fast < first { first } else { self.silence_deadline() }
    }

    fn silence_after(&self, stagger: Duration) -> Tick {
        self.heard_at
            .after(self.config.fault())
            .after(stagger)
            .max(if cfg!(bully_mutant = "no-yield") { Tick(0) } else { self.yields_until })
    }

    fn stagger(&self) -> Duration {
        self.delta() * self.betters()
    }

    pub(super) fn election_due(&mut self) {
        let now = self.now.fast;
        match &self.role {
            Role::Following if now >= self.silence_deadline() => {
                self.lose_leader(Cause::Silence);
                self.collect(Cause::Silence, false);
            }
            Role::Electing { cause, phase: Phase::Wait { until } } if now >= *until => {
                let cause = *cause;
                self.collect(cause, false);
            }
            Role::Electing { phase: Phase::Collect(collect), .. } if now >= collect.until => {
                self.decide();
            }
            _ => {}
        }
    }

    fn lose_leader(&mut self, cause: Cause) {
        if let Some(claim) = self.claim.clone() {
            self.event(Event::LeaderLost { claim, cause });
        }
    }

    /// A3 without F, after k·δ.
    pub(super) fn start_election(&mut self, cause: Cause) {
        let is_proved = cause == Cause::Crash;
        let at_once = is_proved && cfg!(bully_mutant = "proof-without-stagger");
        let stagger = if at_once { Duration::ZERO } else { self.stagger() };
        self.elect_after(cause, stagger);
        if stagger.is_zero() {
            self.collect(cause, false);
        }
        self.probes_dirty = true;
    }

    fn elect_after(&mut self, cause: Cause, pause: Duration) {
        let until = self.now.fast.after(pause);
        self.role = Role::Electing { cause, phase: Phase::Wait { until } };
    }

    /// Asks every neighbour; the old leader too, since silence proves nothing, unless it is
    /// proved dead.
    fn collect(&mut self, cause: Cause, unproved: bool) {
        let asked: BTreeSet<Address> = self.ask_all();
        let until = self.now.fast.after(self.delta());
        let collect = Collect { until, pending: asked, reports: BTreeMap::new(), unproved };
        self.role = Role::Electing { cause, phase: Phase::Collect(collect) };
        self.decide_if_complete();
    }

    pub(super) fn ask_all(&mut self) -> BTreeSet<Address> {
        self.q += 1;
        self.query_sent = self.now.fast;
        let (q, report, need) = (self.q, self.report(), self.need);
        let asked: BTreeSet<Address> = self
            .remotes
            .values()
            .filter(|r| r.is_open() && !r.refused)
            .map(|r| r.member.id.clone())
            .collect();
        for id in &asked {
            let query = Query { q, report: report.clone(), need, watch: false };
            self.send_to(id, Message::Query(query));
        }
        asked
    }

    fn decide_if_complete(&mut self) {
        if let Role::Electing { phase: Phase::Collect(collect), .. } = &self.role
            && collect.pending.is_empty()
            && !collect.unproved
        {
            self.decide();
        }
    }

    /// The four outcomes of A3, in their order.
    fn decide(&mut self) {
        let Role::Electing { cause, phase: Phase::Collect(collect) } = &self.role else {
            return;
        };
        let (cause, collect) = (*cause, collect.clone());
        if collect.unproved {
            // Neither refused nor answered: back to F.
            self.role = Role::Following;
            return;
        }
        let live = self.live_reports(&collect);
        if self.follow_greatest(&live, cause) {
            return;
        }
        let smaller = live.iter().find(|(_, r)| r.claim < self.claim);
        if let Some((from, _)) = smaller.filter(|_| !cfg!(bully_mutant = "no-need")) {
            self.ask_to_surpass(&from.clone());
            let pause = self.config.fault() + self.delta() * 2;
            self.elect_after(cause, pause);
            return;
        }
        let better_answered = collect.reports.keys().any(|id| {
            self.remotes.get(id).is_some_and(|r| r.is_electable() && r.rank() > self.rank())
        });
        if better_answered {
            let pause = self.delta() * 2;
            self.elect_after(cause, pause);
        } else if self.me.priority == 0 {
            let pause = self.config.fault();
            self.elect_after(cause, pause);
        } else {
            self.lead(cause);
        }
    }

    /// The reports of live leaders other than this node, as of now, greatest claim first.
    fn live_reports(&self, collect: &Collect) -> Vec<(Address, Report)> {
        let mut live: Vec<(Address, Report)> = Vec::new();
        for (from, (report, at)) in &collect.reports {
            let age = report.age + self.now.fast.since(*at);
            let Some(claim) = &report.claim else { continue };
            let heard_at = self.now.fast.before(age);
            if report.live
                && age < self.config.fault()
                && claim.id != self.me.id
                && !self.was_dead(claim, heard_at)
            {
                live.push((from.clone(), Report { age, ..report.clone() }));
            }
        }
        live.sort_by(|(_, a), (_, b)| (&b.claim, b.seq).cmp(&(&a.claim, a.seq)));
        live
    }

    fn follow_greatest(&mut self, live: &[(Address, Report)], cause: Cause) -> bool {
        for (from, report) in live {
            let accepted =
                Offer::of_report(report).is_some_and(|offer| self.accept(&offer, from, cause));
            if accepted {
                self.follow_through(from);
                return true;
            }
        }
        false
    }

    /// A3(b): a live leader below this node's claim must raise its epoch before it can be
    /// followed.
    fn ask_to_surpass(&mut self, from: &Address) {
        let need = self.claim.as_ref().map_or(Epoch(0), |c| c.epoch);
        let query = Query { q: 0, report: self.report(), need, watch: true };
        self.send_to(from, Message::Query(query));
    }

    pub(super) fn on_query_ack(&mut self, from: &Address, link: LinkId, ack: QueryAck) {
        self.settle(link);
        self.note_report(from, &ack.report);
        let (now, q) = (self.now.fast, self.q);
        if ack.q == q {
            self.measured(from, now.since(self.query_sent));
        }
        match &mut self.role {
            Role::Electing { phase: Phase::Collect(collect), .. } if ack.q == q => {
                collect.pending.remove(from);
                collect.reports.insert(from.clone(), (ack.report, now));
                self.decide_if_complete();
            }
            Role::Leading(_) => {
                self.take_report(from, &ack.report);
                self.late_leader_heard(from);
            }
            _ => self.take_report(from, &ack.report),
        }
    }

    /// Follows what a report offers if A2 accepts it.
    pub(super) fn take_report(&mut self, from: &Address, report: &Report) {
        // The same claim through another neighbour is no reason to leave the way in use.
        let is_known = matches!(self.role, Role::Following) && report.claim == self.claim;
        if let (false, Some(offer)) = (is_known, Offer::of_report(report))
            && self.accept(&offer, from, Cause::GreaterClaim)
        {
            self.follow_through(from);
        }
    }

    pub(super) fn on_query(&mut self, from: &Address, link: LinkId, query: &Query) {
        self.note_report(from, &query.report);
        let answer = QueryAck { q: query.q, report: self.report() };
        self.send(link, Message::QueryAck(answer));
        if query.watch {
            self.watch(from);
        }
        if !query.report.live {
            self.help(from, query);
        }
    }

    /// What a Query of a leaderless node asks for beyond its answer.
    fn help(&mut self, from: &Address, query: &Query) {
        let asked = query.report.claim.as_ref().map_or(Epoch(0), |c| c.epoch).max(query.need);
        let mine = self.claim.as_ref().map_or(Epoch(0), |c| c.epoch);
        let must_surpass =
            query.report.claim > self.claim || (query.need >= mine && query.need > Epoch(0));
        if self.leads() {
            if must_surpass {
                self.raise_epoch();
            } else {
                self.beat_one(from);
            }
            return;
        }
        match &self.role {
            Role::Following if self.has_live_leader() && must_surpass => {
                self.need = self.need.max(asked);
            }
            // It is on its way to lead: to ask as well, just before its Coord comes, is waste.
            Role::Following if self.is_candidate(from) && self.is_outranked_by(from) => {
                self.yields_until = self.now.fast.after(self.delta() * 2);
            }
            Role::Electing { cause, phase } => {
                let cause = *cause;
                let is_better = !self.is_outranked_by(from);
                match phase {
                    Phase::Wait { .. } if is_better && self.me.priority > 0 => {
                        self.collect(cause, false);
                    }
                    _ if is_better || !self.is_candidate(from) => {}
                    Phase::Collect(collect) if collect.unproved => {}
                    _ => self.put_off(cause),
                }
            }
            _ => {}
        }
    }

    fn is_outranked_by(&self, id: &Address) -> bool {
        self.remotes.get(id).is_none_or(|r| self.rank() < r.rank())
    }

    fn is_candidate(&self, id: &Address) -> bool {
        self.remotes.get(id).is_some_and(crate::members::Remote::is_electable)
    }

    /// A better-ranked node is electing: its turn first.
    fn put_off(&mut self, cause: Cause) {
        let until = self.now.fast.after(self.delta() * 2);
        let until = match &self.role {
            Role::Electing { phase: Phase::Wait { until: have }, .. } => until.max(*have),
            _ => until,
        };
        self.role = Role::Electing { cause, phase: Phase::Wait { until } };
    }

    /// A3': the last connection to the leader closed. A dial to it is under way already.
    pub(super) fn leader_link_closed(&mut self) {
        if matches!(self.role, Role::Following) && self.betters() == 0 && self.me.priority > 0 {
            self.collect(Cause::Crash, true);
        }
    }

    /// The leader's process is proved dead, or it said that its reign is over.
    pub(super) fn leader_is_dead(&mut self, cause: Cause) {
        let Some(claim) = self.claim.clone() else {
            return;
        };
        self.dead = Some((claim, self.now.fast));
        match &mut self.role {
            Role::Electing { phase: Phase::Collect(collect), .. } if collect.unproved => {
                collect.unproved = false;
                self.lose_leader(cause);
                self.decide_if_complete();
            }
            Role::Following => {
                self.lose_leader(cause);
                self.start_election(cause);
            }
            _ => {}
        }
    }

    /// The dial neither proved nor disproved it, or the same process answered: back to F.
    pub(super) fn leader_is_not_proved_dead(&mut self) {
        if let Role::Electing { phase: Phase::Collect(collect), .. } = &self.role
            && collect.unproved
        {
            self.role = Role::Following;
        }
    }

    /// A neighbour is gone: nobody waits for its answer.
    pub(super) fn no_answer_from(&mut self, id: &Address) {
        if let Role::Electing { phase: Phase::Collect(collect), .. } = &mut self.role {
            collect.pending.remove(id);
            self.decide_if_complete();
        }
        self.late_leader_heard(id);
    }
}
