//! What may be due in quorum mode; in which order, [`crate::queue`] says.

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
