//! From a request's credential to who it is: the look-ups behind the guards.

use std::net::IpAddr;

use axum::extract::{FromRequestParts, RawPathParams};
use chrono::{DateTime, TimeDelta, Utc};
use domain::secret::{KeyDigest, KeyKind};
use domain::{AttemptId, OrganisationId, Role, Slug, UserId};
use http::header::AUTHORIZATION;
use http::request::Parts;
use ipnet::IpNet;
use store::auth::{BrowserSession, LiveKey, Membership};
use store::{Actor, Credential, Origin, Tenant};

use crate::address;
use crate::app::App;
use crate::failure::{Failure, Kind};
use crate::hex::hex;
use crate::session;
use crate::surface::Surface;
use crate::token::Named;

/// Who acts, in which organisation, with which role.
#[derive(Debug, Clone)]
pub(crate) struct Principal {
    pub(crate) actor: Actor,
    pub(crate) role: Role,
    pub(crate) organisation: OrganisationId,
    pub(crate) slug: Slug,
    pub(crate) origin: Origin,
}

impl Principal {
    /// The principal of a request, by the rules of its surface.
    pub(crate) async fn of(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        // A layer may have asked already.
        if let Some(known) = parts.extensions.get::<Self>() {
            return Ok(known.clone());
        }
        match Surface::of(parts.uri.path()) {
            Surface::Api => Self::of_bearer(parts, app).await,
            Surface::Page => Self::of_browser(parts, app).await,
            // Nothing of an organisation is served there.
            Surface::OAuth => Err(Failure::unauthenticated()),
        }
    }

    /// The tenant that this principal may act in.
    pub(crate) const fn tenant(&self) -> Tenant {
        Tenant { organisation: self.organisation, actor: self.actor, origin: self.origin }
    }

    /// The same, in an attempt under an idempotency key.
    #[must_use]
    pub(crate) fn in_attempt(mut self, attempt: AttemptId) -> Self {
        self.origin.attempt = Some(attempt);
        self
    }

    /// On the API the credential names the organisation; no path does.
    async fn of_bearer(parts: &Parts, app: &App) -> Result<Self, Failure> {
        match Bearer::of(parts, app)? {
            Bearer::Key(digest) => {
                let key = app.store().find_api_key(digest, app.now()).await?;
                let key = key.ok_or_else(Failure::unauthenticated)?;
                let address = address::of(parts, app.settings());
                admitted(&key, address)?;
                Ok(Self::key(key, address))
            }
            Bearer::Token(named) => {
                let membership =
                    app.store().find_membership_by_id(named.user, named.organisation).await?;
                let membership = membership.ok_or_else(Failure::unauthenticated)?;
                let credential = Credential::AccessToken;
                Ok(Self::member(named.user, membership, origin(parts, app, credential)))
            }
        }
    }

    /// On pages the path names it, and the person must belong to it: another organisation is as
    /// unknown as one that never was.
    async fn of_browser(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        let session = browser(parts, app).await?;
        let slug = organisation_of_path(parts).await?;
        let membership = app.store().find_membership(session.user.id, slug.as_str()).await?;
        let membership = membership.ok_or_else(Failure::not_found)?;
        let origin = origin(parts, app, Credential::Session(session.id));
        Ok(Self::member(session.user.id, membership, origin))
    }

    fn member(user: UserId, membership: Membership, origin: Origin) -> Self {
        Self {
            actor: Actor::User(user),
            role: membership.role,
            organisation: membership.organisation,
            slug: membership.slug,
            origin,
        }
    }

    fn key(key: LiveKey, address: IpAddr) -> Self {
        let credential = Credential::Key(key.id);
        Self {
            actor: Actor::Key(key.id),
            role: key.role,
            organisation: key.organisation,
            slug: key.slug,
            origin: Origin { credential, address: Some(address), attempt: None },
        }
    }
}

fn origin(parts: &Parts, app: &App, credential: Credential) -> Origin {
    Origin { credential, address: Some(address::of(parts, app.settings())), attempt: None }
}

/// Whether a key may be used from an address. A network that cannot be read admits nobody.
fn admitted(key: &LiveKey, address: IpAddr) -> Result<(), Failure> {
    let networks: Vec<IpNet> =
        key.allowed_addresses.iter().filter_map(|text| address::network(text).ok()).collect();
    if key.allowed_addresses.is_empty() || address::contains(&networks, address) {
        return Ok(());
    }
    Err(Failure::new(
        Kind::WrongAddress,
        format!(
            "This API key may not be used from {address}. An admin made it for other networks."
        ),
    ))
}

/// A bearer credential that has the right form, and, if it is a token, is good.
pub(crate) enum Bearer {
    /// Digest of an API key, to be looked up.
    Key(KeyDigest),
    /// An access token of ours that has not expired.
    Token(Named),
}

impl Bearer {
    pub(crate) fn of(parts: &Parts, app: &App) -> Result<Self, Failure> {
        let mut values = parts.headers.get_all(AUTHORIZATION).iter();
        // Two credentials: nobody can say which was meant.
        let (Some(value), None) = (values.next(), values.next()) else {
            return Err(Failure::unauthenticated());
        };
        let (scheme, credential) = value
            .to_str()
            .ok()
            .and_then(|text| text.split_once(' '))
            .ok_or_else(Failure::unauthenticated)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(Failure::unauthenticated());
        }
        let found = if credential.starts_with(KeyKind::Api.prefix()) {
            KeyDigest::of_presented(KeyKind::Api, credential).map(Self::Key)
        } else {
            app.token_keys().check(credential, app.now()).map(Self::Token)
        };
        found.ok_or_else(|| explain(credential))
    }

    /// A name for it, to count by.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Key(digest) => format!("key {}", hex(digest.as_bytes())),
            Self::Token(Named { user, organisation }) => format!("token {user} {organisation}"),
        }
    }
}

/// 401; for a grant's token with the reason, because that mistake is made often.
fn explain(credential: &str) -> Failure {
    if credential.starts_with(KeyKind::Grant.prefix()) {
        return Failure::new(
            Kind::Unauthenticated,
            "This is a grant's token. It opens the gateway for an MCP client; the API takes an \
             API key (dbk_…).",
        );
    }
    Failure::unauthenticated()
}

/// The session of a browser. Its use is noted every few minutes, and puts off its end.
pub(super) async fn browser(parts: &Parts, app: &App) -> Result<BrowserSession, Failure> {
    let digest =
        session::presented(app.settings(), &parts.headers).ok_or_else(Failure::unauthenticated)?;
    let now = app.now();
    let session = app.store().find_browser_session(digest, now).await?;
    let session = session.ok_or_else(Failure::unauthenticated)?;
    if now - session.seen_at >= TimeDelta::minutes(5) {
        app.store().touch_session(session.id, now, ends_at(now)).await?;
    }
    Ok(session)
}

/// When a session that is used at `now` ends, if it is not used again.
pub(crate) fn ends_at(now: DateTime<Utc>) -> DateTime<Utc> {
    now + TimeDelta::days(session::IDLE_DAYS)
}

async fn organisation_of_path(parts: &mut Parts) -> Result<Slug, Failure> {
    let params = RawPathParams::from_request_parts(parts, &()).await;
    let params = params.map_err(|_unreadable| Failure::not_found())?;
    let slug = params.iter().find(|(name, _)| *name == "organisation");
    // A page with `Can` outside `/o/{organisation}` is a mistake of ours; it shows nothing.
    slug.and_then(|(_, slug)| slug.parse().ok()).ok_or_else(Failure::not_found)
}
