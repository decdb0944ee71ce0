//! Requests to servers as HTTP: which headers go along, how long is waited, that a server which
//! fails again and again is left alone, and that a call of an era with sessions goes on when its
//! client hangs up.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use domain::Transport;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use mcp::client::{Deadlines, SendError};
use mcp::headers::{self, MCP_METHOD, MCP_NAME, MCP_PROTOCOL_VERSION, MCP_SESSION_ID};

use super::health::{Seat, Shut};
use super::judge::Scope;
use super::reading::Reading;
use super::{Answer, Sent, channel};
use crate::front::body::is_kind;
use crate::gateway::Gateway;
use crate::refusal::Refusal;
use crate::session::joined::Joined;
use crate::session::store::UpstreamSession;
use crate::view::{BindingView, ServerView};

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const BOTH: HeaderValue = HeaderValue::from_static("application/json, text/event-stream");
/// How long a server may take to acknowledge what wants no answer.
const NOTE_DEADLINE: Duration = Duration::from_secs(10);

/// The way to one server, within one session: where to, and with which headers.
#[derive(Clone)]
pub(crate) struct Way {
    pub(crate) server: Arc<ServerView>,
    pub(crate) headers: HeaderMap,
    /// Whose it is, where that is known: what is held for it ends with it.
    pub(crate) scope: Option<Scope>,
    /// The place of the call that it is for, where there is one.
    pub(crate) seat: Option<Seat>,
}

impl Way {
    /// With what a client's headers may carry along, in the session that it is in.
    pub(crate) fn direct(binding: &BindingView, session: &Joined, inbound: &HeaderMap) -> Self {
        Self::carrying(binding, session, headers::for_upstream(inbound))
    }

    /// With these headers of a client's, in the session that it is in.
    pub(super) fn carrying(
        binding: &BindingView,
        session: &Joined,
        mut headers: HeaderMap,
    ) -> Self {
        if let Joined::Direct(session) = session
            && let Ok(id) = HeaderValue::from_bytes(&session.upstream)
        {
            headers.insert(MCP_SESSION_ID, id);
        }
        Self::with(binding, headers)
    }

    /// In a session that the gateway opened itself.
    pub(crate) fn opened(binding: &BindingView, session: &UpstreamSession) -> Self {
        let mut headers = HeaderMap::new();
        if let Ok(version) = HeaderValue::from_str(&session.version) {
            headers.insert(MCP_PROTOCOL_VERSION, version);
        }
        let id = session.id.as_deref().and_then(|id| HeaderValue::from_str(id).ok());
        if let Some(id) = id {
            headers.insert(MCP_SESSION_ID, id);
        }
        Self::with(binding, headers)
    }

    /// With these headers and the server's credentials, which nothing of a client's replaces.
    pub(crate) fn with(binding: &BindingView, mut headers: HeaderMap) -> Self {
        headers.insert(CONTENT_TYPE, JSON);
        headers.insert(ACCEPT, BOTH);
        for (name, value) in &binding.server.auth_headers {
            headers.insert(name, value.clone());
        }
        Self { server: Arc::clone(&binding.server), headers, scope: None, seat: None }
    }

    /// The same way, on behalf of a grant.
    pub(crate) fn on_behalf_of(mut self, scope: &Scope) -> Self {
        self.scope = Some(scope.clone());
        self
    }

    /// The same way for a message of our own: nothing that mirrors the client's.
    pub(crate) fn for_our_own(mut self) -> Self {
        let mirrors = |name: &&HeaderName| {
            **name == MCP_METHOD || **name == MCP_NAME || name.as_str().starts_with("mcp-param-")
        };
        let mirrors: Vec<HeaderName> = self.headers.keys().filter(mirrors).cloned().collect();
        for name in mirrors {
            self.headers.remove(name);
        }
        self
    }

    /// Sends, and waits for the head of the answer. Nothing is sent to a server that failed again
    /// and again, until it is time to try it again.
    pub(crate) async fn send(
        self,
        gw: &Gateway,
        method: Method,
        body: Bytes,
        first_byte: Duration,
    ) -> Result<Response<Reading>, Unanswered> {
        let server = Arc::clone(&self.server);
        let circuit = &server.health.circuit;
        // A stream may rightly be silent, and the end of a session proves nothing.
        let turn = match method {
            Method::POST => Some(circuit.enter(Instant::now())?),
            _ => circuit.check(Instant::now()).map(|()| None)?,
        };
        let answer = self.ask(gw, method, body, first_byte).await;
        match (turn, has_failed(&answer)) {
            (None, _) => {}
            (Some(turn), false) => turn.succeeded(),
            (Some(turn), true) => {
                if turn.failed(Instant::now()) {
                    tracing::warn!(
                        server.id = %server.id,
                        "a server failed repeatedly; its calls are refused at once for a while"
                    );
                }
            }
        }
        Ok(answer?)
    }

    /// The request itself, by the server's transport.
    async fn ask(
        self,
        gw: &Gateway,
        method: Method,
        body: Bytes,
        first_byte: Duration,
    ) -> Result<Response<Reading>, SendError> {
        if self.server.transport == Transport::Sse {
            return Box::pin(channel::send(gw, self, method, body, first_byte)).await;
        }
        let Self { server, headers, scope: _, seat: _held } = self;
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        *request.uri_mut() = server.uri.clone();
        *request.headers_mut() = headers;
        let sent = gw.client.send(request, Deadlines { first_byte }).await;
        sent.map(|response| response.map(Reading::Server))
    }
}

