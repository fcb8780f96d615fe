//! What is asked of nodes in quorum mode.

use std::process::Output;
use std::time::{Duration, Instant};

use bully_lab::Process;
use serde_json::Value;

use super::support::Lan;

/// The flags of a node in quorum mode beside those of the quick start. Each host has a
/// `/var/lib/bully` of its own.
pub(crate) const QUORUM: [&str; 2] = ["-mode=quorum", "-log-level=warn"];

/// Where the node of a host keeps its state.
pub(crate) const DATA: &str = "/var/lib/bully/bully/8117";

/// A lease of the defaults.
pub(crate) const LEASE: Duration = Duration::from_secs(1);

/// Who leads, and with which token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reign {
    pub(crate) leader: String,
    pub(crate) token: u64,
}

impl Lan {
    /// Starts the node of a host in quorum mode, with the first `count` hosts listed.
    pub(crate) fn vote(&self, host: usize, count: usize) {
        self.join(host, count, &QUORUM);
    }

    /// Starts all hosts in quorum mode, and waits until they have formed a cluster.
    pub(crate) fn found(&self) -> Reign {
        let hosts = self.lab.hosts().len();
        (0..hosts).for_each(|host| self.vote(host, hosts));
        self.ruled(&(0..hosts).collect::<Vec<_>>())
    }

    /// Starts a host's node with an environment of its own.
    pub(crate) fn vote_with_env(&self, host: usize, count: usize, env: &[(&str, &str)]) {
        let nodes = format!("-nodes={}", self.list(count));
        let mut words = vec!["-port=8117", &nodes, "-http=0.0.0.0:8080"];
        words.extend(QUORUM);
        let bully = env!("CARGO_BIN_EXE_bully");
        let node = self.host(host).spawn_with_env(bully, words, env).expect("bully starts");
        self.put(host, node);
    }

    pub(crate) fn document(&self, host: usize, path: &str) -> Option<Value> {
        let reply = self.get(host, path).ok()?;
        serde_json::from_slice(&reply.body).ok()
    }

    /// The reign that a node names, and whether it says that it leads.
    pub(crate) fn reign(&self, host: usize) -> Option<(Reign, bool)> {
        let status = self.document(host, "/v1/status")?;
        let leader = status["leader"]["address"].as_str()?.to_owned();
        let token = status["token"].as_u64()?;
        Some((Reign { leader, token }, status["is_leader"].as_bool()?))
    }

    /// Waits until these hosts name one of themselves, under one token, and it says that it leads.
    pub(crate) fn ruled(&self, hosts: &[usize]) -> Reign {
        let mut found = None;
        self.until("these hosts are under one leader of theirs", || {
            let all: Option<Vec<_>> = hosts.iter().map(|host| self.reign(*host)).collect();
            let Some(all) = all else { return false };
            let first = all[0].0.clone();
            let is_one = all.iter().all(|(reign, _)| *reign == first);
            let leads = hosts
                .iter()
                .zip(&all)
                .any(|(host, (_, leads))| *leads && self.ip(*host) == first.leader);
            found = Some(first);
            is_one && leads
        });
        found.expect("found")
    }

    /// The members that vote, as a node knows them, by address.
    pub(crate) fn voters(&self, host: usize) -> Vec<String> {
        let Some(document) = self.document(host, "/v1/members") else { return Vec::new() };
        let members = document["members"].as_array().into_iter().flatten();
        let voters = members.filter(|member| member["role"] != "joining");
        let mut ips: Vec<String> =
            voters.filter_map(|member| Some(member["address"].as_str()?.to_owned())).collect();
        ips.sort();
        ips
    }

    /// Waits until these hosts know just these hosts as voters.
    pub(crate) fn until_voters(&self, hosts: &[usize], voters: &[usize]) {
        let mut ips: Vec<String> = voters.iter().map(|host| self.ip(*host)).collect();
        ips.sort();
        self.until("they know these voters", || hosts.iter().all(|h| self.voters(*h) == ips));
    }

    /// Waits until every one of these hosts may vote: the silence after its start is over.
    pub(crate) fn until_unmuted(&self, hosts: &[usize]) {
        let start = Instant::now();
        self.ruled(hosts);
        // Nobody shows it: it is over a lease after the start, by the slowest clock.
        std::thread::sleep((LEASE * 2).saturating_sub(start.elapsed()));
    }

    /// Runs `bully` with these words on a host, to its end: a command that asks the host's node.
    pub(crate) fn ask(&self, host: usize, words: &[&str]) -> Output {
        let line: Vec<&str> = [env!("CARGO_BIN_EXE_bully")].iter().chain(words).copied().collect();
        self.host(host).exec(&line).expect("bully runs")
    }

    /// What a host's node prints from now on contains this.
    pub(crate) fn until_said(&self, host: usize, part: &str) {
        self.until(&format!("{} says {part:?}", self.ip(host)), || {
            self.stderr(host).iter().any(|line| line.contains(part))
        });
    }

    /// Stops the node of a host in good order.
    pub(crate) fn stop(&self, host: usize) {
        self.node(host, Process::terminate);
        self.node(host, |node| node.wait(super::support::DEADLINE)).expect("it ends when told to");
    }
}
