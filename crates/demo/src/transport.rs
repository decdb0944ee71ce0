//! Streamable HTTP in both eras, chosen request by request: a request that names its protocol
//! version in `_meta` is modern and stateless; any other belongs to a legacy session.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::header::{ACCEPT, ALLOW, CONTENT_TYPE, ORIGIN};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::{Map, Value, json};

use crate::Demo;
use crate::methods::{self, Answer, Era};
use crate::rpc::{self, Failure, Message, Request};

const SESSION: &str = "mcp-session-id";
const VERSION: &str = "mcp-protocol-version";
const META_VERSION: &str = "io.modelcontextprotocol/protocolVersion";
const META_CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";

/// `POST /mcp`: one message.
pub(crate) async fn post(
    State(demo): State<Arc<Demo>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if let Err(status) = admit(&headers) {
        return status.into_response();
    }
    match Message::parse(&body) {
        Err(failure) => refuse(StatusCode::BAD_REQUEST, None, &failure),
        Ok(Message::Request(request)) if is_modern(&headers, &request) => {
            modern(&demo, &headers, &request).await
        }
        Ok(Message::Request(request)) => legacy(&demo, &headers, &request).await,
        Ok(Message::Response) if header(&headers, VERSION) == Some(methods::MODERN) => {
            let failure =
                Failure::invalid_request("This protocol version has no client responses.");
            refuse(StatusCode::BAD_REQUEST, None, &failure)
        }
        Ok(Message::Notification | Message::Response) => acknowledge(&demo, &headers),
    }
}

/// `GET /mcp`: there is nothing that this server would say unasked.
pub(crate) async fn get() -> Response {
    (StatusCode::METHOD_NOT_ALLOWED, [(ALLOW, "POST, DELETE")]).into_response()
}

/// `DELETE /mcp`: ends a legacy session.
pub(crate) async fn delete(State(demo): State<Arc<Demo>>, headers: HeaderMap) -> StatusCode {
    if !origin_is_local(&headers) {
        return StatusCode::FORBIDDEN;
    }
    match header(&headers, SESSION) {
        None => StatusCode::BAD_REQUEST,
        Some(id) if demo.sessions().close(id) => StatusCode::NO_CONTENT,
        Some(_) => StatusCode::NOT_FOUND,
    }
}

// === Before the message is read ===

fn admit(headers: &HeaderMap) -> Result<(), StatusCode> {
    let media_type = header(headers, CONTENT_TYPE.as_str())
        .and_then(|value| value.split(';').next())
        .map(str::trim);
    if !origin_is_local(headers) {
        Err(StatusCode::FORBIDDEN)
    } else if !media_type.is_some_and(|name| name.eq_ignore_ascii_case("application/json")) {
        Err(StatusCode::UNSUPPORTED_MEDIA_TYPE)
    } else if !accepts(headers, "application/json") {
        Err(StatusCode::NOT_ACCEPTABLE)
    } else {
        Ok(())
    }
}

/// A page of the web whose name was rebound to this machine still sends its own origin.
fn origin_is_local(headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(ORIGIN) else { return true };
    let authority = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
    authority.is_some_and(|(_, authority)| {
        let host = match authority.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
            _ => authority,
        };
        matches!(host, "localhost" | "127.0.0.1" | "[::1]")
    })
}

