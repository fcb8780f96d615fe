//! The founding of a cluster: all nodes of a list agree once, and never two sets that share a node.
//!
//! Nobody agrees before every place of its list has answered and all name the same set. What was
//! agreed to is on disk, and is taken back only when everyone else has taken it back, too: a word
//! that is still on its way may count later. A round, counted on disk, keeps what was taken back
//! from ever being agreed to again.

use alloc::collections::BTreeSet;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::event::Event;
use super::message::{Formed, GenesisAccept, Message, Stage};
use super::stored::Founding;
use super::words::{ClusterId, Member, Roster, RosterId, Term};
use super::{Due, Quorum};
use crate::types::{Address, Inst};

impl Quorum {
    /// Whom the places of the list have led to, this node included; none until all have answered.
    pub(super) fn reached(&self) -> Option<Vec<Inst>> {
        let listed = self.config.places.iter().filter(|p| **p != self.config.id);
        let answered = listed.map(|p| self.places.get(p).and_then(|place| place.inst));
        let answered: Option<BTreeSet<Inst>> = answered.chain([Some(self.me())]).collect();
        answered.map(|set| set.into_iter().collect())
    }

    /// An instance answers at an address. Whoever was there before is gone.
    pub(super) fn answers_at(&mut self, address: &Address, inst: Inst, is_dialed: bool) {
        let before = self.places.get(address).and_then(|p| p.inst);
        if is_dialed {
            self.dial_ended(address, None);
        }
        // That it is to be found there is what it says; that it answered there is more: nobody is
        // displaced by a word.
        if before.is_some_and(|old| old != inst) && !is_dialed {
            return;
        }
        if let Some(place) = self.places.get_mut(address) {
            (place.inst, place.tried) = (Some(inst), true);
        }
        let Some(old) = before.filter(|old| *old != inst && *old != self.me()) else {
            self.warn_of_same_place(address, inst);
            return;
        };
        let was_there = self.peers.get(&old).is_some_and(|p| p.member.id == *address);
        if was_there && !self.is_formed() {
            if let Some(peer) = self.peers.get_mut(&old) {
                peer.is_gone = true;
            }
            self.drop_links(old);
        }
    }

    fn warn_of_same_place(&mut self, address: &Address, inst: Inst) {
        let is_listed = self.config.places.contains(address);
        let is_same = |p: &&Address| {
            *p != address && self.places.get(*p).is_some_and(|place| place.inst == Some(inst))
        };
        let other = self.config.places.iter().find(is_same).cloned();
        if let (true, Some(first)) = (is_listed, other) {
            let pair = (first.clone(), address.clone());
            if self.same_places.insert(pair) {
                self.event(Event::SamePlace { first, second: address.clone() });
            }
        }
    }

    /// The cluster that would be founded as things are known now.
    pub(super) fn prospect(&self) -> Option<Founding> {
        let set = self.reached()?;
        let mut rounds = Vec::new();
        let mut founders = Vec::new();
        for inst in set {
            if inst == self.me() {
                rounds.push((inst, self.stored.round));
                founders.push((inst, self.config.id.clone()));
            } else {
                let peer = self.peers.get(&inst).filter(|p| !p.is_gone)?;
                rounds.push((inst, peer.round));
                founders.push((inst, peer.member.id.clone()));
            }
        }
        let cluster = identify(&self.config.cluster, &rounds);
        Some(Founding { cluster, founders })
    }

    /// Whether a founder's last word goes together with this founding: none if it has not yet said
    /// whom it reaches.
    fn agrees(&self, inst: Inst, founding: &Founding) -> Option<bool> {
        let peer = self.peers.get(&inst)?;
        let stage = match peer.stage {
            Stage::Fresh => true,
            Stage::Accepted(cluster) => cluster == founding.cluster,
            Stage::Formed(_) | Stage::Leaving(_) => false,
        };
        let set: Vec<Inst> = founding.founders.iter().map(|(i, _)| *i).collect();
        peer.reached.as_ref().map(|reached| stage && *reached == set)
    }

