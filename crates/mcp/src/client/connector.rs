//! The connector: resolve, check each address, connect to exactly one that passed.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::select_ok;
use http::Uri;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower_service::Service;

use super::CONNECT_TIMEOUT;
use super::address::{AddressRules, Refused};
use super::names::Names;

/// How long one address is tried before the next one is tried beside it.
const HEAD_START: Duration = Duration::from_millis(250);

/// More addresses than this are not tried.
const MAX_ADDRESSES: usize = 8;

/// Makes the connections of [`super::Client`]; the check cannot be gone around, because there is
/// no other maker.
#[derive(Clone)]
pub(super) struct Guarded {
    rules: Arc<AddressRules>,
    names: Names,
}

impl Guarded {
    pub(super) fn new(rules: AddressRules) -> Self {
        Self::resolving(rules, Names::system())
    }

    /// One that asks something else than the system for addresses.
    pub(super) fn resolving(rules: AddressRules, names: Names) -> Self {
        Self { rules: Arc::new(rules), names }
    }

    pub(super) fn rules(&self) -> &AddressRules {
        &self.rules
    }

    /// The allowed addresses of a host; at least one, or the reason why there is none.
    pub(super) async fn addresses(
        &self,
        host: &str,
        port: u16,
    ) -> Result<Vec<SocketAddr>, ConnectError> {
        let found = self.names.resolve(host, port).await?;
        let mut refused = None;
        let mut allowed = Vec::new();
        for address in found.into_iter().take(MAX_ADDRESSES) {
            match self.rules.check(address) {
                Ok(()) => allowed.push(address),
                Err(why) => refused = refused.or(Some(why)),
            }
        }
        match refused {
            Some(why) if allowed.is_empty() => Err(ConnectError::Refused(why)),
            None if allowed.is_empty() => Err(ConnectError::Unresolvable(None)),
            _ => Ok(allowed),
        }
    }

    async fn connect(self, uri: Uri) -> Result<TokioIo<TcpStream>, ConnectError> {
        let is_tls = uri.scheme_str() == Some("https");
        let port = uri.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
        let host = uri.host().ok_or(ConnectError::Refused(Refused::NoHost))?;
        let reach = async {
            let addresses = self.addresses(host, port).await?;
            race(addresses).await.map_err(ConnectError::Failed)
        };
        let stream = tokio::time::timeout(CONNECT_TIMEOUT, reach).await;
        let stream = stream.unwrap_or(Err(ConnectError::TimedOut))?;
        // Small messages should not wait for company.
        stream.set_nodelay(true).map_err(ConnectError::Failed)?;
        Ok(TokioIo::new(stream))
    }
}

/// Tries the addresses one after the other, each with a head start; the first to connect wins.
async fn race(addresses: Vec<SocketAddr>) -> io::Result<TcpStream> {
    let attempts = addresses.into_iter().zip(0u32..).map(|(address, before)| {
        Box::pin(async move {
            tokio::time::sleep(HEAD_START * before).await;
            TcpStream::connect(address).await
        })
    });
    select_ok(attempts).await.map(|(stream, _)| stream)
}

impl Service<Uri> for Guarded {
    type Response = TokioIo<TcpStream>;
    type Error = ConnectError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, ConnectError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        Box::pin(self.clone().connect(uri))
    }
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectError {
    #[error("{0}")]
    Refused(Refused),
    #[error("the host has no address")]
    Unresolvable(#[source] Option<io::Error>),
    #[error("no connection")]
    Failed(#[source] io::Error),
    #[error("no connection in time")]
    TimedOut,
}
