//! Bully mode: the rules N1 to N3 and A1 to A7 of PROTOCOL.md.
//!
//! One file per rule; this one holds the state they share and hands each input to its rule.

mod accept;
mod bounds;
mod detect;
mod dispute;
mod hello;
mod late;
mod lead;
mod leave;
mod links;
mod merge;
mod preempt;
mod probe;
mod roster;
mod start;
mod views;

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::vec::Vec;
use core::time::Duration;

use crate::config::{Config, Stored};
use crate::event::{Cause, DialError, Event};
use crate::members::{Forgotten, Link, List, Place, Remote, Watcher};
use crate::message::{Member, Message, Report};
use crate::node::{Input, LinkId, Output, PersistId, Proposal};
use crate::status::Leadership;
use crate::timer::{Earliest, Probe};
use crate::types::{Address, Claim, Epoch, Incarnation, Now, Tick};

/// What a node does, and what it needs to do it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Role {
    /// Before `Start`, and after the goodbye.
    Stopped,
    /// A1: the listed addresses have not all answered.
    Joining { until: Tick, pending: BTreeSet<Address> },
    /// Its address is held by another live node: it neither stands nor follows.
    Waiting,
    /// It has a leader.
    Following,
    /// A3: it has none.
    Electing { cause: Cause, phase: Phase },
    /// A4.
    Leading(Reign),
    /// A7: its reign is over, its successor not yet heard.
    Resigning(Resigning),
}

/// Where an election stands.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Phase {
    /// Until then better-ranked nodes have their turn.
    Wait { until: Tick },
    /// Neighbours have been asked.
    Collect(Collect),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Collect {
    until: Tick,
    pending: BTreeSet<Address>,
    /// The reports that came, and when.
    reports: BTreeMap<Address, (Report, Tick)>,
    /// A3': the leader's connection closed, and the dial that may prove its death is under way.
    unproved: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Reign {
    next_beat: Tick,
    late: Option<Late>,
}

/// A4: a leader that was late asks before it leads on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Late {
    /// What has arrived meanwhile is read first.
    Draining,
    Asking {
        /// The δ of those that are waited for, whether or not they have a connection still.
        delta: Duration,
        pending: BTreeMap<Address, Awaited>,
    },
}

/// How long a late leader waits for a neighbour.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Awaited {
    until: Tick,
    /// Dialled, and not merely asked.
    is_dialed: bool,
}

impl Awaited {
    fn asked(until: Tick) -> Self {
        Self { until, is_dialed: false }
    }

