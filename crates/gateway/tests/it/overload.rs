//! A server that is dead or slow: told at once, tried again in time, and nobody else's trouble.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::response::Response;
use domain::Outcome;
use futures_util::future::join_all;
use futures_util::stream;
use http::Method;
use serde_json::json;
use tokio::sync::Notify;

use crate::world::{Agent, Reply, Seen, World, allow_all, call, reply};

/// A server that fails while `is_down`, behind a gateway; and how often it was called.
async fn flaky(
    status: u16,
    kind: &'static str,
) -> (World, Agent, Arc<AtomicBool>, Arc<AtomicUsize>) {
    let (down, calls) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicUsize::new(0)));
    let (is_down, counted) = (Arc::clone(&down), Arc::clone(&calls));
    let (world, agent) = World::with_upstream(allow_all(), &["a"], move |seen: Seen| {
        counted.fetch_add(1, Ordering::SeqCst);
        let fails = is_down.load(Ordering::SeqCst);
        async move {
            if fails { reply(status, kind, "{}") } else { seen.result(&json!({"content": []})) }
        }
    })
    .await;
    (world, agent, down, calls)
}

#[tokio::test]
async fn a_server_that_fails_again_and_again_is_left_alone_and_then_tried_again() {
    let (world, agent, down, calls) = flaky(503, "text/plain").await;
    for _ in 0..5 {
        let failed = world.post(&agent, &[], &call("a", json!({}))).await;
        assert!(failed.tool_text().contains("The server failed (HTTP 503)"), "{}", failed.text);
    }
    for _ in 0..3 {
        let refused = world.post(&agent, &[], &call("a", json!({}))).await;
        assert_eq!((refused.status, &refused.json["result"]["isError"]), (200, &json!(true)));
        let text = refused.tool_text();
        assert!(
            text.starts_with("[UPSTREAM ERROR] ") && text.contains("tried again in 1 s"),
            "{text}"
        );
        assert_eq!(refused.decision()["outcome"], "upstream_error");
        assert_eq!(world.records.last().outcome, Outcome::UpstreamError);
    }
    assert_eq!(calls.load(Ordering::SeqCst), 5, "nothing was sent meanwhile");
    // A new revision of the organisation changes nothing about the server.
    world.publish(|_| {}).await;
    let refused = world.post(&agent, &[], &call("a", json!({}))).await;
    assert!(refused.tool_text().contains("tried again in"), "{}", refused.text);
    down.store(false, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(1_050)).await;
    let back = world.post(&agent, &[], &call("a", json!({}))).await;
    assert!(back.json["result"]["content"].is_array() && back.tool_text().is_empty());
    assert_eq!(calls.load(Ordering::SeqCst), 6);
}

#[tokio::test]
async fn errors_that_a_server_tells_in_json_close_nothing() {
    let (world, agent, _down, calls) = flaky(500, "application/json").await;
    for _ in 0..8 {
        world.post(&agent, &[], &call("a", json!({}))).await;
    }
    assert_eq!(calls.load(Ordering::SeqCst), 8);
}

#[tokio::test]
async fn a_server_that_moved_is_a_new_one() {
    let (mut world, agent, _down, _calls) = flaky(502, "text/plain").await;
    for _ in 0..6 {
        world.post(&agent, &[], &call("a", json!({}))).await;
    }
    let elsewhere =
        world.upstream(|seen| async move { seen.result(&json!({"content": []})) }).await;
    let url = format!("http://{elsewhere}/mcp").parse().unwrap();
    world.publish(|organisation| organisation.servers[0].url = url).await;
    let moved = world.post(&agent, &[], &call("a", json!({}))).await;
    assert!(moved.json["result"]["content"].is_array() && moved.tool_text().is_empty());
}

/// A slow server as `slow` and the shop as `quick`, with two seats each.
async fn slow_and_quick(stuck: &Arc<Notify>) -> (World, Agent, Agent) {
    let mut world = World::empty();
    let hold = Arc::clone(stuck);
    let slow = world
        .upstream(move |seen: Seen| {
            let hold = Arc::clone(&hold);
            async move {
                hold.notified().await;
                seen.result(&json!({"content": []}))
            }
        })
        .await;
    let quick = world.upstream(|seen| async move { seen.result(&json!({"content": []})) }).await;
    world.server("slow", slow, &[("a", "read")]);
    world.server("quick", quick, &[("a", "read")]);
    let agent = world.grant("agent", &[("slow", Some(allow_all())), ("quick", Some(allow_all()))]);
    world
        .gateway(|settings| {
            settings.max_in_flight = 8;
            settings.max_at_server = 2;
        })
        .await;
    let (slow, quick) = (agent.at("/t/acme/slow/mcp"), agent.at("/t/acme/quick/mcp"));
    (world, slow, quick)
}