fn accepts(headers: &HeaderMap, wanted: &str) -> bool {
    let mut values = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    values.any(|value| {
        value.split(',').filter_map(|range| range.split(';').next()).any(|range| {
            let range = range.trim();
            range == "*/*" || range.eq_ignore_ascii_case(wanted)
        })
    })
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

// === The legacy era ===

async fn legacy(demo: &Demo, headers: &HeaderMap, request: &Request) -> Response {
    if request.method == "initialize" {
        let answer = success(&request.id, &methods::initialize(&request.params));
        let id = demo.sessions().open();
        let mut response = answer.into_response();
        if let Ok(id) = HeaderValue::from_str(&id) {
            response.headers_mut().insert(SESSION, id);
        }
        return response;
    }
    if let Err((status, failure)) = in_session(demo, headers) {
        return refuse(status, Some(&request.id), &failure);
    }
    match methods::answer(demo, Era::Legacy, request) {
        Ok(answer) => reply(demo, headers, request, answer).await,
        Err(failure) => refuse(StatusCode::OK, Some(&request.id), &failure),
    }
}

fn in_session(demo: &Demo, headers: &HeaderMap) -> Result<(), (StatusCode, Failure)> {
    let Some(id) = header(headers, SESSION) else {
        let failure = Failure::new(-32_000, "Initialize first, then send Mcp-Session-Id.");
        return Err((StatusCode::BAD_REQUEST, failure));
    };
    if !demo.sessions().touch(id) {
        let failure = Failure::new(-32_001, "No such session; initialize again.");
        return Err((StatusCode::NOT_FOUND, failure));
    }
    match header(headers, VERSION) {
        Some(version) if !methods::LEGACY.contains(&version) => Err((
            StatusCode::BAD_REQUEST,
            Failure::new(-32_000, format!("Unsupported protocol version {version:?}.")),
        )),
        _ => Ok(()),
    }
}

fn acknowledge(demo: &Demo, headers: &HeaderMap) -> Response {
    if header(headers, VERSION) == Some(methods::MODERN) {
        return StatusCode::ACCEPTED.into_response();
    }
    match in_session(demo, headers) {
        Ok(()) => StatusCode::ACCEPTED.into_response(),
        Err((status, failure)) => refuse(status, None, &failure),
    }
}

// === The modern era ===

/// The header alone counts too: to claim the version without `_meta` is an error of the modern
/// era, not a request of the legacy one.
fn is_modern(headers: &HeaderMap, request: &Request) -> bool {
    meta(&request.params).is_some_and(|meta| meta.contains_key(META_VERSION))
        || header(headers, VERSION) == Some(methods::MODERN)
}

async fn modern(demo: &Demo, headers: &HeaderMap, request: &Request) -> Response {
    let answer =
        check_modern(headers, request).and_then(|()| methods::answer(demo, Era::Modern, request));
    match answer {
        Ok(answer) => reply(demo, headers, request, answer).await,
        Err(failure) => refuse(failure.status(), Some(&request.id), &failure),
    }
}

fn check_modern(headers: &HeaderMap, request: &Request) -> Result<(), Failure> {
    let meta = meta(&request.params);
    let version = meta
        .and_then(|meta| meta.get(META_VERSION))
        .and_then(Value::as_str)
        .ok_or_else(|| Failure::invalid_params(format!("_meta needs {META_VERSION:?}.")))?;
    mirrored(headers, VERSION, version)?;
    if version != methods::MODERN {
        let data = json!({ "supported": [methods::MODERN], "requested": version });
        let failure = Failure::new(Failure::UNSUPPORTED_VERSION, "Unsupported protocol version.");
        return Err(failure.with_data(data));
    }
    if !meta.and_then(|meta| meta.get(META_CAPABILITIES)).is_some_and(Value::is_object) {
        return Err(Failure::invalid_params(format!("_meta needs {META_CAPABILITIES:?}.")));
    }
    mirrored(headers, "mcp-method", &request.method)?;
    let name = match request.method.as_str() {
        "tools/call" | "prompts/get" => request.params.get("name"),
        "resources/read" => request.params.get("uri"),
        _ => return Ok(()),
    };
    mirrored(headers, "mcp-name", name.and_then(Value::as_str).unwrap_or_default())
}

/// A header must appear once and say what the body says.
fn mirrored(headers: &HeaderMap, name: &str, expected: &str) -> Result<(), Failure> {
    let mut values = headers.get_all(name).iter();
    let value = values.next().and_then(|value| value.to_str().ok()).and_then(plain);
    if value.as_deref() == Some(expected) && values.next().is_none() {
        return Ok(());
    }
    let message = format!("Header {name} must be sent once and match the body.");
    Err(Failure::new(Failure::HEADER_MISMATCH, message))
}

/// A header's value, out of the `=?base64?…?=` wrapping for text that headers cannot carry.
fn plain(value: &str) -> Option<String> {
    match value.strip_prefix("=?base64?").and_then(|rest| rest.strip_suffix("?=")) {
        None => Some(value.to_owned()),
        Some(coded) => STANDARD.decode(coded).ok().and_then(|bytes| String::from_utf8(bytes).ok()),
    }
}

fn meta(params: &Map<String, Value>) -> Option<&Map<String, Value>> {
    params.get("_meta").and_then(Value::as_object)
}

// === Answers ===

async fn reply(demo: &Demo, headers: &HeaderMap, request: &Request, answer: Answer) -> Response {
    let step = demo.options.forecast_step;
    if answer.steps.is_empty() {
        return success(&request.id, &answer.result).into_response();
    }
    if accepts(headers, "text/event-stream") {
        return streamed(request, answer, step);
    }
    for _ in &answer.steps {
        tokio::time::sleep(step).await;
    }
    success(&request.id, &answer.result).into_response()
}

/// Progress as it is made, when it was asked for, then the answer. A client that hangs up drops
/// the stream, and the work with it.
fn streamed(request: &Request, answer: Answer, step: Duration) -> Response {
    let token = meta(&request.params).and_then(|meta| meta.get("progressToken")).cloned();
    let total = answer.steps.len();
    let progress = stream::iter(answer.steps.into_iter().enumerate()).filter_map(
        move |(done, message)| {
            let event = token.as_ref().map(|token| {
                json!({ "jsonrpc": "2.0", "method": "notifications/progress", "params": {
                    "progressToken": token, "progress": done + 1, "total": total, "message": message,
                }})
            });
            async move {
                tokio::time::sleep(step).await;
                event
            }
        },
    );
    let answer = rpc::success(&request.id, &answer.result);
    let events = progress.chain(stream::once(async move { answer })).map(|message| {
        Ok::<_, Infallible>(Event::default().event("message").data(message.to_string()))
    });
    Sse::new(events).into_response()
}

fn success(id: &Value, result: &Value) -> axum::Json<Value> {
    axum::Json(rpc::success(id, result))
}

fn refuse(status: StatusCode, id: Option<&Value>, failure: &Failure) -> Response {
    (status, axum::Json(rpc::error(id, failure))).into_response()
}
