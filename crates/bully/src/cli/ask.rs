//! The commands that ask a node over HTTP: `leader`, `is-leader`, `members`, `status`, `history`.

use std::fmt::Write;
use std::time::Duration;

use reqwest::{StatusCode, Url, header};
use serde::Deserialize;
use tokio::time;

use super::tls::cause;
use super::{Ask, Exit, Question, tls};
use crate::http::json::{History, Members, Refusal, Status};

/// What an answer may take beyond what the node was asked to wait.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// No node's answer comes near it.
const BYTES_MAX: usize = 4 * 1024 * 1024;

/// What a command prints, and its exit code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The exit code.
    pub exit: Exit,
    /// For standard output, line ends included.
    pub stdout: String,
    /// For standard error, line ends included.
    pub stderr: String,
}

impl Outcome {
    fn done(stdout: String) -> Self {
        Self { exit: Exit::Done, stdout, stderr: String::new() }
    }
}

/// Asks the node, and makes of its answer what the command prints.
pub async fn answer(ask: &Ask) -> Outcome {
    let answered = async {
        let answer = fetch(ask).await?;
        render(ask, &answer)
    };
    answered.await.unwrap_or_else(|why| Outcome {
        exit: Exit::Error,
        stdout: String::new(),
        stderr: format!("bully: {}: {}\n", ask.http, printable(&why)),
    })
}

/// An answer of a node.
struct Answer {
    status: StatusCode,
    body: String,
}

fn url(ask: &Ask) -> Result<Url, String> {
    let path = match ask.what {
        Question::Leader { wait } => format!("/leader?wait={}ms", wait.as_millis()),
        Question::IsLeader | Question::Status => "/v1/status".to_owned(),
        Question::Members => "/v1/members".to_owned(),
        Question::History => "/v1/history".to_owned(),
    };
    format!("http://{}{path}", ask.http).parse().map_err(|e| format!("{e}"))
}

/// Gets the answer, or says why there is none, in time.
async fn fetch(ask: &Ask) -> Result<Answer, String> {
    let url = url(ask)?;
    let client = tls::client(&url)
        // The node is near, and a proxy for the outer world does not know the way to it.
        .no_proxy()
        .build()
        .map_err(|e| cause(&e))?;
    let (accept, wait) = match ask.what {
        Question::Leader { wait } if !ask.json => ("text/plain", wait),
        Question::Leader { wait } => ("application/json", wait),
        _ => ("application/json", Duration::ZERO),
    };
    let limit = ANSWER_WITHIN + wait;
    let exchange = async {
        let request = client.get(url).header(header::ACCEPT, accept);
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
    let late = |_| format!("no answer within {limit:?}: is the node overloaded or frozen?");
    time::timeout(limit, exchange).await.map_err(late)?
}

const NOT_A_NODE: &str = "what answers there is not a bully node: is -http right?";

/// What went wrong on the way, and what to try.
fn explain(error: &reqwest::Error) -> String {
    if error.is_connect() {
        format!("{}; is a node running there, with this -http address?", cause(error))
    } else {
        format!("{}; {NOT_A_NODE}", cause(error))
    }
}

fn render(ask: &Ask, answer: &Answer) -> Result<Outcome, String> {
    let json = ask.json;
    if let Question::Leader { .. } = ask.what {
        return if json { leader_json(answer) } else { leader_text(answer) };
    }
    if answer.status != StatusCode::OK {
        return Err(refusal(answer));
    }
    match ask.what {
        Question::IsLeader => {
            let status: Status<'_> = read(&answer.body)?;
            let (exit, word) =
                if status.is_leader { (Exit::Done, "yes\n") } else { (Exit::NoLeader, "no\n") };
            let stdout = if json { whole_lines(&answer.body) } else { word.to_owned() };
            Ok(Outcome { exit, stdout, stderr: String::new() })
        }
        Question::Members => show(answer, json, members),
        Question::History => show(answer, json, history),
        _ => show(answer, json, status),
    }
}

/// Prints the document as it is, or as people read it.
fn show<'a, T: Deserialize<'a>>(
    answer: &'a Answer,
    json: bool,
    text: impl FnOnce(&T) -> String,
) -> Result<Outcome, String> {
    let document = read(&answer.body)?;
    let stdout = if json { whole_lines(&answer.body) } else { text(&document) };
    Ok(Outcome::done(stdout))
}

fn leader_text(answer: &Answer) -> Result<Outcome, String> {
    // A node's answer is one line, and the leader in it one word.
    let line = answer.body.strip_suffix('\n').filter(|line| !line.contains('\n'));
    let line = line.ok_or_else(|| refusal(answer))?;
    match answer.status {
        StatusCode::OK if is_place(line) => Ok(Outcome::done(format!("{line}\n"))),
        StatusCode::OK => Err(NOT_A_NODE.to_owned()),
        StatusCode::SERVICE_UNAVAILABLE => Ok(no_leader(line, String::new())),
        _ => Err(refusal(answer)),
    }
}

fn leader_json(answer: &Answer) -> Result<Outcome, String> {
    if !matches!(answer.status, StatusCode::OK | StatusCode::SERVICE_UNAVAILABLE) {
        return Err(refusal(answer));
    }
    let status: Status<'_> = read(&answer.body)?;
    let stdout = whole_lines(&answer.body);
    Ok(match status.leader {
        Some(_) => Outcome::done(stdout),
        None => no_leader(status.reason.as_deref().unwrap_or("no leader is known"), stdout),
    })
}

fn no_leader(reason: &str, stdout: String) -> Outcome {
    Outcome { exit: Exit::NoLeader, stdout, stderr: format!("bully: {}\n", printable(reason)) }
}

/// Whether the text can be what `/leader` prints: an address or a host name, with or without port.
fn is_place(text: &str) -> bool {
    let is_part = |b: u8| b.is_ascii_alphanumeric() || b"-_.:[]".contains(&b);
    !text.is_empty() && text.len() <= 300 && text.bytes().all(is_part)
}

/// What the error says, where a node sent it.
fn refusal(answer: &Answer) -> String {
    match serde_json::from_str::<Refusal<'_>>(&answer.body) {
        Ok(refusal) => refusal.error.message.into_owned(),
        Err(_) if answer.status.is_client_error() && answer.body.lines().count() == 1 => {
            answer.body.trim().chars().take(200).collect()
        }
        Err(_) => format!("it answered {}; {NOT_A_NODE}", answer.status),
    }
}

