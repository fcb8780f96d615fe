//! A trace in words.

use bully_core::quorum::{Message, Roster};

use crate::choices::Action;
use crate::state::{Packet, State, What, host_of};

fn roster(r: &Roster) -> String {
    let members: Vec<_> = r.members.iter().map(|m| format!("n{}", host_of(m.inst) + 1)).collect();
    format!("({},{}) {}", r.version.term, r.version.version, members.join("+"))
}

/// A message: what matters of it.
pub(crate) fn message(message: &Message) -> String {
    let name = message.name();
    let at = |tick: bully_core::Tick| format!("{} µs", tick.0 / 1_000);
    match message {
        Message::Hello(h) | Message::HelloAck(h) => format!("{name}(boot {})", h.boot.0),
        Message::Hb(hb) => {
            let roster = roster(&hb.roster);
            format!("Hb(term {}, roster {roster}, stamp {})", hb.term, at(hb.stamp.0))
        }
        Message::HbAck(a) => format!(
            "HbAck(term {}, roster ({},{}), stamp {}, lease {:?}, unmuted {})",
            a.term,
            a.roster.term,
            a.roster.version,
            at(a.stamp.0),
            a.lease,
            a.unmuted
        ),
        Message::Vote(v) => format!(
            "Vote(term {}, for n{}, stamp {} of boot {})",
            v.term,
            host_of(v.candidate) + 1,
            at(v.stamp.0),
            v.boot.0
        ),
        Message::VoteReq(v) => format!("VoteReq(term {}, stamp {})", v.term, at(v.stamp.0)),
        Message::PreVoteResp(p) => {
            format!("PreVoteResp(granted {}, retry after {:?})", p.granted, p.retry_after)
        }
        Message::Release(r) => {
            let to = r.target.map(|t| format!(", to n{}", host_of(t.inst) + 1));
            format!("Release(term {}{})", r.term, to.unwrap_or_default())
        }
        Message::Reject(r) => {
            let newer = r.roster.as_ref().map(|r| format!(", roster {}", roster(r)));
            format!("Reject(term {}{})", r.term, newer.unwrap_or_default())
        }
        Message::Formed(f) => format!("Formed({:?}, {})", f.cluster, roster(&f.roster)),
        other => format!("{other:?}"),
    }
}

/// Something that arrives.
pub(crate) fn packet(packet: &Packet) -> String {
    let to = packet.host + 1;
    match &packet.what {
        What::Message { from, message: m, .. } => format!("n{} -> n{to}: {}", from + 1, message(m)),
        What::LinkUp { dialed, .. } => format!("n{to} is connected to {dialed}"),
        What::DialFailed { dialed, reason } => format!("n{to} cannot dial {dialed}: {reason:?}"),
        What::LinkDown { .. } => format!("n{to} reads that a connection is closed"),
        What::Synced => format!("n{to}: its write ends"),
        What::Revoked { token } => format!("n{to}: its application has stopped, token {token}"),
    }
}

/// A message that reaches nobody.
pub(crate) fn unsent(from: usize, to: usize, m: &Message) -> String {
    format!("n{} -> n{}: cut off: {}", from + 1, to + 1, message(m))
}

/// What the adversary does, in the state in which it does.
pub(crate) fn action(s: &State, action: &Action) -> String {
    let head = || s.head().map_or(String::new(), |n| packet(&s.queue[n]));
    let what = match action {
        Action::Go => return String::from("time passes"),
        Action::Lose => format!("loses {}", head()),
        Action::Hold => format!("keeps {}", head()),
        Action::Copy => format!("copies {}", head()),
        Action::Overtake(n) => format!("lets overtake {}", packet(&s.queue[*n])),
        Action::Late(n) => format!("hands over {}", packet(&s.late[*n])),
        Action::Fail { written } => format!("fails {} (on disk: {written})", head()),
        Action::Crash { host, written } => format!("kills n{} (on disk: {written})", host + 1),
        Action::Start(host) => format!("starts n{}", host + 1),
        Action::Farewell(host) => format!("lets the guardian of n{} speak", host + 1),
        Action::Pause(host) => format!("pauses n{}", host + 1),
        Action::Thaw(host) => format!("thaws n{}", host + 1),
        Action::Isolate(host) => format!("isolates n{}", host + 1),
        Action::Cut(from, to) => format!("cuts n{} from n{}", from + 1, to + 1),
        Action::Heal => String::from("heals the network"),
        Action::Resign { host, leave } => format!("tells n{} to resign (leave: {leave})", host + 1),
        Action::HandOver { host, to } => {
            let to = to.map_or(String::from("the best"), |n| format!("n{}", n + 1));
            format!("tells n{} to hand over to {to}", host + 1)
        }
        Action::Remove { host, member } => format!("tells n{} to remove n{}", host + 1, member + 1),
        Action::Priority { host, to } => format!("gives n{} priority {to}", host + 1),
    };
    format!("    *** the adversary {what}")
}
