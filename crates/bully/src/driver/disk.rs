//! The node's record on its way to the disk, beside the event loop: a disk that stalls holds up
//! nothing but what waits for it.

use std::io;
use std::sync::Arc;

use bully_core::PersistId;
use bully_core::quorum::Stored;
use tokio::task::JoinHandle;

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
}

#[derive(Debug)]
struct Writing {
    id: PersistId,
    task: JoinHandle<io::Result<()>>,
}

impl Disk {
    pub(super) fn new(store: Store) -> Self {
        Self { store: Arc::new(store), writing: None, complaint: None }
    }

    /// Begins a write. The node asks for one at a time.
    pub(super) fn write(&mut self, id: PersistId, state: Box<Stored>) {
        debug_assert!(self.writing.is_none(), "one write at a time");
        let store = Arc::clone(&self.store);
        let task = tokio::task::spawn_blocking(move || store.write(&state));
        self.writing = Some(Writing { id, task });
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

/// Waits for the write that is under way; for ever where there is none. Loses nothing when it is
/// dropped before it is ready.
pub(super) async fn written(disk: &mut Option<Disk>) -> Input {
    let Some(disk) = disk else { return std::future::pending().await };
    let Some(writing) = &mut disk.writing else { return std::future::pending().await };
    let id = writing.id;
    // A panic of the writer is a write that did not succeed.
    let result = (&mut writing.task).await.unwrap_or_else(|panic| Err(io::Error::other(panic)));
    disk.writing = None;
    if disk.ended(result) { Input::Persisted(id) } else { Input::PersistFailed(id) }
}
