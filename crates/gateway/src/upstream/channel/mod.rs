//! Servers of the transport with two endpoints (2024-11-05): the gateway holds the one stream on
//! which such a server speaks, posts to the address that the stream names, and gives each message
//! to whom it is for. To the rest of the gateway it looks like Streamable HTTP: the session id is
//! the name of a channel.
//!
//! A channel is held by one replica; at another one its session is not there, and the client
//! initializes again.

mod post;
mod pump;
mod state;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use dashmap::DashMap;
use domain::ServerId;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, Uri};
use mcp::client::SendError;
use mcp::headers::MCP_SESSION_ID;
use mcp::message::{self, MessageKind};
use mcp::method::Method as McpMethod;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use state::Channel;
pub(crate) use state::Fed;

use super::judge::Scope;
use super::reading::Reading;
use super::wire::Way;
use crate::gateway::Gateway;

/// Channels of this replica at most; each organisation has a bound of its own far below.
const MAX_CHANNELS: usize = 16_384;

/// A channel's name: its server, and the session id that stands for it.
type Name = (ServerId, String);

/// All channels of this replica.
#[derive(Clone)]
pub(crate) struct Channels {
    open: Arc<DashMap<Name, Arc<Channel>>>,
    room: Arc<Semaphore>,
}

impl Default for Channels {
    fn default() -> Self {
        Self { open: Arc::default(), room: Arc::new(Semaphore::new(MAX_CHANNELS)) }
    }
}

impl Channels {
    fn find(&self, way: &Way) -> Option<Arc<Channel>> {
        let id = way.headers.get(MCP_SESSION_ID)?.to_str().ok()?;
        let channel = self.open.get(&(way.server.id, id.to_owned()))?;
        Some(Arc::clone(&channel))
    }

    /// A place for one more channel of an organisation; kept for as long as it is held.
    fn room(&self, scope: &Scope) -> Option<Room> {
        let ours = Arc::clone(&scope.live.channel_room).try_acquire_owned().ok()?;
        let all = Arc::clone(&self.room).try_acquire_owned().ok()?;
        Some(Room { _ours: ours, _all: all })
    }

    fn remove(&self, name: &Name) {
        if let Some((_, channel)) = self.open.remove(name) {
            channel.end();
        }
    }
}

/// The place of one channel.
struct Room {
    _ours: OwnedSemaphorePermit,
    _all: OwnedSemaphorePermit,
}

/// A channel that nobody knows the name of yet: it ends if its client hangs up meanwhile.
struct Unnamed<'c> {
    channels: &'c Channels,
    name: Option<Name>,
}

impl Drop for Unnamed<'_> {
    fn drop(&mut self) {
        if let Some(name) = &self.name {
            self.channels.remove(name);
        }
    }
}

/// A request to a server of the old transport.
pub(super) async fn send(
    gw: &Gateway,
    way: Way,
    method: Method,
    body: Bytes,
    first_byte: Duration,
) -> Result<Response<Reading>, SendError> {
    let sent = exchange(gw, way, method, body, first_byte);
    let sent = tokio::time::timeout(first_byte, sent).await;
    sent.unwrap_or(Err(SendError::TimedOut { sent: true }))
}

async fn exchange(
    gw: &Gateway,
    way: Way,
    method: Method,
    body: Bytes,
    first_byte: Duration,
) -> Result<Response<Reading>, SendError> {
    if method == Method::POST && !way.headers.contains_key(MCP_SESSION_ID) {
        return opened(gw, way, body, first_byte).await;
    }
    let Some(channel) = gw.channels.find(&way) else { return Ok(status(StatusCode::NOT_FOUND)) };
    channel.used(way.scope.as_ref());
    match method {
        Method::POST => channel.post(gw, way, body, first_byte).await,
        Method::GET => Ok(stream(Reading::Channel(channel.listen()))),
        _ => {
            let id = way.headers.get(MCP_SESSION_ID).and_then(|id| id.to_str().ok());
            gw.channels.remove(&(way.server.id, id.unwrap_or_default().to_owned()));
            Ok(status(StatusCode::OK))
        }
    }
}

/// `initialize` opens a channel; nothing else goes without one.
async fn opened(
    gw: &Gateway,
    way: Way,
    body: Bytes,
    first_byte: Duration,
) -> Result<Response<Reading>, SendError> {
    let is_initialize = message::parse(&body).is_ok_and(|message| {
        message.kind() == MessageKind::Request && message.method() == McpMethod::Initialize
    });
    if !is_initialize {
        return Ok(status(StatusCode::BAD_REQUEST));
    }
    let Some(room) = way.scope.as_ref().and_then(|scope| gw.channels.room(scope)) else {
        return Ok(status(StatusCode::TOO_MANY_REQUESTS));
    };
    let id = format!("{:032x}", rand::random::<u128>());
    let name = (way.server.id, id.clone());
    let channel = match pump::open(gw, &way, name.clone(), room, first_byte).await? {
        pump::Opening::Open(channel) => channel,
        pump::Opening::Refused(response) => return Ok(response),
    };
    let mut unnamed = Unnamed { channels: &gw.channels, name: Some(name) };
    let mut response = channel.post(gw, way, body, first_byte).await?;
    if response.status().is_success()
        && let Ok(id) = HeaderValue::from_str(&id)
    {
        response.headers_mut().insert(MCP_SESSION_ID, id);
        unnamed.name = None;
    }
    Ok(response)
}

/// The headers of a request on a channel: what was meant for Streamable HTTP says nothing here.
fn plain(headers: &HeaderMap) -> HeaderMap {
    let mut headers = headers.clone();
    headers.remove(MCP_SESSION_ID);
    headers.remove(mcp::headers::LAST_EVENT_ID);
    headers
}

fn status(status: StatusCode) -> Response<Reading> {
    let mut response = Response::new(Reading::Whole(None));
    *response.status_mut() = status;
    response
}

fn stream(body: Reading) -> Response<Reading> {
    with_type("text/event-stream", body)
}

fn with_type(kind: &'static str, body: Reading) -> Response<Reading> {
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// The address that a server's stream names, if it is one of its own: another origin would get
/// this server's credentials.
fn endpoint(stream: &Uri, named: &[u8]) -> Option<Uri> {
    let base = url::Url::parse(&stream.to_string()).ok()?;
    let named = mcp::discover::endpoint(&base, named)?;
    named.as_str().parse().ok()
}
