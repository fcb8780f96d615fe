//! Frames: a length of four bytes, big-endian, and that many bytes.

use bytes::{Buf, Bytes, BytesMut};
use thiserror::Error;
use tokio_util::codec::Decoder;

/// How long the length is.
pub(super) const PREFIX_LEN: usize = 4;

/// Cuts a stream of bytes into frames. Memory grows with the bytes that have come, never with the
/// length that was announced.
#[derive(Debug)]
pub(crate) struct FrameDecoder {
    /// The largest frame allowed, without its length. May change between frames.
    pub(crate) max: usize,
}

impl Decoder for FrameDecoder {
    type Item = Bytes;
    type Error = FrameError;

    fn decode(&mut self, src: &mut BytesMut) -> Result<Option<Bytes>, FrameError> {
        let Some(prefix) = src.first_chunk::<PREFIX_LEN>() else {
            return Ok(None);
        };
        let announced = u32::from_be_bytes(*prefix);
        let len = usize::try_from(announced).unwrap_or(usize::MAX);
        if len > self.max {
            return Err(FrameError::TooLong { announced, max: self.max });
        }
        if src.len() - PREFIX_LEN < len {
            return Ok(None);
        }
        src.advance(PREFIX_LEN);
        Ok(Some(src.split_to(len).freeze()))
    }

    fn decode_eof(&mut self, src: &mut BytesMut) -> Result<Option<Bytes>, FrameError> {
        match self.decode(src)? {
            None if !src.is_empty() => Err(FrameError::Cut),
            frame => Ok(frame),
        }
    }
}

/// No frame can be read from here on.
#[derive(Debug, Error)]
pub(crate) enum FrameError {
    /// The announced length is not allowed.
    #[error("a frame of {announced} bytes, expected at most {max}")]
    TooLong {
        /// What was announced.
        announced: u32,
        /// What is allowed.
        max: usize,
    },
    /// The stream ended within a frame.
    #[error("the connection ended within a frame")]
    Cut,
    /// What came is not what the other end has sealed, or not in that place.
    #[error("what came was changed, left out, repeated or moved on the way")]
    Forged,
    /// The stream broke.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cut(stream: &[u8], step: usize, max: usize) -> Vec<Result<Bytes, String>> {
        let mut decoder = FrameDecoder { max };
        let mut buffer = BytesMut::new();
        let mut frames = Vec::new();
        for piece in stream.chunks(step) {
            buffer.extend_from_slice(piece);
            loop {
                match decoder.decode(&mut buffer) {
                    Ok(Some(frame)) => frames.push(Ok(frame)),
                    Ok(None) => break,
                    Err(error) => {
                        frames.push(Err(error.to_string()));
                        return frames;
                    }
                }
            }
        }
        if let Err(error) = decoder.decode_eof(&mut buffer) {
            frames.push(Err(error.to_string()));
        }
        frames
    }

    #[test]
    fn a_length_above_the_bound_is_refused_before_a_byte_of_the_frame() {
        let refused = cut(&[0, 0, 0, 9], 1, 8);
        assert_eq!(refused, [Err("a frame of 9 bytes, expected at most 8".to_owned())]);
    }

    #[test]
    fn an_announced_length_reserves_no_memory() {
        let mut buffer = BytesMut::from(&[0, 7, 0, 0, 1][..]);
        let mut decoder = FrameDecoder { max: super::super::FRAME_MAX_MEMBER };
        assert!(decoder.decode(&mut buffer).unwrap().is_none());
        assert!(buffer.capacity() < 1_024, "{}", buffer.capacity());
    }

    #[test]
    fn a_frame_that_ends_early_is_an_error() {
        let refused = cut(&[0, 0, 0, 2, 1], 9, 8);
        assert_eq!(refused, [Err("the connection ended within a frame".to_owned())]);
    }

    proptest! {
        #[test]
        fn a_stream_fed_byte_by_byte_gives_the_frames_of_the_whole(
            frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..6),
            tail in prop::collection::vec(any::<u8>(), 0..6),
        ) {
            let mut stream = Vec::new();
            for frame in &frames {
                stream.extend_from_slice(&u32::try_from(frame.len()).unwrap().to_be_bytes());
                stream.extend_from_slice(frame);
            }
            stream.extend_from_slice(&tail);
            let whole = cut(&stream, usize::MAX, 64);
            prop_assert_eq!(&cut(&stream, 1, 64), &whole);
            prop_assert!(whole.len() >= frames.len());
            for (found, sent) in whole.iter().zip(&frames) {
                prop_assert_eq!(found.as_ref().map(AsRef::as_ref), Ok(sent.as_slice()));
            }
        }
    }
}
