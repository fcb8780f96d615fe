//! Quorum mode: at most one node leads at any moment, and each reign carries a fencing token. The
//! rules Q1 to Q13 of PROTOCOL.md, a file per concern.
//!
//! **What is promised rests on clocks:** their rates may be wrong by [`RATE_ERROR_PER_MILLE`], they
//! need not be set alike. A machine that was paused as a whole may believe for a moment after it
//! wakes that it leads; only a resource that refuses smaller tokens is safe from what it had in
//! flight.
//!
//! # The contract
//! As in bully mode: perform outputs in order, all of them, before the next input; hand over every
//! message that has arrived before a timeout; a spurious timeout is harmless. And besides
//! - the clocks are sampled anew for each input, after it has arrived and before its outputs are
//!   performed: a promise begins no earlier than the message that asked for it was read;
//! - after an [`Output::Close`] nothing of that connection is handed over any more, and the driver
//!   itself closes accepted connections that say nothing;
//! - a [`Output::Persist`] is answered by [`Input::Persisted`] only when the whole record is synced,
//!   and may take as long as it takes: other inputs go on meanwhile;
//! - each [`Event::Revoke`] is answered by one [`Input::Revoked`], once nothing acts on that reign
//!   any more, and before its deadline;
//! - [`Node::leadership`] is asked whenever the application is about to act, with clocks just
//!   sampled. `Now::fast` counts the time in which the machine is suspended, as the fastest of its
//!   clocks does; `Now::slow` counts no faster than the slowest of them.
//!
//! ```
//! use std::collections::VecDeque;
//! use std::sync::Arc;
//! use std::time::Duration;
//! use bully_core::quorum::{Config, Input, Leadership, Node, Output};
//! use bully_core::{Address, Inst, Now, Tick};
//!
//! let config = Config {
//!     cluster: Arc::from("bully"),
//!     id: Address::new("192.168.1.67", 8117),
//!     ip: None,
//!     fresh: Inst(7),
//!     places: Vec::new(),
//!     priority: 100,
//!     preempt: true,
//!     heartbeat: Duration::from_millis(150),
//!     lease: Duration::from_secs(1),
//!     guardian: false,
//!     moved: false,
//! };
//! let mut node = Node::new(config, None, 1).expect("a sound configuration");
//! let mut now = Now { fast: Tick(0), slow: Tick(0), wall_ms: 1_795_400_798_000 };
//! let mut inputs = VecDeque::from([Input::Start]);
//! let token = loop {
//!     if let Leadership::Leader { token, .. } = node.leadership(now) {
//!         break token;
//!     }
//!     let input = inputs.pop_front().unwrap_or_else(|| {
//!         let pause = node.poll_timeout(now).expect("it waits for something");
//!         now.fast = now.fast.after(pause);
//!         now.slow = now.slow.after(pause);
//!         Input::Timeout
//!     });
//!     node.handle(input, now);
//!     while let Some(output) = node.poll_output() {
//!         match output {
//!             Output::Persist { id, .. } => inputs.push_back(Input::Persisted { id }),
//!             Output::Event(event) => println!("{event:?}"),
//!             _ => { /* sockets, the guardian */ }
//!         }
//!     }
//! };
//! assert_eq!(token.get(), 1_795_400_798);
//! ```

mod candidate;
mod config;
mod due;
mod durable;
mod event;
mod genesis;
mod greet;
mod guardian;
mod handover;
mod health;
mod join;
mod lease;
mod links;
mod message;
mod node;
mod preempt;
mod reconfig;
mod reign;
mod resign;
mod status;
mod stored;
mod views;
mod vote;
mod words;

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use crate::node::LinkId;
use crate::types::{Address, Inst, Now, Tick};

pub use config::{Config, ConfigError};
pub use event::{Cause, Event, Objection};
pub use guardian::Pact;
pub use lease::{GUARD, RATE_ERROR_PER_MILLE, usable};
pub use message::{
    Farewell, Formed, GenesisAccept, Hb, HbAck, Hello, Join, Message, PreVote, PreVoteResp,
    Refusal, Reject, Release, Stage, Target, Vote, VoteReq,
};
pub use node::{Input, Node, Output, Proposal, StartError};
pub use status::{Leaderless, Leadership, Role, Status};
pub use stored::{AlreadyFormed, Founding, Stored};
pub use views::Bonds;
pub use words::{Boot, ClusterId, Member, Roster, RosterId, Stamp, Term, Token};