fn read<'a, T: Deserialize<'a>>(body: &'a str) -> Result<T, String> {
    serde_json::from_str(body).map_err(|_| NOT_A_NODE.to_owned())
}

fn whole_lines(body: &str) -> String {
    format!("{}\n", body.trim_end())
}

fn members(document: &Members<'_>) -> String {
    let mut rows = vec![["NODE", "PRIORITY", "ROLE", "STATE", "RTT"].map(str::to_owned)];
    rows.extend(document.members.iter().map(|member| {
        let rtt = match member.rtt_ms {
            Some(rtt) => format!("{rtt} ms"),
            None if member.is_self => "this node".to_owned(),
            None => "-".to_owned(),
        };
        [
            printable(&member.node),
            member.priority.to_string(),
            printable(&member.role),
            printable(&member.state),
            rtt,
        ]
    }));
    table(&rows)
}

fn status(status: &Status<'_>) -> String {
    let leader = match &status.leader {
        Some(leader) => format!("{} (priority {})", leader.node, leader.priority),
        None => format!("none: {}", status.reason.as_deref().unwrap_or("no leader is known")),
    };
    let rows = [
        ["leader", &leader],
        ["self", &status.node],
        ["role", &status.role],
        ["mode", &status.mode],
        ["cluster", &status.cluster],
        ["epoch", &status.epoch.map_or_else(|| "-".to_owned(), |epoch| epoch.to_string())],
        ["since", &status.since],
        ["revision", &status.revision],
        ["version", &status.version],
    ];
    table(&rows.map(|row| row.map(printable)))
}

fn history(document: &History<'_>) -> String {
    let mut text = String::new();
    for entry in &document.history {
        writeln!(text, "{}  {}", printable(&entry.time), printable(&entry.message))
            .expect("a string takes any text");
    }
    text
}

/// Columns two blanks apart, each as wide as its widest cell.
fn table<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| {
        rows.iter().map(|row: &[String; N]| row[column].chars().count()).max().unwrap_or(0)
    };
    let widths: [usize; N] = std::array::from_fn(width);
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(widths) {
            write!(line, "{cell:width$}  ").expect("a string takes any text");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// The text without what would move a terminal's cursor: it comes from other machines.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests;
