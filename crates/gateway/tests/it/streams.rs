//! Streams: passed on as they come, filtered where they list, and asking only what may be asked.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use http::Method;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::world::{Agent, Seen, World, allow_all, call, events, list, reply};

/// A stream that a test writes to.
fn written_to(receiver: UnboundedReceiver<Bytes>) -> Response {
    let events = stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|bytes| (Ok::<_, Infallible>(bytes), receiver))
    });
    reply(200, "text/event-stream", Body::from_stream(events))
}

async fn frame(body: &mut Incoming) -> Option<String> {
    let frame = tokio::time::timeout(Duration::from_secs(5), body.frame()).await.unwrap()?;
    Some(String::from_utf8(frame.unwrap().into_data().unwrap().to_vec()).unwrap())
}

#[tokio::test]
async fn events_pass_as_they_arrive_and_byte_for_byte() {
    let (sender, receiver) = mpsc::unbounded_channel();
    let receiver = std::sync::Arc::new(std::sync::Mutex::new(Some(receiver)));
    let (world, agent) = World::with_upstream(allow_all(), &["a"], move |_| {
        let receiver = receiver.lock().unwrap().take().unwrap();
        async move { written_to(receiver) }
    })
    .await;
    let mut response =
        world.open(Method::POST, &agent, &[], call("a", json!({})).to_string()).await;
    assert_eq!(response.headers()["x-accel-buffering"], "no");
    let body = response.body_mut();
    let events = [
        ": a comment\n",
        "id: 1\r\ndata:\r\n\r\n",
        "event: message\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\ndata: \"params\":{\"progress\":1}}\n\n",
        "data: {\"jsonrpc\":\"2.0\", \"id\":7, \"result\":{\"content\":[], \"x\":1e5}}\n\n",
    ];
    for event in events {
        sender.send(Bytes::from_static(event.as_bytes())).unwrap();
        assert_eq!(frame(body).await.unwrap(), event);
    }
    let record = &world.records.count(1).await[0];
    assert_eq!(record.outcome, domain::Outcome::Allowed, "recorded before its last byte");
    assert_eq!(record.response_bytes, events.concat().len() as u64);
    drop(sender);
    assert_eq!(frame(body).await, None);
}

#[tokio::test]
async fn lists_are_filtered_inside_streams_too() {
    let policy = json!({"version": "1", "default": "allow", "hide": ["secret"]});
    let tools = json!({"tools": [{"name": "a"}, {"name": "secret"}, {"name": "unknown"}, {"x": 1}],
        "nextCursor": "n", "ttlMs": 60000, "cacheScope": "public"});
    let (world, agent) = World::with_upstream(policy, &["a", "secret"], move |_: Seen| {
        let answer = json!({"jsonrpc": "2.0", "id": 8, "result": tools});
        async move {
            events(&[
                json!({"jsonrpc": "2.0", "method": "notifications/message", "params": {}}),
                answer,
            ])
        }
    })
    .await;
    let listed = world.post(&agent, &[], &list("tools")).await;
    assert_eq!(listed.names("tools", "name"), ["a"]);
    assert_eq!(listed.json["result"]["nextCursor"], "n");
    assert_eq!(listed.json["result"]["cacheScope"], "private");
    assert_eq!(listed.json["result"]["ttlMs"], 5000);
    // The same on a stream of its own, by shape, as a replay would bring it.
    let replayed = world.open(Method::GET, &agent, &[("accept", "text/event-stream")], "").await;
    let replayed = crate::world::Reply::read(replayed).await;
    assert_eq!(replayed.names("tools", "name"), ["a"]);
    assert!(!replayed.text.contains("secret"));
}

