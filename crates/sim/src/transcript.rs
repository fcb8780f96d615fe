//! A run in words.

use std::fmt::Write;

use bully_core::{Claim, Event, Message, Report};

use crate::world::World;

impl World {
    /// From now on every message and event is written down.
    pub fn write_transcript(&mut self) {
        self.transcript.get_or_insert_default();
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

    fn name(&self, host: usize) -> String {
        let text = self.hosts[host].setup.id.to_string();
        let host = text.rsplit_once(':').map_or(text.as_str(), |(h, _)| h);
        host.rsplit_once('.').map_or(host, |(_, last)| last).to_owned()
    }

    pub(crate) fn write_sent(&mut self, host: usize, to: Option<usize>, message: &Message) {
        let from = self.name(host);
        let to = to.map_or_else(|| "?".to_owned(), |h| self.name(h));
        let text = format!("{from} -> {to}  {}", words(message));
        self.line(&text);
    }

    pub(crate) fn write_event(&mut self, host: usize, event: &Event) {
        if self.transcript.is_none() {
            return;
        }
        let text = match event {
            Event::Elected { claim, cause } => {
                format!("leads: {} ({})", of(claim), cause.as_str())
            }
            Event::Deposed { claim, cause } => {
                format!("no longer leads: {} ({})", of(claim), cause.as_str())
            }
            Event::Following { claim, cause } => {
                format!("follows {} ({})", of(claim), cause.as_str())
            }
            Event::LeaderLost { claim, cause } => {
                format!("lost its leader: {} ({})", of(claim), cause.as_str())
            }
            Event::EpochRaised { claim } => format!("raises its epoch: {}", of(claim)),
            Event::Joined { id, leader } => format!(
                "sees {id} join, leader {}",
                leader.as_ref().map_or_else(|| "none".to_owned(), of)
            ),
            Event::Left { id } => format!("sees {id} leave"),
            Event::MemberLost { id } => format!("lost {id}"),
            Event::MemberBack { id } => format!("has {id} back"),
            Event::Unreachable { address, reason } => format!("cannot reach {address}: {reason}"),
            Event::Reachable { address } => format!("reaches {address} again"),
            other => format!("{other:?}"),
        };
        let text = format!("{}  * {text}", self.name(host));
        self.line(&text);
    }
}

fn of(claim: &Claim) -> String {
    let text = claim.id.to_string();
    let host = text.rsplit_once(':').map_or(text.as_str(), |(h, _)| h);
    let last = host.rsplit_once('.').map_or(host, |(_, last)| last);
    format!("{last} in epoch {}", claim.epoch.0)
}

fn knows(report: &Report) -> String {
    match &report.claim {
        None => "knows no leader".to_owned(),
        Some(claim) if report.live => {
            format!("follows or is {}, seq {}, size {}", of(claim), report.seq, report.size)
        }
        Some(claim) => format!("last followed or was {}", of(claim)),
    }
}

fn words(message: &Message) -> String {
    let mut text = format!("{:<9}", message.name());
    let more = match message {
        Message::Hello(h) | Message::HelloAck(h) => {
            let left = if h.member.left { ", leaving" } else { "" };
            format!(
                "priority {}, {} others, {}{left}",
                h.member.priority,
                h.members.len(),
                knows(&h.report)
            )
        }
        Message::HelloNack(reason) => format!("{reason:?}"),
        Message::Beat(b) | Message::Coord(b) => {
            let list =
                b.members.as_ref().map_or_else(String::new, |m| format!(", list of {}", m.len()));
            format!("{}, seq {}, size {}, age {:?}{list}", of(&b.claim), b.seq, b.size, b.age)
        }
        Message::BeatAck(a) => {
            let mut more = knows(&a.report);
            if a.need.0 > 0 {
                let _ = write!(more, ", need {}", a.need.0);
            }
            for met in &a.met {
                let _ = write!(more, ", met {met}");
            }
            more
        }
        Message::Query(q) => {
            let watch = if q.watch { ", watch" } else { "" };
            format!("{}{watch}", knows(&q.report))
        }
        Message::QueryAck(a) => knows(&a.report),
        Message::Leave(l) => match (&l.successor, l.gone) {
            (Some(successor), _) => format!("lead next, {successor}"),
            (None, true) => "goodbye".to_owned(),
            (None, false) => "this reign is over".to_owned(),
        },
    };
    let _ = write!(text, " {more}");
    text
}
