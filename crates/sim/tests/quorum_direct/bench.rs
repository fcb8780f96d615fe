//! One node on a bench.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bully_core::quorum::{
    Bonds, Config, Hb, Hello, Input, Message, Node, Output, Roster, Stored, Vote,
};
use bully_core::{Inst, LinkId, Now, PersistId, Tick};

pub(crate) use crate::effect::{Effect, brief, events, sent, writes};
pub(crate) use crate::words::{
    BOOT, BOOT_OF_PEERS, CLUSTER, DELTA, H, LEASE, ME, NANO, USABLE, WALL_MS, ack, address, config,
    granted, hb, hello, member, ms, roster, stored, version,
};

/// A node and all that is around it. Its peers answer every Hello, and show that they live whenever
/// time passes; whatever else they say is the test's to say.
pub(crate) struct Bench {
    pub(crate) node: Node,
    pub(crate) now: Now,
    /// The disk answers at once; else by [`Bench::sync`] and [`Bench::fail`].
    pub(crate) syncs: bool,
    pub(crate) disk: Option<Stored>,
    writing: Option<(PersistId, Stored)>,
    /// What each peer says of itself.
    pub(crate) peers: BTreeMap<u128, Hello>,
    /// Peers of which nothing is heard.
    pub(crate) silent: BTreeSet<u128>,
    links: BTreeMap<LinkId, u128>,
    links_made: u64,
    last: BTreeMap<&'static str, Message>,
}

impl Bench {
    /// A node that has been started.
    pub(crate) fn started(config: Config, stored: Option<Stored>) -> Self {
        let mut bench = Self::unstarted(config, stored);
        bench.hand(Input::Start);
        bench
    }

    pub(crate) fn unstarted(config: Config, stored: Option<Stored>) -> Self {
        let start = Tick(1_000_000_000);
        Self {
            node: Node::new(config, stored.clone(), 42).expect("a sound configuration"),
            now: Now { fast: start, slow: start, wall_ms: WALL_MS },
            syncs: true,
            disk: stored,
            writing: None,
            peers: BTreeMap::new(),
            silent: BTreeSet::new(),
            links: BTreeMap::new(),
            links_made: 0,
            last: BTreeMap::new(),
        }
    }

    /// The member 1 of a cluster, just started: muted, and connected to all others. The priorities
    /// are those of 1, 2, ….
    pub(crate) fn muted(priorities: &[u32]) -> Self {
        Self::muted_with(config(priorities[0]), priorities)
    }

    pub(crate) fn muted_with(config: Config, priorities: &[u32]) -> Self {
        let members = (1..).zip(priorities).map(|(n, p)| member(n, *p)).collect();
        let roster = Roster { version: version(10, 1), members, removed: Vec::new() };
        let mut bench = Self::started(config, Some(stored(Arc::new(roster))));
        for (n, priority) in (1..).zip(priorities).skip(1) {
            bench.meet(n, *priority);
        }
        bench
    }

    /// The same once its mute is over; nobody leads.
    pub(crate) fn free(priorities: &[u32]) -> Self {
        Self::free_with(config(priorities[0]), priorities)
    }

    pub(crate) fn free_with(config: Config, priorities: &[u32]) -> Self {
        let mut bench = Self::muted_with(config, priorities);
        bench.wait(LEASE);
        bench
    }

    /// A member of three that votes and never stands.
    pub(crate) fn voter() -> Self {
        Self::free(&[0, 100, 100])
    }

    /// Follows 2 in term 11.
    pub(crate) fn follower() -> Self {
        let mut bench = Self::free(&[100, 100, 100]);
        bench.say(2, hb(11, &[1, 2, 3]));
        bench
    }

    /// Stands in term 11; nobody has voted.
    pub(crate) fn candidate(size: usize) -> Self {
        let mut bench = Self::free(&vec![100; size]);
        bench.stands();
        bench
    }

    /// Leads in term 11, with the roster committed.
    pub(crate) fn leader(size: usize) -> Self {
        Self::leader_with(config(100), &vec![100; size])
    }

    pub(crate) fn leader_with(config: Config, priorities: &[u32]) -> Self {
        let mut bench = Self::free_with(config, priorities);
        bench.is_elected();
        bench.all_ack();
        assert!(bench.bonds().committed);
        bench
    }

    /// It asks, is granted, and stands.
    pub(crate) fn stands(&mut self) -> Vec<Effect> {
        self.wait_for("PreVote");
        let mut effects = Vec::new();
        for n in self.others() {
            effects.extend(self.grants(n));
        }
        effects
    }

