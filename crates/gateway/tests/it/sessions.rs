//! Sessions: sealed, bound to grant and server, passed on as the eras want it.

use http::Method;
use serde_json::json;

use crate::world::{World, allow_all, borrowed, call, events, initialize, list, modern, reply};

#[tokio::test]
async fn the_servers_own_id_is_never_shown_and_a_rotated_token_keeps_the_session() {
    let (world, agent) = World::with_upstream(allow_all(), &["a"], |seen| async move {
        let mut answer = if seen.json()["method"] == "initialize" {
            seen.result(&json!({"protocolVersion": "2025-06-18", "capabilities": {}}))
        } else if seen.headers.get("mcp-session-id").is_some_and(|id| id == "secret-upstream-id") {
            seen.result(&json!({"content": []}))
        } else {
            reply(404, "text/plain", "")
        };
        answer.headers_mut().insert("mcp-session-id", "secret-upstream-id".parse().unwrap());
        answer
    })
    .await;
    let first = world.post(&agent, &[], &initialize()).await;
    let id = first.headers["mcp-session-id"].to_str().unwrap().to_owned();
    assert!(!id.contains("secret-upstream-id"));
    let called = world.call(&agent, &id, "a", json!({})).await;
    assert_eq!((called.status, called.headers.get("mcp-session-id")), (200, None));
    let rotated = world.grant("other", &[]);
    world
        .publish(|organisation| {
            let other = organisation.grants.pop().unwrap();
            organisation.grants[0].tokens = other.tokens;
        })
        .await;
    let rotated = crate::world::Agent { token: rotated.token, ..agent.clone() };
    assert_eq!(world.call(&rotated, &id, "a", json!({})).await.status, 200);
    assert_eq!(world.call(&agent, &id, "a", json!({})).await.status, 401);
}

#[tokio::test]
async fn a_long_session_id_works_and_one_that_is_too_long_is_refused_in_words() {
    let (world, agent) = World::with_upstream(allow_all(), &["a"], |seen| async move {
        let message = seen.json();
        let length = message["params"]["clientInfo"]["version"].as_str().map(str::parse::<usize>);
        let id = "s".repeat(length.unwrap_or(Ok(5_120)).unwrap());
        let opened = json!({"protocolVersion": "2025-06-18", "capabilities": {}});
        let mut answer = match message["method"].as_str() {
            Some("initialize") if message["id"] == "stream" => {
                events(&[json!({"jsonrpc": "2.0", "id": "stream", "result": opened})])
            }
            Some("initialize") => seen.result(&opened),
            _ if seen.headers["mcp-session-id"] == id => seen.result(&json!({"content": []})),
            _ => reply(404, "text/plain", ""),
        };
        answer.headers_mut().insert("mcp-session-id", id.parse().unwrap());
        answer
    })
    .await;
    for id in ["whole", "stream"] {
        let open = async |length: usize| {
            let info = json!({"name": "c".repeat(64), "version": length.to_string()});
            let params = json!({"protocolVersion": "2025-06-18", "capabilities": {},
                "clientInfo": info});
            let message =
                json!({"jsonrpc": "2.0", "id": id, "method": "initialize", "params": params});
            world.post(&agent, &[], &message).await
        };
        let opened = open(5_120).await;
        let session = opened.headers["mcp-session-id"].to_str().unwrap().to_owned();
        assert_eq!(world.call(&agent, &session, "a", json!({})).await.status, 200, "{id}");
        let refused = open(5_121).await;
        assert!(refused.headers.get("mcp-session-id").is_none(), "{id}");
        let said = refused.json["error"]["message"].as_str().unwrap();
        assert!(said.contains("session id is longer than"), "{id}: {}", refused.text);
    }
}

#[tokio::test]
async fn a_session_is_worth_nothing_to_another_grant_or_at_another_address() {
    let (mut world, agent, shop) = World::with_shop(allow_all()).await;
    let other = world.grant("other", &[("shop", Some(allow_all()))]);
    let twin = world.serve(demo::router()).await;
    world.server("twin", twin, &[("list_customers", "read")]);
    world
        .publish(|organisation| {
            let (server, policy) = (organisation.servers[1].id, organisation.policies[0].id);
            let binding = gateway::source::BindingSnapshot { server, policy: Some(policy) };
            organisation.grants[0].bindings.push(binding);
        })
        .await;
    let session = world.initialize(&agent).await.unwrap();
    let before = shop.total();
    for stranger in [other, agent.at("/t/acme/twin/mcp"), agent.at_tenant()] {
        let headers = [("mcp-session-id", session.as_str())];
        let refused = world.call(&stranger, &session, "list_customers", json!({})).await;
        assert_eq!(refused.status, 404, "{}", refused.text);
        assert_eq!(refused.json["id"], 7);
        let stream = world.open(Method::GET, &stranger, &headers, "").await.status();
        assert_eq!(stream, 404);
        assert_eq!(world.open(Method::DELETE, &stranger, &headers, "").await.status(), 404);
    }
    for forged in ["", "secret", &session[1..], &format!("{session}A")] {
        let refused = world.call(&agent, forged, "list_customers", json!({})).await;
        assert_eq!(refused.status, 404, "{forged}");
    }
    assert_eq!(shop.total(), before);
    assert_eq!(world.call(&agent, &session, "list_customers", json!({})).await.status, 200);
}

