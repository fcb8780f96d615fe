//! Places on the network, as people write them.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use super::usage::quoted;

/// A place to dial: an IP address or a host name, and a port.
///
/// Addresses are kept in their canonical form and names in small letters, so that two places are
/// equal when they are written differently but mean the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    /// An IP address without brackets, or a host name.
    pub host: String,
    /// The port; zero only where the system is to choose one.
    pub port: u16,
}

impl Place {
    /// The address, when the host is one and not a name.
    pub fn ip(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }

    /// Reads `ip`, `host`, `ip:port`, `host:port`, `v6`, `[v6]` and `[v6]:port`.
    pub(crate) fn parse(text: &str, default_port: u16) -> Result<Self, String> {
        let complaint = |why: String| {
            let forms = "expected ip:port, host:port or [v6]:port";
            format!("{} is not a place to reach: {why}; {forms}", quoted(text))
        };
        let (host, port) = split(text).map_err(complaint)?;
        let port = match port {
            Some(port) => parse_port(port).map_err(complaint)?,
            None => default_port,
        };
        let host = parse_host(host).map_err(complaint)?;
        Ok(Self { host, port })
    }

    /// As [`Place::parse`], for a place that somebody is to connect to.
    pub(crate) fn parse_peer(text: &str, default_port: u16) -> Result<Self, String> {
        let place = Self::parse(text, default_port)?;
        if place.ip().is_some_and(|ip| ip.is_unspecified() || ip.is_multicast()) {
            return Err(format!("{} cannot be dialled: expected one machine", quoted(text)));
        }
        if place.port == 0 {
            return Err(format!("{}: port 0 cannot be dialled: expected 1 to 65535", quoted(text)));
        }
        Ok(place)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}

/// Reads places with commas between; blanks and repeats are skipped, so that a list put together by
/// a script needs no tidying.
pub(crate) fn parse_places(text: &str, default_port: u16) -> Result<Vec<Place>, String> {
    let mut places = Vec::new();
    for entry in text.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
        let place = Place::parse_peer(entry, default_port)?;
        if !places.contains(&place) {
            places.push(place);
        }
    }
    Ok(places)
}

/// Host and port, apart. Two colons without brackets are a bare IPv6 address.
fn split(text: &str) -> Result<(&str, Option<&str>), String> {
    if let Some(rest) = text.strip_prefix('[') {
        let (host, rest) = rest.split_once(']').ok_or("the bracket is not closed")?;
        if host.parse::<Ipv6Addr>().is_err() {
            return Err(not_v6(host));
        }
        return match rest.strip_prefix(':') {
            Some(port) => Ok((host, Some(port))),
            None if rest.is_empty() => Ok((host, None)),
            None => Err(format!("{} follows the bracket", quoted(rest))),
        };
    }
    match text.split_once(':') {
        None => Ok((text, None)),
        Some((_, rest)) if rest.contains(':') => Ok((text, None)),
        Some((host, port)) => Ok((host, Some(port))),
    }
}

/// Reads a port; zero is for the caller to judge.
pub(crate) fn parse_port(text: &str) -> Result<u16, String> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let port = text.parse().ok().filter(|_| digits);
    port.ok_or_else(|| format!("{} is not a port", quoted(text)))
}

fn not_v6(host: &str) -> String {
    let zone = if host.contains('%') { " (zones are not supported)" } else { "" };
    format!("{} is not an IPv6 address{zone}", quoted(host))
}

/// The host in the form in which equal hosts are equal strings.
fn parse_host(text: &str) -> Result<String, String> {
    if let Ok(ip) = text.parse::<IpAddr>() {
        return Ok(ip.to_canonical().to_string());
    }
    if text.contains(':') {
        return Err(not_v6(text));
    }
    if text.is_empty() {
        return Err("the host is missing".to_owned());
    }
    // A final dot says that the name is complete and is not to be searched for.
    let name = text.strip_suffix('.').unwrap_or(text);
    if text.len() > 253 {
        return Err(format!("a host name has at most 253 characters, not {}", text.len()));
    }
    for label in name.split('.') {
        check_label(label)?;
    }
    // No top-level domain is a number, so this is an address with a digit too few or too many.
    // Peers would take it for a name; whoever types it means none.
    let last = name.rsplit('.').next().unwrap_or(name);
    if last.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!("{} is neither an IP address nor a host name", quoted(text)));
    }
    Ok(text.to_ascii_lowercase())
}

