//! Limits over the wire: two gateways together admit exactly `max`, and what happens without the
//! shared counters.

use std::sync::Arc;

use domain::RedisFailure;
use futures_util::future::join_all;
use gateway::limits::redis::RedisCounters;
use serde_json::{Value, json};

use crate::world::{Agent, World, borrowed, call, modern};

fn ten_a_day() -> Value {
    json!({"version": "1", "default": "deny",
        "tools": {"list_customers": {"limits": [{"counter": "c", "window": "day", "max": 10}]}}})
}

#[expect(clippy::disallowed_methods, reason = "tests find their Redis by the environment")]
fn redis() -> Option<String> {
    std::env::var("REDIS_URL").ok()
}

/// The shop behind two gateways that count at `redis`.
async fn two_gateways(redis: &str) -> (World, Agent, demo::Recorder) {
    let (mut world, agent, shop) = World::with_shop(ten_a_day()).await;
    world.gateways.clear();
    for _ in 0..2 {
        world.gateway_with(Arc::new(RedisCounters::open(redis).unwrap()), |_| {}).await;
    }
    (world, agent, shop)
}

#[tokio::test]
async fn ten_and_ten_at_once_over_two_gateways_admit_exactly_ten() {
    let Some(redis) = redis() else { return };
    let (world, agent, shop) = two_gateways(&redis).await;
    let bearer = format!("Bearer {}", agent.token);
    let (mirrors, body) = modern(call("list_customers", json!({})));
    let body = body.to_string();
    let calls = (0..20).map(|n| {
        let url = format!("http://{}{}", world.gateways[n % 2].1, agent.path);
        let mut headers = borrowed(&mirrors);
        headers.push(("authorization", bearer.as_str()));
        headers.push(("content-type", "application/json"));
        let (world, body) = (&world, body.clone());
        async move {
            crate::world::Reply::read(world.send(http::Method::POST, url, &headers, body).await)
                .await
        }
    });
    let replies = join_all(calls).await;
    let refused: Vec<_> = replies.iter().filter(|r| r.decision()["outcome"] == "limited").collect();
    assert_eq!((refused.len(), shop.total()), (10, 10));
    assert!(refused.iter().all(|r| r.status == 200 && r.decision()["remaining"] == 0));
}

#[tokio::test]
async fn without_the_shared_counters_calls_are_refused_or_counted_here_as_chosen() {
    let (mut world, agent, shop) = World::with_shop(ten_a_day()).await;
    world.gateways.clear();
    let nowhere = Arc::new(RedisCounters::open("redis://127.0.0.1:1").unwrap());
    world.gateway_with(nowhere, |settings| settings.replicas = 2).await;
    let closed = world.run(&agent, "list_customers", json!({})).await;
    assert_eq!(closed.decision()["outcome"], "limited");
    assert!(closed.tool_text().contains("cannot be checked"), "{}", closed.text);
    assert_eq!(shop.total(), 0);
    world.publish(|o| o.settings.redis_failure = RedisFailure::Local).await;
    for n in 0..7 {
        let reply = world.run(&agent, "list_customers", json!({})).await;
        assert_eq!(reply.decision()["outcome"] == "limited", n >= 5, "{n}: {}", reply.text);
    }
    assert_eq!(shop.total(), 5, "this replica's share of ten");
}

#[tokio::test]
async fn sums_are_exact_and_say_what_is_left() {
    let policy = json!({"version": "1", "default": "deny", "tools": {"list_customers": {"limits": [
        {"counter": "spend", "window": "day", "max": 100, "scope": "server", "increment_from": "args.amount"}]}}});
    let (world, agent, shop) = World::with_shop(policy).await;
    let pay =
        async |amount: Value| world.run(&agent, "list_customers", json!({"amount": amount})).await;
    pay(json!(60.5)).await;
    let refused = pay(json!(39.500_001)).await;
    assert_eq!(refused.decision()["remaining"], 39.5, "{}", refused.text);
    pay(json!(39.5)).await;
    assert_eq!(pay(json!(0.000_001)).await.decision()["outcome"], "limited");
    for bad in [json!(-1), json!("1"), Value::Null, json!(0.000_000_1)] {
        assert_eq!(pay(bad.clone()).await.decision()["outcome"], "denied", "{bad}");
    }
    assert_eq!(shop.total(), 2);
}

#[tokio::test]
async fn a_limit_of_a_session_counts_each_session_for_itself() {
    let policy = json!({"version": "1", "default": "deny", "tools": {"list_customers": {"limits": [
        {"counter": "c", "window": "day", "max": 1, "scope": "session"}]}}});
    let (world, agent, _) = World::with_shop(policy).await;
    for _ in 0..2 {
        let session = world.initialize(&agent).await.unwrap();
        let first = world.call(&agent, &session, "list_customers", json!({})).await;
        assert!(first.decision().is_null(), "{}", first.text);
        let second = world.call(&agent, &session, "list_customers", json!({})).await;
        assert_eq!(second.decision()["outcome"], "limited");
    }
}
