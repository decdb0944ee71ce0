//! A small MCP server on loopback that answers as a test tells it to and remembers what it saw.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Method, Request, Response, StatusCode, header};
use futures_util::{Stream, StreamExt, stream};
use serde_json::{Value, json};

/// A request as the server saw it.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Seen {
    /// The JSON-RPC method, or the HTTP method of a request without a body.
    pub(crate) fn what(&self) -> &str {
        self.body["method"].as_str().unwrap_or(self.method.as_str())
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// A JSON-RPC answer with this result.
    pub(crate) fn result(&self, result: Value) -> Value {
        let mut answer = json!({"jsonrpc": "2.0", "id": self.body["id"]});
        answer["result"] = result;
        answer
    }

    /// A JSON-RPC answer with this error.
    pub(crate) fn error(&self, code: i64, message: &str) -> Value {
        json!({"jsonrpc": "2.0", "id": self.body["id"], "error": {"code": code, "message": message}})
    }
}

/// A running server.
pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    _task: tokio::task::JoinSet<()>,
}

impl Upstream {
    pub(crate) async fn start(
        answer: impl Fn(&Seen) -> Response<Body> + Send + Sync + 'static,
    ) -> Self {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (log, answer) = (Arc::clone(&seen), Arc::new(answer));
        let app = Router::new().fallback(move |request: Request<Body>| {
            let (log, answer) = (Arc::clone(&log), Arc::clone(&answer));
            async move {
                let (parts, body) = request.into_parts();
                let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
                let seen = Seen {
                    method: parts.method,
                    path: parts.uri.path().to_owned(),
                    headers: parts.headers,
                    body: serde_json::from_slice(&body).unwrap_or_default(),
                };
                log.lock().unwrap().push(seen.clone());
                answer(&seen)
            }
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut task = tokio::task::JoinSet::new();
        task.spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { address, seen, _task: task }
    }

    /// What was asked so far, in order.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

pub(crate) fn json_answer(status: u16, value: &Value) -> Response<Body> {
    let builder = Response::builder().status(status);
    builder.header(header::CONTENT_TYPE, "application/json").body(value.to_string().into()).unwrap()
}

pub(crate) fn text_answer(status: u16, content_type: &str, text: &str) -> Response<Body> {
    let builder = Response::builder().status(status);
    builder.header(header::CONTENT_TYPE, content_type).body(text.to_owned().into()).unwrap()
}

pub(crate) fn nothing(status: u16) -> Response<Body> {
    Response::builder().status(status).body(Body::empty()).unwrap()
}

/// An event stream, sent in these pieces.
pub(crate) fn pieces(pieces: Vec<Bytes>) -> Response<Body> {
    streamed(stream::iter(pieces))
}

pub(crate) fn streamed(chunks: impl Stream<Item = Bytes> + Send + 'static) -> Response<Body> {
    let body = Body::from_stream(chunks.map(Ok::<_, Infallible>));
    Response::builder().header(header::CONTENT_TYPE, "text/event-stream").body(body).unwrap()
}

/// A stream that says this and then nothing more, without ending.
pub(crate) fn and_then_silence(first: Bytes) -> impl Stream<Item = Bytes> {
    stream::iter([first]).chain(stream::pending())
}

/// A plain legacy server: `initialize`, `notifications/initialized`, one page of these tools.
pub(crate) fn legacy_answer(seen: &Seen, tools: &Value) -> Response<Body> {
    match seen.what() {
        "initialize" => {
            let mut answer = json_answer(200, &seen.result(hello()));
            answer.headers_mut().insert("mcp-session-id", "s-1".parse().unwrap());
            answer
        }
        "notifications/initialized" => nothing(202),
        "tools/list" => json_answer(200, &seen.result(json!({"tools": tools}))),
        "DELETE" => nothing(200),
        _ => json_answer(400, &seen.error(-32000, "Bad Request: Server not initialized")),
    }
}

/// What a legacy server answers to `initialize`.
pub(crate) fn hello() -> Value {
    json!({
        "protocolVersion": "2025-06-18",
        "capabilities": {"tools": {"listChanged": true}, "prompts": {}},
        "serverInfo": {"name": "shop", "version": "1.2"},
        "instructions": "Be kind."
    })
}

pub(crate) fn status(code: u16) -> StatusCode {
    StatusCode::from_u16(code).unwrap()
}
