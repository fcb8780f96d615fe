//! A node in any state that a test wants.

use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use axum::Router;
use tokio::sync::watch;

use super::{Access, Node, Obeyed, Options, routes};
use crate::{Entry, Leader, Member, Mode, Refused, Role, View};

pub(super) struct Fake {
    pub(super) sample: Mutex<View>,
    pub(super) watched: watch::Sender<View>,
    pub(super) leads: Mutex<bool>,
    pub(super) is_writable: bool,
    /// Why it does nothing that it is told; none where it does.
    pub(super) refuses: Option<Refused>,
    /// What it was told.
    pub(super) told: Mutex<Vec<String>>,
    pub(super) members: Vec<Member>,
    pub(super) history: Vec<Entry>,
    pub(super) idle: Duration,
    run_id: &'static str,
}

impl Fake {
    pub(super) fn new(view: View) -> Self {
        Self {
            leads: Mutex::new(view.role == Role::Leader),
            is_writable: true,
            refuses: None,
            told: Mutex::new(Vec::new()),
            watched: watch::Sender::new(view.clone()),
            sample: Mutex::new(view),
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

    fn obey(&self, order: String) -> Obeyed<'_> {
        self.told.lock().unwrap().push(order);
        let outcome = self.refuses.clone().map_or(Ok(()), Err);
        Box::pin(async { outcome })
    }

    pub(super) fn app(self) -> Router {
        app(&Arc::new(self))
    }
}

/// The routes of a node that the test keeps a hold of.
pub(super) fn app(node: &Arc<Fake>) -> Router {
    guarded(node, Access::default())
}

/// The same, for those alone who may have it.
pub(super) fn guarded(node: &Arc<Fake>, access: Access) -> Router {
    routes(Box::new(Arc::clone(node)), Options { access, ..Options::default() })
}

impl Node for Arc<Fake> {
    fn sample(&self) -> View {
        self.sample.lock().unwrap().clone()
    }
    fn view(&self) -> watch::Receiver<View> {
        self.watched.subscribe()
    }
    fn leads(&self) -> bool {
        *self.leads.lock().unwrap()
    }
    fn is_writable(&self) -> bool {
        self.is_writable
    }
    fn members(&self) -> Vec<Member> {
        self.members.clone()
    }
    fn history_since(&self, revision: u64) -> Vec<Entry> {
        self.history.iter().filter(|entry| entry.revision > revision).cloned().collect()
    }
    fn key(&self) -> Option<crate::PeerKey> {
        None
    }
    fn run_id(&self) -> &str {
        self.run_id
    }
    fn idle_for(&self) -> Duration {
        self.idle
    }
    fn step_down(&self) -> Obeyed<'_> {
        self.obey("step down".to_owned())
    }
    fn transfer<'a>(&'a self, to: &'a str) -> Obeyed<'a> {
        self.obey(format!("transfer to {to}"))
    }
    fn set_priority(&self, priority: u32) -> Obeyed<'_> {
        self.obey(format!("priority {priority}"))
    }
    fn remove_member<'a>(&'a self, node: &'a str) -> Obeyed<'a> {
        self.obey(format!("remove {node}"))
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

/// A node in quorum mode that follows another.
pub(super) fn quorum_follower() -> View {
    View { mode: Mode::Quorum, epoch: None, token: Some(1_795_417_201), ..follower() }
}

/// A node in quorum mode that leads.
pub(super) fn quorum_leader() -> View {
    let leader = follower().leader;
    View {
        node: "192.168.1.68:8117".to_owned(),
        leader,
        role: Role::Leader,
        lease: Some(Duration::from_micros(812_999)),
        ..quorum_follower()
    }
}
