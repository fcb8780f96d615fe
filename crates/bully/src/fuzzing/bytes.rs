//! Bytes as decisions.

use std::net::IpAddr;

use bully_core::{Address, Epoch, Inst, NUMBER_MAX};

/// The wall clock of the nodes under test when they start.
pub(super) const WALL_MS: u64 = 1_795_400_798_000;

/// Takes decisions from its front; where none are left, all are 0.
pub(super) struct Bytes<'d>(pub(super) &'d [u8]);

impl<'d> Bytes<'d> {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    pub(super) fn flag(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    /// One of so many.
    pub(super) fn below(&mut self, count: usize) -> usize {
        usize::from(self.byte()) % count.max(1)
    }

    /// Perhaps what `take` takes.
    pub(super) fn maybe<T>(&mut self, take: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.flag().then(|| take(self))
    }

    /// Up to `most` of what `take` takes.
    pub(super) fn list<T>(&mut self, most: usize, mut take: impl FnMut(&mut Self) -> T) -> Vec<T> {
        let count = self.below(most + 1);
        (0..count).map(|_| take(self)).collect()
    }

    /// A frame: its length, and as much of it as there is.
    pub(super) fn frame(&mut self) -> &'d [u8] {
        let Some((prefix, rest)) = self.0.split_first_chunk() else {
            return std::mem::take(&mut self.0);
        };
        let announced = usize::try_from(u32::from_be_bytes(*prefix)).unwrap_or(usize::MAX);
        let (frame, rest) = rest.split_at(announced.min(rest.len()));
        self.0 = rest;
        frame
    }

    /// A number of the protocol, small, around the clock, or at an edge.
    pub(super) fn number(&mut self) -> u64 {
        let edge = Epoch::WALL_MAX + Epoch::LEAP_MAX;
        match self.byte() {
            n @ 0..100 => u64::from(n),
            n @ 100..160 => WALL_MS - 30 + u64::from(n - 100),
            n @ 160..200 => WALL_MS / 1_000 - 20 + u64::from(n - 160),
            n @ 200..230 => NUMBER_MAX - u64::from(n - 200),
            n @ 230..240 => edge - 5 + u64::from(n - 230),
            n @ 240..245 => (1 << 32) + u64::from(n),
            _ => {
                let bytes = [(); 8].map(|()| self.byte());
                u64::from_be_bytes(bytes) & NUMBER_MAX
            }
        }
    }

    /// Few, so that they meet again.
    pub(super) fn inst(&mut self) -> Inst {
        Inst(match self.byte() {
            n @ 0..250 => u128::from(n % 6),
            n => u128::MAX - u128::from(n),
        })
    }

    /// Those of the nodes of the quick start, most of the time.
    pub(super) fn address(&mut self) -> Address {
        match self.byte() {
            n @ 0..200 => Address::new(format!("192.168.1.{}", 67 + n % 5).as_str(), 8117),
            n @ 200..230 => Address::new(format!("10.0.{}.{n}", self.byte()).as_str(), 8117),
            n => Address::new(format!("host-{}", n % 4).as_str(), 1 + u16::from(self.byte())),
        }
    }

    pub(super) fn ip(&mut self) -> IpAddr {
        IpAddr::from([10, 0, 0, self.byte()])
    }

    pub(super) fn priority(&mut self) -> u32 {
        [0, 1, 99, 100, 101, 1_000][self.below(6)]
    }
}
