//! The guard of public routes.

use std::convert::Infallible;
use std::net::IpAddr;

use axum::extract::FromRequestParts;
use http::header::USER_AGENT;
use http::request::Parts;

use super::{Guard, Right};
use crate::address;
use crate::app::App;

/// Lets everyone in. It carries what sign-in needs: where the caller sits and what it calls itself.
pub struct Anyone {
    app: App,
    address: IpAddr,
    user_agent: String,
}

impl Guard for Anyone {
    const RIGHT: Right = Right::Anyone;
}

impl Anyone {
    /// The shared state.
    pub(crate) const fn app(&self) -> &App {
        &self.app
    }

    /// The address of the client.
    pub(crate) const fn address(&self) -> IpAddr {
        self.address
    }

    /// What the client calls itself; ≤ 200 characters.
    pub(crate) fn user_agent(&self) -> &str {
        &self.user_agent
    }
}

/// The address of the client, for handlers whose guard has no use for it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Address(pub(crate) IpAddr);

impl FromRequestParts<App> for Address {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        Ok(Self(address::of(parts, app.settings())))
    }
}

impl FromRequestParts<App> for Anyone {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        let address = address::of(parts, app.settings());
        let user_agent = parts
            .headers
            .get(USER_AGENT)
            .and_then(|value| value.to_str().ok())
            .map_or_else(String::new, |text| text.chars().take(200).collect());
        Ok(Self { app: app.clone(), address, user_agent })
    }
}
