//! Chains of audit rows: each digest covers the row and the digest before it, and now and then the
//! last one is signed. What is here needs no database: the verifier reads an export alone.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, SecondsFormat, Utc};
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use crate::call::CallRecord;
use crate::id::{CallId, GrantId, OrganisationId, PolicyId, ServerId};
use crate::{Outcome, call};

/// SHA-256 of a row and all before it.
pub type Link = [u8; 32];

/// What stands before the first row.
pub const START: Link = [0; 32];

/// The digest of the row `entry`, which is number `seq` (from 1) and follows `previous`.
pub fn link(previous: &Link, seq: u64, entry: &[u8]) -> Link {
    let mut hash = Sha256::new();
    hash.update(b"drawbridge/chain/v1\0");
    hash.update(previous);
    hash.update(seq.to_be_bytes());
    hash.update(entry);
    hash.finalize().into()
}

/// A recorded call as its digest covers it. Fields are only ever added, and left out where absent:
/// otherwise old rows would no longer verify.
#[derive(Debug, Serialize)]
pub struct CallEntry<'c> {
    id: CallId,
    time: DateTime<Utc>,
    server: Option<ServerId>,
    grant: GrantEntry<'c>,
    method: &'c str,
    tool: Option<&'c str>,
    outcome: Outcome,
    rule: &'c str,
    message: &'c str,
    policy: Option<PolicyEntry>,
    status: call::CallStatus,
    us: call::CallPhases,
    request_bytes: u64,
    response_bytes: u64,
    argument_keys: &'c [String],
    client: Option<&'c str>,
    session: Option<&'c str>,
    request_id: &'c str,
}

#[derive(Debug, Serialize)]
struct GrantEntry<'c> {
    id: GrantId,
    label: &'c str,
}

#[derive(Debug, Serialize)]
struct PolicyEntry {
    id: PolicyId,
    version: i32,
}

impl<'c> From<&'c CallRecord> for CallEntry<'c> {
    fn from(call: &'c CallRecord) -> Self {
        Self {
            id: call.id,
            time: call.at,
            server: call.server,
            grant: GrantEntry { id: call.grant, label: &call.grant_label },
            method: &call.method,
            tool: call.target.as_deref(),
            outcome: call.outcome,
            rule: &call.rule,
            message: &call.message,
            policy: call.policy.map(|(id, version)| PolicyEntry { id, version }),
            status: call.status,
            us: call.us,
            request_bytes: call.request_bytes,
            response_bytes: call.response_bytes,
            argument_keys: &call.argument_keys,
            client: call.client.as_deref(),
            session: call.session.as_deref(),
            request_id: &call.request_id,
        }
    }
}

/// One line of an export: a row with its place in the chain. `entry` is kept byte by byte.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// Its number; none for a row that is older than the chain.
    pub seq: Option<u64>,
    /// The digest before it, in hexadecimal digits.
    pub previous: Option<String>,
    /// Its own digest.
    pub digest: Option<String>,
    /// The row.
    pub entry: Box<RawValue>,
}

/// A signed head of a chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Whose chain, as text: a verifier needs no tenant.
    pub organisation: String,
    /// `calls` or `events`.
    pub chain: String,
    /// The number of its last row.
    pub seq: u64,
    /// The digest of that row, in hexadecimal digits.
    pub digest: String,
    /// When it was signed.
    pub at: DateTime<Utc>,
    /// The key's name.
    pub kid: String,
    /// Ed25519 over [`Checkpoint::text`], base64url.
    pub signature: String,
}

impl Checkpoint {
    /// What is signed.
    pub fn text(&self) -> String {
        let at = self.at.to_rfc3339_opts(SecondsFormat::Micros, true);
        let Self { organisation, chain, seq, digest, .. } = self;
        format!("drawbridge/checkpoint/v1\n{organisation}\n{chain}\n{seq}\n{digest}\n{at}\n")
    }

    /// Whether `key` signed it.
    pub fn is_signed_by(&self, key: &PublicKey) -> bool {
        let signature = URL_SAFE_NO_PAD.decode(&self.signature).ok();
        let signature = signature.and_then(|bytes| Signature::from_slice(&bytes).ok());
        signature.is_some_and(|s| key.0.verify_strict(self.text().as_bytes(), &s).is_ok())
    }
}

/// Signs checkpoints.
#[derive(Clone)]
pub struct Signer(SigningKey);

/// Checks checkpoints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

