//! The life of a node among peers that say anything: each decision is taken from the bytes, within the
//! contract that a driver keeps. What must hold is checked after every input.

use std::collections::{BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use bully_core::{Address, Config, DialError, Epoch, LinkId, Mode, NUMBER_MAX, Now, Tick};

use super::assert_one_line;
use super::bytes::{Bytes, WALL_MS};
use crate::journal::{Journal, Listed};
use crate::link::LinkEvent;
use crate::node::{Change, Duty, Input, Node, Output};
use crate::view::Leadership;
use crate::wire::{Message, Packet, fuzz};

/// What peers may do; the bytes of seeds are made of these.
pub(super) mod act {
    pub(crate) const WAIT: u8 = 0;
    pub(crate) const TIMEOUT: u8 = 1;
    pub(crate) const ACCEPT: u8 = 2;
    pub(crate) const ACCEPT_WIRE: u8 = 3;
    pub(crate) const DIAL_ANSWERED: u8 = 4;
    pub(crate) const DIAL_FAILED: u8 = 5;
    pub(crate) const MESSAGE: u8 = 6;
    pub(crate) const MESSAGE_WIRE: u8 = 7;
    pub(crate) const ANSWER: u8 = 8;
    pub(crate) const REFLECT: u8 = 9;
    pub(crate) const LINK_DOWN: u8 = 10;
    pub(crate) const WRITTEN: u8 = 11;
    pub(crate) const NOT_WRITTEN: u8 = 12;
    pub(crate) const STOPPED: u8 = 13;
    pub(crate) const CHANGE: u8 = 14;
    pub(crate) const LEAVE: u8 = 15;
    pub(crate) const COUNT: u8 = 16;
}

/// More would only make a run slow.
const ACTS_MAX: usize = 400;
/// What one input may cause: each of the members that there can be is told a few things.
const OUTPUTS_MAX: usize = 8 * Config::MEMBERS_MAX;
/// Of addresses that nobody spoke from, at most so many are dialled at a time.
const STRANGERS_MAX: usize = 16;
/// Members besides: who speaks for itself is let in where others are only told of.
const LISTED_MAX: usize = 8;

/// The words that peers make up, in a mode.
pub(super) struct Peers {
    pub(super) mode: Mode,
    /// A Hello.
    pub(super) hello: fn(&mut Bytes<'_>) -> Message,
    /// Any message.
    pub(super) message: fn(&mut Bytes<'_>) -> Message,
    /// An answer to what the node has sent.
    pub(super) answer: fn(&mut Bytes<'_>, &Message) -> Option<Message>,
    /// The most that the node may hold of its mode's great number, given what it may hold and the
    /// wall clock in milliseconds, after another input.
    pub(super) leap: fn(u64, u64) -> u64,
}

struct Life<'d> {
    bytes: Bytes<'d>,
    peers: &'d Peers,
    node: Node,
    me: Address,
    journal: Journal,
    now: Now,
    /// Open connections; a number is never used twice.
    links: BTreeSet<LinkId>,
    next_link: u64,
    dials: VecDeque<Address>,
    writes: VecDeque<bully_core::PersistId>,
    /// Ends of reigns that the application has not answered.
    revokes: usize,
    /// The last of what was sent.
    sent: VecDeque<(LinkId, Message)>,
    /// Where it was told to dial, and who ever spoke for itself.
    known: BTreeSet<Address>,
    /// The greatest epoch or term that it may hold.
    most: u64,
    /// That of the last reign.
    token: u64,
    is_ended: bool,
}

/// Lives a node's life until the bytes end.
pub(super) fn live(node: Node, known: &[Address], most: u64, bytes: Bytes<'_>, peers: &Peers) {
    let me = known[0].clone();
    let listed = known.iter().map(|place| (place.clone(), BTreeSet::new())).collect();
    let mut life = Life {
        journal: Journal::new(
            me.clone(),
            "bully".to_owned(),
            Listed::new(listed),
            SystemTime::UNIX_EPOCH,
        ),
        me,
        bytes,
        peers,
        node,
        now: Now { fast: Tick(1_000_003), slow: Tick(1_000_003), wall_ms: WALL_MS },
        links: BTreeSet::new(),
        next_link: 0,
        dials: VecDeque::new(),
        writes: VecDeque::new(),
        revokes: 0,
        sent: VecDeque::new(),
        known: known.iter().cloned().collect(),
        most,
        token: 0,
        is_ended: false,
    };
    life.tell(Input::Start);
    for _ in 0..ACTS_MAX {
        if life.bytes.is_empty() || life.is_ended {
            break;
        }
        life.act();
    }
    life.settle();
}

impl Life<'_> {
    fn act(&mut self) {
        match self.bytes.byte() % act::COUNT {
            act::WAIT => {
                let ms = [0, 1, 25, 100, 400, 1_000, 10_000, 3_600_000][self.bytes.below(8)];
                self.pass(Duration::from_millis(ms));
                self.tell(Input::Timeout);
            }
            act::TIMEOUT => {
                if let Some(pause) = self.node.poll_timeout(self.now) {
                    self.pass(pause);
                }
                self.tell(Input::Timeout);
            }
            act::ACCEPT => {
                let hello = (self.peers.hello)(&mut self.bytes);
                self.accept(hello);
            }
            act::ACCEPT_WIRE => {
                let read = fuzz::message(self.bytes.frame(), self.peers.mode);
                if let Some(message) = read.filter(Message::is_first_word) {
                    self.accept(message);
                }
            }
            act::DIAL_ANSWERED => self.dialed(None),
            act::DIAL_FAILED => {
                let reason = match self.bytes.below(4) {
                    0 => DialError::Refused,
                    1 => DialError::TimedOut,
                    2 => DialError::Reset,
                    _ => DialError::NoRoute,
                };
                self.dialed(Some(reason));
            }
            act::MESSAGE => {
                let link = self.link();
                let message = (self.peers.message)(&mut self.bytes);
                self.hear(link, message);
            }
            act::MESSAGE_WIRE => {
                let link = self.link();
                if let Some(message) = fuzz::message(self.bytes.frame(), self.peers.mode) {
                    self.hear(link, message);
                }
            }
            act::ANSWER => self.answer(),
            act::REFLECT => {
                let at = self.bytes.below(self.sent.len());
                if let Some((link, message)) = self.sent.get(at).cloned() {
                    self.hear(Some(link), message);
                }
            }
            act::LINK_DOWN => {
                if let Some(link) = self.link() {
                    self.links.remove(&link);
                    self.tell(Input::Link(LinkEvent::Down { link }));
                }
            }
            other => self.act_of_host(other),
        }
    }

    /// What the node's own machine does.
    fn act_of_host(&mut self, act: u8) {
        match act {
            act::WRITTEN | act::NOT_WRITTEN => {
                let Some(id) = self.writes.pop_front() else { return };
                let is_written = act == act::WRITTEN;
                self.tell(if is_written { Input::Persisted(id) } else { Input::PersistFailed(id) });
            }
            act::STOPPED => {
                if self.revokes > 0 {
                    self.revokes -= 1;
                    self.tell(Input::Revoked);
                }
            }
            act::CHANGE => {
                let change = match self.bytes.below(4) {
                    0 => Change::StepDown,
                    1 => Change::Transfer(self.bytes.address()),
                    2 => Change::Priority(self.bytes.priority()),
                    _ => Change::Remove(self.bytes.address()),
                };
                self.tell(Input::Change(change.clone()));
                let _ = self.node.is_done(&change, &self.me, self.now);
            }
            _ => self.tell(Input::Leave),
        }
    }

    fn pass(&mut self, time: Duration) {
        self.now.fast = self.now.fast.after(time);
        self.now.slow = self.now.slow.after(time);
        let ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        self.now.wall_ms = self.now.wall_ms.saturating_add(ms);
    }

    /// One of the open connections.
    fn link(&mut self) -> Option<LinkId> {
        let at = self.bytes.below(self.links.len());
        self.links.iter().nth(at).copied()
    }

    fn open(&mut self) -> LinkId {
        let link = LinkId(self.next_link);
        self.next_link += 1;
        self.links.insert(link);
        link
    }

    fn accept(&mut self, first: Message) {
        let link = self.open();
        self.hear(Some(link), first);
    }

    fn dialed(&mut self, failed: Option<DialError>) {
        let Some(dialed) = self.dials.pop_front() else { return };
        let event = if let Some(reason) = failed {
            LinkEvent::DialFailed { dialed, reason }
        } else {
            let remote = SocketAddr::from(([10, 0, 0, 1], 8_117));
            self.known.insert(dialed.clone());
            LinkEvent::Up { link: self.open(), dialed, remote }
        };
        self.tell(Input::Link(event));
    }

    fn answer(&mut self) {
        let at = self.bytes.below(self.sent.len());
        let Some((link, message)) = self.sent.get(at).cloned() else { return };
        if let Some(answer) = (self.peers.answer)(&mut self.bytes, &message) {
            self.hear(Some(link), answer);
        }
    }

    fn hear(&mut self, link: Option<LinkId>, message: Message) {
        let Some(link) = link.filter(|link| self.links.contains(link)) else { return };
        // Peers' words come by the wire, and say no more than that lets pass.
        let packet = Packet::Message(message);
        let (Packet::Message(message), _) = fuzz::carried(&packet, self.peers.mode) else { return };
        self.known.extend(speaker(&message));
        let remote = SocketAddr::from(([10, 0, 0, 1], 40_000));
        self.tell(Input::Link(LinkEvent::Message { link, remote, message }));
    }

    fn tell(&mut self, input: Input) {
        self.most = (self.peers.leap)(self.most, self.now.wall_ms);
        self.node.handle(input, self.now);
        let mut outputs = 0;
        while let Some(output) = self.node.poll_output() {
            outputs += 1;
            assert!(outputs <= OUTPUTS_MAX, "one input causes outputs without end");
            self.perform(output);
        }
        self.check();
    }

    fn perform(&mut self, output: Output) {
        match output {
            Output::Persist { id, state } => {
                if let Some(state) = state {
                    assert!(self.writes.is_empty(), "two writes at a time");
                    crate::store::fuzz::assert_kept(&state);
                }
                self.writes.push_back(id);
            }
            Output::Send { to, message } => {
                fuzz::carried(&Packet::Message(message.clone()), self.peers.mode);
                // On a connection that is closed by now it goes nowhere, and has no answer.
                self.sent.push_front((to, message));
                self.sent.truncate(8);
            }
            Output::Dial { to, .. } => {
                assert!(!self.dials.contains(&to), "{to} is dialled twice");
                self.dials.push_back(to);
                let strangers = self.dials.iter().filter(|to| !self.known.contains(to)).count();
                assert!(strangers <= STRANGERS_MAX, "{strangers} strangers are dialled");
            }
            Output::Close { link } => {
                assert!(self.links.remove(&link), "{link:?} is closed twice");
            }
            Output::Event(event) => {
                self.journal.enter(&event, &self.node, SystemTime::UNIX_EPOCH);
                match event.duty() {
                    Some(Duty::Revoke { .. }) => self.revokes += 1,
                    Some(Duty::End) => self.is_ended = true,
                    _ => {}
                }
            }
        }
    }

    fn check(&mut self) {
        for notice in self.journal.take_notices() {
            assert_one_line(&notice);
        }
        let members = self.node.members(self.now);
        assert!(members.len() <= Config::MEMBERS_MAX + LISTED_MAX, "{} members", members.len());
        let shown = self.node.shown(self.now);
        for number in [shown.epoch, shown.token].into_iter().flatten() {
            assert!(number <= NUMBER_MAX && number <= self.most, "{number} of {}", self.most);
        }
        if let Leadership::Lease { token, .. } = self.node.leadership(self.now) {
            assert!(token.0 >= self.token && token.0 <= self.most, "{token:?}");
            self.token = token.0;
        }
    }

    /// Left alone it does not spin.
    fn settle(&mut self) {
        let mut turns = 0;
        while self.node.poll_timeout(self.now) == Some(Duration::ZERO) && !self.is_ended {
            self.tell(Input::Timeout);
            turns += 1;
            assert!(turns < 64, "it wants to be woken again and again");
        }
    }
}

/// The address that a message says is its sender's.
fn speaker(message: &Message) -> Option<Address> {
    use bully_core::{Message as Bully, quorum};
    match message {
        Message::Bully(Bully::Hello(hello) | Bully::HelloAck(hello)) => {
            Some(hello.member.id.clone())
        }
        Message::Quorum(quorum::Message::Hello(hello) | quorum::Message::HelloAck(hello)) => {
            Some(hello.member.id.clone())
        }
        _ => None,
    }
}

/// The bound of bully mode's epochs after another input.
pub(super) fn leap_of_epochs(most: u64, wall_ms: u64) -> u64 {
    (most.max(Epoch::WALL_MAX).max(wall_ms) + Epoch::LEAP_MAX).min(NUMBER_MAX)
}
