//! Quorum mode: how long nobody leads after a fault, and in a handover; what it costs; and that nothing
//! but a fault changes the leader.

use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, ensure};
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
            for asks in [Asks::Signal, Asks::Operator(system)] {
                handover(plan, report, &Handover { arena: &arena, system, asks, number })?;
            }
        }
        for rival in rivals.iter().filter(|_| Plan::is_turn(number, own, theirs)) {
            let (system, asks) = (*rival, Asks::Signal);
            for fault in FAULTS {
                one(plan, report, &Case { arena: &arena, system, fault, number })?;
            }
            handover(plan, report, &Handover { arena: &arena, system, asks, number })?;
        }
        if plan.is_over() {
            report.note(format!("quorum: {} rounds, then the time was up", number + 1));
            break;
        }
    }
    Ok(())
}

/// Who asks the leader to hand over.
#[derive(Clone, Copy)]
enum Asks<'a> {
    /// SIGTERM.
    Signal,
    /// `bully transfer`, on the leader's host.
    Operator(&'a Bully),
}

/// One handover of one system.
struct Handover<'a> {
    arena: &'a Arena,
    system: &'a dyn System,
    asks: Asks<'a>,
    number: usize,
}

/// One trial. One that fails is a trial without a value, and the others go on.
fn handover(plan: &Plan, report: &mut Report, case: &Handover<'_>) -> anyhow::Result<()> {
    if plan.is_over() {
        return Ok(());
    }
    let figure = match case.asks {
        Asks::Signal => HANDOVER[0],
        Asks::Operator(_) => HANDOVER[1],
    };
    let (took, detail) = match hand_over(plan, case) {
        Ok((took, leader)) => (Some(took), json!({"leader": leader})),
        Err(why) => (None, json!({"why": format!("{why:#}")})),
    };
    let trial = ms(figure, &case.system.name(), case.arena.nodes(), case.number, took);
    report.enter(&Trial { detail, ..trial })
}

/// A new group whose leader hands over: for how long nobody says of itself that it leads, and who that
/// leader was.
fn hand_over(plan: &Plan, case: &Handover<'_>) -> anyhow::Result<(f64, usize)> {
    let Handover { arena, system, asks, number } = *case;
    let mut group = Group::start_apart(arena, system, system.stagger())?;
    let (formed, _) = group.formed(plan.left())?;
    std::thread::sleep(system.settles_in() + phase(system.period(), number));
    let all: Vec<usize> = (0..arena.nodes()).collect();
    let leader = group.leader(&all)?.unwrap_or(formed);
    let asking = match asks {
        Asks::Signal => Fault::Terminate.strike(&group, leader).map(|_| None)?,
        Asks::Operator(bully) => {
            let others: Vec<usize> = all.into_iter().filter(|node| *node != leader).collect();
            Some(bully.transfer(arena, leader, others[number % others.len()])?)
        }
    };
    let claims = group.handed_over(leader, LIMIT)?;
    drop(asking);
    let gap = claims.context("nobody else leads")?.gap();
    let gap = gap.map_err(|later| anyhow!("two led: the old one {:.3} ms later", millis(later)))?;
    Ok((millis(gap.context("the old leader leads")?), leader))
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
    let arena = Arena::new(3)?;
    busy::watch(plan, report, &arena, &quorum, QUORUM_BUSY, busy::as_it_is, busy::spin)
}

/// A follower whose disk stalls now and then, while a member's priority changes, so that there is
/// something to be written.
pub fn stalling_disk(plan: &Plan, report: &mut Report) -> anyhow::Result<()> {
    let quorum = plan.bully()?.quorum();
    let arena = Arena::new(3)?;
    let disk = SickDisk::new("/var/lib/bully")?;
    // The first node has that disk, the second has other priorities, all of them smaller: neither leads.
    let stalling = quorum.with_environment(0, disk.env());
    let ready = |group: &mut Group<'_>| leads(group, &quorum, 2);
    busy::watch(plan, report, &arena, &stalling, QUORUM_STALLS, ready, |arena, time| {
        let (start, before) = (Instant::now(), disk.syncs()?);
        let mut rounds = 0;
        while start.elapsed() < time {
            disk.stall(STALL)?;
            let asking = quorum.prioritize(arena, 1, 90 + rounds % 10)?;
            std::thread::sleep(STALL);
            drop(asking);
            disk.stall(Duration::ZERO)?;
            std::thread::sleep(WELL);
            rounds += 1;
        }
        let syncs = disk.syncs()?.saturating_sub(before);
        ensure!(syncs >= u64::from(rounds), "{syncs} syncs alone in {rounds} stalls of the disk");
        Ok(())
    })
}

/// Has this node lead, whoever was elected.
fn leads(group: &mut Group<'_>, quorum: &Bully, wanted: usize) -> anyhow::Result<()> {
    std::thread::sleep(quorum.settles_in());
    let all: Vec<usize> = (0..group.arena.nodes()).collect();
    let leader = group.leader(&all)?.context("the nodes do not agree")?;
    if leader == wanted {
        return Ok(());
    }
    let asking = quorum.transfer(group.arena, leader, wanted)?;
    let outcome = group.agreed(&all, Some(leader), LIMIT)?;
    drop(asking);
    let successor = outcome.map(|(successor, _)| successor);
    ensure!(successor == Some(wanted), "node {wanted} does not lead: {successor:?}");
    Ok(())
}
