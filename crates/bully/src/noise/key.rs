//! The key that a node shows to the others, inside the encryption, and the list of those it wants.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bully_core::Address;
use snow::params::DHChoice;
use snow::resolvers::{CryptoResolver as _, DefaultResolver};
use thiserror::Error;

use crate::error::StartError;
use crate::place::parse_place;
use crate::secret::{Secret, SecretError};

/// By what a node knows another again: its public key, an X25519 one. As text it is base64 with
/// padding.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerKey([u8; Self::LEN]);

impl PeerKey {
    /// How many bytes.
    pub const LEN: usize = 32;

    pub(super) fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

impl fmt::Display for PeerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(self.0))
    }
}

impl fmt::Debug for PeerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PeerKey({self})")
    }
}

impl FromStr for PeerKey {
    type Err = PinsError;

    fn from_str(text: &str) -> Result<Self, PinsError> {
        let bytes = STANDARD.decode(text).ok();
        bytes.and_then(|bytes| Self::from_slice(&bytes)).ok_or(PinsError::Key)
    }
}

/// A node's own key, both halves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NodeKey {
    private: Secret,
    public: PeerKey,
}

impl NodeKey {
    /// A new one.
    pub(crate) fn generate() -> io::Result<Self> {
        Ok(Self::from_private(Secret::generate()?))
    }

    /// The key of this private half.
    pub(crate) fn from_private(private: Secret) -> Self {
        let resolved = DefaultResolver.resolve_dh(&DHChoice::Curve25519);
        let mut curve = resolved.expect("the feature of snow that has the curve is on");
        curve.set(private.bytes());
        let public = PeerKey::from_slice(curve.pubkey()).expect("such keys have 32 bytes");
        Self { private, public }
    }

    /// Reads the text of the private half.
    pub(crate) fn from_text(text: &str) -> Result<Self, SecretError> {
        text.trim_ascii().parse().map(Self::from_private)
    }

    pub(crate) fn private(&self) -> &Secret {
        &self.private
    }

    pub(crate) fn public(&self) -> PeerKey {
        self.public
    }
}

/// The keys of the nodes that a node speaks with, to the exclusion of all others: also of those who
/// have the secret.
///
/// As text, each stands on a line of its own, and after it, if no other node is to have that address,
/// the address that its node advertises. Empty lines, and what follows a `#`, mean nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pins(BTreeMap<PeerKey, Option<String>>);

impl FromStr for Pins {
    type Err = PinsError;

    fn from_str(text: &str) -> Result<Self, PinsError> {
        let mut pins = BTreeMap::new();
        for line in text.lines() {
            let said = line.split('#').next().unwrap_or_default();
            let mut words = said.split_ascii_whitespace();
            let Some(key) = words.next() else { continue };
            let key: PeerKey = key.parse()?;
            let address = words.next().map(str::to_owned);
            if words.next().is_some() {
                return Err(PinsError::Words);
            }
            if pins.insert(key, address).is_some() {
                return Err(PinsError::Twice(key));
            }
        }
        if pins.is_empty() { Err(PinsError::Empty) } else { Ok(Self(pins)) }
    }
}

/// A text is no list of keys.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PinsError {
    /// Nobody is listed, and so nobody could be spoken with.
    #[error("it lists no key: expected a line for each node, its key and perhaps its address")]
    Empty,
    /// What should be a key is none.
    #[error(
        "a line does not begin with a key: expected 32 bytes in base64, as bully status prints it"
    )]
    Key,
    /// More stands there.
    #[error("a line holds more than a key and an address")]
    Words,
    /// One key has two lines.
    #[error("it lists the key {0} twice")]
    Twice(PeerKey),
}

/// [`Pins`] understood: whom a key may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pinned(BTreeMap<PeerKey, Option<Address>>);

impl Pinned {
    /// Addresses without a port have that one.
    pub(crate) fn new(pins: &Pins, port: u16) -> Result<Self, StartError> {
        let address = |text: &String| parse_place("peer-keys", text, port);
        let pinned =
            pins.0.iter().map(|(key, text)| Ok((*key, text.as_ref().map(address).transpose()?)));
        pinned.collect::<Result<_, StartError>>().map(Self)
    }

    /// Whether nodes with this key are spoken with.
    pub(super) fn contains(&self, key: &PeerKey) -> bool {
        self.0.contains_key(key)
    }

    /// Whether that key may have this address: nobody has one that is another's.
    pub(crate) fn allows(&self, key: &PeerKey, address: &Address) -> bool {
        match self.0.get(key) {
            None => false,
            Some(Some(own)) => own == address,
            Some(None) => !self.0.values().flatten().any(|taken| taken == address),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(last: u8) -> PeerKey {
        PeerKey([last; PeerKey::LEN])
    }

    #[test]
    fn the_public_half_is_that_of_the_private_one() {
        // Computed by another implementation of RFC 7748.
        let private: [u8; 32] = std::array::from_fn(|at| u8::try_from(at + 1).unwrap());
        let key = NodeKey::from_private(private.into());
        assert_eq!(key.public().to_string(), "B6N8vBQgk8i3VdwbEOhstCY3StFqqFPtC9/AsrhtHHw=");
        assert_eq!(
            NodeKey::from_text(&format!("{}\n", &**key.private().to_base64())).unwrap(),
            key
        );
        assert_eq!(
            format!("{key:?}"),
            format!(
                "NodeKey {{ private: Secret(..), public: PeerKey(B6N8vBQgk8i3VdwbEOhstCY3StFqqFPtC9/AsrhtHHw=) }}"
            )
        );
    }

    #[test]
    fn pins_are_keys_with_or_without_an_address_and_nothing_else() {
        let [a, b] = [key(1), key(2)];
        let text = format!("# all of them\n\n{a} 10.0.0.1 # the first\n  {b}\n");
        let pins: Pins = text.parse().unwrap();
        let expected = [(a, Some("10.0.0.1".to_owned())), (b, None)];
        assert_eq!(pins, Pins(expected.into()));
        let read = |text: &str| text.parse::<Pins>().unwrap_err();
        assert_eq!(read("# nobody\n"), PinsError::Empty);
        assert_eq!(read("10.0.0.1\n"), PinsError::Key);
        assert_eq!(read(&format!("{a} 10.0.0.1 10.0.0.2")), PinsError::Words);
        assert_eq!(read(&format!("{a}\n{a} x:1")), PinsError::Twice(a));
    }

    #[test]
    fn a_pinned_key_has_its_address_alone_and_no_other_key_has_it() {
        let [bound, free, unknown] = [key(1), key(2), key(3)];
        let pins = format!("{bound} 10.0.0.1\n{free}").parse().unwrap();
        let pinned = Pinned::new(&pins, 8117).unwrap();
        let [its, other] =
            [1, 2].map(|last| Address::new(std::net::IpAddr::from([10, 0, 0, last]), 8117));
        assert!(pinned.allows(&bound, &its) && !pinned.allows(&bound, &other));
        assert!(pinned.allows(&free, &other) && !pinned.allows(&free, &its));
        assert!(!pinned.allows(&unknown, &other) && !pinned.contains(&unknown));
        let nonsense = format!("{bound} nonsense:port").parse().unwrap();
        assert!(Pinned::new(&nonsense, 8117).is_err());
    }
}
