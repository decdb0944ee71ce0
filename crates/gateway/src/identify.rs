//! Who calls: a bearer token, digested; junk is refused by its checksum before anything is
//! looked up. All refusals of identity are one and the same answer.

use std::sync::Arc;
use std::time::Duration;

use axum::response::Response;
use domain::secret::{KeyDigest, KeyKind};
use domain::{ConnectionId, ServerId, Slug};
use http::header::{AUTHORIZATION, CACHE_CONTROL, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, StatusCode};

use crate::front::body::json_response;
use crate::front::well_known;
use crate::gateway::Gateway;
use crate::inbound::Inbound;
use crate::session::seal::Holder;
use crate::settings::Settings;
use crate::view::{BindingView, GrantView, Live, NoView, OrganisationView, Standing};

/// Refusals that had to look something up are answered at multiples of this, so that their
/// timing says nothing of what was found.
const BEAT: Duration = Duration::from_millis(20);
const SCHEME: &str = "bearer";
const BODY: &str = r#"{"error":"invalid_token","error_description":"The token is missing, unknown, expired, revoked, or not for this address."}"#;

/// Who calls, and where.
pub(crate) struct Caller {
    pub(crate) live: Arc<Live>,
    pub(crate) view: Arc<OrganisationView>,
    pub(crate) grant: Arc<GrantView>,
    /// The client's connection, if it logged in.
    pub(crate) connection: Option<ConnectionId>,
    pub(crate) place: Place,
}

/// The address that was called.
pub(crate) enum Place {
    /// One server's own.
    Server(Arc<BindingView>),
    /// All servers of the grant.
    Tenant,
}

impl Place {
    /// The server, if it is the address of one.
    fn server(&self) -> Option<ServerId> {
        match self {
            Self::Server(binding) => Some(binding.server.id),
            Self::Tenant => None,
        }
    }
}

/// Why nobody was let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TurnedAway {
    /// Not a token of ours, or not good here.
    Unknown,
    /// Nobody can say at the moment.
    Unavailable,
}

impl Caller {
    /// Who ids are sealed for.
    pub(crate) fn holder(&self) -> Holder {
        Holder { organisation: self.view.id, grant: self.grant.id, server: self.place.server() }
    }

    /// By what it is known from view to view.
    pub(crate) fn standing(&self) -> Standing {
        Standing { grant: self.grant.id, connection: self.connection }
    }

    /// The same caller in the view of this moment, if still good.
    pub(crate) fn renewed(&self, gw: &Gateway) -> Option<Self> {
        let view = self.live.view();
        let grant = Arc::clone(view.grant(self.standing(), gw.clock.now())?);
        let place = match &self.place {
            Place::Server(binding) => {
                Place::Server(Arc::clone(grant.binding_to(binding.server.id)?))
            }
            Place::Tenant => Place::Tenant,
        };
        let connection = self.connection;
        Some(Self { live: Arc::clone(&self.live), view, grant, connection, place })
    }
}

/// Finds out who calls: token, organisation, grant, binding.
pub(crate) async fn caller(gw: &Gateway, request: &Inbound) -> Result<Caller, TurnedAway> {
    let token = presented(&request.headers).ok_or(TurnedAway::Unknown)?;
    let found = look_up(gw, request, &token).await;
    if matches!(found, Err(TurnedAway::Unknown)) {
        let spent = request.started.elapsed().as_millis();
        let beats = u32::try_from(spent / BEAT.as_millis()).unwrap_or(u32::MAX);
        let until = request.started + BEAT.saturating_mul(beats.saturating_add(1));
        tokio::time::sleep_until(until.into()).await;
    }
    found
}

async fn look_up(gw: &Gateway, request: &Inbound, token: &KeyDigest) -> Result<Caller, TurnedAway> {
    let slug: Slug = request.organisation.parse().map_err(|_no_slug| TurnedAway::Unknown)?;
    let live = gw.views.of(&slug).await.map_err(|reason| match reason {
        NoView::Unknown => TurnedAway::Unknown,
        NoView::Unavailable => TurnedAway::Unavailable,
    })?;
    let mut view = live.view();
    if view.token(token, request.at).is_none() && Box::pin(gw.views.catch_up(&live)).await {
        view = live.view();
    }
    let Some(token) = view.token(token, request.at) else {
        // A token minted since the source was lost is not known to be bad.
        let is_lost = gw.views.is_lost();
        return Err(if is_lost { TurnedAway::Unavailable } else { TurnedAway::Unknown });
    };
    let (grant, issued) = (Arc::clone(&token.grant), token.issued);
    let place = match &request.server {
        Some(server) => grant.binding(server).map(|b| Place::Server(Arc::clone(b))),
        None => Some(Place::Tenant),
    };
    // A token that was issued for another address is none here.
    let place = place.filter(|place| issued.is_none_or(|issued| issued.server == place.server()));
    let place = place.ok_or(TurnedAway::Unknown)?;
    Ok(Caller { live, view, grant, connection: issued.map(|issued| issued.connection), place })
}

/// The digest of the grant token that a request presents, if it has the form of one.
pub(crate) fn presented(headers: &HeaderMap) -> Option<KeyDigest> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next()?.to_str().ok()?;
    if values.next().is_some() {
        return None;
    }
    let (scheme, token) = value.split_once(' ')?;
    let is_bearer = scheme.eq_ignore_ascii_case(SCHEME);
    KeyDigest::of_presented(KeyKind::Grant, token.trim_start()).filter(|_| is_bearer)
}

/// The one answer to a caller that is not known here.
pub(crate) fn unknown(settings: &Settings, path: &str) -> Response {
    let mut response = json_response(StatusCode::UNAUTHORIZED, BODY);
    let metadata = well_known::metadata_url(settings, path);
    let scope = well_known::SCOPE;
    let challenge = format!("Bearer resource_metadata=\"{metadata}\", scope=\"{scope}\"");
    let headers = response.headers_mut();
    if let Ok(challenge) = HeaderValue::from_str(&challenge) {
        headers.insert(WWW_AUTHENTICATE, challenge);
    }
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::secret::PlainKey;

    fn asked(values: &[&str]) -> Option<KeyDigest> {
        let pairs = values.iter().map(|v| (AUTHORIZATION, HeaderValue::from_str(v).unwrap()));
        let mut headers = HeaderMap::new();
        pairs.for_each(|(name, value)| {
            headers.append(name, value);
        });
        presented(&headers)
    }

    #[test]
    fn only_one_well_formed_bearer_token_is_looked_up() {
        let key = PlainKey::fresh(KeyKind::Grant);
        let good = format!("Bearer {}", key.reveal());
        assert_eq!(asked(&[&good]), Some(key.digest()));
        assert_eq!(asked(&[&format!("bEARER  {}", key.reveal())]), Some(key.digest()));
        assert_eq!(asked(&[]), None);
        assert_eq!(asked(&[&good, &good]), None);
        assert_eq!(asked(&[&format!("Basic {}", key.reveal())]), None);
        assert_eq!(asked(&[key.reveal()]), None);
        assert_eq!(asked(&[&format!("{good}x")]), None);
        assert_eq!(asked(&[&format!("Bearer {}", PlainKey::fresh(KeyKind::Api).reveal())]), None);
    }
}
