//! The session that a request belongs to, opened from the id that the client was given.

use http::{HeaderMap, HeaderValue, StatusCode};
use mcp::headers::MCP_SESSION_ID;
use mcp::method::Method;
use mcp::version::Era;

use super::seal::{self, Holder, Seals};
use super::store::{SessionKey, TenantSession};
use crate::call::{Call, ClientName};
use crate::gateway::Gateway;
use crate::identify::{Caller, Place};
use crate::refusal::Refusal;

/// See the module.
#[derive(Debug, Clone)]
pub(crate) enum Joined {
    /// None: the era has no sessions, the server keeps none, or it is being opened.
    Outside,
    /// A session with one server, whose id was sealed into the client's.
    Direct(DirectSession),
    /// A session on the per-tenant URL.
    Tenant(SessionKey, TenantSession),
    /// A session of the gateway's own, with one server that has none.
    Bridged(SessionKey, TenantSession),
}

/// What is sealed into the id of a session with one server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DirectSession {
    pub(crate) client: ClientName,
    /// The id that the server gave.
    pub(crate) upstream: Vec<u8>,
}

impl DirectSession {
    /// The id to give to the client; `None` if it would be too long.
    pub(crate) fn sealed(&self, seals: &Seals, holder: Holder) -> Option<HeaderValue> {
        // Names hold no control characters, so NUL parts them.
        let names = format!("{}\0{}\0", self.client.name, self.client.version);
        let content = [names.as_bytes(), &self.upstream].concat();
        HeaderValue::from_str(&seals.session(holder, &content)?).ok()
    }

    fn open(seals: &Seals, holder: Holder, presented: &HeaderValue) -> Option<Self> {
        let content = seals.open_session(holder, presented.as_bytes())?;
        let mut parts = content.splitn(3, |byte| *byte == 0);
        let mut text = || String::from_utf8(parts.next()?.to_vec()).ok();
        let client = ClientName { name: text()?, version: text()? };
        Some(Self { client, upstream: parts.next()?.to_vec() })
    }
}

impl Joined {
    /// Opens the session that a request names. One that does not open is not there.
    pub(crate) async fn of(
        gw: &Gateway,
        caller: &Caller,
        call: &Call<'_>,
        headers: &HeaderMap,
    ) -> Result<Self, Refusal> {
        if call.dialect.era == Era::Modern || call.method() == Method::Initialize {
            return Ok(Self::Outside);
        }
        Self::named(gw, caller, headers).await
    }

    /// The session that the headers name.
    pub(crate) async fn named(
        gw: &Gateway,
        caller: &Caller,
        headers: &HeaderMap,
    ) -> Result<Self, Refusal> {
        let mut values = headers.get_all(MCP_SESSION_ID).iter();
        let presented = match (values.next(), values.next(), &caller.place) {
            (Some(presented), None, _) => presented,
            (None, _, Place::Server(_)) => return Ok(Self::Outside),
            _ => {
                let text = "Bad Request: one Mcp-Session-Id is required";
                return Err(Refusal::Http(StatusCode::BAD_REQUEST, text));
            }
        };
        match &caller.place {
            Place::Server(_) => match DirectSession::open(&gw.seals, caller.holder(), presented) {
                Some(session) => Ok(Self::Direct(session)),
                None => Self::bridged(gw, caller.holder(), presented).await,
            },
            Place::Tenant => Self::tenant(gw, caller.holder(), presented).await,
        }
    }

    async fn tenant(
        gw: &Gateway,
        holder: Holder,
        presented: &HeaderValue,
    ) -> Result<Self, Refusal> {
        let key = gw.seals.open_session(holder, presented.as_bytes());
        let (key, row) = row_of(gw, key).await?;
        Ok(Self::Tenant(key, row))
    }

    async fn bridged(
        gw: &Gateway,
        holder: Holder,
        presented: &HeaderValue,
    ) -> Result<Self, Refusal> {
        let key = gw.seals.open_bridged(holder, presented.as_bytes());
        let (key, row) = row_of(gw, key).await?;
        Ok(Self::Bridged(key, row))
    }

    /// The gateway's own session, if it is one.
    pub(crate) fn row(&self) -> Option<(SessionKey, &TenantSession)> {
        match self {
            Self::Tenant(key, row) | Self::Bridged(key, row) => Some((*key, row)),
            Self::Outside | Self::Direct(_) => None,
        }
    }

    /// What ids of server requests are bound to, and what digests are of.
    pub(crate) fn binding(&self) -> &[u8] {
        match self {
            Self::Outside => &[],
            Self::Direct(session) => &session.upstream,
            Self::Tenant(key, _) | Self::Bridged(key, _) => key,
        }
    }

    /// Its digest, if there is one.
    pub(crate) fn digest(&self, holder: Holder) -> Option<[u8; 16]> {
        match self {
            Self::Outside => None,
            Self::Direct(_) | Self::Tenant(..) | Self::Bridged(..) => {
                Some(seal::digest(holder, self.binding()))
            }
        }
    }

    /// What the client called itself when it initialized.
    pub(crate) fn client(&self) -> Option<ClientName> {
        match self {
            Self::Outside => None,
            Self::Direct(session) => Some(session.client.clone()),
            Self::Tenant(_, row) | Self::Bridged(_, row) => row.client(),
        }
        .filter(|client| !client.name.is_empty())
    }
}

/// The row of an opened id.
async fn row_of(
    gw: &Gateway,
    key: Option<Vec<u8>>,
) -> Result<(SessionKey, TenantSession), Refusal> {
    let key = key.and_then(|key| SessionKey::try_from(key).ok()).ok_or(Refusal::NoSession)?;
    match gw.sessions.find(key).await {
        Ok(Some(row)) => Ok((key, row)),
        Ok(None) => Err(Refusal::NoSession),
        Err(_lost) => Err(Refusal::Unavailable),
    }
}

impl TenantSession {
    fn client(&self) -> Option<ClientName> {
        let tape = json::parse(self.params.as_bytes()).ok()?;
        ClientName::read(tape.root().get("clientInfo")?)
    }
}
