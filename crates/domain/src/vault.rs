//! Sealing: AES-256-GCM with a key version per record, so that keys rotate without downtime.
//!
//! A sealed record is `version (2 bytes, big endian) · nonce (12) · ciphertext and tag`. The
//! associated data names what the record belongs to (organisation, server, purpose), so that a
//! row moved elsewhere does not open. There is no "off" cipher.

use std::collections::BTreeMap;
use std::fmt;

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use rand::RngCore;
use sha2::{Digest, Sha256};

const VERSION: usize = 2;
const NONCE: usize = 12;

/// The sealing keys in force. New records use the highest version; older ones still open.
#[derive(Clone)]
pub struct Keyring {
    current: u16,
    ciphers: BTreeMap<u16, Key>,
}

/// One key: its cipher, and what nonces are made of where equal records are wanted.
#[derive(Clone)]
struct Key {
    cipher: Aes256Gcm,
    nonces: [u8; 32],
}

impl Key {
    fn new(key: &[u8; 32]) -> Self {
        Self { cipher: Aes256Gcm::new(key.into()), nonces: derive(key, "nonces") }
    }
}

/// A record did not open: wrong key, wrong owner, or changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the sealed record does not open with the keys in force")]
pub struct DoesNotOpen;

impl Keyring {
    /// A ring with one key of version 1.
    pub fn single(key: &[u8; 32]) -> Self {
        Self::with_versions(&[(1, *key)].into_iter().collect())
    }

    /// A ring of several versions. An empty map cannot seal: it is given one unusable random key.
    pub fn with_versions(keys: &BTreeMap<u16, [u8; 32]>) -> Self {
        let current = keys.keys().next_back().copied().unwrap_or_default();
        let ciphers = keys.iter().map(|(version, key)| (*version, Key::new(key))).collect();
        Self { current, ciphers }
    }

    /// A ring for one purpose only (sessions, say), derived from `master`, so that a record
    /// sealed for one purpose can never be presented for another.
    pub fn derived(master: &[u8; 32], purpose: &str) -> Self {
        Self::single(&derive(master, purpose))
    }

    /// Seals `plain` for the owner named by `bound_to`.
    pub fn seal(&self, plain: &[u8], bound_to: &[u8]) -> Result<Vec<u8>, DoesNotOpen> {
        let mut nonce = [0_u8; NONCE];
        rand::rng().fill_bytes(&mut nonce);
        self.seal_with(nonce, plain, bound_to)
    }

    /// The same, but equal texts of one owner give equal records: for ids that are compared. The
    /// nonce is a keyed digest of all that is sealed, so it never serves two texts; that two ids
    /// are equal is all that anyone learns.
    pub fn seal_alike(&self, plain: &[u8], bound_to: &[u8]) -> Result<Vec<u8>, DoesNotOpen> {
        let key = self.ciphers.get(&self.current).ok_or(DoesNotOpen)?;
        let mut hash = Sha256::new();
        hash.update(key.nonces);
        hash.update(bound_to.len().to_be_bytes());
        hash.update(bound_to);
        hash.update(plain);
        let digest: [u8; 32] = hash.finalize().into();
        let (nonce, _) = digest.split_first_chunk::<NONCE>().ok_or(DoesNotOpen)?;
        self.seal_with(*nonce, plain, bound_to)
    }

    fn seal_with(
        &self,
        nonce: [u8; NONCE],
        plain: &[u8],
        bound_to: &[u8],
    ) -> Result<Vec<u8>, DoesNotOpen> {
        let key = self.ciphers.get(&self.current).ok_or(DoesNotOpen)?;
        let sealed = key
            .cipher
            .encrypt(&Nonce::from(nonce), Payload { msg: plain, aad: bound_to })
            .map_err(|_opaque| DoesNotOpen)?;
        let mut record = Vec::with_capacity(VERSION + NONCE + sealed.len());
        record.extend_from_slice(&self.current.to_be_bytes());
        record.extend_from_slice(&nonce);
        record.extend_from_slice(&sealed);
        Ok(record)
    }

