//! What is due, in order.

use bully_core::PersistId;

use super::wire::Packet;

/// What is due at a moment.
#[allow(clippy::large_enum_variant, reason = "most are of the large kind")]
#[derive(Clone, Debug)]
pub(crate) enum Due {
    /// To which end of which connection.
    Arrive {
        conn: usize,
        side: usize,
        packet: Packet,
    },
    DialTimeout {
        conn: usize,
    },
    Timer {
        host: usize,
        run: u64,
    },
    /// A write reaches the disk.
    Synced {
        host: usize,
        run: u64,
        id: PersistId,
    },
    /// The application has handled a Revoke.
    Stopped {
        host: usize,
        run: u64,
        token: u64,
    },
    /// The application asks whether it leads.
    Look {
        host: usize,
        run: u64,
    },
    /// The guardian has killed the command.
    Killed {
        host: usize,
    },
    /// The guardian starts the node again.
    Restart {
        host: usize,
    },
}

#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) at: u64,
    /// Messages come before timers of the same moment.
    pub(crate) late: bool,
    pub(crate) order: u64,
    pub(crate) due: Due,
}

impl Entry {
    fn key(&self) -> (u64, bool, u64) {
        (self.at, self.late, self.order)
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}
impl Eq for Entry {}
impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Entry {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}
