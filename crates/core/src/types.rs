//! The words of the protocol: addresses, instances, ticks, claims.

use alloc::string::ToString;
use alloc::sync::Arc;
use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::str::FromStr;
use core::time::Duration;

/// The largest number that any field of the protocol may hold: 2^53 − 1, so that every number
/// survives a trip through JSON.
pub const NUMBER_MAX: u64 = (1 << 53) - 1;

/// The host part of an [`Address`].
///
/// The order is the protocol's: IPv4 before IPv6, each by number, then names bytewise.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Host {
    /// An IPv4 address.
    V4(Ipv4Addr),
    /// An IPv6 address.
    V6(Ipv6Addr),
    /// A host name, in lower case.
    Name(Arc<str>),
}

impl Host {
    /// The IP address, unless this is a name.
    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::V4(ip) => Some(IpAddr::V4(*ip)),
            Self::V6(ip) => Some(IpAddr::V6(*ip)),
            Self::Name(_) => None,
        }
    }
}

impl From<IpAddr> for Host {
    /// An IPv4 address written as IPv6 (`::ffff:a.b.c.d`) is the IPv4 address: one node must not
    /// have two identities.
    fn from(ip: IpAddr) -> Self {
        match ip.to_canonical() {
            IpAddr::V4(ip) => Self::V4(ip),
            IpAddr::V6(ip) => Self::V6(ip),
        }
    }
}

impl From<&str> for Host {
    /// An IP address where the text is one, else a name in lower case. Never fails: whether a
    /// name is well formed is for who reads it from a person or a peer.
    fn from(text: &str) -> Self {
        match IpAddr::from_str(text) {
            Ok(ip) => Self::from(ip),
            Err(_) => Self::Name(text.to_ascii_lowercase().into()),
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::V4(ip) => fmt::Display::fmt(ip, f),
            Self::V6(ip) => fmt::Display::fmt(ip, f),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// Where a node can be dialled, and, as the address that it advertises, who it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    /// The host.
    pub host: Host,
    /// The port.
    pub port: u16,
}

impl Address {
    /// An address from its parts.
    pub fn new(host: impl Into<Host>, port: u16) -> Self {
        Self { host: host.into(), port }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::V6(ip) => write!(f, "[{ip}]:{}", self.port),
            host => write!(f, "{host}:{}", self.port),
        }
    }
}

/// One run of a node: a random number, drawn anew at every start in bully mode.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Inst(pub u128);

impl fmt::Debug for Inst {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}", self.0)
    }
}

/// A moment on one of the driver's monotonic clocks, in nanoseconds since an arbitrary zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tick(pub u64);

impl Tick {
    /// How long after `earlier` this is; zero if it is not.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// The moment `by` later.
    pub fn after(self, by: Duration) -> Self {
        let nanos = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(nanos))
    }

    /// The moment `by` earlier, or zero.
    pub fn before(self, by: Duration) -> Self {
        let nanos = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
        Self(self.0.saturating_sub(nanos))
    }
}

/// The clocks as sampled by the driver for one step (PROTOCOL.md section 1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Now {
    /// Never slower than any of the machine's monotonic clocks: measures what the node itself may
    /// rely on.
    pub fast: Tick,
    /// Never faster than any of them: measures what the node has promised to others.
    pub slow: Tick,
    /// Milliseconds since 1970 by the wall clock. Serves only the number of a new reign.
    pub wall_ms: u64,
}

/// The number of a reign in bully mode. It orders reigns and may rise within one; it fences
/// nothing, since a split network has two leaders.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(pub u64);

impl Epoch {
    /// The wall clock counts for new epochs up to here (the year 2109).
    pub const WALL_MAX: u64 = 1 << 42;
    /// How far above what was seen an epoch may lie before its message is dropped.
    pub const LEAP_MAX: u64 = 1 << 20;

    /// The epoch of a new claim, given the greatest one seen.
    pub(crate) fn next(seen: Self, wall_ms: u64) -> Self {
        Self((seen.0 + 1).max(wall_ms.min(Self::WALL_MAX)).min(NUMBER_MAX))
    }

    /// The most that one message can add to what was seen.
    pub(crate) fn leap(self) -> Self {
        Self((self.0.max(Self::WALL_MAX) + Self::LEAP_MAX).min(NUMBER_MAX))
    }

    /// Whether an honest node could hold this epoch, given the greatest one seen.
    pub(crate) fn is_credible(self, seen: Self) -> bool {
        self <= seen.leap()
    }
}

/// The number of a member's record: raised at a restart that finds an older one, at a change of
/// priority, at nothing else.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Incarnation(pub(crate) u64);

impl Incarnation {
    /// No honest record gets here: a change each millisecond would take fifty days.
    const HONEST_MAX: u64 = 1 << 32;

    pub(crate) fn next(self) -> Self {
        Self((self.0 + 1).min(NUMBER_MAX))
    }

    /// The most that one message can add to what was seen.
    pub(crate) fn leap(self) -> Self {
        Self((self.0.max(Self::HONEST_MAX) + Epoch::LEAP_MAX).min(NUMBER_MAX))
    }

