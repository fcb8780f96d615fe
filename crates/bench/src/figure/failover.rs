//! From the fault to all survivors naming the same other leader.

use std::time::{Duration, Instant, SystemTime};

use serde_json::json;

use super::{FAILOVER, FLOOR, HANDOVER_FAILED, HANDOVER_SLOWEST, OWN_STAMPS, START};
use crate::arena::{Arena, Node};
use crate::clock::{self, Nanos, millis, nanos};
use crate::fault::Fault;
use crate::floor;
use crate::group::Group;
use crate::observe::{LATE, Tally};
use crate::plan::Plan;
use crate::report::{Report, Trial};
use crate::stamps;
use crate::system::{Bully, Etcd, System, rivals};

/// A system that has found nobody by then finds nobody.
const LIMIT: Duration = Duration::from_secs(60);

/// How long a handover is watched after its end.
const AFTER: Duration = Duration::from_millis(300);

/// `kill -9`: bully at 3 and at 7 nodes, the floor, and the rivals, one after the other, over and
/// over: what the machine does meanwhile touches all of them alike.
pub fn kills(plan: &Plan, report: &mut Report) -> anyhow::Result<()> {
    let bully = Bully::built()?.with_stamps();
    bully.check()?;
    let rivals = able(plan, report);
    let (three, seven) = (Arena::new(3)?, Arena::new(7)?);
    let counts = [plan.trials(12, 500), plan.trials(8, 500), plan.trials(2, 20)];
    for number in 0..counts.into_iter().max().unwrap_or(0) {
        if plan.is_over() {
            report.note(format!("failover: {number} rounds, then the time was up"));
            break;
        }
        if number < counts[0] {
            one(report, &three, &bully, Fault::Kill, number)?;
            let value = floor::trial(&three)?;
            report.enter(&ms(FLOOR, "floor", 3, number, Some(value)))?;
        }
        if number < counts[1] {
            one(report, &seven, &bully, Fault::Kill, number)?;
        }
        if number < counts[2] {
            for rival in &rivals {
                one(report, &three, rival.as_ref(), Fault::Kill, number)?;
            }
        }
    }
    Ok(())
}

/// All other faults, at three nodes.
pub fn others(plan: &Plan, report: &mut Report) -> anyhow::Result<()> {
    let bully = Bully::built()?;
    let rivals = able(plan, report);
    let arena = Arena::new(3)?;
    let (own, theirs) = (plan.trials(2, 50), plan.trials(0, 15));
    for number in 0..own.max(theirs) {
        for fault in Fault::ALL.into_iter().filter(|fault| *fault != Fault::Kill) {
            if plan.is_over() {
                report.note(format!("failover: {number} rounds of faults, then the time was up"));
                return Ok(());
            }
            if number < own {
                one(report, &arena, &bully, fault, number)?;
            }
            if number < own && fault == Fault::Vanish {
                // Shows that the comparison of idle costs is one at equal detection times.
                one(report, &arena, &bully.as_slow_as_etcd(), fault, number)?;
            }
            for rival in &rivals {
                let is_etcd = rival.name() == Etcd::default().name();
                let count = if is_etcd && fault == Fault::Vanish { own } else { theirs };
                if number < count {
                    one(report, &arena, rival.as_ref(), fault, number)?;
                }
            }
        }
    }
    Ok(())
}

/// Those that can run here; the others are named.
fn able(plan: &Plan, report: &mut Report) -> Vec<Box<dyn System>> {
    if !plan.has_rivals {
        return Vec::new();
    }
    let mut able = rivals(plan.go.clone());
    able.retain(|system| match system.check() {
        Ok(()) => true,
        Err(why) => {
            report.note(format!("{}: not measured: {why}", system.name()));
            false
        }
    });
    able
}

fn ms(
    figure: &'static str,
    system: &str,
    nodes: usize,
    number: usize,
    value: Option<f64>,
) -> Trial {
    let (figure, system, unit) = (figure.to_owned(), system.to_owned(), "ms".to_owned());
    Trial { figure, system, nodes, number, value, unit, detail: serde_json::Value::Null }
}

