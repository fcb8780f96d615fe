//! Who is to lead, and whether that stays.

use std::time::{Duration, Instant};

use bully_lab::Env;

use super::support::Lan;
use super::words::{QUORUM, Reign};

impl Lan {
    pub(crate) fn all(&self) -> Vec<usize> {
        (0..self.lab.hosts().len()).collect()
    }

    /// All hosts but these.
    pub(crate) fn all_but(&self, out: &[usize]) -> Vec<usize> {
        self.all().into_iter().filter(|host| !out.contains(host)).collect()
    }

    /// As `vote`, with more flags.
    pub(crate) fn vote_with(&self, host: usize, count: usize, more: &[&str]) {
        self.join(host, count, &[&QUORUM, more].concat());
    }

    /// As `vote`, in an environment that the lab has made.
    pub(crate) fn vote_in(&self, host: usize, count: usize, env: &Env) {
        let env: Vec<(&str, &str)> = env.iter().map(|(name, value)| (*name, &**value)).collect();
        self.vote_with_env(host, count, &env);
    }

    /// Starts all hosts, and has this one lead.
    pub(crate) fn found_under(&self, leader: usize) -> Reign {
        for host in self.all() {
            self.vote(host, self.all().len());
        }
        self.led_by(leader)
    }

    /// Waits until all hosts, which have just been started, are voters, and has this one lead.
    pub(crate) fn led_by(&self, leader: usize) -> Reign {
        let reign = self.ruled(&self.all());
        self.until_voters(&self.all(), &self.all());
        self.hand_to(leader, reign)
    }

    /// The leader hands over to this host, unless it is this one. All voters follow.
    pub(crate) fn hand_to(&self, leader: usize, reign: Reign) -> Reign {
        let to = format!("-to={}:8117", self.ip(leader));
        let voters = self.voters(self.host_of(&reign.leader));
        let voters: Vec<usize> = voters.iter().map(|ip| self.host_of(ip)).collect();
        let mut reign = reign;
        self.until("it leads to whom the lead is handed", || {
            if reign.leader != self.ip(leader) {
                self.ask(self.host_of(&reign.leader), &["transfer", &to]);
                reign = self.ruled(&voters);
            }
            reign.leader == self.ip(leader)
        });
        reign
    }

    /// Waits until these hosts are under one leader of theirs, whose reign is newer.
    pub(crate) fn succeeded(&self, hosts: &[usize], old: &Reign) -> Reign {
        let mut next = None;
        self.until("these hosts are under a newer reign", || {
            next = self.reign(hosts[0]).map(|(reign, _)| reign);
            next.as_ref().is_some_and(|next| next.token > old.token)
        });
        let next = self.ruled(hosts);
        assert!(next.token > old.token, "{next:?} after {old:?}{}", self.said());
        next
    }

    /// Fails if within the window one of these hosts lives under another reign. One that was over, and
    /// another's since, has another token.
    pub(crate) fn stays(&self, hosts: &[usize], reign: &Reign, window: Duration) {
        let start = Instant::now();
        while start.elapsed() < window {
            assert_eq!(self.ruled(hosts), *reign, "{}", self.said());
            std::thread::sleep(Duration::from_millis(100));
        }
        assert_eq!(self.ruled(hosts), *reign, "{}", self.said());
    }

    /// Waits until none of these hosts names a leader, and fails if one does within the window.
    pub(crate) fn leaderless(&self, hosts: &[usize], window: Duration) {
        let named = |host: &usize| self.reign(*host);
        self.until("none of them names a leader", || hosts.iter().all(|h| named(h).is_none()));
        let start = Instant::now();
        while start.elapsed() < window {
            for host in hosts {
                assert_eq!(named(host), None, "{}{}", self.ip(*host), self.said());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// The status code of a check that a load balancer asks.
    pub(crate) fn code(&self, host: usize, path: &str) -> u16 {
        self.get(host, path).expect("an answer").status
    }
}

/// Side by side: each mostly waits.
pub(crate) fn side_by_side<T: Send>(cases: impl IntoIterator<Item = T>, run: impl Fn(T) + Sync) {
    std::thread::scope(|scope| {
        for case in cases {
            let run = &run;
            scope.spawn(move || run(case));
        }
    });
}
