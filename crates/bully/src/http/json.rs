//! The shapes of the JSON answers. Fields are only ever added, and integers stay below 2^53.

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::view;

type Text<'a> = Cow<'a, str>;

/// The leader.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Leader<'a> {
    pub(crate) node: Text<'a>,
    pub(crate) address: Text<'a>,
    pub(crate) priority: u32,
}

/// `/leader` and `/v1/status`.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Status<'a> {
    pub(crate) leader: Option<Leader<'a>>,
    #[serde(rename = "self")]
    pub(crate) node: Text<'a>,
    pub(crate) is_leader: bool,
    pub(crate) role: Text<'a>,
    pub(crate) mode: Text<'a>,
    pub(crate) cluster: Text<'a>,
    pub(crate) epoch: Option<u64>,
    pub(crate) since: Text<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<Text<'a>>,
    pub(crate) revision: Text<'a>,
    pub(crate) version: Text<'a>,
}

impl<'a> Status<'a> {
    pub(crate) fn new(view: &'a view::View, run: &str) -> Self {
        Self {
            leader: view.leader.as_ref().map(|leader| Leader {
                node: leader.node.as_str().into(),
                address: leader.address().into(),
                priority: leader.priority,
            }),
            node: view.node.as_str().into(),
            is_leader: view.is_leader(),
            role: view.role.as_str().into(),
            mode: view.mode.as_str().into(),
            cluster: view.cluster.as_str().into(),
            epoch: view.epoch,
            since: rfc3339(view.since).into(),
            reason: view.leader.is_none().then(|| reason(view).into()),
            revision: revision(run, view.revision).into(),
            version: env!("CARGO_PKG_VERSION").into(),
        }
    }
}

/// A member.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Member<'a> {
    pub(crate) node: Text<'a>,
    pub(crate) address: Text<'a>,
    pub(crate) priority: u32,
    pub(crate) role: Text<'a>,
    pub(crate) state: Text<'a>,
    pub(crate) rtt_ms: Option<f64>,
    #[serde(rename = "self")]
    pub(crate) is_self: bool,
}

/// `/v1/members`.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Members<'a> {
    pub(crate) members: Vec<Member<'a>>,
    pub(crate) revision: Text<'a>,
}

impl<'a> Members<'a> {
    pub(crate) fn new(members: &'a [view::Member], run: &str, at: u64) -> Self {
        let member = |member: &'a view::Member| Member {
            node: member.node.as_str().into(),
            address: match member.ip {
                Some(ip) => ip.to_string().into(),
                None => host(&member.node).into(),
            },
            priority: member.priority,
            role: member.role.as_str().into(),
            state: member.state.as_str().into(),
            rtt_ms: member.rtt.map(milliseconds),
            is_self: member.is_self,
        };
        Self { members: members.iter().map(member).collect(), revision: revision(run, at).into() }
    }
}

/// An entry of the history.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Entry<'a> {
    pub(crate) revision: Text<'a>,
    pub(crate) time: Text<'a>,
    pub(crate) kind: Text<'a>,
    pub(crate) cause: Option<Text<'a>>,
    pub(crate) node: Option<Text<'a>>,
    pub(crate) leader: Option<Text<'a>>,
    pub(crate) epoch: Option<u64>,
    /// Said where it is so.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) won: bool,
    pub(crate) message: Text<'a>,
}

/// `/v1/history`.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct History<'a> {
    pub(crate) history: Vec<Entry<'a>>,
    pub(crate) revision: Text<'a>,
}

impl<'a> History<'a> {
    pub(crate) fn new(entries: &'a [view::Entry], run: &str, at: u64) -> Self {
        let entry = |entry: &'a view::Entry| Entry {
            revision: revision(run, entry.revision).into(),
            time: rfc3339(entry.time).into(),
            kind: entry.kind.as_str().into(),
            cause: entry.cause.map(Into::into),
            node: entry.node.as_deref().map(Into::into),
            leader: entry.leader.as_deref().map(Into::into),
            epoch: entry.epoch,
            won: entry.won,
            message: entry.message.as_str().into(),
        };
        Self { history: entries.iter().map(entry).collect(), revision: revision(run, at).into() }
    }
}

/// What an error says.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Error<'a> {
    pub(crate) code: Text<'a>,
    pub(crate) message: Text<'a>,
}

/// An error for clients that read JSON.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Refusal<'a> {
    pub(crate) error: Error<'a>,
}

/// Why there is no leader, in one line whatever the node says.
pub(super) fn reason(view: &view::View) -> &str {
    view.reason.as_deref().unwrap_or("no leader is known")
}

/// The host of `host:port`.
pub(super) fn host(node: &str) -> &str {
    let host = node.rsplit_once(':').map_or(node, |(host, _)| host);
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

fn revision(run: &str, number: u64) -> String {
    format!("{run}.{number}")
}

fn rfc3339(time: SystemTime) -> String {
    humantime::format_rfc3339_millis(time).to_string()
}

/// To the microsecond: what is finer is noise.
fn milliseconds(rtt: Duration) -> f64 {
    (rtt.as_secs_f64() * 1e6).round() / 1e3
}
