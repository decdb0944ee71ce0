//! The per-tenant URL over servers of both eras, for clients of both.

use http::Method;
use serde_json::{Value, json};
use tokio::sync::mpsc::{self, UnboundedReceiver};

use super::message;
use crate::world::{Agent, Seen, World, allow_all, borrowed, call, list, modern, reply};

/// `old` with sessions, `new` without, and a demo shop of both behind one grant. What reaches the
/// first two comes out.
async fn mixed() -> (World, Agent, UnboundedReceiver<(&'static str, Seen)>) {
    let mut world = World::empty();
    let (sender, receiver) = mpsc::unbounded_channel();
    for slug in ["old", "new"] {
        let sender = sender.clone();
        let at = world
            .upstream(move |seen: Seen| {
                sender.send((slug, seen.clone())).unwrap();
                async move { answer(slug, &seen) }
            })
            .await;
        world.server(slug, at, &[("t", "read")]);
    }
    let shop = world.serve(demo::router()).await;
    world.server("shop", shop, &[("list_customers", "read")]);
    world.source.change(|organisation| {
        organisation.servers[0].speaks_modern = false;
        organisation.servers[1].speaks_legacy = false;
    });
    let all = || Some(allow_all());
    let agent = world.grant("agent", &[("old", all()), ("new", all()), ("shop", all())]);
    world.gateway(|_| {}).await;
    (world, agent.at_tenant(), receiver)
}

fn answer(slug: &str, seen: &Seen) -> axum::response::Response {
    let message = seen.json();
    let version = seen.headers.get("mcp-protocol-version").map(|v| v.to_str().unwrap());
    let is_modern = version == Some("2026-07-28");
    let method = message["method"].as_str().unwrap_or_default();
    if is_modern != (slug == "new") && method != "initialize" {
        return reply(400, "text/plain", "");
    }
    if message.get("id").is_none() {
        return reply(202, "text/plain", "");
    }
    let mut answer = match method {
        "initialize" if slug == "old" => {
            seen.result(&json!({"protocolVersion": "2025-06-18", "capabilities": {}}))
        }
        "tools/list" => seen.result(&json!({"tools": [{"name": "t"}], "resultType": "complete"})),
        "prompts/list" => seen.result(&json!({"prompts": [{"name": "p"}]})),
        "tools/call" | "prompts/get" => {
            let name = &message["params"]["name"];
            let text = format!("{slug}:{}", name.as_str().unwrap());
            let mut result = json!({"content": [{"type": "text", "text": text}], "messages": []});
            if is_modern {
                result["resultType"] = json!("complete");
            }
            seen.result(&result)
        }
        _ => reply(400, "text/plain", ""),
    };
    if method == "initialize" {
        answer.headers_mut().insert("mcp-session-id", "s".parse().unwrap());
    }
    answer
}

#[tokio::test]
async fn each_server_is_asked_in_an_era_that_it_speaks() {
    let (world, agent, mut seen) = mixed().await;
    let session = world.initialize(&agent).await.unwrap();
    let legacy = [("mcp-session-id", session.as_str())];
    let found = json!({"jsonrpc": "2.0", "id": 1, "method": "server/discover"});
    assert_eq!(world.ask(&agent, found).await.json["result"]["resultType"], "complete");
    for era in ["legacy", "modern"] {
        let post = async |message: Value| match era {
            "legacy" => world.post(&agent, &legacy, &message).await,
            _ => world.ask(&agent, message).await,
        };
        let listed = post(list("tools")).await;
        let names = listed.names("tools", "name");
        assert_eq!(&names[..2], ["new__t", "old__t"], "{era}: {}", listed.text);
        assert_eq!(names[2..], ["shop__list_customers"], "{era}");
        assert!(listed.json["result"].get("_meta").is_none(), "{era}: {}", listed.text);
        let prompts = post(list("prompts")).await.names("prompts", "name");
        assert_eq!(&prompts[..2], ["new__p", "old__p"], "{era}");
        for slug in ["old", "new"] {
            let called = post(call(&format!("{slug}__t"), json!({"n": 1}))).await;
            assert_eq!(called.tool_text(), format!("{slug}:t"), "{era}: {}", called.text);
            let marked = called.json["result"].get("resultType").is_some();
            assert_eq!(marked, era == "modern", "{era}: {}", called.text);
            let refused = post(call(&format!("{slug}__no"), json!({}))).await;
            let words = format!("Unknown tool: {slug}__no");
            assert_eq!(refused.json["error"]["message"], words, "{era}");
        }
        let shop = post(call("shop__list_customers", json!({}))).await;
        assert!(shop.json["result"]["content"].is_array(), "{era}: {}", shop.text);
        let get = json!({"jsonrpc": "2.0", "id": 4, "method": "prompts/get", "params": {"name": "new__p"}});
        assert_eq!(post(get).await.json["result"]["messages"], json!([]), "{era}");
    }
    while let Ok((slug, seen)) = seen.try_recv() {
        if seen.json()["method"] == "tools/call" {
            assert_eq!(seen.json()["params"]["name"], "t");
            assert_eq!(seen.json()["params"]["arguments"], json!({"n": 1}));
            let name = seen.headers.get("mcp-name").map(|name| name.to_str().unwrap());
            assert_eq!(name, (slug == "new").then_some("t"));
        }
    }
}

#[tokio::test]
async fn a_forgotten_session_is_opened_anew_for_a_list() {
    let mut world = World::empty();
    let at = world
        .upstream(|seen: Seen| {
            let session = seen.headers.get("mcp-session-id").map(|id| id.to_str().unwrap());
            let is_first = session == Some("s1");
            async move {
                match seen.json()["method"].as_str() {
                    Some("initialize") => answer_with_session(&seen),
                    Some("tools/list") if is_first => reply(404, "text/plain", ""),
                    _ => answer("old", &seen),
                }
            }
        })
        .await;
    world.server("old", at, &[("t", "read")]);
    let agent = world.grant("agent", &[("old", Some(allow_all()))]).at_tenant();
    world.gateway(|_| {}).await;
    world.speak(false, true).await;
    assert_eq!(world.ask(&agent, list("tools")).await.names("tools", "name"), ["old__t"]);
}

/// The first session is `s1`; the server forgets it at once.
fn answer_with_session(seen: &Seen) -> axum::response::Response {
    static OPENED: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(1);
    let number = OPENED.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
    let mut answer = seen.result(&json!({"protocolVersion": "2025-06-18", "capabilities": {}}));
    answer.headers_mut().insert("mcp-session-id", format!("s{number}").parse().unwrap());
    answer
}

#[tokio::test]
async fn a_stateless_servers_question_reaches_a_client_of_the_tenant() {
    let mut world = World::empty();
    let at = world
        .upstream(|seen: Seen| async move {
            let given = seen.json()["params"].get("inputResponses").cloned();
            seen.result(&match given {
                None => json!({"resultType": "input_required", "requestState": "s",
                    "inputRequests": {"r": {"method": "sampling/createMessage", "params": {}}}}),
                Some(_) => json!({"content": [{"type": "text", "text": "done"}]}),
            })
        })
        .await;
    world.server("new", at, &[("t", "read")]);
    let agent = world.grant("agent", &[("new", Some(allow_all()))]).at_tenant();
    world.gateway(|_| {}).await;
    world.speak(true, false).await;
    let session = world.initialize(&agent).await.unwrap();
    let headers = [("mcp-session-id", session.as_str())];
    let body = call("new__t", json!({})).to_string();
    let mut response = world.open(Method::POST, &agent, &headers, body).await;
    let asked = message(response.body_mut()).await.unwrap();
    assert_eq!(asked["method"], "sampling/createMessage");
    let answer = json!({"jsonrpc": "2.0", "id": asked["id"], "result": {"role": "assistant"}});
    assert_eq!(world.post(&agent, &headers, &answer).await.status, 202);
    let told = message(response.body_mut()).await.unwrap();
    assert_eq!(told["result"]["content"][0]["text"], "done");
}

#[tokio::test]
async fn a_question_of_a_server_with_sessions_is_state_at_the_tenants_address_too() {
    let mut world = World::empty();
    let at = world
        .upstream(|seen: Seen| async move {
            match seen.json()["method"].as_str() {
                Some("initialize") => {
                    seen.result(&json!({"protocolVersion": "2025-06-18", "capabilities": {}}))
                }
                Some("tools/call") => crate::world::events(&[
                    json!({"jsonrpc": "2.0", "id": 1, "method": "roots/list"}),
                    json!({"jsonrpc": "2.0", "id": seen.json()["id"], "result": {"content": [{"type": "text", "text": "done"}]}}),
                ]),
                _ => reply(202, "text/plain", ""),
            }
        })
        .await;
    world.server("old", at, &[("t", "read")]);
    let agent = world.grant("agent", &[("old", Some(allow_all()))]).at_tenant();
    world.gateway(|_| {}).await;
    world.speak(false, true).await;
    let mut ask = call("old__t", json!({}));
    ask["params"]["_meta"] = json!({"io.modelcontextprotocol/clientCapabilities": {"roots": {}}});
    let first = world.ask(&agent, ask.clone()).await;
    assert_eq!(first.json["result"]["inputRequests"]["1"]["method"], "roots/list");
    ask["params"]["requestState"] = first.json["result"]["requestState"].clone();
    ask["params"]["inputResponses"] = json!({"1": {"roots": []}});
    let (headers, ask) = modern(ask);
    let second = world.post(&agent, &borrowed(&headers), &ask).await;
    assert_eq!(second.tool_text(), "done", "{}", second.text);
}
