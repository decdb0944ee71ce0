//! A client's message to a server of the old transport, and its answer out of the stream.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::ACCEPT;
use http::{Method as HttpMethod, Request, Response, StatusCode};
use http_body_util::Full;
use mcp::client::{Deadlines, SendError};
use mcp::message::{self, MessageKind};
use mcp::method::Method;

use super::state::{Channel, Fed};
use super::{Reading, plain, status, stream, with_type};
use crate::gateway::Gateway;
use crate::upstream::wire::Way;

impl Channel {
    /// Posts a message. A request is answered once something of its answer is there.
    pub(super) async fn post(
        self: &Arc<Self>,
        gw: &Gateway,
        way: Way,
        body: Bytes,
        first_byte: Duration,
    ) -> Result<Response<Reading>, SendError> {
        let Ok(message) = message::parse(&body) else { return Ok(status(StatusCode::BAD_REQUEST)) };
        let root = message.root();
        let (MessageKind::Request, Some(id)) = (message.kind(), root.get("id")) else {
            let body = self.in_its_terms(&message).unwrap_or_else(|| body.clone());
            let taken = self.send(gw, &way, body, first_byte).await?;
            return Ok(status(taken.status()));
        };
        let progress = message.meta().and_then(|meta| meta.get("progressToken"));
        let progress = progress.map(|token| token.raw_str().to_owned());
        let Some((own, fed)) = self.wait(id.raw_str().to_owned(), progress) else {
            return Ok(status(StatusCode::TOO_MANY_REQUESTS));
        };
        let renamed = [(id.span(), Cow::Owned(own.to_string().into_bytes()))];
        let body = json::splice(&body, &renamed).into();
        let taken = self.send(gw, &way, body, first_byte).await?;
        if !taken.status().is_success() {
            return Ok(taken.map(Reading::Server));
        }
        answered(fed, &way).await
    }

    /// A notification that names a request, by the id that the server knows.
    fn in_its_terms(&self, message: &message::Message<'_>) -> Option<Bytes> {
        let id = message.param("requestId").filter(|_| message.method() == Method::Cancelled)?;
        let own = self.own_id(id.raw_str())?;
        let edit = (id.span(), Cow::Owned(own.to_string().into_bytes()));
        Some(json::splice(message.bytes(), &[edit]).into())
    }

    async fn send(
        &self,
        gw: &Gateway,
        way: &Way,
        body: Bytes,
        first_byte: Duration,
    ) -> Result<Response<hyper::body::Incoming>, SendError> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = HttpMethod::POST;
        *request.uri_mut() = self.endpoint.clone();
        *request.headers_mut() = plain(&way.headers);
        gw.client.send(request, Deadlines { first_byte }).await
    }
}

/// The answer as JSON if it comes at once and can be read so; else a stream.
async fn answered(mut fed: Fed, way: &Way) -> Result<Response<Reading>, SendError> {
    let accepts = way.headers.get(ACCEPT).and_then(|accepts| accepts.to_str().ok());
    let (json, events) = accepts.map_or((true, true), |accepts| {
        (accepts.contains("application/json"), accepts.contains("text/event-stream"))
    });
    while let Some(sent) = fed.next().await {
        if sent.is_answer && json {
            return Ok(with_type("application/json", Reading::Whole(Some(sent.message))));
        }
        if events {
            fed.put_back(sent.message);
            return Ok(stream(Reading::Channel(fed)));
        }
    }
    let gone = std::io::Error::from(std::io::ErrorKind::ConnectionAborted);
    Err(SendError::Broken { sent: true, source: gone.into() })
}
