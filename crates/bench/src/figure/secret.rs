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
    // These take a millisecond or three, and the machine's noise is as large: more of them.
    for number in 0..plan.trials(12, 50) {
        for (fault, bully) in [(Fault::Kill, &bully), (Fault::Terminate, &bully.waiting())] {
            for system in [&bully.without_secret(), &bully.with_secret(&file)] {
                one(plan, report, &Case { arena: &arena, system, fault, number })?;
            }
        }
    }
    let quorum = bully.quorum();
    for number in 0..trials {
        handshakes(report, number)?;
        for fault in [Fault::Freeze, Fault::Vanish] {
            for system in [&bully.without_secret(), &bully.with_secret(&file)] {
                one(plan, report, &Case { arena: &arena, system, fault, number })?;
            }
        }
        for fault in [Fault::Kill, Fault::Freeze, Fault::Vanish] {
            for system in [&quorum.without_secret(), &quorum.with_secret(&file)] {
                one(plan, report, &Case { arena: &arena, system, fault, number })?;
            }
        }
    }
    for number in 0..plan.trials(2, 10) {
        for system in [&bully.without_secret(), &bully.with_secret(&file)] {
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
