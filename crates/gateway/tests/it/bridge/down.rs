//! Stateless clients at servers with sessions.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::response::Response;
use http::Method;
use serde_json::{Value, json};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

use super::{message, soon, written_to};
use crate::world::{
    Agent, Reply, SHOP_TOOLS, Seen, World, allow_all, borrowed, call, events, list, modern, reply,
};

/// A server with sessions, watched: it opens `s0`, `s1` …, and a script answers the rest.
#[derive(Clone)]
struct Legacy {
    opened: Arc<Mutex<Vec<Value>>>,
    /// Sessions that it has forgotten.
    gone: Arc<Mutex<Vec<String>>>,
    told: UnboundedSender<Value>,
}

impl Legacy {
    fn new() -> (Self, UnboundedReceiver<Value>) {
        let (told, heard) = mpsc::unbounded_channel();
        (Self { opened: Arc::default(), gone: Arc::default(), told }, heard)
    }

    fn session(seen: &Seen) -> String {
        let id = seen.headers.get("mcp-session-id").map(|id| id.to_str().unwrap());
        id.unwrap_or_default().to_owned()
    }

    /// Handles what every such server does; none for what the script answers.
    fn handle(&self, seen: &Seen) -> Option<Response> {
        let message = seen.json();
        if message["method"] == "initialize" {
            let mut opened = self.opened.lock().unwrap();
            let mut answer = seen.result(&json!({
                "protocolVersion": "2025-06-18",
                "capabilities": {"tools": {"listChanged": true}, "tasks": {},
                    "resources": {"subscribe": true}},
                "serverInfo": {"name": "old", "version": "1"},
                "instructions": "Be kind."}));
            let id = format!("s{}", opened.len());
            answer.headers_mut().insert("mcp-session-id", id.parse().unwrap());
            opened.push(message["params"].clone());
            return Some(answer);
        }
        let session = Self::session(seen);
        if seen.method == Method::DELETE {
            self.told.send(json!({"deleted": session})).unwrap();
            return Some(reply(200, "text/plain", ""));
        }
        if self.gone.lock().unwrap().contains(&session) {
            return Some(reply(404, "text/plain", ""));
        }
        assert_eq!(seen.headers["mcp-protocol-version"], "2025-06-18");
        for name in seen.headers.keys() {
            assert!(!["mcp-method", "mcp-name"].contains(&name.as_str()), "{name}");
        }
        let is_request = message.get("id").is_some() && message.get("method").is_some();
        if seen.method == Method::POST && !is_request {
            if message["method"] != "notifications/initialized" {
                self.told.send(message).unwrap();
            }
            return Some(reply(202, "text/plain", ""));
        }
        None
    }
}

/// A world whose `shop` has sessions and a script for its calls.
async fn world(
    policy: Value,
    script: impl Fn(Seen) -> Response + Clone + Send + Sync + 'static,
) -> (World, Agent, Legacy, UnboundedReceiver<Value>) {
    let (legacy, heard) = Legacy::new();
    let server = legacy.clone();
    let (world, agent) = World::with_upstream(policy, &["a", "b"], move |seen: Seen| {
        let answer = server.handle(&seen).unwrap_or_else(|| script(seen));
        async move { answer }
    })
    .await;
    world.speak(false, true).await;
    (world, agent, legacy, heard)
}

fn asking(what: &Value) -> Value {
    let mut message = call("a", json!({"n": 1.50}));
    message["params"]["_meta"] = json!({"io.modelcontextprotocol/clientCapabilities": what});
    message
}

