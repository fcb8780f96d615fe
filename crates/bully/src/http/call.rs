//! What every request has in common: the method, the form the client wants, and the replies.

use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use axum::http::header::{self, HeaderMap, HeaderValue};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode, Uri};
use axum::response::Response;
use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::json;

const ALLOW: HeaderValue = HeaderValue::from_static("GET, HEAD, OPTIONS");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// No question needs a body, and no order a long one; a client that announces a longer one than this
/// is refused, and told so.
pub(super) const BODY_BYTES_MAX: u64 = 64 * 1024;

/// A request without its body.
pub(super) struct Call {
    method: Method,
    uri: Uri,
    wants_json: bool,
}

impl Call {
    /// Of a request with that head, whatever its method.
    pub(super) fn new(parts: &Parts) -> Self {
        // The documents under /v1 are JSON whatever is asked for, and so are their errors.
        let wants_json = parts.uri.path().starts_with("/v1/") || prefers_json(&parts.headers);
        // A clone of a `Uri` counts a reference.
        Self { method: parts.method.clone(), uri: parts.uri.clone(), wants_json }
    }

    /// Whether the client would rather have JSON than text.
    pub(super) fn wants_json(&self) -> bool {
        self.wants_json
    }

    /// The query's parameters. Unknown ones are let pass, so that a newer client can ask an older
    /// node.
    ///
    /// # Errors
    /// The refusal to send, where a known one makes no sense. It is boxed, being large.
    pub(super) fn query<T: DeserializeOwned + Default>(&self) -> Result<T, Box<Response>> {
        if self.uri.query().is_none() {
            return Ok(T::default());
        }
        let read: Result<Query<T>, QueryRejection> = Query::try_from_uri(&self.uri);
        read.map(|Query(query)| query)
            .map_err(|e| self.bad_request(&e.body_text().replace(char::is_control, " ")).into())
    }

    /// One line of text.
    pub(super) fn line(&self, status: StatusCode, line: impl Into<String>) -> Response {
        let mut body = line.into();
        body.push('\n');
        self.text(status, body)
    }

    /// Text that has its line end already.
    pub(super) fn text(&self, status: StatusCode, body: String) -> Response {
        self.reply(status, TEXT, body.into())
    }

    /// A document.
    pub(super) fn json(&self, status: StatusCode, document: &impl Serialize) -> Response {
        let mut body = serde_json::to_vec(document).expect("documents have string keys alone");
        body.push(b'\n');
        self.reply(status, JSON, body.into())
    }

    /// An error, in the form that the client wants.
    pub(super) fn refuse(&self, status: StatusCode, code: &str, message: &str) -> Response {
        if self.wants_json {
            let error = json::Error { code: code.into(), message: message.into() };
            self.json(status, &json::Refusal { error })
        } else {
            self.line(status, message)
        }
    }

    /// 400.
    pub(super) fn bad_request(&self, message: &str) -> Response {
        self.refuse(StatusCode::BAD_REQUEST, "bad-request", message)
    }

    /// 405.
    pub(super) fn refuse_method(&self, allow: HeaderValue, message: &str) -> Response {
        let status = StatusCode::METHOD_NOT_ALLOWED;
        let mut response = self.refuse(status, "method-not-allowed", message);
        response.headers_mut().insert(header::ALLOW, allow);
        response
    }

    /// 413.
    pub(super) fn too_large(&self, message: &str) -> Response {
        self.refuse(StatusCode::PAYLOAD_TOO_LARGE, "body-too-large", message)
    }

    fn reply(&self, status: StatusCode, content_type: HeaderValue, body: Bytes) -> Response {
        let is_head = self.method == Method::HEAD;
        let is_options = self.method == Method::OPTIONS;
        let length = body.len();
        let body = if is_head || is_options { Body::empty() } else { Body::from(body) };
        let mut response = Response::new(body);
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, NO_STORE);
        if is_options {
            headers.insert(header::ALLOW, ALLOW);
        } else {
            headers.insert(header::CONTENT_TYPE, content_type);
        }
        if is_head {
            // What GET would say: the body that is measured here is not the one that is sent.
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        }
        response
    }
}

impl<S: Sync> FromRequestParts<S> for Call {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        let call = Self::new(parts);
        if !matches!(call.method, Method::GET | Method::HEAD | Method::OPTIONS) {
            let message = "only GET, HEAD and OPTIONS are answered here";
            return Err(call.refuse_method(ALLOW, message));
        }
        if announced_bytes(&parts.headers) > BODY_BYTES_MAX {
            return Err(call.too_large("no question needs a body"));
        }
        Ok(call)
    }
}

/// The length that the client states. One that states none, as with chunks, sends them to nobody:
/// the connection is closed after the answer.
pub(super) fn announced_bytes(headers: &HeaderMap) -> u64 {
    let length = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    length.and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// Whether the client names JSON, and does not prefer plain text. `*/*`, which every client sends
/// that does not care, names nothing.
fn prefers_json(headers: &HeaderMap) -> bool {
    // Each the quality and how closely the range that it came from fits.
    let mut json: Option<(u8, u16)> = None;
    let mut text: Option<(u8, u16)> = None;
    let values = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    for range in values.flat_map(|value| value.split(',')) {
        let mut parts = range.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let quality = parts.find_map(quality_permille).unwrap_or(1000);
        for (best, exact, family) in
            [(&mut json, "application/json", "application/*"), (&mut text, "text/plain", "text/*")]
        {
            let fit = match name {
                _ if name.eq_ignore_ascii_case(exact) => 2,
                _ if name.eq_ignore_ascii_case(family) => 1,
                "*/*" => 0,
                _ => continue,
            };
            if best.is_none_or(|(other, _)| fit >= other) {
                *best = Some((fit, quality));
            }
        }
    }
    let text = text.map_or(0, |(_, quality)| quality);
    json.is_some_and(|(fit, quality)| fit > 0 && quality > 0 && quality >= text)
}

/// `q=0.5` as 500. What cannot be read as a quality counts as not said.
fn quality_permille(parameter: &str) -> Option<u16> {
    let (name, value) = parameter.split_once('=')?;
    if !name.trim().eq_ignore_ascii_case("q") {
        return None;
    }
    let value: f32 = value.trim().parse().ok()?;
    // The cast is exact: the range is checked, and rounding is what is wanted.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 1000")]
    (0.0..=1.0).contains(&value).then(|| (value * 1000.0).round() as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_for_who_names_it_and_does_not_prefer_text() {
        for (accept, expected) in [
            ("", false),
            ("*/*", false),
            ("text/plain", false),
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", false),
            ("application/json", true),
            ("Application/JSON; charset=utf-8", true),
            ("application/json, text/plain, */*", true),
            ("application/json;q=0.5, text/plain", false),
            ("application/json;q=0.5, text/plain;q=0.4", true),
            ("application/json;q=0.5, */*", false),
            ("application/json, */*;q=0.1", true),
            ("application/json;q=0", false),
            ("application/json;q=0, application/*", false),
            ("application/*", true),
            ("text/*;q=0.2, application/*;q=0.3", true),
            ("text/*, text/plain;q=0.1, application/json;q=0.5", true),
            ("application/json;q=nonsense", true),
            (",;,=;q", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
            assert_eq!(prefers_json(&headers), expected, "{accept}");
        }
    }

    #[test]
    fn an_accept_header_may_come_in_several_lines() {
        let mut headers = HeaderMap::new();
        headers.append(header::ACCEPT, HeaderValue::from_static("text/plain;q=0.5"));
        headers.append(header::ACCEPT, HeaderValue::from_static("application/json"));
        assert!(prefers_json(&headers));
    }
}
