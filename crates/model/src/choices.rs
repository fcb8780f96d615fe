//! What may happen next.

use bully_core::quorum::Message;

use crate::budget::Fault;
use crate::scope::Scope;
use crate::state::{Packet, State, What};

/// Something that happens. All but the first are the adversary's.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// The next packet is handed over; where there is none, time passes until somebody is due.
    Go,
    /// The next packet is lost.
    Lose,
    /// The next packet is kept for any later moment.
    Hold,
    /// The next packet is handed over, and a copy is kept.
    Copy,
    /// This one of the queue is handed over first.
    Overtake(usize),
    /// This one of those that were kept is handed over.
    Late(usize),
    /// The write that is under way fails.
    Fail {
        /// It is on disk nevertheless.
        written: bool,
    },
    /// A process dies.
    Crash {
        /// Whose.
        host: usize,
        /// The write that was under way is on disk.
        written: bool,
    },
    /// A process starts.
    Start(usize),
    /// A guardian speaks for its dead node.
    Farewell(usize),
    /// A process stands still.
    Pause(usize),
    /// It goes on.
    Thaw(usize),
    /// Nothing reaches a host or leaves it.
    Isolate(usize),
    /// Nothing passes from one host to another.
    Cut(usize, usize),
    /// Everything passes again.
    Heal,
    /// A node is told to stop.
    Resign {
        /// Which.
        host: usize,
        /// It is to leave the cluster.
        leave: bool,
    },
    /// A leader is told to hand over.
    HandOver {
        /// Which.
        host: usize,
        /// To this host, or the best.
        to: Option<usize>,
    },
    /// A leader is told to remove a member.
    Remove {
        /// Which leader.
        host: usize,
        /// Which member.
        member: usize,
    },
    /// A node's priority is changed.
    Priority {
        /// Whose.
        host: usize,
        /// To this.
        to: u32,
    },
}

/// What time brings next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// This one of the timed packets.
    Timed(usize),
    /// A node's timeout.
    Timeout(usize),
    /// Nothing but that a paused process is by now late.
    Nothing,
}

impl State {
    /// When something comes with time, and what.
    pub(crate) fn next(&self) -> Option<(u64, Next)> {
        let timed = self.timed.iter().enumerate().map(|(n, (at, _))| (*at, Next::Timed(n)));
        let nodes = self.hosts.iter().enumerate().filter_map(|(n, host)| {
            let due = host.process.as_ref()?.due?;
            let at = host.moment(due).max(self.now);
            let is_late = host.is_paused && at <= self.now;
            let what = if host.is_paused { Next::Nothing } else { Next::Timeout(n) };
            (!is_late).then_some((at, what))
        });
        timed.chain(nodes).min_by_key(|(at, _)| *at)
    }
}

/// All that may happen in a state.
pub(crate) fn choices(scope: &Scope, s: &State) -> Vec<Action> {
    let mut out = Vec::new();
    if s.breach.is_some() {
        return out;
    }
    let head = s.head();
    if head.is_some() || s.next().is_some_and(|(at, _)| at <= s.ends) {
        out.push(Action::Go);
    }
    if let Some(head) = head {
        of_packet(scope, s, head, &mut out);
    }
    of_late(s, head, &mut out);
    for host in 0..s.hosts.len() {
        // Between two packets for others it makes no difference to this host when.
        if head.is_none_or(|n| s.queue[n].host == host) {
            of_process(scope, s, host, &mut out);
        }
        if head.is_none() {
            of_host(scope, s, host, &mut out);
            of_network(s, host, &mut out);
        }
    }
    if head.is_none() && !s.cuts.is_empty() {
        out.push(Action::Heal);
    }
    out
}

