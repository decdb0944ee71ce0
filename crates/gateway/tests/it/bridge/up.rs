//! Clients with sessions at stateless servers.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use serde_json::{Value, json};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

use super::{message, soon, written_to};
use crate::world::{
    Agent, SHOP_TOOLS, Seen, World, allow_all, call, events, initialize, list, reply,
};

/// A world whose `shop` is stateless: it checks what each request must say, and a script answers.
async fn world(
    policy: Value,
    script: impl Fn(Seen) -> Response + Clone + Send + Sync + 'static,
) -> (World, Agent) {
    let (world, agent) = World::with_upstream(policy, &["a", "b"], move |seen: Seen| {
        let answer = strict(&seen).unwrap_or_else(|| script(seen));
        async move { answer }
    })
    .await;
    world.speak(true, false).await;
    (world, agent)
}

/// Refuses what a stateless server would, and answers discovery.
fn strict(seen: &Seen) -> Option<Response> {
    let message = seen.json();
    let header = |name| seen.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let meta = &message["params"]["_meta"];
    let name = message["params"].get("name").or(message["params"].get("uri"));
    let name = name.and_then(text).map(|name| {
        if name.is_ascii() { name } else { format!("=?base64?{}?=", STANDARD.encode(name)) }
    });
    let is_sound = seen.method == Method::POST
        && header("mcp-protocol-version").as_deref() == Some("2026-07-28")
        && meta["io.modelcontextprotocol/protocolVersion"] == "2026-07-28"
        && meta["io.modelcontextprotocol/clientCapabilities"].is_object()
        && header("mcp-method") == text(&message["method"])
        && header("mcp-name") == name
        && header("mcp-session-id").is_none()
        && !["initialize", "notifications/initialized", "ping"]
            .contains(&message["method"].as_str().unwrap_or_default());
    if !is_sound {
        return Some(reply(500, "text/plain", ""));
    }
    (message["method"] == "server/discover").then(|| {
        seen.result(&json!({"resultType": "complete", "supportedVersions": ["2026-07-28"],
            "capabilities": {"tools": {"listChanged": true}, "logging": {}, "extensions": {"x/y": {}}},
            "instructions": "Be brief.", "ttlMs": 0, "cacheScope": "public",
            "_meta": {"io.modelcontextprotocol/serverInfo": {"name": "new", "version": "2"}}}))
    })
}

/// Opens a session of a client that can be asked these things.
async fn open(world: &World, agent: &Agent, able: Value) -> String {
    let mut message = initialize();
    message["params"]["capabilities"] = able;
    let opened = world.post(agent, &[], &message).await;
    let session = opened.headers["mcp-session-id"].to_str().unwrap().to_owned();
    let note = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    let noted = world.post(agent, &[("mcp-session-id", &session)], &note).await;
    assert_eq!((noted.status, noted.text.as_str()), (202, ""));
    session
}

#[tokio::test]
async fn the_shop_is_served_whatever_it_speaks() {
    let policy = json!({"version": "1", "default": "allow", "hide": ["refund_charge"]});
    let (world, agent, shop) = World::with_shop(policy).await;
    world.speak(true, false).await;
    let opened = world.post(&agent, &[], &initialize()).await;
    let result = &opened.json["result"];
    assert_eq!(result["protocolVersion"], "2025-06-18");
    assert_eq!(result["serverInfo"]["name"], "lantern-supply");
    assert!(result.get("resultType").is_none(), "{}", opened.text);
    let session = world.initialize(&agent).await.unwrap();
    let headers = [("mcp-session-id", session.as_str())];
    let ping = json!({"jsonrpc": "2.0", "id": 3, "method": "ping"});
    assert_eq!(world.post(&agent, &headers, &ping).await.json["result"], json!({}));
    let listed = world.post(&agent, &headers, &list("tools")).await;
    assert_eq!(listed.names("tools", "name").len(), SHOP_TOOLS.len() - 1);
    assert!(listed.json["result"].get("resultType").is_none());
    let called = world.call(&agent, &session, "list_customers", json!({})).await;
    assert!(called.json["result"]["content"].is_array(), "{}", called.text);
    assert!(called.json["result"].get("resultType").is_none());
    let hidden = world.call(&agent, &session, "refund_charge", json!({})).await;
    assert_eq!(hidden.json["error"]["message"], "Unknown tool: refund_charge");
    let absent = json!({"jsonrpc": "2.0", "id": 1, "method": "resources/read", "params": {"uri": "shop://no"}});
    assert_eq!(world.post(&agent, &headers, &absent).await.json["error"]["code"], -32002);
    assert_eq!(shop.total(), 1);
    assert_eq!(world.records.last().client.as_deref(), Some("test-client 1.2"));
}