#[tokio::test]
async fn the_shop_is_served_whatever_it_speaks() {
    let policy = json!({"version": "1", "default": "allow", "hide": ["refund_charge"]});
    let (world, agent, shop) = World::with_shop(policy).await;
    world.speak(false, true).await;
    let found =
        world.ask(&agent, json!({"jsonrpc": "2.0", "id": "d", "method": "server/discover"})).await;
    let result = &found.json["result"];
    assert_eq!(result["supportedVersions"], json!(["2026-07-28"]));
    assert_eq!(result["_meta"]["io.modelcontextprotocol/serverInfo"]["name"], "lantern-supply");
    assert_eq!(
        (&result["resultType"], &result["cacheScope"], &found.json["id"]),
        (&json!("complete"), &json!("private"), &json!("d"))
    );
    let listed = world.ask(&agent, list("tools")).await;
    assert_eq!(listed.names("tools", "name").len(), SHOP_TOOLS.len() - 1);
    assert_eq!(listed.json["result"]["cacheScope"], "private");
    let called = world.ask(&agent, call("list_customers", json!({}))).await;
    assert_eq!((&called.json["id"], shop.total()), (&json!(7), 1));
    assert_eq!(called.json["result"]["resultType"], "complete", "{}", called.text);
    let hidden = world.ask(&agent, call("refund_charge", json!({}))).await;
    assert_eq!(hidden.json["error"]["message"], "Unknown tool: refund_charge");
    let read = json!({"jsonrpc": "2.0", "id": 1, "method": "resources/read", "params": {"uri": "shop://policy"}});
    let read = world.ask(&agent, read).await;
    assert_eq!(
        (&read.json["result"]["ttlMs"], &read.json["result"]["cacheScope"]),
        (&json!(0), &json!("private"))
    );
    let absent = json!({"jsonrpc": "2.0", "id": 1, "method": "resources/read", "params": {"uri": "shop://no"}});
    assert_eq!(world.ask(&agent, absent).await.json["error"]["code"], -32602);
    assert_eq!(shop.total(), 1);
    assert_eq!(world.records.count(6).await.len(), 6, "each call is recorded");
}

#[tokio::test]
async fn what_is_forwarded_is_what_was_judged_without_the_words_of_the_era() {
    let (bodies, mut seen) = mpsc::unbounded_channel();
    let (world, agent, _, _) = world(allow_all(), move |seen| {
        bodies.send(String::from_utf8(seen.body.to_vec()).unwrap()).unwrap();
        seen.result(&json!({"content": [], "resultType": "input_required", "inputRequests": {}}))
    })
    .await;
    let headers = [
        ("mcp-protocol-version", "2026-07-28"),
        ("mcp-method", "tools/call"),
        ("mcp-name", "a"),
        ("mcp-param-x", "y"),
    ];
    let body = r#"{"jsonrpc":"2.0","x":{"y":1},"id":"caller","method":"tools/call","params":{ "arguments" : {"n":1.50e0,"Name":"b","t":"\u0062"}, "name":"a","_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","progressToken":7,"io.modelcontextprotocol/clientCapabilities":{},"own/key":[1]}}}"#;
    let called = world.post_raw(&agent, &headers, body).await;
    assert_eq!(called.json["id"], "caller", "{}", called.text);
    assert_eq!(called.json["result"]["resultType"], "complete");
    let forwarded = soon(seen.recv()).await.unwrap();
    let number = serde_json::from_str::<Value>(&forwarded).unwrap()["id"].as_u64().unwrap();
    let expected = format!(
        r#"{{"jsonrpc":"2.0","x":{{"y":1}},"id":{number},"method":"tools/call","params":{{"arguments":{{"n":1.50e0,"Name":"b","t":"\u0062"}},"name":"a","_meta":{{"progressToken":7,"own/key":[1]}}}}}}"#
    );
    assert_eq!(forwarded, expected);
    world.ask(&agent, call("b", json!({}))).await;
    let other = soon(seen.recv()).await.unwrap();
    let other = serde_json::from_str::<Value>(&other).unwrap();
    assert_ne!(other["id"].as_u64().unwrap(), number, "no two requests share an id");
    assert!(other["params"].get("_meta").is_none(), "{other}");
}

