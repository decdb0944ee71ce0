//! The per-tenant URL: several servers behind one address.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Method;
use serde_json::{Value, json};

use crate::world::{
    Agent, SHOP_TOOLS, Seen, World, allow_all, borrowed, call, events, initialize, list, modern,
    reply,
};

/// Two shops and a server that is down, behind one grant.
async fn mall() -> (World, Agent, demo::Recorder) {
    let mut world = World::empty();
    let recorder = demo::Recorder::default();
    let options =
        demo::Options { recorder: recorder.clone(), page_size: 3, ..demo::Options::default() };
    let north = world.serve(demo::router_with(options)).await;
    let south = world.serve(demo::router()).await;
    world.server("north", north, &SHOP_TOOLS);
    world.server("south", south, &SHOP_TOOLS);
    world.server("gone", "127.0.0.1:1".parse().unwrap(), &[("x", "read")]);
    let some = json!({"version": "1", "default": "deny", "list_denied": false, "tools": {"list_customers": {}}});
    let agent = world.grant(
        "agent",
        &[("south", Some(some)), ("north", Some(allow_all())), ("gone", Some(allow_all()))],
    );
    world.gateway(|_| {}).await;
    (world, agent.at_tenant(), recorder)
}

#[tokio::test]
async fn the_gateway_is_the_server_and_lists_what_each_server_shows() {
    let (world, agent, _) = mall().await;
    let opened = world.post(&agent, &[], &initialize()).await;
    assert_eq!(opened.json["result"]["protocolVersion"], "2025-06-18");
    assert_eq!(opened.json["result"]["serverInfo"]["name"], "drawbridge");
    let session = opened.headers["mcp-session-id"].to_str().unwrap().to_owned();
    let headers = [("mcp-session-id", session.as_str())];
    let listed = world.post(&agent, &headers, &list("tools")).await;
    let names = listed.names("tools", "name");
    assert_eq!(names.len(), 11, "{}", listed.text);
    assert!(names[..10].iter().all(|name| name.starts_with("north__")), "in the order of slugs");
    assert_eq!(names[10], "south__list_customers");
    let missing = &listed.json["result"]["_meta"]["drawbridge/unavailable"];
    assert_eq!(missing[0]["server"], "gone");
    assert_eq!(world.post(&agent, &[], &list("tools")).await.status, 400, "no session named");
    let ping = json!({"jsonrpc": "2.0", "id": 1, "method": "ping"});
    assert_eq!(world.post(&agent, &headers, &ping).await.json["result"], json!({}));
    let log = json!({"jsonrpc": "2.0", "id": 1, "method": "logging/setLevel", "params": {"level": "info"}});
    assert_eq!(world.post(&agent, &headers, &log).await.json["error"]["code"], -32601);
}

#[tokio::test]
async fn calls_go_to_the_server_in_their_name_under_its_own_policy() {
    let (world, agent, north) = mall().await;
    let session = world.initialize(&agent).await.unwrap();
    let called = world.call(&agent, &session, "north__list_customers", json!({})).await;
    assert!(called.json["result"]["content"].is_array(), "{}", called.text);
    assert_eq!(north.calls("list_customers"), 1);
    let record = world.records.last();
    assert_eq!(record.target.as_deref(), Some("north__list_customers"));
    assert!(record.server.is_some());
    let denied = world.call(&agent, &session, "south__refund_charge", json!({})).await;
    assert_eq!(denied.decision()["rule"], "(default deny)");
    for unknown in [
        "north__nothing",
        "list_customers",
        "west__list_customers",
        "north_list_customers",
        "__",
        "",
    ] {
        let refused = world.call(&agent, &session, unknown, json!({})).await;
        assert_eq!(refused.json["error"]["message"], format!("Unknown tool: {unknown}"));
    }
    let down = world.call(&agent, &session, "gone__x", json!({})).await;
    assert_eq!(down.decision()["outcome"], "upstream_error");
    assert_eq!(north.total(), 1);
}

