//! What a call costs: the judging alone, and the whole way over sockets to a stub server and back.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a benchmark that fails has failed"
)]

#[path = "../tests/it/world.rs"]
mod world;

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use domain::Clock;
use gateway::limits::memory::MemoryCounters;
use gateway::limits::{CountKey, CounterStore, Demand, Part, Subject};
use http_body_util::BodyExt;
use serde_json::json;
use tokio::runtime::Runtime;
use world::{World, borrowed, call, modern, reply};

const ANSWER: &str =
    r#"{"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":"a small answer"}]}}"#;

/// The whole way of a small `tools/call`, one at a time, over loopback sockets: client, gateway
/// and stub server in one process, beside the same without the gateway.
fn whole_path(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let policy = json!({"version": "1", "default": "deny", "tools": {"echo": {
        "deny_if": [{"conditions": [{"path": "args.amount", "op": "gt", "value": 100}]}],
        "limits": [{"counter": "c", "window": "minute", "max": 1_000_000_000}]}}});
    let (world, agent, direct) = runtime.block_on(async {
        let (mut world, agent) = World::with_upstream(policy, &["echo"], |_| async {
            reply(200, "application/json", ANSWER)
        })
        .await;
        let direct = world.upstream(|_| async { reply(200, "application/json", ANSWER) }).await;
        world.records.forget();
        (world, agent, format!("http://{direct}/mcp"))
    });
    let (headers, message) = modern(call("echo", json!({"text": "hello", "amount": 7})));
    let (headers, body) = (borrowed(&headers), message.to_string());
    let mut group = criterion.benchmark_group("path");
    group.bench_function("direct", |bencher| {
        bencher.to_async(&runtime).iter(|| async {
            let reply =
                world.send(http::Method::POST, direct.clone(), &headers, body.clone()).await;
            black_box(reply.into_body().collect().await.unwrap().to_bytes())
        });
    });
    group.bench_function("gateway", |bencher| {
        bencher.to_async(&runtime).iter(|| async {
            let reply = world.open(http::Method::POST, &agent, &headers, body.clone()).await;
            black_box(reply.into_body().collect().await.unwrap().to_bytes())
        });
    });
    group.finish();
}

/// Reading and classifying one message, and reserving one limit.
fn parts(criterion: &mut Criterion) {
    let (headers, message) = modern(call("echo", json!({"text": "hello", "amount": 7})));
    let body = message.to_string().into_bytes();
    let headers: http::HeaderMap = headers
        .into_iter()
        .map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap()))
        .collect();
    let mut group = criterion.benchmark_group("parts");
    group.bench_function("parse and classify", |bencher| {
        bencher.iter(|| {
            let message = mcp::message::parse(black_box(&body)).unwrap();
            black_box(mcp::era::classify(&message, &headers).unwrap())
        });
    });
    let runtime = Runtime::new().unwrap();
    let store = Arc::new(MemoryCounters::new(Clock::system()));
    let now = chrono::Utc::now();
    let mut demand = Demand::default();
    let key = CountKey {
        organisation: domain::OrganisationId::fresh(now),
        server: Some(domain::ServerId::fresh(now)),
        subject: Subject::Grant(domain::GrantId::fresh(now)),
        counter: "calls".into(),
        window: policy::Window::Minute,
        sum: None,
        part: Part::Whole,
    };
    demand.add(key, 1, u64::MAX >> 11, false);
    group.bench_function("reserve in process", |bencher| {
        bencher
            .to_async(&runtime)
            .iter(|| async { store.reserve(black_box(&demand)).await.is_ok() });
    });
    group.finish();
}

criterion_group!(benches, parts, whole_path);
criterion_main!(benches);
