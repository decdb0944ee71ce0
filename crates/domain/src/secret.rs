//! Tokens: shown once as a [`PlainKey`], stored as a [`KeyDigest`].
//!
//! A token is `prefix + 43 characters (256 random bits) + 6 characters of checksum`, all
//! base64url. The checksum refuses typing errors and junk before any look-up; the entropy is why
//! a plain SHA-256 is enough to store it.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::RngCore;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

/// What a token is for; its prefix says so at a glance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// A grant's token, `dbg_…`: what an MCP client sends to the gateway, pasted or issued to it.
    Grant,
    /// An API key, `dbk_…`, of the admin REST API.
    Api,
    /// A refresh token, `dbr_…`.
    Refresh,
    /// What signs the deliveries of a webhook, `dbw_…`.
    Webhook,
    /// A browser session, `dbs_…`, in a cookie.
    Session,
    /// A code, `dbc_…`, that a client which logs in exchanges for its first tokens.
    Code,
}

impl KeyKind {
    /// The first four characters of such a token.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Grant => "dbg_",
            Self::Api => "dbk_",
            Self::Refresh => "dbr_",
            Self::Session => "dbs_",
            Self::Webhook => "dbw_",
            Self::Code => "dbc_",
        }
    }
}

const BODY: usize = 43;
const CHECKSUM: usize = 6;

/// A token in the clear: made, shown once, dropped. No `Debug` content, `Display`, `Clone` or
/// `Serialize`.
pub struct PlainKey(SecretString);

impl PlainKey {
    /// A new random token.
    pub fn fresh(kind: KeyKind) -> Self {
        let mut random = [0_u8; 32];
        rand::rng().fill_bytes(&mut random);
        let mut text = format!("{}{}", kind.prefix(), URL_SAFE_NO_PAD.encode(random));
        text.push_str(&checksum(&text));
        Self(SecretString::from(text))
    }

    /// Its digest, for the database.
    pub fn digest(&self) -> KeyDigest {
        KeyDigest::of(self.reveal())
    }

    /// The few last characters, by which people tell their keys apart in lists.
    pub fn hint(&self) -> String {
        self.reveal().chars().rev().take(4).collect::<Vec<_>>().into_iter().rev().collect()
    }

    /// The token itself. The caller shows it to its owner, once.
    #[expect(clippy::disallowed_methods, reason = "the one door through which a token is shown")]
    pub fn reveal(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for PlainKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PlainKey(…)")
    }
}

/// SHA-256 of a token: what the database has and what look-ups go by.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyDigest([u8; 32]);

impl KeyDigest {
    /// The digest of what a client presented, if it has the form of a token of this kind.
    pub fn of_presented(kind: KeyKind, presented: &str) -> Option<Self> {
        let rest = presented.strip_prefix(kind.prefix())?;
        if rest.len() != BODY + CHECKSUM || !rest.is_ascii() {
            return None;
        }
        let (signed, sum) = presented.split_at_checked(presented.len() - CHECKSUM)?;
        (checksum(signed) == sum).then(|| Self::of(presented))
    }

    /// A stored digest.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes to store.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    fn of(text: &str) -> Self {
        Self(Sha256::digest(text.as_bytes()).into())
    }
}

impl fmt::Debug for KeyDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyDigest(…)")
    }
}

/// Six base64url characters (36 bits, the last two unused) of the SHA-256 of what precedes them.
fn checksum(signed: &str) -> String {
    let [a, b, c, d, ..] =
        <[u8; 32]>::from(Sha256::digest(format!("drawbridge:{signed}").as_bytes()));
    URL_SAFE_NO_PAD.encode([a, b, c, d])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fresh_token_is_recognised_and_every_change_of_it_is_not() {
        let key = PlainKey::fresh(KeyKind::Grant);
        let text = key.reveal().to_owned();
        assert_eq!(KeyDigest::of_presented(KeyKind::Grant, &text), Some(key.digest()));
        assert!(KeyDigest::of_presented(KeyKind::Api, &text).is_none());
        for at in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[at] = if changed[at] == b'x' { b'y' } else { b'x' };
            let changed = String::from_utf8(changed).unwrap();
            assert!(KeyDigest::of_presented(KeyKind::Grant, &changed).is_none(), "{at}");
        }
        assert!(KeyDigest::of_presented(KeyKind::Grant, &format!("{text}a")).is_none());
    }

    #[test]
    fn a_token_never_shows_in_debug() {
        let key = PlainKey::fresh(KeyKind::Api);
        assert_eq!(format!("{key:?} {:?}", key.digest()), "PlainKey(…) KeyDigest(…)");
    }

    proptest::proptest! {
        #[test]
        fn any_flipped_bit_is_refused(at: proptest::sample::Index, bit in 0..8_u8) {
            let key = PlainKey::fresh(KeyKind::Refresh);
            let mut changed = key.reveal().as_bytes().to_vec();
            let at = at.index(changed.len());
            changed[at] ^= 1 << bit;
            let changed = String::from_utf8(changed).unwrap_or_default();
            proptest::prop_assert!(KeyDigest::of_presented(KeyKind::Refresh, &changed).is_none());
        }
    }
}
