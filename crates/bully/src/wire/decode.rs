//! From bytes to the core's words: everything is checked, nothing is believed.

mod bully;
pub(crate) mod check;
pub(crate) mod quorum;

use bully_core::Mode;
use prost::Message as _;

pub(crate) use check::DecodeError;

use super::schema::{Envelope, Kind};
use super::{Message, Packet};

/// What the bytes of a frame say to a node of this mode; none for a kind of message that this
/// version does not know, or that its mode does not speak.
///
/// A Hello and its refusal are understood whatever the mode of who sent them, as far as it takes to
/// refuse each other with a reason.
///
/// # Errors
/// What is wrong with them, and what was expected.
pub(crate) fn decode(bytes: &[u8], mode: Mode) -> Result<Option<Packet>, DecodeError> {
    let message = match (Envelope::decode(bytes)?.kind, mode) {
        (None, _) => None,
        (Some(Kind::Identify(m)), _) => return Ok(Some(Packet::Identify(check::inst(&m.inst)?))),
        (Some(Kind::Identified(m)), _) => return Ok(Some(Packet::Identified { same: m.same })),
        (Some(kind), Mode::Quorum) => quorum::message(kind)?.map(Message::Quorum),
        (Some(kind), _) => bully::message(kind)?.map(Message::Bully),
    };
    Ok(message.map(Packet::Message))
}
