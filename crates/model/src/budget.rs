//! What the adversary may do, and how often.

/// A departure from the course of things: each is done as often as the scope allows, at every
/// moment at which it makes a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// A message never arrives.
    Lose,
    /// A message is kept, and arrives at any later moment or never.
    Hold,
    /// A message arrives, and once more at any later moment.
    Copy,
    /// A message arrives before those that were sent before it.
    Overtake,
    /// A process dies.
    Crash,
    /// A dead process is started.
    Start,
    /// A write fails, and leaves the old record or the new one.
    Disk,
    /// A sync takes as long as it takes.
    SlowDisk,
    /// An application takes long to stop.
    SlowApp,
    /// A process stands still while time passes, and wakes at any later moment.
    Pause,
    /// A host is cut off from all others, until any later moment.
    Isolate,
    /// Two hosts are cut off from each other, until any later moment.
    Cut,
    /// A node is told to hand over and stop.
    Resign,
    /// A node is told to leave the cluster.
    Leave,
    /// The leader is told to hand over to somebody.
    HandOver,
    /// The leader is told to remove a member.
    Remove,
    /// A node's priority is changed.
    Priority,
    /// The guardian of a dead node speaks.
    Farewell,
}

impl Fault {
    const ALL: [Self; 18] = [
        Self::Lose,
        Self::Hold,
        Self::Copy,
        Self::Overtake,
        Self::Crash,
        Self::Start,
        Self::Disk,
        Self::SlowDisk,
        Self::SlowApp,
        Self::Pause,
        Self::Isolate,
        Self::Cut,
        Self::Resign,
        Self::Leave,
        Self::HandOver,
        Self::Remove,
        Self::Priority,
        Self::Farewell,
    ];
}

const COUNT: usize = Fault::ALL.len();

/// How much is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Budget {
    /// Of all kinds together.
    total: u8,
    /// Of each kind.
    of: [u8; COUNT],
}

impl Budget {
    /// At most `total` faults, and of each kind no more than is said here. What belongs to a crash,
    /// and what operators ask for, counts by kind alone.
    pub fn new(total: u8, kinds: &[(Fault, u8)]) -> Self {
        let mut of = [0; COUNT];
        for (fault, count) in kinds {
            of[*fault as usize] = *count;
        }
        Self { total, of }
    }

    /// How many faults there may be in all.
    pub fn total(&self) -> u8 {
        self.total
    }

    /// Whether one more is allowed.
    pub fn allows(&self, fault: Fault) -> bool {
        self.of[fault as usize] > 0 && (self.total > 0 || Self::is_free(fault))
    }

    /// What belongs to a crash, and what operators ask for, does not count besides the faults.
    fn is_free(fault: Fault) -> bool {
        matches!(
            fault,
            Fault::Start
                | Fault::Farewell
                | Fault::Resign
                | Fault::Leave
                | Fault::HandOver
                | Fault::Remove
                | Fault::Priority
        )
    }

    pub(crate) fn spend(&mut self, fault: Fault) {
        let left = &mut self.of[fault as usize];
        *left = left.saturating_sub(1);
        if !Self::is_free(fault) {
            self.total = self.total.saturating_sub(1);
        }
        // What can no longer be spent makes no two states different.
        if self.total == 0 {
            for kind in Fault::ALL.into_iter().filter(|kind| !Self::is_free(*kind)) {
                self.of[kind as usize] = 0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_ends_by_kind_and_in_all_and_a_start_counts_only_by_kind() {
        let kinds = [(Fault::Lose, 2), (Fault::Crash, 1), (Fault::Start, 1)];
        let mut left = Budget::new(2, &kinds);
        left.spend(Fault::Crash);
        assert!(!left.allows(Fault::Crash) && left.allows(Fault::Lose));
        left.spend(Fault::Lose);
        assert!(!left.allows(Fault::Lose) && left.allows(Fault::Start));
        assert_eq!(left, Budget::new(0, &[(Fault::Start, 1)]));
    }
}
