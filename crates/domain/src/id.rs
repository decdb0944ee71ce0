//! Typed ids: a UUIDv7 inside, prefixed text outside (`org_0199…`), so that ids of different
//! things cannot be mixed and people recognise them in logs and messages.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use rand::RngCore;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::{Builder, Uuid};

/// The text is not an id of the expected kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a valid id: expected `{prefix}_` and 32 hexadecimal digits")]
pub struct BadId {
    /// The prefix that an id of this kind has.
    pub prefix: &'static str,
}

/// Makes a UUIDv7 of the given time: sortable by creation, 74 random bits.
fn fresh_uuid(now: DateTime<Utc>) -> Uuid {
    let mut random = [0_u8; 10];
    rand::rng().fill_bytes(&mut random);
    let millis = u64::try_from(now.timestamp_millis()).unwrap_or(0);
    Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
}

fn parse(prefix: &'static str, text: &str) -> Result<Uuid, BadId> {
    text.strip_prefix(prefix)
        .and_then(|rest| rest.strip_prefix('_'))
        .filter(|hex| {
            hex.len() == 32 && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        })
        .and_then(|hex| Uuid::try_parse(hex).ok())
        .ok_or(BadId { prefix })
}

/// Declares one id type with its prefix.
macro_rules! typed_id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[cfg_attr(feature = "sqlx", derive(sqlx::Type), sqlx(transparent))]
        pub struct $name(Uuid);

        impl $name {
            /// The prefix of its text form.
            pub const PREFIX: &'static str = $prefix;

            /// A new id that sorts by `now`.
            pub fn fresh(now: DateTime<Utc>) -> Self {
                Self(fresh_uuid(now))
            }

            /// The id of a stored row.
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The value that the database keeps.
            pub const fn as_uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}_{}", $prefix, self.0.simple())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = BadId;
            fn from_str(text: &str) -> Result<Self, BadId> {
                parse($prefix, text).map(Self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.collect_str(self)
            }
        }
    };
}

/// Lets an id be read from a path, query or body.
macro_rules! readable_id {
    ($($name:ident),*) => {$(
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(from)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

typed_id! {
    /// The tenant. Deliberately without `Deserialize`: no path, query or body can name it; only
    /// a guard makes one, after it has checked the credential.
    OrganisationId, "org"
}
typed_id! {
    /// A person.
    UserId, "usr"
}
typed_id! {
    /// One upstream MCP server of an organisation.
    ServerId, "srv"
}
typed_id! {
    /// A policy; its versions are numbered within it.
    PolicyId, "pol"
}
typed_id! {
    /// What an agent holds: a labelled token.
    GrantId, "grt"
}
typed_id! {
    /// A credential of the admin REST API.
    ApiKeyId, "key"
}
typed_id! {
    /// One recorded MCP call.
    CallId, "call"
}
typed_id! {
    /// A signed-in browser, or a family of refresh tokens.
    SessionId, "ses"
}
typed_id! {
    /// One attempt at a request that came with an idempotency key.
    AttemptId, "att"
}
typed_id! {
    /// One row of the admin audit log.
    EventId, "evt"
}
typed_id! {
    /// A signed head of an audit chain.
    CheckpointId, "chk"
}
typed_id! {
    /// An address that is told of changes.
    WebhookId, "whk"
}
typed_id! {
    /// One event told, or to be told, to a webhook.
    DeliveryId, "dlv"
}
typed_id! {
    /// A client that registered itself to log in by OAuth.
    ClientId, "cli"
}
typed_id! {
    /// What one person allowed one client that logged in by OAuth.
    ConnectionId, "con"
}
readable_id!(
    WebhookId,
    DeliveryId,
    UserId,
    ServerId,
    PolicyId,
    GrantId,
    ApiKeyId,
    CallId,
    SessionId,
    ConnectionId
);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn an_id_survives_the_round_trip_through_text(bits in any::<u128>()) {
            let id = ServerId::from_uuid(Uuid::from_u128(bits));
            prop_assert_eq!(id.to_string().parse::<ServerId>(), Ok(id));
        }
    }

    #[test]
    fn ids_of_another_kind_and_other_spellings_are_refused() {
        let id = GrantId::fresh(DateTime::UNIX_EPOCH).to_string();
        assert!(id.parse::<ServerId>().is_err());
        assert!(id.to_uppercase().parse::<GrantId>().is_err());
        assert!(format!("{id}0").parse::<GrantId>().is_err());
        assert!("grt_".parse::<GrantId>().is_err());
    }

    #[test]
    fn later_ids_sort_after_earlier_ones() {
        let early = CallId::fresh(DateTime::from_timestamp(1_000, 0).unwrap());
        let late = CallId::fresh(DateTime::from_timestamp(1_001, 0).unwrap());
        assert!(early < late);
    }
}
