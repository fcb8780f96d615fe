//! Who may ask, and who may give orders: the tokens.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use axum::http::header::{self, HeaderMap};
use subtle::{Choice, ConstantTimeEq as _};
use zeroize::Zeroizing;

/// A secret that a client sends as `Authorization: Bearer …`. It is compared in constant time, never
/// shown, and wiped from memory once nobody holds it.
#[derive(Clone)]
pub struct BearerToken(Zeroizing<Vec<u8>>);

impl BearerToken {
    /// A shorter one could be guessed.
    pub const BYTES_MIN: usize = 16;

    /// More than any tool makes.
    pub const BYTES_MAX: usize = 1024;

    /// A token of these bytes, printable ASCII without spaces.
    ///
    /// # Errors
    /// What is wrong with them, in words that follow their name, and without the token.
    pub fn new(text: &[u8]) -> Result<Self, String> {
        let (min, max) = (Self::BYTES_MIN, Self::BYTES_MAX);
        if text.is_empty() {
            return Err(format!("is empty: a token has at least {min} characters"));
        }
        if text.len() < min {
            return Err(format!("is too short: a token has at least {min} characters"));
        }
        if text.len() > max {
            return Err(format!("is too long: a token has at most {max} characters"));
        }
        if !text.iter().all(u8::is_ascii_graphic) {
            return Err("is no token: one line of printable ASCII without spaces".to_owned());
        }
        Ok(Self(padded(text)))
    }

    /// The value of the header `Authorization`.
    #[cfg(feature = "cli")]
    pub(crate) fn header(&self) -> axum::http::HeaderValue {
        let length = self.0.iter().position(|byte| *byte == 0).unwrap_or(Self::BYTES_MAX);
        let value = Zeroizing::new([b"Bearer ".as_slice(), &self.0[..length]].concat());
        let value = axum::http::HeaderValue::from_bytes(&value);
        let mut value = value.expect("printable ASCII is a header's value");
        value.set_sensitive(true);
        value
    }

    /// Whether both are the same.
    #[cfg(feature = "cli")]
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.is(other).into()
    }

    /// Whether both are the same, in a time that depends on neither.
    fn is(&self, other: &Self) -> Choice {
        self.0.as_slice().ct_eq(other.0.as_slice())
    }
}

/// Room for the longest, so that comparing takes the same time whatever the length. No token has a
/// zero, so that no two fill the room alike. What is moved is not copied, as an array would be.
fn padded(text: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut room = Zeroizing::new(vec![0; BearerToken::BYTES_MAX]);
    room[..text.len()].copy_from_slice(text);
    room
}

impl fmt::Debug for BearerToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BearerToken(…)")
    }
}

/// What opens a node to whom.
#[derive(Clone, Debug, Default)]
pub struct Tokens {
    /// Where there is one, questions are answered to those alone who send it, or the other.
    pub read: Option<BearerToken>,
    /// Whoever sends it may ask, and may give orders from anywhere.
    pub admin: Option<BearerToken>,
}

/// The tokens in force, shared by all clones: they can be replaced while the routes are served.
///
/// Without any, everybody may ask, and orders are taken over loopback and over Unix sockets alone.
#[derive(Clone, Debug, Default)]
pub struct Access(Arc<RwLock<Tokens>>);

impl Access {
    /// Access for those who have the tokens.
    pub fn new(tokens: Tokens) -> Self {
        Self(Arc::new(RwLock::new(tokens)))
    }

    /// Replaces the tokens, for every request that comes from now on.
    pub fn replace(&self, tokens: Tokens) {
        // Nothing is left half done by whoever panics here.
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = tokens;
    }

    /// What a client with that head is known as.
    pub(super) fn of(&self, headers: &HeaderMap) -> Known {
        let tokens = self.0.read().unwrap_or_else(PoisonError::into_inner);
        Known {
            needs_read: tokens.read.is_some(),
            needs_admin: tokens.admin.is_some(),
            as_whom: tokens.bearer(headers),
        }
    }
}

