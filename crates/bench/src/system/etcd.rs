//! etcd: who leads its Raft group.

use std::time::Duration;

use super::System;
use crate::arena::{Arena, Node, program};
use crate::observe::{Target, Transport};

/// etcd with these intervals.
#[derive(Clone, Debug)]
pub struct Etcd {
    pub heartbeat: Duration,
    pub election: Duration,
}

impl Default for Etcd {
    /// Its own defaults.
    fn default() -> Self {
        let ms = Duration::from_millis;
        Self { heartbeat: ms(100), election: ms(1000) }
    }
}

impl System for Etcd {
    fn name(&self) -> String {
        format!("etcd {}/{} ms", self.heartbeat.as_millis(), self.election.as_millis())
    }

    fn check(&self) -> anyhow::Result<()> {
        program("etcd").map(|_| ())
    }

    fn start(&self, arena: &Arena, node: usize, folder: &str) -> anyhow::Result<Node> {
        let ip = arena.ip(node);
        let peers: Vec<String> = (0..arena.nodes())
            .map(|node| format!("n{node}=http://{}:2380", arena.ip(node)))
            .collect();
        let words = [
            format!("--name=n{node}"),
            format!("--data-dir={folder}/etcd"),
            format!("--listen-peer-urls=http://{ip}:2380"),
            format!("--initial-advertise-peer-urls=http://{ip}:2380"),
            format!("--listen-client-urls=http://{ip}:2379"),
            format!("--advertise-client-urls=http://{ip}:2379"),
            format!("--initial-cluster={}", peers.join(",")),
            "--initial-cluster-state=new".to_owned(),
            // Each folder is another cluster: an old node's frames are nobody's.
            format!("--initial-cluster-token={folder}"),
            format!("--heartbeat-interval={}", self.heartbeat.as_millis()),
            format!("--election-timeout={}", self.election.as_millis()),
            "--logger=zap".to_owned(),
            "--log-level=error".to_owned(),
        ];
        Ok(vec![arena.spawn(node, program("etcd")?, words)?].into())
    }

    /// The identity of the node that answers, and of the one that it takes for the leader.
    fn targets(&self, arena: &Arena) -> Vec<Target> {
        let target = |node| {
            let head = "POST /v3/maintenance/status HTTP/1.1\r\nHost: bench\r\n";
            Target {
                address: (arena.ip(node), 2379).into(),
                ask: format!(
                    "{head}Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{{}}"
                ),
                transport: Transport::Http,
                after: "\"member_id\":\"".to_owned(),
                until: "\",\"raftIndex\"".to_owned(),
            }
        };
        (0..arena.nodes()).map(target).collect()
    }

    fn agreed(&self, _: &Arena, answers: &[Option<String>], asked: &[usize]) -> Option<usize> {
        let said: Option<Vec<(&str, &str)>> =
            asked.iter().map(|node| answers[*node].as_deref().and_then(ids)).collect();
        let said = said?;
        let leader = said.first()?.1;
        if !said.iter().all(|(_, names)| *names == leader) {
            return None;
        }
        let position = said.iter().position(|(own, _)| *own == leader)?;
        Some(asked[position])
    }

    fn period(&self) -> Duration {
        self.heartbeat
    }

    fn settles_in(&self) -> Duration {
        // Its first status may come before its members know one another.
        Duration::from_secs(1)
    }
}

/// Who answers, and whom it names.
fn ids(answer: &str) -> Option<(&str, &str)> {
    let own = answer.split('"').next()?;
    let leader = answer.split_once("\"leader\":\"")?.1;
    (leader != "0").then_some((own, leader))
}
