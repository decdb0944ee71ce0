//! Servers of the transport with two endpoints, behind the gateway: to clients they look like
//! any other.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use bytes::Bytes;
use domain::Transport;
use futures_util::stream;
use http::Method;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use crate::world::{Agent, Reply, World, allow_all, call, initialize, list, reply};

/// A server with two endpoints.
#[derive(Clone, Default)]
struct Old(Arc<State>);

#[derive(Default)]
struct State {
    streams: Mutex<HashMap<usize, UnboundedSender<Bytes>>>,
    last: AtomicUsize,
    open: AtomicUsize,
    seen: Mutex<Vec<Value>>,
    /// Where the stream says that messages go; a path of its own by default.
    endpoint: Mutex<Option<String>>,
    /// The question of each stream that waits for an answer, and the call that it belongs to.
    asked: Mutex<HashMap<usize, Value>>,
    /// It takes messages, and answers none.
    is_mute: Mutex<bool>,
}

/// Counts a stream as open until it is dropped.
struct Held(Old);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.0.open.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Old {
    /// Waits until the server has seen so many messages of this method; gives the last one.
    async fn sees(&self, method: &str, count: usize) -> Value {
        for _ in 0..200 {
            let seen = self.0.seen.lock().unwrap().clone();
            let mut seen = seen.into_iter().filter(|message| message["method"] == method);
            if let Some(message) = seen.nth(count - 1) {
                return message;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("the server never saw {count} {method}");
    }

    fn router(&self) -> Router {
        let old = self.clone();
        Router::new().fallback(move |request: Request| {
            let old = old.clone();
            async move {
                if request.method() == Method::GET { old.open() } else { old.take(request).await }
            }
        })
    }

    fn open(&self) -> Response {
        let id = self.0.last.fetch_add(1, Ordering::SeqCst) + 1;
        let (sender, receiver) = unbounded_channel();
        let own = format!("/message?sessionId={id}");
        let endpoint = self.0.endpoint.lock().unwrap().clone().unwrap_or(own);
        sender.send(format!("event: endpoint\ndata: {endpoint}\n\n").into()).unwrap();
        self.0.streams.lock().unwrap().insert(id, sender);
        self.0.open.fetch_add(1, Ordering::SeqCst);
        let state = (receiver, Held(self.clone()));
        let events = stream::unfold(state, |(mut receiver, held)| async move {
            receiver.recv().await.map(|bytes| (Ok::<_, Infallible>(bytes), (receiver, held)))
        });
        reply(200, "text/event-stream", Body::from_stream(events))
    }

    fn say(&self, stream: usize, message: &Value) {
        let event = format!("event: message\ndata: {message}\n\n");
        let _gone = self.0.streams.lock().unwrap()[&stream].send(event.into());
    }

    async fn take(&self, request: Request) -> Response {
        let query = request.uri().query().unwrap_or_default().to_owned();
        let id: usize = query.trim_start_matches("sessionId=").parse().unwrap();
        let body = request.into_body().collect().await.unwrap().to_bytes();
        let message: Value = serde_json::from_slice(&body).unwrap();
        self.0.seen.lock().unwrap().push(message.clone());
        let answer = |result: Value| {
            self.say(id, &json!({"jsonrpc": "2.0", "id": message["id"], "result": result}));
        };
        match message["method"].as_str() {
            _ if *self.0.is_mute.lock().unwrap() => {}
            Some("initialize") => answer(json!({"protocolVersion": "2024-11-05",
                "capabilities": {"tools": {}}, "serverInfo": {"name": "old", "version": "1"}})),
            Some("tools/list") => answer(json!({"tools": [{"name": "a"}, {"name": "secret"}]})),
            Some("tools/call") if message["params"]["arguments"]["ask"] == true => {
                self.0.asked.lock().unwrap().insert(id, message["id"].clone());
                self.say(
                    id,
                    &json!({"jsonrpc": "2.0", "id": "q", "method": "sampling/createMessage",
                    "params": {}}),
                );
            }
            Some("tools/call") if message["params"]["arguments"]["wait"] == true => {}
            Some("tools/call") => answer(json!({"content": [], "echo": message["params"]})),
            None if message["id"] == "q" => {
                let call = self.0.asked.lock().unwrap().remove(&id).unwrap();
                let result = json!({"content": [], "sampled": message["result"]});
                self.say(id, &json!({"jsonrpc": "2.0", "id": call, "result": result}));
            }
            _ => {}
        }
        reply(202, "text/plain", "Accepted")
    }

    fn is_open(&self) -> usize {
        self.0.open.load(Ordering::SeqCst)
    }

    async fn closes(&self) {
        for _ in 0..100 {
            if self.is_open() == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{} streams stay open", self.is_open());
    }
}

async fn behind_a_gateway(policy: Value) -> (World, Agent, Old) {
    let mut world = World::empty();
    let old = Old::default();
    let at = world.serve(old.router()).await;
    world.server("shop", at, &[("a", "read"), ("secret", "read")]);
    world.source.change(|organisation| {
        organisation.servers[0].transport = Transport::Sse;
        organisation.servers[0].url = format!("http://{at}/sse").parse().unwrap();
        organisation.servers[0].speaks_modern = false;
    });
    let agent = world.grant("agent", &[("shop", Some(policy))]);
    world.gateway(|_| {}).await;
    (world, agent, old)
}

async fn next(body: &mut Incoming) -> Value {
    loop {
        let frame = tokio::time::timeout(Duration::from_secs(5), body.frame()).await.unwrap();
        let text = frame.unwrap().unwrap().into_data().unwrap();
        let text = String::from_utf8(text.to_vec()).unwrap();
        if let Some(data) = text.lines().find_map(|line| line.strip_prefix("data: ")) {
            return serde_json::from_str(data).unwrap();
        }
    }
}

/// The path that an old server names for messages went to the client as it was (python-sdk#412,
/// ts-sdk#583, go-sdk#687), or its POST was refused for what it accepts (agentgateway#166).
#[tokio::test]
async fn mistake_23_the_endpoint_of_an_old_server_is_left_to_the_client() {
    let policy = json!({"version": "1", "default": "allow", "hide": ["secret"]});
    let (world, agent, old) = behind_a_gateway(policy).await;
    let session = world.initialize(&agent).await.unwrap();
    let headers = [("mcp-session-id", session.as_str())];
    assert_eq!(old.is_open(), 1);
    let listed = world.post(&agent, &headers, &list("tools")).await;
    assert_eq!(listed.names("tools", "name"), ["a"], "filtered like any list");
    assert_eq!(listed.json["id"], 8, "the client's own id comes back");
    let called = world.call(&agent, &session, "a", json!({"x": 1.5})).await;
    assert_eq!(called.json["result"]["echo"]["arguments"]["x"], 1.5, "{}", called.text);
    let hidden = world.call(&agent, &session, "secret", json!({})).await;
    assert_eq!(hidden.json["error"]["code"], -32602);
    let many = (0..20).map(|_| world.call(&agent, &session, "a", json!({})));
    for called in futures_util::future::join_all(many).await {
        assert_eq!((called.status, &called.json["id"]), (200, &json!(7)), "{}", called.text);
    }
    assert_eq!(old.is_open(), 1, "one stream carries them all");
    let ended = world.open(Method::DELETE, &agent, &headers, "").await;
    assert_eq!(ended.status(), 200);
    old.closes().await;
    assert_eq!(world.call(&agent, &session, "a", json!({})).await.status, 404);
}

#[tokio::test]
async fn what_such_a_server_asks_reaches_the_call_that_is_under_way() {
    let (world, agent, _) = behind_a_gateway(allow_all()).await;
    let session = world.initialize(&agent).await.unwrap();
    let headers = [("mcp-session-id", session.as_str())];
    let asking = call("a", json!({"ask": true})).to_string();
    let mut stream = world.open(Method::POST, &agent, &headers, asking).await;
    let question = next(stream.body_mut()).await;
    assert_eq!(question["method"], "sampling/createMessage");
    let answer = json!({"jsonrpc": "2.0", "id": question["id"], "result": {"text": "hi"}});
    assert_eq!(world.post(&agent, &headers, &answer).await.status, 202);
    let answered = next(stream.body_mut()).await;
    assert_eq!(
        (&answered["id"], &answered["result"]["sampled"]["text"]),
        (&json!(7), &json!("hi"))
    );
}

#[tokio::test]
async fn a_stateless_client_works_with_a_server_of_the_old_transport() {
    let policy = json!({"version": "1", "default": "allow", "hide": ["secret"]});
    let (world, agent, old) = behind_a_gateway(policy).await;
    let listed = world.ask(&agent, list("tools")).await;
    assert_eq!(listed.names("tools", "name"), ["a"], "{}", listed.text);
    let called = world.ask(&agent, call("a", json!({"x": 1.5}))).await;
    assert_eq!(called.json["result"]["echo"]["arguments"]["x"], 1.5, "{}", called.text);
    assert_eq!(old.is_open(), 1, "one hidden session carries them");
    let mut asking = call("a", json!({"ask": true}));
    asking["params"]["_meta"] =
        json!({"io.modelcontextprotocol/clientCapabilities": {"sampling": {}}});
    let first = world.ask(&agent, asking.clone()).await;
    let question = &first.json["result"]["inputRequests"]["1"];
    assert_eq!(question["method"], "sampling/createMessage", "{}", first.text);
    asking["params"]["requestState"] = first.json["result"]["requestState"].clone();
    asking["params"]["inputResponses"] = json!({"1": {"text": "hi"}});
    let second = world.ask(&agent, asking).await;
    assert_eq!(second.json["result"]["sampled"]["text"], "hi", "{}", second.text);
    world.publish(|organisation| organisation.grants[0].revoked = true).await;
    old.closes().await;
}

#[tokio::test]
async fn a_cancelled_request_is_named_as_the_server_knows_it() {
    let (world, agent, old) = behind_a_gateway(allow_all()).await;
    let session = world.initialize(&agent).await.unwrap();
    let headers = [("mcp-session-id", session.as_str())];
    let waiting = call("a", json!({"wait": true}));
    let waiting = world.post(&agent, &headers, &waiting);
    let cancel = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let note = json!({"jsonrpc": "2.0", "method": "notifications/cancelled",
            "params": {"requestId": 7}});
        assert_eq!(world.post(&agent, &headers, &note).await.status, 202);
    };
    tokio::select! { _ = waiting => panic!("nobody answers it"), () = cancel => {} }
    let seen = old.0.seen.lock().unwrap().clone();
    let [.., called, cancelled] = seen.as_slice() else { panic!("{seen:?}") };
    assert_eq!(cancelled["params"]["requestId"], called["id"]);
}

#[tokio::test]
async fn an_endpoint_of_another_origin_is_refused() {
    let (world, agent, old) = behind_a_gateway(allow_all()).await;
    for foreign in ["http://127.0.0.1:1/message", "//evil.example/x", "https://evil.example/"] {
        *old.0.endpoint.lock().unwrap() = Some(foreign.to_owned());
        let refused = world.post(&agent, &[], &initialize()).await;
        assert_eq!(refused.json["error"]["code"], -31004, "{foreign}: {}", refused.text);
    }
    assert!(old.0.seen.lock().unwrap().is_empty());
    old.closes().await;
}

#[tokio::test]
async fn a_held_stream_ends_with_its_grant_and_with_the_gateway() {
    for by_revoking in [true, false] {
        let (world, agent, old) = behind_a_gateway(allow_all()).await;
        let session = world.initialize(&agent).await.unwrap();
        assert_eq!(world.call(&agent, &session, "a", json!({})).await.status, 200);
        assert_eq!(old.is_open(), 1);
        if by_revoking {
            world.publish(|organisation| organisation.grants[0].revoked = true).await;
        } else {
            world.gateways[0].0.close();
        }
        old.closes().await;
    }
}

#[tokio::test]
async fn a_server_that_hangs_up_ends_what_waits_and_the_session() {
    let (world, agent, old) = behind_a_gateway(allow_all()).await;
    let session = world.initialize(&agent).await.unwrap();
    let waiting = world.call(&agent, &session, "a", json!({"wait": true}));
    let hang_up = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        old.0.streams.lock().unwrap().clear();
    };
    let (failed, ()) = tokio::join!(waiting, hang_up);
    assert!(failed.tool_text().starts_with("[UPSTREAM ERROR]"), "{}", failed.text);
    assert_eq!(world.call(&agent, &session, "a", json!({})).await.status, 404);
}

#[tokio::test]
async fn news_that_are_for_no_call_reach_whoever_listens() {
    let (world, agent, old) = behind_a_gateway(allow_all()).await;
    let session = world.initialize(&agent).await.unwrap();
    let changed = json!({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"});
    old.say(1, &changed);
    let headers = [("mcp-session-id", session.as_str()), ("accept", "text/event-stream")];
    let mut stream = world.open(Method::GET, &agent, &headers, "").await;
    assert_eq!(stream.status(), 200);
    assert_eq!(next(stream.body_mut()).await, changed, "kept until somebody listens");
    old.say(1, &changed);
    assert_eq!(next(stream.body_mut()).await, changed);
}

#[tokio::test]
async fn such_a_server_is_one_of_many_behind_the_address_of_all() {
    let (world, agent, old) = behind_a_gateway(allow_all()).await;
    let agent = agent.at_tenant();
    let session = world.initialize(&agent).await.unwrap();
    let headers = [("mcp-session-id", session.as_str())];
    let lists = (0..5).map(|_| async { world.post(&agent, &headers, &list("tools")).await });
    for listed in futures_util::future::join_all(lists).await {
        assert_eq!(listed.names("tools", "name"), ["shop__a", "shop__secret"], "{}", listed.text);
    }
    let called: Reply = world.call(&agent, &session, "shop__a", json!({})).await;
    assert_eq!(called.json["result"]["echo"]["name"], "a", "{}", called.text);
    assert_eq!(old.is_open(), 1);
    let _ended = world.open(Method::DELETE, &agent, &headers, "").await;
    old.closes().await;
}

fn askable(mut message: Value) -> Value {
    message["params"]["_meta"] =
        json!({"io.modelcontextprotocol/clientCapabilities": {"sampling": {}}});
    message
}

#[tokio::test]
async fn a_question_reaches_the_one_call_that_it_is_about() {
    let (world, agent, old) = behind_a_gateway(allow_all()).await;
    let waiting = || world.ask(&agent, askable(call("a", json!({"wait": true}))));
    let first = async {
        let asked = waiting().await;
        assert_eq!(asked.json["result"]["resultType"], "input_required", "{}", asked.text);
        let question = &asked.json["result"]["inputRequests"]["1"];
        assert_eq!(question["params"]["about"], "the first", "{}", asked.text);
    };
    let second = async {
        old.sees("tools/call", 1).await;
        waiting().await
    };
    let asking = async {
        old.sees("tools/call", 2).await;
        let params = json!({"about": "the first", "messages": []});
        let question = json!({"jsonrpc": "2.0", "id": "q", "method": "sampling/createMessage",
            "params": params});
        old.say(1, &question);
        std::future::pending::<()>().await;
    };
    let in_time = tokio::time::timeout(Duration::from_secs(5), async {
        tokio::select! {
            () = first => {}
            other = second => panic!("the other call got it: {}", other.text),
            () = asking => {}
        }
    });
    in_time.await.unwrap();
}

#[tokio::test]
async fn hanging_up_on_a_stateless_call_cancels_it_at_the_server() {
    let (world, agent, old) = behind_a_gateway(allow_all()).await;
    let called = {
        let waiting = world.ask(&agent, call("a", json!({"wait": true})));
        tokio::select! {
            _ = waiting => panic!("nobody answers it"),
            called = old.sees("tools/call", 1) => called,
        }
    };
    let cancelled = old.sees("notifications/cancelled", 1).await;
    assert_eq!(cancelled["params"]["requestId"], called["id"]);
}

#[tokio::test]
async fn a_client_that_hangs_up_while_it_initializes_leaves_no_stream_behind() {
    let (world, agent, old) = behind_a_gateway(allow_all()).await;
    *old.0.is_mute.lock().unwrap() = true;
    {
        let hello = initialize();
        let greeting = world.post(&agent, &[], &hello);
        tokio::select! {
            _ = greeting => panic!("nobody answers it"),
            _ = old.sees("initialize", 1) => {}
        }
    }
    old.closes().await;
}
