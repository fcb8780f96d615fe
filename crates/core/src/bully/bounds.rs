//! Numbers that no honest node holds: what is done with them, and with who says them.

use super::Bully;
use crate::event::Event;
use crate::members::{Link, Remote};
use crate::message::{Member, Message};
use crate::node::LinkId;
use crate::types::{Address, Incarnation};

/// At most so many dials of addresses that peers merely told of are under way.
pub(super) const STRANGERS_MAX: usize = 16;
/// At most so many nodes are named as met in an acknowledgement, and so many are gone to.
pub(super) const MET_MAX: usize = 16;

impl Bully {
    pub(super) fn is_credible(&self, message: &Message) -> bool {
        message.epoch_max().is_credible(self.seen)
            && (own_inc(message).is_credible(self.seen_inc)
                || cfg!(bully_mutant = "any-incarnation"))
    }

    /// A number that no honest node holds. What is seen follows it by one leap and no more: a
    /// peer that a lie has moved to the edge of what is credible would otherwise never be heard
    /// again by one that the lie did not reach, and the two would both lead for good.
    pub(super) fn drop_incredible(&mut self, link: LinkId, message: &Message) {
        let id = self.links.get(&link).and_then(|l| l.peer.clone());
        let is_ours = match message {
            Message::Hello(h) | Message::HelloAck(h) => {
                h.cluster == self.config.cluster && h.mode == self.config.mode
            }
            _ => id.is_some(),
        };
        let leaps = is_ours && !cfg!(bully_mutant = "no-leap");
        let epoch = message.epoch_max();
        if epoch.is_credible(self.seen) {
            if leaps {
                self.seen_inc = self.seen_inc.leap();
            }
            let of = match message {
                Message::Hello(h) | Message::HelloAck(h) => Some(&h.member.id),
                _ => id.as_ref(),
            };
            if let Some(of) = of.cloned() {
                self.complain_of_record(id.as_ref(), of, own_inc(message).0);
            }
        } else {
            if leaps {
                self.seen = self.seen.leap();
            }
            self.event(Event::EpochDropped { id, epoch });
        }
        // To be told again costs a round trip; to wait for the next probe would cost P_max.
        let is_hello = matches!(message, Message::Hello(_) | Message::HelloAck(_));
        if is_ours && is_hello && self.is_credible(message) {
            self.send_hello(link);
        }
    }

    /// Takes over what `from` says of members, and whether their leader reaches them, but for records that no honest node wrote. All of
    /// one message move what is credible by one leap.
    pub(super) fn learn_all<'a>(
        &mut self,
        from: &Address,
        members: impl Iterator<Item = (&'a Member, bool)>,
    ) {
        let seen = self.seen_inc;
        let mut worst: Option<(Address, u64)> = None;
        for (member, is_reached) in members {
            if Incarnation(member.inc).is_credible(seen) || cfg!(bully_mutant = "any-incarnation") {
                self.learn(member, is_reached);
            } else if worst.as_ref().is_none_or(|(_, inc)| *inc < member.inc) {
                worst = Some((member.id.clone(), member.inc));
            }
        }
        if let Some((of, inc)) = worst {
            self.seen_inc = self.seen_inc.max(seen.leap());
            self.complain_of_record(Some(from), of, inc);
        }
    }

    /// Said once of each neighbour: a record that it keeps comes with every one of its Hellos.
    fn complain_of_record(&mut self, from: Option<&Address>, id: Address, inc: u64) {
        let remote = from.and_then(|from| self.remotes.get_mut(from));
        let is_said = remote.is_some_and(|r| core::mem::replace(&mut r.is_doubted, true));
        if !is_said {
            self.event(Event::RecordDropped { from: from.cloned(), id, inc });
        }
    }

    /// Whether the address is one that this node was merely told of: neither listed nor that of a
    /// member that it ever had a connection with. Nor did anybody come and claim it.
    fn is_stranger(&self, address: &Address) -> bool {
        let is_met = |r: &Remote| r.is_open() || r.lost;
        let is_claimed = |l: &Link| l.parked.as_ref().is_some_and(|h| h.member.id == *address);
        *address != self.me.id
            && !self.places.contains_key(address)
            && !self.remotes.get(address).is_some_and(is_met)
            && !self.links.values().any(is_claimed)
    }

    /// Whether a dial of this address is to wait until those of other strangers have ended.
    pub(super) fn is_one_too_many(&self, address: &Address) -> bool {
        if !self.is_stranger(address) || cfg!(bully_mutant = "dials-whom-it-hears-of") {
            return false;
        }
        let unanswered = self.links.values().filter(|l| l.peer.is_none());
        let dialed = unanswered.filter_map(|l| l.dialed.as_ref()).chain(&self.dialing);
        dialed.filter(|a| self.is_stranger(a)).count() >= STRANGERS_MAX
    }

    /// Notes a node that follows another claim, for the next acknowledgement.
    pub(super) fn meet(&mut self, id: Address) {
        if self.met.len() < MET_MAX {
            self.met.insert(id);
        }
    }

    pub(super) fn see_inc(&mut self, inc: u64) {
        self.seen_inc = self.seen_inc.max(Incarnation(inc));
    }

    /// This node's record is another from now on: above its last one, and above `read`.
    pub(super) fn raise_inc(&mut self, read: u64) {
        self.me.inc = Incarnation(self.me.inc.max(read)).next().0;
        self.see_inc(self.me.inc);
    }
}

/// The incarnation of the sender's own record, where the message states it.
fn own_inc(message: &Message) -> Incarnation {
    Incarnation(match message {
        Message::Hello(h) | Message::HelloAck(h) => h.member.inc,
        Message::Leave(leave) => leave.inc,
        _ => 0,
    })
}