    /// Whether an honest node could hold this number, given the greatest one seen.
    pub(crate) fn is_credible(self, seen: Self) -> bool {
        self <= seen.leap()
    }
}

/// A node's claim to lead. Claims are ordered field by field, and a node accepts only ever
/// greater ones. The instance is part of it so that a restart under a clock that was set back
/// cannot repeat a claim.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Claim {
    /// The number of the reign.
    pub epoch: Epoch,
    /// The priority of the claimant when it claimed.
    pub priority: u32,
    /// Who claims.
    pub id: Address,
    /// Which run of it.
    pub inst: Inst,
}

impl Claim {
    /// Whether both are claims of the same run of the same node: the same reign, or a later one
    /// of the same leader.
    pub fn is_of_same_node(&self, other: &Self) -> bool {
        self.id == other.id && self.inst == other.inst
    }
}

/// The rules of election. Nodes of one mode refuse those of another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Mode {
    /// Every connected group has a leader; a split has two.
    #[default]
    Bully,
    /// At most one node leads at any moment; without a majority, none.
    Quorum,
    /// A mode of a later version, by its number on the wire.
    Other(u16),
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bully => f.write_str("bully"),
            Self::Quorum => f.write_str("quorum"),
            Self::Other(number) => write!(f, "{number}"),
        }
    }
}

/// An address could not be read: it has no port, or its brackets do not match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressError;

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected ip:port, host:port or [v6]:port")
    }
}

impl core::error::Error for AddressError {}

impl FromStr for Address {
    type Err = AddressError;

    /// Reads what [`fmt::Display`] writes: `ip:port`, `host:port` or `[v6]:port`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (host, port) = text.rsplit_once(':').ok_or(AddressError)?;
        let port = port.parse().map_err(|_| AddressError)?;
        let host = match host.strip_prefix('[') {
            Some(rest) => {
                let inner = rest.strip_suffix(']').ok_or(AddressError)?;
                Host::from(IpAddr::V6(inner.parse().map_err(|_| AddressError)?))
            }
            None if host.is_empty() || host.contains([':', '[', ']']) => return Err(AddressError),
            None => Host::from(host),
        };
        Ok(Self { host, port })
    }
}

impl From<&Address> for alloc::string::String {
    fn from(address: &Address) -> Self {
        address.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;

    #[test]
    fn addresses_are_ordered_v4_then_v6_then_names() {
        let sorted = ["9.0.0.1:1", "10.0.0.1:1", "10.0.0.1:2", "[::1]:1", "a:1", "b:1"];
        let parsed: alloc::vec::Vec<Address> = sorted.iter().map(|s| s.parse().unwrap()).collect();
        assert!(parsed.is_sorted());
        for (text, address) in sorted.iter().zip(&parsed) {
            assert_eq!(String::from(address), *text);
        }
    }

    #[test]
    fn a_mapped_address_is_the_v4_address() {
        assert_eq!("[::ffff:10.0.0.1]:7".parse(), Ok(Address::new("10.0.0.1", 7)));
    }

    #[test]
    fn malformed_addresses_are_errors() {
        for text in ["", ":1", "a", "a:", "a:x", "a:65536", "::1", "[::1:1", "[a]:1", "::1:1"] {
            assert_eq!(text.parse::<Address>(), Err(AddressError), "{text:?}");
        }
    }

    #[test]
    fn a_new_epoch_follows_the_wall_clock_up_to_its_bound_and_what_was_seen_beyond() {
        assert_eq!(Epoch::next(Epoch(5), 1_000), Epoch(1_000));
        assert_eq!(Epoch::next(Epoch(5_000), 1_000), Epoch(5_001));
        assert_eq!(Epoch::next(Epoch(5), u64::MAX), Epoch(Epoch::WALL_MAX));
        assert_eq!(Epoch::next(Epoch(NUMBER_MAX), 0), Epoch(NUMBER_MAX));
    }

    #[test]
    fn an_incarnation_never_exceeds_the_largest_number() {
        assert_eq!(Incarnation(7).next(), Incarnation(8));
        assert_eq!(Incarnation(NUMBER_MAX).next(), Incarnation(NUMBER_MAX));
        assert_eq!(Incarnation(NUMBER_MAX).leap(), Incarnation(NUMBER_MAX));
        assert!(Incarnation(Incarnation::HONEST_MAX).is_credible(Incarnation(0)));
        assert!(!Incarnation(NUMBER_MAX).is_credible(Incarnation(0)));
    }

    #[test]
    fn an_epoch_far_beyond_what_was_seen_is_not_credible() {
        assert!(Epoch(Epoch::WALL_MAX).is_credible(Epoch(0)));
        assert!(Epoch(Epoch::WALL_MAX + Epoch::LEAP_MAX).is_credible(Epoch(0)));
        assert!(!Epoch(Epoch::WALL_MAX + Epoch::LEAP_MAX + 1).is_credible(Epoch(0)));
        assert!(!Epoch(u64::MAX).is_credible(Epoch(NUMBER_MAX)));
    }
}
