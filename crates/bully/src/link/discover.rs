//! A node's search for itself among the listed addresses.

use std::sync::Arc;
use std::time::Duration;

use bully_core::{Address, Inst, Mode};
use tokio::io::AsyncWriteExt;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout, timeout_at};

use super::dial::{self, Opened};
use super::{peer, secure};
use crate::noise::Keys;
use crate::wire::{self, Packet};

/// Once an entry has answered, those before it in the list get this much longer: a node reaches
/// itself in far less.
const GRACE: Duration = Duration::from_millis(100);

/// The first of `entries`, in their order, at which this very run (`inst`) answers. The node must
/// be accepting already. Asks all entries side by side, and waits no longer than `limit` for any.
pub(crate) async fn discover(
    entries: &[Address],
    inst: Inst,
    keys: Option<&Arc<Keys>>,
    limit: Duration,
) -> Option<Address> {
    let mut questions = JoinSet::new();
    for (at, entry) in entries.iter().enumerate() {
        let (entry, keys) = (entry.clone(), keys.map(Arc::clone));
        questions.spawn(async move {
            let same = timeout(limit, ask(&entry, inst, keys.as_ref(), limit)).await;
            (at, same.ok().flatten() == Some(true))
        });
    }
    let mut found: Option<usize> = None;
    let mut open: Vec<bool> = vec![true; entries.len()];
    let mut until = Instant::now() + limit;
    // Until no entry before the first one found can still answer.
    while open.iter().take(found.unwrap_or(entries.len())).any(|open| *open) {
        let Ok(Some(answer)) = timeout_at(until, questions.join_next()).await else {
            break;
        };
        let Ok((at, same)) = answer else { continue };
        open[at] = false;
        if same && found.is_none_or(|found| at < found) {
            found = Some(at);
            until = until.min(Instant::now() + GRACE);
        }
    }
    found.and_then(|at| entries.get(at).cloned())
}

/// Whether this run answers at an address; none if nobody says.
async fn ask(
    entry: &Address,
    inst: Inst,
    keys: Option<&Arc<Keys>>,
    limit: Duration,
) -> Option<bool> {
    let Opened { mut stream, session, .. } = dial::open(entry, keys, limit).await.ok()?;
    let question = wire::frame(&Packet::Identify(inst));
    stream.write_all(&secure::sealed(question, session.as_ref())).await.ok()?;
    let (reader, _writer) = stream.into_split();
    // The question and its answer are the same in all modes.
    match peer::next(&mut peer::reader(reader, false, session.as_ref()), Mode::default()).await {
        Ok((Some(Packet::Identified { same }), _)) => Some(same),
        _ => None,
    }
}
