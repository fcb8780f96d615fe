//! The lease: what a promise is worth to the one that it was made to.
//!
//! A voter promises L on its slow clock from the receipt of a message. The holder counts on
//! `usable(L)` on its fast clock from the moment at which it sent that message. With both rates
//! wrong by at most ρ the promise lasts at least L/(1+ρ), what is counted on at most usable(L)/(1−ρ),
//! and the sending is before the receipt: so a holder's lease ends before the promise does.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::time::Duration;

use super::words::Roster;
use crate::types::{Inst, Tick};

/// ρ: by how much the rate of a clock may be wrong, in thousandths.
pub const RATE_ERROR_PER_MILLE: u32 = 5;

/// What is kept back of each lease beyond the clocks' error: for the time between a look at the
/// clock and the deed.
pub const GUARD: Duration = Duration::from_millis(20);

/// D: how much of a promise of length `lease` its holder may count on, by its fast clock.
#[must_use]
pub fn usable(lease: Duration) -> Duration {
    if cfg!(bully_mutant = "lease-as-promised") {
        return lease;
    }
    let nanos = lease.as_nanos() * u128::from(1_000 - RATE_ERROR_PER_MILLE)
        / u128::from(1_000 + RATE_ERROR_PER_MILLE);
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)).saturating_sub(GUARD)
}

/// The shortest lease that serves a heartbeat.
pub(crate) fn shortest(heartbeat: Duration) -> Duration {
    let least = (heartbeat * 4 + GUARD) * (1_000 + RATE_ERROR_PER_MILLE);
    least / (1_000 - RATE_ERROR_PER_MILLE) + Duration::from_nanos(1)
}

/// Until when each voter's promise may be counted on, by the holder's fast clock.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Grants {
    until: BTreeMap<Inst, Tick>,
}

impl Grants {
    /// A promise of `lease` was made after `stamp`. Where the holder's own lease is shorter it
    /// counts on no more than that: it is part of every quorum of its own, and after a restart it is
    /// silent for its own lease only.
    pub(crate) fn take(&mut self, from: Inst, stamp: Tick, lease: Duration, own: Duration) {
        let counted = if cfg!(bully_mutant = "lease-uncapped") { lease } else { lease.min(own) };
        let until = stamp.after(usable(counted));
        let entry = self.until.entry(from).or_insert(until);
        *entry = until.max(*entry);
    }

    /// exp(C): the latest moment until which a majority of `roster` is promised. The holder itself
    /// counts as promised now.
    pub(crate) fn expiry(&self, roster: &Roster, me: Inst, own_until: Tick) -> Option<Tick> {
        let of = |inst: Inst| {
            if inst == me { Some(own_until) } else { self.until.get(&inst).copied() }
        };
        let mut until: Vec<Tick> = roster.members.iter().filter_map(|m| of(m.inst)).collect();
        until.sort_unstable_by(|a, b| b.cmp(a));
        let quorum = roster.quorum();
        until.get(quorum - 1).copied().filter(|_| !roster.members.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quorum::words::Member;
    use crate::types::Address;

    fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    fn roster(n: u128) -> Roster {
        let member = |i| Member { inst: Inst(i), id: Address::new("h", 1), priority: 1 };
        Roster { members: (1..=n).map(member).collect(), ..Roster::default() }
    }

    /// The twin: each majority, counted one by one, holds until the first of it does not.
    fn expiry_by_enumeration(
        grants: &Grants,
        roster: &Roster,
        me: Inst,
        own: Tick,
    ) -> Option<Tick> {
        let n = roster.members.len();
        let majorities = (0_usize..1 << n).filter(|bits| 2 * bits.count_ones() as usize > n);
        let holds = |bits: usize| {
            let of = |k: usize| {
                let inst = roster.members[k].inst;
                if inst == me { Some(own) } else { grants.until.get(&inst).copied() }
            };
            (0..n).filter(|k| bits >> k & 1 == 1).map(of).min().flatten()
        };
        majorities.filter_map(holds).max()
    }

    #[test]
    fn the_expiry_over_grants_is_that_of_the_best_majority() {
        let mut state = 7_u64;
        let mut next = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) % below
        };
        for _ in 0..3_000 {
            let roster = roster(u128::from(1 + next(7)));
            let mut grants = Grants::default();
            for inst in 1..=9 {
                if next(3) > 0 {
                    grants.take(
                        Inst(inst),
                        Tick(next(9) * 1_000_000),
                        ms(600 + next(3)),
                        ms(9_000),
                    );
                }
            }
            let (me, own) = (Inst(u128::from(1 + next(9))), Tick(next(900_000_000)));
            assert_eq!(
                grants.expiry(&roster, me, own),
                expiry_by_enumeration(&grants, &roster, me, own)
            );
        }
    }

    #[test]
    fn what_is_counted_on_is_over_before_the_promise_whatever_the_clocks_do_within_the_bound() {
        for lease in [ms(100), ms(600), ms(1_000), ms(120_000)] {
            let longest_held = usable(lease) * 1_000 / (1_000 - RATE_ERROR_PER_MILLE);
            let shortest_promise = lease * 1_000 / (1_000 + RATE_ERROR_PER_MILLE);
            assert!(longest_held + ms(20) <= shortest_promise + Duration::from_micros(200));
            assert!(longest_held < shortest_promise);
        }
    }

    #[test]
    fn the_shortest_lease_is_enough_and_a_millisecond_less_is_not() {
        for h in [ms(10), ms(150), ms(10_000)] {
            assert!(usable(shortest(h)) >= h * 4);
            assert!(usable(shortest(h).saturating_sub(ms(1))) < h * 4);
        }
    }

    #[test]
    fn a_longer_promise_of_another_is_cut_to_ones_own() {
        let mut grants = Grants::default();
        grants.take(Inst(2), Tick(0), ms(4_000), ms(600));
        let own = Tick(0).after(usable(ms(600)));
        assert_eq!(grants.expiry(&roster(3), Inst(1), own), Some(own));
    }
}
