//! ZooKeeper: who leads its ensemble.

use std::fmt::Write as _;
use std::time::Duration;

use anyhow::Context as _;

use super::System;
use crate::arena::{Arena, Node, program};
use crate::observe::{Target, Transport};

/// ZooKeeper with the settings of its sample configuration.
#[derive(Clone, Debug)]
pub struct ZooKeeper;

/// Where Debian keeps it; its manifest names what it needs.
const JAR: &str = "/usr/share/java/zookeeper.jar";

impl System for ZooKeeper {
    fn name(&self) -> String {
        "ZooKeeper".to_owned()
    }

    fn check(&self) -> anyhow::Result<()> {
        program("java")?;
        let is_there = std::path::Path::new(JAR).exists();
        anyhow::ensure!(is_there, "zookeeper is not installed");
        Ok(())
    }

    fn start(&self, arena: &Arena, node: usize, folder: &str) -> anyhow::Result<Node> {
        let host = arena.host(node);
        let mut configuration = format!(
            "tickTime=2000\ninitLimit=10\nsyncLimit=5\ndataDir={folder}\nclientPort=2181\n\
             4lw.commands.whitelist=srvr\nadmin.enableServer=false\n"
        );
        for other in 0..arena.nodes() {
            let _ = writeln!(configuration, "server.{other}={}:2888:3888", arena.ip(other));
        }
        let file = format!("{folder}/zoo.cfg");
        std::fs::write(host.path(&file), configuration).context("ZooKeeper's configuration")?;
        std::fs::write(host.path(format!("{folder}/myid")), node.to_string())?;
        let words =
            ["-Xmx256m", "-cp", JAR, "org.apache.zookeeper.server.quorum.QuorumPeerMain", &file];
        Ok(vec![arena.spawn(node, program("java")?, words)?].into())
    }

    fn targets(&self, arena: &Arena) -> Vec<Target> {
        let target = |node| Target {
            address: (arena.ip(node), 2181).into(),
            ask: "srvr".to_owned(),
            transport: Transport::Once,
            after: "Mode: ".to_owned(),
            until: "\n".to_owned(),
        };
        (0..arena.nodes()).map(target).collect()
    }

    /// A node says whether it leads, not who does: one says so, and the others follow.
    fn agreed(&self, _: &Arena, answers: &[Option<String>], asked: &[usize]) -> Option<usize> {
        let says = |node: &usize, word: &str| answers[*node].as_deref() == Some(word);
        let leader = asked.iter().find(|node| says(node, "leader"))?;
        let others = asked.iter().filter(|node| *node != leader);
        others.clone().all(|node| says(node, "follower")).then_some(*leader)
    }

    /// Half a tick.
    fn period(&self) -> Duration {
        Duration::from_secs(1)
    }

    fn settles_in(&self) -> Duration {
        Duration::from_secs(1)
    }
}