    /// Something was heard that may allow a founding, forbid it, or lead into a cluster.
    pub(super) fn consider_genesis(&mut self) {
        if self.is_formed() || !self.is_at_work() {
            return;
        }
        self.leaving_done();
        self.seek_cluster();
        let prospect = self.prospect();
        match (&self.stored.accept, prospect) {
            (Some(accept), Some(prospect)) if accept.cluster != prospect.cluster => {
                self.undo();
            }
            (Some(accept), _) if self.is_contradicted(accept) => self.undo(),
            (Some(_), _) => self.count_accepts(),
            (None, Some(prospect)) if self.stored.leaving.is_none() => self.agree(prospect),
            _ => {}
        }
        self.tell_if_changed();
    }

    /// A founder names another set, or another cluster. That one is Formed under this very cluster
    /// is no contradiction, and is dealt with before.
    fn is_contradicted(&self, accept: &Founding) -> bool {
        let others = accept.others(self.me());
        others.into_iter().any(|inst| self.agrees(inst, accept) == Some(false))
    }

    fn agree(&mut self, prospect: Founding) {
        let is_known = self.joining.is_some() || self.split.is_some();
        let others = prospect.others(self.me());
        let is_agreed = others.into_iter().all(|i| self.agrees(i, &prospect) == Some(true));
        let is_agreed = is_agreed || cfg!(bully_mutant = "accepts-any-set");
        if is_known || !is_agreed || !self.has_electable(&prospect) || self.disk.has_failed() {
            return;
        }
        self.stored.accept = Some(prospect);
        self.touch();
        self.send_accepts();
        self.count_accepts();
    }

    /// Whether one of the founders may lead. A cluster in which nobody may could never change that.
    pub(super) fn has_electable(&self, prospect: &Founding) -> bool {
        let may_lead = |inst: Inst| self.peers.get(&inst).is_some_and(|p| p.member.priority > 0);
        self.config.priority > 0 || prospect.others(self.me()).into_iter().any(may_lead)
    }

    fn send_accepts(&mut self) {
        let Some(accept) = self.stored.accept.clone() else { return };
        let member =
            Member { inst: self.me(), id: self.config.id.clone(), priority: self.config.priority };
        for to in accept.others(self.me()) {
            let (cluster, member) = (accept.cluster, member.clone());
            let accept = Message::GenesisAccept(GenesisAccept { cluster, member });
            if cfg!(bully_mutant = "accept-before-sync") {
                self.send_to(to, accept);
            } else {
                self.answer_after_sync(to, accept);
            }
        }
    }

    pub(super) fn on_accept(&mut self, from: Inst, accept: GenesisAccept) {
        if accept.member.inst != from {
            return;
        }
        if self.stored.cluster == Some(accept.cluster) {
            self.tell_formed(from);
            return;
        }
        if let Some(peer) = self.peers.get_mut(&from).filter(|_| self.stored.cluster.is_none()) {
            peer.accept = Some(accept);
            self.count_accepts();
        }
    }

    /// All have agreed, and this node still does: the cluster exists.
    fn count_accepts(&mut self) {
        let Some(accept) = &self.stored.accept else { return };
        let mut members = Vec::new();
        for (inst, _) in &accept.founders {
            if *inst == self.me() {
                let (id, priority) = (self.config.id.clone(), self.config.priority);
                members.push(Member { inst: *inst, id, priority });
                continue;
            }
            let word = self.peers.get(inst).and_then(|p| p.accept.as_ref());
            match word.filter(|word| word.cluster == accept.cluster) {
                Some(word) => members.push(word.member.clone()),
                None => return,
            }
        }
        if members.iter().all(|m| m.priority == 0) {
            return;
        }
        let (cluster, others) = (accept.cluster, accept.others(self.me()));
        let version = RosterId { term: Term(0), version: 1 };
        self.form(cluster, Arc::new(Roster { version, members, removed: Vec::new() }));
        for to in others {
            self.tell_formed(to);
        }
    }

    fn tell_formed(&mut self, to: Inst) {
        let Some(cluster) = self.stored.cluster else { return };
        let roster = self.stored.roster.clone();
        self.answer_after_sync(to, Message::Formed(Formed { cluster, roster }));
    }

