//! What the nodes say of who leads, and of how that came about.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::support::Lan;

/// Whom a node follows, and under which number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reign {
    pub(crate) leader: String,
    pub(crate) epoch: u64,
}

impl Lan {
    fn json(&self, host: usize, path: &str) -> Option<Value> {
        let reply = self.get(host, path).ok().filter(|reply| reply.status == 200)?;
        serde_json::from_slice(&reply.body).ok()
    }

    /// The reign that a node lives under, and whether it says that it leads.
    pub(crate) fn reign(&self, host: usize) -> Option<(Reign, bool)> {
        let status = self.json(host, "/v1/status")?;
        let leader = status["leader"]["address"].as_str()?.to_owned();
        let epoch = status["epoch"].as_u64()?;
        Some((Reign { leader, epoch }, status["is_leader"].as_bool()?))
    }

    /// Waits until these hosts live under one reign, whose leader is one of them and says so,
    /// alone.
    pub(crate) fn settled(&self, hosts: &[usize]) -> Reign {
        let mut found = None;
        self.until("these hosts live under one reign", || {
            let all: Option<Vec<_>> = hosts.iter().map(|host| self.reign(*host)).collect();
            let Some(all) = all else { return false };
            let first = &all[0].0;
            let leads = |host: usize| self.ip(host) == first.leader;
            let is_one = hosts
                .iter()
                .zip(&all)
                .all(|(host, (reign, is_leader))| reign == first && *is_leader == leads(*host));
            found = Some(first.clone());
            is_one && hosts.iter().any(|host| leads(*host))
        });
        found.expect("found")
    }

    /// What a node's history says of reigns: elections, losses, new numbers; not who joined.
    pub(crate) fn reigns(&self, host: usize) -> Vec<String> {
        let kinds = ["election", "leader-lost", "deposed", "epoch-raised"];
        let history = self.history(host).into_iter();
        let history = history.filter(|entry| kinds.iter().any(|kind| entry["kind"] == *kind));
        let messages = history.filter_map(|entry| Some(entry["message"].as_str()?.to_owned()));
        messages.filter(|message| !message.contains(" joined: ")).collect()
    }

    /// A node's history, oldest first.
    pub(crate) fn history(&self, host: usize) -> Vec<Value> {
        let mut document = self.json(host, "/v1/history").expect("a history");
        document["history"].as_array_mut().map(std::mem::take).expect("a list")
    }

    /// Whether a node's history has an entry of this kind about another host.
    pub(crate) fn has_noted(&self, host: usize, kind: &str, of: usize) -> bool {
        let node = format!("{}:8117", self.ip(of));
        self.history(host).iter().any(|entry| entry["kind"] == kind && entry["node"] == *node)
    }

    /// Fails if within the window one of these hosts lives under another reign, or has noted a
    /// change that was undone between two looks.
    pub(crate) fn stays(&self, hosts: &[usize], reign: &Reign, window: Duration) {
        let noted = || hosts.iter().map(|host| self.reigns(*host)).collect::<Vec<_>>();
        let before = noted();
        let start = Instant::now();
        while start.elapsed() < window {
            for host in hosts {
                // Where the whole machine stood still, a leader asks before it says so again.
                let mut found = None;
                self.until("it names a leader", || {
                    found = self.reign(*host);
                    found.is_some()
                });
                let (now, is_leader) = found.expect("found");
                assert_eq!(now, *reign, "{}", self.said());
                assert_eq!(is_leader, self.ip(*host) == reign.leader, "{}", self.said());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        let after = noted();
        assert_eq!(after, before, "{}", self.said());
    }

    /// The members that a node lists as alive, itself among them.
    pub(crate) fn alive(&self, host: usize) -> Vec<String> {
        let Some(document) = self.json(host, "/v1/members") else { return Vec::new() };
        let members = document["members"].as_array().into_iter().flatten();
        let alive = members.filter(|member| member["state"] == "alive");
        let mut alive: Vec<String> =
            alive.filter_map(|member| Some(member["address"].as_str()?.to_owned())).collect();
        alive.sort();
        alive
    }

    /// Waits until each of these hosts lists just these as alive.
    pub(crate) fn know_each_other(&self, hosts: &[usize]) {
        let mut ips: Vec<String> = hosts.iter().map(|host| self.ip(*host)).collect();
        ips.sort();
        self.until("all list all as alive", || hosts.iter().all(|host| self.alive(*host) == ips));
    }
}
