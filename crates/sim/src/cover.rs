//! What has happened at least once: the `sometimes` beside every `always`.

use std::fmt;

/// Something worth having seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it, and are printed")]
pub enum Seen {
    ElectedOnJoin,
    ElectedOnSilence,
    ElectedOnCrash,
    ElectedOnLeave,
    ElectedByHandover,
    ElectedByPriority,
    DeposedByMerge,
    DeposedByGreaterClaim,
    DeposedWhenLate,
    DeposedByResign,
    DeposedAsDuplicate,
    EpochRaised,
    EpochDropped,
    RelayedBeat,
    WatchAsked,
    NeedStated,
    Met,
    OneWayClosed,
    SurplusClosed,
    LeaderThawedOverdue,
    RestartBelowFiveMs,
    ClockSetBack,
    DialRefused,
    DialTimedOut,
    MessageLost,
    MessageRepeated,
    MessageHeld,
    ResetByLaterRun,
    RefusedDuplicate,
    Partial,
    FollowedThroughRelay,
    HostileMessage,
}

const COUNT: usize = Seen::HostileMessage as usize + 1;

#[allow(clippy::enum_glob_use, reason = "a table of all of them")]
const ALL: [Seen; COUNT] = {
    use Seen::*;
    [
        ElectedOnJoin,
        ElectedOnSilence,
        ElectedOnCrash,
        ElectedOnLeave,
        ElectedByHandover,
        ElectedByPriority,
        DeposedByMerge,
        DeposedByGreaterClaim,
        DeposedWhenLate,
        DeposedByResign,
        DeposedAsDuplicate,
        EpochRaised,
        EpochDropped,
        RelayedBeat,
        WatchAsked,
        NeedStated,
        Met,
        OneWayClosed,
        SurplusClosed,
        LeaderThawedOverdue,
        RestartBelowFiveMs,
        ClockSetBack,
        DialRefused,
        DialTimedOut,
        MessageLost,
        MessageRepeated,
        MessageHeld,
        ResetByLaterRun,
        RefusedDuplicate,
        Partial,
        FollowedThroughRelay,
        HostileMessage,
    ]
};

/// How often each was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cover([u64; COUNT]);

impl Default for Cover {
    fn default() -> Self {
        Self([0; COUNT])
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
        ALL.into_iter().filter(|s| self.count(*s) == 0).collect()
    }
}

impl fmt::Display for Cover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for seen in ALL {
            writeln!(f, "{:>10} {seen:?}", self.count(seen))?;
        }
        Ok(())
    }
}
