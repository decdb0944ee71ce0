//! Requests and their answers on either transport, within one budget of bytes.

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, LOCATION, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Method as HttpMethod, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use json::Node;
use url::Url;

use super::error::{DiscoverError, Hint};
use super::{Limits, Target, Transport};
use crate::client::{Client, Deadlines, SendError, read_all};
use crate::era::{META_CAPABILITIES, META_CLIENT, META_VERSION};
use crate::headers::{MCP_METHOD, MCP_PROTOCOL_VERSION, MCP_SESSION_ID};
use crate::message::{MessageKind, parse_from_upstream};
use crate::method::Method;
use crate::sse::{Decoder, Event};
use crate::version::{Era, ProtocolVersion};

/// As much of a failure's body is read as may explain it.
const MAX_FAILURE_BYTES: usize = 64 * 1024;

const MAX_MESSAGE_CHARS: usize = 300;

/// A conversation with one server.
pub(super) struct Wire<'a> {
    client: &'a Client,
    target: &'a Target,
    deadlines: Deadlines,
    bytes_left: usize,
    last_id: u32,
    session: Option<HeaderValue>,
    /// What the version header says from now on.
    version: Option<ProtocolVersion>,
    /// The stream of the old transport, if that is spoken.
    channel: Option<Channel>,
}

/// The old transport: answers come on a stream, requests go where it says.
struct Channel {
    stream: Stream,
    endpoint: Url,
}

impl<'a> Wire<'a> {
    pub(super) fn new(client: &'a Client, target: &'a Target, limits: Limits) -> Self {
        Self {
            client,
            target,
            deadlines: Deadlines { first_byte: limits.deadline },
            bytes_left: limits.max_bytes,
            last_id: 0,
            session: None,
            version: None,
            channel: None,
        }
    }

    pub(super) fn transport(&self) -> Transport {
        if self.channel.is_some() { Transport::Sse } else { self.target.transport }
    }

    /// From now on requests are written in this version.
    pub(super) fn speak(&mut self, version: Option<ProtocolVersion>) {
        self.version = version;
    }

    fn is_modern(&self) -> bool {
        self.version.map(ProtocolVersion::era) == Some(Era::Modern)
    }

    pub(super) fn speaks(&self) -> Option<ProtocolVersion> {
        self.version
    }

    /// Asks, and waits for the answer: a JSON-RPC message with a result.
    /// `members` are members of `params` as JSON, without the braces.
    pub(super) async fn ask(
        &mut self,
        method: Method,
        members: &str,
    ) -> Result<Bytes, DiscoverError> {
        self.last_id += 1;
        let id = self.last_id;
        let (name, params) = (method.name(), self.params(members));
        let body =
            format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{name}","params":{{{params}}}}}"#);
        let answer = self.post(method, body).await?;
        if method == Method::Initialize {
            self.session = answer.headers().get(MCP_SESSION_ID).cloned();
        }
        let status = answer.status();
        let bytes = self.answer_to(id, answer).await?;
        match rejection(status, &bytes) {
            Some(rejection) => Err(rejection),
            None => Ok(bytes),
        }
    }

