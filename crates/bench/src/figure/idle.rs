//! What a group costs while nothing happens.

use std::time::Duration;

use anyhow::Context as _;
use bully_sim::rest::{RestingFollower, RestingLeader};
use serde_json::json;

use super::{ALLOCATIONS, BYTES, CALLS, CPU, MEMORY, SYNCS};
use crate::arena::{Arena, Node};
use crate::group::Group;
use crate::observe::Observer;
use crate::plan::Plan;
use crate::proc::{Usage, memory, syncs, system_calls};
use crate::report::{Report, Trial};
use crate::system::{Etcd, QUORUM, System};

/// Heartbeats of the core that are looked at.
const HEARTBEATS: usize = 1_000;

/// Heartbeats a second, at default timing.
const BEATS: f64 = 10.0;

/// What a start leaves behind is over by then, and so much later for each node: all have told one
/// another of all.
const QUIET: Duration = Duration::from_secs(2);
const QUIET_PER_NODE: Duration = Duration::from_millis(200);

/// How long it may take to ask all.
const ANSWER: Duration = Duration::from_secs(10);

/// Followers that are looked at in a large group.
const FOLLOWERS_MAX: usize = 10;

/// Bytes and processor time at 3, 7, 25 and 100 nodes, and etcd's at 3, beside a bully that takes
/// as long to notice that a leader is silent; memory, system calls and allocations.
pub fn run(plan: &Plan, report: &mut Report) -> anyhow::Result<()> {
    allocations(plan, report)?;
    let bully = plan.bully()?;
    let (etcd, equal) = (Etcd::default(), bully.as_slow_as_etcd());
    let three = Arena::new(3)?;
    for number in 0..plan.trials(1, 10) {
        group(plan, report, &three, &bully, number)?;
        group(plan, report, &three, &equal, number)?;
        match etcd.check() {
            Ok(()) if plan.has_rivals => group(plan, report, &three, &etcd, number)?,
            Ok(()) => {}
            Err(why) => report.note(format!("{}: not measured: {why}", etcd.name())),
        }
    }
    for nodes in [7, 25, 100] {
        if plan.is_over() {
            report.note(format!("idle: not at {nodes} nodes: the time was up"));
            continue;
        }
        let arena = Arena::new(nodes)?;
        for number in 0..plan.trials(1, 3) {
            group(plan, report, &arena, &bully, number)?;
        }
    }
    Ok(())
}

/// One trial: nodes that agree, left alone.
pub fn group(
    plan: &Plan,
    report: &mut Report,
    arena: &Arena,
    system: &dyn System,
    number: usize,
) -> anyhow::Result<()> {
    let mut group = Group::start(arena, system)?;
    group.formed(plan.left())?;
    // The observer is gone, so that nobody asks.
    let (nodes, _) = group.finish()?;
    std::thread::sleep(QUIET + QUIET_PER_NODE * u32::try_from(arena.nodes())?);
    let time = plan.pause(4, 60);
    let before = usages(&nodes)?;
    std::thread::sleep(time);
    let after = usages(&nodes)?;
    // Many nodes that start at once may change their mind after they have agreed.
    let leader = leader(arena, system)?;
    let used: Vec<Usage> = after.iter().zip(&before).map(|(a, b)| a.since(*b)).collect();
    let mut enter = |figure: &str, value: f64, unit: &str| {
        let (figure, unit) = (figure.to_owned(), unit.to_owned());
        let (system, nodes, detail) = (system.name(), arena.nodes(), json!({"leader": leader}));
        report.enter(&Trial { figure, system, nodes, number, value: Some(value), unit, detail })
    };
    let seconds = time.as_secs_f64();
    let followers: Vec<&Usage> = (used.iter().enumerate())
        .filter_map(|(node, used)| (node != leader).then_some(used))
        .take(FOLLOWERS_MAX)
        .collect();
    let mean = |of: fn(&Usage) -> f64| {
        let count = u32::try_from(followers.len()).unwrap_or(1);
        followers.iter().map(|used| of(used)).sum::<f64>() / f64::from(count)
    };
    enter(BYTES[0], used[leader].sent / seconds, "B/s")?;
    enter(BYTES[1], mean(|used| used.sent) / seconds, "B/s")?;
    enter(CPU[0], used[leader].cpu / seconds * 3600.0, "s/h")?;
    enter(CPU[1], mean(|used| used.cpu) / seconds * 3600.0, "s/h")?;
    enter(MEMORY, memory(nodes[leader].pid())?, "MiB")?;
    if arena.nodes() == 3 && system.name() == "bully" {
        calls(plan, report, &nodes, leader, number)?;
    }
    if system.name() == QUORUM {
        let time = plan.pause(2, 20);
        let syncs: anyhow::Result<Vec<f64>> = nodes.iter().map(|n| syncs(n.pid(), time)).collect();
        let unit = "syncs/s".to_owned();
        let (figure, system, nodes) = (SYNCS.to_owned(), system.name(), arena.nodes());
        let value = Some(syncs?.iter().sum::<f64>() / time.as_secs_f64());
        let detail = json!({"leader": leader});
        report.enter(&Trial { figure, system, nodes, number, value, unit, detail })?;
    }
    Ok(())
}

