//! The first bytes in each direction.

use thiserror::Error;

/// How long a preamble is, in every version.
pub(crate) const PREAMBLE_LEN: usize = 8;

/// The first byte is no ASCII, so that no text protocol begins like this.
const MAGIC: [u8; 4] = [0xb0, b'u', b'l', b'y'];

/// This version of the wire.
const VERSION: u8 = 1;

/// Nothing is encrypted.
const PLAIN: u8 = 0;

/// What an end says of itself before all else, so that a mismatch gets a sentence instead of
/// silence: magic, wire version, security, and two bytes that are sent as 0 and not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Preamble {
    version: u8,
    security: u8,
}

impl Preamble {
    /// What this program says.
    pub(crate) const OURS: Self = Self { version: VERSION, security: PLAIN };

    /// The bytes to send.
    pub(crate) fn to_bytes(self) -> [u8; PREAMBLE_LEN] {
        let [a, b, c, d] = MAGIC;
        [a, b, c, d, self.version, self.security, 0, 0]
    }

    /// Whether bytes are the beginning of a preamble of any version. Four of them settle it, so
    /// that who speaks something else need not be waited for.
    ///
    /// # Errors
    /// If they are not, a guess at what they are.
    pub(crate) fn check_magic(start: [u8; 4]) -> Result<(), PreambleError> {
        match &start {
            start if *start == MAGIC => Ok(()),
            b"GET " | b"HEAD" | b"POST" | b"PUT " | b"OPTI" | b"HTTP" | b"PRI " => {
                Err(PreambleError::Foreign("it speaks HTTP"))
            }
            b"SSH-" => Err(PreambleError::Foreign("it speaks SSH")),
            [0x16 | 0x15, 3, ..] => Err(PreambleError::Foreign("it speaks TLS")),
            _ => Err(PreambleError::Foreign("it speaks something else")),
        }
    }

    /// Check what the other end says against [`Preamble::OURS`].
    ///
    /// # Errors
    /// What differs.
    pub(crate) fn check(bytes: [u8; PREAMBLE_LEN]) -> Result<(), PreambleError> {
        let [a, b, c, d, version, security, ..] = bytes;
        Self::check_magic([a, b, c, d])?;
        if version != VERSION {
            return Err(PreambleError::Version(version));
        }
        if security != PLAIN {
            return Err(PreambleError::Security(security));
        }
        Ok(())
    }
}

/// The other end cannot be talked to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum PreambleError {
    /// It is no node.
    #[error("{0}, not the protocol of bully")]
    Foreign(&'static str),
    /// It is a node of another wire version.
    #[error("it speaks wire version {0}, this node version {VERSION}")]
    Version(u8),
    /// One end has a secret, or the ends secure the connection in different ways.
    #[error("it wants security {0}, this node has no secret (security {PLAIN})")]
    Security(u8),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_this_program_says_it_understands() {
        assert_eq!(Preamble::check(Preamble::OURS.to_bytes()), Ok(()));
    }

    #[test]
    fn the_bytes_of_version_1_stay() {
        assert_eq!(Preamble::OURS.to_bytes(), [0xb0, 0x75, 0x6c, 0x79, 1, 0, 0, 0]);
    }

    #[test]
    fn the_reserved_bytes_are_not_read() {
        assert_eq!(Preamble::check([0xb0, 0x75, 0x6c, 0x79, 1, 0, 7, 9]), Ok(()));
    }

    #[test]
    fn each_mismatch_has_its_sentence() {
        let said = |bytes: &[u8; 8]| Preamble::check(*bytes).unwrap_err().to_string();
        assert_eq!(said(b"GET / HT"), "it speaks HTTP, not the protocol of bully");
        assert_eq!(said(b"SSH-2.0-"), "it speaks SSH, not the protocol of bully");
        assert_eq!(said(&[0; 8]), "it speaks something else, not the protocol of bully");
        assert_eq!(
            said(&[0xb0, 0x75, 0x6c, 0x79, 2, 0, 0, 0]),
            "it speaks wire version 2, this node version 1"
        );
        assert_eq!(
            said(&[0xb0, 0x75, 0x6c, 0x79, 1, 1, 0, 0]),
            "it wants security 1, this node has no secret (security 0)"
        );
    }
}
