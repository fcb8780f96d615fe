//! A node in any state that a test wants.

use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use axum::Router;
use tokio::sync::watch;

use super::{Node, Options, routes};
use crate::{Entry, Leader, Leadership, Member, Mode, Role, View};

pub(super) struct Fake {
    pub(super) sample: Mutex<View>,
    pub(super) watched: watch::Sender<View>,
    pub(super) leadership: Mutex<Leadership>,
    pub(super) members: Vec<Member>,
    pub(super) history: Vec<Entry>,
    pub(super) idle: Duration,
    run_id: &'static str,
}

impl Fake {
    pub(super) fn new(view: View) -> Self {
        let leadership = match (view.role, view.epoch) {
            (Role::Leader, Some(epoch)) => Leadership::Leader { epoch },
            _ => Leadership::NotLeader,
        };
        Self {
            watched: watch::Sender::new(view.clone()),
            sample: Mutex::new(view),
            leadership: Mutex::new(leadership),
            members: Vec::new(),
            history: Vec::new(),
            idle: Duration::ZERO,
            run_id: "5e11",
        }
    }

    /// Changes what a sample says, and tells nobody.
    pub(super) fn set(&self, view: View) {
        *self.sample.lock().unwrap() = view;
    }

    /// Changes what a sample says, and wakes who watches.
    pub(super) fn change(&self, view: View) {
        self.set(view.clone());
        self.watched.send_replace(view);
    }

    pub(super) fn app(self) -> Router {
        app(&Arc::new(self))
    }
}

/// The routes of a node that the test keeps a hold of.
pub(super) fn app(node: &Arc<Fake>) -> Router {
    routes(Box::new(Arc::clone(node)), Options::default())
}

impl Node for Arc<Fake> {
    fn sample(&self) -> View {
        self.sample.lock().unwrap().clone()
    }
    fn view(&self) -> watch::Receiver<View> {
        self.watched.subscribe()
    }
    fn leadership(&self) -> Leadership {
        *self.leadership.lock().unwrap()
    }
    fn members(&self) -> Vec<Member> {
        self.members.clone()
    }
    fn history_since(&self, revision: u64) -> Vec<Entry> {
        self.history.iter().filter(|entry| entry.revision > revision).cloned().collect()
    }
    fn run_id(&self) -> &str {
        self.run_id
    }
    fn idle_for(&self) -> Duration {
        self.idle
    }
}

/// 2026-11-23T07:00:00Z and so many seconds.
pub(super) fn time(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_417_200 + seconds)
}

/// A node that has just started and finds nobody.
pub(super) fn alone() -> View {
    View {
        leader: None,
        node: "192.168.1.67:8117".to_owned(),
        role: Role::Electing,
        mode: Mode::Bully,
        cluster: "bully".to_owned(),
        epoch: None,
        token: None,
        lease: None,
        since: time(0),
        pending: false,
        reason: Some("priority is 0: waiting for a candidate".to_owned()),
        revision: 1,
    }
}

/// A node that asks who leads.
pub(super) fn electing() -> View {
    let reason = Some("an election is under way".to_owned());
    View { pending: true, reason, ..alone() }
}

/// A node that follows another.
pub(super) fn follower() -> View {
    View {
        leader: Some(Leader {
            node: "192.168.1.68:8117".to_owned(),
            ip: Some(IpAddr::from([192, 168, 1, 68])),
            port: 8117,
            priority: 100,
        }),
        role: Role::Follower,
        epoch: Some(1_795_417_201_000),
        token: None,
        lease: None,
        since: time(1),
        reason: None,
        revision: 2,
        ..alone()
    }
}

/// A node that leads, under a name and over IPv6.
pub(super) fn leader() -> View {
    View {
        leader: Some(Leader {
            node: "db-1:8117".to_owned(),
            ip: Some("2001:db8::67".parse().unwrap()),
            port: 8117,
            priority: 100,
        }),
        node: "db-1:8117".to_owned(),
        role: Role::Leader,
        ..follower()
    }
}