    /// Tells, and waits only until it is accepted.
    pub(super) async fn tell(&mut self, method: Method) -> Result<(), DiscoverError> {
        let body = format!(r#"{{"jsonrpc":"2.0","method":"{}"}}"#, method.name());
        let answer = self.post(method, body).await?;
        if answer.status().is_success() { Ok(()) } else { Err(self.failure(answer).await) }
    }

    /// Ends the session, if there is one.
    pub(super) async fn end(&mut self) {
        self.channel = None;
        if self.session.is_some() {
            let farewell = self.request(HttpMethod::DELETE, &self.target.url, Bytes::new());
            // A server may refuse to be told; then the session ends when it times out.
            if let Ok(farewell) = farewell {
                let _ = self.client.send(farewell, self.deadlines).await;
            }
        }
    }

    /// Opens the old transport: waits until the stream names the address to post to.
    pub(super) async fn open_channel(&mut self) -> Result<(), DiscoverError> {
        let mut request = self.request(HttpMethod::GET, &self.target.url, Bytes::new())?;
        request.headers_mut().insert(ACCEPT, HeaderValue::from_static("text/event-stream"));
        let answer = self.client.send(request, self.deadlines).await?;
        if !answer.status().is_success() || media_type(answer.headers()) != EVENT_STREAM {
            return Err(self.failure(answer).await);
        }
        let status = answer.status();
        let not_mcp = |hint| {
            let content_type = Some(EVENT_STREAM.to_owned());
            Err(DiscoverError::NotMcp { status, content_type, hint })
        };
        let mut stream = Stream::new(answer.into_body());
        let endpoint = loop {
            match stream.next_event(&mut self.bytes_left).await? {
                Some(event) if event.event.as_deref() == Some(b"endpoint") => break event.data,
                Some(_) => {}
                None => return not_mcp(Hint::StreamWithoutAnswer),
            }
        };
        match endpoint_of(&self.target.url, &endpoint.unwrap_or_default()) {
            Some(endpoint) => {
                self.channel = Some(Channel { stream, endpoint });
                Ok(())
            }
            None => not_mcp(Hint::ForeignEndpoint),
        }
    }

    // === Writing ===

    fn params(&self, members: &str) -> String {
        if !self.is_modern() {
            return members.to_owned();
        }
        let comma = if members.is_empty() { "" } else { "," };
        let (version, us) = (ProtocolVersion::LATEST, client_info());
        format!(
            r#"{members}{comma}"_meta":{{"{META_VERSION}":"{version}","{META_CAPABILITIES}":{{}},"{META_CLIENT}":{us}}}"#
        )
    }

    async fn post(
        &mut self,
        method: Method,
        body: String,
    ) -> Result<Response<Incoming>, DiscoverError> {
        let url = self.channel.as_ref().map_or(&self.target.url, |channel| &channel.endpoint);
        let mut request = self.request(HttpMethod::POST, url, Bytes::from(body))?;
        // In every era: a modern server that is met by `initialize` wants it too.
        let name = HeaderValue::from_static(method.name());
        request.headers_mut().insert(MCP_METHOD, name);
        Ok(self.client.send(request, self.deadlines).await?)
    }

    fn request(
        &self,
        method: HttpMethod,
        url: &Url,
        body: Bytes,
    ) -> Result<Request<Full<Bytes>>, DiscoverError> {
        const JSON_OR_STREAM: HeaderValue =
            HeaderValue::from_static("application/json, text/event-stream");
        self.client.rules().check_url(url).map_err(SendError::from)?;
        let built = Request::builder().method(method).uri(url.as_str()).body(Full::new(body));
        // A URL that http cannot write has no host that could be reached.
        let mut request = built.map_err(|error| SendError::ConnectFailed(error.into()))?;
        let headers = request.headers_mut();
        *headers = self.target.headers.clone();
        headers.insert(ACCEPT, JSON_OR_STREAM);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(version) = self.version {
            headers.insert(MCP_PROTOCOL_VERSION, HeaderValue::from_static(version.as_str()));
        }
        // The modern era knows no sessions.
        if let Some(session) = self.session.as_ref().filter(|_| !self.is_modern()) {
            headers.insert(MCP_SESSION_ID, session.clone());
        }
        Ok(request)
    }

    // === Reading ===

    async fn answer_to(
        &mut self,
        id: u32,
        answer: Response<Incoming>,
    ) -> Result<Bytes, DiscoverError> {
        let status = answer.status();
        if !status.is_success() {
            return Err(self.failure(answer).await);
        }
        let content_type = media_type(answer.headers());
        let found = if let Some(channel) = &mut self.channel {
            channel.stream.answer_to(id, &mut self.bytes_left).await?
        } else if content_type == EVENT_STREAM {
            Stream::new(answer.into_body()).answer_to(id, &mut self.bytes_left).await?
        } else if content_type == JSON {
            let body = read_all(answer.into_body(), self.bytes_left).await?;
            self.bytes_left -= body.len();
            if !answers(&body, id) {
                let (content_type, hint) = (Some(content_type), Hint::OtherJson);
                return Err(DiscoverError::NotMcp { status, content_type, hint });
            }
            Some(body)
        } else {
            return Err(self.failure(answer).await);
        };
        found.ok_or_else(|| {
            let (content_type, hint) = (Some(EVENT_STREAM.to_owned()), Hint::StreamWithoutAnswer);
            DiscoverError::NotMcp { status, content_type, hint }
        })
    }

    /// What an answer that is not one means.
    async fn failure(&self, answer: Response<Incoming>) -> DiscoverError {
        let status = answer.status();
        let header = |name| answer.headers().get(name).and_then(|value| value.to_str().ok());
        match status {
            StatusCode::UNAUTHORIZED => {
                let www_authenticate = header(WWW_AUTHENTICATE).map(str::to_owned);
                return DiscoverError::Unauthorized { www_authenticate };
            }
            StatusCode::FORBIDDEN => return DiscoverError::Forbidden,
            _ if status.is_redirection() => {
                let location = header(LOCATION).unwrap_or("an unnamed place").to_owned();
                return DiscoverError::Redirected { location };
            }
            _ if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
                return DiscoverError::ServerError { status };
            }
            _ => {}
        }
        let content_type = media_type(answer.headers());
        let body = read_all(answer.into_body(), MAX_FAILURE_BYTES).await.unwrap_or_default();
        if let Some(rejection) = rejection(status, &body) {
            return rejection;
        }
        let is_page = content_type.contains("html") || body.trim_ascii_start().starts_with(b"<");
        let hint = match status {
            StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => Hint::WrongPath,
            _ if is_page => Hint::WebPage,
            _ if content_type == JSON => Hint::OtherJson,
            _ => Hint::Nothing,
        };
        let content_type = Some(content_type).filter(|text| !text.is_empty());
        DiscoverError::NotMcp { status, content_type, hint }
    }
}

