//! What must hold of any bytes from a peer.

use bully_core::Mode;
use bytes::BytesMut;
use tokio_util::codec::Decoder;

use super::frame::PREFIX_LEN;
use super::{
    FRAME_MAX_MEMBER, FRAME_MAX_STRANGER, FrameDecoder, Message, Packet, Preamble, Security,
    decode, frame,
};
use crate::fuzzing::assert_one_line;

/// The payload of a frame: what is understood can be said again, and is then understood alike.
pub(crate) fn packet(data: &[u8], mode: Mode) {
    match decode(data, mode) {
        Ok(Some(packet)) => {
            let (read, is_whole) = carried(&packet, mode);
            assert!(!is_whole || read == packet, "{packet:?} is read as {read:?}");
        }
        Ok(None) => {}
        Err(error) => assert_one_line(&error.to_string()),
    }
}

/// A peer understands what this node sends, if not to the nanosecond. With what it reads comes
/// whether that is all that there was: a Hello that fills a stranger's frame is cut.
pub(crate) fn carried(packet: &Packet, mode: Mode) -> (Packet, bool) {
    let sent = frame(packet);
    let payload = &sent[PREFIX_LEN..];
    assert!(payload.len() <= FRAME_MAX_MEMBER, "a frame of {} bytes", payload.len());
    let read = match decode(payload, mode) {
        Ok(Some(read)) => read,
        other => panic!("{packet:?} is read as {other:?}"),
    };
    assert_eq!(frame(&read), sent, "{packet:?} is said in two ways");
    (read, payload.len() < FRAME_MAX_STRANGER - 1_024)
}

/// The first message in a payload, for who feeds it to a node.
pub(crate) fn message(payload: &[u8], mode: Mode) -> Option<Message> {
    match decode(payload, mode) {
        Ok(Some(Packet::Message(message))) => Some(message),
        _ => None,
    }
}

/// A stream, in the pieces in which a network may deliver it: the frames are those of the whole, none
/// is longer than allowed, and an announced length reserves no memory. The first byte says what is
/// allowed, the second how the stream is cut.
pub(crate) fn frames(data: &[u8]) {
    let [bound, cut, stream @ ..] = data else { return };
    let max = match bound {
        0..64 => usize::from(*bound),
        64..160 => FRAME_MAX_STRANGER,
        _ => FRAME_MAX_MEMBER,
    };
    let whole = read(&[stream], max);
    let mut pieces = Vec::new();
    let (mut rest, mut step) = (stream, *cut);
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(usize::from(step % 29).clamp(1, rest.len()));
        pieces.push(piece);
        (rest, step) = (after, step.wrapping_mul(5).wrapping_add(*cut | 1));
    }
    assert_eq!(read(&pieces, max), whole);
}

/// The frames of a stream, and what ended it, if not its end.
fn read(pieces: &[&[u8]], max: usize) -> (Vec<Vec<u8>>, Option<String>) {
    let (mut decoder, mut buffer) = (FrameDecoder { max }, BytesMut::new());
    let (mut frames, mut taken, mut fed) = (Vec::new(), 0, 0);
    for piece in pieces {
        buffer.extend_from_slice(piece);
        fed += piece.len();
        loop {
            match decoder.decode(&mut buffer) {
                Ok(Some(frame)) => {
                    assert!(frame.len() <= max, "{} of {max} bytes", frame.len());
                    taken += PREFIX_LEN + frame.len();
                    frames.push(frame.to_vec());
                }
                Ok(None) => break,
                Err(error) => return (frames, Some(error.to_string())),
            }
        }
        assert_eq!(taken + buffer.len(), fed, "no byte is lost or made up");
        assert!(buffer.capacity() <= 1_024 + 4 * fed, "{} for {fed}", buffer.capacity());
    }
    let end = decoder.decode_eof(&mut buffer).err().map(|error| error.to_string());
    (frames, end)
}

/// The first bytes of a connection, as many as have come.
pub(crate) fn preamble(data: &[u8]) {
    let Some(start) = data.first_chunk() else { return };
    let magic = Preamble::check_magic(*start);
    if let Err(error) = magic {
        assert_one_line(&error.to_string());
    }
    let Some(all) = data.first_chunk() else { return };
    for ours in [Security::Plain, Security::Noise].map(Preamble::of) {
        match ours.check(*all) {
            Ok(()) => assert_eq!(all[..6], ours.prologue()),
            Err(error) => {
                assert!(magic.is_ok() || magic == Err(error), "its beginning settles it");
                assert_one_line(&error.to_string());
            }
        }
    }
}
