//! The stream of frames, sealed in records: a length of four bytes, big-endian, and that many bytes,
//! of which the last 16 prove the others.

use std::fmt;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use snow::StatelessTransportState;
use tokio_util::codec::Decoder;

use crate::wire::{FrameDecoder, FrameError};

/// The most of the stream that is in one record. A record is opened whole: this is what the other end
/// can make a node hold besides a frame.
const PLAIN_MAX: usize = 16 * 1024;

/// What proves a record.
const TAG_LEN: usize = 16;

/// The largest record, without its length.
const RECORD_MAX: usize = PLAIN_MAX + TAG_LEN;

/// Seals what one end writes.
pub(crate) struct Sealer {
    transport: Arc<StatelessTransportState>,
    /// The number of the next record. Those of an hour of the fastest line are less than 2^40.
    next: u64,
}

impl Sealer {
    pub(super) fn new(transport: Arc<StatelessTransportState>) -> Self {
        Self { transport, next: 0 }
    }

    /// Append the records that hold `plain`. They must be sent, in the order in which they were made.
    pub(crate) fn seal(&mut self, plain: &[u8], sealed: &mut Vec<u8>) {
        for part in plain.chunks(PLAIN_MAX) {
            let len = part.len() + TAG_LEN;
            let announced = u32::try_from(len).expect("a record is short");
            sealed.extend_from_slice(&announced.to_be_bytes());
            let start = sealed.len();
            sealed.resize(start + len, 0);
            let written = self.transport.write_message(self.next, part, &mut sealed[start..]);
            // What was not sealed must not be sent.
            written.expect("a record fits, and numbers do not run out");
            self.next += 1;
        }
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealer").field("next", &self.next).finish_non_exhaustive()
    }
}

/// Opens what the other end has sealed.
pub(crate) struct Opener {
    transport: Arc<StatelessTransportState>,
    /// The number of the next record: no other is opened.
    next: u64,
    /// What is open, and no whole frame yet.
    plain: BytesMut,
}

impl Opener {
    pub(super) fn new(transport: Arc<StatelessTransportState>) -> Self {
        Self { transport, next: 0, plain: BytesMut::new() }
    }

    fn open(&mut self, record: &[u8]) -> Result<(), FrameError> {
        let start = self.plain.len();
        let len = record.len().checked_sub(TAG_LEN).ok_or(FrameError::Forged)?;
        self.plain.resize(start + len, 0);
        let opened = self.transport.read_message(self.next, record, &mut self.plain[start..]);
        opened.map_err(|_| FrameError::Forged)?;
        self.next += 1;
        Ok(())
    }
}

impl fmt::Debug for Opener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opener").field("next", &self.next).finish_non_exhaustive()
    }
}

/// Cuts what comes over a connection into frames, opening it first where it is sealed.
#[derive(Debug)]
pub(crate) struct Deframer {
    frames: FrameDecoder,
    sealed: Option<Opener>,
}

impl Deframer {
    /// Of frames that are at most so long.
    pub(crate) fn new(max: usize, sealed: Option<Opener>) -> Self {
        Self { frames: FrameDecoder { max }, sealed }
    }

    /// From here on they may be so long.
    pub(crate) fn allow(&mut self, max: usize) {
        self.frames.max = max;
    }
}

impl Decoder for Deframer {
    type Item = Bytes;
    type Error = FrameError;

    fn decode(&mut self, src: &mut BytesMut) -> Result<Option<Bytes>, FrameError> {
        let Some(opener) = &mut self.sealed else {
            return self.frames.decode(src);
        };
        loop {
            if let Some(frame) = self.frames.decode(&mut opener.plain)? {
                return Ok(Some(frame));
            }
            match (FrameDecoder { max: RECORD_MAX }).decode(src)? {
                Some(record) => opener.open(&record)?,
                None => return Ok(None),
            }
        }
    }

    fn decode_eof(&mut self, src: &mut BytesMut) -> Result<Option<Bytes>, FrameError> {
        match self.decode(src)? {
            None if src.is_empty() && self.sealed.as_ref().is_none_or(|o| o.plain.is_empty()) => {
                Ok(None)
            }
            None => Err(FrameError::Cut),
            frame => Ok(frame),
        }
    }
}
