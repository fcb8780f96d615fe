//! The node's record on its way to the disk, beside the event loop: a disk that stalls holds up
//! nothing but what waits for it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bully_core::PersistId;
use bully_core::quorum::Stored;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

use crate::journal::NOTICE;
use crate::node::Input;
use crate::store::Store;

/// The disk of one node.
#[derive(Debug)]
pub(super) struct Disk {
    store: Arc<Store>,
    /// The one write that is under way.
    writing: Option<Writing>,
    /// Why the last write failed, if it did: said once.
    complaint: Option<String>,
    /// A write that takes longer is spoken of.
    patience: Duration,
}

#[derive(Debug)]
struct Writing {
    id: PersistId,
    task: JoinHandle<io::Result<()>>,
    /// When it is to be spoken of; none once that is done.
    late_at: Option<Instant>,
}

/// What there is to say of a write.
#[expect(clippy::large_enum_variant, reason = "nearly all have ended")]
pub(super) enum Written {
    /// It has ended.
    Ended(Input),
    /// It has not, for so long that an operator should know.
    Late,
}

impl Disk {
    pub(super) fn new(store: Store, patience: Duration) -> Self {
        Self { store: Arc::new(store), writing: None, complaint: None, patience }
    }

    /// Whether a write has not ended for longer than it may take.
    pub(super) fn hangs(&self) -> bool {
        self.writing.as_ref().is_some_and(|writing| writing.late_at.is_none())
    }

    /// Begins a write. The node asks for one at a time.
    pub(super) fn write(&mut self, id: PersistId, state: Box<Stored>) {
        debug_assert!(self.writing.is_none(), "one write at a time");
        let store = Arc::clone(&self.store);
        let task = tokio::task::spawn_blocking(move || store.write(&state));
        let late_at = Some(Instant::now() + self.patience);
        self.writing = Some(Writing { id, task, late_at });
    }

    fn ended(&mut self, result: io::Result<()>) -> bool {
        let complaint = result.err().map(|error| error.to_string());
        if let Some(why) = &complaint
            && self.complaint != complaint
        {
            let path = self.store.path().display();
            tracing::warn!(target: NOTICE, "{path} cannot be written: {why}");
        }
        self.complaint = complaint;
        self.complaint.is_none()
    }
}

/// Waits for the write that is under way, or until it is late; for ever where there is none. Loses
/// nothing when it is dropped before it is ready.
pub(super) async fn written(disk: &mut Option<Disk>) -> Written {
    let Some(disk) = disk else { return std::future::pending().await };
    let Some(writing) = &mut disk.writing else { return std::future::pending().await };
    let id = writing.id;
    let late = async {
        match writing.late_at {
            Some(late_at) => sleep_until(late_at).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        biased;
        result = &mut writing.task => {
            let was_late = writing.late_at.is_none();
            disk.writing = None;
            if was_late {
                let path = disk.store.path().display();
                tracing::warn!(target: NOTICE, "{path}: the disk answers again");
            }
            // A panic of the writer is a write that did not succeed.
            let result = result.unwrap_or_else(|panic| Err(io::Error::other(panic)));
            let is_written = disk.ended(result);
            Written::Ended(if is_written { Input::Persisted(id) } else { Input::PersistFailed(id) })
        }
        () = late => {
            writing.late_at = None;
            let (path, patience) = (disk.store.path().display(), disk.patience);
            tracing::warn!(
                target: NOTICE,
                "{path} has not been written for {patience:?}: the disk hangs, and until it answers \
                 this node neither votes nor promises"
            );
            Written::Late
        }
    }
}
