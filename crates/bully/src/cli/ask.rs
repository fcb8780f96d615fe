//! The commands that ask a node over HTTP: `leader`, `is-leader`, `members`, `status`, `history`.

use std::fmt::Write;
use std::time::Duration;

use reqwest::StatusCode;
use serde::Deserialize;

use super::exchange::{self, Answer, NOT_A_NODE, Request, read, refusal};
use super::{Ask, Asked, Exit, Question};
use crate::http::json::{History, Members, Reign, Status};

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
    pub(super) fn done(stdout: String) -> Self {
        Self { exit: Exit::Done, stdout, stderr: String::new() }
    }

    /// The node at that place gave no answer that is one, or refused.
    pub(super) fn error(node: &Asked, why: &str) -> Self {
        let stderr = format!("bully: {node}: {}\n", printable(why));
        Self { exit: Exit::Error, stdout: String::new(), stderr }
    }
}

/// Asks the node, and makes of its answer what the command prints.
pub async fn answer(ask: &Ask) -> Outcome {
    let answered = async {
        let answer = exchange::exchange(&ask.http, request(ask)).await?;
        render(ask, &answer)
    };
    answered.await.unwrap_or_else(|why| Outcome::error(&ask.http, &why))
}

/// What is sent, and how long its answer may take.
fn request(ask: &Ask) -> Request {
    let leader = |wait: Duration, token| {
        let token = if token { "&token=1" } else { "" };
        Request::get(format!("/leader?wait={}ms{token}", wait.as_millis()))
            .within(exchange::ANSWER_WITHIN + wait)
    };
    match ask.what {
        Question::Leader { wait, token } if !ask.json => leader(wait, token).text(),
        Question::Leader { wait, token } => leader(wait, token),
        Question::IsLeader | Question::Status => Request::get("/v1/status"),
        Question::Members => Request::get("/v1/members"),
        Question::History => Request::get("/v1/history"),
    }
}

fn render(ask: &Ask, answer: &Answer) -> Result<Outcome, String> {
    let json = ask.json;
    if let Question::Leader { token, .. } = ask.what {
        return if json { leader_json(answer) } else { leader_text(answer, token) };
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

fn leader_text(answer: &Answer, token: bool) -> Result<Outcome, String> {
    // A node's answer is one line, and the leader in it one word, after which the token may stand.
    let line = answer.body.strip_suffix('\n').filter(|line| !line.contains('\n'));
    let line = line.ok_or_else(|| refusal(answer))?;
    match answer.status {
        StatusCode::OK if is_leader(line, token) => Ok(Outcome::done(format!("{line}\n"))),
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

pub(super) fn no_leader(reason: &str, stdout: String) -> Outcome {
    Outcome { exit: Exit::NoLeader, stdout, stderr: format!("bully: {}\n", printable(reason)) }
}

/// Whether the text can be what `/leader` prints.
fn is_leader(text: &str, with_token: bool) -> bool {
    if !with_token {
        return is_place(text);
    }
    let is_token = |text: &str| text.parse::<u64>().is_ok_and(|token| token.to_string() == text);
    text.split_once('\t').is_some_and(|(place, token)| is_place(place) && is_token(token))
}

/// Whether it can be an address or a host name, with or without port.
fn is_place(text: &str) -> bool {
    let is_part = |b: u8| b.is_ascii_alphanumeric() || b"-_.:[]".contains(&b);
    !text.is_empty() && text.len() <= 300 && text.bytes().all(is_part)
}

pub(super) fn whole_lines(body: &str) -> String {
    format!("{}\n", body.trim_end())
}

fn members(document: &Members<'_>) -> String {
    let has_token = document.members.iter().any(|member| member.token.is_some());
    let last = if has_token { "TOKEN" } else { "" };
    let mut rows = vec![["NODE", "PRIORITY", "ROLE", "STATE", "RTT", last].map(str::to_owned)];
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
            member.token.map(|token| token.to_string()).unwrap_or_default(),
        ]
    }));
    table(&rows)
}

fn status(status: &Status<'_>) -> String {
    let leader = match &status.leader {
        Some(leader) => format!("{} (priority {})", leader.node, leader.priority),
        None => format!("none: {}", status.reason.as_deref().unwrap_or("no leader is known")),
    };
    let (number, of_reign) = match status.reign {
        Reign::Epoch(epoch) => ("epoch", epoch),
        Reign::Token(token) => ("token", token),
    };
    let of_reign = of_reign.map_or_else(|| "-".to_owned(), |number| number.to_string());
    let rows = [
        ["leader", &leader],
        ["self", &status.node],
        ["role", &status.role],
        ["mode", &status.mode],
        ["cluster", &status.cluster],
        [number, &of_reign],
        ["since", &status.since],
        ["revision", &status.revision],
        ["version", &status.version],
    ];
    let mut rows = rows.map(|row| row.map(printable)).to_vec();
    if let Some(lease) = status.lease_ms {
        rows.insert(6, ["lease".to_owned(), format!("{lease} ms left")]);
    }
    if let Some(key) = &status.key {
        rows.push(["key".to_owned(), printable(key)]);
    }
    table(&rows)
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
pub(super) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests;
