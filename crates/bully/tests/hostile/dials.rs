//! Whom a host dials: every SYN that leaves it is seen.

use std::collections::BTreeSet;
use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddrV4};

use bully_lab::Process;
use socket2::{Domain, Protocol, Socket, Type};

/// All kinds of packets, in network order: those that leave are seen by no narrower filter.
const ETH_P_ALL: i32 = 0x0003_u16.to_be() as i32;

/// Sees what one host dials until it is dropped.
pub(crate) struct Dials {
    process: Process,
}

impl Dials {
    pub(crate) fn new(process: Process) -> Self {
        Self { process }
    }

    /// How many SYNs have left so far; `since` takes it.
    pub(crate) fn mark(&self) -> usize {
        self.all().len()
    }

    /// Whom they were meant for, since a mark, one for each SYN.
    pub(crate) fn since(&self, mark: usize) -> Vec<SocketAddrV4> {
        self.all().split_off(mark)
    }

    fn all(&self) -> Vec<SocketAddrV4> {
        let lines = self.process.stdout_lines();
        lines.iter().filter_map(|line| line.strip_prefix("syn ")?.parse().ok()).collect()
    }
}

/// The process on a host, which has this address.
pub(crate) fn on_a_host(own: &str) {
    let own: Ipv4Addr = own.parse().expect("an address");
    let socket = Socket::new(Domain::PACKET, Type::DGRAM, Some(Protocol::from(ETH_P_ALL)));
    let mut socket = socket.expect("a socket that sees all packets: root has one");
    // So that a flood is not seen in part.
    let _ = socket.set_recv_buffer_size(8 << 20);
    let _ = writeln!(io::stdout(), "watching");
    let mut packet = [0; 128];
    while let Ok(len) = socket.read(&mut packet) {
        if let Some(to) = syn(&packet[..len], own)
            && writeln!(io::stdout(), "syn {to}").is_err()
        {
            return;
        }
    }
}

/// Where a packet goes, if it opens a connection from this address to another host.
fn syn(packet: &[u8], own: Ipv4Addr) -> Option<SocketAddrV4> {
    const TCP: u8 = 6;
    const SYN: u8 = 0x02;
    const ACK: u8 = 0x10;
    let [first, _, _, _, _, _, _, _, _, protocol, ..] = *packet else { return None };
    let address = |at: usize| {
        let octets = packet.get(at..at + 4)?;
        Some(Ipv4Addr::new(octets[0], octets[1], octets[2], octets[3]))
    };
    if first >> 4 != 4 || protocol != TCP || address(12)? != own || address(16)? == own {
        return None;
    }
    let header = packet.get(usize::from(first & 0x0f) * 4..)?;
    let [_, _, high, low, _, _, _, _, _, _, _, _, _, flags, ..] = *header else { return None };
    let port = u16::from_be_bytes([high, low]);
    (flags & (SYN | ACK) == SYN).then_some(SocketAddrV4::new(address(16)?, port))
}

/// The different ones of them.
pub(crate) fn different(dials: &[SocketAddrV4]) -> BTreeSet<SocketAddrV4> {
    dials.iter().copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_syn_that_leaves_is_one() {
        let own = Ipv4Addr::new(192, 168, 1, 67);
        let mut packet = vec![0; 40];
        packet[0] = 0x45;
        packet[9] = 6;
        packet[12..16].copy_from_slice(&own.octets());
        packet[16..20].copy_from_slice(&[192, 168, 1, 68]);
        packet[22..24].copy_from_slice(&8117_u16.to_be_bytes());
        packet[33] = 0x02;
        assert_eq!(syn(&packet, own), "192.168.1.68:8117".parse().ok());
        assert_eq!(syn(&packet, Ipv4Addr::LOCALHOST), None);
        assert_eq!(syn(&packet[..33], own), None);
        packet[33] = 0x12;
        assert_eq!(syn(&packet, own), None);
    }
}