/// The address that a stream of the old transport names to post to, if it is of the stream's own
/// origin: another one would get this server's credentials.
pub fn endpoint_of(stream: &Url, named: &[u8]) -> Option<Url> {
    let url = stream.join(str::from_utf8(named).ok()?).ok()?;
    (url.origin() == stream.origin()).then_some(url)
}

/// Who we say we are.
pub(super) fn client_info() -> String {
    format!(r#"{{"name":"drawbridge","version":"{}"}}"#, env!("CARGO_PKG_VERSION"))
}

const EVENT_STREAM: &str = "text/event-stream";
const JSON: &str = "application/json";

/// The media type without its parameters, in lower case; empty if there is none.
fn media_type(headers: &HeaderMap) -> String {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = value.and_then(|value| value.split(';').next()).unwrap_or_default();
    essence.trim().to_ascii_lowercase()
}

/// Whether a message answers the request of that id.
fn answers(bytes: &[u8], id: u32) -> bool {
    parse_from_upstream(bytes).is_ok_and(|message| {
        let is_ours = message.id_raw().is_some_and(|raw| raw == id.to_string());
        let is_error_to_nobody = message.id_raw().is_none() && message.error().is_some();
        message.kind() == MessageKind::Response && (is_ours || is_error_to_nobody)
    })
}

/// The error that a message is, if it is one.
fn rejection(status: StatusCode, bytes: &[u8]) -> Option<DiscoverError> {
    let message = parse_from_upstream(bytes).ok()?;
    let error = message.error()?;
    let code = error.get("code").and_then(Node::as_number)?.parse().ok()?;
    let text = error.get("message").and_then(Node::as_str).unwrap_or_default();
    let message = text.chars().take(MAX_MESSAGE_CHARS).collect();
    Some(DiscoverError::Rejected { status, code, message })
}

// === Stream ===

/// An event stream that is being read.
struct Stream {
    body: Incoming,
    decoder: Decoder,
}

impl Stream {
    fn new(body: Incoming) -> Self {
        Self { body, decoder: Decoder::default() }
    }

    /// The answer to the request of that id, when it comes; other messages are passed over.
    async fn answer_to(
        &mut self,
        id: u32,
        bytes_left: &mut usize,
    ) -> Result<Option<Bytes>, DiscoverError> {
        while let Some(event) = self.next_event(bytes_left).await? {
            match event.data.as_ref().filter(|_| event.is_message()) {
                Some(data) if answers(data, id) => return Ok(Some(data.clone())),
                _ => {}
            }
        }
        Ok(None)
    }

    async fn next_event(&mut self, bytes_left: &mut usize) -> Result<Option<Event>, DiscoverError> {
        loop {
            match self.decoder.next_event() {
                Ok(Some(event)) => return Ok(Some(event)),
                Ok(None) => {}
                Err(_) => return Err(DiscoverError::TooLarge),
            }
            let frame = match self.body.frame().await {
                None => return Ok(None),
                Some(Ok(frame)) => frame,
                Some(Err(error)) => {
                    let broken = SendError::Broken { sent: true, source: error.into() };
                    return Err(broken.into());
                }
            };
            if let Ok(data) = frame.into_data() {
                *bytes_left = bytes_left.checked_sub(data.len()).ok_or(DiscoverError::TooLarge)?;
                self.decoder.push(&data);
            }
        }
    }
}
