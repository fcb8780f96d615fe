//! Who may have a connection: the counts, without the sockets.

use std::collections::BTreeMap;
use std::net::IpAddr;

use thiserror::Error;

use super::Limits;

/// The connections there are, by IP address.
#[derive(Debug)]
pub(super) struct Places {
    max: usize,
    strangers_max: usize,
    total: usize,
    by_ip: BTreeMap<IpAddr, Count>,
    /// How many listed addresses there are at an IP address.
    kept: BTreeMap<IpAddr, usize>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    all: usize,
    strangers: usize,
}

/// No place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(super) enum Full {
    /// There are as many connections as there may be, or the rest is kept for others.
    #[error("too many connections")]
    InAll,
    /// There are too many strangers at this address.
    #[error("too many connections from this address")]
    AtAddress,
}

impl Places {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            max: limits.connections_max,
            strangers_max: limits.strangers_per_address_max,
            total: 0,
            by_ip: BTreeMap::new(),
            kept: BTreeMap::new(),
        }
    }

    /// Keep one place for each of these, in place of those of the last call.
    pub(super) fn reserve(&mut self, addresses: impl IntoIterator<Item = IpAddr>) {
        self.kept.clear();
        for ip in addresses {
            *self.kept.entry(ip.to_canonical()).or_default() += 1;
        }
    }

    /// Take a place for a connection that was dialled.
    pub(super) fn take(&mut self, ip: IpAddr) -> Result<(), Full> {
        // Places kept for addresses that have no connection yet, this one's left out.
        let kept_for = |(other, kept): (&IpAddr, &usize)| match self.by_ip.get(other) {
            _ if *other == ip => 0,
            Some(count) => kept.saturating_sub(count.all),
            None => *kept,
        };
        let kept: usize = self.kept.iter().map(kept_for).sum();
        if self.total.saturating_add(kept) >= self.max && !self.is_kept_for(ip) {
            return Err(Full::InAll);
        }
        self.total += 1;
        self.by_ip.entry(ip).or_default().all += 1;
        Ok(())
    }

    /// Take a place for a connection that was accepted.
    pub(super) fn take_stranger(&mut self, ip: IpAddr) -> Result<(), Full> {
        if self.by_ip.get(&ip).is_some_and(|count| count.strangers >= self.strangers_max) {
            return Err(Full::AtAddress);
        }
        self.take(ip)?;
        self.by_ip.entry(ip).or_default().strangers += 1;
        Ok(())
    }

    /// A stranger has become a member.
    pub(super) fn promote(&mut self, ip: IpAddr) {
        if let Some(count) = self.by_ip.get_mut(&ip) {
            count.strangers -= 1;
        }
    }

    /// A connection is gone.
    pub(super) fn leave(&mut self, ip: IpAddr, stranger: bool) {
        self.total -= 1;
        if let Some(count) = self.by_ip.get_mut(&ip) {
            count.all -= 1;
            count.strangers -= usize::from(stranger);
            if count.all == 0 {
                self.by_ip.remove(&ip);
            }
        }
    }

    /// Whether a listed address is there.
    pub(super) fn is_listed(&self, ip: IpAddr) -> bool {
        self.kept.contains_key(&ip)
    }

    /// One of the kept places is this address's, and it has not taken it.
    fn is_kept_for(&self, ip: IpAddr) -> bool {
        let taken = self.by_ip.get(&ip).map_or(0, |count| count.all);
        self.total < self.max && self.kept.get(&ip).is_some_and(|kept| taken < *kept)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(last: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, last])
    }

    fn places(connections_max: usize, strangers_per_address_max: usize) -> Places {
        Places::new(&Limits { connections_max, strangers_per_address_max, ..Limits::default() })
    }

    #[test]
    fn strangers_are_bounded_per_address_and_members_are_not() {
        let mut places = places(10, 2);
        places.take_stranger(ip(1)).unwrap();
        places.take_stranger(ip(1)).unwrap();
        assert_eq!(places.take_stranger(ip(1)), Err(Full::AtAddress));
        assert_eq!(places.take_stranger(ip(2)), Ok(()));
        places.promote(ip(1));
        assert_eq!(places.take_stranger(ip(1)), Ok(()));
        assert_eq!(places.take_stranger(ip(1)), Err(Full::AtAddress));
        places.leave(ip(1), true);
        assert_eq!(places.take_stranger(ip(1)), Ok(()));
    }

    #[test]
    fn all_are_bounded_and_a_place_that_is_left_is_free_again() {
        let mut places = places(2, 9);
        places.take(ip(1)).unwrap();
        places.take_stranger(ip(2)).unwrap();
        assert_eq!(places.take_stranger(ip(3)), Err(Full::InAll));
        assert_eq!(places.take(ip(3)), Err(Full::InAll));
        places.leave(ip(2), true);
        assert_eq!(places.take(ip(3)), Ok(()));
    }

    #[test]
    fn one_place_is_kept_for_each_listed_address() {
        let mut places = places(4, 9);
        places.reserve([ip(1), ip(2), ip(2)]);
        places.take_stranger(ip(9)).unwrap();
        assert_eq!(places.take_stranger(ip(9)), Err(Full::InAll));
        assert_eq!(places.take_stranger(ip(1)), Ok(()));
        assert_eq!(places.take_stranger(ip(1)), Err(Full::InAll), "its second is no kept one");
        assert_eq!(places.take_stranger(ip(2)), Ok(()));
        assert_eq!(places.take_stranger(ip(2)), Ok(()), "two listed at one IP address");
        assert_eq!(places.take_stranger(ip(2)), Err(Full::InAll));
        places.leave(ip(1), true);
        assert_eq!(places.take_stranger(ip(9)), Err(Full::InAll), "kept for who left, too");
        places.reserve([]);
        assert_eq!(places.take_stranger(ip(9)), Ok(()));
    }

    #[test]
    fn a_mapped_address_keeps_the_place_of_the_v4_address() {
        let mut places = places(1, 9);
        places.reserve(["::ffff:10.0.0.1".parse().unwrap()]);
        assert_eq!(places.take_stranger(ip(2)), Err(Full::InAll));
        assert_eq!(places.take_stranger(ip(1)), Ok(()));
    }
}
