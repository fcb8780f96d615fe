//! Members and the connections to them.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::hash::{Hash, Hasher};

use crate::message::{Hello, Listed, Member, Report};
use crate::node::LinkId;
use crate::timer::{Probe, RoundTrip};
use crate::types::{Address, Claim, Inst, Tick};

/// A connection that the protocol knows of.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Link {
    /// The address dialled; none if the other end dialled.
    pub(crate) dialed: Option<Address>,
    /// Who is at the other end, once its Hello was accepted.
    pub(crate) peer: Option<Address>,
    /// A Hello that waits until it is known who holds the address it claims (A7).
    pub(crate) parked: Option<Hello>,
    /// Since when the other end owes an answer (N3).
    pub(crate) owed_since: Option<Tick>,
    /// The same for a HelloAck.
    pub(crate) hello_owed_since: Option<Tick>,
    pub(crate) hello_sent: Option<Tick>,
    pub(crate) heard_at: Tick,
    /// A second connection to the same instance is closed then.
    pub(crate) surplus_until: Option<Tick>,
}

impl Link {
    pub(crate) fn new(dialed: Option<Address>, now: Tick) -> Self {
        Self {
            dialed,
            peer: None,
            parked: None,
            owed_since: None,
            hello_owed_since: None,
            hello_sent: None,
            heard_at: now,
            surplus_until: None,
        }
    }
}

/// Another member, and what this node knows of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "five facts that hold independently of each other"
)]
pub(crate) struct Remote {
    pub(crate) member: Member,
    /// Open connections, the one to send on first.
    pub(crate) links: Vec<LinkId>,
    /// A dial was refused since it was last heard: proved dead.
    pub(crate) refused: bool,
    /// It was announced as a member that joined.
    pub(crate) joined: bool,
    /// Its last connection is gone.
    pub(crate) lost: bool,
    /// It told of a record that no honest node wrote.
    pub(crate) is_doubted: bool,
    /// Its last report.
    pub(crate) report: Report,
    /// When it last acknowledged this leader's claim.
    pub(crate) acked: Option<(Claim, Tick)>,
    /// The version of this leader's list that it acknowledged.
    pub(crate) list_acked: u64,
    /// The Beat whose acknowledgement measures the round trip.
    pub(crate) beat_sent: Option<(u64, Tick)>,
    /// As leader: it is heard.
    pub(crate) reach: bool,
    /// As follower: what the leader's list says of it.
    pub(crate) leader_reach: Option<bool>,
    pub(crate) rtt: RoundTrip,
    /// Since when it is known without a connection, or has left.
    pub(crate) since: Tick,
    /// When it was last dialled.
    pub(crate) dialed_at: Option<Tick>,
    pub(crate) probe: Option<Probe>,
    /// The foreign live leader it last named, and since when (A5).
    pub(crate) foreign: Option<(Address, Inst, Tick)>,
}

impl Remote {
    pub(crate) fn new(member: Member, since: Tick) -> Self {
        Self {
            member,
            links: Vec::new(),
            refused: false,
            joined: false,
            lost: false,
            is_doubted: false,
            report: Report::default(),
            acked: None,
            list_acked: 0,
            beat_sent: None,
            reach: false,
            leader_reach: None,
            rtt: RoundTrip::default(),
            since,
            dialed_at: None,
            probe: None,
            foreign: None,
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        !self.links.is_empty()
    }

    /// It may lead.
    pub(crate) fn is_electable(&self) -> bool {
        self.member.priority > 0 && !self.member.left && !self.refused
    }

    pub(crate) fn rank(&self) -> (u32, &Address) {
        (self.member.priority, &self.member.id)
    }

    /// Its last report names a live leader other than `me`.
    pub(crate) fn follows_other(&self, me: &Address) -> bool {
        self.report.live && self.report.claim.as_ref().is_some_and(|c| c.id != *me)
    }
}

/// Whether `new` replaces `old`: the higher incarnation does; at equal ones, goodbye does.
pub(crate) fn supersedes(new: &Member, old: &Member) -> bool {
    new.inc > old.inc || (new.inc == old.inc && new.left && !old.left)
}

/// An address that the operator listed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Place {
    /// Who answered there.
    pub(crate) id: Option<Address>,
    /// This node itself answered.
    pub(crate) is_self: bool,
    pub(crate) probe: Option<Probe>,
}

/// What is remembered of a member that was forgotten, so that old word of it is known as old.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Forgotten {
    pub(crate) inc: u64,
    pub(crate) inst: Inst,
    pub(crate) until: Tick,
}

/// A follower that asked to be passed each Beat.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Watcher {
    pub(crate) acked_at: Tick,
    pub(crate) list_acked: u64,
}

/// The leader's list in the version in force.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct List {
    pub(crate) version: u64,
    pub(crate) entries: Option<Arc<[Listed]>>,
}

impl List {
    pub(crate) fn new(entries: Vec<Listed>) -> Self {
        let mut hasher = Fnv::default();
        entries.hash(&mut hasher);
        // 0 means "no list", and a JSON number holds 53 bits.
        Self { version: (hasher.finish() >> 11).max(1), entries: Some(entries.into()) }
    }

    /// The list, unless the receiver has it.
    pub(crate) fn unless_known(&self, version: u64) -> Option<Vec<Listed>> {
        if version == self.version { None } else { self.entries.as_ref().map(|e| e.to_vec()) }
    }
}

/// A hash of who the members are, without who reaches whom.
pub(crate) fn membership(remotes: &BTreeMap<Address, Remote>) -> u64 {
    let mut hasher = Fnv::default();
    for remote in remotes.values().filter(|r| !r.member.left) {
        (&remote.member.id, remote.member.priority, remote.member.inst).hash(&mut hasher);
    }
    hasher.finish()
}

/// The 64-bit FNV-1a hash: a version number must be the same on every run, which the standard
/// library does not promise of its hasher.
/// <http://www.isthe.com/chongo/tech/comp/fnv/>
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for Fnv {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    fn member(inc: u64, left: bool) -> Member {
        Member { id: Address::new("h", 1), ip: None, priority: 1, inc, inst: Inst(1), left }
    }

    #[test]
    fn of_two_records_the_higher_incarnation_wins_and_at_equal_ones_goodbye() {
        assert!(supersedes(&member(2, false), &member(1, true)));
        assert!(supersedes(&member(1, true), &member(1, false)));
        assert!(!supersedes(&member(1, false), &member(1, true)));
        assert!(!supersedes(&member(1, false), &member(1, false)));
        assert!(!supersedes(&member(1, true), &member(2, false)));
    }

    #[test]
    fn a_list_has_another_version_where_any_part_of_it_differs() {
        let list = |reach| List::new(vec![Listed { member: member(1, false), reach }]);
        assert_eq!(list(true).version, list(true).version);
        assert_ne!(list(true).version, list(false).version);
        assert_eq!(list(true).unless_known(list(true).version), None);
        assert!(list(true).unless_known(0).is_some());
    }
}
