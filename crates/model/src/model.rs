//! A scope as a model of stateright.

use std::sync::Arc;

use stateright::{Model, Property};

use crate::choices::{Action, choices};
use crate::scope::{Begin, Scope, Stand};
use crate::seen::{Seen, SeenSet};
use crate::state::{Breach, Host, Law, MS, Past, State};
use crate::turn::Turn;

/// A warm cluster has a leader by then.
const WARM_MAX: u64 = 20_000 * MS;

/// The shipping core, in a scope.
#[derive(Clone, Debug)]
pub struct World {
    /// The bounds.
    pub scope: Scope,
    begins: Vec<State>,
}

impl World {
    /// The states in which the search begins are worked out here.
    pub fn new(scope: Scope) -> Self {
        let begins = scope.rates.iter().map(|rates| begin(&scope, rates)).collect();
        Self { scope, begins }
    }

    /// What an action leads to.
    pub(crate) fn after(&self, state: &State, action: &Action) -> State {
        let mut turn = Turn::new(&self.scope, state.clone(), false);
        turn.run(action);
        turn.s
    }

    /// A path in words.
    pub fn tell(&self, start: &State, actions: &[Action]) -> Vec<String> {
        let mut told = vec![format!("scope: {}", self.scope.name)];
        let rates: Vec<_> = start.hosts.iter().map(|h| h.rate).collect();
        told.push(format!("clocks: {rates:?} thousandths"));
        let mut state = start.clone();
        for action in actions {
            let mut turn = Turn::new(&self.scope, state, true);
            turn.run(action);
            told.append(&mut turn.log.unwrap_or_default());
            state = turn.s;
        }
        told
    }
}

fn begin(scope: &Scope, rates: &[u16]) -> State {
    let hosts = rates.iter().enumerate().map(|(n, rate)| Host {
        disk: scope.stored(n).map(Arc::new),
        process: None,
        writing: None,
        run: 0,
        began: 0,
        rate: *rate,
        is_paused: false,
        links: 0,
        claims: Vec::new(),
        leads: None,
        told: None,
        pact: None,
    });
    let state = State {
        now: 0,
        hosts: hosts.collect(),
        conns: Vec::new(),
        queue: Vec::new(),
        late: Vec::new(),
        timed: Vec::new(),
        cuts: Vec::new(),
        left: crate::budget::Budget::new(0, &[]),
        past: Arc::new(Past::default()),
        ends: u64::MAX,
        spins: 0,
        hops: 0,
        breach: None,
        seen: SeenSet::default(),
    };
    // The adversary comes later.
    let calm = Scope { any_order: false, ..scope.clone() };
    let mut turn = Turn::new(&calm, state, false);
    let stands = |n: &usize, stand: &[Stand]| stand.contains(&scope.hosts[*n].stand);
    for host in (0..rates.len()).filter(|n| stands(n, &[Stand::Member, Stand::Fresh])) {
        turn.start(host);
    }
    if scope.begin != Begin::Cold {
        warm_up(&mut turn);
    }
    for host in (0..rates.len()).filter(|n| stands(n, &[Stand::Joining])) {
        turn.start(host);
    }
    let mut state = turn.s;
    state.seen = SeenSet::default();
    state.left = scope.budget;
    state.ends = state.now + scope.horizon * MS;
    state
}

/// Until a leader has been at rest for a while, and no connection is new.
fn warm_up(turn: &mut Turn<'_>) {
    let mut settled = None;
    while turn.s.breach.is_none() {
        if turn.s.now > WARM_MAX {
            turn.breach(Law::Sane, String::from("there is no leader"));
        }
        let leads = turn.s.hosts.iter().any(|h| h.leads.is_some());
        match settled {
            _ if !leads => settled = None,
            None => settled = Some(turn.s.now),
            Some(since) if turn.s.now <= since + 400 * MS || turn.s.head().is_some() => {}
            Some(_) if hands_over(turn) => {}
            Some(_) => return,
        }
        turn.run(&Action::Go);
    }
}

/// Where the slowest is to lead and does not.
fn hands_over(turn: &mut Turn<'_>) -> bool {
    let hosts = turn.s.hosts.iter().enumerate();
    let slowest = hosts.clone().min_by_key(|(_, h)| h.rate).map(|(n, _)| n);
    let leader = hosts.clone().find(|(_, h)| h.leads.is_some()).map(|(n, _)| n);
    match leader {
        Some(host) if turn.scope.begin == Begin::SlowestLeads && slowest != leader => {
            turn.run(&Action::HandOver { host, to: slowest });
            true
        }
        _ => false,
    }
}

impl Model for World {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        self.begins.clone()
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        actions.extend(choices(&self.scope, state));
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        Some(self.after(state, &action))
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = laws();
        let expected = sights().into_iter().filter(|(seen, _)| self.scope.expects.contains(seen));
        properties.extend(expected.map(|(_, property)| property));
        properties
    }
}

/// Whether a law did not hold on the way here.
fn broke(state: &State, law: Law) -> bool {
    state.breach().is_some_and(|b: &Breach| b.law == law)
}

macro_rules! laws {
    ($($law:ident),*) => {
        vec![$(Property::always(stringify!($law), |_, s| !broke(s, Law::$law))),*]
    };
}

fn laws() -> Vec<Property<World>> {
    laws![
        AtMostOneActive,
        ElectionSafety,
        TokenMonotone,
        OneReignPerTerm,
        VoteOnce,
        DurableMonotone,
        ActiveCfgOverlap,
        LeaseSupported,
        ReleaseClosed,
        PersistBeforeSend,
        GenesisUnique,
        Announced,
        Sane
    ]
}

macro_rules! sights {
    ($($seen:ident),*) => {
        vec![$((
            Seen::$seen,
            Property::sometimes(Seen::$seen.name(), |_: &World, s: &State| s.seen.has(Seen::$seen)),
        )),*]
    };
}

fn sights() -> Vec<(Seen, Property<World>)> {
    sights![
        Reign,
        SecondReign,
        HandoverReign,
        Reconfigured,
        RefusedByPromise,
        Muted,
        StoppedEarly,
        Orphan,
        Formed,
        Renounced,
        Farewell,
        DiskFailed
    ]
}
