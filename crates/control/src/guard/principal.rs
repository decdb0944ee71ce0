//! From a request's credential to who it is: the look-ups behind the guards.

use axum::extract::{FromRequestParts, RawPathParams};
use chrono::{DateTime, TimeDelta, Utc};
use domain::secret::{KeyDigest, KeyKind};
use domain::{OrganisationId, Role, Slug};
use http::header::AUTHORIZATION;
use http::request::Parts;
use store::auth::{BrowserSession, LiveKey, Membership};
use store::{Actor, Tenant};

use crate::app::App;
use crate::failure::{Failure, Kind};
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
}

impl Principal {
    /// The principal of a request, by the rules of its surface.
    pub(super) async fn of(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        match Surface::of(parts.uri.path()) {
            Surface::Api => Self::of_bearer(parts, app).await,
            Surface::Page => Self::of_browser(parts, app).await,
            // Nothing of an organisation is served there.
            Surface::OAuth => Err(Failure::unauthenticated()),
        }
    }

    /// The tenant that this principal may act in.
    pub(super) const fn tenant(&self) -> Tenant {
        Tenant { organisation: self.organisation, actor: self.actor }
    }

    /// On the API the credential names the organisation; no path does.
    async fn of_bearer(parts: &Parts, app: &App) -> Result<Self, Failure> {
        match Bearer::of(parts, app)? {
            Bearer::Key(digest) => {
                let key = app.store().find_api_key(digest, app.now()).await?;
                key.map(Self::from).ok_or_else(Failure::unauthenticated)
            }
            Bearer::Token(named) => {
                let membership =
                    app.store().find_membership_by_id(named.user, named.organisation).await?;
                let membership = membership.ok_or_else(Failure::unauthenticated)?;
                Ok(Self::member(Actor::User(named.user), membership))
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
        Ok(Self::member(Actor::User(session.user.id), membership))
    }

    fn member(actor: Actor, membership: Membership) -> Self {
        Self {
            actor,
            role: membership.role,
            organisation: membership.organisation,
            slug: membership.slug,
        }
    }
}

impl From<LiveKey> for Principal {
    fn from(key: LiveKey) -> Self {
        Self {
            actor: Actor::Key(key.id),
            role: key.role,
            organisation: key.organisation,
            slug: key.slug,
        }
    }
}

/// A bearer credential that has the right form, and, if it is a token, is good.
pub(super) enum Bearer {
    /// Digest of an API key, to be looked up.
    Key(KeyDigest),
    /// An access token of ours that has not expired.
    Token(Named),
}

impl Bearer {
    pub(super) fn of(parts: &Parts, app: &App) -> Result<Self, Failure> {
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
