//! The one address, and what it does with each method.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::any;
use http::header::{ACCEPT, ALLOW, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use mcp::headers::MCP_SESSION_ID;
use mcp::message::{self, Message, MessageKind};
use mcp::method::Method as McpMethod;
use mcp::version::Era;
use mcp::{answer, era};
use tokio_util::task::TaskTracker;

use crate::door::{self, Secret};
use crate::session::{NotPassed, Session};
use crate::sessions::Sessions;
use crate::shared::Shared;
use crate::{Options, stream};

const MAX_BODY: usize = 4 << 20;

/// What all requests share.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) sessions: Arc<Sessions>,
    shared: Arc<Shared>,
    secret: Arc<Option<Secret>>,
    tasks: TaskTracker,
    port: u16,
}

impl App {
    pub(crate) fn new(options: Options, port: u16) -> Self {
        let Options { command, secret, max_sessions, idle } = options;
        Self {
            shared: Arc::new(Shared::new(command.clone())),
            sessions: Arc::new(Sessions::new(command, max_sessions, idle)),
            secret: Arc::new(secret),
            tasks: TaskTracker::new(),
            port,
        }
    }

    /// Ends every process, and waits until they have ended.
    pub(crate) async fn end(&self) {
        self.shared.end().await;
        self.sessions.end().await;
        self.tasks.close();
        self.tasks.wait().await;
    }
}

#[expect(clippy::disallowed_methods, reason = "the only route; it lets nobody in by itself")]
pub(crate) fn router(app: App) -> Router {
    Router::new().route("/mcp", any(serve)).with_state(app)
}

async fn serve(State(app): State<App>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let secret = app.secret.as_ref().as_ref();
    if let Err(status) = door::check(secret, app.port, &head.uri, &head.headers) {
        return Refused::bare(status).into_response();
    }
    let answer = match head.method {
        Method::POST => post(&app, &head.headers, body).await,
        Method::GET => listen(&app, &head.headers),
        Method::DELETE => close(&app, &head.headers),
        _ => Err(Refused::bare(StatusCode::METHOD_NOT_ALLOWED)),
    };
    answer.unwrap_or_else(Refused::into_response)
}

type Answered = Result<Response, Refused>;

async fn post(app: &App, headers: &HeaderMap, body: Body) -> Answered {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("application/json") {
        return Err(Refused::bare(StatusCode::UNSUPPORTED_MEDIA_TYPE));
    }
    let bytes = match Limited::new(body, MAX_BODY).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => {
            return Err(Refused::bare(StatusCode::PAYLOAD_TOO_LARGE));
        }
        Err(_cut) => return Err(Refused::bare(StatusCode::BAD_REQUEST)),
    };
    let message = message::parse(&bytes).map_err(Refused::malformed)?;
    let dialect = era::classify(&message, headers).map_err(Refused::malformed)?;
    match dialect.era {
        Era::Modern => modern(app, &message).await,
        Era::Legacy => legacy(app, headers, &message).await,
    }
}

async fn modern(app: &App, message: &Message<'_>) -> Answered {
    if message.kind() != MessageKind::Request {
        // Hanging up is how a request is cancelled over HTTP; nothing else is told this way.
        return Ok(bare(StatusCode::ACCEPTED));
    }
    let process =
        app.shared.process(&app.tasks).await.map_err(|error| no_process(message, &error))?;
    let Some(process) = process else {
        let text = "Bad Request: this server speaks the revisions with initialize";
        return Err(Refused::error(StatusCode::BAD_REQUEST, message.id_raw(), -32_000, text));
    };
    let asked = process.ask(message).await.map_err(|why| not_passed(message, why))?;
    let (answers, under_way) = asked;
    Ok(stream::response(answers, under_way))
}

async fn legacy(app: &App, headers: &HeaderMap, message: &Message<'_>) -> Answered {
    let opens = message.method() == McpMethod::Initialize && !headers.contains_key(MCP_SESSION_ID);
    if opens {
        return initialize(app, message).await;
    }
    let (_, session) = session(app, headers, message.id_raw())?;
    if message.kind() == MessageKind::Request {
        let answers = session.ask(message).await.map_err(|why| not_passed(message, why))?;
        return Ok(stream::response(answers, session));
    }
    session.tell(message).await.map_err(|why| not_passed(message, why))?;
    Ok(bare(StatusCode::ACCEPTED))
}