impl Signer {
    /// The signer of this seed.
    pub fn new(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// Its public half.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }

    /// The head of a chain, signed.
    pub fn checkpoint(
        &self,
        organisation: OrganisationId,
        chain: &str,
        (seq, digest): (u64, &Link),
        at: DateTime<Utc>,
    ) -> Checkpoint {
        let mut checkpoint = Checkpoint {
            organisation: organisation.to_string(),
            chain: chain.to_owned(),
            seq,
            digest: hex(digest),
            at,
            kid: self.public().kid(),
            signature: String::new(),
        };
        let signature = self.0.sign(checkpoint.text().as_bytes());
        checkpoint.signature = URL_SAFE_NO_PAD.encode(signature.to_bytes());
        checkpoint
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({})", self.public().kid())
    }
}

impl PublicKey {
    /// The key of its base64url form, as key sets have it.
    pub fn from_text(text: &str) -> Option<Self> {
        let bytes: [u8; 32] = URL_SAFE_NO_PAD.decode(text.trim()).ok()?.try_into().ok()?;
        VerifyingKey::from_bytes(&bytes).ok().map(Self)
    }

    /// Its base64url form.
    pub fn text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0.as_bytes())
    }

    /// Its name: the beginning of its digest.
    pub fn kid(&self) -> String {
        hex(&Sha256::digest(self.0.as_bytes())).chars().take(16).collect()
    }
}

/// Reads an export line by line, and says where it stops being true.
#[derive(Debug, Default)]
pub struct Verifier {
    last: Option<(u64, Link)>,
    signed: BTreeMap<u64, String>,
    /// What was found so far.
    pub found: Found,
}

/// What a verifier found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// Rows that are as they were written.
    pub rows: u64,
    /// Rows from before there was a chain: nothing can be said of them.
    pub unchained: u64,
    /// Places where rows are left out, as a filter does.
    pub gaps: u64,
    /// The number of the first row.
    pub first: Option<u64>,
    /// The number of the last row.
    pub last: Option<u64>,
    /// Rows that a signed checkpoint names, and agrees with.
    pub signed: u64,
}

/// What is not true of a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// It is no line of an export.
    #[error("this is no line of an export")]
    Unreadable,
    /// It has no number, though the chain has begun.
    #[error("a row without a number stands behind one that has one")]
    Unnumbered,
    /// Its digest is not that of its row.
    #[error("row {0} was changed: its digest is another one")]
    Changed(u64),
    /// It does not follow the row before it.
    #[error("row {0} does not follow the row before it: one of them was changed")]
    Unlinked(u64),
    /// It stands in the wrong place.
    #[error("row {0} stands behind a later one")]
    Misplaced(u64),
    /// A signed checkpoint says otherwise.
    #[error("row {0} is not the one that was signed: the chain was made anew")]
    NotAsSigned(u64),
}

impl Verifier {
    /// One that also compares with checkpoints, whose signatures are checked already.
    pub fn with(checkpoints: impl IntoIterator<Item = Checkpoint>) -> Self {
        let signed = checkpoints.into_iter().map(|c| (c.seq, c.digest)).collect();
        Self { signed, ..Self::default() }
    }

    /// Takes the next line.
    pub fn take(&mut self, line: &str) -> Result<(), Broken> {
        let line: Line = serde_json::from_str(line).map_err(|_unreadable| Broken::Unreadable)?;
        let Some(seq) = line.seq else {
            if self.last.is_some() {
                return Err(Broken::Unnumbered);
            }
            self.found.unchained += 1;
            return Ok(());
        };
        let bytes = |text: Option<&String>| text.and_then(|text| unhex(text));
        let previous = bytes(line.previous.as_ref()).ok_or(Broken::Unreadable)?;
        let digest = bytes(line.digest.as_ref()).ok_or(Broken::Unreadable)?;
        if link(&previous, seq, line.entry.get().as_bytes()) != digest {
            return Err(Broken::Changed(seq));
        }
        match self.last {
            Some((last, _)) if seq <= last => return Err(Broken::Misplaced(seq)),
            Some((last, before)) if seq == last + 1 && before != previous => {
                return Err(Broken::Unlinked(seq));
            }
            Some((last, _)) if seq > last + 1 => self.found.gaps += 1,
            None if seq == 1 && previous != START => return Err(Broken::Changed(seq)),
            _ => {}
        }
        match self.signed.get(&seq) {
            Some(signed) if *signed != hex(&digest) => return Err(Broken::NotAsSigned(seq)),
            Some(_) => self.found.signed += 1,
            None => {}
        }
        self.last = Some((seq, digest));
        self.found.first = self.found.first.or(Some(seq));
        self.found.last = Some(seq);
        self.found.rows += 1;
        Ok(())
    }
}

/// Bytes as hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _infallible = write!(text, "{byte:02x}");
        text
    })
}

