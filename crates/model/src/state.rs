//! One state of the world: hosts, what is on its way between them, and what has been.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use bully_core::quorum::{ClusterId, Message, Node, Pact, Roster, Stored};
use bully_core::{Address, DialError, Inst, LinkId, Now, PersistId, Tick};

use crate::budget::Budget;
use crate::seen::SeenSet;

/// Nanoseconds in a millisecond.
pub const MS: u64 = 1_000_000;

/// The wall clocks at the beginning, in milliseconds.
pub(crate) const WALL_MS: u64 = 1_795_400_798_000;

/// The address of a host.
pub fn address(host: usize) -> Address {
    Address::new(format!("n{}", host + 1).as_str(), 1)
}

/// The instance that a host's disk gets in its process's nth run.
pub(crate) fn inst(host: usize, run: u32) -> Inst {
    Inst(u128::from(run) * HOSTS_MAX + host as u128)
}

/// The host of an instance.
pub(crate) fn host_of(inst: Inst) -> usize {
    usize::try_from(inst.0 % HOSTS_MAX).unwrap_or(0)
}

const HOSTS_MAX: u128 = 16;

/// What an application believes of one reign.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Claim {
    pub(crate) token: u64,
    /// It acts no longer than this: model time.
    pub(crate) until: u64,
    /// Whose process told it.
    pub(crate) run: u32,
    /// On whose promises it rests.
    pub(crate) roster: Arc<Roster>,
}

/// A node that runs, and what is worked out of it once per step.
#[derive(Clone, Debug)]
pub(crate) struct Process {
    pub(crate) node: Node,
    /// When it wants its timeout, by its fast clock.
    pub(crate) due: Option<Tick>,
    /// Stands for the node where states are hashed.
    pub(crate) print: u64,
}

impl PartialEq for Process {
    fn eq(&self, other: &Self) -> bool {
        self.print == other.print && self.node == other.node
    }
}

impl Eq for Process {}

impl Hash for Process {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.print.hash(state);
    }
}

/// A machine: a disk, a process, and the application that is told whether the process leads.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Host {
    /// What was synced last.
    pub(crate) disk: Option<Arc<Stored>>,
    /// None while it is dead.
    pub(crate) process: Option<Arc<Process>>,
    /// The write that is under way.
    pub(crate) writing: Option<(PersistId, Arc<Stored>)>,
    /// Counts starts.
    pub(crate) run: u32,
    /// When this run began: its clocks count from here.
    pub(crate) began: u64,
    /// How fast its clocks go, in thousandths.
    pub(crate) rate: u16,
    pub(crate) is_paused: bool,
    pub(crate) links: u64,
    pub(crate) claims: Vec<Claim>,
    /// The reign that the node was last seen to lead.
    pub(crate) leads: Option<u64>,
    /// The reign that the application was told of, and not yet to end.
    pub(crate) told: Option<u64>,
    /// What its guardian was told by this run.
    pub(crate) pact: Option<Pact>,
}

impl Host {
    pub(crate) fn node(&self) -> Option<&Node> {
        self.process.as_ref().map(|p| &p.node)
    }

    /// The clocks at a moment. They count from the start of the process.
    pub(crate) fn clock(&self, now: u64) -> Now {
        let local = now.saturating_sub(self.began) * u64::from(self.rate) / 1_000;
        let wall_ms = WALL_MS + (self.began + local) / MS;
        Now { fast: Tick(local), slow: Tick(local), wall_ms }
    }

    /// The first moment at which the clocks show at least `tick`.
    pub(crate) fn moment(&self, tick: Tick) -> u64 {
        let wide = u128::from(tick.0) * 1_000;
        let real = wide.div_ceil(u128::from(self.rate));
        self.began.saturating_add(u64::try_from(real).unwrap_or(u64::MAX))
    }
}

/// A connection. An end is open until its process closes it, reads that the other end has, or dies.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Conn {
    pub(crate) ends: [End; 2],
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct End {
    pub(crate) host: usize,
    pub(crate) link: LinkId,
    pub(crate) is_open: bool,
}

/// Something that a process will be told.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Packet {
    pub(crate) host: usize,
    /// To this run of it and no other.
    pub(crate) run: u32,
    pub(crate) what: What,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum What {
    Message { from: usize, link: LinkId, message: Arc<Message> },
    LinkUp { link: LinkId, dialed: Address },
    DialFailed { dialed: Address, reason: DialError },
    LinkDown { link: LinkId },
    Synced,
    Revoked { token: u64 },
}

/// What the laws remember.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Past {
    /// Who was elected in which term.
    pub(crate) elected: Vec<(u64, Inst)>,
    /// The terms of reigns that are over.
    pub(crate) ended: Vec<u64>,
    /// Who voted for whom in which term.
    pub(crate) votes: Vec<(Inst, u64, Inst)>,
    /// Up to which term each has said that it will not act again.
    pub(crate) released: Vec<(Inst, u64)>,
    /// The clusters that were founded, and their founders.
    pub(crate) formed: Vec<(ClusterId, Vec<Inst>)>,
}

