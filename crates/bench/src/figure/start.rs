//! From the start to the first answer, and to agreement.

use std::time::Duration;

use serde_json::json;

use super::failover::able;
use super::{FIRST_ANSWER, SILENT_ADDRESSES, START};
use crate::arena::Arena;
use crate::clock::millis;
use crate::group::Group;
use crate::plan::Plan;
use crate::report::{Report, Trial};
use crate::system::System;

/// Far above what a start takes.
const LIMIT: Duration = Duration::from_secs(20);

/// All at once at 3, 7 and 15 nodes, the rivals at 3; one alone; one that lists two silent
/// addresses.
pub fn run(plan: &Plan, report: &mut Report) -> anyhow::Result<()> {
    let bully = plan.bully()?;
    // Hosts that the lab does not have: what is sent there is lost.
    let silent = bully.listing(&["192.168.1.200:8117".to_owned(), "192.168.1.201:8117".to_owned()]);
    let rivals = able(plan, report);
    let arenas = [1, 3, 7, 15].map(Arena::new).into_iter().collect::<anyhow::Result<Vec<_>>>()?;
    let (alone, three) = (&arenas[0], &arenas[1]);
    let (own, theirs) = (plan.trials(5, 200), plan.trials(1, 20));
    for number in 0..own {
        if plan.is_over() {
            report.note(format!("start: {number} rounds, then the time was up"));
            break;
        }
        one(plan, report, alone, &bully, FIRST_ANSWER, number)?;
        if Plan::is_turn(number, own, plan.trials(3, 50)) {
            one(plan, report, alone, &silent, SILENT_ADDRESSES, number)?;
        }
        for arena in &arenas[1..] {
            one(plan, report, arena, &bully, START, number)?;
        }
        for rival in rivals.iter().filter(|_| Plan::is_turn(number, own, theirs)) {
            one(plan, report, three, rival.as_ref(), START, number)?;
        }
    }
    Ok(())
}

fn one(
    plan: &Plan,
    report: &mut Report,
    arena: &Arena,
    system: &dyn System,
    figure: &'static str,
    number: usize,
) -> anyhow::Result<()> {
    if plan.is_over() {
        return Ok(());
    }
    let mut group = Group::start(arena, system)?;
    let all: Vec<usize> = (0..arena.nodes()).collect();
    let outcome = group.agreed(&all, None, LIMIT.min(plan.left()))?;
    let value = outcome.map(|(_, at)| millis(at.saturating_sub(group.started_at)));
    let detail = json!({"leader": outcome.map(|(leader, _)| leader)});
    let (system, nodes, unit) = (system.name(), arena.nodes(), "ms".to_owned());
    report.enter(&Trial { figure: figure.to_owned(), system, nodes, number, value, unit, detail })
}