#[tokio::test]
async fn sessions_with_servers_are_opened_once_and_ended_with_the_clients() {
    let opened = Arc::new(AtomicUsize::new(0));
    let ended = Arc::new(AtomicUsize::new(0));
    let mut world = World::empty();
    let counts = (Arc::clone(&opened), Arc::clone(&ended));
    let at = world
        .upstream(move |seen: Seen| {
            let (opened, ended) = counts.clone();
            async move {
                if seen.method == Method::DELETE {
                    ended.fetch_add(1, Ordering::SeqCst);
                    return reply(200, "text/plain", "");
                }
                if seen.json()["method"] == "initialize" {
                    assert_eq!(seen.json()["params"]["clientInfo"]["name"], "test-client");
                    let n = opened.fetch_add(1, Ordering::SeqCst);
                    let mut answer =
                        seen.result(&json!({"protocolVersion": "2025-06-18", "capabilities": {}}));
                    answer.headers_mut().insert("mcp-session-id", format!("s{n}").parse().unwrap());
                    return answer;
                }
                if seen.json().get("id").is_none() {
                    return reply(202, "text/plain", "");
                }
                let session =
                    seen.headers.get("mcp-session-id").map(|id| id.to_str().unwrap().to_owned());
                seen.result(&json!({"content": [{"type": "text", "text": session}]}))
            }
        })
        .await;
    world.server("shop", at, &[("a", "read")]);
    let agent = world.grant("agent", &[("shop", Some(allow_all()))]).at_tenant();
    world.gateway(|_| {}).await;
    let first = world.initialize(&agent).await.unwrap();
    assert_eq!(opened.load(Ordering::SeqCst), 0, "only when first needed");
    let call_a = call("shop__a", json!({}));
    let headers = [("mcp-session-id", first.as_str())];
    let calls = (0..10).map(|_| world.post(&agent, &headers, &call_a));
    for reply in futures_util::future::join_all(calls).await {
        assert_eq!(reply.tool_text(), "s0", "{}", reply.text);
    }
    let second = world.initialize(&agent).await.unwrap();
    let other = world.call(&agent, &second, "shop__a", json!({})).await;
    assert_eq!(other.tool_text(), "s1", "another session of the client is another with the server");
    let gone = world.open(Method::DELETE, &agent, &headers, "").await;
    assert!(gone.status().is_success());
    assert_eq!(ended.load(Ordering::SeqCst), 1);
    assert_eq!(world.call(&agent, &first, "shop__a", json!({})).await.status, 404);
    let stranger = world.grant("other", &[("shop", Some(allow_all()))]).at_tenant();
    world.publish(|_| {}).await;
    assert_eq!(world.call(&stranger, &second, "shop__a", json!({})).await.status, 404);
    assert_eq!(world.open(Method::GET, &agent, &headers, "").await.status(), 404);
}

#[tokio::test]
async fn names_that_are_too_long_are_cut_and_still_work() {
    let long = "a_tool_with_a_name_that_goes_on_and_on_and_on_until_nobody_reads_it";
    let (world, agent) = World::with_upstream(allow_all(), &[long], move |seen: Seen| async move {
        match seen.json()["method"].as_str() {
            Some("initialize") => {
                seen.result(&json!({"protocolVersion": "2025-06-18", "capabilities": {}}))
            }
            Some("tools/list") => seen.result(&json!({"tools": [{"name": long}]})),
            _ => seen.result(
                &json!({"content": [{"type": "text", "text": seen.json()["params"]["name"]}]}),
            ),
        }
    })
    .await;
    let agent = agent.at_tenant();
    let session = world.initialize(&agent).await.unwrap();
    let listed = world.post(&agent, &[("mcp-session-id", &session)], &list("tools")).await;
    let shown = &listed.names("tools", "name")[0];
    assert_eq!(shown.len(), 60);
    let called = world.call(&agent, &session, shown, json!({})).await;
    assert_eq!(called.tool_text(), long);
}

