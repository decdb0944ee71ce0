//! What the policy takes out of answers: on every way by which something of a server's reaches a
//! client.

use std::sync::atomic::{AtomicUsize, Ordering};

use http::Method;
use serde_json::{Value, json};

use crate::world::{Agent, Reply, Seen, World, call, events, reply};

const MAIL: &str = "ada@example.com";

/// Redacts what tool `a`, prompts and resources come to; the tool `b` says nothing of it.
fn policy() -> Value {
    let redact = json!({"response": {"redact": ["emails"], "max_bytes": 500}});
    json!({"version": "1", "default": "allow", "tools": {"a": redact, "b": {}},
        "prompts": {"rules": {"p": redact}}, "resources": {"rules": {"x:**": redact}}})
}

fn content() -> Value {
    json!({"content": [{"type": "text", "text": format!("Write to {MAIL}")}],
        "structuredContent": {"to": MAIL}, "_meta": {"by": MAIL}})
}

/// A server that tells the address in each of the ways that it has; `as_events` in streams.
async fn telling(as_events: bool) -> (World, Agent) {
    World::with_upstream(policy(), &["a", "b"], move |seen: Seen| async move {
        let message = seen.json();
        let result = match message["method"].as_str().unwrap_or_default() {
            "tools/call" => content(),
            "prompts/get" => json!({"messages": [{"role": "user", "content": {"type": "text", "text": MAIL}}]}),
            "resources/read" => json!({"contents": [{"uri": "x:y", "text": MAIL}]}),
            "completion/complete" => json!({"completion": {"values": [MAIL]}}),
            "tools/list" => json!({"tools": [{"name": "a", "description": MAIL}]}),
            _ => json!({}),
        };
        if !as_events {
            return seen.result(&result);
        }
        events(&[
            json!({"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": MAIL}}),
            json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progressToken": 1, "message": MAIL}}),
            json!({"jsonrpc": "2.0", "id": message["id"], "result": result}),
        ])
    })
    .await
}

fn about(method: &str, params: &Value) -> Value {
    json!({"jsonrpc": "2.0", "id": 7, "method": method, "params": params})
}

fn is_clean(reply: &Reply) {
    assert!(!reply.text.contains("example.com"), "{}", reply.text);
    assert!(reply.text.contains("[email]"), "{}", reply.text);
}

#[tokio::test]
async fn results_are_redacted_whatever_was_asked_and_however_it_is_answered() {
    for as_events in [false, true] {
        let (world, agent) = telling(as_events).await;
        for message in [
            call("a", json!({})),
            about("prompts/get", &json!({"name": "p"})),
            about("resources/read", &json!({"uri": "x:y"})),
            about(
                "completion/complete",
                &json!({"ref": {"type": "ref/prompt", "name": "p"},
                "argument": {"name": "n", "value": ""}}),
            ),
        ] {
            is_clean(&world.post(&agent, &[], &message).await);
        }
        let called = world.post(&agent, &[], &call("a", json!({}))).await;
        let result = &called.json["result"];
        assert_eq!(result["content"][0]["text"], "Write to [email]");
        assert_eq!(result["structuredContent"]["to"], "[email]");
        assert_eq!(result["_meta"]["by"], "[email]");
        let other = world.post(&agent, &[], &call("b", json!({}))).await;
        assert!(other.text.contains(MAIL), "another tool's answer is its own");
        let listed = world.post(&agent, &[], &crate::world::list("tools")).await;
        assert!(listed.text.contains(MAIL), "a definition is no answer");
    }
}

#[tokio::test]
async fn errors_and_what_they_carry_are_redacted() {
    for status in [200, 404] {
        let (world, agent) = World::with_upstream(policy(), &["a"], move |seen: Seen| async move {
            let answer = json!({"jsonrpc": "2.0", "id": seen.json()["id"],
                "error": {"code": -32602, "message": format!("no {MAIL}"), "data": {"for": MAIL}}});
            reply(status, "application/json", answer.to_string())
        })
        .await;
        let called = world.post(&agent, &[], &call("a", json!({}))).await;
        is_clean(&called);
        assert_eq!(called.json["error"]["code"], -32602);
    }
}

