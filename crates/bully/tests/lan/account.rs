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

/// The number of an entry: its node's next ones have greater ones.
pub(crate) fn revision_of(entry: &Value) -> u64 {
    let text = entry["revision"].as_str().and_then(|text| text.rsplit('.').next());
    text.and_then(|number| number.parse().ok()).expect("a number")
}

/// What these entries say of reigns.
pub(crate) fn reigns_of(history: &[Value]) -> Vec<String> {
    let kinds = ["election", "leader-lost", "deposed", "epoch-raised"];
    let history = history.iter().filter(|entry| kinds.iter().any(|kind| entry["kind"] == *kind));
    let messages = history.filter_map(|entry| Some(entry["message"].as_str()?.to_owned()));
    messages.filter(|message| !message.contains(" joined: ")).collect()
}

/// Tries what the rules bring about where every node is given its turn in time, and do not promise
/// where a busy machine keeps one waiting: it must come about at once, or else twice after that.
pub(crate) fn mostly(what: &str, mut round: impl FnMut() -> bool) {
    if !round() {
        println!("not at once: {what}");
        assert!(round() && round(), "not even mostly: {what}");
    }
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
        reigns_of(&self.history(host))
    }

    /// A node's history, oldest first. It holds about a thousand entries, the newest.
    pub(crate) fn history(&self, host: usize) -> Vec<Value> {
        self.history_since(host, 0)
    }

    /// The part of it that is newer than this entry.
    pub(crate) fn history_since(&self, host: usize, revision: u64) -> Vec<Value> {
        let path = format!("/v1/history?after={revision}");
        let mut document = self.json(host, &path).expect("a history");
        document["history"].as_array_mut().map(std::mem::take).expect("a list")
    }

    /// The newest entry of a node's history.
    pub(crate) fn newest(&self, host: usize) -> u64 {
        self.history(host).last().map_or(0, revision_of)
    }

    /// Whether a node's history has an entry of this kind about another host.
    pub(crate) fn has_noted(&self, host: usize, kind: &str, of: usize) -> bool {
        let node = format!("{}:8117", self.ip(of));
        self.history(host).iter().any(|entry| entry["kind"] == kind && entry["node"] == *node)
    }

    /// Fails if within the window one of these hosts lives under another reign, or has noted a
    /// change that was undone between two looks.
    pub(crate) fn stays(&self, hosts: &[usize], reign: &Reign, window: Duration) {
        let before: Vec<u64> = hosts.iter().map(|host| self.newest(*host)).collect();
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
        for (host, before) in hosts.iter().zip(before) {
            let noted = reigns_of(&self.history_since(*host, before));
            assert!(noted.is_empty(), "{noted:?}{}", self.said());
        }
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
