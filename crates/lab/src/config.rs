//! What a lab is to look like.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;

use crate::LabError;

/// The most hosts one lab takes: all share one /24 and one process of the machine each.
const HOSTS_MAX: usize = 128;

/// What a lab is to look like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabConfig {
    /// How many hosts, 1 to 128.
    pub hosts: usize,
    /// The first host's address; the others follow it one by one within its /24.
    pub first: Ipv4Addr,
    /// Give each host an IPv6 address too (`fd00:6275::67` beside `192.168.1.67`).
    /// Without effect where the kernel has no IPv6.
    pub ipv6: bool,
    /// Let `host67` and `host67-v6` resolve on every host, by an `/etc/hosts` of the lab's own.
    pub names: bool,
    /// Directory of the machine below which each host's `/var/lib/bully` is kept while the lab
    /// lasts; for tests and benchmarks that need a real disk. `None`: in memory.
    pub state_on: Option<PathBuf>,
    /// Build the lab inside an unprivileged user namespace although root needs none.
    pub force_user_namespace: bool,
}

impl Default for LabConfig {
    fn default() -> Self {
        Self {
            hosts: 3,
            first: Ipv4Addr::new(192, 168, 1, 67),
            ipv6: true,
            names: true,
            state_on: None,
            force_user_namespace: false,
        }
    }
}

impl LabConfig {
    /// The default lab, with so many hosts.
    pub fn of(hosts: usize) -> Self {
        Self { hosts, ..Self::default() }
    }

    pub(crate) fn check(&self) -> Result<(), LabError> {
        if !(1..=HOSTS_MAX).contains(&self.hosts) {
            let said = format!("{} hosts; 1 to {HOSTS_MAX} can be had", self.hosts);
            return Err(LabError::Config(said));
        }
        let [.., last] = self.first.octets();
        if last == 0 || usize::from(last) + self.hosts - 1 > 254 {
            let said =
                format!("{} hosts from {} on do not fit into its /24", self.hosts, self.first);
            return Err(LabError::Config(said));
        }
        Ok(())
    }

    /// The host's IPv4 address. The configuration has been checked: the last octet cannot overflow.
    pub(crate) fn ipv4(&self, index: usize) -> Ipv4Addr {
        let offset = u32::try_from(index).expect("at most 128 hosts");
        Ipv4Addr::from_bits(self.first.to_bits() + offset)
    }
}

/// The IPv6 address that reads like the IPv4 one: `192.168.1.67` has `fd00:6275::67`.
pub(crate) fn ipv6_beside(ipv4: Ipv4Addr) -> Ipv6Addr {
    let [.., last] = ipv4.octets();
    let last = u16::from(last);
    // The decimal digits, read as hexadecimal ones.
    let digits = (last / 100) * 0x100 + (last / 10 % 10) * 0x10 + last % 10;
    Ipv6Addr::new(0xfd00, 0x6275, 0, 0, 0, 0, 0, digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ipv6_address_reads_like_the_ipv4_one() {
        let beside = |last| ipv6_beside(Ipv4Addr::new(192, 168, 1, last)).to_string();
        assert_eq!(beside(67), "fd00:6275::67");
        assert_eq!(beside(254), "fd00:6275::254");
        assert_eq!(beside(8), "fd00:6275::8");
    }

    #[test]
    fn hosts_that_do_not_fit_are_refused() {
        let first = Ipv4Addr::new(10, 0, 0, 250);
        let config = |hosts| LabConfig { hosts, first, ..LabConfig::default() };
        assert!(config(5).check().is_ok());
        assert!(config(6).check().is_err());
        assert!(LabConfig::of(0).check().is_err());
        assert!(LabConfig::of(129).check().is_err());
    }
}
