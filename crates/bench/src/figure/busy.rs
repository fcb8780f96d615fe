//! Leaders that are taken for dead while every core is busy.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use super::BUSY;
use crate::arena::Arena;
use crate::group::Group;
use crate::plan::Plan;
use crate::report::{Report, Trial};
use crate::system::{Bully, System};

/// Busy processes a core.
const PER_CORE: usize = 4;

/// What a start leaves behind is over by then.
const QUIET: Duration = Duration::from_secs(2);

/// How long a node may take to answer on a machine that is busy again.
const ANSWER: Duration = Duration::from_secs(5);

/// What stands in a history after a change of leader, or where somebody was taken for dead.
const CHANGES: [&str; 4] = ["leader-lost", "deposed", "epoch-raised", "member-lost"];

/// Three nodes at default timing among busy processes of the same priority.
pub fn run(plan: &Plan, report: &mut Report) -> anyhow::Result<()> {
    watch(plan, report, &Arena::new(3)?, &plan.bully()?, BUSY, as_it_is, spin)
}

/// Whoever leads, leads.
#[allow(clippy::unnecessary_wraps, reason = "others fail")]
pub fn as_it_is(_: &mut Group<'_>) -> anyhow::Result<()> {
    Ok(())
}

/// Busy processes on every core, for so long.
pub fn spin(_: &Arena, time: Duration) -> anyhow::Result<()> {
    let cores = std::thread::available_parallelism()?.get();
    let busy = (0..cores * PER_CORE).map(|_| Busy::start(time)).collect::<Result<Vec<_>, _>>()?;
    std::thread::sleep(time);
    drop(busy);
    Ok(())
}

/// A group that is made ready, and then disturbed for a while: what of its leaders has changed by then.
pub fn watch(
    plan: &Plan,
    report: &mut Report,
    arena: &Arena,
    bully: &Bully,
    figure: &'static str,
    ready: impl FnOnce(&mut Group<'_>) -> anyhow::Result<()>,
    disturb: impl FnOnce(&Arena, Duration) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut group = Group::start(arena, bully)?;
    group.formed(plan.left())?;
    ready(&mut group)?;
    let (processes, _) = group.finish()?;
    std::thread::sleep(QUIET + bully.settles_in());
    let before = states(arena)?;
    let time = plan.pause(15, 30 * 60);
    disturb(arena, time)?;
    let changes = changes(&before, &states(arena)?);
    drop(processes);
    report.note(format!("{figure}: watched for {} s", time.as_secs()));
    let value = Some(f64::from(u32::try_from(changes.len())?));
    let (system, nodes, unit) = (bully.name(), arena.nodes(), "changes".to_owned());
    let detail = json!({"seconds": time.as_secs(), "changes": changes});
    let figure = figure.to_owned();
    report.enter(&Trial { figure, system, nodes, number: 0, value, unit, detail })
}

/// What each node says of itself: its epoch and leader, and its history.
fn states(arena: &Arena) -> anyhow::Result<Vec<(Value, Vec<Value>)>> {
    let ask = |node: usize, path: &str| -> anyhow::Result<Value> {
        let url = format!("http://{}:8080{path}", arena.ip(node));
        let reply = arena.host(node).http_get(&url, ANSWER)?;
        ensure!(reply.status == 200, "{url}: {}", reply.text());
        Ok(serde_json::from_str(&reply.text())?)
    };
    let state = |node| -> anyhow::Result<_> {
        let status = ask(node, "/v1/status")?;
        let reign = json!([status["leader"]["node"], status["epoch"], status["token"]]);
        let history = ask(node, "/v1/history")?;
        let history = history["history"].as_array().context("a history")?.clone();
        Ok((reign, history))
    };
    (0..arena.nodes()).map(state).collect()
}

/// In words, what is another than it was.
fn changes(before: &[(Value, Vec<Value>)], after: &[(Value, Vec<Value>)]) -> Vec<String> {
    let mut changes = Vec::new();
    for ((reign_before, history_before), (reign, history)) in before.iter().zip(after) {
        if reign != reign_before {
            changes.push(format!("{reign_before} became {reign}"));
        }
        let new = history.iter().filter(|entry| !history_before.contains(entry));
        let of_weight = new.filter(|entry| CHANGES.iter().any(|kind| entry["kind"] == *kind));
        changes.extend(of_weight.map(|entry| entry["message"].to_string()));
    }
    changes
}

/// A process that computes without end, until this is dropped, or this process is gone for long.
struct Busy(Child);

impl Busy {
    fn start(time: Duration) -> std::io::Result<Self> {
        let limit = time.as_secs() + 60;
        let mut command = Command::new("/bin/sh");
        let script = format!("ulimit -t {limit}; while :; do :; done");
        command.args(["-c", &script]).stdin(Stdio::null());
        command.spawn().map(Self)
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