impl Tokens {
    fn bearer(&self, headers: &HeaderMap) -> Bearer {
        let mut values = headers.get_all(header::AUTHORIZATION).iter();
        let Some(value) = values.next() else { return Bearer::Nobody };
        let Some(text) = bearer_of(value.as_bytes()) else { return Bearer::Nobody };
        if values.next().is_some() {
            return Bearer::Unknown;
        }
        let Ok(sent) = BearerToken::new(text) else { return Bearer::Unknown };
        // Both are compared, whatever the outcome of the first.
        let is = |token: &Option<BearerToken>| {
            token.as_ref().map_or(Choice::from(0), |token| token.is(&sent))
        };
        let (is_admin, is_reader) = (is(&self.admin), is(&self.read));
        if bool::from(is_admin) {
            Bearer::Admin
        } else if bool::from(is_reader) {
            Bearer::Reader
        } else {
            Bearer::Unknown
        }
    }
}

/// What follows `Bearer`, whose letters may be of either case.
fn bearer_of(value: &[u8]) -> Option<&[u8]> {
    let (scheme, rest) = value.split_at_checked("Bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then(|| rest.trim_ascii())
}

/// What is known of a client by its token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Known {
    /// Whether there is a token without which nothing is answered.
    pub(super) needs_read: bool,
    /// Whether there is one for orders.
    pub(super) needs_admin: bool,
    pub(super) as_whom: Bearer,
}

/// Whose token came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bearer {
    /// None did.
    Nobody,
    /// One that is not in force.
    Unknown,
    /// The one for questions.
    Reader,
    /// The one for orders.
    Admin,
}

impl Known {
    /// Whether it may ask.
    pub(super) fn may_ask(self) -> bool {
        !self.needs_read || matches!(self.as_whom, Bearer::Reader | Bearer::Admin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const READ: &str = "read-read-read-read";
    const ADMIN: &str = "admin-admin-admin-admin";

    fn token(text: &str) -> BearerToken {
        BearerToken::new(text.as_bytes()).expect("a token")
    }

    fn bearer(values: &[&str]) -> Bearer {
        let access = Access::new(Tokens { read: Some(token(READ)), admin: Some(token(ADMIN)) });
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::AUTHORIZATION, value.parse().expect("a value"));
        }
        access.of(&headers).as_whom
    }

    #[test]
    fn a_client_is_known_by_the_one_token_that_it_sends() {
        for (values, expected) in [
            (&[][..], Bearer::Nobody),
            (&["Basic cmVhZA=="], Bearer::Nobody),
            (&["Bearer"], Bearer::Nobody),
            (&["Bearer "], Bearer::Unknown),
            (&["Bearer nonsense"], Bearer::Unknown),
            (&["Bearer read-read-read-read"], Bearer::Reader),
            (&["bearer  read-read-read-read "], Bearer::Reader),
            (&["Bearer read-read-read-rea"], Bearer::Unknown),
            (&["Bearer read-read-read-read-"], Bearer::Unknown),
            (&["Bearer Read-read-read-read"], Bearer::Unknown),
            (&["Bearer admin-admin-admin-admin"], Bearer::Admin),
            (&["Bearer read-read-read-read", "Bearer read-read-read-read"], Bearer::Unknown),
            (&["Bearer read-read-read-read read"], Bearer::Unknown),
        ] {
            assert_eq!(bearer(values), expected, "{values:?}");
        }
        let long = format!("Bearer {}", "x".repeat(2000));
        assert_eq!(bearer(&[&long]), Bearer::Unknown);
    }

    #[test]
    fn a_token_is_long_enough_and_one_word() {
        for (text, wrong) in [
            ("", "is empty"),
            ("123456789012345", "is too short"),
            ("1234567890 123456", "is no token"),
            ("1234567890\n123456", "is no token"),
            ("1234567890123456é", "is no token"),
            ("1234567890123456\0", "is no token"),
        ] {
            let told = BearerToken::new(text.as_bytes()).expect_err(text);
            assert!(told.starts_with(wrong), "{text:?}: {told}");
            assert!(text.is_empty() || !told.contains(text), "{told}");
        }
        let long = "x".repeat(BearerToken::BYTES_MAX);
        assert!(BearerToken::new(long.as_bytes()).is_ok());
        assert!(BearerToken::new(format!("{long}x").as_bytes()).is_err());
        assert_eq!(format!("{:?}", token(READ)), "BearerToken(…)");
    }

    #[test]
    fn tokens_are_replaced_for_all_who_share_them() {
        let access = Access::default();
        let shared = access.clone();
        let headers = HeaderMap::new();
        assert!(shared.of(&headers).may_ask());
        access.replace(Tokens { read: Some(token(READ)), admin: None });
        assert!(!shared.of(&headers).may_ask());
    }
}