    /// It stands and wins.
    pub(crate) fn is_elected(&mut self) -> Vec<Effect> {
        let mut effects = self.stands();
        for n in self.others() {
            effects.extend(self.votes(n));
        }
        assert!(self.leads());
        effects
    }

    /// The others that are connected.
    fn others(&self) -> Vec<u128> {
        let all: BTreeSet<u128> = self.links.values().copied().collect();
        all.into_iter().filter(|n| !self.silent.contains(n)).collect()
    }

    // Inputs.

    /// One input, whatever it makes the disk and the peers answer at once, and all effects.
    pub(crate) fn hand(&mut self, input: Input) -> Vec<Effect> {
        let mut inputs = VecDeque::from([input]);
        let mut effects = Vec::new();
        while let Some(input) = inputs.pop_front() {
            self.node.handle(input, self.now);
            while let Some(output) = self.node.poll_output() {
                let (effect, answer) = self.perform(output);
                effects.push(effect);
                inputs.extend(answer);
            }
        }
        effects
    }

    fn perform(&mut self, output: Output) -> (Effect, Option<Input>) {
        match output {
            Output::Persist { id, state } => {
                assert!(self.writing.is_none(), "one write at a time");
                if self.syncs {
                    self.disk = Some(state.clone());
                    return (Effect::Write(state), Some(Input::Persisted { id }));
                }
                self.writing = Some((id, state.clone()));
                (Effect::Write(state), None)
            }
            Output::Send { to, message } => {
                let who = self.links[&to];
                let answer = match &message {
                    Message::Hello(hello) if !self.silent.contains(&who) => {
                        let nonce = hello.nonce;
                        let known = self.peers.get(&who).cloned();
                        known.map(|own| Message::HelloAck(Hello { nonce, ..own }))
                    }
                    _ => None,
                };
                self.last.insert(message.name(), message.clone());
                let answer = answer.map(|message| Input::Message { from: to, message });
                (Effect::Send(who, message), answer)
            }
            Output::Close { link } => {
                (Effect::Close(self.links.remove(&link).unwrap_or_default()), None)
            }
            Output::Dial { to, .. } => (Effect::Dial(to), None),
            Output::Announce(pact) => (Effect::Announce(pact), None),
            Output::Event(event) => (Effect::Event(event), None),
            other => panic!("unexpected: {other:?}"),
        }
    }

    /// The write that is under way is on disk.
    pub(crate) fn sync(&mut self) -> Vec<Effect> {
        let (id, state) = self.writing.take().expect("a write is under way");
        self.disk = Some(state);
        self.hand(Input::Persisted { id })
    }

    /// It has failed.
    pub(crate) fn fail(&mut self) -> Vec<Effect> {
        let (id, _) = self.writing.take().expect("a write is under way");
        self.hand(Input::PersistFailed { id })
    }

    /// A peer opens a connection and says what it is.
    pub(crate) fn meet(&mut self, who: u128, priority: u32) -> Vec<Effect> {
        let roster = self.node.record().roster.clone();
        self.peers.insert(who, hello(who, priority, roster));
        self.connect(who)
    }

    /// A connection from a peer that is known here.
    pub(crate) fn connect(&mut self, who: u128) -> Vec<Effect> {
        let from = self.link(who);
        let message = Message::Hello(self.peers[&who].clone());
        self.hand(Input::Message { from, message })
    }

    /// The node's dial of this peer's address succeeds.
    pub(crate) fn is_dialed(&mut self, who: u128) -> Vec<Effect> {
        let link = self.link(who);
        self.hand(Input::LinkUp { link, dialed: address(who) })
    }

    /// A new connection, as yet without a word.
    pub(crate) fn link(&mut self, who: u128) -> LinkId {
        self.links_made += 1;
        self.links.insert(LinkId(self.links_made), who);
        LinkId(self.links_made)
    }

    pub(crate) fn link_of(&self, who: u128) -> LinkId {
        let last = self.links.iter().rev().find(|(_, n)| **n == who);
        *last.expect("connected").0
    }

    pub(crate) fn say(&mut self, who: u128, message: Message) -> Vec<Effect> {
        let from = self.link_of(who);
        self.hand(Input::Message { from, message })
    }

    /// The peer says once more what it is.
    pub(crate) fn say_hello(&mut self, who: u128) -> Vec<Effect> {
        let hello = self.peers[&who].clone();
        self.say(who, Message::Hello(hello))
    }

    /// The last message of this name that it sent.
    pub(crate) fn last(&self, name: &str) -> &Message {
        self.last.get(name).unwrap_or_else(|| panic!("no {name} was sent"))
    }