fn of_packet(scope: &Scope, s: &State, head: usize, out: &mut Vec<Action>) {
    let packet = &s.queue[head];
    match &packet.what {
        What::Message { message, .. } => {
            let is_hello = matches!(
                **message,
                Message::Hello(_) | Message::HelloAck(_) | Message::HelloNack(_)
            );
            if !is_hello || scope.hello_faults {
                let faults = [
                    (Fault::Lose, Action::Lose),
                    (Fault::Hold, Action::Hold),
                    (Fault::Copy, Action::Copy),
                ];
                out.extend(faults.into_iter().filter(|(f, _)| s.left.allows(*f)).map(|(_, a)| a));
            }
        }
        // The other end does not learn of it yet.
        What::LinkDown { .. } if s.left.allows(Fault::Hold) => out.push(Action::Hold),
        What::Synced => {
            if s.left.allows(Fault::SlowDisk) {
                out.push(Action::Hold);
            }
            if s.left.allows(Fault::Disk) {
                out.extend([false, true].map(|written| Action::Fail { written }));
            }
        }
        What::Revoked { .. } if s.left.allows(Fault::SlowApp) => out.push(Action::Hold),
        _ => {}
    }
    if s.left.allows(Fault::Overtake) || scope.any_order {
        let of_same = |p: &Packet| p.host == packet.host && p.what != packet.what;
        let later = s.queue.iter().enumerate().skip(head + 1);
        let later = later.filter(|(_, p)| of_same(p) && matches!(p.what, What::Message { .. }));
        out.extend(later.map(|(n, _)| Action::Overtake(n)));
    }
}

fn of_late(s: &State, head: Option<usize>, out: &mut Vec<Action>) {
    for (n, packet) in s.late.iter().enumerate() {
        let is_twin = s.late[..n].contains(packet);
        let is_time = head.is_none_or(|h| s.queue[h].host == packet.host);
        if !is_twin && is_time && !s.hosts[packet.host].is_paused {
            out.push(Action::Late(n));
        }
    }
}

fn of_process(scope: &Scope, s: &State, host: usize, out: &mut Vec<Action>) {
    let h = &s.hosts[host];
    if h.process.is_none() {
        return;
    }
    if s.left.allows(Fault::Crash) && scope.mortal.contains(&host) {
        out.push(Action::Crash { host, written: false });
        if h.writing.is_some() {
            out.push(Action::Crash { host, written: true });
        }
    }
    if s.left.allows(Fault::Pause) && !h.is_paused {
        out.push(Action::Pause(host));
    }
}

fn of_host(scope: &Scope, s: &State, host: usize, out: &mut Vec<Action>) {
    let h = &s.hosts[host];
    if h.process.is_none() {
        if s.left.allows(Fault::Farewell) && h.pact.is_some() {
            out.push(Action::Farewell(host));
        }
        if s.left.allows(Fault::Start) {
            out.push(Action::Start(host));
        }
        return;
    }
    if h.is_paused {
        out.push(Action::Thaw(host));
        return;
    }
    for (fault, leave) in [(Fault::Resign, false), (Fault::Leave, true)] {
        if s.left.allows(fault) {
            out.push(Action::Resign { host, leave });
        }
    }
    if s.left.allows(Fault::Priority) {
        let own = scope.hosts[host].priority;
        let others = scope.priorities.iter().filter(|to| **to != own);
        out.extend(others.map(|to| Action::Priority { host, to: *to }));
    }
    if h.leads.is_none() {
        return;
    }
    let others = || (0..s.hosts.len()).filter(move |n| *n != host);
    if s.left.allows(Fault::HandOver) {
        out.push(Action::HandOver { host, to: None });
        // The only other one is the best.
        let to = others().filter(|_| s.hosts.len() > 2);
        out.extend(to.map(|to| Action::HandOver { host, to: Some(to) }));
    }
    if s.left.allows(Fault::Remove) {
        let members = others().filter(|n| scope.removable.contains(n));
        out.extend(members.map(|member| Action::Remove { host, member }));
    }
}

fn of_network(s: &State, host: usize, out: &mut Vec<Action>) {
    if !s.cuts.is_empty() {
        return;
    }
    if s.left.allows(Fault::Isolate) {
        out.push(Action::Isolate(host));
    }
    if s.left.allows(Fault::Cut) {
        let others = (0..s.hosts.len()).filter(|n| *n != host);
        out.extend(others.map(|to| Action::Cut(host, to)));
    }
}
