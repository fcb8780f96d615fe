//! The bytes of a record: a header that shows whether what follows is what was written, then
//! protobuf.
//!
//! | bytes | |
//! |---|---|
//! | 8 | magic |
//! | 4 | version of the format |
//! | 4 | length of what follows the header |
//! | 4 | CRC-32 of the two numbers above and of what follows the header |
//!
//! Numbers are big-endian. The header has this shape in every version, so that a damaged file is
//! told from one of a later version. Decoding is a total function of hostile bytes.

use bully_core::quorum::Stored;
use prost::Message as _;
use thiserror::Error;

use super::{decode, encode, schema};

/// The version of the format that this program writes.
pub(super) const FORMAT: u32 = 1;

/// No record is longer: with as many members and founders as there can be, all with the longest
/// names, it has about 30 KiB.
pub(super) const LEN_MAX: usize = 1024 * 1024;

/// No text begins with this: the first byte is neither ASCII nor the beginning of a letter in
/// UTF-8, and the fifth is zero.
const MAGIC: [u8; 8] = [0xb0, b'u', b'l', b'y', 0, b'd', b's', b'k'];

/// A file holds no record of this node that this program can read.
#[derive(Debug, PartialEq, Error)]
pub(super) enum Unreadable {
    #[error("it is empty")]
    Empty,
    #[error("it does not begin as a record does")]
    Foreign,
    #[error("it is cut off")]
    Cut,
    #[error("something follows its end")]
    TooLong,
    #[error("it is longer than a record can be")]
    TooLarge,
    #[error("it is no regular file")]
    NoFile,
    #[error("its checksum is wrong")]
    Checksum,
    #[error("there is no format {0}")]
    Format(u32),
    #[error("it is of format {0}, and this program knows formats up to {FORMAT}")]
    Newer(u32),
    #[error("it is of cluster {0:?}")]
    OtherCluster(String),
    #[error("it is malformed: {0}")]
    Malformed(#[from] prost::DecodeError),
    #[error("it lacks {0}")]
    Missing(&'static str),
    #[error("{field} is {value}, expected {least} to {most}")]
    Bounds { field: &'static str, value: u64, least: u64, most: u64 },
    #[error("{count} {what}, expected {least} to {most}")]
    Count { what: &'static str, count: usize, least: usize, most: usize },
    #[error("{0}")]
    Unsound(&'static str),
}

/// The file for a record.
pub(super) fn to_bytes(cluster: &str, state: &Stored) -> Vec<u8> {
    let payload = encode::record(cluster, state).encode_to_vec();
    seal(FORMAT, &payload)
}

/// A payload with its header.
pub(super) fn seal(format: u32, payload: &[u8]) -> Vec<u8> {
    // Far longer ones are refused when they are read back.
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    let checksum = checksum(format, length, payload);
    let numbers = [format, length, checksum].map(u32::to_be_bytes);
    [&MAGIC, numbers.as_flattened(), payload].concat()
}

/// What the bytes of a file say.
///
/// # Errors
/// What is wrong with them.
pub(super) fn from_bytes(bytes: &[u8], cluster: &str) -> Result<Stored, Unreadable> {
    if bytes.len() > LEN_MAX {
        return Err(Unreadable::TooLarge);
    }
    let record = schema::Record::decode(open(bytes)?)?;
    decode::stored(record, cluster)
}

/// The payload, if all of it is as it was written.
pub(super) fn open(bytes: &[u8]) -> Result<&[u8], Unreadable> {
    if bytes.is_empty() {
        return Err(Unreadable::Empty);
    }
    let (magic, rest) = bytes.split_at(MAGIC.len().min(bytes.len()));
    if !MAGIC.starts_with(magic) {
        return Err(Unreadable::Foreign);
    }
    let (format, rest) = number(rest)?;
    let (length, rest) = number(rest)?;
    let (sum, payload) = number(rest)?;
    match payload.len().cmp(&usize::try_from(length).unwrap_or(usize::MAX)) {
        std::cmp::Ordering::Less => return Err(Unreadable::Cut),
        std::cmp::Ordering::Greater => return Err(Unreadable::TooLong),
        std::cmp::Ordering::Equal => {}
    }
    if sum != checksum(format, length, payload) {
        return Err(Unreadable::Checksum);
    }
    match format {
        FORMAT => Ok(payload),
        0 => Err(Unreadable::Format(format)),
        newer => Err(Unreadable::Newer(newer)),
    }
}

fn number(bytes: &[u8]) -> Result<(u32, &[u8]), Unreadable> {
    let (number, rest) = bytes.split_first_chunk().ok_or(Unreadable::Cut)?;
    Ok((u32::from_be_bytes(*number), rest))
}

fn checksum(format: u32, length: u32, payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&format.to_be_bytes());
    hasher.update(&length.to_be_bytes());
    hasher.update(payload);
    hasher.finalize()
}
