//! What is due, in order.

use crate::net::Packet;

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
    Revoked {
        host: usize,
        run: u64,
    },
}

/// Something that is due: of either mode.
#[derive(Clone, Debug)]
pub(crate) struct Entry<D> {
    pub(crate) at: u64,
    /// Messages come before timers of the same moment.
    pub(crate) late: bool,
    pub(crate) order: u64,
    pub(crate) due: D,
}

impl<D> Entry<D> {
    fn key(&self) -> (u64, bool, u64) {
        (self.at, self.late, self.order)
    }
}

impl<D> PartialEq for Entry<D> {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}
impl<D> Eq for Entry<D> {}
impl<D> PartialOrd for Entry<D> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<D> Ord for Entry<D> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}
