//! One node on a bench.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bully_core::quorum::{
    Bonds, Boot, ClusterId, Config, Event, Hb, HbAck, Hello, Input, Member, Message, Node, Output,
    Pact, PreVoteResp, Roster, RosterId, Stage, Stamp, Stored, Term, Vote,
};
use bully_core::{Address, Inst, LinkId, Mode, Now, PersistId, Tick};

/// Between two heartbeats.
pub(crate) const H: Duration = Duration::from_millis(150);
/// How long a node promises itself.
pub(crate) const LEASE: Duration = Duration::from_secs(1);
/// What its holder counts on of that: ⌊1 s · 995/1005⌋ less 20 ms.
pub(crate) const USABLE: Duration = Duration::from_nanos(970_049_751);
/// δ where the round trip is nothing.
pub(crate) const DELTA: Duration = Duration::from_millis(25);
/// The smallest step of a clock.
pub(crate) const NANO: Duration = Duration::from_nanos(1);
/// The cluster that everybody is in.
pub(crate) const CLUSTER: ClusterId = ClusterId(0xc);
/// The node on the bench is that of this number.
pub(crate) const ME: u128 = 1;
/// Its boot, its peers' boots.
pub(crate) const BOOT: Boot = Boot(5);
pub(crate) const BOOT_OF_PEERS: Boot = Boot(7);
/// The wall clock when the others show nothing.
pub(crate) const WALL_MS: u64 = 1_795_400_798_000;

pub(crate) fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

pub(crate) fn address(n: u128) -> Address {
    Address::new(format!("10.0.0.{n}").as_str(), 8117)
}

pub(crate) fn member(n: u128, priority: u32) -> Member {
    Member { inst: Inst(n), id: address(n), priority }
}

/// The roster of these nodes, all of priority 100.
pub(crate) fn roster(term: u64, version: u64, members: &[u128]) -> Arc<Roster> {
    let members = members.iter().map(|n| member(*n, 100)).collect();
    let version = RosterId { term: Term(term), version };
    Arc::new(Roster { version, members, removed: Vec::new() })
}

pub(crate) fn version(term: u64, version: u64) -> RosterId {
    RosterId { term: Term(term), version }
}

pub(crate) fn config(priority: u32) -> Config {
    Config {
        cluster: Arc::from("bully"),
        id: address(ME),
        fresh: Inst(ME),
        places: Vec::new(),
        priority,
        preempt: true,
        heartbeat: H,
        lease: LEASE,
        guardian: false,
        moved: false,
    }
}

/// The record of a member that was in term 10.
pub(crate) fn stored(roster: Arc<Roster>) -> Stored {
    Stored {
        inst: Inst(ME),
        boot: Boot(BOOT.0 - 1),
        id: address(ME),
        cluster: Some(CLUSTER),
        term: Term(10),
        voted_for: None,
        roster,
        lease_max: LEASE,
        round: 0,
        accept: None,
        leaving: None,
    }
}

/// What a node does, its connections named by who is at the other end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    Write(Stored),
    Send(u128, Message),
    Dial(Address),
    Close(u128),
    Announce(Pact),
    Event(Event),
}

/// Effects in a word each: `write`, `2: Vote`, `dial`, `close 2`, `announce`, and the events' names.
pub(crate) fn brief(effects: &[Effect]) -> Vec<String> {
    let word = |effect: &Effect| match effect {
        Effect::Write(_) => "write".to_owned(),
        Effect::Send(to, message) => format!("{to}: {}", message.name()),
        Effect::Dial(_) => "dial".to_owned(),
        Effect::Close(who) => format!("close {who}"),
        Effect::Announce(_) => "announce".to_owned(),
        Effect::Event(event) => {
            let text = format!("{event:?}");
            text.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default().to_owned()
        }
    };
    effects.iter().map(word).collect()
}

/// The messages of this name, and to whom they went.
pub(crate) fn sent<'a>(effects: &'a [Effect], name: &str) -> Vec<(u128, &'a Message)> {
    let of = |effect: &'a Effect| match effect {
        Effect::Send(to, message) if message.name() == name => Some((*to, message)),
        _ => None,
    };
    effects.iter().filter_map(of).collect()
}

pub(crate) fn events(effects: &[Effect]) -> Vec<&Event> {
    let of = |effect| match effect {
        &Effect::Event(ref event) => Some(event),
        _ => None,
    };
    effects.iter().filter_map(of).collect()
}

pub(crate) fn writes(effects: &[Effect]) -> Vec<&Stored> {
    let of = |effect| match effect {
        &Effect::Write(ref stored) => Some(stored),
        _ => None,
    };
    effects.iter().filter_map(of).collect()
}

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
        let links = self.links.iter().filter(|(_, n)| **n == who);
        *links.last().expect("connected").0
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

pub(crate) fn hello(who: u128, priority: u32, roster: Arc<Roster>) -> Hello {
    Hello {
        cluster: Arc::from("bully"),
        mode: Mode::Other(2),
        member: member(who, priority),
        boot: BOOT_OF_PEERS,
        run: u64::try_from(who).expect("a small number"),
        nonce: 1,
        stage: Stage::Formed(CLUSTER),
        round: 0,
        reached: None,
        roster: Some(roster),
    }
}

pub(crate) fn granted(nonce: u64) -> Message {
    Message::PreVoteResp(PreVoteResp {
        nonce,
        granted: true,
        term: Term(10),
        retry_after: Duration::ZERO,
        leader: None,
        roster: None,
    })
}

/// A heartbeat of a leader that was elected by the first version of these members' roster.
pub(crate) fn hb(term: u64, members: &[u128]) -> Message {
    let roster = roster(term, 1, members);
    Message::Hb(Hb { term: Term(term), roster, stamp: Stamp(Tick(77)) })
}

pub(crate) fn ack(hb: &Hb) -> HbAck {
    HbAck {
        term: hb.term,
        roster: hb.roster.version,
        stamp: hb.stamp,
        lease: LEASE,
        sent: Stamp(Tick(5_000)),
        unmuted: true,
        wants: false,
    }
}
