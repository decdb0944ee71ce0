//! A demo server of one's own and a bare HTTP client for it.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops where something is amiss"
)]

use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};

pub(crate) const BOTH: &str = "application/json, text/event-stream";

pub(crate) struct Demo {
    url: String,
    pub(crate) recorder: demo::Recorder,
    server: tokio::task::JoinHandle<()>,
}

impl Drop for Demo {
    fn drop(&mut self) {
        self.server.abort();
    }
}

pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: http::HeaderMap,
    pub(crate) text: String,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("not JSON: {}", self.text))
    }

    /// The messages of an event stream.
    pub(crate) fn events(&self) -> Vec<Value> {
        assert_eq!(self.headers["content-type"], "text/event-stream");
        let data = self.text.lines().filter_map(|line| line.strip_prefix("data:"));
        data.map(|data| serde_json::from_str(data).unwrap()).collect()
    }
}

impl Demo {
    pub(crate) async fn start(page_size: usize) -> Self {
        let recorder = demo::Recorder::default();
        let router = demo::router_with(demo::Options {
            recorder: recorder.clone(),
            page_size,
            forecast_step: Duration::from_millis(1),
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/mcp", listener.local_addr().unwrap());
        #[expect(clippy::disallowed_methods, reason = "aborted on drop")]
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, recorder, server }
    }

    pub(crate) async fn send(&self, method: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        let mut request = http::Request::builder().method(method).uri(&self.url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(bytes::Bytes::from(body.to_owned()))).unwrap();
        let client: Client<_, Full<bytes::Bytes>> =
            Client::builder(TokioExecutor::new()).build_http();
        let (parts, body) = client.request(request).await.unwrap().into_parts();
        let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        Reply { status: parts.status.as_u16(), headers: parts.headers, text }
    }

    pub(crate) async fn post(&self, headers: &[(&str, &str)], message: &Value) -> Reply {
        let mut all = vec![("content-type", "application/json"), ("accept", BOTH)];
        all.extend_from_slice(headers);
        self.send("POST", &all, &message.to_string()).await
    }

    /// A request of the legacy era in `session`.
    pub(crate) async fn legacy(&self, session: &str, method: &str, params: Value) -> Reply {
        let message = json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params });
        self.post(&[("mcp-session-id", session)], &message).await
    }

    pub(crate) async fn initialize(&self, version: &str) -> (String, Value) {
        let params = json!({
            "protocolVersion": version, "capabilities": {},
            "clientInfo": { "name": "test", "version": "1" },
        });
        let message =
            json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params });
        let reply = self.post(&[], &message).await;
        assert_eq!(reply.status, 200);
        let session = reply.headers["mcp-session-id"].to_str().unwrap().to_owned();
        (session, reply.json()["result"].take())
    }

    /// A well-formed request of the modern era, with its mirrored headers.
    pub(crate) async fn modern(&self, method: &str, mut params: Value) -> Reply {
        let meta = json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
            "progressToken": "token",
        });
        params["_meta"] = meta;
        let name = params["name"].as_str().or(params["uri"].as_str()).unwrap_or("").to_owned();
        let message = json!({ "jsonrpc": "2.0", "id": "m", "method": method, "params": params });
        let headers = [
            ("mcp-protocol-version", "2026-07-28"),
            ("mcp-method", method),
            ("mcp-name", name.as_str()),
        ];
        self.post(&headers, &message).await
    }
}