#[tokio::test]
async fn a_list_that_answers_another_request_on_a_calls_stream_is_filtered_too() {
    let policy = json!({"version": "1", "default": "allow", "hide": ["secret"]});
    let (world, agent) = World::with_upstream(policy, &["a", "secret"], move |_: Seen| async {
        let tools = json!({"tools": [{"name": "a"}, {"name": "secret"}]});
        events(&[
            json!({"jsonrpc": "2.0", "id": 8, "result": tools}),
            json!({"jsonrpc": "2.0", "id": 7, "result": {"content": []}}),
        ])
    })
    .await;
    let called = world.post(&agent, &[], &call("a", json!({}))).await;
    assert!(called.text.contains("\"a\"") && !called.text.contains("secret"), "{}", called.text);
}

/// A server that asks before it answers, and remembers what came back.
async fn asking(policy: Value, method: &'static str) -> (World, Agent, UnboundedReceiver<Value>) {
    let (back, answers) = mpsc::unbounded_channel();
    let (world, agent) = World::with_upstream(policy, &["a"], move |seen: Seen| {
        let back = back.clone();
        async move {
            let message = seen.json();
            if message["method"] == "tools/call" {
                let ask =
                    json!({"jsonrpc": "2.0", "id": "upstream-7", "method": method, "params": {}});
                let answer = json!({"jsonrpc": "2.0", "id": 7, "result": {"content": []}});
                return events(&[ask, answer]);
            }
            back.send(message).unwrap();
            reply(202, "application/json", "")
        }
    })
    .await;
    (world, agent, answers)
}

#[tokio::test]
async fn what_a_server_may_not_ask_is_answered_for_the_client() {
    let policy = json!({"version": "1", "default": "allow",
        "server_requests": {"sampling": "deny"}});
    let (world, agent, mut answers) = asking(policy, "sampling/createMessage").await;
    let called = world.post(&agent, &[], &call("a", json!({}))).await;
    assert!(!called.text.contains("sampling"), "{}", called.text);
    assert_eq!(called.json["result"]["content"], json!([]));
    let told = answers.recv().await.unwrap();
    assert_eq!((&told["id"], told["error"].is_object()), (&json!("upstream-7"), true));
}

#[tokio::test]
async fn what_a_server_asks_can_be_answered_once_asked_and_only_by_whom_it_asked() {
    let (world, agent, mut answers) = asking(allow_all(), "elicitation/create").await;
    let other = world.grant("other", &[("shop", Some(allow_all()))]);
    world.publish(|_| {}).await;
    let called = world.post(&agent, &[], &call("a", json!({}))).await;
    let first = called.text.lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
    let asked: Value = serde_json::from_str(first).unwrap();
    assert_eq!(asked["method"], "elicitation/create");
    let id = asked["id"].as_str().unwrap();
    assert!(!id.contains("upstream-7"));
    let answer = |id: &str| json!({"jsonrpc": "2.0", "id": id, "result": {"action": "accept"}});
    for (agent, id) in [(&other, id), (&agent, "upstream-7"), (&agent, &id[1..])] {
        assert_eq!(world.post(agent, &[], &answer(id)).await.status, 400);
    }
    assert!(answers.try_recv().is_err());
    assert_eq!(world.post(&agent, &[], &answer(id)).await.status, 202);
    let got = answers.recv().await.unwrap();
    assert_eq!(got, answer("upstream-7"));
}

#[tokio::test]
async fn a_stream_that_ends_without_an_answer_is_an_upstream_error() {
    let (world, agent) = World::with_upstream(allow_all(), &["a"], |_: Seen| async move {
        events(&[json!({"jsonrpc": "2.0", "method": "notifications/progress"})])
    })
    .await;
    let failed = world.post(&agent, &[], &call("a", json!({}))).await;
    assert!(failed.tool_text().starts_with("[UPSTREAM ERROR]"), "{}", failed.text);
    assert_eq!(world.records.last().outcome, domain::Outcome::UpstreamError);
}

