//! Connections that behave like TCP's, and what may happen to what is sent on them.

use bully_core::quorum::{ClusterId, Input, Message};
use bully_core::{Address, DialError, Inst, LinkId};

use super::cover::Seen;
use super::host::Queued;
use super::queue::Due;
use super::world::World;
use crate::net::{Conn, End, EndState};

/// The run of a guardian's end of a connection: it is no run of the node.
const GUARDIAN: u64 = u64::MAX;

/// Who sent a message, known to the world and not to the nodes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin {
    pub(crate) host: usize,
    pub(crate) inst: Inst,
    pub(crate) cluster: Option<ClusterId>,
}

/// What travels on a connection.
#[allow(clippy::large_enum_variant, reason = "most are of the large kind")]
#[derive(Clone, Debug)]
pub(crate) enum Packet {
    Syn,
    SynAck,
    Refusal,
    /// Closed before a word.
    Reset,
    Data(Message, Origin),
    Fin,
}

/// A message that is about to be put on its way.
#[derive(Clone, Copy, Debug)]
pub struct Letter<'a> {
    /// In virtual nanoseconds.
    pub at: u64,
    /// From which host.
    pub from: usize,
    /// To which.
    pub to: usize,
    /// What it says.
    pub message: &'a Message,
}

/// What becomes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// What the network does anyway.
    Pass,
    /// It is lost.
    Drop,
    /// It arrives so many nanoseconds later, and later ones may overtake it.
    Delay(u64),
    /// It arrives in time, and once more so many nanoseconds later.
    Repeat(u64),
}

/// How a message travels.
#[derive(Clone, Copy, Debug)]
enum Pace {
    /// In its place.
    InOrder,
    /// So much later, and others overtake it.
    Later(u64),
}

impl World {
    pub(crate) fn send(&mut self, host: usize, run: u64, link: LinkId, message: Message) {
        self.note_sent(host, run, link, &message);
        let Some(process) = self.process(host, run) else {
            return;
        };
        let record = process.node.record();
        let origin = Origin { host, inst: record.inst, cluster: record.cluster };
        let Some(&(conn, side)) = process.links.get(&link) else {
            return;
        };
        if self.conns[conn].ends[side].state == EndState::Open {
            self.post(conn, 1 - side, message, origin);
        }
    }

    /// Puts a message on its way, as the filter and the weather will have it.
    fn post(&mut self, conn: usize, to: usize, message: Message, origin: Origin) {
        let hosts = [0, 1].map(|s| self.conns[conn].ends[s].host);
        let fate = self.filter.as_mut().map_or(Fate::Pass, |filter| {
            let (from, to) = (hosts[1 - to], hosts[to]);
            filter(&Letter { at: self.now, from, to, message: &message })
        });
        match fate {
            Fate::Drop => return self.cover.saw(Seen::MessageLost),
            Fate::Delay(by) => {
                return self.transmit(conn, to, Packet::Data(message, origin), Pace::Later(by));
            }
            Fate::Repeat(by) => {
                let again = Packet::Data(message.clone(), origin);
                self.transmit(conn, to, again, Pace::Later(by));
            }
            Fate::Pass => {}
        }
        if self.net.loss > 0 && self.rng.chance(self.net.loss) {
            return self.cover.saw(Seen::MessageLost);
        }
        if self.net.duplication > 0 && self.rng.chance(self.net.duplication) {
            self.cover.saw(Seen::MessageRepeated);
            let by = if self.net.reorder { self.rng.below(self.net.hop_max() * 20 + 1) } else { 0 };
            let again = Packet::Data(message.clone(), origin);
            self.transmit(conn, to, again, Pace::Later(by));
        }
        let pace = if self.late.0 > 0 && self.rng.chance(self.late.0) {
            self.cover.saw(Seen::MessageLate);
            Pace::Later(self.rng.below(self.late.1 + 1))
        } else {
            Pace::InOrder
        };
        self.transmit(conn, to, Packet::Data(message, origin), pace);
    }

