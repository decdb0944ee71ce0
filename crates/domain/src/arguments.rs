//! The values of a call's arguments, for organisations that want them recorded: sealed before they
//! leave the gateway's memory, opened only to be shown.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::id::{CallId, OrganisationId};
use crate::vault::{DoesNotOpen, Keyring};

/// Arguments as they came, sealed for one call of one organisation; or, where they were too long
/// to be kept, only that they were.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedArguments(Vec<u8>);

impl SealedArguments {
    /// The longest arguments that are kept, in bytes.
    pub const MAX: usize = 32 << 10;

    /// Seals the arguments of a call.
    pub fn seal(
        arguments: &[u8],
        ring: &Keyring,
        organisation: OrganisationId,
        call: CallId,
    ) -> Result<Self, DoesNotOpen> {
        if arguments.len() > Self::MAX {
            return Ok(Self(Vec::new()));
        }
        ring.seal(arguments, &bound_to(organisation, call)).map(Self)
    }

    /// Opens what [`Self::seal`] made; `None` where it was too long to be kept.
    pub fn open(
        &self,
        ring: &Keyring,
        organisation: OrganisationId,
        call: CallId,
    ) -> Result<Option<Vec<u8>>, DoesNotOpen> {
        if self.0.is_empty() {
            return Ok(None);
        }
        ring.open(&self.0, &bound_to(organisation, call)).map(Some)
    }

    /// As stored: nothing sealed is empty, so an empty record says "too long".
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// What was stored.
    pub const fn from_bytes(stored: Vec<u8>) -> Self {
        Self(stored)
    }
}

fn bound_to(organisation: OrganisationId, call: CallId) -> Vec<u8> {
    format!("call-arguments/{organisation}/{call}").into_bytes()
}

impl fmt::Debug for SealedArguments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealedArguments(…)")
    }
}

impl Serialize for SealedArguments {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for SealedArguments {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        STANDARD.decode(text).map(Self).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    #[test]
    fn arguments_open_for_their_own_call_only_and_never_show() {
        let ring = Keyring::single(&[1; 32]);
        let organisation = OrganisationId::fresh(DateTime::UNIX_EPOCH);
        let other = OrganisationId::fresh(DateTime::UNIX_EPOCH);
        let call = CallId::fresh(DateTime::UNIX_EPOCH);
        let plain = br#"{"note":"s3cret"}"#;
        let sealed = SealedArguments::seal(plain, &ring, organisation, call).unwrap();
        let spooled = serde_json::to_string(&sealed).unwrap();
        assert!(!format!("{sealed:?}{spooled}").contains("s3cret"));
        assert_eq!(serde_json::from_str::<SealedArguments>(&spooled).unwrap(), sealed);
        assert_eq!(sealed.open(&ring, organisation, call).unwrap().as_deref(), Some(&plain[..]));
        assert!(sealed.open(&ring, other, call).is_err());
        let another = CallId::fresh(DateTime::UNIX_EPOCH);
        assert!(sealed.open(&ring, organisation, another).is_err());
    }

    #[test]
    fn what_is_too_long_is_known_to_have_been_too_long() {
        let ring = Keyring::single(&[1; 32]);
        let organisation = OrganisationId::fresh(DateTime::UNIX_EPOCH);
        let call = CallId::fresh(DateTime::UNIX_EPOCH);
        let opened = |length: usize| {
            let sealed = SealedArguments::seal(&vec![b'x'; length], &ring, organisation, call);
            sealed.unwrap().open(&ring, organisation, call).unwrap()
        };
        assert_eq!(opened(SealedArguments::MAX).map(|plain| plain.len()), Some(32 << 10));
        assert_eq!(opened(SealedArguments::MAX + 1), None);
    }
}