    /// Opens a record sealed for the same owner.
    pub fn open(&self, record: &[u8], bound_to: &[u8]) -> Result<Vec<u8>, DoesNotOpen> {
        let (version, rest) = record.split_first_chunk::<VERSION>().ok_or(DoesNotOpen)?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE>().ok_or(DoesNotOpen)?;
        let key = self.ciphers.get(&u16::from_be_bytes(*version)).ok_or(DoesNotOpen)?;
        key.cipher
            .decrypt(&Nonce::from(*nonce), Payload { msg: sealed, aad: bound_to })
            .map_err(|_opaque| DoesNotOpen)
    }
}

/// A key for one purpose, derived from the master key. The master is 256 random bits, so one hash
/// over it and the purpose is enough; purposes never meet.
pub fn derive(master: &[u8; 32], purpose: &str) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(b"drawbridge/derive/v1\0");
    hash.update(master);
    hash.update(purpose.as_bytes());
    hash.finalize().into()
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keyring(version {})", self.current)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_opens_for_its_owner_only() {
        let ring = Keyring::single(&[7; 32]);
        let record = ring.seal(b"secret", b"org_1/srv_1").unwrap();
        assert_eq!(ring.open(&record, b"org_1/srv_1").unwrap(), b"secret");
        assert_eq!(ring.open(&record, b"org_2/srv_1"), Err(DoesNotOpen));
        for at in 0..record.len() {
            let mut changed = record.clone();
            changed[at] ^= 1;
            assert_eq!(ring.open(&changed, b"org_1/srv_1"), Err(DoesNotOpen), "{at}");
        }
        assert_eq!(ring.open(b"", b""), Err(DoesNotOpen));
    }

    #[test]
    fn after_a_rotation_old_records_open_and_new_ones_use_the_new_key() {
        let old = Keyring::single(&[1; 32]);
        let both = Keyring::with_versions(&[(1, [1; 32]), (2, [2; 32])].into_iter().collect());
        let record = old.seal(b"x", b"o").unwrap();
        assert_eq!(both.open(&record, b"o").unwrap(), b"x");
        assert_eq!(old.open(&both.seal(b"x", b"o").unwrap(), b"o"), Err(DoesNotOpen));
    }

    #[test]
    fn equal_records_are_made_only_where_asked_for_and_only_for_one_owner() {
        let ring = Keyring::single(&[7; 32]);
        let alike = |plain: &[u8], owner: &[u8]| ring.seal_alike(plain, owner).unwrap();
        assert_eq!(alike(b"task", b"o1"), alike(b"task", b"o1"));
        assert_eq!(ring.open(&alike(b"task", b"o1"), b"o1").unwrap(), b"task");
        assert_eq!(ring.open(&alike(b"task", b"o1"), b"o2"), Err(DoesNotOpen));
        let nonce = |record: Vec<u8>| record[VERSION..VERSION + NONCE].to_vec();
        assert_ne!(nonce(alike(b"task", b"o1")), nonce(alike(b"task", b"o2")));
        assert_ne!(nonce(alike(b"task", b"o1")), nonce(alike(b"task2", b"o1")));
        assert_ne!(nonce(alike(b"ab", b"c")), nonce(alike(b"bc", b"a")));
        assert_ne!(ring.seal(b"task", b"o1").unwrap(), ring.seal(b"task", b"o1").unwrap());
    }

    #[test]
    fn purposes_do_not_mix() {
        let sessions = Keyring::derived(&[3; 32], "sessions");
        let cursors = Keyring::derived(&[3; 32], "cursors");
        assert_eq!(cursors.open(&sessions.seal(b"x", b"").unwrap(), b""), Err(DoesNotOpen));
    }

    proptest::proptest! {
        #[test]
        fn any_flipped_bit_is_refused(
            key: [u8; 32],
            plain: Vec<u8>,
            owner: Vec<u8>,
            at: proptest::sample::Index,
            bit in 0..8_u8,
        ) {
            let ring = Keyring::single(&key);
            for mut record in [
                ring.seal(&plain, &owner).unwrap(),
                ring.seal_alike(&plain, &owner).unwrap(),
            ] {
                let opened = ring.open(&record, &owner);
                proptest::prop_assert_eq!(opened.as_ref(), Ok(&plain));
                let at = at.index(record.len());
                record[at] ^= 1 << bit;
                proptest::prop_assert_eq!(ring.open(&record, &owner), Err(DoesNotOpen));
            }
        }
    }
}
