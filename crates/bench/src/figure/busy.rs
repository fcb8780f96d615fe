//! Leaders that are taken for dead while every core is busy.

use std::collections::BTreeSet;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;

use super::BUSY;
use crate::arena::Arena;
use crate::group::Group;
use crate::plan::Plan;
use crate::report::{Report, Trial};
use crate::system::{Bully, System};

/// Busy processes a core.
const PER_CORE: usize = 4;

/// Three idle nodes at default timing among busy processes of the same priority.
pub fn run(plan: &Plan, report: &mut Report) -> anyhow::Result<()> {
    let (arena, bully) = (Arena::new(3)?, Bully::built()?);
    let mut group = Group::start(&arena, &bully)?;
    group.formed()?;
    let (nodes, _) = group.finish()?;
    let said = || -> usize { nodes.iter().map(|node| node.lines().len()).sum() };
    // The last of them may say whom it follows a moment after it has answered so.
    let mut quiet_since = (said(), Instant::now());
    while quiet_since.1.elapsed() < Duration::from_millis(500) {
        std::thread::sleep(Duration::from_millis(20));
        if said() != quiet_since.0 {
            quiet_since = (said(), Instant::now());
        }
    }
    let before: Vec<usize> = nodes.iter().map(|node| node.lines().len()).collect();
    let cores = std::thread::available_parallelism()?.get();
    let busy = (0..cores * PER_CORE).map(|_| Busy::start()).collect::<Result<Vec<_>, _>>()?;
    std::thread::sleep(plan.pause(15, 30 * 60));
    drop(busy);
    let new = nodes.iter().zip(before).flat_map(|(node, seen)| node.lines().split_off(seen));
    // A reign is one however many nodes tell of it.
    let reigns: BTreeSet<String> = new
        .filter(|line| line.contains(" leads, epoch "))
        .map(|l| l.replace(" (this node)", ""))
        .collect();
    let value = Some(f64::from(u32::try_from(reigns.len())?));
    let (system, nodes, unit) = (bully.name(), arena.nodes(), "reigns".to_owned());
    let figure = BUSY.to_owned();
    let detail = json!({"seconds": plan.pause(15, 30 * 60).as_secs(), "reigns": reigns});
    report.enter(&Trial { figure, system, nodes, number: 0, value, unit, detail })
}

/// A process that computes without end, until this is dropped.
struct Busy(Child);

impl Busy {
    fn start() -> std::io::Result<Self> {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "while :; do :; done"]).stdin(Stdio::null());
        command.spawn().map(Self)
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
