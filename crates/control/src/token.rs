//! Access tokens of the API: JWTs signed with Ed25519, good for 15 minutes, naming a person and an
//! organisation.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use domain::{OrganisationId, UserId};
use ed25519_dalek::SigningKey;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use url::Url;

use crate::hex::hex;

/// Seconds that an access token is good for.
pub(crate) const LIFETIME_SECS: i64 = 15 * 60;

/// Seconds that the clocks of replicas may differ.
const LEEWAY_SECS: i64 = 5;

const AUDIENCE: &str = "drawbridge-api";

/// DER of an Ed25519 private key up to its 32 bytes (RFC 8410, section 7).
const PKCS8_HEAD: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];

/// The keys that sign and check access tokens: one signs, it and former ones check.
pub struct TokenKeys {
    kid: String,
    signing: EncodingKey,
    checking: BTreeMap<String, DecodingKey>,
    published: Vec<Jwk>,
    rules: Validation,
    issuer: String,
}

/// The public half of a key (RFC 8037), as a JWK.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub(crate) struct Jwk {
    /// Always `OKP`.
    kty: &'static str,
    /// Always `Ed25519`.
    crv: &'static str,
    /// What it is for: `sig`.
    #[serde(rename = "use")]
    purpose: &'static str,
    /// Always `EdDSA`.
    alg: &'static str,
    /// The name by which tokens refer to it.
    #[schema(example = "6d1a0b9c3f5e7a21")]
    kid: String,
    /// The key, base64url.
    x: String,
}

impl Jwk {
    /// A key of this name.
    pub(crate) const fn of(kid: String, x: String) -> Self {
        Self { kty: "OKP", crv: "Ed25519", purpose: "sig", alg: "EdDSA", kid, x }
    }
}

/// Whom a good token names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) user: UserId,
    pub(crate) organisation: OrganisationId,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: UserId,
    /// As text: the id of a tenant is read from nothing but a credential that was checked.
    org: String,
    iat: i64,
    exp: i64,
}

impl TokenKeys {
    /// Signs with `current`. Tokens signed with one of `others` are good too: former keys, until
    /// their last token has ended, and the next one, which another replica may use already.
    pub fn new(current: &[u8; 32], others: &[[u8; 32]], public_url: &Url) -> Self {
        let issuer = public_url.origin().ascii_serialization();
        let mut rules = Validation::new(Algorithm::EdDSA);
        rules.set_issuer(&[&issuer]);
        rules.set_audience(&[AUDIENCE]);
        rules.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        // Against our own clock, below.
        rules.validate_exp = false;
        let published: Vec<Jwk> = [current].into_iter().chain(others).map(public).collect();
        let checking = others.iter().chain([current]).map(checking_key).collect();
        Self {
            kid: checking_key(current).0,
            signing: EncodingKey::from_ed_der(&[&PKCS8_HEAD[..], current].concat()),
            checking,
            published,
            rules,
            issuer,
        }
    }

    /// The keys that tokens are checked with, for others who check them.
    pub(crate) fn published(&self) -> &[Jwk] {
        &self.published
    }

    /// A token for `named`.
    pub(crate) fn issue(
        &self,
        named: Named,
        now: DateTime<Utc>,
    ) -> Result<String, jsonwebtoken::errors::Error> {
        let claims = Claims {
            iss: self.issuer.clone(),
            aud: AUDIENCE.to_owned(),
            sub: named.user,
            org: named.organisation.to_string(),
            iat: now.timestamp(),
            exp: (now + TimeDelta::seconds(LIFETIME_SECS)).timestamp(),
        };
        let header = Header { kid: Some(self.kid.clone()), ..Header::new(Algorithm::EdDSA) };
        jsonwebtoken::encode(&header, &claims, &self.signing)
    }

    /// Whom `token` names, if it is ours and good at `now`.
    pub(crate) fn check(&self, token: &str, now: DateTime<Utc>) -> Option<Named> {
        let kid = jsonwebtoken::decode_header(token).ok()?.kid?;
        let key = self.checking.get(&kid)?;
        let claims = jsonwebtoken::decode::<Claims>(token, key, &self.rules).ok()?.claims;
        let now = now.timestamp();
        let fresh = claims.iat <= now + LEEWAY_SECS && now < claims.exp + LEEWAY_SECS;
        let organisation = claims.org.parse().ok()?;
        fresh.then_some(Named { user: claims.sub, organisation })
    }
}

impl fmt::Debug for TokenKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenKeys({})", self.kid)
    }
}

/// The public half of a key.
fn public(seed: &[u8; 32]) -> Jwk {
    let key = SigningKey::from_bytes(seed).verifying_key();
    Jwk::of(kid(key.as_bytes()), URL_SAFE_NO_PAD.encode(key.as_bytes()))
}

/// The beginning of a key's digest.
fn kid(public: &[u8; 32]) -> String {
    hex(&Sha256::digest(public)).chars().take(16).collect()
}

/// A key's name and the key.
fn checking_key(seed: &[u8; 32]) -> (String, DecodingKey) {
    let public = SigningKey::from_bytes(seed).verifying_key();
    (kid(public.as_bytes()), DecodingKey::from_ed_der(public.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        text.parse().unwrap()
    }

    fn named(now: DateTime<Utc>) -> Named {
        Named { user: UserId::fresh(now), organisation: OrganisationId::fresh(now) }
    }

    #[test]
    fn a_token_is_good_for_a_quarter_of_an_hour_and_here_only() {
        let (now, home) = (Utc::now(), url("https://bridge.example"));
        let keys = TokenKeys::new(&[1; 32], &[], &home);
        let who = named(now);
        let token = keys.issue(who, now).unwrap();
        assert_eq!(keys.check(&token, now), Some(who));
        assert_eq!(keys.check(&token, now + TimeDelta::seconds(904)), Some(who));
        assert_eq!(keys.check(&token, now + TimeDelta::seconds(905)), None);
        assert_eq!(keys.check(&token, now - TimeDelta::seconds(6)), None);
        let elsewhere = TokenKeys::new(&[1; 32], &[], &url("https://other.example"));
        assert_eq!(elsewhere.check(&token, now), None);
        assert_eq!(TokenKeys::new(&[2; 32], &[], &home).check(&token, now), None);
        assert_eq!(TokenKeys::new(&[2; 32], &[[1; 32]], &home).check(&token, now), Some(who));
    }

    #[test]
    fn a_token_that_was_touched_is_nobody() {
        let now = Utc::now();
        let keys = TokenKeys::new(&[1; 32], &[], &url("https://bridge.example"));
        let token = keys.issue(named(now), now).unwrap();
        let [head, body, _signature] = token.split('.').collect::<Vec<_>>()[..] else {
            panic!("three parts")
        };
        assert_eq!(keys.check(&format!("{head}.{body}."), now), None);
        // {"alg":"none","kid":…}: the key is right, the algorithm is not.
        assert_eq!(keys.check(&format!("eyJhbGciOiJub25lIn0.{body}."), now), None);
        assert_eq!(keys.check("", now), None);
    }

    proptest::proptest! {
        #[test]
        fn any_flipped_bit_is_refused(seed: [u8; 32], at: proptest::sample::Index, bit in 0..8_u8) {
            let now = Utc::now();
            let keys = TokenKeys::new(&seed, &[], &url("https://bridge.example"));
            let token = keys.issue(named(now), now).unwrap();
            let mut changed = token.clone().into_bytes();
            changed[at.index(token.len())] ^= 1 << bit;
            let good = String::from_utf8(changed).ok().and_then(|token| keys.check(&token, now));
            proptest::prop_assert_eq!(good, None);
        }
    }
}
