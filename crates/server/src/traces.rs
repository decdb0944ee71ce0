//! Spans of calls on their way to a collector: OTLP over HTTP, as JSON. The two spans of a call
//! come from its record, so tracing adds nothing to a call but their ids; and no SDK is needed
//! for that. What the collector does not take in time is dropped and counted.

use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;
use domain::{CallRecord, Outcome};
use futures_util::future::BoxFuture;
use gateway::traces::{Trace, Traces, hex};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Request};
use http_body_util::Full;
use mcp::client::{AddressRules, AllowRange, Client, Deadlines};
use metrics::counter;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use url::Url;

/// Spans that may wait.
const ROOM: usize = 4_096;
/// Spans in one request.
const BATCH: usize = 512;
/// How long a span waits for company.
const LINGER: Duration = Duration::from_secs(1);
/// How long the collector may take.
const DEADLINE: Duration = Duration::from_secs(5);

/// Takes spans from the gateway.
pub(crate) struct Exported {
    sender: mpsc::Sender<Value>,
    share: f64,
}

impl Traces for Exported {
    fn begins(&self) -> bool {
        self.share >= 1.0 || rand::random::<f64>() < self.share
    }

    fn call(&self, trace: &Trace, record: &CallRecord) {
        for span in spans(trace, record) {
            if self.sender.try_send(span).is_err() {
                counter!("drawbridge_spans_dropped_total").increment(1);
            }
        }
    }
}

/// The queue and the job that empties it into the collector at `endpoint`, until `over` and all
/// is sent. Of the calls without a parent, `share` begin a trace.
pub(crate) fn open(
    endpoint: &Url,
    share: f64,
    over: CancellationToken,
) -> Result<(Exported, BoxFuture<'static, ()>)> {
    let url = format!("{}/v1/traces", endpoint.as_str().trim_end_matches('/'));
    let request =
        Request::post(url).header(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let request = request.body(()).context("DRAWBRIDGE_OTLP_ENDPOINT")?;
    // The operator's own collector, wherever it is.
    let everywhere = ["0.0.0.0/0", "::/0"].map(str::parse::<AllowRange>);
    let allow = everywhere.into_iter().filter_map(Result::ok).collect();
    let client = Client::new(AddressRules { allow, ..AddressRules::default() })?;
    let (sender, receiver) = mpsc::channel(ROOM);
    Ok((Exported { sender, share }, Box::pin(export(client, request, receiver, over))))
}

async fn export(
    client: Client,
    request: Request<()>,
    mut receiver: mpsc::Receiver<Value>,
    over: CancellationToken,
) {
    let mut batch = Vec::with_capacity(BATCH);
    loop {
        if over.is_cancelled() {
            receiver.close();
        }
        let taken = tokio::select! {
            taken = receiver.recv_many(&mut batch, BATCH) => taken,
            () = over.cancelled(), if !over.is_cancelled() => continue,
        };
        if taken == 0 {
            return;
        }
        let pause = timeout(LINGER, over.cancelled());
        if batch.len() < BATCH && pause.await.is_err() {
            while batch.len() < BATCH
                && let Ok(span) = receiver.try_recv()
            {
                batch.push(span);
            }
        }
        let body = document(&batch).to_string();
        batch.clear();
        let request = request.clone().map(|()| Full::new(Bytes::from(body)));
        match client.send(request, Deadlines { first_byte: DEADLINE }).await {
            Ok(answer) if answer.status().is_success() => {}
            Ok(answer) => tracing::warn!(status = %answer.status(), "spans were not taken"),
            Err(error) => {
                tracing::warn!(%error, "spans could not be sent");
                let _over = timeout(DEADLINE, over.cancelled()).await;
            }
        }
    }
}

fn document(spans: &[Value]) -> Value {
    json!({"resourceSpans": [{
        "resource": {"attributes": [
            text("service.name", "drawbridge"),
            text("service.version", env!("CARGO_PKG_VERSION")),
        ]},
        "scopeSpans": [{"scope": {"name": "drawbridge.gateway"}, "spans": spans}],
    }]})
}

/// The span of a call, and that of its server's part if it came so far.
fn spans(trace: &Trace, record: &CallRecord) -> Vec<Value> {
    let us = record.us;
    let began = record.at.timestamp_nanos_opt().unwrap_or_default();
    let after = |us: u32| (began + i64::from(us) * 1_000).to_string();
    let before_server = us.auth.saturating_add(us.policy).saturating_add(us.limits);
    let has_failed = matches!(record.outcome, Outcome::UpstreamError);
    let status = json!({"code": if has_failed { 2 } else { 0 }, "message": record.message});
    let mut call = json!({
        "traceId": hex(&trace.trace_id), "spanId": hex(&trace.span), "kind": 2,
        "name": name(record), "startTimeUnixNano": after(0), "endTimeUnixNano": after(us.total),
        "attributes": attributes(record), "status": status,
    });
    if let (Some(parent), Some(members)) = (trace.parent, call.as_object_mut()) {
        members.insert("parentSpanId".to_owned(), json!(hex(&parent)));
    }
    if us.upstream == 0 {
        return vec![call];
    }
    let server = record.server.map(|server| text("drawbridge.server", &server.to_string()));
    let upstream = json!({
        "traceId": hex(&trace.trace_id), "spanId": hex(&trace.upstream),
        "parentSpanId": hex(&trace.span), "kind": 3, "name": format!("upstream {}", record.method),
        "startTimeUnixNano": after(before_server),
        "endTimeUnixNano": after(before_server.saturating_add(us.upstream)),
        "attributes": server.into_iter().collect::<Vec<_>>(), "status": status,
    });
    vec![call, upstream]
}

/// As the conventions for MCP have it: the method, and the tool or prompt, which are few.
fn name(record: &CallRecord) -> String {
    match &record.target {
        Some(target) if matches!(record.method.as_str(), "tools/call" | "prompts/get") => {
            format!("{} {target}", record.method)
        }
        _ => record.method.clone(),
    }
}

fn attributes(record: &CallRecord) -> Vec<Value> {
    let mut attributes = vec![
        text("mcp.method.name", &record.method),
        text("drawbridge.organisation", &record.organisation().to_string()),
        text("drawbridge.grant", &record.grant.to_string()),
        text("drawbridge.outcome", record.outcome.as_str()),
        text("drawbridge.request_id", &record.request_id),
        json!({"key": "http.response.status_code",
            "value": {"intValue": record.status.http.to_string()}}),
    ];
    let optional = [
        ("drawbridge.rule", Some(record.rule.as_str()).filter(|rule| !rule.is_empty())),
        ("gen_ai.tool.name", record.target.as_deref().filter(|_| record.method == "tools/call")),
        ("mcp.client", record.client.as_deref()),
    ];
    attributes.extend(optional.into_iter().filter_map(|(key, value)| Some(text(key, value?))));
    attributes
}

fn text(key: &str, value: &str) -> Value {
    json!({"key": key, "value": {"stringValue": value}})
}
