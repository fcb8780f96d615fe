//! What a node is told at its start.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::net::IpAddr;
use core::time::Duration;

use crate::types::{Address, Epoch, Inst, Mode};

/// How a node elects. Built by hand, checked by [`Config::check`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Config {
    /// The name of the cluster: nodes of another one are refused. Not empty.
    pub cluster: Arc<str>,
    /// The mode of election: [`Mode::Bully`].
    pub mode: Mode,
    /// The address this node advertises, which is its identity. Peers dial it.
    pub id: Address,
    /// What `id` resolves to on this node, where it is a name.
    pub ip: Option<IpAddr>,
    /// This run: a number that no other run has.
    pub inst: Inst,
    /// Places to dial. The node's own is allowed, and ignored. Not all members need stand here:
    /// members tell each other of the rest.
    pub places: Vec<Address>,
    /// Higher leads; 0 never does. At most [`Config::PRIORITY_MAX`].
    pub priority: u32,
    /// A strictly higher priority takes over from a live leader, after a hold. The same on all
    /// nodes: a difference is reported.
    pub preempt: bool,
    /// Between two heartbeats: h. A silent leader is noticed after four. Smaller finds it sooner
    /// and costs more; it should be well above the round trip and the pauses of the machines.
    /// From [`Config::HEARTBEAT_MIN`] to [`Config::HEARTBEAT_MAX`].
    pub heartbeat: Duration,
    /// Ask the driver to keep the greatest epoch seen across restarts. Bully mode is right
    /// without.
    pub persist: bool,
}

impl Config {
    /// The highest priority.
    pub const PRIORITY_MAX: u32 = 1_000;
    /// The shortest time between heartbeats.
    pub const HEARTBEAT_MIN: Duration = Duration::from_millis(10);
    /// The longest time between heartbeats.
    pub const HEARTBEAT_MAX: Duration = Duration::from_secs(10);
    /// The most members that a node keeps: a bound on what a lying member can make it hold.
    pub const MEMBERS_MAX: usize = 1_024;
    /// The least time allowed for an answer: δ, unless the round trip asks for more.
    pub(crate) const DELTA_MIN: Duration = Duration::from_millis(25);

    /// Each relation that does not hold, one message per relation.
    ///
    /// # Errors
    /// The first broken relation.
    pub fn check(&self) -> Result<(), ConfigError> {
        if self.cluster.is_empty() {
            return Err(ConfigError::Cluster);
        }
        if self.priority > Self::PRIORITY_MAX {
            return Err(ConfigError::Priority(self.priority));
        }
        if !(Self::HEARTBEAT_MIN..=Self::HEARTBEAT_MAX).contains(&self.heartbeat) {
            return Err(ConfigError::Heartbeat(self.heartbeat));
        }
        if self.mode != Mode::Bully {
            return Err(ConfigError::Mode(self.mode));
        }
        if self.id.port == 0 {
            return Err(ConfigError::Port);
        }
        Ok(())
    }

    /// F: silence for this long is a fault.
    pub(crate) fn fault(&self) -> Duration {
        self.heartbeat * 4
    }

    /// P: the first pause between probes.
    pub(crate) fn probe(&self) -> Duration {
        self.heartbeat * 5
    }

    /// The longest pause between probes: P_max.
    pub(crate) fn probe_max(&self) -> Duration {
        self.heartbeat * 50
    }

    /// The same between followers that one leader reaches, and that do not reach each other.
    pub(crate) fn probe_apart_max(&self) -> Duration {
        self.probe_max() * 10
    }

    /// How long a join waits for the listed addresses.
    pub(crate) fn join(&self) -> Duration {
        self.heartbeat * 2
    }

    /// hold₀: how long a higher priority waits where leaders have not been changing.
    pub(crate) fn hold(&self) -> Duration {
        self.fault() * 2
    }
}

/// A relation between the values of a [`Config`] that does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigError {
    /// The cluster's name is empty.
    Cluster,
    /// The priority is too high.
    Priority(u32),
    /// The heartbeat is out of bounds.
    Heartbeat(Duration),
    /// This version does not run the mode.
    Mode(Mode),
    /// The advertised port is 0.
    Port,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cluster => f.write_str("the cluster's name is empty"),
            Self::Priority(p) => {
                write!(f, "priority {p} is too high: expected 0 to {}", Config::PRIORITY_MAX)
            }
            Self::Heartbeat(h) => write!(
                f,
                "a heartbeat of {h:?} is out of bounds: expected {:?} to {:?}",
                Config::HEARTBEAT_MIN,
                Config::HEARTBEAT_MAX
            ),
            Self::Mode(mode) => write!(f, "mode {mode} is unknown: expected {}", Mode::Bully),
            Self::Port => f.write_str("the advertised port is 0: peers could not dial it"),
        }
    }
}

impl core::error::Error for ConfigError {}

/// What an earlier run left on disk, if anything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Stored {
    /// The greatest epoch it had seen.
    pub seen: Epoch,
}
