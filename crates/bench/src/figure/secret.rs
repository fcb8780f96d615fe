//! What it costs that the peers share a secret: the same, one after the other, with it and without.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde_json::Value;

use super::failover::{Case, one};
use super::{HANDSHAKES, idle};
use crate::arena::Arena;
use crate::fault::Fault;
use crate::plan::Plan;
use crate::report::{Report, Trial};

/// How long handshakes are counted.
const TIME: Duration = Duration::from_secs(1);

/// Handshakes, failovers, and what a group costs at rest.
pub fn run(plan: &Plan, report: &mut Report) -> anyhow::Result<()> {
    let folder = tempfile::tempdir().context("a folder for the secret")?;
    let file = folder.path().join("secret");
    let bully = plan.bully()?;
    let made = Command::new(bully.program()).arg("keygen").arg(&file).output()?;
    ensure!(made.status.success(), "keygen: {}", String::from_utf8_lossy(&made.stderr));
    let (arena, trials) = (Arena::new(3)?, plan.trials(3, 50));
    // A death takes milliseconds to be noticed, and the machine's noise is as large: more of them.
    for number in trials..plan.trials(12, 50) {
        let stamped = bully.with_stamps();
        for system in [&stamped, &stamped.with_secret(&file)] {
            one(plan, report, &Case { arena: &arena, system, fault: Fault::Kill, number })?;
        }
    }
    for number in 0..trials {
        handshakes(report, number)?;
        let quorum = bully.quorum();
        for fault in [Fault::Kill, Fault::Terminate, Fault::Freeze, Fault::Vanish] {
            let asked = match fault {
                // By their own stamps as well.
                Fault::Kill => bully.with_stamps(),
                Fault::Terminate => bully.waiting(),
                _ => bully.clone(),
            };
            for system in [&asked, &asked.with_secret(&file), &quorum, &quorum.with_secret(&file)] {
                let is_quick = fault == Fault::Terminate && system.is_quorum();
                // A handover of quorum mode has a figure of its own.
                if !is_quick {
                    one(plan, report, &Case { arena: &arena, system, fault, number })?;
                }
            }
        }
    }
    for number in 0..plan.trials(1, 10) {
        for system in [&bully, &bully.with_secret(&file)] {
            idle::group(plan, report, &arena, system, number)?;
        }
    }
    Ok(())
}

/// Whole handshakes, both ends of them on one thread.
fn handshakes(report: &mut Report, number: usize) -> anyhow::Result<()> {
    let pair = bully::measure::Pair::default();
    let (begun, mut count) = (Instant::now(), 0_u32);
    while begun.elapsed() < TIME {
        pair.shake_hands();
        count += 1;
    }
    let value = Some(f64::from(count) / begun.elapsed().as_secs_f64());
    let (figure, system, unit) = (HANDSHAKES.to_owned(), "bully".to_owned(), "1/s".to_owned());
    report.enter(&Trial { figure, system, nodes: 2, number, value, unit, detail: Value::Null })
}
