//! Upstream servers on loopback ports, real and misbehaving. Each lives as long as its runtime,
//! which is its test.
#![expect(clippy::disallowed_methods, reason = "servers of a test end with the test's runtime")]

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, post};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// The product's own demo server: a well-behaved upstream of ten tools.
pub async fn demo() -> String {
    serve(demo::router()).await
}

/// Answers every request with this.
pub async fn answering(status: u16, media_type: &'static str, body: &'static str) -> String {
    let status = StatusCode::from_u16(status).unwrap();
    serve(
        Router::new().route(
            "/mcp",
            any(move || async move { (status, [(CONTENT_TYPE, media_type)], body) }),
        ),
    )
    .await
}

/// A place that publishes one document: status, media type and body, made from its own URL each time
/// it is asked. a redirect leads to another origin.
pub async fn publishing(
    document: impl Fn(&str) -> (u16, &'static str, String) + Clone + Send + Sync + 'static,
) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/client.json", listener.local_addr().unwrap());
    let own = url.clone();
    let answer = move || {
        let (status, media_type, body) = document(&own);
        let head = [("content-type", media_type), ("location", "http://127.0.0.1:1/elsewhere")];
        std::future::ready((StatusCode::from_u16(status).unwrap(), head, body))
    };
    let router = Router::new().route("/client.json", axum::routing::get(answer));
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

/// The demo server behind a header that must be there.
pub async fn guarded(name: &'static str, value: &'static str) -> String {
    let check = move |headers: HeaderMap,
                      request: axum::extract::Request,
                      next: axum::middleware::Next| async move {
        if headers.get(name).is_some_and(|given| given == value) {
            Ok(next.run(request).await)
        } else {
            Err(StatusCode::UNAUTHORIZED)
        }
    };
    serve(demo::router().layer(axum::middleware::from_fn(check))).await
}

/// A server whose list of tools the test writes, and rewrites.
#[derive(Clone)]
pub struct Listing {
    /// Where it is.
    pub url: String,
    tools: Arc<Mutex<Value>>,
}

impl Listing {
    /// A server that lists these tools.
    pub async fn of(tools: Value) -> Self {
        let tools = Arc::new(Mutex::new(tools));
        let listed = Arc::clone(&tools);
        let answer = move |body: String| {
            let reply =
                reply(&serde_json::from_str(&body).unwrap_or_default(), &listed.lock().unwrap());
            std::future::ready(reply)
        };
        Self { url: serve(Router::new().route("/mcp", post(answer))).await, tools }
    }

    /// From now on it lists these.
    pub fn lists(&self, tools: Value) {
        *self.tools.lock().unwrap() = tools;
    }
}

fn reply(request: &Value, tools: &Value) -> Response {
    let method = request.get("method").and_then(Value::as_str).unwrap_or_default();
    let result = match method {
        "initialize" => json!({
            "protocolVersion": "2025-11-25", "capabilities": { "tools": {} },
            "serverInfo": { "name": "changing", "version": "1" },
        }),
        "tools/list" => json!({ "tools": tools }),
        notification if notification.starts_with("notifications/") => {
            return StatusCode::ACCEPTED.into_response();
        }
        _ => return StatusCode::BAD_REQUEST.into_response(),
    };
    axum::Json(json!({ "jsonrpc": "2.0", "id": request.get("id"), "result": result }))
        .into_response()
}

/// An address where nothing listens.
pub async fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}/mcp", listener.local_addr().unwrap())
}

/// Anything, at a path.
pub async fn serving(router: Router, path: &str) -> String {
    let url = serve(router).await;
    url.replace("/mcp", path)
}

async fn serve(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}/mcp")
}
