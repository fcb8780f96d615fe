//! Where HTTP is served.

use std::fmt;
use std::path::{Path, PathBuf};

use super::place::{Place, parse_port};
use super::usage::quoted;

pub(super) const PORT: u16 = 8080;
const FORMS: &str = "expected host:port, :8080, 8080, [v6]:port, unix:/path or off";

/// How long the path of a socket may be: the kernel has 108 bytes, the last of them zero.
const SOCKET_BYTES_MAX: usize = 107;

/// Where a node serves HTTP: at each of these, and nowhere where there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpListen(pub Vec<HttpPlace>);

/// A place at which a node serves HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HttpPlace {
    /// All addresses, v4 and v6, at this port; zero lets the system choose one.
    All(u16),
    /// Every address of this machine's that the host stands for. Port zero lets the system choose
    /// one.
    At(Place),
    /// A Unix socket at this path, which is absolute.
    Unix(PathBuf),
}

impl HttpListen {
    /// Reads one place or several with commas between, or `off`. Repeats are skipped.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if text == "off" {
            return Ok(Self(Vec::new()));
        }
        let mut places = Vec::new();
        for entry in text.split(',').map(str::trim) {
            if entry == "off" {
                return Err("\"off\" stands alone: leave it out, or the places".to_owned());
            }
            let place = HttpPlace::parse(entry)?;
            if !places.contains(&place) {
                places.push(place);
            }
        }
        Ok(Self(places))
    }
}

impl fmt::Display for HttpListen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("off");
        }
        let places: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&places.join(","))
    }
}

impl HttpPlace {
    /// Reads `0.0.0.0:8080`, `:8080`, `8080`, `[::1]:8080`, `localhost:8080` and `unix:/path`; an
    /// address without a port has 8080. A name needs its port, lest `none` or `false` be taken for a
    /// host.
    fn parse(text: &str) -> Result<Self, String> {
        let complaint = |_| format!("{} is no address to listen on: {FORMS}", quoted(text));
        if let Some(path) = text.strip_prefix("unix:") {
            return parse_socket(path).map(Self::Unix);
        }
        if let Some(port) = bare_port(text) {
            return parse_port(port).map(Self::All).map_err(complaint);
        }
        let place = Place::parse(text, PORT).map_err(complaint)?;
        let bare_name = place.ip().is_none() && !text.contains(':');
        if bare_name { Err(complaint(String::new())) } else { Ok(Self::At(place)) }
    }
}

impl fmt::Display for HttpPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All(port) => write!(f, ":{port}"),
            Self::At(place) => place.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// Reads what follows `unix:`, a path that means the same wherever the program is started.
pub(super) fn parse_socket(text: &str) -> Result<PathBuf, String> {
    let wrong = |why: &str| Err(format!("{} {why}", quoted(&format!("unix:{text}"))));
    if !Path::new(text).is_absolute() || text.ends_with('/') || text.contains(char::is_control) {
        return wrong("is no socket: expected unix:/path/of/socket");
    }
    if text.len() > SOCKET_BYTES_MAX {
        let bytes = text.len();
        return wrong(&format!("is too long: {bytes} bytes, and a socket has {SOCKET_BYTES_MAX}"));
    }
    Ok(PathBuf::from(text))
}

pub(super) fn bare_port(text: &str) -> Option<&str> {
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
        assert_eq!(HttpListen::parse("0"), Ok(HttpListen(vec![HttpPlace::All(0)])));
    }

    #[test]
    fn a_wrong_listener_is_named_with_the_forms_there_are() {
        for text in ["", ":", "99999", ":99999", "a:b", "a b:1", "http://a:1", "none at all"] {
            let complaint = listen(text);
            assert_eq!(complaint, format!("{text:?} is no address to listen on: {FORMS}"));
        }
    }

    #[test]
    fn several_places_stand_in_a_list_and_each_once() {
        for (text, shown) in [
            ("unix:/run/bully/http.sock", "unix:/run/bully/http.sock"),
            ("127.0.0.1:1,unix:/s", "127.0.0.1:1,unix:/s"),
            (" :1 , unix:/a, unix:/b,:1", ":1,unix:/a,unix:/b"),
        ] {
            assert_eq!(listen(text), shown);
        }
        assert_eq!(listen("off,:1"), "\"off\" stands alone: leave it out, or the places");
        assert!(listen(":1,,:2").contains("\"\" is no address"), "{}", listen(":1,,:2"));
    }

    #[test]
    fn a_socket_has_a_path_that_is_absolute_and_fits() {
        for path in ["", "s", "./s", "/run/", "/a\u{7}"] {
            let told = listen(&format!("unix:{path}"));
            assert!(told.ends_with("is no socket: expected unix:/path/of/socket"), "{told}");
        }
        assert_eq!(listen(&format!("unix:/{}", "x".repeat(106))).len(), 112);
        let told = listen(&format!("unix:/{}", "x".repeat(107)));
        assert!(told.ends_with("is too long: 108 bytes, and a socket has 107"), "{told}");
    }
}