#[tokio::test]
async fn questions_of_the_server_are_redacted_too() {
    let (world, agent) = World::with_upstream(policy(), &["a"], |seen: Seen| async move {
        let message = seen.json();
        if message["method"] != "tools/call" {
            return reply(202, "application/json", "");
        }
        events(&[
            json!({"jsonrpc": "2.0", "id": 1, "method": "elicitation/create",
                "params": {"message": MAIL, "requestedSchema": {"type": "object", "properties": {}}}}),
            json!({"jsonrpc": "2.0", "id": message["id"], "result": {"content": []}}),
        ])
    })
    .await;
    is_clean(&world.post(&agent, &[], &call("a", json!({}))).await);
}

#[tokio::test]
async fn a_stream_that_is_resumed_or_tells_of_anybody_is_redacted() {
    static SESSIONS: AtomicUsize = AtomicUsize::new(0);
    let (world, agent) = World::with_upstream(policy(), &["a", "b"], |seen: Seen| async move {
        let message = seen.json();
        if message["method"] == "initialize" {
            let mut answer =
                seen.result(&json!({"protocolVersion": "2025-06-18", "capabilities": {}}));
            let session = format!("s-{}", SESSIONS.fetch_add(1, Ordering::Relaxed));
            answer.headers_mut().insert("mcp-session-id", session.parse().unwrap());
            return answer;
        }
        if seen.method == Method::POST && message.get("id").is_none() {
            return reply(202, "application/json", "");
        }
        if seen.method == Method::POST {
            return reply(200, "text/event-stream", "id: e-1\ndata:\n\n");
        }
        let news =
            json!({"jsonrpc": "2.0", "method": "notifications/message", "params": {"data": MAIL}});
        let answer = json!({"jsonrpc": "2.0", "id": 7, "result": content()});
        reply(
            200,
            "text/event-stream",
            format!("id: e-2\ndata: {news}\n\nid: e-3\ndata: {answer}\n\n"),
        )
    })
    .await;
    for (tool, answer_is_clean) in [("a", true), ("b", false)] {
        let session = world.initialize(&agent).await.unwrap();
        world.call(&agent, &session, tool, json!({})).await;
        let headers = [
            ("mcp-session-id", &*session),
            ("accept", "text/event-stream"),
            ("last-event-id", "e-1"),
        ];
        let resumed = Reply::read(world.open(Method::GET, &agent, &headers, "").await).await;
        let told: Vec<_> =
            resumed.text.lines().filter_map(|line| line.strip_prefix("data: ")).collect();
        assert!(told[0].contains("[email]") && !told[0].contains(MAIL), "{}", resumed.text);
        assert_eq!(!told[1].contains(MAIL), answer_is_clean, "{}", resumed.text);
    }
}

#[tokio::test]
async fn the_bridges_are_no_way_around() {
    for (speaks_modern, speaks_legacy) in [(true, false), (false, true)] {
        for as_events in [false, true] {
            let (world, agent) =
                World::with_upstream(policy(), &["a"], move |seen: Seen| async move {
                    let message = seen.json();
                    let result = match message["method"].as_str().unwrap_or_default() {
                        "initialize" => {
                            json!({"protocolVersion": "2025-06-18", "capabilities": {"tools": {}},
                        "serverInfo": {"name": "s", "version": "1"}})
                        }
                        "server/discover" => {
                            json!({"resultType": "complete", "supportedVersions": ["2026-07-28"],
                        "capabilities": {"tools": {}}})
                        }
                        "tools/call" => {
                            let mut result = content();
                            if speaks_modern {
                                result["resultType"] = "complete".into();
                            }
                            result
                        }
                        _ if message.get("id").is_none() => return reply(202, "text/plain", ""),
                        _ => json!({}),
                    };
                    if as_events && message["method"] == "tools/call" {
                        return events(&[
                            json!({"jsonrpc": "2.0", "id": message["id"], "result": result}),
                        ]);
                    }
                    seen.result(&result)
                })
                .await;
            world.speak(speaks_modern, speaks_legacy).await;
            let called = if speaks_modern {
                let session = world.initialize(&agent).await.unwrap();
                world.call(&agent, &session, "a", json!({})).await
            } else {
                world.run(&agent, "a", json!({})).await
            };
            is_clean(&called);
        }
    }
}