#[tokio::test]
async fn a_deleted_session_is_gone_and_the_servers_404_passes() {
    let (world, agent, _) = World::with_shop(allow_all()).await;
    let session = world.initialize(&agent).await.unwrap();
    let headers = [("mcp-session-id", session.as_str())];
    let deleted = world.open(Method::DELETE, &agent, &headers, "").await;
    assert!(deleted.status().is_success(), "{}", deleted.status());
    assert_eq!(world.call(&agent, &session, "list_customers", json!({})).await.status, 404);
}

#[tokio::test]
async fn get_and_delete_answer_as_the_server_does() {
    for status in [405, 404, 400] {
        let (world, agent) = World::with_upstream(allow_all(), &["a"], move |_| async move {
            let mut answer = reply(status, "text/plain", "");
            answer.headers_mut().insert("allow", "POST".parse().unwrap());
            answer
        })
        .await;
        for method in [Method::GET, Method::DELETE] {
            let answer = world.open(method, &agent, &[], "").await;
            assert_eq!(answer.status(), status);
            assert_eq!(answer.headers()["allow"], "POST");
        }
    }
}

#[tokio::test]
async fn notifications_are_202_and_unknown_ones_go_nowhere() {
    let (sender, mut seen) = tokio::sync::mpsc::unbounded_channel();
    let (world, agent) = World::with_upstream(allow_all(), &["a"], move |seen| {
        sender.send(seen.json()["method"].as_str().unwrap_or_default().to_owned()).unwrap();
        async move { reply(202, "application/json", "") }
    })
    .await;
    for method in [
        "notifications/initialized",
        "notifications/made_up",
        "tools/call",
        "notifications/cancelled",
    ] {
        let note =
            json!({"jsonrpc": "2.0", "method": method, "params": {"name": "a", "requestId": 1}});
        let taken = world.post(&agent, &[], &note).await;
        assert_eq!((taken.status, taken.text.as_str()), (202, ""), "{method}");
    }
    assert_eq!(seen.recv().await.unwrap(), "notifications/initialized");
    assert_eq!(seen.recv().await.unwrap(), "notifications/cancelled");
    assert!(seen.try_recv().is_err());
    assert!(world.records.all().is_empty(), "notifications are not recorded");
}

#[tokio::test]
async fn both_eras_work_at_one_address() {
    let (world, agent, shop) = World::with_shop(allow_all()).await;
    let session = world.initialize(&agent).await.unwrap();
    let legacy = world.call(&agent, &session, "list_customers", json!({})).await;
    assert_eq!(legacy.status, 200, "{}", legacy.text);
    let (headers, message) = modern(call("list_customers", json!({})));
    let stateless = world.post(&agent, &borrowed(&headers), &message).await;
    assert_eq!(stateless.json["result"]["resultType"], "complete", "{}", stateless.text);
    let (headers, message) =
        modern(json!({"jsonrpc": "2.0", "id": 1, "method": "server/discover"}));
    let discovered = world.post(&agent, &borrowed(&headers), &message).await;
    assert_eq!(discovered.json["result"]["cacheScope"], "private", "{}", discovered.text);
    let (headers, message) = modern(list("tools"));
    let listed = world.post(&agent, &borrowed(&headers), &message).await;
    assert_eq!(listed.names("tools", "name").len(), 10);
    assert_eq!(listed.json["result"]["cacheScope"], "private");
    assert_eq!(shop.total(), 2);
    for method in ["initialize", "ping", "resources/subscribe", "logging/setLevel", "tasks/list"] {
        let (headers, message) = modern(json!({"jsonrpc": "2.0", "id": 1, "method": method}));
        let refused = world.post(&agent, &borrowed(&headers), &message).await;
        assert_eq!((refused.status, &refused.json["error"]["code"]), (404, &json!(-32601)));
    }
}