    /// This node is in a cluster from now on, and stays there whatever its list says.
    pub(super) fn form(&mut self, cluster: ClusterId, roster: Arc<Roster>) {
        self.stored.term = self.stored.term.max(roster.version.term);
        (self.stored.cluster, self.stored.roster) = (Some(cluster), roster.clone());
        (self.stored.accept, self.stored.leaving) = (None, None);
        self.touch();
        self.joining = None;
        // Who was displaced while the founders were sought is judged by its instance from here on.
        for peer in self.peers.values_mut() {
            peer.is_gone = false;
        }
        self.event(Event::Formed { cluster });
        self.event(Event::Roster(roster));
        self.drop_strangers(cluster);
        self.tell_if_changed();
    }

    /// Nodes of other clusters have nothing to say here.
    fn drop_strangers(&mut self, cluster: ClusterId) {
        let is_stranger = |p: &super::Peer| matches!(p.stage, Stage::Formed(c) if c != cluster);
        let strangers = self.peers.iter().filter(|(_, p)| is_stranger(p));
        let strangers: Vec<Inst> = strangers.map(|(inst, _)| *inst).collect();
        for inst in strangers {
            self.drop_links(inst);
        }
    }

    pub(super) fn on_formed(&mut self, from: Inst, formed: &Formed) {
        if let Some(peer) = self.peers.get_mut(&from) {
            peer.stage = Stage::Formed(formed.cluster);
            peer.roster = Some(formed.roster.clone());
        }
        self.heard_of(formed.cluster, &formed.roster);
        self.consider_genesis();
    }

    /// A node says that a cluster exists. Whoever has given its word to it, taken back or not, is in
    /// it, for the word was counted.
    pub(super) fn heard_of(&mut self, cluster: ClusterId, roster: &Arc<Roster>) {
        let is_mine = |f: &Option<Founding>| f.as_ref().is_some_and(|f| f.cluster == cluster);
        if self.stored.cluster == Some(cluster) {
            self.adopt(Some(roster));
        } else if !self.is_formed()
            && (is_mine(&self.stored.accept)
                || is_mine(&self.stored.leaving)
                || cfg!(bully_mutant = "formed-by-hearsay"))
            && roster.is_sound()
        {
            self.form(cluster, roster.clone());
        }
    }

    /// Takes its word back, durably, and asks the others to do so.
    pub(super) fn undo(&mut self) {
        let Some(accept) = self.stored.accept.take() else { return };
        if cfg!(bully_mutant = "genesis-undone-at-once") {
            self.touch();
            return;
        }
        self.stored.leaving = Some(accept);
        self.stored.round += u64::from(!cfg!(bully_mutant = "same-round-again"));
        self.touch();
        self.renounced.clear();
        self.send_renounces();
        self.leaving_done();
    }

    fn send_renounces(&mut self) {
        let Some(leaving) = self.stored.leaving.clone() else { return };
        for to in leaving.others(self.me()) {
            if !self.renounced.contains(&to) {
                self.answer_after_sync(to, Message::Renounce(leaving.cluster));
            }
        }
    }

    pub(super) fn on_renounce(&mut self, from: Inst, cluster: ClusterId) {
        if self.stored.cluster == Some(cluster) {
            return self.tell_formed(from);
        }
        if let Some(peer) = self.peers.get_mut(&from) {
            peer.accept = peer.accept.take().filter(|word| word.cluster != cluster);
        }
        if self.stored.accept.as_ref().is_some_and(|a| a.cluster == cluster) {
            self.undo();
        } else if self.stage() == Stage::Fresh && self.refused_genesis.insert(cluster) {
            // It must not agree later to what the other has given up. One that has agreed to
            // another cluster cannot: its round grows before it agrees to anything else (MQ7).
            self.stored.round += u64::from(!cfg!(bully_mutant = "same-round-when-asked"));
            self.touch();
            if self.refused_genesis.len() > Roster::MEMBERS_MAX {
                self.refused_genesis.pop_first();
            }
        }
        // The new round first: else the other agrees to a founding with the old one.
        self.tell_if_changed();
        self.answer_after_sync(from, Message::Renounced(cluster));
    }

