//! Addresses as people write them.

use std::net::IpAddr;

use bully_core::{Address, AddressError};

use crate::error::StartError;

/// Reads an address as people write it, with `port` where it has none.
pub(crate) fn parse_place(
    what: &'static str,
    text: &str,
    port: u16,
) -> Result<Address, StartError> {
    let wrong = |_: AddressError| StartError::Address { what, text: text.to_owned() };
    let bare = text.trim();
    let unbracketed = bare.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(bare);
    let address = match unbracketed.parse::<IpAddr>() {
        Ok(ip) => Address::new(ip, port),
        Err(_) if bare.contains(':') => bare.parse().map_err(wrong)?,
        Err(_) => format!("{bare}:{port}").parse().map_err(wrong)?,
    };
    let is_sound = match &address.host {
        bully_core::Host::Name(name) => is_host_name(name),
        host => host.ip().is_some_and(is_dialable),
    };
    if address.port == 0 || !is_sound { Err(wrong(AddressError)) } else { Ok(address) }
}

/// Whether a node can be there: neither "all addresses" nor a group of them.
fn is_dialable(ip: IpAddr) -> bool {
    !ip.is_unspecified() && !ip.is_multicast()
}

/// Whether the text can be a host name: labels of letters, digits, `-` and `_`, at most 253 bytes.
fn is_host_name(name: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    name.len() <= 253 && name.strip_suffix('.').unwrap_or(name).split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_may_lack_a_port() {
        for (text, expected) in [
            ("192.168.1.67", "192.168.1.67:8117"),
            (" 192.168.1.67:1 ", "192.168.1.67:1"),
            ("Host-a", "host-a:8117"),
            ("host.example:7", "host.example:7"),
            ("::1", "[::1]:8117"),
            ("[::1]", "[::1]:8117"),
            ("[::1]:9", "[::1]:9"),
        ] {
            assert_eq!(parse_place("nodes", text, 8117).unwrap().to_string(), expected);
        }
    }

    #[test]
    fn what_is_no_place_is_an_error_that_names_it() {
        for text in [
            "",
            ":",
            "0.0.0.0",
            "224.0.0.1:1",
            "[::]:1",
            "a:b",
            "a:0",
            "a b",
            "a..b",
            "[::1",
            "http://a",
            "a:70000",
        ] {
            let error = parse_place("nodes", text, 8117).unwrap_err().to_string();
            assert!(error.starts_with(&format!("nodes: {text:?} is not an address")), "{error}");
        }
    }
}