use candidate::{Asking, Candidacy};
use due::Due;
use durable::{Deferred, Disk};
use links::{Link, Peer, Place, Wanted};
use preempt::{Cooldown, Probing};
use reign::{Reign, Revoking};
use resign::Resigning;
use vote::Promise;

/// What a node does.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Phase {
    /// Before `Start`, and after the goodbye.
    Stopped,
    /// Its boot is not on disk yet.
    Starting,
    /// It follows, or waits for its turn to stand.
    Idle,
    /// Q3: it asks whether it may stand.
    Asking(Asking),
    /// Q4: it stands.
    Standing(Candidacy),
    /// Q7.
    Leading(Reign),
    /// Its disk was copied or rolled back: it takes part in nothing.
    Quarantined(Refusal),
}

/// The state of a node in quorum mode. The names are those of PROTOCOL.md.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Quorum {
    config: Config,
    rng: u64,
    /// This process.
    run: u64,
    out: VecDeque<Output>,
    now: Now,
    phase: Phase,
    /// The record as it is to be on disk.
    stored: Stored,
    disk: Disk,
    nonce: u64,
    /// When the last rounds of questions began.
    asked: VecDeque<(u64, Tick)>,

    // Voters.
    promise: Option<Promise>,
    /// Q1, by the slow clock.
    mute_until: Tick,
    /// Never to stand or lead again in this term or a smaller one.
    closed: Term,
    /// Up to which term each member has given up what was promised to it.
    released: BTreeMap<Inst, Term>,
    /// Whose heartbeat was taken last, while its promise holds.
    leader: Option<(Inst, Term)>,
    /// Who led last.
    last_leader: Option<Inst>,
    /// Without a leader: who leads, as others say. For display alone.
    hint: Option<Inst>,

    // Candidates and leaders.
    /// When to ask whether it may stand; none while it may not.
    stand_at: Option<Tick>,
    /// Votes of a handover that came before its Release (Q8).
    early_votes: BTreeMap<Inst, Vote>,
    /// The reign is over, the application perhaps not (Q6).
    revoking: Option<Revoking>,
    /// Revokes that the application has not answered.
    revokes_owed: u32,
    /// The roster before the present one, until that is committed or given up.
    prev: Option<Arc<Roster>>,
    cooldown: Cooldown,
    probing: Probing,
    resigning: Option<Resigning>,
    /// Q13: what the guardian knows, and the term that it is to know.
    pact: Option<Pact>,
    pact_term: Option<Term>,

    // Q12.
    /// When the next timeout was due as the last step ended.
    armed: Option<Tick>,
    /// It was late; until then it holds back.
    late_until: Tick,

    // Connections.
    /// Hellos that came before this node's boot was on disk. Unanswered, they would cost their
    /// senders the time of a fault.
    early_hellos: VecDeque<(LinkId, Message)>,
    links: BTreeMap<LinkId, Link>,
    peers: BTreeMap<Inst, Peer>,
    places: BTreeMap<Address, Place>,
    wanted: Wanted,
    /// What was refused last by whom: each is said once.
    refusals: BTreeMap<(Option<Address>, bool), Refusal>,
    /// Instances found running on copies of one disk.
    copied: BTreeSet<Inst>,
    /// The cluster that it is to join, and the newest roster seen of it.
    joining: Option<(ClusterId, Arc<Roster>)>,
    /// Two clusters of this name, where it has met both before it was in one.
    split: Option<(ClusterId, ClusterId)>,
    /// When it next says again what an outsider says.
    repeat_at: Tick,
    /// Who has answered that it renounced the cluster that this node is leaving.
    renounced: BTreeSet<Inst>,
    /// Clusters that others asked this node to renounce.
    refused_genesis: BTreeSet<ClusterId>,
    /// What everybody was told last of where this node stands.
    told: Option<(Stage, u64, Option<Vec<Inst>>)>,
    /// Places that were found to lead to one node.
    same_places: BTreeSet<(Address, Address)>,
}

