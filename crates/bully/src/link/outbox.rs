//! What is to be written to one connection. The owner writes it at once where the socket takes it:
//! a heartbeat then wakes no task on its way out. What the socket does not take waits for the
//! connection's task.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Buf, Bytes};
use tokio::net::tcp::OwnedWriteHalf;
use tokio::sync::Notify;

use crate::noise::Sealer;

/// At most so many frames go into one write.
const FRAMES_PER_WRITE: usize = 32;

/// What the socket has not taken yet.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    state: Mutex<State>,
    /// Something waits, or nothing more will come.
    stirred: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// None until the connection's task runs, and after it has ended.
    writer: Option<Arc<OwnedWriteHalf>>,
    /// What seals frames, in the order in which they are written.
    sealer: Option<Sealer>,
    /// The last frame, sealed: its memory serves the next one.
    scratch: Vec<u8>,
    waiting: VecDeque<Bytes>,
    /// How many bytes wait.
    bytes: usize,
    /// Nothing more is taken.
    shut: bool,
}

impl State {
    /// Write a frame as the other end is to read it, or keep it.
    fn put(&mut self, frame: &[u8], frames_max: usize, bytes_max: usize) -> Put {
        let writer = self.writer.as_ref().filter(|_| self.waiting.is_empty());
        // An error comes again when the task writes, and ends it.
        let count = writer.and_then(|writer| writer.try_write(frame).ok()).unwrap_or(0);
        let rest = &frame[count..];
        if rest.is_empty() {
            return Put::Written;
        }
        self.shut = self.waiting.len() >= frames_max || self.bytes + rest.len() > bytes_max;
        if self.shut {
            return Put::Refused;
        }
        self.bytes += rest.len();
        self.waiting.push_back(Bytes::copy_from_slice(rest));
        Put::Kept
    }

    /// So many bytes are written, from the front.
    fn written(&mut self, mut count: usize) {
        self.bytes -= count;
        while let Some(frame) = self.waiting.front_mut() {
            if count < frame.len() {
                frame.advance(count);
                return;
            }
            count -= frame.len();
            self.waiting.pop_front();
        }
    }
}

/// What became of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Put {
    Written,
    Kept,
    Refused,
}

impl Outbox {
    /// Frames are sealed by that, if anything.
    pub(super) fn new(sealer: Option<Sealer>) -> Self {
        let state = State { sealer, ..State::default() };
        Self { state: Mutex::new(state), stirred: Notify::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From here on frames may be written at once.
    pub(super) fn open(&self, writer: Arc<OwnedWriteHalf>) {
        self.state().writer = Some(writer);
    }

    /// Write a frame, or keep it. False if that would be too much to keep: the outbox is shut then,
    /// since what follows would not fit what was written.
    pub(super) fn send(&self, frame: &[u8], frames_max: usize, bytes_max: usize) -> bool {
        let mut state = self.state();
        if state.shut {
            return true;
        }
        let mut scratch = std::mem::take(&mut state.scratch);
        let frame = match &mut state.sealer {
            None => frame,
            Some(sealer) => {
                scratch.clear();
                sealer.seal(frame, &mut scratch);
                &scratch
            }
        };
        let put = state.put(frame, frames_max, bytes_max);
        state.scratch = scratch;
        if put == Put::Kept {
            self.stirred.notify_one();
        }
        put != Put::Refused
    }

    /// Take nothing more; what waits is still written.
    pub(super) fn shut(&self) {
        self.state().shut = true;
        self.stirred.notify_one();
    }

    /// Take nothing more, forget what waits, and let go of the socket.
    pub(super) fn drop_all(&self) {
        *self.state() = State { shut: true, ..State::default() };
    }

    /// Write what waits until nothing more will come.
    pub(super) async fn drain(&self, writer: &OwnedWriteHalf) -> io::Result<()> {
        loop {
            if !self.write_waiting(writer)? {
                writer.writable().await?;
            } else if self.state().shut {
                return Ok(());
            } else {
                self.stirred.notified().await;
            }
        }
    }

    /// Write what the socket takes; says whether that was all.
    fn write_waiting(&self, writer: &OwnedWriteHalf) -> io::Result<bool> {
        let mut state = self.state();
        while !state.waiting.is_empty() {
            let mut slices = [IoSlice::new(&[]); FRAMES_PER_WRITE];
            let frames = slices.iter_mut().zip(&state.waiting);
            let count = frames.map(|(slice, frame)| *slice = IoSlice::new(frame)).count();
            match writer.try_write_vectored(&slices[..count]) {
                Ok(count) => state.written(count),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_goes_from_the_front_and_may_end_within_a_frame() {
        let frames = ["abc", "de", "f"].map(Bytes::from);
        let mut state = State { waiting: frames.into(), bytes: 6, ..State::default() };
        state.written(4);
        assert_eq!((&state.waiting, state.bytes), (&["e", "f"].map(Bytes::from).into(), 2));
        state.written(2);
        assert_eq!((state.waiting.len(), state.bytes), (0, 0));
    }

    #[test]
    fn too_much_shuts_it_and_what_waits_stays_within_the_bounds() {
        let outbox = Outbox::default();
        assert!(outbox.send(b"ab", 2, 3) && !outbox.send(b"cd", 2, 3));
        assert!(outbox.send(b"c", 2, 3), "nobody is told twice");
        assert_eq!(outbox.state().waiting, ["ab"].map(Bytes::from));
        let outbox = Outbox::default();
        assert!(outbox.send(b"a", 2, 9) && outbox.send(b"b", 2, 9) && !outbox.send(b"c", 2, 9));
    }
}
