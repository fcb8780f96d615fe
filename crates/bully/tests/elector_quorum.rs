//! The library in quorum mode, on loopback: three nodes in one process, each with a disk of its own.

use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

use bully::{Elector, Leadership, Mode, Refused, Role, StartError};
use tempfile::TempDir;
use tokio::time::timeout;

const DEADLINE: Duration = Duration::from_secs(20);

/// Three nodes, and the folders of their disks.
struct Group {
    nodes: Vec<Elector>,
    list: Vec<String>,
    disks: TempDir,
}

async fn node(list: &[String], socket: TcpListener, disk: &Path) -> Result<Elector, StartError> {
    Elector::builder()
        .mode(Mode::Quorum)
        .lease(Duration::from_millis(400))
        .heartbeat(Duration::from_millis(40))
        .data_dir(disk)
        .nodes(list.iter().cloned())
        .listener(socket)
        .start()
        .await
}

async fn group() -> Group {
    let disks = tempfile::tempdir().expect("a folder");
    let bind = || TcpListener::bind("127.0.0.1:0").expect("a port");
    let sockets = [bind(), bind(), bind()];
    let address = |s: &TcpListener| s.local_addr().expect("an address").to_string();
    let list: Vec<String> = sockets.iter().map(address).collect();
    let mut nodes = Vec::new();
    for (n, socket) in sockets.into_iter().enumerate() {
        let disk = disks.path().join(n.to_string());
        nodes.push(node(&list, socket, &disk).await.expect("it starts"));
    }
    Group { nodes, list, disks }
}

impl Group {
    /// Waits until all name one leader, and returns its place.
    async fn ruled(&self) -> usize {
        self.until(|group| {
            let leaders: Vec<_> = group.nodes.iter().map(|n| n.sample().leader).collect();
            let first = leaders[0].as_ref()?;
            let place = group.list.iter().position(|node| *node == first.node)?;
            let is_one = leaders.iter().all(|l| l.as_ref() == Some(first));
            (is_one && group.nodes[place].leads()).then_some(place)
        })
        .await
    }

