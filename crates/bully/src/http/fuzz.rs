//! What must hold of a request's head.

use axum::http::header::{ACCEPT, HeaderValue};
use axum::http::{Request, Uri};

use super::call::Call;
use super::leader;

/// The query of `/leader`, or, after a line end, also what the client accepts.
pub(crate) fn wait(data: &[u8]) {
    let mut lines = data.splitn(2, |byte| *byte == b'\n');
    let query = lines.next().unwrap_or_default();
    let Ok(uri) = Uri::try_from([b"/leader?", query].concat()) else { return };
    let (mut head, ()) = Request::new(()).into_parts();
    head.uri = uri;
    if let Some(Ok(accepted)) = lines.next().map(HeaderValue::from_bytes) {
        head.headers.insert(ACCEPT, accepted);
    }
    match leader::question(&Call::new(&head)) {
        Ok(question) => assert!(question.wait <= leader::WAIT_MAX, "{:?}", question.wait),
        Err(refusal) => assert_eq!(refusal.status(), 400),
    }
}