#[tokio::test]
async fn modern_clients_are_served_whatever_their_servers_speak() {
    let (world, agent, _) = World::with_shop(allow_all()).await;
    let agent = agent.at_tenant();
    let post = async |message| {
        let (headers, message) = modern(message);
        world.post(&agent, &borrowed(&headers), &message).await
    };
    let found = post(json!({"jsonrpc": "2.0", "id": 1, "method": "server/discover"})).await;
    assert_eq!(found.json["result"]["supportedVersions"], json!(["2026-07-28"]));
    assert_eq!(post(list("tools")).await.names("tools", "name").len(), 10);
    let called = post(call("shop__list_customers", json!({}))).await;
    assert_eq!(called.json["result"]["resultType"], "complete", "{}", called.text);
    world.speak(false, true).await;
    assert_eq!(post(list("tools")).await.names("tools", "name").len(), 10);
    let called = post(call("shop__list_customers", json!({}))).await;
    assert_eq!(called.json["result"]["resultType"], "complete", "{}", called.text);
}

#[tokio::test]
async fn a_resource_is_read_from_the_first_server_that_has_it() {
    let mut world = World::empty();
    for (slug, has) in [("b", true), ("a", false), ("c", true)] {
        let at = world
            .upstream(move |seen: Seen| async move {
                match seen.json()["method"].as_str() {
                    Some("initialize") => {
                        seen.result(&json!({"protocolVersion": "2025-06-18", "capabilities": {}}))
                    }
                    Some("resources/list") => {
                        seen.result(&json!({"resources": [{"uri": "x://1", "name": slug}]}))
                    }
                    _ if has => seen.result(&json!({"contents": [{"uri": "x://1", "text": slug}]})),
                    // As servers do that answer everything by a stream.
                    _ => events(&[
                        json!({"jsonrpc": "2.0", "method": "notifications/message", "params": {}}),
                        json!({"jsonrpc": "2.0", "id": 3, "error": {"code": -32002, "message": "no"}}),
                    ]),
                }
            })
            .await;
        world.server(slug, at, &[("t", "read")]);
    }
    let all = || Some(allow_all());
    let agent = world.grant("agent", &[("c", all()), ("b", all()), ("a", all())]).at_tenant();
    world.gateway(|_| {}).await;
    let session = world.initialize(&agent).await.unwrap();
    let headers = [("mcp-session-id", session.as_str())];
    let read =
        json!({"jsonrpc": "2.0", "id": 3, "method": "resources/read", "params": {"uri": "x://1"}});
    let found = world.post(&agent, &headers, &read).await;
    assert_eq!(found.json["result"]["contents"][0]["text"], "b", "{}", found.text);
    let listed = world.post(&agent, &headers, &list("resources")).await;
    assert_eq!(listed.names("resources", "name"), ["a"], "{}", listed.text);
    assert_eq!(
        listed.json["result"]["_meta"]["drawbridge/listed_twice"],
        json!(["x://1", "x://1"])
    );
}

/// Two servers of the stateless revision: `a` lacks the resource, `b` asks before it gives it.
async fn asking_first(state: Option<&'static str>) -> (World, [Agent; 2], Arc<Mutex<Vec<Value>>>) {
    let mut world = World::empty();
    let seen_by = Arc::<Mutex<Vec<Value>>>::default();
    for slug in ["a", "b"] {
        let seen_by = Arc::clone(&seen_by);
        let at = world
            .upstream(move |seen: Seen| {
                let params = seen.json()["params"].clone();
                let answer = if slug == "a" {
                    let error = json!({"jsonrpc": "2.0", "id": seen.json()["id"],
                        "error": {"code": -32602, "message": "Resource not found"}});
                    reply(200, "application/json", error.to_string())
                } else if params.get("inputResponses").is_some() {
                    seen.result(
                        &json!({"resultType": "complete", "ttlMs": 0, "cacheScope": "private",
                        "contents": [{"uri": "x://1", "text": "here"}]}),
                    )
                } else {
                    let mut asks = json!({"resultType": "input_required", "inputRequests": {"k":
                        {"method": "elicitation/create", "params": {"message": "Sure?"}}}});
                    if let Some(state) = state {
                        asks["requestState"] = state.into();
                    }
                    seen.result(&asks)
                };
                seen_by.lock().unwrap().push(json!({"at": slug, "params": params}));
                async move { answer }
            })
            .await;
        world.server(slug, at, &[("t", "read")]);
    }
    let all = || Some(allow_all());
    let agent = world.grant("agent", &[("a", all()), ("b", all())]).at_tenant();
    let other = world.grant("other", &[("b", all())]).at_tenant();
    world.gateway(|_| {}).await;
    world.speak(true, false).await;
    (world, [agent, other], seen_by)
}

