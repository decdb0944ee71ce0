//! Every answer says which request it is and where its time went; the record says it in parts.

use std::time::Duration;

use axum::body::Body;
use futures_util::stream;
use http::{HeaderMap, Method};
use serde_json::json;

use crate::world::{Agent, Seen, World, allow_all, call, initialize, list, reply};

/// What it is, and how it is sent.
type Asked<'a> = (&'a str, Method, &'a Agent, &'a [(&'a str, &'a str)], String);

/// The milliseconds of one part of a `Server-Timing`.
fn part(headers: &HeaderMap, name: &str) -> Option<f64> {
    let timing = headers.get("server-timing")?.to_str().unwrap();
    let part = timing.split(", ").find_map(|part| part.strip_prefix(name)?.strip_prefix(";dur="));
    part.map(|ms| ms.parse().unwrap())
}

#[tokio::test]
async fn every_answer_has_an_id_and_its_time() {
    let (world, agent, _) = World::with_shop(json!({"version": "1", "default": "deny",
        "hide": ["get_order"], "tools": {"list_customers": {}}}))
    .await;
    let stranger = Agent { token: "nonsense".to_owned(), ..agent.clone() };
    let json = "application/json";
    let note = json!({"jsonrpc": "2.0", "method": "notifications/initialized"}).to_string();
    let foreign = [("host", "evil.example")];
    let asked: [Asked<'_>; 13] = [
        ("call", Method::POST, &agent, &[], call("list_customers", json!({})).to_string()),
        ("denied", Method::POST, &agent, &[], call("send_invoice", json!({})).to_string()),
        ("hidden", Method::POST, &agent, &[], call("get_order", json!({})).to_string()),
        ("list", Method::POST, &agent, &[], list("tools").to_string()),
        ("initialize", Method::POST, &agent, &[], initialize().to_string()),
        ("notification", Method::POST, &agent, &[], note),
        ("malformed", Method::POST, &agent, &[], "nonsense".to_owned()),
        ("media type", Method::POST, &agent, &[("content-type", "text/plain")], String::new()),
        ("unknown", Method::POST, &stranger, &[], initialize().to_string()),
        ("stream", Method::GET, &agent, &[("accept", "text/event-stream")], String::new()),
        ("no session", Method::DELETE, &agent, &[("mcp-session-id", "x")], String::new()),
        ("method", Method::PUT, &agent, &[], String::new()),
        ("preflight", Method::OPTIONS, &agent, &[("accept", json)], String::new()),
    ];
    for (what, method, who, headers, body) in asked {
        let answer = world.open(method, who, headers, body).await;
        let headers = answer.headers();
        assert!(headers.contains_key("x-request-id"), "{what}: {headers:?}");
        // Strangers learn nothing, not even how long it took to find that out.
        let is_stranger = what == "unknown";
        assert_eq!(part(headers, "total").is_none(), is_stranger, "{what}: {headers:?}");
    }
    let base = format!("http://{}", world.gateways[0].1);
    for path in ["/.well-known/oauth-protected-resource/t/acme/shop/mcp", "/.well-known/x"] {
        let answer = world.send(Method::GET, format!("{base}{path}"), &[], "").await;
        assert!(answer.headers().contains_key("x-request-id"), "{path}");
        assert!(part(answer.headers(), "total").is_some(), "{path}");
    }
    let refused = world.send(Method::POST, format!("{base}{}", agent.path), &foreign, "").await;
    assert_eq!(refused.status(), 403);
    assert!(part(refused.headers(), "total").is_some());
}

#[tokio::test]
async fn a_refusal_says_where_it_was_refused() {
    let (world, agent, _) = World::with_shop(json!({"version": "1", "default": "deny"})).await;
    let denied = world.post(&agent, &[], &call("send_invoice", json!({}))).await;
    assert!(part(&denied.headers, "policy").unwrap() > 0.0, "{:?}", denied.headers);
    assert_eq!(part(&denied.headers, "upstream"), Some(0.0));
    let us = world.records.last().us;
    assert!(us.auth > 0 && us.policy > 0 && us.limits == 0 && us.upstream == 0, "{us:?}");
}

/// A server that takes its time for the head, and again for the rest of a stream.
async fn deliberate() -> (World, Agent) {
    const PAUSE: Duration = Duration::from_millis(60);
    World::with_upstream(allow_all(), &["a"], |seen: Seen| async move {
        tokio::time::sleep(PAUSE).await;
        let id = seen.json()["id"].clone();
        let events = stream::once(async move {
            tokio::time::sleep(PAUSE).await;
            let answer = json!({"jsonrpc": "2.0", "id": id, "result": {"content": []}});
            Ok::<_, std::io::Error>(format!("data: {answer}\n\n"))
        });
        reply(200, "text/event-stream", Body::from_stream(events))
    })
    .await
}

#[tokio::test]
async fn the_record_of_a_stream_has_the_time_of_all_of_it_in_parts() {
    let (world, agent) = deliberate().await;
    let answer = world.post(&agent, &[], &call("a", json!({}))).await;
    let head = part(&answer.headers, "upstream").unwrap();
    assert!((60.0..119.0).contains(&head), "the head knows its own time: {head}");
    let us = world.records.count(1).await[0].us;
    assert!(us.upstream >= 120_000, "{us:?}");
    assert!(us.auth > 0 && us.policy > 0, "{us:?}");
    let parts = us.auth + us.policy + us.limits + us.upstream;
    assert!(us.total >= parts && us.total - parts < 1_000, "the parts add up: {us:?}");
}

#[tokio::test]
async fn a_stream_that_is_given_up_is_timed_to_that_moment() {
    let (world, agent) = deliberate().await;
    let body = call("a", json!({})).to_string();
    let open = world.open(Method::POST, &agent, &[], body).await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    drop(open);
    let record = &world.records.count(1).await[0];
    assert_eq!(record.outcome, domain::Outcome::Cancelled);
    let us = record.us;
    let parts = us.auth + us.policy + us.limits + us.upstream;
    assert!(us.upstream >= 60_000 && us.total - parts < 1_000, "{us:?}");
}
