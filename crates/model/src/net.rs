//! Connections between processes: what is sent, dialled and closed.

use std::sync::Arc;
use std::time::Duration;

use bully_core::quorum::Message;
use bully_core::{Address, DialError, LinkId};

use crate::seen::Seen;
use crate::state::{Conn, End, Packet, What, address};
use crate::turn::Turn;
use crate::words;

impl Turn<'_> {
    /// The kernel closes what the process had open. Its application goes on.
    pub(crate) fn end_process(&mut self, host: usize) {
        let h = &mut self.s.hosts[host];
        (h.process, h.writing, h.told, h.is_paused) = (None, None, None, false);
        if let Some(term) = h.leads.take() {
            Arc::make_mut(&mut self.s.past).ended.push(term);
        }
        if !self.s.hosts[host].claims.is_empty() {
            self.s.seen.add(Seen::Orphan);
        }
        self.s.queue.retain(|p| p.host != host);
        self.s.timed.retain(|(_, p)| p.host != host);
        for conn in 0..self.s.conns.len() {
            for side in [0, 1] {
                let end = &self.s.conns[conn].ends[side];
                if end.host == host && end.is_open {
                    self.close(conn, side);
                }
            }
        }
    }

    pub(crate) fn close(&mut self, conn: usize, side: usize) {
        let ends = &mut self.s.conns[conn].ends;
        ends[side].is_open = false;
        let (from, other) = (ends[side].host, ends[1 - side].clone());
        if other.is_open && !self.s.is_cut(from, other.host) {
            self.queue(other.host, What::LinkDown { link: other.link });
        }
    }

    /// The kernels repeat that a connection is closed until the other end has read it.
    pub(crate) fn heal(&mut self) {
        let cuts = std::mem::take(&mut self.s.cuts);
        for conn in self.s.conns.clone() {
            let [a, b] = conn.ends;
            for (closed, open) in [(&a, &b), (&b, &a)] {
                let is_half = !closed.is_open && open.is_open;
                let what = What::LinkDown { link: open.link };
                let is_known = |p: &Packet| p.host == open.host && p.what == what;
                let is_under_way = self.s.queue.iter().chain(&self.s.late).any(is_known);
                if is_half && !is_under_way && cuts.contains(&(closed.host, open.host)) {
                    self.queue(open.host, what);
                }
            }
        }
    }

    pub(crate) fn queue(&mut self, host: usize, what: What) {
        let run = self.s.hosts[host].run;
        self.s.queue.push(Packet { host, run, what });
    }

    /// Q13: the application is dead first, then its guardian speaks.
    pub(crate) fn farewell(&mut self, host: usize) {
        let Some(pact) = self.s.hosts[host].pact.take() else { return };
        self.s.hosts[host].claims.clear();
        self.s.seen.add(Seen::Farewell);
        self.note_release(pact.inst, pact.term.0);
        for member in &pact.members {
            let Some(to) = self.reachable(host, member) else { continue };
            let link = self.new_link(to);
            let ends = [(host, LinkId(u64::MAX), false), (to, link, true)];
            let ends = ends.map(|(host, link, is_open)| End { host, link, is_open });
            self.s.conns.push(Conn { ends });
            let message = Arc::new(pact.farewell());
            self.queue(to, What::Message { from: host, link, message });
        }
    }

    pub(crate) fn send(&mut self, host: usize, link: LinkId, message: Message) {
        self.judge_message(host, &message);
        let Some((conn, side)) = self.s.end(host, link) else { return };
        let other = self.s.conns[conn].ends[1 - side].clone();
        if !other.is_open || self.s.is_cut(host, other.host) {
            self.say(|_| words::unsent(host, other.host, &message));
            return;
        }
        let message = Arc::new(message);
        self.queue(other.host, What::Message { from: host, link: other.link, message });
    }

    fn new_link(&mut self, host: usize) -> LinkId {
        self.s.hosts[host].links += 1;
        LinkId(self.s.hosts[host].links)
    }

    /// The host of an address, where a process there can be reached from a host.
    fn reachable(&self, from: usize, to: &Address) -> Option<usize> {
        let to = (0..self.s.hosts.len()).find(|n| address(*n) == *to)?;
        let is_there = self.s.hosts[to].process.is_some();
        (is_there && !self.s.is_cut(from, to) && !self.s.is_cut(to, from)).then_some(to)
    }

    pub(crate) fn dial(&mut self, host: usize, dialed: Address, timeout: Duration) {
        if let Some(to) = self.reachable(host, &dialed) {
            let (mine, other) = (self.new_link(host), self.new_link(to));
            let ends = [(host, mine), (to, other)];
            let ends = ends.map(|(host, link)| End { host, link, is_open: true });
            self.s.conns.push(Conn { ends });
            return self.queue(host, What::LinkUp { link: mine, dialed });
        }
        let is_there = |n: &usize| address(*n) == dialed && self.s.hosts[*n].process.is_some();
        if (0..self.s.hosts.len()).any(|n| is_there(&n)) {
            let reason = DialError::TimedOut;
            let run = self.s.hosts[host].run;
            let packet = Packet { host, run, what: What::DialFailed { dialed, reason } };
            let pause = u64::try_from(timeout.as_nanos()).unwrap_or(u64::MAX / 4);
            self.s.timed.push((self.s.now + pause, packet));
        } else {
            self.queue(host, What::DialFailed { dialed, reason: DialError::Refused });
        }
    }
}
