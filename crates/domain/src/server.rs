//! Upstream servers: transport, status, state of a tool's definition, credentials.

use std::collections::BTreeMap;
use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use crate::id::{OrganisationId, ServerId};
use crate::vault::{DoesNotOpen, Keyring};

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        #[cfg_attr(feature = "sqlx", derive(sqlx::Type), sqlx(type_name = "text", rename_all = "snake_case"))]
        pub enum $name { $($(#[$vdoc])* $variant,)* }

        impl $name {
            /// Every value, in the order they are shown.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The word in the API and the database.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}
pub(crate) use words;

words! {
    /// How the gateway speaks to a server.
    Transport {
        /// Found out at discovery.
        Auto = "auto",
        /// Streamable HTTP, 2025-03-26 and later.
        StreamableHttp = "streamable_http",
        /// HTTP with SSE, 2024-11-05.
        Sse = "sse",
    }
}

words! {
    /// What the last discovery found.
    ServerStatus {
        /// Not discovered yet.
        New = "new",
        /// Its tools are known.
        Ready = "ready",
        /// It did not answer, or not as an MCP server; the problem says how.
        Unreachable = "unreachable",
        /// It wants credentials, or other ones.
        Unauthorized = "unauthorized",
    }
}

words! {
    /// Where a tool's definition stands in its review.
    ToolState {
        /// As reviewed; callable as the policy says.
        Current = "current",
        /// Changed since it was reviewed; quarantined.
        Changed = "changed",
        /// First seen after the server was added; quarantined unless the policy names it.
        New = "new",
        /// No longer listed by the server.
        Removed = "removed",
    }
}

/// What the gateway adds to each request to the server.
#[derive(Debug, Default)]
pub enum UpstreamAuth {
    /// Nothing.
    #[default]
    None,
    /// Static headers, such as `Authorization`; values are secret, names are not.
    Headers(BTreeMap<String, SecretString>),
}

impl UpstreamAuth {
    /// The word in the API.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Headers(_) => "headers",
        }
    }

    /// Sealed for one server of one organisation; `None` where there is nothing to seal.
    pub fn seal(
        &self,
        ring: &Keyring,
        organisation: OrganisationId,
        server: ServerId,
    ) -> Result<Option<Vec<u8>>, DoesNotOpen> {
        let Self::Headers(headers) = self else { return Ok(None) };
        #[expect(clippy::disallowed_methods, reason = "the values go straight into the cipher")]
        let plain: BTreeMap<&str, &str> =
            headers.iter().map(|(name, value)| (name.as_str(), value.expose_secret())).collect();
        let plain = serde_json::to_vec(&plain).map_err(|_infallible| DoesNotOpen)?;
        ring.seal(&plain, &bound_to(organisation, server)).map(Some)
    }

    /// Opens what [`Self::seal`] made.
    pub fn open(
        sealed: Option<&[u8]>,
        ring: &Keyring,
        organisation: OrganisationId,
        server: ServerId,
    ) -> Result<Self, DoesNotOpen> {
        let Some(sealed) = sealed else { return Ok(Self::None) };
        let plain = ring.open(sealed, &bound_to(organisation, server))?;
        let headers: BTreeMap<String, String> =
            serde_json::from_slice(&plain).map_err(|_unreadable| DoesNotOpen)?;
        Ok(Self::Headers(headers.into_iter().map(|(name, value)| (name, value.into())).collect()))
    }
}

fn bound_to(organisation: OrganisationId, server: ServerId) -> Vec<u8> {
    format!("upstream-auth/{organisation}/{server}").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;

    #[test]
    fn credentials_open_for_the_same_server_only_and_never_show() {
        let ring = Keyring::single(&[1; 32]);
        let (organisation, server, other) = (
            OrganisationId::fresh(DateTime::UNIX_EPOCH),
            ServerId::fresh(DateTime::UNIX_EPOCH),
            ServerId::fresh(DateTime::UNIX_EPOCH),
        );
        let headers = [("authorization".to_owned(), SecretString::from("Bearer s3cret"))];
        let auth = UpstreamAuth::Headers(headers.into_iter().collect());
        assert!(!format!("{auth:?}").contains("s3cret"));
        let sealed = auth.seal(&ring, organisation, server).unwrap();
        let opened = UpstreamAuth::open(sealed.as_deref(), &ring, organisation, server).unwrap();
        assert_eq!(opened.kind(), "headers");
        assert!(UpstreamAuth::open(sealed.as_deref(), &ring, organisation, other).is_err());
        assert_eq!(UpstreamAuth::open(None, &ring, organisation, other).unwrap().kind(), "none");
    }
}
