//! From the fault to all survivors naming the same other leader.

use std::time::{Duration, Instant, SystemTime};

use serde_json::json;

use super::{FAILOVER, FLOOR, OWN_STAMPS, handover};
use crate::arena::{Arena, Node};
use crate::clock::{millis, nanos};
use crate::fault::Fault;
use crate::floor;
use crate::group::Group;
use crate::plan::Plan;
use crate::report::{Report, Trial};
use crate::stamps;
use crate::system::{Bully, Etcd, System, rivals};

/// A system that has found nobody by then finds nobody.
const LIMIT: Duration = Duration::from_secs(60);

/// How long a handover is watched after its end.
const AFTER: Duration = Duration::from_millis(300);

/// Takes turns: what the machine does meanwhile touches all systems alike.
pub struct Case<'a> {
    pub arena: &'a Arena,
    pub system: &'a dyn System,
    pub fault: Fault,
    pub number: usize,
}

/// `kill -9`: bully at 3 and at 7 nodes, the floor, and the rivals, one after the other, over and
/// over.
pub fn kills(plan: &Plan, report: &mut Report) -> anyhow::Result<()> {
    let bully = plan.bully()?.with_stamps();
    let rivals = able(plan, report);
    let (three, seven) = (Arena::new(3)?, Arena::new(7)?);
    let (own, theirs) = (plan.trials(12, 500), plan.trials(2, 20));
    for number in 0..own {
        if plan.is_over() {
            report.note(format!("failover: {number} rounds, then the time was up"));
            break;
        }
        for arena in [&three, &seven] {
            one(plan, report, &Case { arena, system: &bully, fault: Fault::Kill, number })?;
        }
        let floor = beside_a_group(plan, &three, &bully);
        report.enter(&ms(FLOOR, "floor", 3, number, floor.ok()))?;
        for rival in rivals.iter().filter(|_| Plan::is_turn(number, own, theirs)) {
            let system = rival.as_ref();
            one(plan, report, &Case { arena: &three, system, fault: Fault::Kill, number })?;
        }
    }
    Ok(())
}

/// The floor, on the hosts of a group that is asked as ever: the machine is as busy as in the other
/// trials.
fn beside_a_group(plan: &Plan, arena: &Arena, bully: &Bully) -> anyhow::Result<f64> {
    let mut group = Group::start(arena, bully)?;
    group.formed(plan.left())?;
    floor::trial(arena)
}

/// All other faults, at three nodes.
pub fn others(plan: &Plan, report: &mut Report) -> anyhow::Result<()> {
    let bully = plan.bully()?;
    let (waiting, equal) = (bully.waiting(), bully.as_slow_as_etcd());
    let rivals = able(plan, report);
    let arena = Arena::new(3)?;
    let (own, theirs) = (plan.trials(2, 50), plan.trials(0, 15));
    for number in 0..own {
        for fault in Fault::ALL.into_iter().filter(|fault| *fault != Fault::Kill) {
            if plan.is_over() {
                report.note(format!("failover: {number} rounds of faults, then the time was up"));
                return Ok(());
            }
            let system = if fault == Fault::Terminate { &waiting } else { &bully };
            one(plan, report, &Case { arena: &arena, system, fault, number })?;
            if fault == Fault::Vanish {
                // Shows that the comparison of idle costs is one at equal detection times.
                one(plan, report, &Case { arena: &arena, system: &equal, fault, number })?;
            }
            for rival in &rivals {
                let is_equal = rival.name() == Etcd::default().name() && fault == Fault::Vanish;
                if Plan::is_turn(number, own, if is_equal { own } else { theirs }) {
                    let system = rival.as_ref();
                    one(plan, report, &Case { arena: &arena, system, fault, number })?;
                }
            }
        }
    }
    Ok(())
}

/// Those that can run here; the others are named.
pub fn able(plan: &Plan, report: &mut Report) -> Vec<Box<dyn System>> {
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

pub fn ms(
    figure: &'static str,
    system: &str,
    nodes: usize,
    number: usize,
    value: Option<f64>,
) -> Trial {
    let (figure, system, unit) = (figure.to_owned(), system.to_owned(), "ms".to_owned());
    Trial { figure, system, nodes, number, value, unit, detail: serde_json::Value::Null }
}

/// One trial. One that fails is a trial without a value, and the others go on.
pub fn one(plan: &Plan, report: &mut Report, case: &Case<'_>) -> anyhow::Result<()> {
    let (name, nodes) = (case.system.name(), case.arena.nodes());
    if plan.is_over() {
        return Ok(());
    }
    let trial = strike(plan, report, case);
    // Whatever happened, the next trial has a whole network.
    case.fault.heal(case.arena)?;
    trial.or_else(|why| {
        let trial = ms(FAILOVER[case.fault as usize], &name, nodes, case.number, None);
        report.enter(&Trial { detail: json!({"why": format!("{why:#}")}), ..trial })
    })
}

/// A new group, its leader struck, and what all survivors name then.
fn strike(plan: &Plan, report: &mut Report, case: &Case<'_>) -> anyhow::Result<()> {
    let Case { arena, system, fault, number } = *case;
    let (name, nodes) = (system.name(), arena.nodes());
    let mut group = Group::start_apart(arena, system, system.stagger())?;
    let (formed, _) = group.formed(plan.left())?;
    std::thread::sleep(system.settles_in() + phase(system.period(), number));
    let all: Vec<usize> = (0..nodes).collect();
    // Some change their mind once more after they have agreed.
    let leader = group.leader(&all)?.unwrap_or(formed);
    let survivors: Vec<usize> = (0..nodes).filter(|node| *node != leader).collect();
    let wall = SystemTime::now();
    let struck_at = fault.strike(&group, leader)?;
    let outcome = group.agreed(&survivors, Some(leader), LIMIT.min(plan.left()))?;
    fault.heal(arena)?;
    if fault == Fault::Terminate {
        std::thread::sleep(AFTER);
    }
    let (processes, tallies) = group.finish()?;
    let took = outcome.map(|(_, at)| millis(at.saturating_sub(struck_at)));
    let asked: Vec<u64> = tallies.iter().map(|tally| tally.asked).collect();
    let successor = outcome.map(|(successor, _)| successor);
    report.enter(&Trial {
        detail: json!({"leader": leader, "successor": successor, "asked": asked}),
        ..ms(FAILOVER[fault as usize], &name, nodes, number, took)
    })?;
    if name != "bully" {
        return Ok(());
    }
    match fault {
        Fault::Kill => {
            let own = own_stamps(arena, &processes, leader, wall);
            report.enter(&ms(OWN_STAMPS, &name, nodes, number, own))
        }
        Fault::Terminate => {
            let left = handover::Left { nodes: &processes, leader, struck_at };
            left.enter(report, &tallies, number)
        }
        _ => Ok(()),
    }
}

/// Another part of the period for each trial, all parts alike: multiples of the golden ratio.
pub fn phase(period: Duration, number: usize) -> Duration {
    let number = u32::try_from(number).unwrap_or(0);
    period.mul_f64((f64::from(number) * 0.618_034).fract())
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