/// What peers accept of one another: underscores, and dashes at the edges, are no part of RFC 1123
/// but occur in names that container networks give.
fn check_label(label: &str) -> Result<(), String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if let Some(wrong) = label.chars().find(|c| !allowed(*c)) {
        return Err(format!("a host name has no {wrong:?}"));
    }
    if label.is_empty() || label.len() > 63 {
        return Err("each part of a host name has 1 to 63 characters".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> String {
        match parse_places(text, 8117) {
            Ok(places) => places.iter().map(Place::to_string).collect::<Vec<_>>().join(" "),
            Err(complaint) => format!("error: {complaint}"),
        }
    }

    #[test]
    fn every_documented_form_of_a_place_is_read() {
        for (text, place) in [
            ("192.168.1.67", "192.168.1.67:8117"),
            ("192.168.1.67:9000", "192.168.1.67:9000"),
            ("db-1.example.com", "db-1.example.com:8117"),
            ("db_1:9000", "db_1:9000"),
            ("-db-.example", "-db-.example:8117"),
            ("example.com.:1", "example.com.:1"),
            ("fe80::1", "[fe80::1]:8117"),
            ("[FE80:0::1]", "[fe80::1]:8117"),
            ("[::1]:9000", "[::1]:9000"),
        ] {
            assert_eq!(read(text), place);
        }
    }

    #[test]
    fn blanks_and_repeats_are_skipped_whatever_their_spelling() {
        assert_eq!(read(""), "");
        assert_eq!(read(" , a:1,,A:1 , b,"), "a:1 b:8117");
        assert_eq!(read("[::1],0:0::1,::ffff:10.0.0.1,10.0.0.1:8117"), "[::1]:8117 10.0.0.1:8117");
    }

    #[test]
    fn a_wrong_entry_is_named_and_explained() {
        for (text, reason) in [
            ("a,b:99999", "\"b:99999\" is not a place to reach: \"99999\" is not a port"),
            ("a:+1", "\"+1\" is not a port"),
            ("a:", "\"\" is not a port"),
            ("a:0", "port 0 cannot be dialled"),
            (":8117", "the host is missing"),
            ("192.168.1", "neither an IP address nor a host name"),
            ("192.168.1.300", "neither an IP address nor a host name"),
            ("8117", "neither an IP address nor a host name"),
            ("a b", "a host name has no ' '"),
            ("http://a:1", "is not an IPv6 address"),
            ("http://a", "is not a port"),
            ("a..b", "1 to 63 characters"),
            ("[::1", "the bracket is not closed"),
            ("[a]:1", "\"a\" is not an IPv6 address"),
            ("[::1]9", "\"9\" follows the bracket"),
            ("fe80::1%eth0", "zones are not supported"),
            ("0.0.0.0", "cannot be dialled"),
            ("[::]:1", "cannot be dialled"),
            ("224.0.0.1", "cannot be dialled"),
        ] {
            let complaint = read(text);
            assert!(complaint.starts_with("error: "), "{text} was read as {complaint}");
            assert!(complaint.contains(reason), "{text}: {complaint}");
        }
    }

    #[test]
    fn the_length_of_names_and_of_their_parts_is_bounded() {
        let part = "a".repeat(63);
        let name = [part.as_str(); 4].join(".");
        assert!(read(&part).starts_with('a'));
        assert!(read(&format!("{part}a")).starts_with("error: "));
        assert!(read(&name[..253]).starts_with('a'));
        assert!(read(&name[..254]).starts_with("error: "));
    }

    proptest::proptest! {
        /// One rule, told twice: here for its complaints, there for who embeds the library.
        #[test]
        fn a_host_name_is_accepted_here_exactly_where_the_library_accepts_it(
            name in "[a-zA-Z0-9_ .é-]{0,4}(a{61,64}|[a-z.-]{0,6}){1,5}[a-z_-][.]?",
        ) {
            let theirs = crate::place::parse_place("nodes", &name, 8117);
            let ours = Place::parse_peer(name.trim(), 8117);
            proptest::prop_assert_eq!(
                ours.ok().map(|place| place.to_string()),
                theirs.ok().map(|place| place.to_string())
            );
        }
    }
}
