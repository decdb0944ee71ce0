//! The mistakes that MCP gateways have been seen to make, each as a test that a naive proxy
//! fails. The numbers are those of the protocol notes; after each stands where it happened.
//!
//! Numbers 23 and 25 are in `legacy_sse.rs` and `bridge/up.rs`, where their servers are. Number 27
//! is about redirect URIs of clients that log in, and stands with the tests of the control plane.

mod addresses;
mod fidelity;
mod policy;
mod sessions;
mod streaming;

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedReceiver;

use crate::world::{Agent, Seen, World, reply};

/// What a scripted server saw, in order.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<Seen>>>);

impl Log {
    fn note(&self, seen: &Seen) {
        self.0.lock().unwrap().push(seen.clone());
    }

    fn all(&self) -> Vec<Seen> {
        self.0.lock().unwrap().clone()
    }

    /// JSON-RPC methods; the HTTP method where there is none.
    fn methods(&self) -> Vec<String> {
        let named = |seen: &Seen| match seen.json()["method"].as_str() {
            Some(method) => method.to_owned(),
            None => seen.method.to_string(),
        };
        self.all().iter().map(named).collect()
    }

    /// How many requests of that method came.
    fn count(&self, method: &str) -> usize {
        self.methods().iter().filter(|seen| *seen == method).count()
    }
}

/// A server made of one function, as `shop`, and what it saw.
async fn scripted<F>(policy: Value, tools: &[&str], answer: F) -> (World, Agent, Log)
where
    F: Fn(&Seen) -> Response + Clone + Send + Sync + 'static,
{
    let log = Log::default();
    let noted = log.clone();
    let upstream = move |seen: Seen| {
        noted.note(&seen);
        let response = answer(&seen);
        async move { response }
    };
    let (world, agent) = World::with_upstream(policy, tools, upstream).await;
    (world, agent, log)
}

/// Answers everything as if it had worked.
fn obliging(seen: &Seen) -> Response {
    match seen.json()["method"].as_str() {
        Some("initialize") => seen.result(&json!({"protocolVersion": "2025-06-18",
            "capabilities": {}, "serverInfo": {"name": "s", "version": "1"}})),
        _ if seen.json().get("id").is_none() => reply(202, "application/json", ""),
        _ => seen.result(&json!({"content": []})),
    }
}

fn header<'s>(seen: &'s Seen, name: &str) -> Option<&'s str> {
    seen.headers.get(name).map(|value| value.to_str().unwrap())
}

/// A stream that a test writes to.
fn written_to(receiver: UnboundedReceiver<String>) -> Response {
    let events = stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|text| (Ok::<_, Infallible>(Bytes::from(text)), receiver))
    });
    reply(200, "text/event-stream", Body::from_stream(events))
}

/// A message as an event.
fn event(message: &Value) -> String {
    format!("event: message\ndata: {message}\n\n")
}

/// The next piece of a stream, which must come soon.
async fn frame(body: &mut Incoming) -> Option<String> {
    let frame = tokio::time::timeout(Duration::from_secs(5), body.frame()).await.unwrap()?;
    Some(String::from_utf8(frame.unwrap().into_data().unwrap().to_vec()).unwrap())
}

/// The message in an event.
fn message_of(event: &str) -> Value {
    let data = event.lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
    serde_json::from_str(data).unwrap()
}