    async fn until<T>(&self, mut holds: impl FnMut(&Self) -> Option<T>) -> T {
        let found = timeout(DEADLINE, async {
            loop {
                if let Some(found) = holds(self) {
                    return found;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
        let found = found.await.ok();
        let histories = || self.nodes.iter().map(Elector::history).collect::<Vec<_>>();
        found.unwrap_or_else(|| panic!("not within {DEADLINE:?}: {:#?}", histories()))
    }
}

#[tokio::test]
async fn the_leader_alone_has_a_lease_and_all_know_its_token() {
    let group = group().await;
    let leader = group.ruled().await;
    let Leadership::Lease { token, remaining } = group.nodes[leader].leadership() else {
        panic!("it leads");
    };
    assert!(remaining > Duration::ZERO && remaining < Duration::from_millis(400));
    for (place, node) in group.nodes.iter().enumerate() {
        let view = node.sample();
        assert_eq!(view.token, Some(token.get()));
        assert_eq!((view.epoch, view.mode), (None, Mode::Quorum));
        assert_eq!(view.lease.is_some(), place == leader);
        if place != leader {
            assert_eq!(node.leadership(), Leadership::NotLeader);
        }
    }
}

#[tokio::test]
async fn a_handover_goes_to_whom_it_is_meant_for_under_a_greater_token() {
    let group = group().await;
    let old = group.ruled().await;
    let token = group.nodes[old].sample().token.expect("a token");
    let heir = (old + 1) % 3;
    group.nodes[old].transfer(&group.list[heir]).await.expect("it is handed over");
    assert_eq!(group.ruled().await, heir);
    assert!(group.nodes[heir].sample().token.expect("a token") > token);
    assert_eq!(group.nodes[old].sample().role, Role::Follower);
}

#[tokio::test]
async fn what_cannot_be_done_is_refused_with_the_reason() {
    let group = group().await;
    let leader = group.ruled().await;
    let other = (leader + 1) % 3;
    let named = Refused::NotLeader { leader: Some(group.list[leader].clone()) };
    assert_eq!(group.nodes[other].resign().await, Err(named.clone()));
    assert_eq!(group.nodes[other].remove_member(&group.list[leader]).await, Err(named));
    let me = &group.list[leader];
    assert_eq!(group.nodes[leader].remove_member(me).await, Err(Refused::Myself));
    assert_eq!(group.nodes[leader].transfer(me).await, Err(Refused::Myself));
    let nobody = group.nodes[leader].transfer("127.0.0.9:9").await;
    assert_eq!(nobody, Err(Refused::NotMember("127.0.0.9:9".to_owned())));
    let nonsense = group.nodes[leader].transfer("a b").await;
    assert_eq!(nonsense, Err(Refused::Address("a b".to_owned())));
    assert_eq!(group.nodes[leader].set_priority(1_001).await, Err(Refused::Priority(1_001)));
}

#[tokio::test]
async fn a_removed_member_is_one_no_longer_and_the_rest_go_on() {
    let group = group().await;
    let leader = group.ruled().await;
    let gone = (leader + 1) % 3;
    group.nodes[leader].remove_member(&group.list[gone]).await.expect("it is removed");
    let members = group.nodes[leader].members();
    let voters = members.iter().filter(|m| m.role != bully::MemberRole::Joining);
    assert_eq!(voters.count(), 2);
    assert!(group.nodes[leader].leads());
    group.until(|g| g.nodes[gone].sample().leader.is_none().then_some(())).await;
    let why = group.nodes[gone].sample().reason.expect("a reason");
    assert!(why.contains("removed"), "{why}");
}

#[tokio::test]
async fn a_priority_counts_once_a_majority_has_it_and_0_hands_over() {
    let group = group().await;
    let leader = group.ruled().await;
    group.nodes[leader].set_priority(0).await.expect("others may lead");
    group
        .until(|g| {
            let next = g.nodes[(leader + 1) % 3].sample().leader?;
            (next.node != g.list[leader]).then_some(())
        })
        .await;
    group
        .until(|g| {
            let members = g.nodes[(leader + 1) % 3].members();
            members.iter().any(|m| m.node == g.list[leader] && m.priority == 0).then_some(())
        })
        .await;
}

#[tokio::test]
async fn a_node_that_comes_back_is_who_it_was_and_its_disk_is_its_own() {
    let mut group = group().await;
    let leader = group.ruled().await;
    let token = group.nodes[leader].sample().token.expect("a token");
    let disk = group.disks.path().join(leader.to_string());
    // As long as it runs nobody else can use its disk.
    let list = group.list.clone();
    let socket = TcpListener::bind("127.0.0.1:0").expect("a port");
    let second = node(&list, socket, &disk).await;
    assert!(matches!(second, Err(StartError::Store(_))), "{second:?}");

    group.nodes[leader].shutdown().await;
    assert!(!group.nodes[leader].leads());
    // At another address, it might be a copy.
    let socket = TcpListener::bind("127.0.0.1:0").expect("a port");
    let moved = node(&list[..0], socket, &disk).await;
    assert!(matches!(moved, Err(StartError::Moved { .. })), "{moved:?}");

    let socket = TcpListener::bind(&list[leader]).expect("its port is free");
    group.nodes[leader] = node(&list, socket, &disk).await.expect("it starts");
    let next = group.ruled().await;
    assert!(group.nodes[next].sample().token.expect("a token") > token);
    assert_eq!(group.nodes[leader].members().len(), 3);
}

#[tokio::test]
async fn an_answer_that_was_given_is_waited_for_unless_nobody_acts_on_it_any_more() {
    let group = group().await;
    for relinquishes in [false, true] {
        let leader = group.ruled().await;
        let node = &group.nodes[leader];
        let answer = node.leadership();
        let until = tokio::time::Instant::now() + answer.remaining().expect("a lease");
        let resigned = tokio::spawn({
            let node = node.clone();
            async move { node.resign().await }
        });
        group.until(|_| (!node.leads()).then_some(())).await;
        if relinquishes {
            node.relinquish(answer.token().expect("a lease"));
        }
        resigned.await.expect("no panic").expect("there is a successor");
        if !relinquishes {
            // The clocks that are compared here are not the same; half of it is enough to see.
            assert!(tokio::time::Instant::now() + Duration::from_millis(20) >= until);
        }
    }
}