/// Whom all name by now.
fn leader(arena: &Arena, system: &dyn System) -> anyhow::Result<usize> {
    let mut observer = Observer::start(arena.observer(), &system.targets(arena))?;
    let all: Vec<usize> = (0..arena.nodes()).collect();
    let mut leader = None;
    observer.until(ANSWER, |answers| {
        leader = system.agreed(arena, answers, &all);
        leader.is_some()
    })?;
    leader.context("the nodes do not agree")
}

fn usages(nodes: &[Node]) -> anyhow::Result<Vec<Usage>> {
    nodes.iter().map(|node| Usage::of(node.pid())).collect()
}

fn calls(
    plan: &Plan,
    report: &mut Report,
    nodes: &[Node],
    leader: usize,
    number: usize,
) -> anyhow::Result<()> {
    let time = plan.pause(3, 20);
    let follower = usize::from(leader == 0);
    for (node, figure) in [leader, follower].into_iter().zip(CALLS) {
        let (calls, which) = system_calls(nodes[node].pid(), time)?;
        let value = Some(calls / time.as_secs_f64() / BEATS);
        let (system, nodes, detail) = ("bully".to_owned(), nodes.len(), json!({"which": which}));
        let (figure, unit) = (figure.to_owned(), "a beat".to_owned());
        report.enter(&Trial { figure, system, nodes, number, value, unit, detail })?;
    }
    Ok(())
}

/// Of the core alone, and of whole nodes in a process of their own. The allocator of this program
/// counts.
fn allocations(plan: &Plan, report: &mut Report) -> anyhow::Result<()> {
    for members in [3, 25] {
        let (mut leader, mut follower) = (RestingLeader::of(members), RestingFollower::of(members));
        let most = (0..HEARTBEATS).map(|_| {
            let both = || {
                leader.heartbeat();
                follower.heartbeat();
            };
            allocation_counter::measure(both).count_total
        });
        // In the first, buffers grow to their size.
        let most = u32::try_from(most.skip(1).max().unwrap_or(0))?;
        allocated(report, 0, members, f64::from(most), "the most of any heartbeat")?;
    }
    let this = std::env::current_exe().context("this program's own path")?;
    for nodes in [3, 7] {
        let seconds = plan.pause(3, 20).as_secs().to_string();
        let words = ["embedded", &nodes.to_string(), &seconds];
        let output = std::process::Command::new(&this).args(words).output()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let value = text.trim().parse::<f64>().with_context(|| {
            format!("embedded nodes: {}", String::from_utf8_lossy(&output.stderr))
        })?;
        allocated(report, 1, nodes, value, "per node, of nodes in one process")?;
    }
    Ok(())
}

fn allocated(
    report: &mut Report,
    of: usize,
    nodes: usize,
    value: f64,
    what: &str,
) -> anyhow::Result<()> {
    let (figure, system) = (ALLOCATIONS[of].to_owned(), "bully".to_owned());
    let (value, unit, detail) = (Some(value), "a beat".to_owned(), json!(what));
    report.enter(&Trial { figure, system, nodes, number: 0, value, unit, detail })
}
