//! From protobuf to the core's words: everything is checked, nothing is believed. What passes is
//! what a node can have written.

use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use bully_core::quorum::{
    Boot, ClusterId, Config, Founding, Member, Roster, RosterId, Stored, Term,
};
use bully_core::{Address, Host, Inst, NUMBER_MAX};

use super::record::Unreadable;
use super::schema;
use crate::wire::CLUSTER_MAX;

/// The longest host name of the DNS, in bytes.
const HOST_MAX: usize = 253;

/// What a record of the cluster with this name says.
pub(super) fn stored(record: schema::Record, cluster: &str) -> Result<Stored, Unreadable> {
    if record.name.len() > CLUSTER_MAX || record.name.contains(char::is_control) {
        return Err(Unreadable::Unsound("the cluster's name cannot be one"));
    }
    if record.name != cluster {
        return Err(Unreadable::OtherCluster(record.name));
    }
    let lease_most = u64::try_from(Config::LEASE_MAX.as_nanos()).unwrap_or(u64::MAX);
    let lease_max = within("lease_max_ns", record.lease_max_ns, 0..=lease_most)?;
    let state = Stored {
        inst: inst("inst", &record.inst)?,
        boot: Boot(number("boot", record.boot)?),
        id: address(record.id)?,
        cluster: identity(&record.cluster)?.map(ClusterId),
        term: Term(number("term", record.term)?),
        voted_for: identity(&record.voted_for)?.map(Inst),
        roster: Arc::new(roster(need("roster", record.roster)?)?),
        lease_max: Duration::from_nanos(lease_max),
        round: number("round", record.round)?,
        accept: record.accept.map(founding).transpose()?,
        leaving: record.leaving.map(founding).transpose()?,
    };
    check(&state)?;
    Ok(state)
}

/// Whether the parts go together, as the rules of PROTOCOL.md leave them.
fn check(state: &Stored) -> Result<(), Unreadable> {
    let foundings = || [&state.accept, &state.leaving].into_iter().flatten();
    let has_voted = state.term != Term(0) || state.voted_for.is_some();
    let unsound = |what| Err(Unreadable::Unsound(what));
    match state.cluster {
        Some(_) if state.roster.members.is_empty() => unsound("nobody is in its cluster"),
        Some(_) if foundings().next().is_some() => unsound("it is in a cluster and founds one"),
        None if *state.roster != Roster::default() => {
            unsound("it is in no cluster and has a roster")
        }
        None if has_voted => unsound("it is in no cluster and has voted"),
        _ if foundings().count() > 1 => unsound("it founds a cluster while it leaves one"),
        _ if foundings().any(|f| f.founders.iter().all(|(inst, _)| *inst != state.inst)) => {
            unsound("it founds a cluster that it is not in")
        }
        _ => Ok(()),
    }
}

fn roster(roster: schema::Roster) -> Result<Roster, Unreadable> {
    count("members", roster.members.len(), 0..=Roster::MEMBERS_MAX)?;
    count("removed", roster.removed.len(), 0..=Roster::REMOVED_MAX)?;
    let member = |member: schema::Member| {
        let (inst, id) = (inst("inst", &member.inst)?, address(member.id)?);
        let most = u64::from(Config::PRIORITY_MAX);
        Ok(Member { inst, id, priority: within("priority", member.priority, 0..=most)? })
    };
    let members: Result<Vec<Member>, Unreadable> = roster.members.into_iter().map(member).collect();
    let members = members?;
    if !members.is_sorted_by(|a, b| a.inst < b.inst) {
        return Err(Unreadable::Unsound("its members are not in order"));
    }
    let term = Term(number("term", roster.term)?);
    // A leader that changes it counts on.
    let version = within("version", roster.version, 0..=NUMBER_MAX - 1)?;
    let removed = roster.removed.iter().map(|removed| inst("removed", removed));
    let removed = removed.collect::<Result<_, _>>()?;
    Ok(Roster { version: RosterId { term, version }, members, removed })
}

fn founding(founding: schema::Founding) -> Result<Founding, Unreadable> {
    count("founders", founding.founders.len(), 1..=Roster::MEMBERS_MAX)?;
    let founder =
        |founder: schema::Founder| Ok((inst("inst", &founder.inst)?, address(founder.id)?));
    let founders: Result<Vec<(Inst, Address)>, Unreadable> =
        founding.founders.into_iter().map(founder).collect();
    let founders = founders?;
    if !founders.is_sorted_by(|(a, _), (b, _)| a < b) {
        return Err(Unreadable::Unsound("its founders are not in order"));
    }
    let cluster = ClusterId(need("cluster", identity(&founding.cluster)?)?);
    Ok(Founding { cluster, founders })
}

fn address(address: Option<schema::Address>) -> Result<Address, Unreadable> {
    let address = need("address", address)?;
    let port = within("port", address.port, 1..=u64::from(u16::MAX))?;
    let (v4, v6) = (<[u8; 4]>::try_from(&*address.ip), <[u8; 16]>::try_from(&*address.ip));
    let host = match (v4, v6, &*address.name) {
        (Ok(ip), _, "") => Host::from(IpAddr::from(ip)),
        (_, Ok(ip), "") => Host::from(IpAddr::from(ip)),
        (_, _, name) if address.ip.is_empty() && is_name(name) => Host::from(name),
        _ => return Err(Unreadable::Unsound("an address cannot be one")),
    };
    Ok(Address { host, port })
}

/// Whether it may be the name of a host, and does not move the cursor of who comes to read it.
fn is_name(name: &str) -> bool {
    (1..=HOST_MAX).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_graphic())
}

fn inst(field: &'static str, bytes: &[u8]) -> Result<Inst, Unreadable> {
    need(field, identity(bytes)?).map(Inst)
}

/// None where there are no bytes.
fn identity(bytes: &[u8]) -> Result<Option<u128>, Unreadable> {
    match <[u8; 16]>::try_from(bytes) {
        Ok(bytes) => Ok(Some(u128::from_be_bytes(bytes))),
        Err(_) if bytes.is_empty() => Ok(None),
        Err(_) => Err(Unreadable::Unsound("an identity is not 16 bytes long")),
    }
}

fn number(field: &'static str, value: u64) -> Result<u64, Unreadable> {
    within(field, value, 0..=NUMBER_MAX)
}

fn within<T: TryFrom<u64>>(
    field: &'static str,
    value: u64,
    range: RangeInclusive<u64>,
) -> Result<T, Unreadable> {
    let (least, most) = (*range.start(), *range.end());
    let small = T::try_from(value).ok().filter(|_| range.contains(&value));
    small.ok_or(Unreadable::Bounds { field, value, least, most })
}

fn count(what: &'static str, count: usize, range: RangeInclusive<usize>) -> Result<(), Unreadable> {
    let is_within = range.contains(&count);
    let (least, most) = range.into_inner();
    if is_within { Ok(()) } else { Err(Unreadable::Count { what, count, least, most }) }
}

fn need<T>(field: &'static str, value: Option<T>) -> Result<T, Unreadable> {
    value.ok_or(Unreadable::Missing(field))
}