/// Whether an answer, or the lack of one, says that the server is in trouble. One that tells of
/// its error in JSON is alive: an error of one tool must not close the others.
fn has_failed(answer: &Result<Response<Reading>, SendError>) -> bool {
    match answer {
        Ok(answer) if answer.status() == StatusCode::INTERNAL_SERVER_ERROR => {
            let kind = answer.headers().get(CONTENT_TYPE);
            !kind.is_some_and(|kind| is_kind(kind, "application/json"))
        }
        Ok(answer) => answer.status().is_server_error(),
        // Our own rules: nothing was asked of it.
        Err(SendError::Refused(_)) => false,
        Err(_) => true,
    }
}

/// Why there is no answer of a server. The texts are for people and agents.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unanswered {
    /// It failed too often to be asked now.
    #[error(
        "The server failed repeatedly and is left alone for a moment. It is tried again in {} s.",
        .0.as_secs() + 1
    )]
    Shut(Duration),
    /// It was asked, or could not be.
    #[error("{0}")]
    Failed(#[from] SendError),
}

impl From<Shut> for Unanswered {
    fn from(shut: Shut) -> Self {
        Self::Shut(shut.retry_in)
    }
}

impl Unanswered {
    /// Whether any byte of the request may have reached the server.
    pub(crate) fn sent(&self) -> bool {
        match self {
            Self::Shut(_) => false,
            Self::Failed(error) => error.sent(),
        }
    }
}

/// Sends a message that wants no answer, and passes on how it was taken.
pub(crate) async fn note(gw: &Gateway, way: Way, body: Bytes) -> Result<Answer, Refusal> {
    match way.send(gw, Method::POST, body, NOTE_DEADLINE).await {
        Ok(response) if response.status().is_success() => Ok(Answer::accepted()),
        Ok(response) if passes(response.status()) => Ok(Answer::bare(response.status())),
        Ok(response) => Err(Refusal::Upstream(complaint(response.status()))),
        Err(error) => Err(Refusal::Upstream(error.to_string())),
    }
}

/// Whether a server may say by this that it no longer knows a session: 404 as specified, 400 as
/// many do. A session that is forgotten in error is only opened anew.
pub(crate) fn may_be_forgotten(status: StatusCode) -> bool {
    matches!(status, StatusCode::NOT_FOUND | StatusCode::BAD_REQUEST)
}

/// Statuses by which clients find their way, whoever sets them.
pub(crate) fn passes(status: StatusCode) -> bool {
    matches!(status.as_u16(), 400 | 404 | 405)
}

/// What a person can do about a status that is no answer.
pub(crate) fn complaint(status: StatusCode) -> String {
    match status.as_u16() {
        401 | 403 | 407 => format!(
            "The server refused the credentials that the gateway holds for it (HTTP {}). Someone \
             who manages this server in Drawbridge must renew them.",
            status.as_u16()
        ),
        429 => "The server asks to slow down (HTTP 429). Try again later.".to_owned(),
        300..=399 => format!(
            "The server moved elsewhere (HTTP {}). Its URL in Drawbridge must be corrected.",
            status.as_u16()
        ),
        500..=599 => format!("The server failed (HTTP {}). Try again later.", status.as_u16()),
        _ => format!("The server gave no usable answer (HTTP {}).", status.as_u16()),
    }
}

// === Going on ===

type Sending = Pin<Box<dyn Future<Output = Sent> + Send>>;

/// A request under way that is not given up when its client hangs up: in the eras with sessions a
/// disconnect is no cancellation.
pub(crate) struct Lingering {
    gw: Arc<Gateway>,
    sending: Option<Sending>,
    deadline: Duration,
    seat: Option<Seat>,
}

impl Lingering {
    pub(crate) fn new(
        gw: &Arc<Gateway>,
        sending: Sending,
        deadline: Duration,
        seat: Option<Seat>,
    ) -> Self {
        Self { gw: Arc::clone(gw), sending: Some(sending), deadline, seat }
    }
}

impl Future for Lingering {
    type Output = Sent;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(sending) = &mut self.sending else { return Poll::Pending };
        let answer = std::task::ready!(sending.as_mut().poll(cx));
        self.sending = None;
        Poll::Ready(answer)
    }
}

impl Drop for Lingering {
    fn drop(&mut self) {
        let Some(sending) = self.sending.take() else { return };
        let seat = self.seat.take();
        linger(&self.gw, self.deadline, async move {
            if let Ok(response) = sending.await {
                drain(response.into_body(), seat).await;
            }
        });
    }
}

/// Goes on with what is left of a call whose client has gone, within bounds.
pub(crate) fn linger(
    gw: &Gateway,
    deadline: Duration,
    rest: impl Future<Output = ()> + Send + 'static,
) {
    if let Ok(room) = Arc::clone(&gw.linger_room).try_acquire_owned() {
        gw.lingering.spawn(async move {
            let _in_time = tokio::time::timeout(deadline, rest).await;
            drop(room);
        });
    }
}

/// Reads a body to its end and forgets it. The call keeps its seat as long.
pub(crate) async fn drain(mut body: Reading, _seat: Option<Seat>) {
    while let Some(Ok(_)) = body.frame().await {}
}