fn unhex(text: &str) -> Option<Link> {
    let mut link = START;
    if text.len() != 2 * link.len() || !text.is_ascii() {
        return None;
    }
    for (at, byte) in link.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(link)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// An export of these rows.
    fn lines(entries: &[&str]) -> Vec<String> {
        let mut previous = START;
        let number = |at: usize| u64::try_from(at + 1).unwrap();
        let line = |(at, entry): (usize, &&str)| {
            let digest = link(&previous, number(at), entry.as_bytes());
            let line = Line {
                seq: Some(number(at)),
                previous: Some(hex(&previous)),
                digest: Some(hex(&digest)),
                entry: RawValue::from_string((*entry).to_owned()).unwrap(),
            };
            previous = digest;
            serde_json::to_string(&line).unwrap()
        };
        entries.iter().enumerate().map(line).collect()
    }

    fn verify(lines: &[String]) -> Result<Found, Broken> {
        let mut verifier = Verifier::default();
        lines.iter().try_for_each(|line| verifier.take(line))?;
        Ok(verifier.found)
    }

    const ROWS: [&str; 4] = [r#"{"a":1}"#, r#"{"a": 2}"#, r#"{"b":"x"}"#, "{}"];

    #[test]
    fn a_whole_export_is_true_and_a_part_of_it_has_gaps() {
        let all = lines(&ROWS);
        let whole = verify(&all).unwrap();
        assert_eq!((whole.rows, whole.gaps, whole.first, whole.last), (4, 0, Some(1), Some(4)));
        let part = [all[1].clone(), all[3].clone()];
        assert_eq!(verify(&part).unwrap().gaps, 1);
    }

    #[test]
    fn what_was_done_to_an_export_is_named() {
        let all = lines(&ROWS);
        let mut changed = all.clone();
        changed[1] = changed[1].replace("2}", "3}");
        assert_eq!(verify(&changed), Err(Broken::Changed(2)));
        let mut swapped = all.clone();
        swapped.swap(0, 1);
        assert_eq!(verify(&swapped), Err(Broken::Misplaced(1)));
        // Row 2 made anew with a digest of its own: row 3 still names the old one.
        let other = lines(&[ROWS[0], r#"{"a": 3}"#]);
        let forged = [all[0].clone(), other[1].clone(), all[2].clone()];
        assert_eq!(verify(&forged), Err(Broken::Unlinked(3)));
        assert_eq!(verify(&["{}".to_owned()]), Err(Broken::Unreadable));
    }

    #[test]
    fn a_chain_that_was_made_anew_is_not_the_one_that_was_signed() {
        let signer = Signer::new(&[7; 32]);
        let organisation = OrganisationId::fresh(DateTime::UNIX_EPOCH);
        let second: Line = serde_json::from_str(&lines(&ROWS)[1]).unwrap();
        let digest = unhex(&second.digest.unwrap()).unwrap();
        let at = DateTime::UNIX_EPOCH;
        let head = signer.checkpoint(organisation, "calls", (2, &digest), at);
        assert!(head.is_signed_by(&signer.public()));
        assert!(!head.is_signed_by(&Signer::new(&[8; 32]).public()));
        let moved = Checkpoint { seq: 3, ..head.clone() };
        assert!(!moved.is_signed_by(&signer.public()));
        let mut verifier = Verifier::with([head.clone()]);
        for line in lines(&ROWS) {
            verifier.take(&line).unwrap();
        }
        assert_eq!(verifier.found.signed, 1);
        let mut verifier = Verifier::with([head]);
        let anew = lines(&[ROWS[0], r#"{"a": 3}"#]);
        verifier.take(&anew[0]).unwrap();
        assert_eq!(verifier.take(&anew[1]), Err(Broken::NotAsSigned(2)));
    }

    proptest! {
        #[test]
        fn any_flipped_bit_of_a_row_is_found(
            row in 0..4_usize, at: proptest::sample::Index, bit in 0..7_u8,
        ) {
            let mut all = lines(&ROWS);
            let mut bytes = all[row].clone().into_bytes();
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            all[row] = String::from_utf8(bytes).unwrap();
            // Hexadecimal digits are read in either case; all else is another line.
            let same = all[row].eq_ignore_ascii_case(&lines(&ROWS)[row]) && bit == 5;
            prop_assume!(!same);
            prop_assert!(verify(&all).is_err());
        }

        #[test]
        fn any_flipped_bit_of_a_signature_is_refused(at in 0..64_usize, bit in 0..8_u8) {
            let signer = Signer::new(&[7; 32]);
            let organisation = OrganisationId::fresh(DateTime::UNIX_EPOCH);
            let mut signed = signer.checkpoint(
                organisation, "calls", (2, &START), DateTime::UNIX_EPOCH);
            let mut bytes = URL_SAFE_NO_PAD.decode(&signed.signature).unwrap();
            bytes[at] ^= 1 << bit;
            signed.signature = URL_SAFE_NO_PAD.encode(bytes);
            prop_assert!(!signed.is_signed_by(&signer.public()));
        }
    }
}
