//! The wire between nodes: what bytes mean, without sockets.
//!
//! A connection begins with a [`Preamble`] in each direction; then come frames ([`FrameDecoder`]),
//! each of which holds one [`Packet`] in protobuf. Decoding is a total function of hostile bytes:
//! it returns what the bytes say or a sentence about what is wrong, and never panics. Fields and
//! messages of later versions are skipped, so that versions mix during an upgrade.
//!
//! Each mode has its own messages, but for Hello and its refusal: those of one mode are read in the
//! words of the other, so that nodes of different modes refuse each other with a reason.

pub(crate) mod decode;
pub(crate) mod encode;
mod frame;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod preamble;
pub(crate) mod schema;
#[cfg(test)]
mod tests;

use std::time::Duration;

use bully_core::{Address, Config, Inst, quorum};

pub(crate) use decode::{DecodeError, decode};
pub(crate) use encode::{frame, frame_message};
pub(crate) use frame::{FrameDecoder, FrameError};
pub(crate) use preamble::{PREAMBLE_LEN, Preamble, PreambleError, Security};

/// The largest frame from an accepted connection that the node has not yet accepted as a member.
///
/// Its one frame is a Hello, which in bully mode lists the members that its sender knows: 1,024
/// members with IP addresses take about 50 KiB. A Hello that would be longer, which takes hundreds of
/// members with long host names, is cut to the members that fit: the rest is in the HelloAck and in
/// the leader's list, whose receivers allow [`FRAME_MAX_MEMBER`]. In quorum mode it is whole: the
/// largest roster, with the longest host names, takes about 10 KiB. So all strangers together, at
/// most 1,024, can make the node hold 64 MiB.
pub(crate) const FRAME_MAX_STRANGER: usize = 64 * 1024;

/// The largest frame from a member: a list of [`Config::MEMBERS_MAX`] members with the longest
/// host names takes about 330 KiB, and later versions may add fields.
pub(crate) const FRAME_MAX_MEMBER: usize = 512 * 1024;

/// The most nodes that a BeatAck may say it has met.
const MET_MAX: usize = Config::MEMBERS_MAX;

/// The longest name of a cluster, in bytes.
pub(crate) const CLUSTER_MAX: usize = 64;

/// The longest host name of the DNS, in bytes.
const HOST_MAX: usize = 253;

/// The longest reason in words, in bytes.
const REASON_MAX: usize = 200;

/// The longest duration that a message may speak of. What is longer is said as this.
const DURATION_MAX: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// A word of the election, in that of its mode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Message {
    /// Of bully mode.
    Bully(bully_core::Message),
    /// Of quorum mode.
    Quorum(quorum::Message),
}

impl Message {
    /// The name of the message, for logs.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Bully(message) => message.name(),
            Self::Quorum(message) => message.name(),
        }
    }

    /// Whether an accepted connection may begin with it: a Hello, or a guardian's only word.
    pub(crate) fn is_first_word(&self) -> bool {
        matches!(
            self,
            Self::Bully(bully_core::Message::Hello(_))
                | Self::Quorum(quorum::Message::Hello(_) | quorum::Message::Farewell(_))
        )
    }

    /// Whom its sender says that it is, where it introduces itself.
    pub(crate) fn speaker(&self) -> Option<&Address> {
        match self {
            Self::Bully(
                bully_core::Message::Hello(hello) | bully_core::Message::HelloAck(hello),
            ) => Some(&hello.member.id),
            Self::Quorum(quorum::Message::Hello(hello) | quorum::Message::HelloAck(hello)) => {
                Some(&hello.member.id)
            }
            _ => None,
        }
    }

    /// Whether its sender has accepted the other end.
    pub(crate) fn is_hello_ack(&self) -> bool {
        matches!(
            self,
            Self::Bully(bully_core::Message::HelloAck(_))
                | Self::Quorum(quorum::Message::HelloAck(_))
        )
    }
}

impl From<bully_core::Message> for Message {
    fn from(message: bully_core::Message) -> Self {
        Self::Bully(message)
    }
}

impl From<quorum::Message> for Message {
    fn from(message: quorum::Message) -> Self {
        Self::Quorum(message)
    }
}

/// What a frame holds.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "nearly all packets are messages")]
pub(crate) enum Packet {
    /// A word of the election.
    Message(Message),
    /// A node that looks for itself among the listed addresses: is this you?
    Identify(Inst),
    /// The answer.
    Identified {
        /// The asker has reached itself.
        same: bool,
    },
}

/// The beginning of a text, at most `max` bytes long.
fn clip(text: &str, max: usize) -> &str {
    let mut end = max.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}
