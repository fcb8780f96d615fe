//! Quorum mode: how long nobody leads after a fault, and in a handover; what it costs; and that nothing
//! but a fault changes the leader.

use std::time::{Duration, Instant};

use bully_lab::SickDisk;
use serde_json::json;

use super::failover::{Case, ms, one, phase};
use super::{HANDOVER, QUORUM_BUSY, QUORUM_STALLS, busy, idle};
use crate::arena::Arena;
use crate::clock::millis;
use crate::fault::Fault;
use crate::group::Group;
use crate::plan::Plan;
use crate::report::{Report, Trial};
use crate::system::{Bully, Etcd, EtcdElection, System};

/// What is measured beside etcd.
const FAULTS: [Fault; 3] = [Fault::Kill, Fault::Vanish, Fault::Freeze];

/// A handover that has not come by then does not come.
const LIMIT: Duration = Duration::from_secs(10);

/// How long the disk of a follower stalls each time, and how long it is well in between.
const STALL: Duration = Duration::from_secs(2);
const WELL: Duration = Duration::from_secs(3);

/// Faults and handovers.
pub fn faults(plan: &Plan, report: &mut Report) -> anyhow::Result<()> {
    let bully = plan.bully()?;
    let (quorum, quick) = (bully.quorum(), bully.quick_quorum());
    let rivals: [&dyn System; 2] = [&Etcd::default(), &EtcdElection];
    let rivals = rivals.into_iter().filter(|_| plan.has_rivals).filter(|r| match r.check() {
        Ok(()) => true,
        Err(why) => {
            report.note(format!("{}: not measured beside quorum mode: {why}", r.name()));
            false
        }
    });
    let rivals: Vec<&dyn System> = rivals.collect();
    let arena = Arena::new(3)?;
    let (own, theirs) = (plan.trials(3, 50), plan.trials(1, 10));
    for number in 0..own {
        for system in [&quorum, &quick] {
            for fault in FAULTS {
                one(plan, report, &Case { arena: &arena, system, fault, number })?;
            }
            for (figure, is_transfer) in HANDOVER.into_iter().zip([false, true]) {
                handover(plan, report, &arena, system, (figure, is_transfer, number))?;
            }
        }
        for rival in rivals.iter().filter(|_| Plan::is_turn(number, own, theirs)) {
            for fault in FAULTS {
                one(plan, report, &Case { arena: &arena, system: *rival, fault, number })?;
            }
        }
        if plan.is_over() {
            report.note(format!("quorum: {} rounds, then the time was up", number + 1));
            break;
        }
    }
    Ok(())
}

/// One handover: from the first answer that no longer names the old leader to all of the others naming
/// the new one.
fn handover(
    plan: &Plan,
    report: &mut Report,
    arena: &Arena,
    system: &Bully,
    (figure, is_transfer, number): (&'static str, bool, usize),
) -> anyhow::Result<()> {
    if plan.is_over() {
        return Ok(());
    }
    let mut group = Group::start(arena, system)?;
    let (leader, _) = group.formed(plan.left())?;
    std::thread::sleep(system.settles_in() + phase(system.period(), number));
    let others: Vec<usize> = (0..arena.nodes()).filter(|node| *node != leader).collect();
    let asking = if is_transfer {
        Some(system.transfer(arena, leader, others[number % others.len()])?)
    } else {
        Fault::Terminate.strike(&group, leader)?;
        None
    };
    let gap = group.gap(&others, leader, LIMIT)?;
    drop(asking);
    let took = gap.map(|(from, to)| millis(to.saturating_sub(from)));
    let trial = ms(figure, &system.name(), arena.nodes(), number, took);
    report.enter(&Trial { detail: json!({"leader": leader}), ..trial })
}

/// What a group costs at rest.
pub fn rest(plan: &Plan, report: &mut Report) -> anyhow::Result<()> {
    let quorum = plan.bully()?.quorum();
    for nodes in [3, 5, 7] {
        if plan.is_over() {
            report.note(format!("quorum: not at rest with {nodes} nodes: the time was up"));
            continue;
        }
        let arena = Arena::new(nodes)?;
        for number in 0..plan.trials(1, 3) {
            idle::group(plan, report, &arena, &quorum, number)?;
        }
    }
    Ok(())
}

/// Every core busy.
pub fn busy_cores(plan: &Plan, report: &mut Report) -> anyhow::Result<()> {
    let quorum = plan.bully()?.quorum();
    busy::watch(plan, report, &Arena::new(3)?, &quorum, QUORUM_BUSY, busy::spin)
}

/// A follower whose disk stalls now and then, while a member's priority changes, so that there is
/// something to be written.
pub fn stalling_disk(plan: &Plan, report: &mut Report) -> anyhow::Result<()> {
    let quorum = plan.bully()?.quorum();
    let arena = Arena::new(3)?;
    let disk = SickDisk::new("/var/lib/bully")?;
    // Among equals the highest address leads at first: the first node follows.
    let stalling = quorum.with_environment(0, disk.env());
    busy::watch(plan, report, &arena, &stalling, QUORUM_STALLS, |arena, time| {
        let start = Instant::now();
        for round in 0_u32.. {
            disk.stall(STALL)?;
            let asking = quorum.prioritize(arena, 1, 90 + round % 10)?;
            std::thread::sleep(STALL);
            drop(asking);
            disk.stall(Duration::ZERO)?;
            std::thread::sleep(WELL);
            if start.elapsed() >= time {
                break;
            }
        }
        let syncs = disk.syncs()?;
        anyhow::ensure!(syncs > 2, "the disk that stalls was asked for {syncs} syncs alone");
        Ok(())
    })
}