#[tokio::test]
async fn a_client_that_hangs_up_is_recorded_and_its_call_goes_on() {
    let (finished, mut done) = mpsc::unbounded_channel();
    let (world, agent) = World::with_upstream(allow_all(), &["a"], move |seen: Seen| {
        let finished = finished.clone();
        async move {
            tokio::time::sleep(Duration::from_millis(300)).await;
            finished.send(()).unwrap();
            seen.result(&json!({"content": []}))
        }
    })
    .await;
    let hung_up = world.open(Method::POST, &agent, &[], call("a", json!({})).to_string());
    assert!(tokio::time::timeout(Duration::from_millis(100), hung_up).await.is_err());
    let record = &world.records.count(1).await[0];
    assert_eq!(record.outcome, domain::Outcome::Cancelled);
    assert_eq!((record.status.http, record.target.as_deref()), (0, Some("a")));
    tokio::time::timeout(Duration::from_secs(2), done.recv()).await.unwrap().unwrap();
}

#[tokio::test]
async fn silence_is_kept_alive_and_revocation_ends_the_stream() {
    let (sender, receiver) = mpsc::unbounded_channel::<Bytes>();
    let receiver = std::sync::Arc::new(std::sync::Mutex::new(Some(receiver)));
    let mut world = World::empty();
    let at = world
        .upstream(move |_| {
            let receiver = receiver.lock().unwrap().take().unwrap();
            async move { written_to(receiver) }
        })
        .await;
    world.server("shop", at, &[("a", "read")]);
    let agent = world.grant("agent", &[("shop", Some(allow_all()))]);
    world.gateway(|settings| settings.keep_alive = Duration::from_millis(50)).await;
    let headers = [("accept", "text/event-stream")];
    let mut response = world.open(Method::GET, &agent, &headers, "").await;
    assert_eq!(response.status(), 200);
    assert_eq!(frame(response.body_mut()).await.unwrap(), ": keep-alive\n\n");
    world.publish(|organisation| organisation.grants[0].revoked = true).await;
    let started = std::time::Instant::now();
    while frame(response.body_mut()).await.is_some() {}
    assert!(started.elapsed() < Duration::from_millis(500));
    drop(sender);
}

