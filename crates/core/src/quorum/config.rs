//! What a node in quorum mode is told at its start.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::net::IpAddr;
use core::time::Duration;

use super::lease;
use crate::types::{Address, Inst};

/// How a node elects in quorum mode. Built by hand, checked by [`Config::check`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Config {
    /// The name of the cluster: nodes of another one are refused. Not empty.
    pub cluster: Arc<str>,
    /// The address that this node advertises. Peers dial it.
    pub id: Address,
    /// What `id` resolves to on this node, where it is a name.
    pub ip: Option<IpAddr>,
    /// A number that no other node has, used where the disk holds none yet.
    pub fresh: Inst,
    /// Places to dial. Until the cluster is formed all of them must be up once; from then on the
    /// roster says who votes, whatever stands here.
    pub places: Vec<Address>,
    /// Higher leads; 0 votes and never leads. At most [`Config::PRIORITY_MAX`].
    pub priority: u32,
    /// A strictly higher priority takes over from a live leader.
    pub preempt: bool,
    /// Between two heartbeats: h. From [`Config::HEARTBEAT_MIN`] to [`Config::HEARTBEAT_MAX`], and
    /// well above the round trip, the pauses of the machines and a sync of the disk.
    pub heartbeat: Duration,
    /// How long this node promises itself to a leader: L. A leader that dies is replaced after about
    /// this long. What is left of it after the clocks' error ([`lease::usable`]) must be at least
    /// four heartbeats, of the slowest node of the cluster. At most [`Config::LEASE_MAX`].
    pub lease: Duration,
    /// This process has a guardian that will release what was promised to it (Q13).
    pub guardian: bool,
    /// The node may advertise another address than the one on its disk.
    pub moved: bool,
}

impl Config {
    /// The highest priority.
    pub const PRIORITY_MAX: u32 = crate::config::Config::PRIORITY_MAX;
    /// The shortest time between heartbeats.
    pub const HEARTBEAT_MIN: Duration = crate::config::Config::HEARTBEAT_MIN;
    /// The longest time between heartbeats.
    pub const HEARTBEAT_MAX: Duration = crate::config::Config::HEARTBEAT_MAX;
    /// The longest lease.
    pub const LEASE_MAX: Duration = Duration::from_secs(120);
    /// The most places besides the node's own: with it they make a roster.
    pub const PLACES_MAX: usize = super::words::Roster::MEMBERS_MAX - 1;

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
        Self::check_times(self.lease, self.heartbeat)?;
        if self.id.port == 0 {
            return Err(ConfigError::Port);
        }
        let others = self.places.iter().filter(|p| **p != self.id).count();
        if others > Self::PLACES_MAX {
            return Err(ConfigError::Places(others));
        }
        Ok(())
    }

    /// Whether a lease and a heartbeat are within their bounds and fit each other.
    ///
    /// # Errors
    /// The first broken relation.
    pub fn check_times(lease: Duration, heartbeat: Duration) -> Result<(), ConfigError> {
        if !(Self::HEARTBEAT_MIN..=Self::HEARTBEAT_MAX).contains(&heartbeat) {
            return Err(ConfigError::Heartbeat(heartbeat));
        }
        if lease > Self::LEASE_MAX || lease::usable(lease) < heartbeat * 4 {
            return Err(ConfigError::Lease { lease, heartbeat });
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

    /// The longest pause between probes.
    pub(crate) fn probe_max(&self) -> Duration {
        self.heartbeat * 50
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
    /// The lease does not fit the heartbeat, or is too long.
    Lease {
        /// The lease.
        lease: Duration,
        /// The heartbeat.
        heartbeat: Duration,
    },
    /// The advertised port is 0.
    Port,
    /// Too many places.
    Places(usize),
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
            Self::Lease { lease, heartbeat } => write!(
                f,
                "a lease of {lease:?} does not fit a heartbeat of {heartbeat:?}: expected {:?} to {:?}",
                lease::shortest(*heartbeat),
                Config::LEASE_MAX
            ),
            Self::Port => f.write_str("the advertised port is 0: peers could not dial it"),
            Self::Places(n) => {
                write!(f, "{n} other places are too many: expected at most {}", Config::PLACES_MAX)
            }
        }
    }
}

impl core::error::Error for ConfigError {}
