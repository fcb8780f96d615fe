//! What a `/leader` costs the node that answers it.

use std::process::Output;

use anyhow::{Context as _, ensure};
use serde_json::json;

use super::LEADER_CPU;
use crate::arena::{Arena, program};
use crate::group::Group;
use crate::plan::Plan;
use crate::proc::Usage;
use crate::report::{Report, Trial};
use crate::system::{Etcd, System};

/// How `wrk` asks, by [`LEADER_CPU`].
const LOADS: [&[&str]; 3] =
    [&["-t1", "-c32"], &["-t1", "-c1"], &["-t1", "-c32", "-H", "Connection: close"]];

/// `wrk` on the observer's host asks the leader, as fast as it can, in three ways.
pub fn run(plan: &Plan, report: &mut Report) -> anyhow::Result<()> {
    let arena = Arena::new(3)?;
    let bully = plan.bully()?;
    for number in 0..plan.trials(1, 10) {
        let ask = |ip| (format!("http://{ip}:8080/leader"), None);
        load(plan, report, &arena, &bully, &ask, &LOADS, number)?;
        let etcd = Etcd::default();
        if plan.has_rivals && etcd.check().is_ok() {
            let script = "wrk.method=\"POST\" wrk.body=\"{}\"";
            let url = |ip| format!("http://{ip}:2379/v3/maintenance/status");
            let ask = |ip| (url(ip), Some(script));
            load(plan, report, &arena, &etcd, &ask, &LOADS[..1], number)?;
        }
    }
    Ok(())
}

type Ask<'a> = &'a dyn Fn(std::net::Ipv4Addr) -> (String, Option<&'static str>);

fn load(
    plan: &Plan,
    report: &mut Report,
    arena: &Arena,
    system: &dyn System,
    ask: Ask<'_>,
    loads: &[&[&str]],
    number: usize,
) -> anyhow::Result<()> {
    let mut group = Group::start(arena, system)?;
    let (leader, _) = group.formed(plan.left())?;
    let (nodes, _) = group.finish()?;
    let pid = nodes[leader].pid();
    let (url, script) = ask(arena.ip(leader));
    let duration = format!("-d{}s", plan.pause(3, 20).as_secs());
    for (load, figure) in loads.iter().zip(LEADER_CPU) {
        let mut words = vec![program("wrk")?.display().to_string(), duration.clone()];
        words.extend(load.iter().map(ToString::to_string));
        if let Some(script) = script {
            let inside = format!("{}/wrk.lua", arena.folder()?);
            // The observer's host finds files where this process does.
            let outside = arena.host(0).path(&inside);
            std::fs::write(&outside, script)?;
            words.extend(["-s".to_owned(), outside.display().to_string()]);
        }
        words.push(url.clone());
        let before = Usage::of(pid)?;
        let output = arena.observer().exec(&words).context("wrk")?;
        let used = Usage::of(pid)?.since(before);
        let requests = requests(&output)?;
        let (system, nodes, unit) = (system.name(), arena.nodes(), "µs".to_owned());
        let figure = figure.to_owned();
        let detail = json!({"requests": requests, "load": load});
        let value = Some(used.cpu * 1e6 / requests);
        report.enter(&Trial { figure, system, nodes, number, value, unit, detail })?;
    }
    Ok(())
}

/// How many requests were answered, as `wrk` says.
fn requests(output: &Output) -> anyhow::Result<f64> {
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let count =
        said.lines().find_map(|line| line.trim().split_once(" requests in ")?.0.parse().ok());
    ensure!(!said.contains("Non-2xx"), "wrk: not all were answered: {said}");
    count.with_context(|| format!("wrk: {said}{}", String::from_utf8_lossy(&output.stderr)))
}