/// One trial: a new group, its leader struck, and what all survivors name then.
fn one(
    report: &mut Report,
    arena: &Arena,
    system: &dyn System,
    fault: Fault,
    number: usize,
) -> anyhow::Result<()> {
    let (name, nodes) = (system.name(), arena.nodes());
    let mut group = Group::start(arena, system)?;
    let (leader, formed_at) = match group.formed() {
        Ok(formed) => formed,
        Err(why) => {
            let figure = FAILOVER[fault as usize];
            let trial = ms(figure, &name, nodes, number, None);
            return report.enter(&Trial { detail: json!({"why": why.to_string()}), ..trial });
        }
    };
    let formed = millis(formed_at.saturating_sub(group.started_at));
    if name != "bully" {
        // Its own has more trials, and more nodes.
        report.enter(&ms(START, &name, nodes, number, Some(formed)))?;
    }
    // Not always in the same phase of a heartbeat.
    let phase = Duration::from_millis(u64::try_from(number * 37 % 100)?);
    std::thread::sleep(system.settles_in() + phase);

    let all: Vec<usize> = (0..nodes).collect();
    // Some change their mind once more after they have agreed.
    let leader = group.leader(&all)?.unwrap_or(leader);
    let survivors: Vec<usize> = (0..nodes).filter(|node| *node != leader).collect();
    let wall = SystemTime::now();
    let struck_at = fault.strike(&group, leader)?;
    let outcome = group.agreed(&survivors, Some(leader), LIMIT)?;
    fault.heal(arena)?;
    let took = outcome.map(|(_, at)| millis(at.saturating_sub(struck_at)));
    let trial = Trial {
        detail: json!({
            "leader": leader,
            "successor": outcome.map(|(successor, _)| successor),
            "formed_ms": formed,
        }),
        ..ms(FAILOVER[fault as usize], &name, nodes, number, took)
    };
    report.enter(&trial)?;
    if fault == Fault::Terminate {
        std::thread::sleep(AFTER);
    }
    let (processes, tallies) = group.finish()?;
    if name != "bully" {
        return Ok(());
    }
    match fault {
        Fault::Kill => {
            let own = own_stamps(arena, &processes, leader, wall);
            report.enter(&ms(OWN_STAMPS, &name, nodes, number, own))
        }
        Fault::Terminate => handover(report, &processes, &tallies, leader, struck_at, number),
        _ => Ok(()),
    }
}

/// Their lines may be read a moment after their answers.
fn own_stamps(arena: &Arena, nodes: &[Node], dead: usize, since: SystemTime) -> Option<f64> {
    let begun = Instant::now();
    loop {
        let took = stamps::failover(arena, nodes, dead, since);
        if took.is_some() || begun.elapsed() > AFTER {
            return took.map(|took| millis(nanos(took)));
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// While the leader left: what failed, and what took longest, on any node.
fn handover(
    report: &mut Report,
    nodes: &[Node],
    tallies: &[Tally],
    leader: usize,
    struck_at: Nanos,
    number: usize,
) -> anyhow::Result<()> {
    // Asked as it ended, or after: nobody is there to answer.
    let gone_at = nodes[leader].ended_at().unwrap_or_else(clock::now).saturating_sub(1_000_000);
    let mut failed = Vec::new();
    let mut slowest = 0;
    for (node, tally) in tallies.iter().enumerate() {
        let is_over = |at: Nanos| node == leader && at >= gone_at;
        let ours = |at: Nanos| at >= struck_at && !is_over(at);
        let failures = tally.failures.iter().filter(|failure| ours(failure.asked_at));
        failed
            .extend(failures.map(|f| json!({"node": node, "why": f.why, "at": f.at - struck_at})));
        let late = tally.late_at.iter().filter(|(at, _)| ours(*at)).map(|(_, took)| *took);
        slowest = slowest.max(late.max().unwrap_or(0));
    }
    // What is not late is not told of.
    let slowest = slowest.max(nanos(LATE));
    let count = f64::from(u32::try_from(failed.len())?);
    let detail = json!({"failed": failed, "left_ms": millis(gone_at.saturating_sub(struck_at))});
    let trial = ms(HANDOVER_FAILED, "bully", nodes.len(), number, Some(count));
    report.enter(&Trial { unit: "questions".to_owned(), detail, ..trial })?;
    report.enter(&ms(HANDOVER_SLOWEST, "bully", nodes.len(), number, Some(millis(slowest))))
}
