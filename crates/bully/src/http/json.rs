//! The shapes of the JSON answers. Fields are only ever added, and integers stay below 2^53.

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::view::{self, Mode};

type Text<'a> = Cow<'a, str>;

/// The number of a reign, under the name that says what it is good for.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Reign {
    /// Bully mode: orders reigns, and fences nothing.
    Epoch(Option<u64>),
    /// Quorum mode: resources refuse a smaller one.
    Token(Option<u64>),
}

impl Reign {
    pub(crate) fn new(mode: Mode, epoch: Option<u64>, token: Option<u64>) -> Self {
        match mode {
            Mode::Bully => Self::Epoch(epoch),
            Mode::Quorum => Self::Token(token),
        }
    }
}

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
    #[serde(flatten)]
    pub(crate) reign: Reign,
    /// On the leader in quorum mode: information, not a lease.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) lease_ms: Option<u64>,
    pub(crate) since: Text<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<Text<'a>>,
    pub(crate) revision: Text<'a>,
    pub(crate) version: Text<'a>,
    /// Of `/v1/status`, where the node has a secret: by what others know it again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<Text<'a>>,
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
            reign: Reign::new(view.mode, view.epoch, view.token),
            lease_ms: view.lease.map(whole_milliseconds),
            since: rfc3339(view.since).into(),
            reason: view.leader.is_none().then(|| reason(view).into()),
            revision: revision(run, view.revision).into(),
            version: env!("CARGO_PKG_VERSION").into(),
            key: None,
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
    /// Of the leader in quorum mode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) token: Option<u64>,
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
    /// The members, of a node with that view.
    pub(crate) fn new(members: &'a [view::Member], view: &view::View, run: &str) -> Self {
        let leader = view.leader.as_ref().map(|leader| &leader.node);
        let leads = |member: &view::Member| {
            member.role == view::MemberRole::Leader && leader == Some(&member.node)
        };
        let member = |member: &'a view::Member| Member {
            node: member.node.as_str().into(),
            address: match member.ip {
                Some(ip) => ip.to_string().into(),
                None => host(&member.node).into(),
            },
            priority: member.priority,
            role: member.role.as_str().into(),
            token: view.token.filter(|_| leads(member)),
            state: member.state.as_str().into(),
            rtt_ms: member.rtt.map(milliseconds),
            is_self: member.is_self,
        };
        let members = members.iter().map(member).collect();
        Self { members, revision: revision(run, view.revision).into() }
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
    #[serde(flatten)]
    pub(crate) reign: Reign,
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
    pub(crate) fn new(entries: &'a [view::Entry], mode: Mode, run: &str, at: u64) -> Self {
        let entry = |entry: &'a view::Entry| Entry {
            revision: revision(run, entry.revision).into(),
            time: rfc3339(entry.time).into(),
            kind: entry.kind.as_str().into(),
            cause: entry.cause.map(Into::into),
            node: entry.node.as_deref().map(Into::into),
            leader: entry.leader.as_deref().map(Into::into),
            reign: Reign::new(mode, entry.epoch, entry.token),
            won: entry.won,
            message: entry.message.as_str().into(),
        };
        Self { history: entries.iter().map(entry).collect(), revision: revision(run, at).into() }
    }
}

/// What `/v1/transfer` takes.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Transfer<'a> {
    pub(crate) to: Text<'a>,
}

/// What `/v1/priority` takes.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Priority {
    pub(crate) priority: u32,
}

/// What `/v1/members/remove` takes.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Remove<'a> {
    pub(crate) node: Text<'a>,
}

/// What `/v1/step-down` takes: nothing.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nothing {}

/// What was told is done.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Done {
    pub(crate) ok: bool,
}

/// The code of an order that only a leader could obey, where there is none.
pub(crate) const NO_LEADER: &str = "no-leader";

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

/// Rounded down: what is left is never said to be more.
fn whole_milliseconds(left: Duration) -> u64 {
    u64::try_from(left.as_millis()).unwrap_or(u64::MAX)
}

/// To the microsecond: what is finer is noise.
fn milliseconds(rtt: Duration) -> f64 {
    (rtt.as_secs_f64() * 1e6).round() / 1e3
}
