//! Who stands on the member list, for how long, and who goes where it is full.

use alloc::vec::Vec;
use core::time::Duration;

use super::Bully;
use crate::config::Config;
use crate::members::{Forgotten, Remote, supersedes};
use crate::message::Member;
use crate::node::LinkId;
use crate::types::Address;

/// The others on the list: this node stands on its leader's, too.
const OTHERS_MAX: usize = Config::MEMBERS_MAX - 1;
/// Who said goodbye is shown for so long.
const LEFT_KEPT: Duration = Duration::from_secs(10 * 60);
/// Who was lost, or never reached, is sought for so long, unless it is listed.
const LOST_KEPT: Duration = Duration::from_secs(60 * 60);
/// Word of a member that was forgotten is old word for so long after it was last heard.
const OLD_WORD: Duration = Duration::from_secs(2 * 60 * 60);
/// Between two looks.
const TIDY: Duration = Duration::from_secs(60);

impl Bully {
    /// Takes a record over if it is newer, and dials members that are new. `is_reached`: the
    /// leader says that it hears the member.
    pub(super) fn learn(&mut self, member: &Member, is_reached: bool) {
        self.see_inc(member.inc);
        if member.id == self.me.id {
            self.read_of_oneself(member);
            return;
        }
        if let Some(remote) = self.remotes.get_mut(&member.id) {
            // Who is at the other end of an open connection is known first hand.
            let is_first_hand = remote.is_open() && remote.member.inst != member.inst;
            if supersedes(member, &remote.member) && !is_first_hand {
                if member.left && !remote.member.left {
                    remote.since = self.now.fast;
                }
                remote.member = member.clone();
                self.membership_changed();
                self.probes_dirty = true;
            }
        } else if !self.is_old_word(member, is_reached) && self.makes_room_for_hearsay(&member.id) {
            self.forgotten.remove(&member.id);
            self.remotes.insert(member.id.clone(), Remote::new(member.clone(), self.now.fast));
            self.membership_changed();
            self.probes_dirty = true;
            if !member.left {
                self.dial(&member.id);
            }
        }
    }

    /// Whether this is but an echo of a member that was forgotten. It stays one for as long as
    /// anybody repeats it; else nodes that forget at different times would teach it each other
    /// for ever. A later record is none, nor what a leader says that it hears.
    fn is_old_word(&mut self, member: &Member, is_reached: bool) -> bool {
        let until = self.now.fast.after(OLD_WORD);
        let Some(old) = self.forgotten.get_mut(&member.id) else {
            return false;
        };
        let is_echo = old.inst == member.inst && member.inc <= old.inc && !is_reached;
        if is_echo {
            old.until = until;
        }
        is_echo && !cfg!(bully_mutant = "echoes-taken-for-news")
    }

    fn is_listed(&self, id: &Address) -> bool {
        self.places.contains_key(id) || self.places.values().any(|p| p.id.as_ref() == Some(id))
    }

    /// Whether one more would leave no room: the room of those that are listed is theirs alone.
    fn is_full(&self, is_listed: bool) -> bool {
        let (len, room) = (self.remotes.len(), OTHERS_MAX.saturating_sub(self.places.len()));
        let unlisted = || self.remotes.keys().filter(|id| !self.is_listed(id)).count();
        len >= OTHERS_MAX || (!is_listed && len >= room && unlisted() >= room)
    }

    /// For a member that speaks for itself: others of whom nothing is heard go. False if all are
    /// heard and it is not listed.
    pub(super) fn makes_room(&mut self, link: LinkId, id: &Address) -> bool {
        let dialed = self.links.get(&link).and_then(|l| l.dialed.as_ref());
        let is_listed =
            self.is_listed(id) || dialed.is_some_and(|place| self.places.contains_key(place));
        self.remotes.contains_key(id)
            || !self.is_full(is_listed)
            || self.evict(|_| true)
            || is_listed
    }

    /// For one that was merely heard of: nobody goes but who has left.
    fn makes_room_for_hearsay(&mut self, id: &Address) -> bool {
        !self.is_full(self.is_listed(id)) || self.evict(|r| r.member.left)
    }

    /// Who left goes first, then who was never connected, then who was lost longest.
    fn evict(&mut self, may_go: impl Fn(&Remote) -> bool) -> bool {
        let next = self
            .remotes
            .values()
            .filter(|r| self.is_dispensable(r) && may_go(r))
            .min_by_key(|r| (!r.member.left, r.lost, r.since))
            .map(|r| r.member.id.clone());
        let Some(id) = next.filter(|_| !cfg!(bully_mutant = "list-fills-for-good")) else {
            return false;
        };
        self.strike(&id);
        true
    }

    /// Nobody with a connection, nor the leader, nor whom the operator listed.
    fn is_dispensable(&self, remote: &Remote) -> bool {
        let id = &remote.member.id;
        !remote.is_open() && self.claim.as_ref().is_none_or(|c| c.id != *id) && !self.is_listed(id)
    }

    fn strike(&mut self, id: &Address) {
        self.remotes.remove(id);
        self.complaints.remove(id);
        self.membership_changed();
        self.probes_dirty = true;
    }

    /// Forgets those of whom nothing was heard for long.
    pub(super) fn tidy(&mut self) {
        let now = self.now.fast;
        if now < self.tidy_at {
            return;
        }
        self.tidy_at = now.after(TIDY);
        self.forgotten.retain(|_, old| old.until > now);
        let is_due = |r: &Remote| {
            let kept = if r.member.left { LEFT_KEPT } else { LOST_KEPT };
            now.since(r.since) >= kept && !cfg!(bully_mutant = "nobody-is-forgotten")
        };
        let due: Vec<Member> = self
            .remotes
            .values()
            .filter(|r| self.is_dispensable(r) && is_due(r))
            .map(|r| r.member.clone())
            .collect();
        for member in due {
            self.strike(&member.id);
            self.remember_forgotten(member);
        }
    }

    fn remember_forgotten(&mut self, member: Member) {
        let oldest = self.forgotten.iter().min_by_key(|(_, old)| old.until);
        if let Some(oldest) = oldest.map(|(id, _)| id.clone())
            && self.forgotten.len() >= OTHERS_MAX
        {
            self.forgotten.remove(&oldest);
        }
        let until = self.now.fast.after(OLD_WORD);
        let old = Forgotten { inc: member.inc, inst: member.inst, until };
        self.forgotten.insert(member.id, old);
    }
}
