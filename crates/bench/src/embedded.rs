//! Nodes in this process, under an allocator that counts.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use bully::Elector;

/// Far above what agreement takes.
const LIMIT: Duration = Duration::from_secs(20);

/// Heartbeats a second, at default timing.
const BEATS: f64 = 10.0;

/// Prints how often a node allocates per heartbeat, on average over leader and followers.
///
/// # Errors
/// If the nodes do not agree.
#[allow(clippy::cast_precision_loss, reason = "a table shows three digits")]
pub fn run(count: usize, seconds: u64) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let nodes = runtime.block_on(group(count))?;
    let time = Duration::from_secs(seconds);
    // Of this thread, on which all nodes run.
    let counted =
        allocation_counter::measure(|| runtime.block_on(async { tokio::time::sleep(time).await }));
    let beats = time.as_secs_f64() * BEATS * count as f64;
    println!("{}", counted.count_total as f64 / beats);
    drop(nodes);
    Ok(())
}

async fn group(count: usize) -> anyhow::Result<Vec<Elector>> {
    let bind = || TcpListener::bind("127.0.0.1:0").context("a port of loopback");
    let listeners: Vec<TcpListener> = (0..count).map(|_| bind()).collect::<Result<_, _>>()?;
    let addresses = listeners.iter().map(|l| Ok(l.local_addr()?.to_string()));
    let addresses: Vec<String> = addresses.collect::<anyhow::Result<_>>()?;
    let mut nodes = Vec::new();
    for listener in listeners {
        let builder = Elector::builder().nodes(addresses.clone()).listener(listener);
        nodes.push(builder.start().await?);
    }
    let leader = |node: &Elector| node.sample().leader.map(|leader| leader.node);
    let begun = Instant::now();
    while leader(&nodes[0]).is_none() || nodes.iter().any(|n| leader(n) != leader(&nodes[0])) {
        ensure!(begun.elapsed() < LIMIT, "{count} nodes do not agree");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // The exchange of lists is over by then.
    tokio::time::sleep(Duration::from_secs(1)).await;
    Ok(nodes)
}