#[tokio::test]
async fn a_slow_server_has_its_seats_and_no_more() {
    let stuck = Arc::new(Notify::new());
    let (world, slow, quick) = slow_and_quick(&stuck).await;
    let body = call("a", json!({}));
    let held = join_all((0..2).map(|_| world.post(&slow, &[], &body)));
    let meanwhile = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        for _ in 0..10 {
            let began = Instant::now();
            let busy = world.post(&slow, &[], &body).await;
            assert!(busy.tool_text().contains("already works on 2 calls"), "{}", busy.text);
            assert!(began.elapsed() < Duration::from_millis(500), "told at once");
            let other = world.post(&quick, &[], &body).await;
            assert_eq!((other.status, other.tool_text()), (200, ""), "{}", other.text);
        }
        stuck.notify_one();
        stuck.notify_one();
    };
    let (answers, ()) = tokio::join!(held, meanwhile);
    assert!(answers.iter().all(|answer| answer.json["result"]["content"].is_array()));
    let after = world.post(&quick, &[], &body).await;
    assert_eq!(after.status, 200);
}

#[tokio::test]
async fn a_call_whose_client_hung_up_keeps_its_seat_while_it_goes_on() {
    let stuck = Arc::new(Notify::new());
    let (world, slow, _) = slow_and_quick(&stuck).await;
    let body = call("a", json!({}));
    for _ in 0..2 {
        let gone = world.post(&slow, &[], &body);
        assert!(tokio::time::timeout(Duration::from_millis(100), gone).await.is_err());
    }
    world.records.count(2).await;
    let busy = world.post(&slow, &[], &body).await;
    assert!(busy.tool_text().contains("already works on 2 calls"), "{}", busy.text);
    stuck.notify_one();
    stuck.notify_one();
    stuck.notify_one();
    for _ in 0..100 {
        let freed = world.post(&slow, &[], &body).await;
        if freed.tool_text().is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the seats never came back");
}

#[tokio::test]
async fn a_stream_keeps_its_seat_to_its_end() {
    let (mut world, started) = (World::empty(), Arc::new(Notify::new()));
    let begun = Arc::clone(&started);
    let endless = world
        .upstream(move |_| {
            begun.notify_one();
            async {
                let body = Body::from_stream(stream::pending::<Result<String, std::io::Error>>());
                let mut answer = Response::new(body);
                answer.headers_mut().insert("content-type", "text/event-stream".parse().unwrap());
                answer
            }
        })
        .await;
    world.server("shop", endless, &[("a", "read")]);
    let agent = world.grant("agent", &[("shop", Some(allow_all()))]);
    world.gateway(|settings| settings.max_at_server = 1).await;
    let body = call("a", json!({}));
    let open = world.open(Method::POST, &agent, &[], body.to_string()).await;
    assert!(open.headers()["server-timing"].to_str().unwrap().contains("total;dur="));
    let busy = world.post(&agent, &[], &body).await;
    assert!(busy.tool_text().contains("already works on 1 calls"), "{}", busy.text);
    drop(open);
}

#[tokio::test]
async fn a_dead_server_costs_the_others_nothing() {
    let mut world = World::empty();
    let quick = world.upstream(|seen| async move { seen.result(&json!({"content": []})) }).await;
    // Accepts and never answers: the worst kind of dead.
    let black_hole = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    world.server("dead", black_hole.local_addr().unwrap(), &[("a", "read")]);
    world.server("quick", quick, &[("a", "read")]);
    let agent = world.grant("agent", &[("dead", Some(allow_all())), ("quick", Some(allow_all()))]);
    world.gateway(|settings| settings.call_deadline = Duration::from_millis(300)).await;
    let (dead, quick) = (agent.at("/t/acme/dead/mcp"), agent.at("/t/acme/quick/mcp"));
    let body = call("a", json!({}));
    let median = async |calls: usize| {
        let mut took = Vec::new();
        for _ in 0..calls {
            let began = Instant::now();
            assert_eq!(world.post(&quick, &[], &body).await.tool_text(), "");
            took.push(began.elapsed());
        }
        took.sort_unstable();
        took[calls / 2]
    };
    let alone = median(100).await;
    let hammer = async {
        let mut answers: Vec<Reply> = Vec::new();
        for _ in 0..4 {
            answers.extend(join_all((0..16).map(|_| world.post(&dead, &[], &body))).await);
        }
        answers
    };
    let (answers, beside) = tokio::join!(hammer, median(100));
    println!("median of another server's calls: {alone:?} alone, {beside:?} beside a dead one");
    assert!(answers.iter().all(|answer| answer.json["result"]["isError"] == true));
    let at_once = answers.iter().filter(|answer| answer.tool_text().contains("tried again in"));
    assert!(at_once.count() >= 47, "after the first round nobody waits");
    assert!(beside < alone * 20 + Duration::from_millis(50), "{alone:?} alone, {beside:?} beside");
}