    fn dialed(until: Tick) -> Self {
        Self { until, is_dialed: true }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Resigning {
    /// And leaves for good.
    leave: bool,
    cause: Cause,
    /// The claim that is given up.
    claim: Claim,
    tried: Vec<Address>,
    /// Until when the last one tried may answer; none while the application stops.
    until: Option<Tick>,
    /// While the application stops, followers are kept: else they would elect before it has.
    next_beat: Tick,
}

/// The state of a node in bully mode. The names are those of PROTOCOL.md.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Bully {
    config: Config,
    out: VecDeque<Output>,
    role: Role,
    me: Member,

    claim: Option<Claim>,
    seq: u64,
    heard_at: Tick,
    via: Option<Address>,
    size: u32,
    seen: Epoch,
    /// The greatest incarnation of any record taken over.
    seen_inc: Incarnation,
    need: Epoch,
    dead: Option<(Claim, Tick)>,
    /// Whom it followed when it left for good.
    parting: Option<Address>,
    /// What the leader states in its Beat, or states itself.
    hold: Duration,
    list: List,
    watchers: BTreeMap<Address, Watcher>,
    /// Nodes met that follow another claim, for the next acknowledgement.
    met: BTreeSet<Address>,

    remotes: BTreeMap<Address, Remote>,
    /// Members forgotten not long ago.
    forgotten: BTreeMap<Address, Forgotten>,
    /// When it is next looked who is to be forgotten.
    tidy_at: Tick,
    links: BTreeMap<LinkId, Link>,
    places: BTreeMap<Address, Place>,
    dialing: BTreeSet<Address>,
    /// Dialled a second time, since the first connection was closed before an answer.
    dialed_again: BTreeSet<Address>,
    /// Why an address could not be dialled last time: said once per change.
    complaints: BTreeMap<Address, DialError>,
    /// Addresses that told this node that its own is held by another, and when to ask there again.
    /// Listed or not: who learned of a refusal through a member must ask that member again.
    duplicate: BTreeMap<Address, Probe>,

    q: u64,
    query_sent: Tick,
    /// As follower: a better-ranked node that has no leader asked, and is given its turn.
    yields_until: Tick,
    /// When the leader changed, for the damping of A6.
    changes: VecDeque<Tick>,
    /// Since when claim and membership are as they are.
    stable_since: Tick,
    membership: u64,
    list_dirty: bool,
    /// Who is to be probed may have changed.
    probes_dirty: bool,
    /// No connection and no probe is due before then. Found anew after each timeout, brought forward
    /// where something is due earlier, and put off by nothing, so that no answer makes the node look
    /// at all its connections.
    look_at: Option<Tick>,
    last_step: Tick,
    now: Now,
    persists: u64,
}

impl Bully {
    pub(crate) fn new(config: Config, stored: &Stored) -> Self {
        let me = Member {
            id: config.id.clone(),
            ip: config.ip.or_else(|| config.id.host.ip()),
            priority: config.priority,
            inc: 0,
            inst: config.inst,
            left: false,
        };
        let places = config.places.iter().map(|p| (p.clone(), Place::default())).collect();
        let hold = config.hold();
        Self {
            config,
            out: VecDeque::new(),
            role: Role::Stopped,
            me,
            claim: None,
            seq: 0,
            heard_at: Tick(0),
            via: None,
            size: 0,
            seen: stored.seen,
            seen_inc: Incarnation::default(),
            need: Epoch(0),
            dead: None,
            parting: None,
            hold,
            list: List::default(),
            watchers: BTreeMap::new(),
            met: BTreeSet::new(),
            remotes: BTreeMap::new(),
            forgotten: BTreeMap::new(),
            tidy_at: Tick(0),
            links: BTreeMap::new(),
            places,
            dialing: BTreeSet::new(),
            dialed_again: BTreeSet::new(),
            complaints: BTreeMap::new(),
            duplicate: BTreeMap::new(),
            q: 0,
            query_sent: Tick(0),
            yields_until: Tick(0),
            changes: VecDeque::new(),
            stable_since: Tick(0),
            membership: 0,
            list_dirty: true,
            probes_dirty: false,
            look_at: None,
            last_step: Tick(0),
            now: Now::default(),
            persists: 0,
        }
    }

