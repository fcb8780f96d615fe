//! The first bytes in each direction.

use thiserror::Error;

/// How long a preamble is, in every version.
pub(crate) const PREAMBLE_LEN: usize = 8;

/// The first byte is no ASCII, so that no text protocol begins like this.
const MAGIC: [u8; 4] = [0xb0, b'u', b'l', b'y'];

/// This version of the wire.
const VERSION: u8 = 1;

/// How the ends of a connection are known to each other, and what they say is kept from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Security {
    /// Not at all.
    Plain = 0,
    /// By a secret that they share.
    Noise = 1,
}

impl Security {
    const fn byte(self) -> u8 {
        self as u8
    }
}

/// What an end says of itself before all else, so that a mismatch gets a sentence instead of
/// silence: magic, wire version, security, and two bytes that are sent as 0 and not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Preamble {
    version: u8,
    security: u8,
}

impl Preamble {
    /// What this program says where it secures connections like this.
    pub(crate) const fn of(security: Security) -> Self {
        Self { version: VERSION, security: security.byte() }
    }

    /// The bytes to send.
    pub(crate) const fn to_bytes(self) -> [u8; PREAMBLE_LEN] {
        let [a, b, c, d, version, security] = self.prologue();
        [a, b, c, d, version, security, 0, 0]
    }

    /// What both ends must agree on.
    pub(crate) const fn prologue(self) -> [u8; 6] {
        let [a, b, c, d] = MAGIC;
        [a, b, c, d, self.version, self.security]
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

    /// Check what the other end says against this.
    ///
    /// # Errors
    /// What differs.
    pub(crate) fn check(self, bytes: [u8; PREAMBLE_LEN]) -> Result<(), PreambleError> {
        let [a, b, c, d, version, security, ..] = bytes;
        Self::check_magic([a, b, c, d])?;
        if version != self.version {
            return Err(PreambleError::Version(version));
        }
        match (security, self.security) {
            (theirs, ours) if theirs == ours => Ok(()),
            (0, _) => Err(PreambleError::TheyHaveNone),
            (1, 0) => Err(PreambleError::WeHaveNone),
            (theirs, _) => Err(PreambleError::Security(theirs)),
        }
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
    /// This end alone has a secret.
    #[error("it has no secret, and this node has one (-secret-file)")]
    TheyHaveNone,
    /// The other end alone has one.
    #[error("it has a secret, and this node has none (-secret-file)")]
    WeHaveNone,
    /// The other end secures connections in a way of a later version.
    #[error("it secures connections in a way ({0}) that this version does not know")]
    Security(u8),
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Preamble = Preamble::of(Security::Plain);
    const NOISE: Preamble = Preamble::of(Security::Noise);

    #[test]
    fn what_this_program_says_it_understands() {
        for ours in [PLAIN, NOISE] {
            assert_eq!(ours.check(ours.to_bytes()), Ok(()));
        }
    }

    #[test]
    fn the_bytes_of_version_1_stay() {
        assert_eq!(PLAIN.to_bytes(), [0xb0, 0x75, 0x6c, 0x79, 1, 0, 0, 0]);
        assert_eq!(NOISE.to_bytes(), [0xb0, 0x75, 0x6c, 0x79, 1, 1, 0, 0]);
    }

    #[test]
    fn the_reserved_bytes_are_not_read() {
        assert_eq!(PLAIN.check([0xb0, 0x75, 0x6c, 0x79, 1, 0, 7, 9]), Ok(()));
    }

    #[test]
    fn each_mismatch_has_its_sentence() {
        let said = |bytes: &[u8; 8]| PLAIN.check(*bytes).unwrap_err().to_string();
        assert_eq!(said(b"GET / HT"), "it speaks HTTP, not the protocol of bully");
        assert_eq!(said(b"SSH-2.0-"), "it speaks SSH, not the protocol of bully");
        assert_eq!(said(&[0; 8]), "it speaks something else, not the protocol of bully");
        assert_eq!(
            said(&[0xb0, 0x75, 0x6c, 0x79, 2, 0, 0, 0]),
            "it speaks wire version 2, this node version 1"
        );
        let secured = |security| [0xb0, 0x75, 0x6c, 0x79, 1, security, 0, 0];
        assert_eq!(said(&secured(1)), "it has a secret, and this node has none (-secret-file)");
        assert_eq!(
            said(&secured(2)),
            "it secures connections in a way (2) that this version does not know"
        );
        assert_eq!(
            NOISE.check(secured(0)).unwrap_err().to_string(),
            "it has no secret, and this node has one (-secret-file)"
        );
    }
}