    pub(crate) fn last_hb(&self) -> Hb {
        match self.last("Hb") {
            Message::Hb(hb) => hb.clone(),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn grants(&mut self, who: u128) -> Vec<Effect> {
        let Message::PreVote(ask) = self.last("PreVote").clone() else { panic!() };
        self.say(who, granted(ask.nonce))
    }

    /// The vote that answers the last request.
    pub(crate) fn vote(&self) -> Vote {
        let Message::VoteReq(req) = self.last("VoteReq").clone() else { panic!() };
        let (term, stamp) = (req.term, req.stamp);
        Vote { term, candidate: Inst(ME), stamp, boot: BOOT, lease: LEASE }
    }

    pub(crate) fn votes(&mut self, who: u128) -> Vec<Effect> {
        let vote = self.vote();
        self.say(who, Message::Vote(vote))
    }

    pub(crate) fn acks(&mut self, who: u128) -> Vec<Effect> {
        let ack = ack(&self.last_hb());
        self.say(who, Message::HbAck(ack))
    }

    pub(crate) fn all_ack(&mut self) {
        for n in self.others() {
            self.acks(n);
        }
    }

    /// So long a time in which every heartbeat is acknowledged by these.
    pub(crate) fn rule(&mut self, time: Duration, by: &[u128]) -> Vec<Effect> {
        let end = self.now.fast.after(time);
        let mut effects = Vec::new();
        while self.now.fast < end {
            let pause = H.min(end.since(self.now.fast));
            effects.extend(self.wait(pause));
            for who in by {
                effects.extend(self.acks(*who));
            }
        }
        effects
    }

    // Time.

    /// Time passes, the node is not served.
    pub(crate) fn pass(&mut self, time: Duration) {
        self.pass_unlike(time, time);
    }

    /// Its clocks disagree.
    pub(crate) fn pass_unlike(&mut self, fast: Duration, slow: Duration) {
        let leap = self.now.wall_ms - self.now.fast.0 / 1_000_000;
        self.now.fast = self.now.fast.after(fast);
        self.now.slow = self.now.slow.after(slow);
        self.now.wall_ms = leap + self.now.fast.0 / 1_000_000;
    }

    /// Time passes, and the node gets each timeout that it asks for.
    pub(crate) fn wait(&mut self, time: Duration) -> Vec<Effect> {
        let end = self.now.fast.after(time);
        let mut effects = Vec::new();
        for _ in 0..10_000 {
            let pause = self.node.poll_timeout(self.now);
            let Some(pause) = pause.filter(|p| self.now.fast.after(*p) <= end) else {
                self.pass(end.since(self.now.fast));
                return effects;
            };
            self.pass(pause);
            effects.extend(self.wake());
        }
        panic!("it asks for timeouts without end");
    }

    /// Time passes until it has sent a message of this name.
    pub(crate) fn wait_for(&mut self, name: &str) -> Vec<Effect> {
        let mut effects = Vec::new();
        for _ in 0..100 {
            let pause = self.node.poll_timeout(self.now).expect("it waits for something");
            self.pass(pause);
            effects.extend(self.wake());
            if !sent(&effects, name).is_empty() {
                return effects;
            }
        }
        panic!("no {name} was sent");
    }

    /// A timeout, before which whatever lives was heard.
    fn wake(&mut self) -> Vec<Effect> {
        let mut effects = Vec::new();
        for who in self.others() {
            // An answer to no question: nothing but a sign of life.
            if let Some(own) = self.peers.get(&who).cloned() {
                effects.extend(self.say(who, Message::HelloAck(Hello { nonce: u64::MAX, ..own })));
            }
        }
        effects.extend(self.hand(Input::Timeout));
        effects
    }

    // What it shows.

    pub(crate) fn leads(&self) -> bool {
        self.node.leadership(self.now).is_leader()
    }

    pub(crate) fn bonds(&self) -> Bonds {
        self.node.bonds(self.now)
    }

    /// To whom it is promised, and in which term.
    pub(crate) fn promise(&self) -> Option<(u128, u64)> {
        self.bonds().promise.map(|(holder, term, _)| (holder.0, term.0))
    }

    pub(crate) fn term(&self) -> u64 {
        self.node.record().term.0
    }

    /// Who votes, by its record.
    pub(crate) fn members(&self) -> Vec<u128> {
        self.node.record().roster.members.iter().map(|m| m.inst.0).collect()
    }

    /// How long it still leads unless the lease is renewed.
    pub(crate) fn remaining(&self) -> Option<Duration> {
        self.bonds().reign.map(|(_, rest)| rest)
    }
}