async fn initialize(app: &App, message: &Message<'_>) -> Answered {
    let opened = app.sessions.open(&app.tasks).map_err(|error| no_process(message, &error))?;
    let Some((id, session)) = opened else {
        let text = "As many sessions are open as may be. Close one, or try again later.";
        let status = StatusCode::SERVICE_UNAVAILABLE;
        return Err(Refused::error(status, message.id_raw(), -32_000, text));
    };
    let answers = session.ask(message).await.map_err(|why| not_passed(message, why))?;
    let mut response = stream::response(answers, session);
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(MCP_SESSION_ID, id);
    }
    Ok(response)
}

fn listen(app: &App, headers: &HeaderMap) -> Answered {
    let accepts = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    if !accepts
        .into_iter()
        .any(|value| value.contains("text/event-stream") || value.contains("*/*"))
    {
        return Err(Refused::bare(StatusCode::NOT_ACCEPTABLE));
    }
    let (_, session) = session(app, headers, None)?;
    let messages = session.listen().ok_or_else(|| {
        Refused::error(StatusCode::CONFLICT, None, -32_000, "Only one stream is open in a session")
    })?;
    Ok(stream::response(messages, session))
}

fn close(app: &App, headers: &HeaderMap) -> Answered {
    let (id, _) = session(app, headers, None)?;
    app.sessions.close(&id);
    Ok(bare(StatusCode::OK))
}

fn session(
    app: &App,
    headers: &HeaderMap,
    asked: Option<&str>,
) -> Result<(String, Arc<Session>), Refused> {
    let id = headers.get(MCP_SESSION_ID).and_then(|id| id.to_str().ok());
    let Some(id) = id else {
        let text = "Bad Request: Mcp-Session-Id header is required";
        return Err(Refused::error(StatusCode::BAD_REQUEST, asked, -32_000, text));
    };
    match app.sessions.find(id) {
        Some(session) => Ok((id.to_owned(), session)),
        None => Err(Refused::error(StatusCode::NOT_FOUND, asked, -32_001, "Session not found")),
    }
}

fn not_passed(message: &Message<'_>, why: NotPassed) -> Refused {
    let (status, text) = match why {
        NotPassed::SameId => (StatusCode::BAD_REQUEST, "A request with this id is under way"),
        NotPassed::Full => (StatusCode::SERVICE_UNAVAILABLE, "Too many requests are under way"),
        NotPassed::Ended => (StatusCode::NOT_FOUND, "The process of the server has ended"),
    };
    Refused::error(status, message.id_raw(), -32_000, text)
}

fn no_process(message: &Message<'_>, cause: &std::io::Error) -> Refused {
    tracing::warn!(%cause, "the server could not be started");
    let text = format!("The server could not be started: {cause}");
    Refused::error(StatusCode::BAD_GATEWAY, message.id_raw(), -32_000, &text)
}

fn bare(status: StatusCode) -> Response {
    Refused::bare(status).into_response()
}

// === Refused ===

/// An answer without a process: a status, and perhaps an error of JSON-RPC.
struct Refused {
    status: StatusCode,
    body: Vec<u8>,
}

impl Refused {
    const fn bare(status: StatusCode) -> Self {
        Self { status, body: Vec::new() }
    }

    fn error(status: StatusCode, id: Option<&str>, code: i32, text: &str) -> Self {
        Self { status, body: answer::error(id, code, text, None) }
    }

    #[expect(clippy::needless_pass_by_value, reason = "reads better as a function in map_err")]
    fn malformed(malformed: message::Malformed) -> Self {
        Self { status: malformed.http_status, body: malformed.body() }
    }

    fn into_response(self) -> Response {
        let has_body = !self.body.is_empty();
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        if has_body {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        let told = match self.status {
            StatusCode::UNAUTHORIZED => Some((WWW_AUTHENTICATE, "Bearer")),
            StatusCode::METHOD_NOT_ALLOWED => Some((ALLOW, "POST, GET, DELETE")),
            StatusCode::SERVICE_UNAVAILABLE => Some((RETRY_AFTER, "5")),
            _ => None,
        };
        if let Some((name, value)) = told {
            headers.insert(name, HeaderValue::from_static(value));
        }
        response
    }
}
