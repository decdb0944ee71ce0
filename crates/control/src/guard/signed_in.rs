//! The guard of what belongs to a person, whatever their organisations.

use axum::extract::FromRequestParts;
use http::request::Parts;
use store::auth::User;

use super::principal::{Bearer, browser};
use super::{Guard, Right};
use crate::app::App;
use crate::failure::Failure;
use crate::surface::Surface;

/// Lets in a person: by session cookie on pages, by access token on the API. API keys are not
/// people.
pub struct SignedIn {
    app: App,
    user: User,
}

impl Guard for SignedIn {
    const RIGHT: Right = Right::SignedIn;
}

impl SignedIn {
    /// The shared state.
    pub(crate) const fn app(&self) -> &App {
        &self.app
    }

    /// The person.
    pub(crate) const fn user(&self) -> &User {
        &self.user
    }
}

impl FromRequestParts<App> for SignedIn {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        let user = match Surface::of(parts.uri.path()) {
            Surface::Page => browser(parts, app).await?.user,
            Surface::OAuth => return Err(Failure::unauthenticated()),
            Surface::Api => match Bearer::of(parts, app)? {
                Bearer::Token(named) => {
                    let user = app.store().find_user(named.user).await?;
                    user.ok_or_else(Failure::unauthenticated)?
                }
                Bearer::Key(_) => return Err(Failure::unauthenticated()),
            },
        };
        Ok(Self { app: app.clone(), user })
    }
}