#[tokio::test]
async fn a_stream_ends_with_its_grant_by_time_alone_whether_it_is_silent_or_busy() {
    for is_busy in [false, true] {
        let (world, agent) = World::with_upstream(allow_all(), &["a"], move |seen| async move {
            if seen.method == Method::POST {
                let opened = json!({"protocolVersion": "2025-06-18", "capabilities": {}});
                let mut answer = seen.result(&opened);
                answer.headers_mut().insert("mcp-session-id", "s".parse().unwrap());
                return answer;
            }
            let (sender, receiver) = mpsc::unbounded_channel();
            #[expect(clippy::disallowed_methods, reason = "it ends with the test's runtime")]
            tokio::spawn(async move {
                let news = json!({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"});
                while sender.send(Bytes::from(format!("data: {news}\n\n"))).is_ok() {
                    let pause = if is_busy { 1 } else { 60_000 };
                    tokio::time::sleep(Duration::from_millis(pause)).await;
                }
            });
            written_to(receiver)
        })
        .await;
        for agent in [agent.clone(), agent.at_tenant()] {
            let session = world.initialize(&agent).await.unwrap();
            let headers = [("mcp-session-id", session.as_str())];
            let mut response = world.open(Method::GET, &agent, &headers, "").await;
            assert_eq!(response.status(), 200);
            frame(response.body_mut()).await.expect("it is open");
            let soon = chrono::Utc::now() + chrono::TimeDelta::milliseconds(300);
            world.publish(|organisation| organisation.grants[0].expires_at = Some(soon)).await;
            // Long before the silence would have been broken (15 s).
            while frame(response.body_mut()).await.is_some() {}
            assert!(chrono::Utc::now() >= soon);
            world.publish(|organisation| organisation.grants[0].expires_at = None).await;
        }
    }
}

#[tokio::test]
async fn an_event_larger_than_the_limit_ends_in_words() {
    let mut world = World::empty();
    let at = world
        .upstream(|_: Seen| async move {
            let text = "x".repeat(200_000);
            events(&[json!({"jsonrpc": "2.0", "id": 7, "result": {"content": [{"type": "text", "text": text}]}})])
        })
        .await;
    world.server("shop", at, &[("a", "read")]);
    let agent = world.grant("agent", &[("shop", Some(allow_all()))]);
    world.gateway(|settings| settings.max_answer_bytes = 100_000).await;
    let failed = world.post(&agent, &[], &call("a", json!({}))).await;
    assert!(failed.tool_text().starts_with("[UPSTREAM ERROR]"), "{}", failed.text);
}

// === Coming back ===

/// A server that begins to answer, hangs up early as 2025-11-25 lets it, and goes on when the
/// client comes back.
async fn polling(policy: Value, rest: Vec<Value>) -> (World, Agent, UnboundedReceiver<String>) {
    let (sender, seen) = mpsc::unbounded_channel();
    let (world, agent) = World::with_upstream(policy, &["a", "secret"], move |upstream: Seen| {
        let (sender, rest) = (sender.clone(), rest.clone());
        async move {
            if upstream.json()["method"] == "initialize" {
                let hello = json!({"protocolVersion": "2025-11-25", "capabilities": {}});
                let mut answer = upstream.result(&hello);
                answer.headers_mut().insert("mcp-session-id", "s-1".parse().unwrap());
                return answer;
            }
            if upstream.method == Method::GET {
                let last = upstream.headers["last-event-id"].to_str().unwrap().to_owned();
                sender.send(last).unwrap();
                let events =
                    rest.iter().zip(2..).map(|(m, id)| format!("id: e-{id}\ndata: {m}\n\n"));
                return reply(200, "text/event-stream", events.collect::<String>());
            }
            reply(200, "text/event-stream", "id: e-1\ndata:\n\nretry: 25\n\n")
        }
    })
    .await;
    (world, agent, seen)
}

#[tokio::test]
async fn a_call_whose_server_hangs_up_early_is_answered_when_the_client_comes_back() {
    let answer = json!({"jsonrpc": "2.0", "id": 7, "result": {"content": []}});
    let (world, agent, mut seen) = polling(allow_all(), vec![answer.clone()]).await;
    let session = world.initialize(&agent).await;
    let session = session.unwrap();
    let called = world.call(&agent, &session, "a", json!({})).await;
    assert_eq!(called.text, "id: e-1\ndata:\n\nretry: 25\n\n", "byte for byte, and nothing more");
    assert_eq!(world.records.last().outcome, domain::Outcome::Allowed);
    let headers = [
        ("mcp-session-id", session.as_str()),
        ("accept", "text/event-stream"),
        ("last-event-id", "e-1"),
    ];
    let resumed = world.open(Method::GET, &agent, &headers, "").await;
    let resumed = crate::world::Reply::read(resumed).await;
    assert_eq!(seen.recv().await.unwrap(), "e-1");
    assert_eq!(resumed.text, format!("id: e-2\ndata: {answer}\n\n"));
}

#[tokio::test]
async fn what_was_asked_is_remembered_for_the_stream_that_brings_its_answer() {
    let policy = json!({"version": "1", "default": "allow", "hide": ["secret"]});
    let rest = vec![
        json!({"jsonrpc": "2.0", "id": 7, "result": {"task": {"taskId": "t-1", "status": "working"}}}),
        json!({"jsonrpc": "2.0", "id": 8, "result": {"tools": [{"name": "a"}, {"name": "secret"}]}}),
    ];
    let (world, agent, _seen) = polling(policy, rest).await;
    let session = world.initialize(&agent).await.unwrap();
    let session = [("mcp-session-id", session.as_str())];
    let mut as_task = call("a", json!({}));
    as_task["params"]["task"] = json!({});
    world.post(&agent, &session, &as_task).await;
    let headers = [session[0], ("accept", "text/event-stream"), ("last-event-id", "e-1")];
    let resumed = world.open(Method::GET, &agent, &headers, "").await;
    let resumed = crate::world::Reply::read(resumed).await;
    assert!(!resumed.text.contains("t-1") && !resumed.text.contains("secret"), "{}", resumed.text);
    let data = resumed.text.lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
    let created: Value = serde_json::from_str(data).unwrap();
    let task = created["result"]["task"]["taskId"].as_str().unwrap();
    let get = json!({"jsonrpc": "2.0", "id": 9, "method": "tasks/get", "params": {"taskId": task}});
    let got = world.post(&agent, &session, &get).await;
    assert!(got.json.get("error").is_none(), "the id is good: {}", got.text);
}

/// Counts an upstream stream as open until it is dropped.
struct Open(std::sync::Arc<std::sync::atomic::AtomicUsize>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
    }
}

#[tokio::test]
async fn nothing_is_left_of_clients_that_vanish() {
    use std::sync::atomic::Ordering;
    let open = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counter = std::sync::Arc::clone(&open);
    let (world, agent) = World::with_upstream(allow_all(), &["a"], move |_: Seen| {
        counter.fetch_add(1, Ordering::SeqCst);
        let held = Open(std::sync::Arc::clone(&counter));
        async move {
            // Speaks now and then, and never ends.
            let events = stream::unfold((held, 0), |(held, n)| async move {
                tokio::time::sleep(Duration::from_millis(if n == 0 { 0 } else { 50 })).await;
                Some((Ok::<_, Infallible>(Bytes::from_static(b": on\n\n")), (held, n + 1)))
            });
            reply(200, "text/event-stream", Body::from_stream(events))
        }
    })
    .await;
    let gateway = std::sync::Arc::clone(&world.gateways[0].0);
    let before = std::sync::Arc::strong_count(&gateway);
    let (headers, message) =
        crate::world::modern(json!({"jsonrpc": "2.0", "id": 1, "method": "subscriptions/listen"}));
    let headers = crate::world::borrowed(&headers);
    let mut streams = Vec::new();
    for _ in 0..20 {
        streams.push(world.open(Method::GET, &agent, &[("accept", "text/event-stream")], "").await);
        streams.push(world.open(Method::POST, &agent, &headers, message.to_string()).await);
        let modern_call = crate::world::modern(call("a", json!({})));
        let called = crate::world::borrowed(&modern_call.0);
        streams.push(world.open(Method::POST, &agent, &called, modern_call.1.to_string()).await);
    }
    assert_eq!(open.load(Ordering::SeqCst), 60);
    drop(streams);
    for _ in 0..300 {
        let is_quiet =
            open.load(Ordering::SeqCst) == 0 && std::sync::Arc::strong_count(&gateway) <= before;
        if is_quiet {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let held = std::sync::Arc::strong_count(&gateway);
    panic!("{} upstream streams and {held} holders of {before}", open.load(Ordering::SeqCst));
}

// === Side doors ===

#[tokio::test]
async fn mirrored_arguments_must_agree_once_the_call_may_be_made() {
    let policy = json!({"version": "1", "default": "allow", "hide": ["secret"]});
    let (world, agent) = World::with_upstream(policy, &["a", "secret"], |seen: Seen| async move {
        seen.result(
            &json!({"region": seen.headers.get("mcp-param-region").map(|v| v.to_str().unwrap())}),
        )
    })
    .await;
    world
        .publish(|organisation| {
            for tool in &mut organisation.servers[0].tools {
                tool.definition = json!({"name": tool.name, "inputSchema": {"type": "object",
                    "properties": {"region": {"type": "string", "x-mcp-header": "Region"}}}})
                .to_string()
                .into();
                tool.fingerprint.push('2');
            }
        })
        .await;
    let (headers, message) = crate::world::modern(call("a", json!({"region": "eu"})));
    let mut headers = crate::world::borrowed(&headers);
    let missing = world.post(&agent, &headers, &message).await;
    assert_eq!((missing.status, &missing.json["error"]["code"]), (400, &json!(-32020)));
    assert_eq!(missing.json["id"], 7);
    headers.push(("mcp-param-region", "us"));
    assert_eq!(world.post(&agent, &headers, &message).await.status, 400);
    headers.pop();
    headers.push(("mcp-param-region", "eu"));
    let agreed = world.post(&agent, &headers, &message).await;
    assert_eq!(agreed.json["result"]["region"], "eu", "{}", agreed.text);
    let hidden = world.run(&agent, "secret", json!({"region": "eu"})).await;
    assert_eq!((hidden.status, &hidden.json["error"]["code"]), (200, &json!(-32602)));
    let legacy = world.post(&agent, &[], &call("a", json!({"region": "eu"}))).await;
    assert_eq!(legacy.status, 200, "an older client mirrors nothing");
}

#[tokio::test]
async fn a_subscription_names_its_resources_in_an_array_of_texts() {
    let policy = json!({"version": "1", "default": "allow", "resources": {"hide": ["db://*"]}});
    let (world, agent) =
        World::with_upstream(policy, &["a"], |seen| async move { seen.result(&json!({})) }).await;
    for wanted in [json!("db://x"), json!({"0": "db://x"}), json!(["db://x"]), json!([1])] {
        let (headers, message) = crate::world::modern(json!({"jsonrpc": "2.0", "id": 1,
            "method": "subscriptions/listen",
            "params": {"notifications": {"resourceSubscriptions": wanted}}}));
        let refused = world.post(&agent, &crate::world::borrowed(&headers), &message).await;
        assert_eq!(refused.json["error"]["code"], -32602, "{wanted}: {}", refused.text);
    }
}

// === All servers as one stream ===

/// A server with sessions that says `news` to whoever listens, once, and then nothing more.
fn telling(news: Vec<Value>) -> impl Fn(Seen) -> futures_util::future::Ready<Response> + Clone {
    move |seen: Seen| {
        let answer = match (seen.method == Method::GET, seen.json()["method"].as_str()) {
            (true, _) => {
                let said = news.iter().enumerate();
                let said = said.map(|(id, m)| format!(": hi\n\nid: {id}\nretry: 9\ndata: {m}\n\n"));
                let first = stream::iter(
                    said.map(|text| Ok::<_, Infallible>(Bytes::from(text))).collect::<Vec<_>>(),
                );
                let events = futures_util::StreamExt::chain(first, stream::pending());
                reply(200, "text/event-stream", Body::from_stream(events))
            }
            (_, Some("initialize")) => {
                let hello = json!({"protocolVersion": "2025-11-25", "capabilities": {}});
                let mut answer = seen.result(&hello);
                answer.headers_mut().insert("mcp-session-id", "s".parse().unwrap());
                answer
            }
            _ => reply(202, "application/json", ""),
        };
        futures_util::future::ready(answer)
    }
}

fn message_of(frame: &str) -> Value {
    let data = frame.lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
    serde_json::from_str(data).unwrap()
}

#[tokio::test]
async fn what_servers_say_unasked_is_merged_on_the_address_of_all() {
    let note = |method: &str, params: Value| json!({"jsonrpc": "2.0", "method": format!("notifications/{method}"), "params": params});
    let mut world = World::empty();
    let told = vec![
        note("resources/updated", json!({"uri": "db://secret"})),
        json!({"jsonrpc": "2.0", "id": 1, "result": {"content": []}}),
        note("tools/list_changed", json!({"from": "one"})),
        json!({"jsonrpc": "2.0", "id": "q", "method": "roots/list"}),
    ];
    for (slug, told) in
        [("one", told), ("two", vec![note("tools/list_changed", json!({"from": "two"}))])]
    {
        let at = world.upstream(telling(told)).await;
        world.server(slug, at, &[("a", "read")]);
    }
    let mute = world.upstream(|seen: Seen| async move {
        if seen.method == Method::GET {
            reply(405, "text/plain", "")
        } else {
            telling(vec![])(seen).await
        }
    });
    let mute = mute.await;
    world.server("mute", mute, &[("a", "read")]);
    let hiding = json!({"version": "1", "default": "allow", "resources": {"hide": ["db://*"]}});
    let agent = world
        .grant(
            "agent",
            &[("one", Some(hiding)), ("two", Some(allow_all())), ("mute", Some(allow_all()))],
        )
        .at_tenant();
    world.gateway(|_| {}).await;
    let without = world.open(Method::GET, &agent, &[("accept", "text/event-stream")], "").await;
    assert_eq!(without.status(), 405, "there is nothing to listen to without a session");
    let session = world.initialize(&agent).await.unwrap();
    let headers = [("mcp-session-id", session.as_str()), ("accept", "text/event-stream")];
    let mut stream = world.open(Method::GET, &agent, &headers, "").await;
    assert_eq!(stream.status(), 200);
    let mut heard = Vec::new();
    for _ in 0..3 {
        let text = frame(stream.body_mut()).await.unwrap();
        assert!(!text.contains("id:") || text.contains("roots/list"), "{text}");
        assert!(!text.contains("retry") && !text.contains("secret"), "{text}");
        heard.push(message_of(&text));
    }
    let from = |name: &str| heard.iter().filter(|m| m["params"]["from"] == name).count();
    assert_eq!((from("one"), from("two")), (1, 1), "{heard:?}");
    let question = heard.iter().find(|m| m["method"] == "roots/list").unwrap();
    assert_ne!(question["id"], "q", "answered under an id of ours");
    // A policy that changes is news of the gateway's own.
    world
        .publish(|organisation| {
            organisation.policies[1].version += 1;
            organisation.policies[1].document =
                json!({"version": "1", "default": "deny"}).to_string().into();
        })
        .await;
    let changed = frame(stream.body_mut()).await.unwrap();
    assert!(changed.contains("notifications/tools/list_changed"), "{changed}");
    world.publish(|organisation| organisation.grants[0].revoked = true).await;
    while frame(stream.body_mut()).await.is_some() {}
}

#[tokio::test]
async fn a_subscription_on_the_address_of_all_hears_of_every_servers_lists() {
    let mut world = World::empty();
    for slug in ["one", "two"] {
        let at = world
            .upstream(move |seen: Seen| async move {
                let message = seen.json();
                assert_eq!(message["params"]["notifications"], json!({"toolsListChanged": true}));
                let told = |method: &str, mut params: Value| {
                    params["_meta"] =
                        json!({"io.modelcontextprotocol/subscriptionId": message["id"]});
                    let method = format!("notifications/{method}");
                    let told = json!({"jsonrpc": "2.0", "method": method, "params": params});
                    Ok::<_, Infallible>(Bytes::from(format!("data: {told}\n\n")))
                };
                let first = [
                    told("subscriptions/acknowledged", json!({"notifications": {}})),
                    told("tools/list_changed", json!({"from": slug})),
                ];
                let events = futures_util::StreamExt::chain(stream::iter(first), stream::pending());
                reply(200, "text/event-stream", Body::from_stream(events))
            })
            .await;
        world.server(slug, at, &[("a", "read")]);
    }
    let both = [("one", Some(allow_all())), ("two", Some(allow_all()))];
    let agent = world.grant("agent", &both).at_tenant();
    world.gateway(|_| {}).await;
    let (headers, message) = crate::world::modern(json!({"jsonrpc": "2.0", "id": "l",
        "method": "subscriptions/listen", "params": {"notifications":
            {"toolsListChanged": true, "promptsListChanged": false, "resourceSubscriptions": []}}}));
    let headers = crate::world::borrowed(&headers);
    let mut stream = world.open(Method::POST, &agent, &headers, message.to_string()).await;
    let mut heard = Vec::new();
    for _ in 0..3 {
        heard.push(message_of(&frame(stream.body_mut()).await.unwrap()));
    }
    assert_eq!(heard[0]["method"], "notifications/subscriptions/acknowledged");
    assert_eq!(heard[0]["params"]["notifications"], json!({"toolsListChanged": true}));
    for message in &heard {
        assert_eq!(message["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"], "l");
    }
    let from = |name: &str| heard.iter().any(|message| message["params"]["from"] == name);
    assert!(from("one") && from("two"), "{heard:?}");
    assert_eq!(world.records.count(1).await[0].outcome, domain::Outcome::Allowed);
    world
        .publish(|organisation| {
            organisation.policies[0].version += 1;
            organisation.policies[0].document =
                json!({"version": "1", "default": "deny"}).to_string().into();
        })
        .await;
    let changed = message_of(&frame(stream.body_mut()).await.unwrap());
    assert_eq!(changed["method"], "notifications/tools/list_changed");
    world.publish(|organisation| organisation.grants[0].revoked = true).await;
    while frame(stream.body_mut()).await.is_some() {}
}

#[tokio::test]
async fn the_answer_to_something_else_is_not_taken_for_the_answer() {
    let foreign =
        json!({"jsonrpc": "2.0", "id": 99, "error": {"code": -32000, "message": "other"}});
    let own = json!({"jsonrpc": "2.0", "id": 7, "result": {"content": []}});
    let (world, agent) = World::with_upstream(allow_all(), &["a", "b"], move |seen| {
        let name = seen.json()["params"]["name"].clone();
        let all = [foreign.clone(), own.clone()];
        async move { if name == "a" { events(&all) } else { events(&all[..1]) } }
    })
    .await;
    world.post(&agent, &[], &call("a", json!({}))).await;
    assert_eq!(world.records.last().status.jsonrpc, None, "the call's own answer is recorded");
    let cut = world.post(&agent, &[], &call("b", json!({}))).await;
    assert!(cut.text.contains("without an answer"), "{}", cut.text);
    assert_eq!(world.records.last().outcome, domain::Outcome::UpstreamError);
}

#[tokio::test]
async fn nothing_follows_an_answer_that_cannot_be_read() {
    let (world, agent) = World::with_upstream(allow_all(), &["a"], |_| async {
        let body = "data: {\"jsonrpc\":\n\ndata: {\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{\"content\":[]}}\n\n";
        reply(200, "text/event-stream", body)
    })
    .await;
    let got = world.post(&agent, &[], &call("a", json!({}))).await;
    assert_eq!(got.text.matches("\"id\":7").count(), 1, "{}", got.text);
    assert!(got.text.contains("[UPSTREAM ERROR]"), "{}", got.text);
}

#[tokio::test]
async fn an_answer_that_could_be_two_lists_is_not_shown() {
    let two = json!({"jsonrpc": "2.0", "id": "other", "result": {
        "prompts": [], "tools": [{"name": "hidden_tool", "inputSchema": {"type": "object"}}]}});
    let own = json!({"jsonrpc": "2.0", "id": 7, "result": {"content": []}});
    let policy = json!({"version": "1", "default": "deny", "tools": {"a": {}}});
    let (world, agent) = World::with_upstream(policy, &["a", "hidden_tool"], move |_| {
        let all = [two.clone(), own.clone()];
        async move { events(&all) }
    })
    .await;
    let got = world.post(&agent, &[], &call("a", json!({}))).await;
    assert!(!got.text.contains("hidden_tool"), "{}", got.text);
}
