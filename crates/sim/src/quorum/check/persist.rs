//! PersistBeforeSend, TermMonotone, RosterMonotone: what is said is on the disk, and what is on the
//! disk grows.

use std::sync::Arc;

use bully_core::Inst;
use bully_core::quorum::{ClusterId, Founding, Message, Pact, Roster, Stage, Stored, Term};

/// What may follow what on a disk.
pub(super) fn grows(old: &Stored, new: &Stored) -> Result<(), String> {
    let broken = if old.inst != new.inst {
        "OneInst"
    } else if new.boot < old.boot {
        "BootMonotone"
    } else if old.cluster.is_some() && new.cluster != old.cluster {
        "OneCluster"
    } else if new.term < old.term {
        "TermMonotone"
    } else if new.term == old.term && old.voted_for.is_some() && new.voted_for != old.voted_for {
        "VoteOnce"
    } else if new.roster.version < old.roster.version {
        "RosterMonotone"
    } else if new.roster.version == old.roster.version && new.roster != old.roster {
        "OneRosterPerVersion"
    } else if new.round < old.round {
        "RoundMonotone"
    } else {
        return Ok(());
    };
    Err(format!("{broken}: {old:?} was followed by {new:?}"))
}

/// A guardian is told only of a term that is on the disk.
pub(crate) fn announced(pact: &Pact, disk: Option<&Stored>) -> Result<(), String> {
    match disk {
        Some(disk) if disk.term >= pact.term && disk.inst == pact.inst => Ok(()),
        _ => Err(format!("PersistBeforeSend: {pact:?}, the disk has {:?}", disk.map(|d| d.term))),
    }
}

/// A stage that a Hello shows is on the disk, or was followed there by a later one.
fn shows(stage: Stage, disk: &Stored) -> bool {
    match stage {
        Stage::Formed(cluster) => disk.cluster == Some(cluster),
        Stage::Accepted(cluster) => {
            let has = |f: &Option<Founding>| f.as_ref().is_some_and(|f| f.cluster == cluster);
            has(&disk.accept) || has(&disk.leaving) || disk.cluster.is_some() || disk.round > 0
        }
        Stage::Fresh | Stage::Leaving(_) => true,
    }
}

/// What a message says must be on the disk of its sender.
pub(super) fn sent(disk: Option<&Stored>, me: Inst, message: &Message) -> Result<(), String> {
    if matches!(message, Message::HelloNack(_)) {
        return Ok(());
    }
    let Some(disk) = disk else {
        return Err(format!("PersistBeforeSend: {} from an empty disk", message.name()));
    };
    let voted = |term: Term, candidate: Inst| {
        disk.term > term || (disk.term == term && disk.voted_for == Some(candidate))
    };
    let accepts = |cluster: ClusterId| {
        disk.cluster == Some(cluster) || disk.accept.as_ref().is_some_and(|a| a.cluster == cluster)
    };
    // Who takes over a roster that its sender then forgets might be the only one that has it.
    let is_shown = |roster: &Arc<Roster>| disk.roster.version >= roster.version;
    let is_stored = match message {
        Message::Hello(hello) | Message::HelloAck(hello) => {
            disk.inst == hello.member.inst
                && disk.boot >= hello.boot
                && disk.round >= hello.round
                && shows(hello.stage, disk)
                && hello.roster.as_ref().is_none_or(is_shown)
        }
        Message::PreVoteResp(resp) => resp.roster.as_ref().is_none_or(is_shown),
        Message::Reject(reject) => reject.roster.as_ref().is_none_or(is_shown),
        Message::Release(release) if !is_shown(&release.roster) => false,
        Message::Vote(vote) => voted(vote.term, vote.candidate) && disk.lease_max >= vote.lease,
        Message::VoteReq(req) => voted(req.term, me),
        Message::Hb(hb) => {
            disk.term >= hb.term
                && disk.roster.version >= hb.roster.version
                && disk.cluster.is_some()
        }
        Message::HbAck(ack) => {
            disk.term >= ack.term
                && disk.roster.version >= ack.roster
                && disk.lease_max >= ack.lease
                && disk.cluster.is_some()
        }
        Message::Release(release) => match &release.target {
            Some(target) => voted(Term(release.term.0 + 1), target.inst),
            None => disk.term >= release.term,
        },
        Message::GenesisAccept(accept) => accepts(accept.cluster),
        Message::Formed(formed) => {
            disk.cluster == Some(formed.cluster) && disk.roster.version >= formed.roster.version
        }
        Message::Renounce(cluster) => {
            let leaving = disk.leaving.as_ref().map(|l| l.cluster);
            leaving == Some(*cluster)
        }
        Message::Renounced(cluster) => {
            disk.accept.as_ref().is_none_or(|a| a.cluster != *cluster)
                && disk.cluster != Some(*cluster)
        }
        _ => true,
    };
    if is_stored {
        return Ok(());
    }
    Err(format!("PersistBeforeSend: {message:?}, the disk has {disk:?}"))
}
