//! What the members of a cluster have in common, and nobody else: 32 random bytes, or two such while
//! one takes the place of the other.

use std::fmt;
use std::io;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use subtle::ConstantTimeEq as _;
use thiserror::Error;
use zeroize::{Zeroize as _, Zeroizing};

use crate::random::random;

/// 32 random bytes that the members of a cluster share. Who has them can join; who has not learns
/// nothing of the members and can say nothing to them.
///
/// As text it is base64 with padding: 44 characters. It is compared in constant time, never printed by
/// `Debug`, and overwritten in memory when it is dropped.
#[derive(Clone)]
pub struct Secret([u8; Self::LEN]);

impl Secret {
    /// How many bytes.
    pub const LEN: usize = 32;

    /// A new one, from the system's source of randomness.
    ///
    /// # Errors
    /// If the system has none.
    pub fn generate() -> io::Result<Self> {
        random().map(Self)
    }

    /// The text of it, which is overwritten in memory when it is dropped.
    pub fn to_base64(&self) -> Zeroizing<String> {
        Zeroizing::new(STANDARD.encode(self.0))
    }

    pub(crate) fn bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }
}

impl From<[u8; Self::LEN]> for Secret {
    fn from(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }
}

impl FromStr for Secret {
    type Err = SecretError;

    /// Reads the text of one secret, without white space around it.
    fn from_str(text: &str) -> Result<Self, SecretError> {
        let bytes = STANDARD.decode(text).map(Zeroizing::new).map_err(|_| SecretError::Text)?;
        let bytes: &[u8; Self::LEN] = bytes.as_slice().try_into().map_err(|_| SecretError::Text)?;
        // What nobody drew at random keeps nobody out.
        if bytes.iter().all(|byte| *byte == bytes[0]) {
            Err(SecretError::Weak)
        } else {
            Ok(Self(*bytes))
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Secret {}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// The secrets that a node goes by: one, or two while one takes the place of the other.
///
/// A node opens connections with the first and accepts both. To change a secret without an outage,
/// give all nodes the old one and the new one, in this order; then all of them the new one and the old
/// one; then the new one alone.
///
/// As text they stand on a line each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secrets {
    first: Secret,
    second: Option<Secret>,
}

impl Secrets {
    /// Accept this one, too.
    pub fn and(self, second: Secret) -> Self {
        Self { second: Some(second), ..self }
    }

    /// The one to open connections with.
    pub fn first(&self) -> &Secret {
        &self.first
    }

    /// All that are accepted, the first one first.
    pub fn iter(&self) -> impl Iterator<Item = &Secret> {
        std::iter::once(&self.first).chain(&self.second)
    }
}

impl From<Secret> for Secrets {
    fn from(first: Secret) -> Self {
        Self { first, second: None }
    }
}

impl FromStr for Secrets {
    type Err = SecretError;

    /// Reads one or two secrets with white space between them.
    fn from_str(text: &str) -> Result<Self, SecretError> {
        let mut words = text.split_ascii_whitespace();
        let first: Secret = words.next().ok_or(SecretError::Empty)?.parse()?;
        let second: Option<Secret> = words.next().map(str::parse).transpose()?;
        match (second, words.next()) {
            (_, Some(_)) => Err(SecretError::Many),
            (Some(second), None) if second == first => Err(SecretError::Twice),
            (second, None) => Ok(Self { first, second }),
        }
    }
}

/// A text holds no secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SecretError {
    /// There is nothing in it.
    #[error("it is empty: expected 32 random bytes in base64, as bully keygen makes them")]
    Empty,
    /// What is in it is none.
    #[error(
        "it holds something else: expected 32 random bytes in base64, as bully keygen makes them"
    )]
    Text,
    /// All bytes are the same.
    #[error("it is not random: have bully keygen make one")]
    Weak,
    /// There are more than two.
    #[error("it holds more than two secrets: expected one, or two while one replaces the other")]
    Many,
    /// It is the same one twice.
    #[error("it holds the same secret twice: expected one, or two while one replaces the other")]
    Twice,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Secrets, SecretError> {
        text.parse()
    }

    #[test]
    fn a_secret_is_read_as_it_is_written_and_no_two_are_alike() {
        let [one, other] = [(); 2].map(|()| Secret::generate().unwrap());
        assert_ne!(one, other);
        let text = one.to_base64();
        assert_eq!((text.len(), text.parse()), (44, Ok(one)));
    }

    #[test]
    fn one_secret_or_two_are_read_and_nothing_else() {
        let [a, b, c] = [7, 8, 9].map(|last| {
            let mut bytes = [1; Secret::LEN];
            bytes[31] = last;
            Secret::from(bytes)
        });
        let [ta, tb, tc] = [&a, &b, &c].map(|secret| secret.to_base64().to_string());
        assert_eq!(read(&ta), Ok(Secrets::from(a.clone())));
        assert_eq!(read(&format!("{ta}\r\n{tb}\n")), Ok(Secrets::from(a).and(b)));
        assert_eq!(read(&format!("{ta}\n{tb}\n{tc}")), Err(SecretError::Many));
        assert_eq!(read(&format!("{ta}\n{ta}\n")), Err(SecretError::Twice));
        assert_eq!(read(" \n"), Err(SecretError::Empty));
        for text in
            ["password", &ta[..43], &format!("{ta}="), &format!("{ta} #"), &STANDARD.encode([1, 2])]
        {
            assert_eq!(read(text), Err(SecretError::Text), "{text}");
        }
        assert_eq!(read(&STANDARD.encode([0; 32])), Err(SecretError::Weak));
    }

    #[test]
    fn a_secret_is_not_printed() {
        let secrets = Secrets::from(Secret::from([7; Secret::LEN]));
        assert_eq!(format!("{secrets:?}"), "Secrets { first: Secret(..), second: None }");
    }
}
