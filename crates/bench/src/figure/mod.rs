//! The figures, a file for each kind; their names, as they stand in the table.

mod busy;
mod failover;
mod handover;
mod http;
mod idle;
mod quorum;
mod secret;
mod start;

use std::time::{Duration, Instant};

use crate::plan::Plan;
use crate::report::Report;

/// From the fault to all survivors naming the same other leader, by `Fault::ALL`.
pub const FAILOVER: [&str; 5] = [
    "failover: kill -9",
    "failover: SIGTERM",
    "failover: SIGSTOP",
    "failover: vanish",
    "failover: one-way cut",
];
/// From the first FIN seen to the last survivor that knows, by the nodes' stamps.
pub const OWN_STAMPS: &str = "kill -9, own stamps";
/// The same for a program that does nothing else.
pub const FLOOR: &str = "kill -9, floor";
/// While a leader leaves: questions that failed.
pub const HANDOVER_FAILED: &str = "SIGTERM: failed questions";
/// While a leader leaves: the slowest answer of any node.
pub const HANDOVER_SLOWEST: &str = "SIGTERM: slowest answer";
/// While a leader leaves: how long it is there and answers nobody.
pub const HANDOVER_DARK: &str = "SIGTERM: dark before exit";
/// From the start of all to their agreement.
pub const START: &str = "start: all at once";
/// From the start of one node to its first answer.
pub const FIRST_ANSWER: &str = "start: first answer";
/// The same with two addresses in its list that nobody answers on.
pub const SILENT_ADDRESSES: &str = "start: two silent addresses";
/// What an idle node sends, the leader and a follower.
pub const BYTES: [&str; 2] = ["idle: bytes, leader", "idle: bytes, follower"];
/// The processor time of an idle node, the leader and a follower.
pub const CPU: [&str; 2] = ["idle: CPU, leader", "idle: CPU, follower"];
/// System calls a heartbeat.
pub const CALLS: [&str; 2] = ["idle: calls, leader", "idle: calls, follower"];
/// Allocations a heartbeat: of the core, and of a whole node.
pub const ALLOCATIONS: [&str; 2] = ["idle: allocations, core", "idle: allocations, node"];
/// Resident memory of a node.
pub const MEMORY: &str = "idle: memory";
/// Processor time of a node for a `/leader`, by the client's connections.
pub const LEADER_CPU: [&str; 3] =
    ["/leader: 32 keep-alive", "/leader: 1 keep-alive", "/leader: no keep-alive"];
/// Changes of leader while every core is busy.
pub const BUSY: &str = "busy: false takeovers";
/// In quorum mode: from the old leader's last claim to the new one's first, in a handover that a signal or
/// an operator asks for.
pub const HANDOVER: [&str; 2] = ["handover: SIGTERM", "handover: transfer"];
/// In quorum mode: what all nodes of a group together sync at rest.
pub const SYNCS: &str = "idle: syncs";
/// In quorum mode: changes of leader while every core is busy.
pub const QUORUM_BUSY: &str = "quorum: busy cores";
/// In quorum mode: changes of leader while the disk of a follower stalls for 2 s now and then.
pub const QUORUM_STALLS: &str = "quorum: stalling disk";

/// Handshakes between two nodes that share a secret, both ends of each on one thread.
pub const HANDSHAKES: &str = "secret: handshakes";

/// A run of a few trials gives quorum mode so long beside what it gives the rest.
const QUORUM_WITHIN: Duration = Duration::from_secs(170);

/// And so long the secret.
const SECRET_WITHIN: Duration = Duration::from_secs(110);

/// Measures what the plan asks for. A figure that fails is named, and the others go on.
pub fn run(plan: &Plan, report: &mut Report) {
    type Figure = fn(&Plan, &mut Report) -> anyhow::Result<()>;
    let figures: [(&str, Figure); 11] = [
        ("failover", failover::kills),
        ("failover", failover::others),
        ("start", start::run),
        ("/leader", http::run),
        ("busy", busy::run),
        ("idle", idle::run),
        ("quorum: faults", quorum::faults),
        ("quorum: idle", quorum::rest),
        (QUORUM_BUSY, quorum::busy_cores),
        (QUORUM_STALLS, quorum::stalling_disk),
        ("secret", secret::run),
    ];
    let mut plan = plan.clone();
    let mut is_quorum = false;
    for (name, measure) in figures {
        if name.starts_with("quorum") && !is_quorum {
            is_quorum = true;
            plan.ends = plan.ends.map(|_| Instant::now() + QUORUM_WITHIN);
        }
        if name == "secret" {
            plan.ends = plan.ends.map(|_| Instant::now() + SECRET_WITHIN);
        }
        if !plan.wants(name) {
            continue;
        }
        if plan.is_over() {
            report.note(format!("{name}: left out, the time was up"));
            continue;
        }
        eprintln!("{name} …");
        if let Err(error) = measure(&plan, report) {
            report.note(format!("{name}: ended by an error: {error:#}"));
        }
    }
}
