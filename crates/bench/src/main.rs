//! bully and other systems side by side: the same hosts, the same faults, one observer.
//!
//! `make bench` measures a few trials of every figure, `make bench-all` all of them. Hosts are
//! network namespaces of this machine; nothing is sent elsewhere.

#![allow(unreachable_pub, reason = "a program: `pub` says what other modules use")]

mod arena;
mod claims;
mod clock;
mod embedded;
mod fault;
mod figure;
mod floor;
mod goals;
mod group;
mod observe;
mod plan;
mod proc;
mod report;
mod stamps;
mod system;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::{Parser, Subcommand};

use crate::plan::Plan;
use crate::report::Report;

/// A run of a few trials begins nothing after this, nor waits for a leader; the longest thing that
/// has been begun takes less than a minute, so that all of bully mode ends within five.
const FEW_END: Duration = Duration::from_secs(235);

#[derive(Parser)]
#[command(about = "bully and other systems side by side")]
struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Measure, and print the table.
    Run {
        /// All trials, which takes hours; otherwise a few, within ten minutes.
        #[arg(long)]
        all: bool,
        /// Only figures whose names begin so (failover, start, idle, /leader, busy, quorum).
        #[arg(long)]
        only: Vec<String>,
        /// At most so many trials of a figure.
        #[arg(long, default_value_t = usize::MAX, hide_default_value = true)]
        trials: usize,
        /// bully alone.
        #[arg(long)]
        alone: bool,
        /// The binary of the 2013 program, to be measured beside it.
        #[arg(long, env = "BULLY_BENCH_GO")]
        go: Option<PathBuf>,
        /// The binary to be measured, if not the one built with this program.
        #[arg(long)]
        bully: Option<PathBuf>,
        /// Where every trial is written, a line of JSON each; by default a file in target/bench.
        #[arg(long)]
        out: Option<PathBuf>,
    },
    /// Print the table of earlier runs.
    Table {
        /// Their files of trials.
        #[arg(required = true)]
        trials: Vec<PathBuf>,
    },
    #[command(hide = true)]
    Observe { targets: String },
    #[command(hide = true)]
    Floor { words: Vec<String> },
    #[command(hide = true)]
    Echo { name: String },
    #[command(hide = true)]
    Embedded { nodes: usize, seconds: u64 },
    #[command(hide = true)]
    EtcdCampaign { server: SocketAddr, node: usize },
    #[command(hide = true)]
    RedisLock { server: SocketAddr, name: String, ttl_ms: u64 },
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().what {
        What::Run { all, only, trials, alone, go, bully, out } => {
            let ends = (!all).then(|| Instant::now() + FEW_END);
            let (is_whole, trials_max, has_rivals) = (all, trials, !alone);
            let plan = Plan { is_whole, trials_max, ends, has_rivals, only, bully, go };
            let out = out.unwrap_or_else(|| {
                // A few trials shall not replace those of hours.
                let name = if all { "all-trials.jsonl" } else { "trials.jsonl" };
                PathBuf::from("target/bench").join(name)
            });
            let mut report = Report::new(&out)?;
            figure::run(&plan, &mut report);
            report.print();
            Ok(())
        }
        What::Table { trials } => {
            Report::read(&trials)?.print();
            Ok(())
        }
        What::Observe { targets } => observe::run(&targets),
        What::Floor { words } => floor::run(&words),
        What::Echo { name } => system::echo(&name),
        What::Embedded { nodes, seconds } => embedded::run(nodes, seconds),
        What::EtcdCampaign { server, node } => system::campaign(server, node),
        What::RedisLock { server, name, ttl_ms } => {
            system::lock(server, &name, Duration::from_millis(ttl_ms))
        }
    }
}
