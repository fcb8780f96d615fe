//! The network: delays, loss, cuts, and connections that behave like TCP's.

use std::collections::BTreeSet;

use bully_core::{Address, LinkId, Message};

use crate::rng::Rng;

/// One microsecond in virtual nanoseconds.
pub const US: u64 = 1_000;
/// One millisecond in virtual nanoseconds.
pub const MS: u64 = 1_000_000;
/// One second in virtual nanoseconds.
pub const SEC: u64 = 1_000_000_000;

/// How the network treats what is sent.
#[derive(Clone, Debug)]
pub struct Net {
    /// One hop takes from … to, in nanoseconds, unless the pair has its own.
    pub delay: (u64, u64),
    /// Per pair (lower index first): its own delay.
    pub pair_delay: Vec<((usize, usize), (u64, u64))>,
    /// Of a thousand messages so many are lost.
    pub loss: u64,
    /// Of a thousand messages so many arrive twice.
    pub duplication: u64,
    /// A repeated message may arrive after later ones: harsher than TCP.
    pub reorder: bool,
    /// What is sent into a cut arrives once it heals, as TCP's retransmissions would; else it is
    /// lost.
    pub holds: bool,
    /// A dead process's port refuses so much later, at most.
    pub refusal_lag: u64,
    /// From → to is cut.
    pub cut: BTreeSet<(usize, usize)>,
}

impl Default for Net {
    fn default() -> Self {
        Self {
            delay: (250 * US, 250 * US),
            pair_delay: Vec::new(),
            loss: 0,
            duplication: 0,
            reorder: false,
            holds: false,
            refusal_lag: 0,
            cut: BTreeSet::new(),
        }
    }
}

impl Net {
    /// The time of one hop.
    pub(crate) fn hop(&self, rng: &mut Rng, a: usize, b: usize) -> u64 {
        let (low, high) = self.bounds(a, b);
        rng.between(low, high)
    }

    fn bounds(&self, a: usize, b: usize) -> (u64, u64) {
        let pair = (a.min(b), a.max(b));
        let own = self.pair_delay.iter().find(|(p, _)| *p == pair);
        own.map_or(self.delay, |(_, d)| *d)
    }

    /// The longest hop between any two.
    pub fn hop_max(&self) -> u64 {
        let pairs = self.pair_delay.iter().map(|(_, d)| d.1);
        pairs.chain([self.delay.1]).max().unwrap_or(0)
    }

    /// Whether nothing gets from `a` to `b`.
    pub fn is_cut(&self, a: usize, b: usize) -> bool {
        self.cut.contains(&(a, b))
    }
}

/// Where an end of a connection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EndState {
    Opening,
    Open,
    Closed,
}

/// One end of a connection.
#[derive(Clone, Debug)]
pub(crate) struct End {
    pub(crate) host: usize,
    /// Which process of the host; a later one answers with a reset.
    pub(crate) run: u64,
    pub(crate) link: LinkId,
    pub(crate) state: EndState,
    /// When the last thing sent to this end arrives: the next may not overtake it.
    pub(crate) last_arrival: u64,
}

/// A connection: end 0 dialled.
#[derive(Clone, Debug)]
pub(crate) struct Conn {
    pub(crate) dialed: Address,
    pub(crate) ends: [End; 2],
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
    Data(Message),
    Fin,
}