fn reading(uri: &str, more: &Value) -> Value {
    let mut params = json!({"uri": uri});
    params.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({"jsonrpc": "2.0", "id": 3, "method": "resources/read", "params": params})
}

#[tokio::test]
async fn what_a_server_asks_before_it_gives_a_resource_goes_back_to_that_server_alone() {
    for state in [Some("its \"own\" state"), None] {
        let (world, [agent, other], seen) = asking_first(state).await;
        let asked = world.ask(&agent, reading("x://1", &json!({}))).await;
        assert_eq!(asked.json["result"]["resultType"], "input_required", "{}", asked.text);
        let carried = asked.json["result"]["requestState"].as_str().unwrap().to_owned();
        let bytes = URL_SAFE_NO_PAD.decode(&carried).unwrap();
        assert!(!String::from_utf8_lossy(&bytes).contains("state"), "sealed");
        seen.lock().unwrap().clear();
        let answers = json!({"k": {"action": "accept", "content": {}}});
        let again = json!({"inputResponses": answers, "requestState": carried});
        let got = world.ask(&agent, reading("x://1", &again)).await;
        assert_eq!(got.json["result"]["contents"][0]["text"], "here", "{}", got.text);
        let seen = seen.lock().unwrap().clone();
        assert_eq!(seen.len(), 1, "the other server saw none of it: {seen:?}");
        assert_eq!(seen[0]["at"], "b");
        assert_eq!(seen[0]["params"]["inputResponses"], answers);
        assert_eq!(seen[0]["params"].get("requestState").and_then(Value::as_str), state);
        // Not for another resource, not made up, not for another grant, not without it.
        for (agent, uri, with) in [
            (&agent, "x://2", again.clone()),
            (&agent, "x://1", json!({"inputResponses": {}, "requestState": "its own state"})),
            (&agent, "x://1", json!({"inputResponses": {}})),
            (&other, "x://1", again.clone()),
        ] {
            let refused = world.ask(agent, reading(uri, &with)).await;
            assert_eq!(refused.json["error"]["code"], -32602, "{}", refused.text);
        }
    }
}

#[tokio::test]
async fn a_list_that_goes_round_in_circles_leaves_the_other_servers_working() {
    let (mut world, _, _) = World::with_shop(allow_all()).await;
    let at = world
        .upstream(|seen: Seen| async move {
            if seen.json()["method"] == "initialize" {
                return seen.result(&json!({"protocolVersion": "2025-06-18", "capabilities": {}}));
            }
            seen.result(&json!({"tools": [{"name": "x"}], "nextCursor": "again"}))
        })
        .await;
    world.server("loop", at, &[("x", "read")]);
    let both = [("loop", Some(allow_all())), ("shop", Some(allow_all()))];
    let agent = world.grant("both", &both).at_tenant();
    world.publish(|_| {}).await;
    let session = world.initialize(&agent).await.unwrap();
    let headers = [("mcp-session-id", session.as_str())];
    let listed = world.post(&agent, &headers, &list("tools")).await;
    let names = listed.names("tools", "name");
    assert!(names.iter().all(|name| name.starts_with("shop__")) && names.len() == 10, "{names:?}");
    let missing = &listed.json["result"]["_meta"]["drawbridge/unavailable"][0];
    assert_eq!(missing["server"], "loop", "{}", listed.text);
}
