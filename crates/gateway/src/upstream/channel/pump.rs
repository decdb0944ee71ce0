//! The task that reads a channel's stream and gives out what comes, until the server, its users,
//! their grant or the gateway end it.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use domain::Clock;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderValue, Method as HttpMethod, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use mcp::client::{Deadlines, SendError};
use mcp::message::{self, MessageKind};
use mcp::sse::{Decoder, Event};
use tokio::sync::watch;

use super::state::{Channel, Sent};
use super::{Name, Reading, Room, endpoint, plain};
use crate::front::body::is_stream;
use crate::gateway::Gateway;
use crate::upstream::judge::Scope;
use crate::upstream::wire::Way;

/// How long a channel that nobody uses is held.
const IDLE: Duration = Duration::from_mins(30);
/// How often that is looked at.
const TICK: Duration = Duration::from_secs(30);
/// How long the others of a session wait for one reader of it that does not read.
const PATIENCE: Duration = Duration::from_secs(5);

/// What came of opening a channel.
pub(super) enum Opening {
    Open(Arc<Channel>),
    /// The server would not.
    Refused(Response<Reading>),
}

/// Opens a channel: waits until the stream names the address to post to, and reads on.
pub(super) async fn open(
    gw: &Gateway,
    way: &Way,
    name: Name,
    room: Room,
    first_byte: Duration,
) -> Result<Opening, SendError> {
    let mut request = Request::new(Full::new(Bytes::new()));
    *request.method_mut() = HttpMethod::GET;
    *request.uri_mut() = way.server.uri.clone();
    *request.headers_mut() = plain(&way.headers);
    request.headers_mut().remove(CONTENT_TYPE);
    request.headers_mut().insert(ACCEPT, HeaderValue::from_static("text/event-stream"));
    let response = gw.client.send(request, Deadlines { first_byte }).await?;
    if !response.status().is_success() || !is_stream(response.headers()) {
        return Ok(Opening::Refused(response.map(Reading::Server)));
    }
    let mut stream = Stream {
        body: response.into_body(),
        decoder: Decoder::with_limit(gw.settings.max_answer_bytes),
    };
    let named = loop {
        let event = stream.next().await.ok_or(SendError::Endpoint)?;
        if event.event.as_deref() == Some(b"endpoint") {
            break event.data.unwrap_or_default();
        }
    };
    let endpoint = endpoint(&way.server.uri, &named).ok_or(SendError::Endpoint)?;
    let closing = gw.closing.child_token();
    let channel = Arc::new(Channel::new(endpoint, closing, way.scope.clone(), room));
    gw.channels.open.insert(name.clone(), Arc::clone(&channel));
    let (channels, clock) = (gw.channels.clone(), gw.clock.clone());
    let reading = Arc::clone(&channel);
    gw.lingering.spawn(async move {
        run(&reading, stream, &clock).await;
        channels.remove(&name);
    });
    Ok(Opening::Open(channel))
}

struct Stream {
    body: Incoming,
    decoder: Decoder,
}

impl Stream {
    /// The next event; none at the end, or where the stream cannot be read further.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.decoder.next_event().ok()? {
                return Some(event);
            }
            if let Ok(data) = self.body.frame().await?.ok()?.into_data() {
                self.decoder.push(&data);
            }
        }
    }
}

async fn run(channel: &Arc<Channel>, mut stream: Stream, clock: &Clock) {
    let mut watched = Watched::of(channel);
    loop {
        tokio::select! {
            event = stream.next() => match event {
                Some(event) => give(channel, &event).await,
                None => return,
            },
            () = channel.closing.cancelled() => return,
            () = channel.touched.notified() => watched = Watched::of(channel),
            () = tokio::time::sleep(TICK) => {}
            () = watched.changed() => {}
        }
        if watched.has_ended(clock) || channel.is_idle(IDLE) {
            return;
        }
    }
}

/// The grant that a channel is held for, once it is known.
struct Watched(Option<(Scope, watch::Receiver<i64>)>);

impl Watched {
    fn of(channel: &Channel) -> Self {
        Self(channel.scope().map(|scope| {
            let changes = scope.live.changes();
            (scope, changes)
        }))
    }

    async fn changed(&mut self) {
        let Some((_, changes)) = &mut self.0 else { return std::future::pending().await };
        if changes.changed().await.is_err() {
            // Nobody will tell of changes any more.
            std::future::pending::<()>().await;
        }
    }

    fn has_ended(&self, clock: &Clock) -> bool {
        self.0.as_ref().is_some_and(|(scope, _)| scope.binding_at(clock.now()).is_none())
    }
}

/// Gives a message to whom it is for. What is no message is for nobody.
async fn give(channel: &Arc<Channel>, event: &Event) {
    let Some(data) = event.data.as_ref().filter(|_| event.is_message()) else { return };
    let Ok(message) = message::parse_from_upstream(data) else { return };
    let (reader, sent) = if message.kind() == MessageKind::Response {
        let own = message.id_raw().and_then(|id| id.parse().ok());
        let Some((id_raw, reader)) = own.and_then(|own| channel.answered(own)) else { return };
        let Some(id) = message.root().get("id") else { return };
        let edit = (id.span(), Cow::Owned(id_raw.into_bytes()));
        let message = json::splice(data, &[edit]).into();
        (Some(reader), Sent { message, is_answer: true })
    } else {
        let sent = Sent { message: data.clone(), is_answer: false };
        (channel.reader_of(&message), sent)
    };
    let Some(reader) = reader else { return channel.keep(sent.message) };
    // A reader that is gone, or too slow, gets no more; its messages are for nobody else.
    if tokio::time::timeout(PATIENCE, reader.send(sent)).await.is_err() {
        tracing::info!("a client is too slow for what its server sends");
    }
}