    /// Puts a packet on its way to an end of a connection.
    fn transmit(&mut self, conn: usize, to: usize, packet: Packet, pace: Pace) {
        let [a, b] = [1 - to, to].map(|s| self.conns[conn].ends[s].host);
        if self.net.is_cut(a, b) {
            if self.net.holds && matches!(packet, Packet::Data(..) | Packet::Fin) {
                self.cover.saw(Seen::MessageHeld);
                self.held.push((conn, to, packet));
            }
            return;
        }
        let mut at = self.now + self.net.hop(&mut self.rng, a, b);
        if matches!(packet, Packet::Refusal) && self.net.refusal_lag > 0 {
            at += self.rng.below(self.net.refusal_lag);
        }
        match pace {
            Pace::Later(by) => at += by,
            Pace::InOrder => {
                let end = &mut self.conns[conn].ends[to];
                at = at.max(end.last_arrival);
                end.last_arrival = at;
            }
        }
        self.schedule(at, Due::Arrive { conn, side: to, packet });
    }

    pub(crate) fn release_held(&mut self) {
        for (conn, to, packet) in std::mem::take(&mut self.held) {
            // What is still cut is held again.
            self.transmit(conn, to, packet, Pace::InOrder);
        }
    }

    pub(crate) fn transmit_fin(&mut self, conn: usize, to: usize) {
        self.transmit(conn, to, Packet::Fin, Pace::InOrder);
    }

    /// A message from nowhere, on a connection's way to an end of it.
    pub(crate) fn forge(&mut self, conn: usize, to: usize, message: Message, origin: Origin) {
        self.transmit(conn, to, Packet::Data(message, origin), Pace::InOrder);
    }

    fn open(&mut self, host: usize, run: u64, to: Address, timeout: u64) -> usize {
        let end = |host, run| End {
            host,
            run,
            link: LinkId(0),
            state: EndState::Opening,
            last_arrival: 0,
        };
        let conn = self.conns.len();
        let target = self.by_address.get(&to).copied();
        let ends = [end(host, run), end(target.unwrap_or(host), 0)];
        self.conns.push(Conn { dialed: to, ends });
        self.schedule(self.now + timeout, Due::DialTimeout { conn });
        // An address of nobody: the packets go nowhere.
        if target.is_some() {
            self.transmit(conn, 1, Packet::Syn, Pace::InOrder);
        }
        conn
    }

    pub(crate) fn dial(&mut self, host: usize, run: u64, to: Address, timeout: u64) {
        self.open(host, run, to, timeout);
    }

    /// A guardian opens a connection to say one thing.
    pub(crate) fn dial_farewell(&mut self, host: usize, to: Address, word: Message, from: Inst) {
        let conn = self.open(host, GUARDIAN, to, crate::SEC);
        let origin = Origin { host, inst: from, cluster: None };
        self.farewells.insert(conn, (word, origin));
    }

    pub(crate) fn fail_dial(&mut self, conn: usize, reason: DialError) {
        let entry = &mut self.conns[conn];
        if entry.ends[0].state != EndState::Opening {
            return;
        }
        entry.ends[0].state = EndState::Closed;
        let (host, run, dialed) = (entry.ends[0].host, entry.ends[0].run, entry.dialed.clone());
        match reason {
            DialError::Refused => self.cover.saw(Seen::DialRefused),
            DialError::TimedOut => self.cover.saw(Seen::DialTimedOut),
            _ => {}
        }
        self.farewells.remove(&conn);
        self.tell(host, run, Input::DialFailed { dialed, reason }, None);
    }

    /// The end's process is there, and the end is in that state.
    fn is_at(&self, conn: usize, side: usize, state: EndState) -> bool {
        let end = &self.conns[conn].ends[side];
        let run = self.hosts[end.host].process.as_ref().map(|p| p.run);
        end.state == state && (run == Some(end.run) || end.run == GUARDIAN)
    }

