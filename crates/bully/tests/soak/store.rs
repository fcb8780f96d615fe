//! What the writers write to: a store that accepts a write if its token is not smaller than the last.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tempfile::TempDir;

use super::watch::{Nanos, now};

/// A claim to lead, and the write that was made on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Write {
    pub(crate) client: u64,
    pub(crate) token: u64,
    /// Of the question whether the client's node leads, to which it said yes.
    pub(crate) asked: Nanos,
    pub(crate) answered: Nanos,
    /// When the store took it or refused it.
    pub(crate) at: Nanos,
    pub(crate) accepted: bool,
}

impl Write {
    /// What a client sends.
    pub(crate) fn line(client: u64, token: u64, asked: Nanos, answered: Nanos) -> String {
        format!("{client} {token} {asked} {answered}\n")
    }

    fn read(line: &str) -> Option<Self> {
        let numbers: Option<Vec<u64>> = line.split(' ').map(|word| word.parse().ok()).collect();
        let [client, token, asked, answered] = numbers?[..] else { return None };
        Some(Self { client, token, asked, answered, at: 0, accepted: false })
    }
}

#[derive(Debug, Default)]
struct Inner {
    last: u64,
    /// In the order in which they came.
    history: Vec<Write>,
    accepted: usize,
}

impl Inner {
    /// In one step, since the caller has the lock.
    fn take(&mut self, write: Write) -> bool {
        let accepted = write.token >= self.last;
        self.last = self.last.max(write.token);
        self.accepted += usize::from(accepted);
        self.history.push(Write { at: now(), accepted, ..write });
        accepted
    }
}

/// Reached over a unix socket: no fault of the network touches it.
pub(crate) struct Store {
    folder: TempDir,
    inner: Arc<Mutex<Inner>>,
}

impl Store {
    pub(crate) fn open() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let inner = Arc::<Mutex<Inner>>::default();
        let store = Self { folder, inner };
        let listener = UnixListener::bind(store.path()).expect("a socket");
        let inner = Arc::clone(&store.inner);
        // Ends with the process: nothing waits for it.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let inner = Arc::clone(&inner);
                std::thread::spawn(move || serve(stream, &inner));
            }
        });
        store
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("store")
    }

    pub(crate) fn accepted(&self) -> usize {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).accepted
    }

    pub(crate) fn into_history(self) -> Vec<Write> {
        std::mem::take(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner).history)
    }
}

fn serve(stream: UnixStream, inner: &Mutex<Inner>) {
    let Ok(mut answers) = stream.try_clone() else { return };
    for line in BufReader::new(stream).lines().map_while(Result::ok) {
        let Some(write) = Write::read(&line) else { return };
        let accepted = inner.lock().unwrap_or_else(PoisonError::into_inner).take(write);
        if answers.write_all(if accepted { b"y\n" } else { b"n\n" }).is_err() {
            return;
        }
    }
}

/// Keeps a history for who looks for the cause.
pub(crate) fn keep(history: &[Write]) -> PathBuf {
    let path = std::env::temp_dir().join(format!("bully-soak-{}.txt", std::process::id()));
    let mut lines = String::new();
    for write in history {
        let _ = writeln!(lines, "{write:?}");
    }
    let kept = std::fs::write(&path, lines);
    kept.map_or_else(|error| Path::new(&format!("not kept: {error}")).to_owned(), |()| path)
}
