//! Requests made from a host, by `curl`.

use std::io;
use std::time::Duration;

use crate::Host;

/// An answer to an HTTP request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpReply {
    /// The status code.
    pub status: u16,
    /// The headers in their order, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl HttpReply {
    /// The body as text; bytes that are no UTF-8 are replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The first header of this name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// Reads what `curl --include` wrote. Interim answers (1xx) are passed over.
    fn parse(mut bytes: &[u8]) -> io::Result<Self> {
        let bad = || io::Error::new(io::ErrorKind::InvalidData, "not an HTTP answer");
        loop {
            let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
            let end = end.ok_or_else(bad)?;
            let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
            bytes = &bytes[end + 4..];
            let mut lines = head.split("\r\n");
            let status = lines.next().and_then(|line| line.split(' ').nth(1));
            let status = status.and_then(|code| code.parse().ok()).ok_or_else(bad)?;
            if (100..200).contains(&status) {
                continue;
            }
            let headers = lines.filter_map(|line| line.split_once(':'));
            let headers =
                headers.map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()));
            return Ok(Self { status, headers: headers.collect(), body: bytes.to_vec() });
        }
    }
}

impl Host {
    /// Asks from within this host: `http://192.168.1.68:8080/leader`, or `8080/leader` for this
    /// host's own 127.0.0.1. Redirects are not followed.
    ///
    /// # Errors
    /// `ConnectionRefused` where no connection came about (`curl` tells no reasons apart), `TimedOut`,
    /// or what else `curl` said, in one line.
    pub fn http_get(&self, url: &str, timeout: Duration) -> io::Result<HttpReply> {
        self.http("GET", url, &[], None, timeout)
    }

    /// Asks from within this host, with a method, headers and a body; otherwise as `http_get`.
    ///
    /// # Errors
    /// As `http_get`.
    pub fn http(
        &self,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
        body: Option<&str>,
        timeout: Duration,
    ) -> io::Result<HttpReply> {
        let url =
            if url.contains("://") { url.to_owned() } else { format!("http://127.0.0.1:{url}") };
        // To curl, 0 means for ever.
        let seconds = timeout.as_secs_f64().max(0.001).to_string();
        let mut command = self.command("curl", ["--disable", "--globoff", "--http1.1"]);
        command.args(["--silent", "--show-error", "--noproxy", "*"]);
        command.args(["--max-time", &seconds]);
        if method == "HEAD" {
            command.arg("--head");
        } else {
            command.args(["--include", "--request", method]);
        }
        for (name, value) in headers {
            command.arg("--header").arg(format!("{name}: {value}"));
        }
        if let Some(body) = body {
            command.args(["--data-raw", body]);
        }
        let output = command.arg(url).output()?;
        if output.status.success() {
            return HttpReply::parse(&output.stdout);
        }
        let kind = match output.status.code() {
            Some(7) => io::ErrorKind::ConnectionRefused,
            Some(28) => io::ErrorKind::TimedOut,
            _ => io::ErrorKind::Other,
        };
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Err(io::Error::new(kind, said))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_past_interim_ones() {
        let bytes = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 503 Service Unavailable\r\n\
            Content-Type: text/plain\r\nX-A: b: c\r\n\r\nno\r\n\r\nleader\n";
        let reply = HttpReply::parse(bytes).unwrap();
        assert_eq!(reply.status, 503);
        assert_eq!(reply.header("content-type"), Some("text/plain"));
        assert_eq!(reply.header("X-A"), Some("b: c"));
        assert_eq!(reply.text(), "no\r\n\r\nleader\n");
    }

    #[test]
    fn what_is_no_answer_is_an_error() {
        assert!(HttpReply::parse(b"").is_err());
        assert!(HttpReply::parse(b"hello\r\n\r\n").is_err());
    }
}
