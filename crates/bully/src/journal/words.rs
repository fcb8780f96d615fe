//! The sentences.

use bully_core::{Address, Cause, DialError, NackReason};

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
