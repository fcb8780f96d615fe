//! What all messages are made of: errors, numbers, names, addresses.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bully_core as core;
use bully_core::quorum::ClusterId;
use bully_core::{Host, Inst, Mode, NUMBER_MAX};
use thiserror::Error;

use super::super::schema::{self, mode, reason};
use super::super::{CLUSTER_MAX, DURATION_MAX, HOST_MAX, REASON_MAX, clip};

/// A frame does not hold what it should.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum DecodeError {
    /// The bytes are no protobuf, or a field is of another type.
    #[error("malformed: {0}")]
    Malformed(#[from] prost::DecodeError),
    /// A field must be there and is not.
    #[error("without {0}")]
    Missing(&'static str),
    /// A number, a length or a count is out of bounds.
    #[error("{field} {value}, expected {expected}")]
    Bounds {
        /// The name of the field.
        field: &'static str,
        /// What it holds.
        value: u64,
        /// What it may hold.
        expected: Expected,
    },
    /// A text cannot be what it should be.
    #[error("{field} {text:?}, expected {expected}")]
    Text {
        /// The name of the field.
        field: &'static str,
        /// The text, or its beginning.
        text: String,
        /// What is expected.
        expected: &'static str,
    },
}

/// What a field may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum Expected {
    /// A number in a range, both ends included.
    #[error("{0} to {1}")]
    Range(u64, u64),
    /// One of a few things.
    #[error("{0}")]
    OneOf(&'static str),
}

pub(crate) fn address(address: schema::Address) -> Result<core::Address, DecodeError> {
    let port = match u16::try_from(address.port) {
        Ok(port) if port != 0 => port,
        _ => {
            return Err(bounds("port", address.port, Expected::Range(1, u64::from(u16::MAX))));
        }
    };
    let host = match (address.ip.as_slice(), address.name) {
        ([], name) => host_name(&name)?,
        (octets, name) if name.is_empty() => Host::from(ip(octets)?),
        (_, name) => return Err(text("host", &name, "a number or a name, not both")),
    };
    Ok(core::Address { host, port })
}

/// A name of labels as the DNS and `/etc/hosts` have them, an underscore allowed, in lower case.
/// A number that is sent as a name is the number: one node must not have two identities.
fn host_name(name: &str) -> Result<Host, DecodeError> {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    };
    let labels = name.strip_suffix('.').unwrap_or(name);
    if name.len() > HOST_MAX || !labels.split('.').all(label) {
        return Err(text("host", name, "an IP address or a host name"));
    }
    Ok(Host::from(name))
}

pub(crate) fn ip(octets: &[u8]) -> Result<IpAddr, DecodeError> {
    if let Ok(v4) = <[u8; 4]>::try_from(octets) {
        return Ok(IpAddr::from(v4));
    }
    match <[u8; 16]>::try_from(octets) {
        Ok(v6) => Ok(IpAddr::from(v6).to_canonical()),
        Err(_) => Err(bounds("ip of length", length(octets), Expected::OneOf("4 or 16"))),
    }
}

pub(crate) fn inst(bytes: &[u8]) -> Result<Inst, DecodeError> {
    sixteen("inst of length", bytes).map(Inst)
}

pub(crate) fn cluster_id(bytes: &[u8]) -> Result<ClusterId, DecodeError> {
    sixteen("cluster_id of length", bytes).map(ClusterId)
}

fn sixteen(field: &'static str, bytes: &[u8]) -> Result<u128, DecodeError> {
    match <[u8; 16]>::try_from(bytes) {
        Ok(bytes) => Ok(u128::from_be_bytes(bytes)),
        Err(_) => Err(bounds(field, length(bytes), Expected::OneOf("16"))),
    }
}

pub(crate) fn mode(number: u64) -> Result<Mode, DecodeError> {
    match number {
        mode::BULLY => Ok(Mode::Bully),
        mode::QUORUM => Ok(Mode::Quorum),
        0 => Err(DecodeError::Missing("mode")),
        other => match u16::try_from(other) {
            Ok(other) => Ok(Mode::Other(other)),
            Err(_) => Err(bounds("mode", other, Expected::Range(1, u64::from(u16::MAX)))),
        },
    }
}

pub(crate) fn cluster(name: &str) -> Result<Arc<str>, DecodeError> {
    if name.is_empty() {
        return Err(DecodeError::Missing("cluster"));
    }
    let expected = "at most 64 bytes without control characters";
    printable("cluster", name, CLUSTER_MAX, expected)
}

/// A reason to refuse a Hello that the receiver's mode has no word of its own for.
pub(crate) fn reason_in_words(nack: &schema::HelloNack) -> Result<Arc<str>, DecodeError> {
    let words = match nack.reason {
        reason::FOREIGN_MODE => "it elects in another mode",
        reason::DUPLICATE_ID => "that address is held by another live node",
        reason::LEAVING => "it is leaving",
        reason::SPLIT_CLUSTERS => "it is of a cluster of this name that was founded apart",
        reason::COPIED => "two live nodes run on copies of one disk",
        reason::ROLLED_BACK => "a later start of this node has been heard",
        unknown if nack.text.is_empty() => return Ok(format!("reason {unknown}").into()),
        _ => {
            let expected = "at most 200 bytes without control characters";
            return printable("reason", &nack.text, REASON_MAX, expected);
        }
    };
    Ok(words.into())
}

/// What a person may come to read: short, and without anything that moves the cursor.
fn printable(
    field: &'static str,
    words: &str,
    max: usize,
    expected: &'static str,
) -> Result<Arc<str>, DecodeError> {
    if words.len() > max || words.contains(char::is_control) {
        return Err(text(field, words, expected));
    }
    Ok(words.into())
}

pub(crate) fn number(field: &'static str, value: u64) -> Result<u64, DecodeError> {
    if value > NUMBER_MAX {
        return Err(bounds(field, value, Expected::Range(0, NUMBER_MAX)));
    }
    Ok(value)
}

pub(crate) fn small(field: &'static str, value: u64, max: u32) -> Result<u32, DecodeError> {
    match u32::try_from(value) {
        Ok(small) if small <= max => Ok(small),
        _ => Err(bounds(field, value, Expected::Range(0, u64::from(max)))),
    }
}

pub(crate) fn duration(field: &'static str, micros: u64) -> Result<Duration, DecodeError> {
    let duration = Duration::from_micros(micros);
    if duration > DURATION_MAX {
        let max = u64::try_from(DURATION_MAX.as_micros()).unwrap_or(u64::MAX);
        return Err(bounds(field, micros, Expected::Range(0, max)));
    }
    Ok(duration)
}

pub(crate) fn count(field: &'static str, len: usize, max: usize) -> Result<(), DecodeError> {
    if len > max {
        let wide = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        return Err(bounds(field, wide(len), Expected::Range(0, wide(max))));
    }
    Ok(())
}

pub(crate) fn need<T>(field: &'static str, value: Option<T>) -> Result<T, DecodeError> {
    value.ok_or(DecodeError::Missing(field))
}

pub(crate) fn bounds(field: &'static str, value: u64, expected: Expected) -> DecodeError {
    DecodeError::Bounds { field, value, expected }
}

fn text(field: &'static str, text: &str, expected: &'static str) -> DecodeError {
    let text = clip(text, REASON_MAX).to_owned();
    DecodeError::Text { field, text, expected }
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}