#[tokio::test]
async fn an_answer_that_is_too_long_is_refused_with_its_rule() {
    for as_events in [false, true] {
        let (world, agent) = World::with_upstream(policy(), &["a", "b"], move |seen: Seen| async move {
            let long = json!({"content": [{"type": "text", "text": "x".repeat(600)}]});
            let (note, id) = ("x".repeat(600), seen.json()["id"].clone());
            if !as_events {
                return seen.result(&long);
            }
            events(&[
                json!({"jsonrpc": "2.0", "method": "notifications/message", "params": {"data": note}}),
                json!({"jsonrpc": "2.0", "id": id, "result": long}),
            ])
        })
        .await;
        let called = world.post(&agent, &[], &call("a", json!({}))).await;
        assert!(!called.text.contains("xxxx"), "{}", called.text);
        assert_eq!(called.json["result"]["isError"], true);
        assert!(called.tool_text().contains("at most 500"), "{}", called.text);
        let record = world.records.count(1).await.remove(0);
        assert_eq!(record.outcome, domain::Outcome::Denied);
        assert_eq!(record.rule, "/tools/a/response/max_bytes");
        let other = world.post(&agent, &[], &call("b", json!({}))).await;
        assert!(other.text.contains("xxxx"));
    }
}

#[tokio::test]
async fn observing_waives_nothing_of_it() {
    let mut observing = policy();
    observing["mode"] = "observe".into();
    let (world, agent) =
        World::with_upstream(
            observing,
            &["a"],
            |seen: Seen| async move { seen.result(&content()) },
        )
        .await;
    is_clean(&world.post(&agent, &[], &call("a", json!({}))).await);
}

#[tokio::test]
async fn what_has_nothing_to_take_out_passes_byte_for_byte() {
    let body = "{\"jsonrpc\":\"2.0\", \"id\" : 7,\"result\":{\"content\":[ ],\"n\":1.50e1}}";
    let (world, agent) = World::with_upstream(policy(), &["a"], move |_: Seen| async move {
        reply(200, "application/json", body)
    })
    .await;
    assert_eq!(world.post(&agent, &[], &call("a", json!({}))).await.text, body);
}

#[tokio::test]
async fn what_looks_like_a_list_is_redacted_as_the_answer_that_it_is() {
    let (world, agent) = World::with_upstream(policy(), &["a"], |seen: Seen| async move {
        seen.result(&json!({"structuredContent": {"by": MAIL}, "resources": [], "by": MAIL}))
    })
    .await;
    is_clean(&world.post(&agent, &[], &call("a", json!({}))).await);
}

#[tokio::test]
async fn an_id_that_is_used_twice_does_not_choose_the_rule() {
    let (world, agent) = World::with_upstream(policy(), &["a", "b"], |seen: Seen| async move {
        let message = seen.json();
        if message["method"] == "initialize" {
            let mut answer =
                seen.result(&json!({"protocolVersion": "2025-06-18", "capabilities": {}}));
            answer.headers_mut().insert("mcp-session-id", "s".parse().unwrap());
            return answer;
        }
        if seen.method == Method::POST {
            return match message.get("id") {
                None => reply(202, "application/json", ""),
                Some(_) => reply(200, "text/event-stream", "id: e-1\ndata:\n\n"),
            };
        }
        let answer = json!({"jsonrpc": "2.0", "id": 7, "result": content()});
        reply(200, "text/event-stream", format!(": {MAIL}\nid: e-2\ndata: {answer}\n\n"))
    })
    .await;
    let session = world.initialize(&agent).await.unwrap();
    for tool in ["a", "b"] {
        world.call(&agent, &session, tool, json!({})).await;
    }
    let headers =
        [("mcp-session-id", &*session), ("accept", "text/event-stream"), ("last-event-id", "e-1")];
    is_clean(&Reply::read(world.open(Method::GET, &agent, &headers, "").await).await);
}

#[tokio::test]
async fn an_answer_to_another_call_is_redacted_whatever_was_asked() {
    let (world, agent) = World::with_upstream(policy(), &["a", "b"], |seen: Seen| async move {
        events(&[
            json!({"jsonrpc": "2.0", "id": "another", "result": content()}),
            json!({"jsonrpc": "2.0", "id": seen.json()["id"], "result": {"content": []}}),
        ])
    })
    .await;
    let reply = world.post(&agent, &[], &call("b", json!({}))).await;
    assert!(!reply.text.contains(MAIL), "{}", reply.text);
}
