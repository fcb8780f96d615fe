//! A run in words.

use std::fmt::Write;

use bully_core::Inst;
use bully_core::quorum::{Event, Message, Roster};

use super::world::World;

impl World {
    /// From now on every message and event is written down.
    pub fn write_transcript(&mut self) {
        self.transcript.get_or_insert_default();
    }

    /// Messages of these names are not written down.
    pub fn hide(&mut self, names: &[String]) {
        self.hidden = names.to_vec();
    }

    /// What was written since the last call.
    pub fn take_transcript(&mut self) -> String {
        let lines = self.transcript.as_mut().map(std::mem::take);
        lines.unwrap_or_default().concat()
    }

    /// A line of prose.
    pub fn say(&mut self, words: &str) {
        if let Some(lines) = &mut self.transcript {
            lines.push(format!("\n# {words}\n"));
        }
    }

    fn line(&mut self, text: &str) {
        let (ms, us) = (self.now / 1_000_000, self.now / 1_000 % 1_000);
        if let Some(lines) = &mut self.transcript {
            lines.push(format!("{ms:>6}.{us:03} ms  {text}\n"));
        }
    }

    /// What happens to a host.
    pub(crate) fn say_line(&mut self, host: usize, what: &str) {
        if self.transcript.is_some() {
            let text = format!("{}  ! {what}", self.name(host));
            self.line(&text);
        }
    }

    fn name(&self, host: usize) -> String {
        let text = self.hosts[host].setup.id.to_string();
        let host = text.rsplit_once(':').map_or(text.as_str(), |(h, _)| h);
        host.rsplit_once('.').map_or(host, |(_, last)| last).to_owned()
    }

    /// The host of an instance by its name, else the beginning of its number.
    fn who(&self, inst: Inst) -> String {
        match self.host_of(inst) {
            Some(host) => self.name(host),
            None => format!("gone-{:04x}", inst.0 >> 112),
        }
    }

    fn roster_words(&self, roster: &Roster) -> String {
        let names: Vec<String> = roster.members.iter().map(|m| self.who(m.inst)).collect();
        format!("roster {}.{} {{{}}}", roster.version.term, roster.version.version, names.join(" "))
    }

    pub(crate) fn write_sent(&mut self, host: usize, to: Option<usize>, message: &Message) {
        if self.hidden.iter().any(|name| name == message.name()) {
            return;
        }
        let from = self.name(host);
        let to = to.map_or_else(|| "?".to_owned(), |h| self.name(h));
        let text = format!("{from} -> {to}  {:<13} {}", message.name(), self.words(message));
        self.line(text.trim_end());
    }

    pub(crate) fn write_event(&mut self, host: usize, event: &Event) {
        if self.transcript.is_none() {
            return;
        }
        let text = match event {
            Event::Elected { token, cause, .. } => {
                format!("leads in term {} ({cause})", token.get())
            }
            Event::Revoke { token, cause, .. } => {
                format!("no longer leads in term {} ({cause})", token.get())
            }
            Event::Following { leader, term } => {
                format!("follows {} in term {term}", self.who(*leader))
            }
            Event::LeaderLost { leader } => format!("lost its leader {}", self.who(*leader)),
            Event::Formed { .. } => "is in the cluster".to_owned(),
            Event::Roster(roster) => format!("has {}", self.roster_words(roster)),
            Event::RosterAborted(roster) => format!("takes back {}", self.roster_words(roster)),
            Event::Replacing { old, new } => {
                format!("will replace {} by {}", self.who(*old), self.who(*new))
            }
            Event::Unreachable { address, reason } => format!("cannot reach {address}: {reason}"),
            Event::Reachable { address } => format!("reaches {address} again"),
            Event::Stopped => "stops".to_owned(),
            other => format!("{other:?}"),
        };
        let text = format!("{}  * {text}", self.name(host));
        self.line(&text);
    }

    fn words(&self, message: &Message) -> String {
        let newer = |roster: &Option<std::sync::Arc<Roster>>| {
            roster.as_ref().map_or_else(String::new, |r| format!(", {}", self.roster_words(r)))
        };
        match message {
            Message::Hello(h) | Message::HelloAck(h) => {
                let mut text = format!("boot {}, {:?}", h.boot.0, h.stage);
                if let Some(reached) = &h.reached {
                    let names: Vec<String> = reached.iter().map(|i| self.who(*i)).collect();
                    let _ = write!(text, ", reached {}", names.join(" "));
                }
                text + &newer(&h.roster)
            }
            Message::HelloNack(reason) => format!("{reason:?}"),
            Message::PreVote(p) if p.probe => "a probe".to_owned(),
            Message::PreVote(p) => format!("with roster {}.{}", p.roster.term, p.roster.version),
            Message::PreVoteResp(p) => {
                let word = if p.granted { "yes" } else { "no" };
                let leader = p.leader.map_or_else(|| "none".to_owned(), |l| self.who(l));
                let rest = p.retry_after.as_millis();
                format!(
                    "{word}, term {}, {rest} ms left, leader {leader}{}",
                    p.term,
                    newer(&p.roster)
                )
            }
            Message::VoteReq(v) => format!("in term {}", v.term),
            Message::Vote(v) => format!(
                "in term {} for {}, for {} ms",
                v.term,
                self.who(v.candidate),
                v.lease.as_millis()
            ),
            Message::Hb(h) => format!("in term {}, {}", h.term, self.roster_words(&h.roster)),
            Message::HbAck(a) => {
                let muted = if a.unmuted { "" } else { ", muted" };
                let wants = if a.wants { ", wants to lead" } else { "" };
                format!("in term {}, for {} ms{muted}{wants}", a.term, a.lease.as_millis())
            }
            Message::Reject(r) => format!("by term {}{}", r.term, newer(&r.roster)),
            Message::Release(r) => {
                let target = r.target.as_ref();
                let to = target.map_or_else(|| "nobody".to_owned(), |t| self.who(t.inst));
                format!("of term {} to {to}", r.term)
            }
            Message::Farewell(f) => format!("of term {} of {}", f.term, self.who(f.inst)),
            Message::Formed(f) => self.roster_words(&f.roster),
            Message::GenesisAccept(a) => format!("{:?}", a.cluster),
            Message::Renounce(c) | Message::Renounced(c) => format!("{c:?}"),
            Message::Join(_) | Message::Leave => String::new(),
        }
    }
}
