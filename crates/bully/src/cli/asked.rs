//! The node that a command asks: where it is, and how it is known there who asks.

use std::ffi::OsString;
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;

use super::args::AskFlags;
use super::file;
use super::files;
use super::key::Key;
use super::layer::{Layer, Origin, Raw};
use super::listen::{PORT, bare_port, parse_socket};
use super::place::{Place, parse_port};
use super::usage::{UsageError, quoted};
use super::{given, switch};
use crate::Mode;

/// A node to ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Where it serves HTTP.
    pub at: Address,
    /// The file with the token that is sent.
    pub token_file: Option<PathBuf>,
    /// The file with the certificates that its own is to come from; those of the system where there
    /// is none. For [`Address::Https`] alone, as the next one.
    pub ca: Option<PathBuf>,
    /// The files with the certificate and the key by which this client is known.
    pub identity: Option<(PathBuf, PathBuf)>,
}

/// Where a node is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// Over TCP.
    Http(Place),
    /// Over TLS.
    Https(Place),
    /// Over a Unix socket.
    Unix(PathBuf),
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.at.fmt(f)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http(place) => place.fmt(f),
            Self::Https(place) => write!(f, "https://{place}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl From<Address> for Asked {
    fn from(at: Address) -> Self {
        Self { at, token_file: None, ca: None, identity: None }
    }
}

/// The node to ask is the flag's, the environment's or, so that a machine's own node is found
/// wherever it listens, that of the file in `BULLY_CONFIG`, which is read only then. With it, whether
/// its answer is to be printed as JSON.
pub(super) fn whom(
    flags: AskFlags,
    env: impl Fn(&str) -> Option<OsString>,
) -> Result<(Asked, bool), UsageError> {
    let json = switch("json", flags.json, &env)?;
    let mut http = given(Key::Http.name(), flags.http, &env)?;
    if http.is_none()
        && let Some(file) = Raw::environment("config", &env)?
    {
        http = file::load(&file)?.get(Key::Http).cloned();
    }
    let default = || Layer::defaults(Mode::default()).get(Key::Http).cloned();
    let http = http.or_else(default).expect("where HTTP is served has a default");
    let at = http.parse(parse)?;
    let path = |name, flag| {
        let raw: Option<Raw> = given(name, flag, &env)?;
        let path = raw.as_ref().map(|raw| raw.parse(files::parse)).transpose()?;
        // A variable may be meant for other nodes.
        let is_flag = raw.as_ref().is_some_and(|raw| raw.origin == Origin::Flag);
        match raw.filter(|_| is_flag && name != TOKEN_FILE) {
            Some(raw) if !matches!(at, Address::Https(_)) => {
                Err(raw.wrong("only https:// has certificates: -http=https://host:port"))
            }
            _ => Ok(path),
        }
    };
    let token_file = path(TOKEN_FILE, flags.http_token_file)?;
    let ca = path("http-ca", flags.http_ca)?;
    let certificate = path("http-client-cert", flags.http_client_cert)?;
    let key = path("http-client-key", flags.http_client_key)?;
    let identity = match (certificate, key) {
        (None, None) => None,
        (Some(certificate), Some(key)) => Some((certificate, key)),
        (Some(_), None) => {
            return Err(UsageError::new("-http-client-cert: -http-client-key is missing"));
        }
        (None, Some(_)) => {
            return Err(UsageError::new("-http-client-key: -http-client-cert is missing"));
        }
    };
    Ok((Asked { at, token_file, ca, identity }, json))
}

const TOKEN_FILE: &str = "http-token-file";

/// Reads where to ask a node: what a node reads as its own `-http`, of a list the first, or
/// `http://host:port` or `https://host:port`.
///
/// An address that stands for all means this machine, so that one `BULLY_HTTP` serves the node and
/// those who ask it.
fn parse(text: &str) -> Result<Address, String> {
    let text = text.split(',').next().unwrap_or_default().trim();
    if text == "off" {
        return Err("\"off\" is nobody to ask: -http=host:port names a node".to_owned());
    }
    if let Some(path) = text.strip_prefix("unix:") {
        return parse_socket(path).map(Address::Unix);
    }
    match text.strip_prefix("https://") {
        Some(address) => parse_place(address, text).map(Address::Https),
        None => parse_place(text.strip_prefix("http://").unwrap_or(text), text).map(Address::Http),
    }
}

fn parse_place(address: &str, whole: &str) -> Result<Place, String> {
    let address = address.strip_suffix('/').unwrap_or(address);
    let complaint = || {
        let forms = "expected host:port, :8080, unix:/path, http://host:port or https://host:port";
        format!("{} is no node to ask: {forms}", quoted(whole))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(text: &str) -> String {
        parse(text).map_or_else(|complaint| complaint, |address| address.to_string())
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
            ("https://db1:8443/", "https://db1:8443"),
            ("https://0.0.0.0:8443", "https://127.0.0.1:8443"),
            ("unix:/run/bully/http.sock", "unix:/run/bully/http.sock"),
            ("0.0.0.0:9090,unix:/s", "127.0.0.1:9090"),
            ("unix:/s, :9090", "unix:/s"),
        ] {
            assert_eq!(ask(text), place);
        }
    }

    #[test]
    fn nobody_is_asked_at_a_place_that_cannot_answer() {
        assert!(ask("off").contains("nobody to ask"));
        assert!(ask("unix:s").contains("is no socket"));
        for text in ["", "http://", "a:0", ":0", "a/leader", "ftp://a", "https://", "https://a/x"] {
            assert!(ask(text).contains("is no node to ask"), "{text}: {}", ask(text));
        }
    }
}
