//! Systems that agree on a leader, each behind the same few questions.

mod bully;
mod etcd;
mod etcd_election;
mod keepalived;
mod redis;
mod zookeeper;

use std::path::PathBuf;
use std::time::Duration;

use crate::arena::{Arena, Node};
use crate::observe::Target;

pub use bully::{Bully, EQUAL, QUICK, QUORUM, SECRET, SECRET_QUORUM};
pub use etcd::Etcd;
pub use etcd_election::{ELECTION, EtcdElection, campaign};
pub use keepalived::{Keepalived, echo};
pub use redis::{Redis, lock};
pub use zookeeper::ZooKeeper;

/// A system that agrees on a leader.
pub trait System {
    /// Its name in tables, with the settings that matter.
    fn name(&self) -> String;

    /// Whether it can run here.
    ///
    /// # Errors
    /// What is missing, in one line.
    fn check(&self) -> anyhow::Result<()>;

    /// Removes what nodes that were killed in an earlier trial left on their hosts.
    ///
    /// # Errors
    /// If a tool fails.
    fn clean(&self, _arena: &Arena) -> anyhow::Result<()> {
        Ok(())
    }

    /// What runs beside the nodes, on the observer's host.
    ///
    /// # Errors
    /// If it does not start.
    fn start_beside(&self, _arena: &Arena) -> anyhow::Result<Option<Node>> {
        Ok(None)
    }

    /// Starts the node of a host. `folder` is where it may keep files; the same at each start
    /// within a trial.
    ///
    /// # Errors
    /// If it does not start.
    fn start(&self, arena: &Arena, node: usize, folder: &str) -> anyhow::Result<Node>;

    /// Whom to ask, and how: one target per node unless all share one.
    fn targets(&self, arena: &Arena) -> Vec<Target>;

    /// The node on which the answers of those that are `asked` agree, if they do.
    fn agreed(&self, arena: &Arena, answers: &[Option<String>], asked: &[usize]) -> Option<usize>;

    /// How long it may take to find its first leader.
    fn forms_within(&self) -> Duration {
        Duration::from_secs(30)
    }

    /// How often its leader gives a sign of life: faults strike at all phases of it alike.
    fn period(&self) -> Duration;

    /// How long after one another its nodes must start, where they would not agree otherwise.
    fn stagger(&self) -> Duration {
        Duration::ZERO
    }

    /// How long it is left alone after that, at least, until something happens to it.
    fn settles_in(&self) -> Duration;
}

/// Answers that name the leader's address, all the same one.
pub fn same_address(arena: &Arena, answers: &[Option<String>], asked: &[usize]) -> Option<usize> {
    let first = answers[*asked.first()?].as_ref()?;
    let is_same = |node: &usize| answers[*node].as_ref() == Some(first);
    let leader = asked.iter().all(is_same).then(|| arena.node_of(first)).flatten()?;
    asked.contains(&leader).then_some(leader)
}

/// One answer for all: the address of whoever holds what there is one of.
pub fn holder(arena: &Arena, answers: &[Option<String>], asked: &[usize]) -> Option<usize> {
    let holder = arena.node_of(answers.first()?.as_ref()?)?;
    asked.contains(&holder).then_some(holder)
}

/// The systems that a run is to measure beside bully.
pub fn rivals(go: Option<PathBuf>) -> Vec<Box<dyn System>> {
    let ms = Duration::from_millis;
    let mut rivals: Vec<Box<dyn System>> = Vec::new();
    if let Some(program) = go {
        rivals.push(Box::new(Bully::go(program)));
    }
    rivals.push(Box::new(Etcd::default()));
    rivals.push(Box::new(Keepalived { advert: ms(100) }));
    rivals.push(Box::new(Keepalived { advert: ms(1000) }));
    rivals.push(Box::new(ZooKeeper));
    rivals.push(Box::new(Redis { ttl: ms(1000) }));
    rivals
}
