//! One request to a node over HTTP, and its answer.

use std::time::Duration;

use reqwest::header::{self, HeaderValue};
use reqwest::{Certificate, ClientBuilder, Identity, StatusCode, Url};
use serde::{Deserialize, Serialize};
use tokio::time;
use zeroize::Zeroizing;

use super::tls::{self, cause};
use super::{Address, Asked, files};
use crate::http::json::{Error, Refusal};

/// What an answer may take where nothing is waited for.
pub(super) const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// No node's answer comes near it.
pub(super) const BYTES_MAX: usize = 4 * 1024 * 1024;

pub(super) const NOT_A_NODE: &str = "what answers there is not a bully node: is -http right?";

const NOT_A_NODE_OR_TLS: &str =
    "what answers there is not a bully node, or is one over TLS: is it -http=https://…?";

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
pub(super) async fn exchange(node: &Asked, request: Request) -> Result<Answer, String> {
    let Request { path, accept, body, within } = request;
    let url = match &node.at {
        Address::Http(place) => format!("http://{place}{path}"),
        Address::Https(place) => format!("https://{place}{path}"),
        // Whoever has the socket knows whom it asks.
        Address::Unix(_) => format!("http://localhost{path}"),
    };
    let url: Url = url.parse().map_err(|e| format!("{e}"))?;
    let token = node.token_file.as_deref().map(files::token).transpose();
    let token = token.map_err(|why| format!("-http-token-file: {why}"))?;
    // The node is near, and a proxy for the outer world does not know the way to it.
    let client = known(tls::client(&url), node)?.no_proxy().build().map_err(|e| cause(&e))?;
    let request = match body {
        None => client.get(url),
        Some(body) => client.post(url).header(header::CONTENT_TYPE, JSON).body(body),
    };
    let request = match token {
        Some(token) => request.header(header::AUTHORIZATION, token.header()),
        None => request,
    };
    let answer = async {
        let request = request.header(header::ACCEPT, accept);
        let mut response = request.send().await.map_err(|e| explain(&e, &node.at))?;
        let status = response.status();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|e| explain(&e, &node.at))? {
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

/// The client that trusts and is known as the flags say, and goes the way that they name.
fn known(client: ClientBuilder, node: &Asked) -> Result<ClientBuilder, String> {
    let mut client = client;
    match &node.at {
        Address::Http(_) => return Ok(client),
        Address::Unix(path) => return Ok(client.unix_socket(path.as_path())),
        Address::Https(_) => {}
    }
    if let Some(path) = &node.ca {
        let trusted = files::certificates(path).map_err(|why| format!("-http-ca: {why}"))?;
        let trusted = trusted.iter().map(|certificate| Certificate::from_der(certificate));
        let trusted = trusted.collect::<Result<Vec<_>, _>>().map_err(|e| cause(&e))?;
        client = client.tls_certs_only(trusted);
    }
    if let Some((certificate, key)) = &node.identity {
        // Read as ours are, so that what is wrong with either is told.
        files::certificates(certificate).map_err(|why| format!("-http-client-cert: {why}"))?;
        files::key(key).map_err(|why| format!("-http-client-key: {why}"))?;
        let read = |path| std::fs::read(path).map(Zeroizing::new).map_err(|e| e.to_string());
        let both = Zeroizing::new([&**read(key)?, b"\n", &**read(certificate)?].concat());
        client = client.identity(Identity::from_pem(&both).map_err(|e| cause(&e))?);
    }
    Ok(client)
}

/// What went wrong on the way, and what to try.
fn explain(error: &reqwest::Error, at: &Address) -> String {
    let cause = cause(error);
    let hint = if cause.contains("peer certificate") {
        "-http-ca=FILE says whose certificates are to be trusted"
    } else if cause.contains("CertificateRequired") {
        "the node answers those who have a certificate: -http-client-cert and -http-client-key"
    } else if error.is_connect() {
        "is a node running there, with this -http address?"
    } else if matches!(at, Address::Http(_)) {
        NOT_A_NODE_OR_TLS
    } else {
        NOT_A_NODE
    };
    format!("{cause}; {hint}")
}

/// The document in an answer.
pub(super) fn read<'a, T: Deserialize<'a>>(body: &'a str) -> Result<T, String> {
    serde_json::from_str(body).map_err(|_| NOT_A_NODE.to_owned())
}

/// The error that a node sent as JSON.
pub(super) fn error_of(answer: &Answer) -> Option<Error<'_>> {
    serde_json::from_str(&answer.body).ok().map(|Refusal { error }| error)
}

/// What the error says, where a node sent it, and what to do about it here.
pub(super) fn refusal(answer: &Answer) -> String {
    let said = match error_of(answer) {
        Some(error) => error.message.into_owned(),
        None if answer.status.is_client_error() && answer.body.lines().count() == 1 => {
            answer.body.trim().chars().take(200).collect()
        }
        None => return format!("it answered {}; {NOT_A_NODE}", answer.status),
    };
    if answer.status == StatusCode::UNAUTHORIZED {
        return format!("{said}; -http-token-file=FILE names a file with one");
    }
    said
}