#[tokio::test]
async fn what_is_forwarded_is_what_was_judged_and_describes_itself() {
    let (bodies, mut seen) = mpsc::unbounded_channel();
    let (world, agent) = world(allow_all(), move |seen| {
        bodies.send(String::from_utf8(seen.body.to_vec()).unwrap()).unwrap();
        seen.result(&json!({"resultType": "complete", "content": []}))
    })
    .await;
    let able = json!({"roots": {}, "elicitation": {}, "unknown": {}});
    let session = open(&world, &agent, able).await;
    let headers = [("mcp-session-id", session.as_str())];
    let body = r#"{"jsonrpc":"2.0","id":"c-1","method":"tools/call","params":{ "name":"a" , "arguments":{"n":1.50e0,"Name":"b"},"_meta":{"progressToken":7}}}"#;
    let called = world.post_raw(&agent, &headers, body).await;
    assert_eq!(called.text, r#"{"jsonrpc":"2.0","id":"c-1","result":{"content":[]}}"#);
    let forwarded = soon(seen.recv()).await.unwrap();
    assert_eq!(
        forwarded,
        r#"{"jsonrpc":"2.0","id":"c-1","method":"tools/call","params":{"name":"a","arguments":{"n":1.50e0,"Name":"b"},"_meta":{"progressToken":7,"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{"elicitation":{},"roots":{}},"io.modelcontextprotocol/clientInfo":{"name":"test-client","version":"1.2"}}}}"#
    );
    let set = |level| json!({"jsonrpc": "2.0", "id": 1, "method": "logging/setLevel", "params": {"level": level}});
    assert_eq!(world.post(&agent, &headers, &set("loud")).await.json["error"]["code"], -32602);
    assert_eq!(world.post(&agent, &headers, &set("info")).await.json["result"], json!({}));
    world.post(&agent, &headers, &list("tools")).await;
    let listed: Value = serde_json::from_str(&soon(seen.recv()).await.unwrap()).unwrap();
    assert_eq!(listed["params"]["_meta"]["io.modelcontextprotocol/logLevel"], "info");
}

#[tokio::test]
async fn mirrored_arguments_go_along() {
    let (kept, mut seen) = mpsc::unbounded_channel();
    let (world, agent) = world(allow_all(), move |seen| {
        kept.send(seen.headers.clone()).unwrap();
        seen.result(&json!({"content": []}))
    })
    .await;
    let definition = json!({"name": "a", "inputSchema": {"type": "object", "properties": {
        "region": {"type": "string", "x-mcp-header": "Region"}}}});
    world
        .publish(|organisation| {
            organisation.servers[0].tools[0].definition = definition.to_string().into();
        })
        .await;
    let session = open(&world, &agent, json!({})).await;
    world.call(&agent, &session, "a", json!({"region": "eu"})).await;
    assert_eq!(soon(seen.recv()).await.unwrap()["mcp-param-region"], "eu");
    world.call(&agent, &session, "a", json!({})).await;
    assert!(soon(seen.recv()).await.unwrap().get("mcp-param-region").is_none());
}

#[tokio::test]
async fn a_session_is_sealed_served_by_every_replica_and_ends() {
    let (mut world, agent) = world(allow_all(), |seen| seen.result(&json!({"content": []}))).await;
    let session = open(&world, &agent, json!({})).await;
    let other = world.grant("other", &[("shop", Some(allow_all()))]);
    world.publish(|_| {}).await;
    assert_eq!(world.call(&other, &session, "a", json!({})).await.status, 404);
    assert_eq!(world.call(&agent, &session[1..], "a", json!({})).await.status, 404);
    assert_eq!(world.call(&agent.at_tenant(), &session, "a", json!({})).await.status, 404);
    assert_eq!(world.post(&agent, &[], &call("a", json!({}))).await.status, 400);
    assert_eq!(world.call(&agent, &session, "a", json!({})).await.status, 200);
    // A replica that does not share the rows says that the session is not there.
    world.gateway(|_| {}).await;
    world.gateways.swap(0, 1);
    assert_eq!(world.call(&agent, &session, "a", json!({})).await.status, 404);
    world.gateways.swap(0, 1);
    let headers = [("mcp-session-id", session.as_str())];
    assert!(world.open(Method::DELETE, &agent, &headers, "").await.status().is_success());
    assert_eq!(world.call(&agent, &session, "a", json!({})).await.status, 404);
    let again = open(&world, &agent, json!({})).await;
    world.speak(false, true).await;
    assert_eq!(world.call(&agent, &again, "a", json!({})).await.status, 404, "it re-initializes");
}

#[tokio::test]
async fn errors_never_look_like_a_lost_session() {
    let (world, agent) = world(allow_all(), |seen| {
        let error = json!({"jsonrpc": "2.0", "id": seen.json()["id"], "error": {"code": -32601, "message": "m"}});
        reply(404, "application/json", error.to_string())
    })
    .await;
    let session = open(&world, &agent, json!({})).await;
    let failed = world.call(&agent, &session, "a", json!({})).await;
    assert_eq!((failed.status, &failed.json["error"]["code"]), (200, &json!(-32601)));
}

/// A server whose tool needs an answer first; what it hears comes out.
async fn curious(policy: Value, requests: Value) -> (World, Agent, UnboundedReceiver<Value>) {
    let (calls, heard) = mpsc::unbounded_channel();
    let (world, agent) = world(policy, move |seen| {
        let message = seen.json();
        calls.send(message.clone()).unwrap();
        if message["params"].get("inputResponses").is_none() {
            let first = json!({"resultType": "input_required", "inputRequests": requests,
                "requestState": "opaque\"state"});
            return seen.result(&first);
        }
        seen.result(
            &json!({"resultType": "complete", "content": [{"type": "text", "text": "done"}]}),
        )
    })
    .await;
    (world, agent, heard)
}

fn elicitation() -> Value {
    json!({"name": {"method": "elicitation/create", "params": {"message": "Who?"}}})
}

#[tokio::test]
async fn what_the_server_needs_is_asked_and_the_call_is_made_again() {
    let (world, agent, mut heard) = curious(allow_all(), elicitation()).await;
    let session = open(&world, &agent, json!({"elicitation": {}})).await;
    let headers = [("mcp-session-id", session.as_str())];
    let message_a = call("a", json!({"n": 1.5})).to_string();
    let mut response = world.open(Method::POST, &agent, &headers, message_a).await;
    let asked = message(response.body_mut()).await.unwrap();
    assert_eq!(asked["method"], "elicitation/create");
    assert_eq!(asked["params"]["message"], "Who?");
    let first = soon(heard.recv()).await.unwrap();
    let id = asked["id"].as_str().unwrap();
    let answer =
        |id: &str| json!({"jsonrpc": "2.0", "id": id, "result": {"action": "accept", "n": 1.0}});
    let stranger = open(&world, &agent, json!({"elicitation": {}})).await;
    let elsewhere = [("mcp-session-id", stranger.as_str())];
    assert_eq!(world.post(&agent, &elsewhere, &answer(id)).await.status, 400);
    assert_eq!(world.post(&agent, &headers, &answer("bridge-1")).await.status, 400);
    assert_eq!(world.post(&agent, &headers, &answer(id)).await.status, 202);
    let told = message(response.body_mut()).await.unwrap();
    assert_eq!((&told["id"], &told["result"]["content"][0]["text"]), (&json!(7), &json!("done")));
    assert!(told["result"].get("resultType").is_none());
    let second = soon(heard.recv()).await.unwrap();
    assert_ne!(second["id"], first["id"], "the stateless era wants a new id");
    assert_eq!(second["params"]["requestState"], "opaque\"state");
    assert_eq!(second["params"]["inputResponses"], json!({"name": {"action": "accept", "n": 1.0}}));
    for same in ["name", "arguments", "_meta"] {
        assert_eq!(second["params"][same], first["params"][same]);
    }
    assert_eq!(message(response.body_mut()).await, None);
    assert_eq!(world.records.count(3).await.last().unwrap().outcome, domain::Outcome::Allowed);
}

#[tokio::test]
async fn what_a_client_cannot_or_must_not_be_asked_ends_in_words() {
    let deny =
        json!({"version": "1", "default": "allow", "server_requests": {"elicitation": "deny"}});
    let able = json!({"elicitation": {}});
    let both = "application/json, text/event-stream";
    for (policy, able, accept, outcome) in [
        (allow_all(), json!({}), both, "upstream_error"),
        (allow_all(), json!({"sampling": {}}), both, "upstream_error"),
        (allow_all(), able.clone(), "application/json", "upstream_error"),
        (deny, able, both, "denied"),
    ] {
        let (world, agent, _heard) = curious(policy, elicitation()).await;
        let session = open(&world, &agent, able).await;
        let headers = [("mcp-session-id", session.as_str()), ("accept", accept)];
        let refused = world.post(&agent, &headers, &call("a", json!({}))).await;
        assert_eq!(refused.decision()["outcome"], outcome, "{}", refused.text);
        let words = if outcome == "denied" { "policy" } else { "elicitation/create" };
        assert!(refused.tool_text().contains(words), "{}", refused.text);
        assert_eq!(world.records.last().outcome.as_str(), outcome);
    }
}

#[tokio::test]
async fn a_policy_that_changed_while_a_person_thought_is_the_one_that_counts() {
    let (world, agent, mut heard) = curious(allow_all(), elicitation()).await;
    let session = open(&world, &agent, json!({"elicitation": {}})).await;
    let headers = [("mcp-session-id", session.as_str())];
    let message_a = call("a", json!({"n": 5})).to_string();
    let mut response = world.open(Method::POST, &agent, &headers, message_a).await;
    let asked = message(response.body_mut()).await.unwrap();
    soon(heard.recv()).await.unwrap();
    let strict =
        json!({"version": "1", "default": "deny", "server_requests": {"elicitation": "allow"}});
    world
        .publish(|organisation| {
            organisation.policies[0].version += 1;
            organisation.policies[0].document = strict.to_string().into();
        })
        .await;
    let answer = json!({"jsonrpc": "2.0", "id": asked["id"], "result": {"action": "accept"}});
    assert_eq!(world.post(&agent, &headers, &answer).await.status, 202);
    let told = message(response.body_mut()).await.unwrap();
    let decision = &told["result"]["_meta"]["drawbridge/decision"];
    assert_eq!(decision["outcome"], "denied", "{told}");
    assert!(heard.try_recv().is_err(), "the server hears nothing more");
}

#[tokio::test]
async fn a_cancelled_call_ends_at_the_server() {
    let (opened, mut open_stream) = mpsc::unbounded_channel::<UnboundedSender<Value>>();
    let (world, agent) = world(allow_all(), move |_| {
        let (sender, receiver) = mpsc::unbounded_channel();
        opened.send(sender).unwrap();
        written_to(receiver)
    })
    .await;
    let session = open(&world, &agent, json!({})).await;
    let headers = [("mcp-session-id", session.as_str())];
    let message_a = call("a", json!({})).to_string();
    let mut response = world.open(Method::POST, &agent, &headers, message_a).await;
    let sender = soon(open_stream.recv()).await.unwrap();
    let progress =
        json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progress": 1}});
    sender.send(progress.clone()).unwrap();
    assert_eq!(message(response.body_mut()).await.unwrap(), progress);
    let cancel =
        json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 7}});
    assert_eq!(world.post(&agent, &headers, &cancel).await.status, 202);
    soon(sender.closed()).await;
    while message(response.body_mut()).await.is_some() {}
    assert_eq!(world.records.last().outcome, domain::Outcome::Cancelled);
}

