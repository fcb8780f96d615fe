//! What must hold of any bytes on the disk.

use bully_core::quorum::{self, Stored};

use super::record::{self, FORMAT};
use crate::fuzzing::assert_one_line;

const CLUSTER: &str = "bully";

/// A file, or what would be in one whose checksum is right: it is refused with a sentence, or it is a
/// record that is written and read back unchanged.
pub(crate) fn state(data: &[u8]) {
    for file in [data, &record::seal(FORMAT, data)] {
        match record::from_bytes(file, CLUSTER) {
            Ok(state) => assert_kept(&state),
            Err(error) => assert_one_line(&error.to_string()),
        }
    }
}

/// What a node asks to be written it can read at its next start.
pub(crate) fn assert_kept(state: &Stored) {
    let file = record::to_bytes(CLUSTER, state);
    assert_eq!(record::from_bytes(&file, CLUSTER).as_ref(), Ok(state));
}

/// The state of a file, or of what would be in one.
pub(crate) fn read(data: &[u8]) -> Option<quorum::Stored> {
    let sealed = record::seal(FORMAT, data);
    record::from_bytes(data, CLUSTER).or_else(|_| record::from_bytes(&sealed, CLUSTER)).ok()
}

/// The payloads of files.
pub(crate) fn payload(file: &[u8]) -> &[u8] {
    record::open(file).expect("a golden record")
}