    pub(crate) fn poll_output(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    pub(crate) fn handle(&mut self, input: Input, now: Now) {
        self.begin_step(now);
        let is_timeout = matches!(input, Input::Timeout);
        if cfg!(bully_mutant = "timers-before-messages") {
            self.on_timeout();
        }
        match input {
            Input::Start => self.on_start(),
            Input::Timeout => self.on_timeout(),
            Input::Message { from, message } => self.on_message(from, message),
            Input::LinkUp { link, dialed } => self.on_link_up(link, dialed),
            Input::DialFailed { dialed, reason } => self.on_dial_failed(&dialed, &reason),
            Input::LinkDown { link } => self.on_link_down(link),
            // In bully mode nothing depends on what is on disk.
            Input::Persisted { .. } | Input::PersistFailed { .. } => {}
            Input::Revoked => self.on_revoked(),
            Input::Resign { leave } => self.on_resign(leave),
            Input::Propose(Proposal::Priority(priority)) => self.on_priority(priority),
        }
        self.end_step(is_timeout);
    }

    /// Lateness is measured before anything else is looked at.
    fn begin_step(&mut self, now: Now) {
        self.now = now;
        if self.is_overdue(now) {
            self.was_away();
        }
        self.last_step = now.fast;
    }

    /// This node took no step for F: it was frozen or starved, or its machine slept.
    fn was_away(&mut self) {
        // Nobody owes it an answer for that time (N3), and so its connections are there for the
        // question that a late leader asks over them (A4).
        let now = self.now.fast;
        for link in self.links.values_mut() {
            link.owed_since = link.owed_since.map(|_| now);
        }
        if !cfg!(bully_mutant = "late-leader-leads-on")
            && let Role::Leading(reign) = &mut self.role
        {
            reign.late = Some(Late::Draining);
        }
    }

    fn is_overdue(&self, now: Now) -> bool {
        now.fast.since(self.last_step) >= self.config.fault()
    }

    fn end_step(&mut self, is_timeout: bool) {
        self.tidy();
        let is_dirty = core::mem::take(&mut self.probes_dirty);
        if is_dirty {
            self.refresh_probes();
        }
        if is_dirty || is_timeout {
            self.look_at = self.next_due();
        }
        debug_assert!(
            self.next_due().is_none_or(|at| self.look_at.is_some_and(|look| look <= at)),
            "something is due at {:?}, and looked for at {:?}",
            self.next_due(),
            self.look_at
        );
    }

    /// When the first connection or probe is due.
    fn next_due(&self) -> Option<Tick> {
        let mut next = Earliest::default();
        self.links_deadline(&mut next);
        self.probes_deadline(&mut next);
        next.get()
    }

    /// Something of a connection is due then.
    fn look_by(&mut self, at: Tick) {
        let mut next = Earliest::default();
        next.maybe(self.look_at);
        next.at(at);
        self.look_at = next.get();
    }

    /// Every concern looks for itself whether something is due, so that a timeout at any moment
    /// is harmless.
    fn on_timeout(&mut self) {
        self.links_due();
        self.join_due();
        self.election_due();
        self.reign_due();
        self.preempt_due();
        self.resign_due();
        self.probes_due();
    }

    /// No timeout before then does anything. Asked after each step, and so nothing here looks at all
    /// members: the node may be woken before something is due, and then knows better.
    pub(crate) fn deadline(&self) -> Option<Tick> {
        if matches!(self.role, Role::Stopped) {
            return None;
        }
        let mut next = Earliest::default();
        next.maybe(self.look_at);
        match &self.role {
            Role::Stopped | Role::Waiting => {}
            Role::Joining { until, .. } | Role::Electing { phase: Phase::Wait { until }, .. } => {
                next.at(*until);
            }
            Role::Following => {
                next.at(self.silence_looked_for_at());
                next.maybe(self.preempt_deadline());
            }
            Role::Electing { phase: Phase::Collect(collect), .. } => next.at(collect.until),
            Role::Leading(reign) => next.maybe(match &reign.late {
                None => Some(reign.next_beat),
                Some(Late::Draining) => Some(self.now.fast),
                Some(Late::Asking { pending, .. }) => Self::late_leader_deadline(pending),
            }),
            Role::Resigning(resigning) => next.at(resigning.until.unwrap_or(resigning.next_beat)),
        }
        next.get()
    }

    fn on_message(&mut self, link: LinkId, message: Message) {
        if matches!(self.role, Role::Stopped) {
            return;
        }
        if !self.is_credible(&message) {
            self.drop_incredible(link, &message);
            return;
        }
        let message = match message {
            Message::Hello(hello) => return self.on_hello(link, hello, false),
            Message::HelloAck(hello) => return self.on_hello(link, hello, true),
            Message::HelloNack(reason) => return self.on_nack(link, reason),
            other => other,
        };
        // Only a connection whose Hello was accepted may say anything else.
        let Some(from) = self.hear(link) else { return };
        self.see(message.epoch_max());
        if matches!(self.role, Role::Waiting) {
            return;
        }
        match message {
            Message::Beat(beat) | Message::Coord(beat) => self.on_beat(&from, link, beat),
            Message::BeatAck(ack) => self.on_beat_ack(&from, link, &ack),
            Message::Query(query) => self.on_query(&from, link, &query),
            Message::QueryAck(ack) => self.on_query_ack(&from, link, ack),
            Message::Leave(leave) => self.on_leave(&from, &leave),
            Message::Hello(_) | Message::HelloAck(_) | Message::HelloNack(_) => {}
        }
    }

    fn see(&mut self, epoch: Epoch) {
        self.seen = self.seen.max(epoch);
    }

    fn event(&mut self, event: Event) {
        self.out.push_back(Output::Event(event));
    }

    fn rank(&self) -> (u32, &Address) {
        (self.me.priority, &self.me.id)
    }

    /// k: electable neighbours ranked above this node, the old leader left out.
    fn betters(&self) -> u32 {
        let old = self.claim.as_ref().map(|c| &c.id);
        let betters = self.remotes.values().filter(|r| {
            r.is_open() && r.is_electable() && r.rank() > self.rank() && Some(&r.member.id) != old
        });
        u32::try_from(betters.count()).unwrap_or(u32::MAX)
    }

    /// Whether the claim is of a process that is proved dead.
    fn is_dead(&self, claim: &Claim) -> bool {
        self.dead.as_ref().is_some_and(|(dead, _)| dead.is_of_same_node(claim))
    }

    fn leads(&self) -> bool {
        matches!(&self.role, Role::Leading(reign) if reign.late.is_none())
    }

    /// Whether others are to follow this node: it leads, or did until its application has stopped.
    fn is_heard_as_leader(&self) -> bool {
        self.leads() || matches!(&self.role, Role::Resigning(r) if r.until.is_none())
    }

    /// Whether the leader that this node follows was heard within F and is not proved dead.
    fn has_live_leader(&self) -> bool {
        let Some(claim) = &self.claim else {
            return false;
        };
        claim.id != self.me.id
            && self.now.fast.since(self.heard_at) < self.config.fault()
            && !self.is_dead(claim)
    }

    /// R.
    fn report(&self) -> Report {
        let leads = self.is_heard_as_leader();
        Report {
            claim: self.claim.clone(),
            seq: self.seq,
            age: if leads { Duration::ZERO } else { self.now.fast.since(self.heard_at) },
            live: leads || self.has_live_leader(),
            size: if leads { self.followers() + 1 } else { self.size },
        }
    }

    /// Candidates that acknowledged this leader's claim within F.
    fn followers(&self) -> u32 {
        let fresh = self.now.fast.before(self.config.fault());
        let count = self.remotes.values().filter(|r| {
            r.is_electable()
                && r.acked
                    .as_ref()
                    .is_some_and(|(c, at)| Some(c) == self.claim.as_ref() && *at >= fresh)
        });
        u32::try_from(count.count()).unwrap_or(u32::MAX)
    }

    pub(crate) fn leadership(&self, now: Now) -> Leadership {
        match &self.claim {
            Some(claim) if self.leads() && !self.is_overdue(now) => Leadership::Leader(claim.epoch),
            _ => Leadership::NotLeader,
        }
    }

    fn persist(&mut self) {
        if self.config.persist {
            self.persists += 1;
            let state = Stored { seen: self.seen };
            self.out.push_back(Output::Persist { id: PersistId(self.persists), state });
        }
    }

    /// Called whenever another node leads than before, this one included.
    fn leader_changed(&mut self) {
        self.changes.push_back(self.now.fast);
        if self.changes.len() > 64 {
            self.changes.pop_front();
        }
        self.probes_reset();
    }
}
