//! The guard of public routes.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use http::header::USER_AGENT;
use http::request::Parts;

use super::{Guard, Right};
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

    /// The address of the connection.
    pub(crate) const fn address(&self) -> IpAddr {
        self.address
    }

    /// What the client calls itself; ≤ 200 characters.
    pub(crate) fn user_agent(&self) -> &str {
        &self.user_agent
    }
}

/// The address of the connection, for handlers whose guard has no use for it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Address(pub(crate) IpAddr);

impl Address {
    /// Without connection info (in-process tests) all callers share one address.
    fn of(parts: &Parts) -> Self {
        let info = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        Self(info.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |info| info.0.ip()))
    }
}

impl<S: Sync> FromRequestParts<S> for Address {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        Ok(Self::of(parts))
    }
}

impl FromRequestParts<App> for Anyone {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        let Address(address) = Address::of(parts);
        let user_agent = parts
            .headers
            .get(USER_AGENT)
            .and_then(|value| value.to_str().ok())
            .map_or_else(String::new, |text| text.chars().take(200).collect());
        Ok(Self { app: app.clone(), address, user_agent })
    }
}
