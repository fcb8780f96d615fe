//! From the start to the first answer, and to agreement.

use std::time::Duration;

use serde_json::json;

use super::{FIRST_ANSWER, SILENT_ADDRESSES, START};
use crate::arena::Arena;
use crate::clock::millis;
use crate::group::Group;
use crate::plan::Plan;
use crate::report::{Report, Trial};
use crate::system::{Bully, System};

/// Far above what a start takes.
const LIMIT: Duration = Duration::from_secs(20);

/// All at once at 3, 7 and 15 nodes; one alone; one that lists two silent addresses.
pub fn run(plan: &Plan, report: &mut Report) -> anyhow::Result<()> {
    let bully = Bully::built()?;
    bully.check()?;
    // Hosts that the lab does not have: what is sent there is lost.
    let silent = bully.listing(&["192.168.1.200:8117".to_owned(), "192.168.1.201:8117".to_owned()]);
    let alone = Arena::new(1)?;
    let arenas = [3, 7, 15].map(Arena::new);
    let few = plan.trials(5, 200);
    for number in 0..few {
        if plan.is_over() {
            report.note(format!("start: {number} rounds, then the time was up"));
            break;
        }
        one(report, &alone, &bully, FIRST_ANSWER, number)?;
        if number < plan.trials(3, 50) {
            one(report, &alone, &silent, SILENT_ADDRESSES, number)?;
        }
        for arena in &arenas {
            let arena = arena.as_ref().map_err(|error| anyhow::anyhow!("{error:#}"))?;
            one(report, arena, &bully, START, number)?;
        }
    }
    Ok(())
}

fn one(
    report: &mut Report,
    arena: &Arena,
    bully: &Bully,
    figure: &'static str,
    number: usize,
) -> anyhow::Result<()> {
    let mut group = Group::start(arena, bully)?;
    let all: Vec<usize> = (0..arena.nodes()).collect();
    let outcome = group.agreed(&all, None, LIMIT)?;
    let value = outcome.map(|(_, at)| millis(at.saturating_sub(group.started_at)));
    let detail = json!({"leader": outcome.map(|(leader, _)| leader)});
    let (system, nodes, unit) = (bully.name(), arena.nodes(), "ms".to_owned());
    report.enter(&Trial { figure: figure.to_owned(), system, nodes, number, value, unit, detail })
}