    pub(super) fn on_renounced(&mut self, from: Inst, cluster: ClusterId) {
        if self.stored.leaving.as_ref().is_some_and(|l| l.cluster == cluster) {
            self.renounced.insert(from);
            self.consider_genesis();
        }
    }

    /// Everybody else has taken its word back, or is no more: this node is free again.
    fn leaving_done(&mut self) {
        let Some(leaving) = &self.stored.leaving else { return };
        let is_replaced = |inst: Inst, id: &Address| {
            let is_gone = self.peers.get(&inst).is_some_and(|p| p.is_gone);
            let there = self.places.get(id).and_then(|p| p.inst);
            // That it is not in the cluster says nothing: its word may be on its way.
            let is_unformed = cfg!(bully_mutant = "genesis-undone-where-none-is-formed")
                && self.peers.get(&inst).is_some_and(|p| !matches!(p.stage, Stage::Formed(_)));
            is_gone || is_unformed || there.is_some_and(|there| there != inst)
        };
        let is_done = leaving.founders.iter().all(|(inst, id)| {
            *inst == self.me() || self.renounced.contains(inst) || is_replaced(*inst, id)
        });
        if is_done {
            self.stored.leaving = None;
            self.touch();
        }
    }

    /// Tells everybody where this node stands, when that has changed.
    fn tell_if_changed(&mut self) {
        let told = (self.stage(), self.stored.round, self.reached());
        if self.told.as_ref() != Some(&told) {
            self.told = Some(told);
            self.after_sync(super::Deferred::Greet);
        }
    }

    /// MQ6: an outsider says again what it has to say, for a word may be lost.
    pub(super) fn repeat_due(&mut self) {
        if !self.is_at_work() || self.now.fast < self.repeat_at {
            return;
        }
        self.repeat_at = self.now.fast.after(self.config.probe());
        if self.is_formed() {
            return self.repeat_as_outsider();
        }
        self.say_hello_to_all();
        self.send_accepts();
        self.send_renounces();
        self.ask_to_join();
    }

    /// In a cluster, and no member of it. While it hears the leader it need not say who it is.
    fn repeat_as_outsider(&mut self) {
        let roster = &self.stored.roster;
        if roster.has(self.me()) || roster.removed.contains(&self.me()) {
            return;
        }
        if self.leader.is_none() {
            self.say_hello_to_all();
        }
        self.ask_to_join();
    }

    pub(super) fn repeat_deadline(&self, due: &mut Due) {
        if !self.is_formed() || !self.stored.roster.has(self.me()) {
            due.fast(self.repeat_at);
        }
    }
}

/// The identity of a cluster: FNV-1a over its name, its founders and their rounds, in 128 bits. Not a
/// secret, and not proof against malice.
/// <http://www.isthe.com/chongo/tech/comp/fnv/>
fn identify(name: &str, rounds: &[(Inst, u64)]) -> ClusterId {
    const PRIME: u128 = (1 << 88) + 0x13b;
    let mut hash = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d_u128;
    let mut eat = |bytes: &[u8]| {
        for byte in bytes {
            hash = (hash ^ u128::from(*byte)).wrapping_mul(PRIME);
        }
    };
    eat(&(name.len() as u64).to_be_bytes());
    eat(name.as_bytes());
    for (inst, round) in rounds {
        eat(&inst.0.to_be_bytes());
        eat(&round.to_be_bytes());
    }
    ClusterId(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_is_its_name_its_founders_and_their_rounds() {
        let founders = [(Inst(1), 0), (Inst(2), 0)];
        let id = identify("bully", &founders);
        assert_eq!(id, identify("bully", &founders));
        assert_ne!(id, identify("bull", &founders));
        assert_ne!(id, identify("bully", &founders[..1]));
        assert_ne!(id, identify("bully", &[(Inst(1), 0), (Inst(2), 1)]));
    }
}
