//! Packets of IP, made and mended by hand.

use std::net::{Ipv4Addr, SocketAddrV4};

/// The sum of the internet, over bytes that may be an odd number of them.
fn sum(parts: &[&[u8]]) -> u16 {
    let mut sum = 0_u32;
    for part in parts {
        for pair in part.chunks(2) {
            sum += u32::from(u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)]));
        }
    }
    while sum > 0xffff {
        sum = (sum >> 16) + (sum & 0xffff);
    }
    !u16::try_from(sum).expect("16 bits")
}

/// Writes the checksum of the TCP segment within a packet of IPv4, as its sender's card would have.
pub(crate) fn mend(packet: &mut [u8]) {
    const TCP: u8 = 6;
    const PLACE: usize = 16;
    let Some(&[first, _, _, _, _, _, _, _, _, protocol]) = packet.first_chunk::<10>() else {
        return;
    };
    let header = usize::from(first & 0x0f) * 4;
    if first >> 4 != 4 || protocol != TCP || packet.len() < header + 20 || header < 20 {
        return;
    }
    let (ip, segment) = packet.split_at_mut(header);
    segment[PLACE..PLACE + 2].fill(0);
    let len = u16::try_from(segment.len()).expect("a packet").to_be_bytes();
    let pseudo = [0, TCP, len[0], len[1]];
    let sum = sum(&[&ip[12..20], &pseudo, segment]);
    segment[PLACE..PLACE + 2].copy_from_slice(&sum.to_be_bytes());
}

/// A packet that opens a connection. The kernel that sends it fills in the sum of its IP header.
pub(crate) fn syn(from: SocketAddrV4, to: SocketAddrV4, seq: u32) -> Vec<u8> {
    let mut packet = vec![0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0];
    packet.extend(from.ip().octets());
    packet.extend(to.ip().octets());
    packet.extend(from.port().to_be_bytes());
    packet.extend(to.port().to_be_bytes());
    packet.extend(seq.to_be_bytes());
    packet.extend([0, 0, 0, 0, 0x50, 0x02, 0xff, 0xff, 0, 0, 0, 0]);
    mend(&mut packet);
    packet
}

/// Where a packet of IPv4 comes from and goes to.
pub(crate) fn ends(packet: &[u8]) -> Option<(Ipv4Addr, Ipv4Addr)> {
    if packet.first()? >> 4 != 4 {
        return None;
    }
    let address = |at: usize| {
        let octets = packet.get(at..at + 4)?;
        Some(Ipv4Addr::new(octets[0], octets[1], octets[2], octets[3]))
    };
    Some((address(12)?, address(16)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_that_was_mended_makes_the_whole_come_out_even() {
        let from = SocketAddrV4::new(Ipv4Addr::new(10, 1, 2, 3), 4_567);
        let to = SocketAddrV4::new(Ipv4Addr::new(192, 168, 1, 67), 8_117);
        let packet = syn(from, to, 0x1234_5678);
        assert_eq!(ends(&packet), Some((*from.ip(), *to.ip())));
        assert_eq!(sum(&[&packet[12..20], &[0, 6, 0, 20], &packet[20..]]), 0);
        assert_ne!(packet[36..38], [0, 0]);
    }
}