#[tokio::test]
async fn policy_and_limits_hold_over_a_bridge() {
    let policy = json!({"version": "1", "default": "deny", "tools": {"a": {
        "limits": [{"counter": "c", "window": "day", "max": 1}],
        "deny_if": [{"conditions": [{"path": "args.n", "op": "gt", "value": 5}], "on_deny": "Too much."}],
    }}});
    let (calls, mut seen) = mpsc::unbounded_channel();
    let (world, agent, _, _) = world(policy, move |seen| {
        calls.send(seen.json()["params"].clone()).unwrap();
        seen.result(&json!({"content": []}))
    })
    .await;
    let denied = world.ask(&agent, call("b", json!({}))).await;
    assert_eq!(denied.decision()["outcome"], "denied", "{}", denied.text);
    assert_eq!(denied.json["result"]["resultType"], "complete");
    let denied = world.ask(&agent, call("a", json!({"n": 6}))).await;
    assert_eq!(denied.tool_text(), "[POLICY DENIED] Too much.");
    assert!(world.ask(&agent, call("a", json!({"n": 1}))).await.json["result"].is_object());
    let limited = world.ask(&agent, call("a", json!({"n": 1}))).await;
    assert_eq!(limited.decision()["outcome"], "limited", "{}", limited.text);
    assert_eq!(soon(seen.recv()).await.unwrap(), json!({"name": "a", "arguments": {"n": 1}}));
    assert!(seen.try_recv().is_err(), "what is refused goes nowhere");
}

#[tokio::test]
async fn a_hidden_session_is_one_grants_own_and_is_opened_anew_when_forgotten() {
    let (world, agent, legacy, mut heard) = world(allow_all(), |seen| {
        let session = Legacy::session(&seen);
        seen.result(&json!({"content": [{"type": "text", "text": session}]}))
    })
    .await;
    let other = world.grant("other", &[("shop", Some(allow_all()))]);
    world.publish(|_| {}).await;
    let calls = (0..5).map(|_| world.ask(&agent, call("a", json!({}))));
    for called in futures_util::future::join_all(calls).await {
        assert_eq!(called.tool_text(), "s0", "{}", called.text);
    }
    assert_eq!(world.ask(&other, call("a", json!({}))).await.tool_text(), "s1");
    let able = asking(&json!({"sampling": {}, "unknown": {}}));
    assert_eq!(world.ask(&agent, able).await.tool_text(), "s2");
    let opened = legacy.opened.lock().unwrap().clone();
    assert_eq!(opened[0]["capabilities"], json!({}));
    assert_eq!(opened[2]["capabilities"], json!({"sampling": {}}));
    assert_eq!(opened[0]["clientInfo"]["name"], "drawbridge");
    legacy.gone.lock().unwrap().push("s0".to_owned());
    assert_eq!(world.ask(&agent, call("a", json!({}))).await.tool_text(), "s3");
    legacy.gone.lock().unwrap().extend((3..9).map(|n| format!("s{n}")));
    let lost = world.ask(&agent, call("a", json!({}))).await;
    assert_eq!(lost.status, 200, "a stateless client knows of no session: {}", lost.text);
    assert_eq!(lost.decision()["outcome"], "upstream_error");
    assert!(heard.try_recv().is_err(), "a forgotten session is not ended again");
}

#[tokio::test]
async fn an_unused_hidden_session_is_ended() {
    let (legacy, mut heard) = Legacy::new();
    let mut world = World::empty();
    let server = legacy.clone();
    let at = world
        .upstream(move |seen: Seen| {
            let answer =
                server.handle(&seen).unwrap_or_else(|| seen.result(&json!({"content": []})));
            async move { answer }
        })
        .await;
    world.server("shop", at, &[("a", "read")]);
    let agent = world.grant("agent", &[("shop", Some(allow_all()))]);
    world.gateway(|settings| settings.bridge_idle = Duration::from_millis(100)).await;
    world.speak(false, true).await;
    world.ask(&agent, call("a", json!({}))).await;
    assert_eq!(soon(heard.recv()).await.unwrap(), json!({"deleted": "s0"}));
}

