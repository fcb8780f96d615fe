//! Who is there: of too many the one that came first goes.

use std::collections::BTreeMap;

use tokio::task::AbortHandle;

/// The number of a connection.
pub(super) type Seat = u64;

/// The connections, in the order in which they came.
///
/// Whoever asks is answered within milliseconds, and gone; whoever wants to be in the way stays. So
/// to end the oldest keeps the way free, where to turn away the newest would close it.
#[derive(Debug, Default)]
pub(super) struct Seats {
    next: Seat,
    taken: BTreeMap<Seat, AbortHandle>,
}

impl Seats {
    /// The number of the next connection.
    pub(super) fn number(&mut self) -> Seat {
        self.next += 1;
        self.next
    }

    pub(super) fn take(&mut self, seat: Seat, connection: AbortHandle) {
        self.taken.insert(seat, connection);
    }

    /// A connection has ended by itself.
    pub(super) fn leave(&mut self, seat: Seat) {
        self.taken.remove(&seat);
    }

    /// Ends the oldest, if there are so many.
    pub(super) fn make_room(&mut self, max: usize) {
        if self.taken.len() >= max
            && let Some((_, oldest)) = self.taken.pop_first()
        {
            oldest.abort();
        }
    }
}
