//! What acts on a node's leadership, and the guardian that ends it.

use bully_core::Tick;
use bully_core::quorum::{ClusterId, Event, Input, Leadership, Token};

use super::cover::Seen;
use super::queue::Due;
use super::world::World;
use crate::MS;

/// An application that acts as leader until it has handled a Revoke, or until the last deadline
/// that it was shown.
#[derive(Clone, Debug)]
pub(crate) struct App {
    /// Of which run of the node.
    pub(crate) run: u64,
    pub(crate) cluster: ClusterId,
    pub(crate) token: u64,
    /// In true time, by the clock of its machine.
    pub(crate) until: u64,
}

impl World {
    /// The application learns of an event at once, whatever becomes of the daemon afterwards.
    pub(crate) fn tell_app(&mut self, host: usize, run: u64, event: &Event) {
        match event {
            Event::Elected { token, deadline, .. } => self.app_starts(host, run, *token, *deadline),
            Event::Revoke { token, .. } => {
                let owner = &self.hosts[host];
                // It stops by its deadline, whatever it still had to do.
                let until = owner.apps.iter().map(|a| a.until).max().unwrap_or(self.now);
                let at = (self.now + owner.setup.revoke_lag).min(until.max(self.now));
                self.schedule(at, Due::Stopped { host, run, token: token.get() });
            }
            _ => {}
        }
    }

    fn app_starts(&mut self, host: usize, run: u64, token: Token, deadline: Tick) {
        let owner = &self.hosts[host];
        let Some(cluster) = owner.node().and_then(|n| n.record().cluster) else {
            self.violated(host, "Elected: it is in no cluster");
            return;
        };
        let until = owner.clocks.when_fast(self.now, deadline);
        self.hosts[host].apps.push(App { run, cluster, token: token.get(), until });
        let pause = self.rng.below(200 * MS);
        self.schedule(self.now + pause, Due::Look { host, run });
    }

    /// The application has handled a Revoke: it acts no more, and says so.
    pub(crate) fn app_stopped(&mut self, host: usize, run: u64, token: u64) {
        if !self.hosts[host].is_machine_awake() {
            let again = self.now + MS;
            return self.schedule(again, Due::Stopped { host, run, token });
        }
        self.hosts[host].apps.retain(|a| (a.run, a.token) != (run, token));
        self.tell(host, run, Input::Revoked, None);
    }

    /// The application asks now and then.
    pub(crate) fn look_now_and_then(&mut self, host: usize, run: u64) {
        let now = self.now;
        let is_there = self.hosts[host].apps.iter().any(|a| a.run == run && a.until > now);
        let is_alive = self.hosts[host].process.as_ref().is_some_and(|p| p.run == run);
        if !is_there || !is_alive {
            return;
        }
        if self.hosts[host].is_awake() {
            self.look(host);
        }
        let pause = self.rng.below(400 * MS);
        self.schedule(now + pause, Due::Look { host, run });
    }

    /// The application asks, and goes by the answer.
    pub(crate) fn look(&mut self, host: usize) {
        let now = self.now;
        let owner = &mut self.hosts[host];
        let clocks = owner.now(now);
        let Some(process) = owner.process.as_ref().filter(|p| !p.paused) else {
            return;
        };
        let Leadership::Leader { token, remaining } = process.node.leadership(clocks) else {
            return;
        };
        let until = owner.clocks.when_fast(now, clocks.fast.after(remaining));
        let (run, token) = (process.run, token.get());
        if let Some(app) = owner.apps.iter_mut().find(|a| (a.run, a.token) == (run, token)) {
            app.until = app.until.max(until);
        }
        if !self.checks.best_effort {
            let checked = self.at_most_one_active(host);
            self.check(host, checked);
        }
    }

    /// The process is gone. Whether its application goes with it is the guardian's affair, or the
    /// caller's.
    pub(crate) fn bury(&mut self, host: usize, app_lives: bool) {
        let now = self.now;
        let owner = &mut self.hosts[host];
        if owner.apps.iter().any(|a| a.until > now) {
            self.cover.saw(if owner.setup.guardian || !app_lives {
                Seen::AppKilled
            } else {
                Seen::AppOutlivedNode
            });
        }
        if owner.setup.guardian {
            owner.killing = true;
            let at = now + owner.setup.kill_lag;
            if owner.setup.hasty {
                self.say_farewell(host);
            }
            self.schedule(at, Due::Killed { host });
        } else if !app_lives {
            owner.apps.clear();
        }
    }

    fn say_farewell(&mut self, host: usize) {
        if let Some(pact) = self.hosts[host].pact.clone() {
            self.cover.saw(Seen::Farewell);
            self.say_line(host, &format!("guardian: farewell in term {}", pact.term));
            self.checks.farewell(&pact);
            for member in &pact.members {
                self.dial_farewell(host, member.clone(), pact.farewell(), pact.inst);
            }
        }
    }

    /// The guardian has killed the command: it says farewell in the dead node's name, and starts
    /// it again.
    pub(crate) fn killed(&mut self, host: usize) {
        let owner = &mut self.hosts[host];
        if !owner.killing {
            return;
        }
        if owner.clocks.standing != super::clock::Standing::None {
            let again = self.now + MS;
            return self.schedule(again, Due::Killed { host });
        }
        owner.killing = false;
        owner.apps.clear();
        self.say_farewell(host);
        let owner = &self.hosts[host];
        if let Some(after) = owner.setup.restart_after.filter(|_| !owner.has_left) {
            self.schedule(self.now + after, Due::Restart { host });
        }
    }
}