#[tokio::test]
async fn what_is_said_on_the_way_is_told_as_far_as_it_was_asked_for() {
    let (world, agent, _, mut heard) = world(allow_all(), |seen| {
        let id = seen.json()["id"].clone();
        let log = |level| json!({"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": level, "data": level}});
        events(&[
            json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progressToken": "p", "progress": 1}}),
            log("debug"),
            log("error"),
            json!({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"}),
            json!({"jsonrpc": "2.0", "id": 77, "method": "ping"}),
            json!({"jsonrpc": "2.0", "id": 78, "method": "roots/list"}),
            json!({"jsonrpc": "2.0", "id": id, "result": {"content": []}}),
        ])
    })
    .await;
    let mut message = call("a", json!({}));
    message["params"]["_meta"] =
        json!({"progressToken": "p", "io.modelcontextprotocol/logLevel": "warning"});
    let called = world.ask(&agent, message).await;
    let told: Vec<_> = called.text.lines().filter_map(|line| line.strip_prefix("data:")).collect();
    assert_eq!(told.len(), 3, "{}", called.text);
    assert!(told[0].contains("progressToken") && told[1].contains("\"error\""));
    assert_eq!((&called.json["id"], &called.json["result"]["content"]), (&json!(7), &json!([])));
    let pong = soon(heard.recv()).await.unwrap();
    assert_eq!((&pong["id"], &pong["result"]), (&json!(77), &json!({})));
    let refused = soon(heard.recv()).await.unwrap();
    assert_eq!((&refused["id"], &refused["error"]["code"]), (&json!(78), &json!(-32601)));
    let quiet = world.ask(&agent, call("a", json!({}))).await;
    assert_eq!(quiet.text.matches("data:").count(), 1, "{}", quiet.text);
    let (mut headers, message) = modern(call("a", json!({})));
    headers.push(("accept", "application/json".to_owned()));
    let whole = world.post(&agent, &borrowed(&headers), &message).await;
    assert_eq!(whole.headers["content-type"], "application/json");
    assert_eq!(whole.json["result"]["resultType"], "complete", "{}", whole.text);
}

#[tokio::test]
async fn errors_are_told_in_the_words_of_the_era() {
    let (world, agent, _, _) = world(allow_all(), |seen| {
        let code = seen.json()["params"]["arguments"]["code"].clone();
        let error = json!({"jsonrpc": "2.0", "id": seen.json()["id"], "error": {"code": code, "message": "m"}});
        let status = if code == -32000 { 400 } else { 200 };
        reply(status, "application/json", error.to_string())
    })
    .await;
    for (code, other, status) in
        [(-32002, -32602, 200), (-32601, -32601, 404), (-32042, -31004, 200), (-32000, -32000, 200)]
    {
        let failed = world.ask(&agent, call("a", json!({"code": code}))).await;
        assert_eq!((failed.status, &failed.json["error"]["code"]), (status, &json!(other)));
        assert_eq!(failed.json["id"], 7);
    }
}

/// How a message is spoilt.
type Change = Box<dyn Fn(&mut Value)>;
/// The stream of a call, and the call's id at the server.
type Open = Arc<Mutex<Option<(UnboundedSender<Value>, Value)>>>;

/// A server whose tool asks something before it answers.
async fn curious(
    policy: Value,
    method: &'static str,
) -> (World, Agent, UnboundedReceiver<Value>, Open) {
    let open = Open::default();
    let streams = Arc::clone(&open);
    let (world, agent, _, heard) = world(policy, move |seen| {
        let (sender, receiver) = mpsc::unbounded_channel();
        let ask = json!({"jsonrpc": "2.0", "id": "up-1", "method": method,
            "params": {"message": "Sure?", "requestedSchema": {"type": "object"}}});
        sender.send(ask).unwrap();
        *streams.lock().unwrap() = Some((sender, seen.json()["id"].clone()));
        written_to(receiver)
    })
    .await;
    (world, agent, heard, open)
}

/// Ends such a call.
fn finish(open: &Open, text: &str) {
    let (sender, id) = open.lock().unwrap().take().unwrap();
    let result = json!({"content": [{"type": "text", "text": text}]});
    sender.send(json!({"jsonrpc": "2.0", "id": id, "result": result})).unwrap();
}

/// The same call, with an answer to what was asked.
fn again(first: &Reply, answers: &Value, change: impl FnOnce(&mut Value)) -> Value {
    let mut message = asking(&json!({"elicitation": {}}));
    message["id"] = json!("second");
    message["params"]["inputResponses"] = answers.clone();
    message["params"]["requestState"] = first.json["result"]["requestState"].clone();
    change(&mut message);
    message
}

#[tokio::test]
async fn a_question_in_the_middle_is_input_required_and_its_answer_goes_on() {
    let (world, agent, mut heard, open) = curious(allow_all(), "elicitation/create").await;
    let first = world.ask(&agent, asking(&json!({"elicitation": {}}))).await;
    let result = &first.json["result"];
    assert_eq!((&first.json["id"], &result["resultType"]), (&json!(7), &json!("input_required")));
    assert_eq!(result["inputRequests"]["1"]["method"], "elicitation/create");
    assert_eq!(result["inputRequests"]["1"]["params"]["message"], "Sure?");
    let yes = json!({"1": {"action": "accept", "content": {"n": 1.0}}});
    let other = world.grant("other", &[("shop", Some(allow_all()))]);
    world.publish(|_| {}).await;
    let spoilt: [(&Agent, &Value, Change); 5] = [
        (&other, &yes, Box::new(|_| {})),
        (&agent, &yes, Box::new(|m| m["params"]["arguments"]["n"] = json!(2))),
        (&agent, &yes, Box::new(|m| m["params"]["name"] = json!("b"))),
        (&agent, &yes, Box::new(|m| m["params"]["requestState"] = json!("made up"))),
        (&agent, &Value::Null, Box::new(|_| {})),
    ];
    for (who, answers, change) in spoilt {
        let refused = world.ask(who, again(&first, answers, change)).await;
        assert_eq!(refused.json["error"]["code"], -32602, "{}", refused.text);
    }
    assert!(heard.try_recv().is_err(), "the server hears of none of that");
    // The number form and the order of keys do not matter.
    let same = |m: &mut Value| m["params"]["arguments"] = json!({"n": 1.5});
    let message = again(&first, &yes, same);
    let second = world.ask(&agent, message);
    let answer = async {
        let told = soon(heard.recv()).await.unwrap();
        assert_eq!(told["id"], "up-1");
        assert_eq!(told["result"], yes["1"]);
        finish(&open, "done");
    };
    let (second, ()) = tokio::join!(second, answer);
    assert_eq!((second.tool_text(), &second.json["id"]), ("done", &json!("second")));
    assert_eq!(second.json["result"]["resultType"], "complete");
    let replayed = world.ask(&agent, again(&first, &yes, |_| {})).await;
    assert_eq!(replayed.json["error"]["code"], -32602, "an answer is good once");
}

#[tokio::test]
async fn a_question_that_is_not_allowed_or_not_understood_is_refused_to_the_server() {
    let policy = json!({"version": "1", "default": "allow",
        "server_requests": {"sampling": "deny"}});
    for (policy, method, able, code) in [
        (allow_all(), "elicitation/create", json!({}), -32601),
        (allow_all(), "sampling/createMessage", json!({"elicitation": {}}), -32601),
        (policy, "sampling/createMessage", json!({"sampling": {}}), -31001),
    ] {
        let (world, agent, mut heard, open) = curious(policy, method).await;
        let called = world.ask(&agent, asking(&able));
        let answer = async {
            let told = soon(heard.recv()).await.unwrap();
            assert_eq!((&told["id"], &told["error"]["code"]), (&json!("up-1"), &json!(code)));
            finish(&open, "without");
        };
        let (called, ()) = tokio::join!(called, answer);
        assert_eq!(called.tool_text(), "without", "{}", called.text);
    }
}

#[tokio::test]
async fn a_policy_that_changed_meanwhile_is_the_one_that_counts() {
    let (world, agent, mut heard, _open) = curious(allow_all(), "elicitation/create").await;
    let first = world.ask(&agent, asking(&json!({"elicitation": {}}))).await;
    assert_eq!(first.json["result"]["resultType"], "input_required", "{}", first.text);
    world
        .publish(|organisation| {
            let policy = &mut organisation.policies[0];
            policy.version += 1;
            policy.document = json!({"version": "1", "default": "deny"}).to_string().into();
        })
        .await;
    let yes = json!({"1": {"action": "accept"}});
    let refused = world.ask(&agent, again(&first, &yes, |_| {})).await;
    assert_eq!(refused.decision()["outcome"], "denied", "{}", refused.text);
    assert!(heard.try_recv().is_err());
}

#[tokio::test]
async fn a_server_that_forgot_what_it_asked_is_told_of() {
    // The stream stays open, and silent.
    let open = Arc::new(Mutex::new(Vec::new()));
    let (world, agent, legacy, _heard) = world(allow_all(), move |_| {
        let (sender, receiver) = mpsc::unbounded_channel();
        sender.send(json!({"jsonrpc": "2.0", "id": 1, "method": "elicitation/create"})).unwrap();
        open.lock().unwrap().push(sender);
        written_to(receiver)
    })
    .await;
    let first = world.ask(&agent, asking(&json!({"elicitation": {}}))).await;
    legacy.gone.lock().unwrap().push("s0".to_owned());
    let yes = json!({"1": {"action": "accept"}});
    let told = soon(world.ask(&agent, again(&first, &yes, |_| {}))).await;
    assert_eq!(told.decision()["outcome"], "upstream_error", "{}", told.text);
}

#[tokio::test]
async fn on_another_replica_the_answer_finds_nothing_and_says_so() {
    let (mut world, agent, _heard, _open) = curious(allow_all(), "elicitation/create").await;
    let first = world.ask(&agent, asking(&json!({"elicitation": {}}))).await;
    world.gateway(|_| {}).await;
    world.gateways.remove(0);
    let yes = json!({"1": {"action": "accept"}});
    let refused = world.ask(&agent, again(&first, &yes, |_| {})).await;
    let text = refused.json["error"]["message"].as_str().unwrap();
    assert!(text.contains("no longer held here"), "{}", refused.text);
}

#[tokio::test]
async fn a_client_that_hangs_up_cancels() {
    let (world, agent, mut heard, open) = curious(allow_all(), "ping").await;
    let (headers, body) = modern(call("a", json!({})));
    let mut response =
        world.open(Method::POST, &agent, &borrowed(&headers), body.to_string()).await;
    assert_eq!(response.status(), 200);
    let pong = tokio::select! {
        pong = soon(heard.recv()) => pong.unwrap(),
        _ = message(response.body_mut()) => panic!("nothing is said"),
    };
    assert_eq!(pong["id"], "up-1");
    drop(response);
    let told = soon(heard.recv()).await.unwrap();
    assert_eq!(told["method"], "notifications/cancelled");
    assert_eq!(told["params"]["requestId"], open.lock().unwrap().take().unwrap().1);
}

#[tokio::test]
async fn changes_are_listened_for_in_a_session_of_their_own() {
    let open: Arc<Mutex<Option<UnboundedSender<Value>>>> = Arc::default();
    let streams = Arc::clone(&open);
    let (world, agent, legacy, mut heard) = world(allow_all(), move |seen| {
        if seen.method == Method::GET {
            let (sender, receiver) = mpsc::unbounded_channel();
            *streams.lock().unwrap() = Some(sender);
            return written_to(receiver);
        }
        assert_eq!(seen.json()["method"], "resources/subscribe");
        seen.result(&json!({}))
    })
    .await;
    let listen = json!({"jsonrpc": "2.0", "id": "sub", "method": "subscriptions/listen", "params":
        {"notifications": {"toolsListChanged": true, "promptsListChanged": true, "resourceSubscriptions": ["x://1"]}}});
    let (headers, listen) = modern(listen);
    let mut response =
        world.open(Method::POST, &agent, &borrowed(&headers), listen.to_string()).await;
    let body = response.body_mut();
    let first = message(body).await.unwrap();
    assert_eq!(first["method"], "notifications/subscriptions/acknowledged");
    assert_eq!(
        first["params"]["notifications"],
        json!({"toolsListChanged": true, "resourceSubscriptions": ["x://1"]})
    );
    let sender = open.lock().unwrap().take().unwrap();
    let updated = |uri| json!({"jsonrpc": "2.0", "method": "notifications/resources/updated", "params": {"uri": uri}});
    for told in [
        json!({"jsonrpc": "2.0", "method": "notifications/prompts/list_changed"}),
        json!({"jsonrpc": "2.0", "id": 5, "method": "roots/list"}),
        updated("x://2"),
        updated("x://1"),
        json!({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"}),
    ] {
        sender.send(told).unwrap();
    }
    for method in ["notifications/resources/updated", "notifications/tools/list_changed"] {
        let told = message(body).await.unwrap();
        assert_eq!(told["method"], method);
        let mark = &told["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"];
        assert_eq!(
            (mark, &first["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"]),
            (&json!("sub"), &json!("sub"))
        );
    }
    assert_eq!(soon(heard.recv()).await.unwrap()["error"]["code"], -32601);
    drop(sender);
    let ended = message(body).await.unwrap();
    assert_eq!((&ended["id"], &ended["result"]["resultType"]), (&json!("sub"), &json!("complete")));
    assert_eq!(message(body).await, None);
    assert_eq!(soon(heard.recv()).await.unwrap(), json!({"deleted": "s0"}));
    assert_eq!(legacy.opened.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_stream_that_breaks_off_is_taken_up_again() {
    let number = Arc::new(AtomicU64::new(0));
    let (world, agent, _, _) = world(allow_all(), move |seen| {
        if seen.method == Method::GET {
            assert_eq!(seen.headers["last-event-id"], "e1");
            let id = number.load(Ordering::SeqCst);
            return events(&[json!({"jsonrpc": "2.0", "id": id, "result": {"content": [{"type": "text", "text": "later"}]}})]);
        }
        number.store(seen.json()["id"].as_u64().unwrap(), Ordering::SeqCst);
        reply(200, "text/event-stream", "id: e1\ndata:\n\n")
    })
    .await;
    assert_eq!(world.ask(&agent, call("a", json!({}))).await.tool_text(), "later");
}

#[tokio::test]
async fn a_page_to_visit_first_is_input_required_and_the_call_is_made_again() {
    let is_visited = Arc::new(AtomicBool::new(false));
    let (world, agent, _, _) = world(allow_all(), move |seen| {
        let id = seen.json()["id"].clone();
        assert!(seen.json()["params"].get("requestState").is_none());
        if !is_visited.swap(true, Ordering::SeqCst) {
            let error = json!({"jsonrpc": "2.0", "id": id, "error": {"code": -32042, "message": "m", "data":
                {"elicitations": [{"mode": "url", "url": "https://x.example/", "message": "Go.", "elicitationId": "e"}]}}});
            return reply(200, "application/json", error.to_string());
        }
        seen.result(&json!({"content": [{"type": "text", "text": "done"}]}))
    })
    .await;
    let able = json!({"elicitation": {"url": {}}});
    let first = world.ask(&agent, asking(&able)).await;
    let asked = &first.json["result"]["inputRequests"]["1"];
    assert_eq!(asked["params"]["url"], "https://x.example/", "{}", first.text);
    let yes = json!({"1": {"action": "accept"}});
    let second = world.ask(&agent, again(&first, &yes, |_| {})).await;
    assert_eq!(second.tool_text(), "done", "{}", second.text);
}
