//! What has happened at least once: the `sometimes` beside every `always`.

use std::fmt;

macro_rules! cases {
    ($($name:ident),* $(,)?) => {
        /// Something worth having seen.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[allow(missing_docs, reason = "the names say it, and are printed")]
        pub enum Seen { $($name),* }

        const ALL: &[Seen] = &[$(Seen::$name),*];
    };
}

cases![
    Formed,
    SecondReign,
    ElectedOnVacancy,
    ElectedByHandover,
    ElectedWhenOvertaken,
    RevokedByLapse,
    RevokedWhenOvertaken,
    RevokedByPreemption,
    RevokedByResign,
    RevokedByDisk,
    RevokedWhenSuspended,
    AppOutlivedNode,
    AppKilled,
    Farewell,
    LeaderThawed,
    Suspended,
    RosterChanged,
    RosterAborted,
    NotProposed,
    NodeRemoved,
    NodeReplaced,
    RefusedForeign,
    RefusedOther,
    SplitClusters,
    Quarantined,
    StartRefused,
    SamePlace,
    Renounced,
    Rejected,
    ReleasedToNobody,
    ReleasedToTarget,
    WantedLead,
    MutedFollowed,
    LeaveAsked,
    Stopped,
    DiskStalled,
    DiskFailed,
    DiskBack,
    DiskWiped,
    UnsyncedKept,
    UnsyncedLost,
    DialRefused,
    DialTimedOut,
    MessageLost,
    MessageRepeated,
    MessageLate,
    MessageHeld,
    ResetByLaterRun,
    ForeignMessage,
    PartialCut,
    OneWayCut,
    MixedLeases,
    MixedClocks,
    ListsDiffer,
    PeaceWithLeader,
    PeaceWithoutQuorum,
    PeaceUnformed,
];

/// How often each was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cover(Vec<u64>);

impl Default for Cover {
    fn default() -> Self {
        Self(vec![0; ALL.len()])
    }
}

impl Cover {
    /// Counts one.
    pub fn saw(&mut self, what: Seen) {
        self.0[what as usize] += 1;
    }

    /// How often.
    pub fn count(&self, what: Seen) -> u64 {
        self.0[what as usize]
    }

    /// Adds what another run has seen.
    pub fn add(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(a, b)| *a += b);
    }

    /// What was never seen.
    pub fn never(&self) -> Vec<Seen> {
        ALL.iter().copied().filter(|s| self.count(*s) == 0).collect()
    }
}

impl fmt::Display for Cover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for seen in ALL {
            writeln!(f, "{:>10} {seen:?}", self.count(*seen))?;
        }
        Ok(())
    }
}
