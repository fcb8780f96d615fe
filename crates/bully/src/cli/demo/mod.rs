//! `bully demo`: an election on this machine, to be looked at.

mod group;

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, BufReader};

use self::group::Group;
pub(super) use self::group::PARENT;
use super::exit::Exit;
use super::run::{block_on, say};

/// Far above what anything here takes.
const PATIENCE: Duration = Duration::from_secs(10);

/// Shows three nodes that elect, lose their leader and elect again; then ends, if `once`, or
/// takes keys.
pub fn demo(once: bool) -> Exit {
    let outcome = block_on(async {
        tokio::select! {
            outcome = show(once) => outcome,
            _ = tokio::signal::ctrl_c() => Ok(()),
        }
    });
    match outcome.and_then(|outcome| outcome) {
        Ok(()) => Exit::Done,
        Err(error) => {
            say(&format!("bully demo: {error:#}"));
            Exit::Error
        }
    }
}

async fn show(once: bool) -> anyhow::Result<()> {
    let mut group = Group::start()?;
    print(&format!("Three nodes on this machine:\n{}", table(&group)));
    let (leader, _) = group.agreement(PATIENCE).await?;
    print(&format!("{} leads.\n", group.name(leader)));
    kill(&mut group).await?;
    bring_back(&mut group).await?;
    if once {
        return Ok(());
    }
    print(&hints(&group));
    keys(&mut group).await
}

fn table(group: &Group) -> String {
    let mut text = String::new();
    for node in group.nodes() {
        let _ = writeln!(text, "  {}  http://{}  pid {}", node.name, node.http, node.pid());
    }
    text
}

async fn kill(group: &mut Group) -> anyhow::Result<()> {
    let Some(leader) = group.leader() else {
        print("Nobody leads.\n");
        return Ok(());
    };
    let name = group.name(leader);
    let killed = group.kill(leader).await?;
    print(&format!("Killed {name} (kill -9).\n"));
    if group.live() == 0 {
        print("No node is left.\n");
        return Ok(());
    }
    let (successor, at) = group.agreement(PATIENCE).await?;
    let took = at.saturating_duration_since(killed);
    print(&format!(
        "{} leads: the others agreed {:.1} ms after the kill.\n",
        group.name(successor),
        took.as_secs_f64() * 1e3
    ));
    Ok(())
}

async fn bring_back(group: &mut Group) -> anyhow::Result<()> {
    let back = group.revive()?;
    if back.is_empty() {
        print("All nodes are up.\n");
        return Ok(());
    }
    let (leader, _) = group.agreement(PATIENCE).await?;
    for node in back {
        let verdict = if node == leader { "leads" } else { "follows" };
        print(&format!("{} is back and {verdict}.\n", group.name(node)));
    }
    print(&format!("{} leads.\n", group.name(leader)));
    Ok(())
}

fn hints(group: &Group) -> String {
    let mut text = String::from("\nTry in another terminal:\n");
    for node in group.nodes() {
        let _ = writeln!(text, "  curl http://{}/leader", node.http);
    }
    if let Some(node) = group.nodes().first() {
        let _ = writeln!(text, "  curl http://{}/v1/members", node.http);
        let _ = writeln!(text, "  bully history -http={}", node.http);
    }
    text.push_str(
        "\nKeys, each with Enter: k kills the leader, f freezes it, t thaws it, b brings the dead \
         back, s shows the nodes, q quits.\n",
    );
    text
}

async fn keys(group: &mut Group) -> anyhow::Result<()> {
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    loop {
        let line = tokio::select! {
            line = lines.next_line() => line?,
            heard = group.listen() => {
                if let Err(ended) = heard {
                    print(&format!("{ended}\n"));
                }
                continue;
            }
        };
        match line.as_deref().map(str::trim) {
            Some("k") => kill(group).await?,
            Some("f") => freeze(group).await?,
            Some("t") => thaw(group).await?,
            Some("b") => bring_back(group).await?,
            Some("s") => print(&status(group)),
            Some("") => {}
            Some("q") => return Ok(()),
            Some(other) => print(&format!("{other:?} is no key: k, f, t, b, s or q\n")),
            // Nobody types: stay up until a signal comes.
            None => std::future::pending().await,
        }
    }
}

async fn freeze(group: &mut Group) -> anyhow::Result<()> {
    let Some(leader) = group.leader() else {
        print("Nobody leads.\n");
        return Ok(());
    };
    let frozen = group.freeze(leader)?;
    print(&format!("Froze {} (kill -STOP).\n", group.name(leader)));
    if group.live() == 0 {
        print("No other node is left.\n");
        return Ok(());
    }
    let (successor, at) = group.agreement(PATIENCE).await?;
    let took = at.saturating_duration_since(frozen).as_secs_f64() * 1e3;
    print(&format!("{} leads: the others agreed {took:.0} ms later.\n", group.name(successor)));
    Ok(())
}

async fn thaw(group: &mut Group) -> anyhow::Result<()> {
    if group.thaw()? == 0 {
        print("No node is frozen.\n");
        return Ok(());
    }
    let (leader, _) = group.agreement(PATIENCE).await?;
    print(&format!("Thawed. {} leads.\n", group.name(leader)));
    Ok(())
}

fn status(group: &Group) -> String {
    let mut text = String::new();
    for (index, node) in group.nodes().iter().enumerate() {
        let part = if Some(index) == group.leader() { "leads" } else { node.state() };
        let _ = writeln!(text, "  {}  http://{}  pid {}  {part}", node.name, node.http, node.pid());
    }
    text
}

/// A reader that has had enough is no reason to stop.
fn print(text: &str) {
    let mut out = io::stdout();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
