//! The sentences.

use bully_core::quorum::{self, Refusal};
use bully_core::{Address, Cause, DialError, NackReason};

use crate::view::EntryKind;

/// In the words of the 2013 program.
pub(super) fn unreachable(address: &Address, reason: &DialError) -> String {
    match reason {
        DialError::NoSuchHost(_) => format!("{address} cannot be added: dial tcp: {reason}"),
        DialError::Protocol(what) => format!("{address} cannot be added: {what}"),
        _ => format!("{address} cannot be added: dial tcp {address}: {reason}"),
    }
}

/// This node, of that cluster, refused `id`.
pub(super) fn refused(id: &Address, reason: &NackReason, cluster: &str) -> String {
    let why = match reason {
        NackReason::ForeignCluster(_) => format!("it is of another cluster than {cluster:?}"),
        NackReason::ForeignMode(mode) => format!("it is of another mode than {mode}"),
        NackReason::DuplicateId => "that address is held by another live node".to_owned(),
        NackReason::Full => "the member list is full".to_owned(),
        other => format!("{other:?}"),
    };
    format!("{id} refused: {why}")
}

/// `by` refused this node, `me`, of that cluster.
pub(super) fn refused_by(by: &Address, reason: &NackReason, me: &Address, cluster: &str) -> String {
    match reason {
        NackReason::ForeignCluster(theirs) => format!(
            "{by} refused this node: it is of cluster {theirs:?}, this node of {cluster:?} \
             (-cluster)"
        ),
        NackReason::ForeignMode(theirs) => {
            format!("{by} refused this node: it is of mode {theirs} (-mode)")
        }
        NackReason::DuplicateId => format!(
            "{me} is held by another live node: this one waits until it is gone, or give it an \
             address of its own (-advertise)"
        ),
        NackReason::Full => format!("{by} refused this node: its member list is full"),
        NackReason::Leaving => format!("{by} refused this node: it is leaving"),
        NackReason::Other(why) => format!("{by} refused this node: {why}"),
        other => format!("{by} refused this node: {other:?}"),
    }
}

/// The cause in a few words, for people.
pub(super) fn phrase(cause: Cause) -> &'static str {
    match cause {
        Cause::Join => "this node joined",
        Cause::Silence => "the leader fell silent",
        Cause::Crash => "the leader's process died",
        Cause::Leave => "the leader left",
        Cause::Handover => "the leader handed over",
        Cause::Priority => "its priority is higher",
        Cause::Merge => "two groups merged",
        Cause::GreaterClaim => "it holds the greater claim",
        Cause::Resign => "the leader resigned",
        Cause::DuplicateId => "its address is held by another live node",
        Cause::Late => "the leader was late, and another leads",
        _ => "an election",
    }
}

/// Addresses, one after the other.
pub(super) fn list(addresses: &[Address]) -> String {
    let mut texts: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    texts.sort();
    texts.join(", ")
}

/// This node, of that cluster, refused the node at `id`, in quorum mode.
pub(super) fn quorum_refused(id: &Address, reason: &Refusal, cluster: &str) -> String {
    let why = match reason {
        Refusal::ForeignCluster(_) => format!("it is of another cluster than {cluster:?}"),
        Refusal::ForeignMode(_) => "it is of another mode than quorum (-mode)".to_owned(),
        Refusal::SplitClusters(_) => {
            "it is of a cluster of this name that was founded apart: wipe the one that is not wanted"
                .to_owned()
        }
        Refusal::Copied => "two live nodes run on copies of its disk".to_owned(),
        Refusal::RolledBack => "its disk was rolled back: wipe it and start it anew".to_owned(),
        Refusal::Full => "this node knows as many others as it can hold".to_owned(),
        Refusal::Other(why) => why.to_string(),
        other => format!("{other:?}"),
    };
    format!("{id} refused: {why}")
}

/// `by` refused this node, of that cluster, in quorum mode.
pub(super) fn quorum_refused_by(by: &Address, reason: &Refusal, cluster: &str) -> String {
    let why = match reason {
        Refusal::ForeignCluster(theirs) => {
            format!("it is of cluster {theirs:?}, this node of {cluster:?} (-cluster)")
        }
        Refusal::ForeignMode(theirs) => format!("it is of mode {theirs} (-mode)"),
        Refusal::SplitClusters(_) => {
            "it is of a cluster of this name that was founded apart: wipe the one that is not wanted"
                .to_owned()
        }
        Refusal::Copied => "this node's disk is a copy of a live one's".to_owned(),
        Refusal::RolledBack => "this node's disk was rolled back".to_owned(),
        Refusal::Full => "it knows as many others as it can hold".to_owned(),
        Refusal::Other(why) => why.to_string(),
        other => format!("{other:?}"),
    };
    format!("{by} refused this node: {why}")
}

/// What happens to the node itself, in quorum mode.
pub(super) fn of_node(event: &quorum::Event) -> Option<(EntryKind, String)> {
    use quorum::Event;
    Some(match event {
        Event::SplitClusters { .. } => (
            EntryKind::Warning,
            "clusters of this name were founded apart: this node joins neither; wipe the one that \
             is not wanted"
                .to_owned(),
        ),
        Event::Quarantined { reason } => {
            let why = match reason {
                Refusal::Copied => "another live node runs on a copy of this node's disk",
                _ => "this node's disk was rolled back",
            };
            let line = format!(
                "{why}: it takes part in nothing; stop it, wipe its data directory, start it anew"
            );
            (EntryKind::Warning, line)
        }
        Event::Removed => (
            EntryKind::Members,
            "this node was removed from the cluster; to join again it needs an empty data directory"
                .to_owned(),
        ),
        Event::DiskFailed => (
            EntryKind::Disk,
            "the disk does not take this node's state: it neither votes nor leads until it does"
                .to_owned(),
        ),
        Event::DiskBack => (EntryKind::Disk, "the disk takes this node's state again".to_owned()),
        _ => return None,
    })
}

/// The cause in a few words, for people.
pub(super) fn quorum_phrase(cause: quorum::Cause) -> &'static str {
    match cause {
        quorum::Cause::Vacancy => "there was no leader",
        quorum::Cause::Handover => "the leader handed over",
        quorum::Cause::Lapse => "its lease ran out",
        quorum::Cause::Suspended => "the machine was suspended",
        quorum::Cause::Overtaken => "a member has seen a later term",
        quorum::Cause::Preempted => "a member of higher priority takes over",
        quorum::Cause::Resign => "it was asked to hand over",
        quorum::Cause::Disk => "its disk failed",
        quorum::Cause::Quarantine => "its disk was copied or rolled back",
        _ => "an election",
    }
}
