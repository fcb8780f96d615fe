//! What happens to the leader.

use rustix::process::Signal;

use crate::arena::Arena;
use crate::clock::{self, Nanos};
use crate::group::Group;

/// What happens to a leader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Its process is killed.
    Kill,
    /// Its process is told to end.
    Terminate,
    /// Its process stands still; its host answers on its behalf.
    Freeze,
    /// Its host's frames disappear, both ways, and nobody is told.
    Vanish,
    /// What it sends to other nodes is lost; what they send arrives.
    OneWay,
}

impl Fault {
    pub const ALL: [Self; 5] =
        [Self::Kill, Self::Terminate, Self::Freeze, Self::Vanish, Self::OneWay];

    /// Makes it happen; when it was begun.
    ///
    /// # Errors
    /// If the lab's tools fail.
    pub fn strike(self, group: &Group<'_>, leader: usize) -> anyhow::Result<Nanos> {
        let arena = group.arena;
        let at = clock::now();
        match self {
            Self::Kill => group.node(leader).signal(Signal::KILL),
            Self::Terminate => group.node(leader).signal(Signal::TERM),
            Self::Freeze => group.node(leader).signal(Signal::STOP),
            Self::Vanish => arena.lab().isolate(leader)?,
            Self::OneWay => {
                for other in (0..arena.nodes()).filter(|other| *other != leader) {
                    arena.lab().cut_one_way(leader, other)?;
                }
            }
        }
        Ok(at)
    }

    /// Ends what it did to the network.
    ///
    /// # Errors
    /// If the lab's tools fail.
    pub fn heal(self, arena: &Arena) -> anyhow::Result<()> {
        if matches!(self, Self::Vanish | Self::OneWay) {
            arena.lab().heal()?;
        }
        Ok(())
    }
}