/// A law that did not hold.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Breach {
    /// Which.
    pub law: Law,
    /// How.
    pub how: String,
}

/// What must always hold: the properties of PROTOCOL.md.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Law {
    /// At no moment do two applications hold that they lead.
    AtMostOneActive,
    /// Nobody else is elected in a term.
    ElectionSafety,
    /// Each reign's token exceeds all earlier ones.
    TokenMonotone,
    /// A reign that is over does not come back.
    OneReignPerTerm,
    /// One candidate per voter and term, across restarts.
    VoteOnce,
    /// The term and the roster on a disk never fall.
    DurableMonotone,
    /// Of rosters that can still elect, any two majorities share a member.
    ActiveCfgOverlap,
    /// Whoever leads, a majority is promised to it, or silent, or dead.
    LeaseSupported,
    /// Who has released a term does not lead in it.
    ReleaseClosed,
    /// What a message says of its sender is on the sender's disk.
    PersistBeforeSend,
    /// Two clusters have no founder in common.
    GenesisUnique,
    /// A reign is announced before it is shown, and no deadline is shown beyond that of its end.
    Announced,
    /// The node neither panics nor asks for timeouts without end.
    Sane,
}

/// One state.
#[derive(Clone, Debug)]
pub struct State {
    /// Model time, in nanoseconds.
    pub(crate) now: u64,
    pub(crate) hosts: Vec<Host>,
    pub(crate) conns: Vec<Conn>,
    /// What arrives next, in the order in which it was sent.
    pub(crate) queue: Vec<Packet>,
    /// What was kept: it arrives at any moment or never.
    pub(crate) late: Vec<Packet>,
    /// What comes with time.
    pub(crate) timed: Vec<(u64, Packet)>,
    /// Directed pairs of hosts between which nothing passes.
    pub(crate) cuts: Vec<(usize, usize)>,
    pub(crate) left: Budget,
    pub(crate) past: Arc<Past>,
    /// The search looks no further than this moment.
    pub(crate) ends: u64,
    /// Timeouts in a row at one moment.
    pub(crate) spins: u8,
    /// Packets handed over at one moment: no part of the state.
    pub(crate) hops: u16,
    /// The first law that did not hold.
    pub(crate) breach: Option<Box<Breach>>,
    /// What the last action brought about: no part of the state.
    pub(crate) seen: SeenSet,
}

impl State {
    fn parts(&self) -> impl PartialEq + Hash + '_ {
        (
            (self.now, &self.hosts, &self.conns, &self.queue, &self.late, &self.timed),
            (&self.cuts, &self.left, &self.past, self.spins, &self.breach),
        )
    }

    /// The law that did not hold on the way here.
    pub fn breach(&self) -> Option<&Breach> {
        self.breach.as_deref()
    }

    pub(crate) fn is_cut(&self, from: usize, to: usize) -> bool {
        self.cuts.contains(&(from, to))
    }

    /// The clocks of a host.
    pub(crate) fn clock(&self, host: usize) -> Now {
        self.hosts[host].clock(self.now)
    }

    /// The index in the queue of what comes next: a paused process takes nothing.
    pub(crate) fn head(&self) -> Option<usize> {
        self.queue.iter().position(|p| !self.hosts[p.host].is_paused)
    }

    /// The connection and side of a host's link.
    pub(crate) fn end(&self, host: usize, link: LinkId) -> Option<(usize, usize)> {
        self.conns.iter().enumerate().find_map(|(n, conn)| {
            let side = conn.ends.iter().position(|e| e.host == host && e.link == link)?;
            conn.ends[side].is_open.then_some((n, side))
        })
    }

    /// What can no longer be handed to anybody makes no two states different.
    pub(crate) fn tidy(&mut self) {
        let now = self.now;
        for host in &mut self.hosts {
            host.claims.retain(|c| c.until > now);
        }
        self.conns.retain(|c| c.ends.iter().any(|e| e.is_open));
        let mut late = std::mem::take(&mut self.late);
        late.retain(|p| self.is_deliverable(p));
        self.late = late;
    }

    /// Whether the process that a packet is for is still there, and the connection at its end.
    pub(crate) fn is_deliverable(&self, packet: &Packet) -> bool {
        let host = &self.hosts[packet.host];
        let is_open = match &packet.what {
            What::Message { link, .. } | What::LinkDown { link } | What::LinkUp { link, .. } => {
                self.end(packet.host, *link).is_some()
            }
            What::DialFailed { .. } | What::Synced | What::Revoked { .. } => true,
        };
        is_open && host.process.is_some() && host.run == packet.run
    }
}

impl PartialEq for State {
    fn eq(&self, other: &Self) -> bool {
        self.parts() == other.parts()
    }
}

impl Eq for State {}

impl Hash for State {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.parts().hash(state);
    }
}
