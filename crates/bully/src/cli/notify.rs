//! What a service manager is told, where one asks through `NOTIFY_SOCKET`: systemd's `Type=notify`.

use std::time::Duration;

use sd_notify::NotifyState;
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::usage::quoted;
use crate::{Mode, NOTICE, Role, View};

const SOCKET: &str = "NOTIFY_SOCKET";

/// A manager takes its mail at once. One that does not must not hold a node up.
const WITHIN: Duration = Duration::from_millis(200);

/// A node in quorum mode leads nobody while others are away, however long that is, and must not be
/// taken for a service that fails to start: its data are written, and it answers why there is no
/// leader.
const SETTLED_WITHIN: Duration = Duration::from_secs(2);

/// Waits for the first view that is settled, and says `READY=1`: what starts after the service
/// finds a node that answers who leads.
pub(super) async fn ready(mut view: watch::Receiver<View>) {
    let Some(socket) = socket() else { return };
    if !settled(&mut view).await {
        return;
    }
    if let Err(why) = send(NotifyState::Ready).await {
        tracing::warn!(
            target: NOTICE,
            "bully: {SOCKET}: {}: {why}; nobody is told that this node is ready",
            quoted(&socket)
        );
    }
}

/// Says `STOPPING=1`. A manager that cannot be reached has been complained of already.
pub(super) async fn stopping() {
    if socket().is_some() {
        let _ = send(NotifyState::Stopping).await;
    }
}

/// Waits until there is something to be ready with; whether the node still runs then.
async fn settled(view: &mut watch::Receiver<View>) -> bool {
    let mode = view.borrow().mode;
    match mode {
        Mode::Bully => view.wait_for(is_settled).await.is_ok(),
        Mode::Quorum => {
            let leader = view.wait_for(|view| view.leader.is_some());
            timeout(SETTLED_WITHIN, leader).await.is_ok_and(|leader| leader.is_ok())
                || is_open(view)
        }
    }
}

fn is_open(view: &watch::Receiver<View>) -> bool {
    view.has_changed().is_ok()
}

/// Whether, in bully mode, the node's first questions have their outcome: it knows a leader, or it
/// has joined and nobody whom it sees may lead. A witness (`-priority=0`) that comes up first is of
/// the second kind, and must not be taken for a service that fails to start.
fn is_settled(view: &View) -> bool {
    view.leader.is_some() || (view.role != Role::Joining && !view.pending)
}

/// Where the manager listens. An empty variable counts as one that is not set, as all others do.
fn socket() -> Option<String> {
    let socket = std::env::var_os(SOCKET).filter(|socket| !socket.is_empty())?;
    Some(socket.to_string_lossy().into_owned())
}

/// Sends from another thread: a socket whose queue is full blocks whoever writes to it.
async fn send(state: NotifyState<'static>) -> Result<(), String> {
    let sent = spawn_blocking(move || sd_notify::notify(&[state]));
    match timeout(WITHIN, sent).await {
        Ok(Ok(sent)) => sent.map_err(|error| error.to_string()),
        Ok(Err(_)) => Err("the thread that tells it has failed".to_owned()),
        Err(_) => Err(format!("it took nothing within {WITHIN:?}")),
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::Leader;

    fn view(role: Role, leads: bool, pending: bool) -> View {
        let leader =
            leads.then(|| Leader { node: "a:1".to_owned(), ip: None, port: 1, priority: 100 });
        View {
            leader,
            node: "a:1".to_owned(),
            role,
            mode: Mode::Bully,
            cluster: "bully".to_owned(),
            epoch: None,
            token: None,
            lease: None,
            since: SystemTime::UNIX_EPOCH,
            pending,
            reason: None,
            revision: 0,
        }
    }

    #[test]
    fn a_node_is_ready_once_it_knows_a_leader_or_that_there_can_be_none() {
        assert!(is_settled(&view(Role::Leader, true, false)));
        assert!(is_settled(&view(Role::Follower, true, false)));
        assert!(is_settled(&view(Role::Electing, false, false)), "a witness alone");
        assert!(!is_settled(&view(Role::Electing, false, true)), "an outcome is near");
        assert!(!is_settled(&view(Role::Joining, false, true)), "it has just started");
        assert!(!is_settled(&view(Role::Joining, false, false)), "its address is another's");
    }

    fn quorum(leads: bool) -> View {
        let role = if leads { Role::Leader } else { Role::Joining };
        View { mode: Mode::Quorum, ..view(role, leads, !leads) }
    }

    #[tokio::test(start_paused = true)]
    async fn a_node_in_quorum_mode_is_ready_with_a_leader_and_soon_without() {
        let (views, mut watched) = watch::channel(quorum(false));
        let start = tokio::time::Instant::now();
        assert!(settled(&mut watched).await);
        assert_eq!(start.elapsed(), SETTLED_WITHIN);
        let later = async {
            tokio::time::sleep(SETTLED_WITHIN / 2).await;
            views.send_replace(quorum(true));
        };
        let (is_settled, ()) = tokio::join!(settled(&mut watched), later);
        assert!(is_settled);
        assert_eq!(start.elapsed(), SETTLED_WITHIN + SETTLED_WITHIN / 2);
    }

    #[tokio::test]
    async fn a_node_that_has_ended_is_not_ready() {
        for view in [quorum(false), view(Role::Joining, false, true)] {
            let (views, mut watched) = watch::channel(view);
            drop(views);
            assert!(!settled(&mut watched).await);
        }
    }
}
