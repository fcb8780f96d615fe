//! Where HTTP is served, and where a node is asked.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::place::{Place, parse_port};
use super::usage::quoted;

const PORT: u16 = 8080;
const FORMS: &str = "expected host:port, :8080, 8080, [v6]:port or off";

/// Where a node serves HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HttpListen {
    /// Nowhere.
    Off,
    /// On all addresses, v4 and v6, at this port; zero lets the system choose one.
    All(u16),
    /// On every address of this machine's that the host stands for. Port zero lets the system
    /// choose one.
    At(Place),
}

impl HttpListen {
    /// Reads `0.0.0.0:8080`, `:8080`, `8080`, `[::1]:8080`, `localhost:8080` and `off`; an address
    /// without a port has 8080. A name needs its port, lest `none` or `false` be taken for a host.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let complaint = |_| format!("{} is no address to listen on: {FORMS}", quoted(text));
        if text == "off" {
            return Ok(Self::Off);
        }
        if let Some(port) = bare_port(text) {
            return parse_port(port).map(Self::All).map_err(complaint);
        }
        let place = Place::parse(text, PORT).map_err(complaint)?;
        let bare_name = place.ip().is_none() && !text.contains(':');
        if bare_name { Err(complaint(String::new())) } else { Ok(Self::At(place)) }
    }
}

impl fmt::Display for HttpListen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::All(port) => write!(f, ":{port}"),
            Self::At(place) => place.fmt(f),
        }
    }
}

/// Reads where to ask a node: what [`HttpListen::parse`] reads, or `http://host:port`.
///
/// An address that stands for all means this machine, so that one `BULLY_HTTP` serves the node and
/// those who ask it.
pub(crate) fn parse_ask(text: &str) -> Result<Place, String> {
    if text == "off" {
        return Err("\"off\" is nobody to ask: -http=host:port names a node".to_owned());
    }
    if text.starts_with("https://") {
        return Err(format!("{}: nodes serve http:// alone", quoted(text)));
    }
    let address = text.strip_prefix("http://").unwrap_or(text);
    let address = address.strip_suffix('/').unwrap_or(address);
    let complaint = || {
        let forms = "expected host:port, :8080 or http://host:port";
        format!("{} is no node to ask: {forms}", quoted(text))
    };
    let local = |port| Place { host: Ipv4Addr::LOCALHOST.to_string(), port };
    let mut place = match bare_port(address) {
        Some(port) => local(parse_port(port).map_err(|_| complaint())?),
        None => Place::parse(address, PORT).map_err(|_| complaint())?,
    };
    if place.ip().is_some_and(|ip| ip.is_unspecified()) {
        let v6 = place.host.contains(':');
        let v6_local = || Ipv6Addr::LOCALHOST.to_string();
        place.host = if v6 { v6_local() } else { Ipv4Addr::LOCALHOST.to_string() };
    }
    if place.port == 0 {
        return Err(complaint());
    }
    Ok(place)
}

fn bare_port(text: &str) -> Option<&str> {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits(text) {
        return Some(text);
    }
    text.strip_prefix(':').filter(|port| !port.contains(':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listen(text: &str) -> String {
        HttpListen::parse(text).map_or_else(|complaint| complaint, |listen| listen.to_string())
    }

    fn ask(text: &str) -> String {
        parse_ask(text).map_or_else(|complaint| complaint, |place| place.to_string())
    }

    #[test]
    fn every_documented_form_of_a_listener_is_read() {
        for (text, shown) in [
            ("off", "off"),
            ("8080", ":8080"),
            (":9090", ":9090"),
            (":0", ":0"),
            ("0.0.0.0:8080", "0.0.0.0:8080"),
            ("127.0.0.1:0", "127.0.0.1:0"),
            ("[::1]:8080", "[::1]:8080"),
            ("::1", "[::1]:8080"),
            ("localhost:8080", "localhost:8080"),
            ("10.0.0.1", "10.0.0.1:8080"),
        ] {
            assert_eq!(listen(text), shown);
        }
        assert_eq!(HttpListen::parse("0"), Ok(HttpListen::All(0)));
    }

    #[test]
    fn a_wrong_listener_is_named_with_the_forms_there_are() {
        for text in ["", ":", "99999", ":99999", "a:b", "a b:1", "http://a:1", "none at all"] {
            let complaint = listen(text);
            assert_eq!(complaint, format!("{text:?} is no address to listen on: {FORMS}"));
        }
    }

    #[test]
    fn whoever_asks_reaches_this_machine_where_no_other_is_named() {
        for (text, place) in [
            (":8080", "127.0.0.1:8080"),
            ("9090", "127.0.0.1:9090"),
            ("0.0.0.0:9090", "127.0.0.1:9090"),
            ("[::]:9090", "[::1]:9090"),
            ("http://db1:9090", "db1:9090"),
            ("http://db1:9090/", "db1:9090"),
            ("http://:9090", "127.0.0.1:9090"),
            ("192.168.1.67", "192.168.1.67:8080"),
            ("http://db1", "db1:8080"),
        ] {
            assert_eq!(ask(text), place);
        }
    }

    #[test]
    fn nobody_is_asked_at_a_place_that_cannot_answer() {
        assert!(ask("off").contains("nobody to ask"));
        assert!(ask("https://a:1").contains("http:// alone"));
        for text in ["", "http://", "a:0", ":0", "a/leader", "ftp://a"] {
            assert!(ask(text).contains("is no node to ask"), "{text}: {}", ask(text));
        }
    }
}