    pub(crate) fn arrive(&mut self, conn: usize, side: usize, packet: Packet) {
        let host = self.conns[conn].ends[side].host;
        if !self.hosts[host].power {
            return;
        }
        match packet {
            Packet::Syn => self.accept(conn, host),
            Packet::SynAck => self.connected(conn, host),
            Packet::Refusal => self.fail_dial(conn, DialError::Refused),
            Packet::Reset => self.fail_dial(conn, DialError::Reset),
            Packet::Data(message, origin) => {
                if self.is_at(conn, side, EndState::Open) {
                    let end = &self.conns[conn].ends[side];
                    let (run, from) = (end.run, end.link);
                    self.tell(host, run, Input::Message { from, message }, Some(origin));
                } else {
                    self.cover.saw(Seen::ResetByLaterRun);
                    self.transmit_fin(conn, 1 - side);
                }
            }
            Packet::Fin => {
                if side == 0 && self.conns[conn].ends[0].state == EndState::Opening {
                    self.fail_dial(conn, DialError::Reset);
                } else if self.is_at(conn, side, EndState::Open) {
                    let end = &mut self.conns[conn].ends[side];
                    end.state = EndState::Closed;
                    let (run, link) = (end.run, end.link);
                    self.tell(host, run, Input::LinkDown { link }, None);
                }
            }
        }
    }

    /// A SYN reaches a host.
    pub(crate) fn accept(&mut self, conn: usize, host: usize) {
        let Some(process) = self.hosts[host].process.as_mut() else {
            self.transmit(conn, 0, Packet::Refusal, Pace::InOrder);
            return;
        };
        if process.paused {
            process.inbox.push_back(Queued::Syn(conn));
            return;
        }
        process.next_link += 1;
        let link = LinkId(process.next_link);
        process.links.insert(link, (conn, 1));
        let end = &mut self.conns[conn].ends[1];
        (end.run, end.link, end.state) = (process.run, link, EndState::Open);
        self.transmit(conn, 0, Packet::SynAck, Pace::InOrder);
    }

    fn connected(&mut self, conn: usize, host: usize) {
        if !self.is_at(conn, 0, EndState::Opening) {
            self.transmit_fin(conn, 1);
            return;
        }
        if let Some((message, origin)) = self.farewells.remove(&conn) {
            self.conns[conn].ends[0].state = EndState::Closed;
            self.post(conn, 1, message, origin);
            self.transmit_fin(conn, 1);
            return;
        }
        let Some(process) = self.hosts[host].process.as_mut() else {
            return;
        };
        process.next_link += 1;
        let (link, run) = (LinkId(process.next_link), process.run);
        process.links.insert(link, (conn, 0));
        let entry = &mut self.conns[conn];
        (entry.ends[0].link, entry.ends[0].state) = (link, EndState::Open);
        let dialed = entry.dialed.clone();
        self.tell(host, run, Input::LinkUp { link, dialed }, None);
    }

    pub(crate) fn close(&mut self, host: usize, run: u64, link: LinkId) {
        let ends = self.process(host, run).and_then(|p| p.links.get(&link)).copied();
        if let Some((conn, side)) = ends {
            self.shut(conn, side);
        }
    }

    fn shut(&mut self, conn: usize, side: usize) {
        let end = &mut self.conns[conn].ends[side];
        if end.state == EndState::Open {
            end.state = EndState::Closed;
            self.transmit_fin(conn, 1 - side);
        }
    }

    /// What the kernel does with the connections of a process that is gone.
    pub(crate) fn close_all(&mut self, process: super::host::Process) {
        for queued in process.inbox {
            if let Queued::Syn(conn) = queued {
                self.transmit(conn, 0, Packet::Reset, Pace::InOrder);
            }
        }
        for (conn, side) in process.links.into_values() {
            self.shut(conn, side);
        }
    }

    pub(crate) fn connections(&self, a: usize, b: usize) -> Vec<usize> {
        let is_between = |ends: &[End; 2]| {
            let hosts = [ends[0].host, ends[1].host];
            hosts == [a, b] || hosts == [b, a]
        };
        let is_open = |ends: &[End; 2]| ends.iter().all(|e| e.state == EndState::Open);
        let conns = self.conns.iter().enumerate();
        conns.filter(|(_, c)| is_between(&c.ends) && is_open(&c.ends)).map(|(n, _)| n).collect()
    }
}
