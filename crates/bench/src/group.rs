//! A group of nodes at work, and the observer beside them.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use rustix::process::Signal;

use crate::arena::{Arena, Node};
use crate::claims::Claims;
use crate::clock::{self, Nanos};
use crate::observe::{Observer, Tally};
use crate::system::System;

/// Nodes of one system on the hosts of an arena. All end when it is dropped.
pub struct Group<'a> {
    pub arena: &'a Arena,
    pub system: &'a dyn System,
    nodes: Vec<Node>,
    observer: Observer,
    _beside: Option<Node>,
    /// When the nodes were let go, all at once.
    pub started_at: Nanos,
}

impl<'a> Group<'a> {
    /// Starts all nodes in one instant. Nobody leads yet.
    ///
    /// # Errors
    /// If a process cannot be started.
    pub fn start(arena: &'a Arena, system: &'a dyn System) -> anyhow::Result<Self> {
        Self::start_apart(arena, system, Duration::ZERO)
    }

    /// Starts one node after the other. Nobody leads yet.
    ///
    /// # Errors
    /// If a process cannot be started.
    pub fn start_apart(
        arena: &'a Arena,
        system: &'a dyn System,
        stagger: Duration,
    ) -> anyhow::Result<Self> {
        system.clean(arena)?;
        let beside = system.start_beside(arena)?;
        let folder = arena.folder()?;
        arena.hold(true);
        let nodes = (0..arena.nodes())
            .map(|node| system.start(arena, node, &folder))
            .collect::<Result<Vec<_>, _>>();
        arena.hold(false);
        let nodes = nodes?;
        let observer = Observer::start(arena.observer(), &system.targets(arena))?;
        let started_at = clock::now();
        for node in &nodes {
            node.signal(Signal::CONT);
            std::thread::sleep(stagger);
        }
        Ok(Self { arena, system, nodes, observer, _beside: beside, started_at })
    }

    /// Waits until all nodes of a new group name one of themselves; that one, and since when.
    ///
    /// # Errors
    /// If they do not.
    pub fn formed(&mut self, limit: Duration) -> anyhow::Result<(usize, Nanos)> {
        let all: Vec<usize> = (0..self.arena.nodes()).collect();
        let limit = self.system.forms_within().min(limit);
        let formed = self.agreed(&all, None, limit)?;
        formed.with_context(|| format!("{} found no leader in {limit:?}", self.system.name()))
    }

    /// Waits until these nodes name one of themselves, other than `not`; that one, and since when.
    ///
    /// # Errors
    /// If the observer has ended.
    pub fn agreed(
        &mut self,
        asked: &[usize],
        not: Option<usize>,
        limit: Duration,
    ) -> anyhow::Result<Option<(usize, Nanos)>> {
        let (arena, system) = (self.arena, self.system);
        let mut leader = None;
        let at = self.observer.until(limit, |answers| {
            leader = system.agreed(arena, answers, asked).filter(|leader| Some(*leader) != not);
            leader.is_some()
        })?;
        Ok(leader.zip(at))
    }

    /// Waits until the old leader no longer says that it leads, and another does.
    /// `None` if that does not happen within `limit`.
    ///
    /// # Errors
    /// If the observer has ended.
    pub fn handed_over(&mut self, old: usize, limit: Duration) -> anyhow::Result<Option<Claims>> {
        let (arena, system, begun) = (self.arena, self.system, Instant::now());
        let mut claims = Claims::default();
        loop {
            let Some(change) = self.observer.next(limit.saturating_sub(begun.elapsed()))? else {
                return Ok(None);
            };
            let answers = self.observer.answers();
            let leads = |node: usize| system.agreed(arena, answers, &[node]) == Some(node);
            let is_other = (0..arena.nodes()).any(|node| node != old && leads(node));
            claims.note(leads(old), is_other, change);
            if claims.are_over() {
                return Ok(Some(claims));
            }
        }
    }

    /// The node on which these agree at this moment.
    ///
    /// # Errors
    /// If the observer has ended.
    pub fn leader(&mut self, asked: &[usize]) -> anyhow::Result<Option<usize>> {
        let answers = self.observer.now()?;
        Ok(self.system.agreed(self.arena, answers, asked))
    }

    pub fn node(&self, node: usize) -> &Node {
        &self.nodes[node]
    }

    /// Ends the observer alone, and tells what it counted.
    ///
    /// # Errors
    /// If it does not end.
    pub fn finish(self) -> anyhow::Result<(Vec<Node>, Vec<Tally>)> {
        let tallies = self.observer.finish()?;
        Ok((self.nodes, tallies))
    }
}