#[tokio::test]
async fn a_clients_stream_tells_of_changes_and_of_what_it_watches() {
    let (listens, mut heard) = mpsc::unbounded_channel();
    let (world, agent) = world(allow_all(), move |seen| {
        let (sender, receiver) = mpsc::unbounded_channel();
        let wanted = seen.json()["params"]["notifications"].clone();
        sender
            .send(json!({"jsonrpc": "2.0", "method": "notifications/subscriptions/acknowledged"}))
            .unwrap();
        listens.send((wanted, sender)).unwrap();
        written_to(receiver)
    })
    .await;
    let session = open(&world, &agent, json!({})).await;
    let headers = [("mcp-session-id", session.as_str()), ("accept", "text/event-stream")];
    let mut response = world.open(Method::GET, &agent, &headers, "").await;
    assert_eq!(response.status(), 200);
    let (wanted, sender) = soon(heard.recv()).await.unwrap();
    assert_eq!(
        (&wanted["toolsListChanged"], &wanted["resourceSubscriptions"]),
        (&json!(true), &json!([]))
    );
    let changed = json!({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"});
    sender.send(changed.clone()).unwrap();
    assert_eq!(message(response.body_mut()).await.unwrap(), changed);
    let watch = json!({"jsonrpc": "2.0", "id": 1, "method": "resources/subscribe", "params": {"uri": "x://1"}});
    let watching = world.post(&agent, &headers[..1], &watch).await;
    assert_eq!(watching.json["result"], json!({}), "{}", watching.text);
    let updated = json!({"jsonrpc": "2.0", "method": "notifications/resources/updated", "params": {"uri": "x://1"}});
    let renewed = async {
        let (wanted, sender) = soon(heard.recv()).await.unwrap();
        assert_eq!(wanted["resourceSubscriptions"], json!(["x://1"]));
        sender.send(updated.clone()).unwrap();
        sender
    };
    let (told, _sender) = tokio::join!(message(response.body_mut()), renewed);
    assert_eq!(told.unwrap(), updated);
}

#[tokio::test]
async fn where_a_server_tells_nothing_there_is_no_stream() {
    let (world, agent) = world(allow_all(), |seen| {
        let error = json!({"jsonrpc": "2.0", "id": seen.json()["id"], "error": {"code": -32601, "message": "m"}});
        reply(404, "application/json", error.to_string())
    })
    .await;
    let session = open(&world, &agent, json!({})).await;
    let headers = [("mcp-session-id", session.as_str()), ("accept", "text/event-stream")];
    assert_eq!(world.open(Method::GET, &agent, &headers, "").await.status(), 405);
}

#[tokio::test]
async fn a_result_of_a_kind_that_nobody_knows_is_not_passed_on() {
    let (world, agent) = world(allow_all(), |seen| {
        let answer =
            json!({"jsonrpc": "2.0", "id": seen.json()["id"], "result": {"resultType": "task"}});
        events(&[answer])
    })
    .await;
    let session = open(&world, &agent, json!({})).await;
    let refused = world.call(&agent, &session, "a", json!({})).await;
    assert_eq!(refused.decision()["outcome"], "upstream_error", "{}", refused.text);
}

#[tokio::test]
async fn any_replica_serves_the_session_and_takes_the_answer() {
    let mut world = World::empty();
    world.sessions = Some(Arc::default());
    let at = world
        .upstream(|seen: Seen| async move {
            if let Some(answer) = strict(&seen) {
                return answer;
            }
            let answers = seen.json()["params"].get("inputResponses").cloned();
            let result = match answers {
                None => json!({"resultType": "input_required", "inputRequests": elicitation()}),
                Some(given) => json!({"content": [{"type": "text", "text": given.to_string()}]}),
            };
            seen.result(&result)
        })
        .await;
    world.server("shop", at, &[("a", "read")]);
    let agent = world.grant("agent", &[("shop", Some(allow_all()))]);
    world.gateway(|_| {}).await;
    world.gateway(|_| {}).await;
    world.speak(true, false).await;
    let session = open(&world, &agent, json!({"elicitation": {}})).await;
    let headers = [("mcp-session-id", session.as_str())];
    world.gateways.swap(0, 1);
    let body = call("a", json!({})).to_string();
    let mut response = world.open(Method::POST, &agent, &headers, body).await;
    let asked = message(response.body_mut()).await.unwrap();
    world.gateways.swap(0, 1);
    let answer = json!({"jsonrpc": "2.0", "id": asked["id"], "result": {"action": "decline"}});
    assert_eq!(world.post(&agent, &headers, &answer).await.status, 202);
    let told = message(response.body_mut()).await.unwrap();
    assert_eq!(told["result"]["content"][0]["text"], r#"{"name":{"action":"decline"}}"#);
}

/// The mistake numbered 25 in the protocol notes: seen in mcp-remote#309 and railway cli#1172.
/// Requests that were made for a stateless server lacked the headers that it insists on (railway
/// cli#1172, mcp-remote#309).
#[tokio::test]
async fn mistake_25_a_bridged_request_lacks_the_headers_that_its_server_insists_on() {
    let (world, agent) = world(allow_all(), |seen| {
        let list = match seen.json()["method"].as_str() {
            Some("prompts/list") => json!({"prompts": []}),
            _ => json!({"messages": [], "contents": [], "content": []}),
        };
        seen.result(&list)
    })
    .await;
    let session = open(&world, &agent, json!({})).await;
    let headers = [("mcp-session-id", session.as_str())];
    for (method, params) in [
        ("tools/call", json!({"name": "a"})),
        ("prompts/get", json!({"name": "Gr\u{fc}\u{df}e"})),
        ("resources/read", json!({"uri": "x://1"})),
        ("prompts/list", json!({})),
        (
            "completion/complete",
            json!({"ref": {"type": "ref/prompt", "name": "p"}, "argument": {}}),
        ),
    ] {
        let message = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let answered = world.post(&agent, &headers, &message).await;
        assert!(answered.json["result"].is_object(), "{method}: {}", answered.text);
    }
}

#[tokio::test]
async fn a_tool_that_wants_other_headers_by_now_is_read_anew_and_not_called_twice() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let (world, agent) = world(allow_all(), move |seen| {
        counted.fetch_add(1, Ordering::SeqCst);
        let error = json!({"jsonrpc": "2.0", "id": seen.json()["id"], "error": {"code": -32020, "message": "m"}});
        reply(400, "application/json", error.to_string())
    })
    .await;
    world.publish(|organisation| organisation.servers[0].tools_at = None).await;
    let session = open(&world, &agent, json!({})).await;
    let refused = world.call(&agent, &session, "a", json!({})).await;
    assert!(refused.tool_text().contains("Repeat the call"), "{}", refused.text);
    assert_eq!(calls.load(Ordering::SeqCst), 1);
    assert_eq!(world.source.refreshes.load(Ordering::SeqCst), 1);
}