impl Quorum {
    fn new(config: Config, stored: Option<Stored>, seed: u64) -> Self {
        let mut stored = stored.unwrap_or_else(|| Stored::fresh(config.fresh, config.id.clone()));
        stored.boot = Boot(stored.boot.0 + 1);
        stored.id = config.id.clone();
        let closed = stored.term;
        let mut places: BTreeMap<Address, Place> =
            config.places.iter().map(|p| (p.clone(), Place::default())).collect();
        if let Some(place) = places.get_mut(&config.id) {
            place.inst = Some(stored.inst);
        }
        Self {
            config,
            rng: seed,
            run: seed,
            out: VecDeque::new(),
            now: Now::default(),
            phase: Phase::Stopped,
            disk: Disk::default(),
            nonce: 0,
            asked: VecDeque::new(),
            promise: None,
            mute_until: Tick(0),
            closed,
            stored,
            released: BTreeMap::new(),
            leader: None,
            last_leader: None,
            hint: None,
            stand_at: None,
            early_votes: BTreeMap::new(),
            revoking: None,
            revokes_owed: 0,
            prev: None,
            cooldown: Cooldown::default(),
            probing: Probing::default(),
            resigning: None,
            pact: None,
            pact_term: None,
            armed: None,
            late_until: Tick(0),
            early_hellos: VecDeque::new(),
            links: BTreeMap::new(),
            peers: BTreeMap::new(),
            places,
            wanted: Wanted::default(),
            refusals: BTreeMap::new(),
            copied: BTreeSet::new(),
            joining: None,
            split: None,
            repeat_at: Tick(0),
            renounced: BTreeSet::new(),
            refused_genesis: BTreeSet::new(),
            told: None,
            same_places: BTreeSet::new(),
        }
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    fn record(&self) -> &Stored {
        &self.stored
    }

    fn handle(&mut self, input: Input, now: Now) {
        self.now = now;
        self.note_lateness();
        // A lapse is latched: nothing that arrived meanwhile revives the lease.
        if !cfg!(bully_mutant = "lapse-not-latched") || matches!(input, Input::Timeout) {
            self.lapse_due();
        }
        match input {
            Input::Start => self.on_start(),
            Input::Timeout => self.on_timeout(),
            Input::Message { from, message } => self.on_message(from, message),
            Input::LinkUp { link, dialed } => self.on_link_up(link, dialed),
            Input::DialFailed { dialed, reason } => self.on_dial_failed(&dialed, &reason),
            Input::LinkDown { link } => self.on_link_down(link),
            Input::Persisted { id } => self.on_persisted(id),
            Input::PersistFailed { id } => self.on_persist_failed(id),
            Input::Revoked => self.on_revoked(),
            Input::Resign { leave } => self.on_resign(leave),
            Input::Propose(proposal) => self.on_proposal(proposal),
        }
        self.end_step();
    }

    /// Q1. The boot is on disk before anything is said: a moment of this boot must never be taken
    /// for one of another.
    fn on_start(&mut self) {
        if !matches!(self.phase, Phase::Stopped) {
            return;
        }
        self.phase = Phase::Starting;
        let lease = self.config.lease;
        if self.stored.cluster.is_some() {
            let mute = match () {
                () if cfg!(bully_mutant = "no-mute") => Duration::ZERO,
                () if cfg!(bully_mutant = "mute-own-lease") => lease,
                () => lease.max(self.stored.lease_max),
            };
            self.mute_until = self.now.slow.after(mute);
        }
        let kept = if cfg!(bully_mutant = "lease-not-recorded") { Duration::ZERO } else { lease };
        self.stored.lease_max = self.stored.lease_max.max(kept);
        self.touch();
        self.after_sync(Deferred::Boot);
    }

    /// The boot is on disk.
    fn begin(&mut self) {
        if matches!(self.phase, Phase::Starting) {
            self.phase = Phase::Idle;
            self.repeat_at = self.now.fast.after(self.config.heartbeat * 2);
            self.probing.begin(self.now.fast, &self.config);
            self.consider_genesis();
            for (link, hello) in core::mem::take(&mut self.early_hellos) {
                self.on_message(link, hello);
            }
        }
    }

    /// Every concern looks for itself whether something is due, so that a timeout at any moment is
    /// harmless.
    fn on_timeout(&mut self) {
        self.mute_due();
        self.links_due();
        self.repeat_due();
        self.candidacy_due();
        self.revoking_due();
        self.reign_due();
        self.probes_due();
    }

    /// Whatever the step was about, it may have made something possible.
    fn end_step(&mut self) {
        self.reconfig_due();
        self.handover_due();
        self.election_due();
        self.resign_due();
        self.dial_due();
        self.announce_pact();
        self.write();
        self.armed = self.poll_timeout(self.now).map(|pause| self.now.fast.after(pause));
    }

    /// A promise longer than its own lease was made by an earlier run, and is over with the mute.
    fn mute_due(&mut self) {
        let is_over = !self.is_muted() || cfg!(bully_mutant = "lease-record-lowered");
        if is_over && self.stored.lease_max > self.config.lease {
            self.stored.lease_max = self.config.lease;
            self.touch();
        }
    }

    fn is_muted(&self) -> bool {
        self.now.slow < self.mute_until
    }

    fn event(&mut self, event: Event) {
        self.out.push_back(Output::Event(event));
    }

    fn me(&self) -> Inst {
        self.stored.inst
    }

    /// The cluster that this node is in.
    fn is_formed(&self) -> bool {
        self.stored.cluster.is_some()
    }

    /// This node takes part: it has begun, and was not found to run on a copy.
    fn is_at_work(&self) -> bool {
        let is_quarantined = matches!(self.phase, Phase::Quarantined(_));
        !matches!(self.phase, Phase::Stopped | Phase::Starting)
            && (!is_quarantined || cfg!(bully_mutant = "quarantined-speaks"))
    }

    /// A random number up to `most`: SplitMix64, as the simulator's, from the driver's seed.
    fn random(&mut self, most: Duration) -> Duration {
        self.rng = self.rng.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.rng;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        let nanos = u64::try_from(most.as_nanos()).unwrap_or(u64::MAX);
        Duration::from_nanos(z % nanos.saturating_add(1).max(1))
    }

    fn on_message(&mut self, link: LinkId, message: Message) {
        let is_hello = matches!(message, Message::Hello(_));
        if is_hello && matches!(self.phase, Phase::Starting) {
            let is_room = self.early_hellos.len() < Self::PEERS_MAX;
            if is_room && !self.early_hellos.iter().any(|(l, _)| *l == link) {
                self.early_hellos.push_back((link, message));
            }
            return;
        }
        if !self.is_at_work() || !self.is_sound(link, &message) {
            return;
        }
        let message = match message {
            Message::Hello(hello) => return self.on_hello(link, &hello, false),
            Message::HelloAck(hello) => return self.on_hello(link, &hello, true),
            Message::HelloNack(reason) => return self.on_nack(link, reason),
            Message::Farewell(farewell) => return self.on_farewell(link, &farewell),
            other => other,
        };
        let Some(from) = self.hear(link) else { return };
        match message {
            Message::Join(join) => self.on_join(from, &join),
            Message::GenesisAccept(accept) => self.on_accept(from, accept),
            Message::Renounce(cluster) => self.on_renounce(from, cluster),
            Message::Renounced(cluster) => self.on_renounced(from, cluster),
            Message::Formed(formed) => self.on_formed(from, &formed),
            Message::Hb(hb) if !self.is_formed() => self.on_first_hb(from, &hb),
            message if self.is_fellow(from) => self.on_fellow(from, message),
            // Its word that it is in the cluster may have been lost.
            _ => self.ask_who_it_is(link),
        }
    }

    /// A message of a node of the same cluster.
    fn on_fellow(&mut self, from: Inst, message: Message) {
        match message {
            Message::PreVote(ask) => self.on_prevote(from, &ask),
            Message::PreVoteResp(resp) => self.on_prevote_resp(from, &resp),
            Message::VoteReq(req) => self.on_vote_req(from, &req),
            Message::Vote(vote) => self.on_vote(from, vote),
            Message::Hb(hb) => self.on_hb(from, &hb),
            Message::HbAck(ack) => self.on_hb_ack(from, &ack),
            Message::Reject(reject) => self.on_reject(from, &reject),
            Message::Release(release) => self.on_release(from, &release),
            Message::Leave => self.on_leave(from),
            _ => {}
        }
    }

    /// Whether an honest node could have sent this.
    fn is_sound(&mut self, link: LinkId, message: &Message) -> bool {
        let term = message.term_max();
        if !term.is_credible(self.stored.term, self.now.wall_ms) {
            let from = self.links.get(&link).and_then(|l| l.peer);
            self.event(Event::TermDropped { from, term });
            return false;
        }
        message.roster().is_none_or(|r| r.is_sound())
    }

    /// How long until the node wants a timeout.
    fn poll_timeout(&self, now: Now) -> Option<Duration> {
        let mut due = Due::new(now);
        if matches!(self.phase, Phase::Stopped) {
            return None;
        }
        due.maybe_fast(self.disk.retry_at());
        if self.is_at_work() {
            self.links_deadline(&mut due);
            self.repeat_deadline(&mut due);
            self.election_deadline(&mut due);
            self.reign_deadline(&mut due);
            self.probes_deadline(&mut due);
        }
        self.resign_deadline(&mut due);
        due.maybe_fast(self.revoking.as_ref().map(|r| r.until));
        due.get()
    }
}
