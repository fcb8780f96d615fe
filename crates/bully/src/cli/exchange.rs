//! One request to a node over HTTP, and its answer.

use std::time::Duration;

use reqwest::header::{self, HeaderValue};
use reqwest::{StatusCode, Url};
use serde::{Deserialize, Serialize};
use tokio::time;

use super::Place;
use super::tls::{self, cause};
use crate::http::json::{Error, Refusal};

/// What an answer may take where nothing is waited for.
pub(super) const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// No node's answer comes near it.
pub(super) const BYTES_MAX: usize = 4 * 1024 * 1024;

pub(super) const NOT_A_NODE: &str = "what answers there is not a bully node: is -http right?";

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const TEXT: HeaderValue = HeaderValue::from_static("text/plain");

/// What is asked of a node, or told.
pub(super) struct Request {
    path: String,
    accept: HeaderValue,
    /// JSON; what has a body is posted.
    body: Option<Vec<u8>>,
    within: Duration,
}

impl Request {
    pub(super) fn get(path: impl Into<String>) -> Self {
        Self { path: path.into(), accept: JSON, body: None, within: ANSWER_WITHIN }
    }

    pub(super) fn post(path: &str, body: &impl Serialize) -> Self {
        let body = serde_json::to_vec(body).expect("documents have string keys alone");
        Self { body: Some(body), ..Self::get(path) }
    }

    /// The answer is to be text.
    pub(super) fn text(self) -> Self {
        Self { accept: TEXT, ..self }
    }

    /// The answer may take as long as that.
    pub(super) fn within(self, within: Duration) -> Self {
        Self { within, ..self }
    }
}

/// An answer of a node.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: String,
}

/// Gets the answer, or says why there is none, in time.
pub(super) async fn exchange(node: &Place, request: Request) -> Result<Answer, String> {
    let Request { path, accept, body, within } = request;
    let url: Url = format!("http://{node}{path}").parse().map_err(|e| format!("{e}"))?;
    let client = tls::client(&url)
        // The node is near, and a proxy for the outer world does not know the way to it.
        .no_proxy()
        .build()
        .map_err(|e| cause(&e))?;
    let request = match body {
        None => client.get(url),
        Some(body) => client.post(url).header(header::CONTENT_TYPE, JSON).body(body),
    };
    let answer = async {
        let request = request.header(header::ACCEPT, accept);
        let mut response = request.send().await.map_err(|e| explain(&e))?;
        let status = response.status();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|e| explain(&e))? {
            if body.len() + chunk.len() > BYTES_MAX {
                return Err(format!("the answer is longer than {BYTES_MAX} bytes; {NOT_A_NODE}"));
            }
            body.extend_from_slice(&chunk);
        }
        let body = String::from_utf8(body).map_err(|_| NOT_A_NODE.to_owned())?;
        Ok(Answer { status, body })
    };
    let late = |_| format!("no answer within {within:?}: is the node overloaded or frozen?");
    time::timeout(within, answer).await.map_err(late)?
}

/// What went wrong on the way, and what to try.
fn explain(error: &reqwest::Error) -> String {
    if error.is_connect() {
        format!("{}; is a node running there, with this -http address?", cause(error))
    } else {
        format!("{}; {NOT_A_NODE}", cause(error))
    }
}

/// The document in an answer.
pub(super) fn read<'a, T: Deserialize<'a>>(body: &'a str) -> Result<T, String> {
    serde_json::from_str(body).map_err(|_| NOT_A_NODE.to_owned())
}

/// The error that a node sent as JSON.
pub(super) fn error_of(answer: &Answer) -> Option<Error<'_>> {
    serde_json::from_str(&answer.body).ok().map(|Refusal { error }| error)
}

/// What the error says, where a node sent it.
pub(super) fn refusal(answer: &Answer) -> String {
    match error_of(answer) {
        Some(error) => error.message.into_owned(),
        None if answer.status.is_client_error() && answer.body.lines().count() == 1 => {
            answer.body.trim().chars().take(200).collect()
        }
        None => format!("it answered {}; {NOT_A_NODE}", answer.status),
    }
}
