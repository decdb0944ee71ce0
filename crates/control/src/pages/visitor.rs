//! Whether a visitor of a public page has a session here: decides which links the top bar has,
//! and nothing else.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use http::request::Parts;

use crate::app::App;
use crate::session;

/// A visitor of a public page.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Visitor {
    /// They bring a session cookie. It may have ended; then the next page asks them to sign in.
    pub(crate) signed_in: bool,
}

impl FromRequestParts<App> for Visitor {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        let signed_in = session::presented(app.settings(), &parts.headers).is_some();
        Ok(Self { signed_in })
    }
}
