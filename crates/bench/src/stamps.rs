//! What nodes themselves say of a failover, with their own stamps.

use std::time::{Duration, SystemTime};

use serde_json::Value;

use crate::arena::{Arena, Node};

/// From the first survivor that saw a connection of the dead node end to the last one that knew
/// the new leader; `None` if a survivor said neither.
pub fn failover(arena: &Arena, nodes: &[Node], dead: usize, since: SystemTime) -> Option<Duration> {
    let ip = arena.ip(dead).to_string();
    let mut seen: Option<SystemTime> = None;
    let mut known: Option<SystemTime> = None;
    for (_, node) in nodes.iter().enumerate().filter(|(node, _)| *node != dead) {
        let lines = node.lines().into_iter().filter_map(|line| Line::read(&line));
        let lines: Vec<Line> = lines.filter(|line| line.at >= since).collect();
        // A survivor may know the new leader before its own connection ends.
        if let Some(end) = lines.iter().find(|line| line.is_end_of(&ip)) {
            seen = Some(seen.map_or(end.at, |seen| seen.min(end.at)));
        }
        let leads = lines.iter().rev().find(|line| line.message.contains(" leads, epoch "))?;
        known = Some(known.map_or(leads.at, |known| known.max(leads.at)));
    }
    known?.duration_since(seen?).ok()
}

struct Line {
    at: SystemTime,
    message: String,
    remote: String,
}

impl Line {
    fn read(line: &str) -> Option<Self> {
        let line: Value = serde_json::from_str(line).ok()?;
        let text = |key: &str| line.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let at = humantime::parse_rfc3339(&text("timestamp")).ok()?;
        Some(Self { at, message: text("message"), remote: text("remote") })
    }

    fn is_end_of(&self, ip: &str) -> bool {
        self.message.starts_with("connection ends")
            && self.remote.rsplit_once(':').is_some_and(|(host, _)| host == ip)
    }
}
