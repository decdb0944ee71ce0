//! Mistakes 12 to 17: streams that are held back, cut off, doubled, or shown to the wrong client.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::Method;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};

use super::{Log, event, frame, header, message_of, obliging, scripted, written_to};
use crate::world::{Agent, Seen, World, allow_all, call, events, list, reply};

/// A server whose stream a test writes, and what it saw.
async fn spoken_to(keep_alive: Duration) -> (World, Agent, UnboundedSender<String>, Log) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let receiver: Arc<Mutex<Option<UnboundedReceiver<String>>>> =
        Arc::new(Mutex::new(Some(receiver)));
    let (log, mut world) = (Log::default(), World::empty());
    let noted = log.clone();
    let at = world
        .upstream(move |seen: Seen| {
            noted.note(&seen);
            let is_answer = seen.json().get("method").is_none() && seen.method == Method::POST;
            let receiver = if is_answer { None } else { receiver.lock().unwrap().take() };
            async move {
                match receiver {
                    Some(receiver) => written_to(receiver),
                    None => obliging(&seen),
                }
            }
        })
        .await;
    world.server("shop", at, &[("a", "read"), ("secret", "read")]);
    let hides = json!({"version": "1", "default": "allow", "hide": ["secret"]});
    let agent = world.grant("agent", &[("shop", Some(hides))]);
    world
        .gateway(|settings| {
            settings.keep_alive = keep_alive;
            settings.call_deadline = Duration::from_millis(300);
            settings.list_deadline = Duration::from_millis(300);
        })
        .await;
    (world, agent, sender, log)
}

fn progress() -> Value {
    json!({"jsonrpc": "2.0", "method": "notifications/progress",
        "params": {"progressToken": 1, "progress": 1}})
}

/// The whole stream was read before any of it was passed on (Kuadrant#328, wso2#2962), so that a
/// server that asked and waited for the answer waited for ever (wso2#2968).
#[tokio::test]
async fn mistake_12_a_stream_is_held_until_it_ends() {
    let (world, agent, sender, log) = spoken_to(Duration::from_mins(1)).await;
    let body = call("a", json!({})).to_string();
    let mut response = world.open(Method::POST, &agent, &[], body).await;
    let ask = json!({"jsonrpc": "2.0", "id": 1, "method": "elicitation/create",
        "params": {"message": "Sure?"}});
    sender.send(event(&ask)).unwrap();
    let asked = message_of(&frame(response.body_mut()).await.unwrap());
    assert_eq!(asked["params"], ask["params"]);
    let answer = json!({"jsonrpc": "2.0", "id": asked["id"], "result": {"action": "accept"}});
    assert_eq!(world.post(&agent, &[], &answer).await.status, 202);
    let heard = log.all().last().unwrap().json();
    assert_eq!((&heard["id"], &heard["result"]), (&json!(1), &answer["result"]));
    // Only now does the server go on.
    let done = json!({"jsonrpc": "2.0", "id": 7, "result": {"content": []}});
    sender.send(event(&done)).unwrap();
    assert_eq!(message_of(&frame(response.body_mut()).await.unwrap()), done);
}

/// The hop that filters lists buffered what came before the list (mcp-gateway-registry#1460).
#[tokio::test]
async fn mistake_12_a_stream_with_a_list_in_it_is_held_until_it_ends() {
    let (world, agent, sender, _) = spoken_to(Duration::from_mins(1)).await;
    let mut response = world.open(Method::POST, &agent, &[], list("tools").to_string()).await;
    sender.send(event(&progress())).unwrap();
    assert_eq!(message_of(&frame(response.body_mut()).await.unwrap()), progress());
    let tools = json!({"jsonrpc": "2.0", "id": 8,
        "result": {"tools": [{"name": "secret"}, {"name": "a"}]}});
    let whole = event(&tools);
    let (one, two) = whole.split_at(60);
    sender.send(one.to_owned()).unwrap();
    sender.send(two.to_owned()).unwrap();
    let shown = message_of(&frame(response.body_mut()).await.unwrap());
    assert_eq!(shown["result"]["tools"], json!([{"name": "a"}]));
}

/// A time-out meant for answers cut idle streams (Vexa#795); proxies in front buffered for want
/// of a header (conductai#1744).
#[tokio::test]
async fn mistake_13_an_idle_stream_is_timed_out() {
    let (world, agent, sender, _) = spoken_to(Duration::from_millis(100)).await;
    let body = call("a", json!({})).to_string();
    let mut response = world.open(Method::POST, &agent, &[], body).await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["x-accel-buffering"], "no");
    assert!(response.headers()["cache-control"].to_str().unwrap().contains("no-cache"));
    // Three times as long as any deadline of this gateway.
    for _ in 0..9 {
        assert_eq!(frame(response.body_mut()).await.unwrap(), ": keep-alive\n\n");
    }
    let done = json!({"jsonrpc": "2.0", "id": 7, "result": {"content": []}});
    sender.send(event(&done)).unwrap();
    assert_eq!(message_of(&frame(response.body_mut()).await.unwrap()), done);
}

/// One answer came on the stream of the POST and again on that of the GET (agentgateway#2373).
#[tokio::test]
async fn mistake_14_an_answer_arrives_on_two_streams() {
    let (world, agent, sender, log) = spoken_to(Duration::from_millis(30)).await;
    let accept = [("accept", "text/event-stream")];
    let mut unasked = world.open(Method::GET, &agent, &accept, "").await;
    assert_eq!(unasked.status(), 200);
    for _ in 0..3 {
        let answered = world.post(&agent, &[], &call("a", json!({}))).await;
        assert_eq!(answered.json, json!({"jsonrpc": "2.0", "id": 7, "result": {"content": []}}));
    }
    sender.send(event(&progress())).unwrap();
    let mut heard = Vec::new();
    while heard.last() != Some(&event(&progress())) {
        heard.push(frame(unasked.body_mut()).await.unwrap());
    }
    heard.retain(|piece| !piece.starts_with(':'));
    assert_eq!(heard, [event(&progress())], "and on this stream only what was said on it");
    assert_eq!(log.count("tools/call"), 3);
}

/// A GET was answered 404, which means that the session is gone (agentgateway#1582); a 405 was
/// taken for a failure and tried again and again (ai-gateway#1925).
#[tokio::test]
async fn mistake_15_get_is_not_found_or_asked_for_again() {
    let (world, agent, log) = scripted(allow_all(), &["a"], |seen| match seen.method {
        Method::GET => reply(405, "text/plain", ""),
        _ => obliging(seen),
    })
    .await;
    let session = world.initialize(&agent).await;
    assert_eq!(session, None, "this server keeps no sessions");
    let accept = [("accept", "text/event-stream")];
    assert_eq!(world.open(Method::GET, &agent, &accept, "").await.status(), 405);
    assert_eq!(log.count("GET"), 1);
    assert_eq!(world.post(&agent, &[], &call("a", json!({}))).await.status, 200);
    assert_eq!(world.records.last().outcome, domain::Outcome::Allowed);
    let tenant = world.open(Method::GET, &agent.at_tenant(), &accept, "").await;
    assert_eq!(tenant.status(), 405);
    assert!(tenant.headers().contains_key("allow"));

    let (world, agent, sender, _) = spoken_to(Duration::from_mins(1)).await;
    let mut stream = world.open(Method::GET, &agent, &accept, "").await;
    assert_eq!(stream.status(), 200, "one that has a stream opens it");
    sender.send(event(&progress())).unwrap();
    assert_eq!(frame(stream.body_mut()).await.unwrap(), event(&progress()));
}

/// What a server asked of a client was dropped (litellm#23761), or reached another one
/// (higress#3685, toolport#167), because the ids of two sessions were the same.
#[tokio::test]
async fn mistake_16_a_servers_question_reaches_the_wrong_client() {
    let (log, mut world) = (Log::default(), World::empty());
    let noted = log.clone();
    let at = world
        .upstream(move |seen: Seen| {
            noted.note(&seen);
            let opened = noted.count("initialize");
            async move {
                let session = header(&seen, "mcp-session-id").unwrap_or_default().to_owned();
                match seen.json()["method"].as_str() {
                    Some("initialize") => {
                        let mut answer = obliging(&seen);
                        let id = format!("s{opened}").parse().unwrap();
                        answer.headers_mut().insert("mcp-session-id", id);
                        answer
                    }
                    // The same id in every session, as servers that count from 0 use.
                    Some("tools/call") => events(&[
                        json!({"jsonrpc": "2.0", "id": 0, "method": "roots/list",
                            "params": {"for": session}}),
                        json!({"jsonrpc": "2.0", "id": 7, "result": {"content": []}}),
                    ]),
                    _ => reply(202, "application/json", ""),
                }
            }
        })
        .await;
    world.server("shop", at, &[("a", "read")]);
    let one = world.grant("one", &[("shop", Some(allow_all()))]);
    let two = world.grant("two", &[("shop", Some(allow_all()))]);
    world.gateway(|_| {}).await;
    let mut asked = Vec::new();
    let mut sessions = Vec::new();
    for (agent, upstream) in [(&one, "s1"), (&one, "s2"), (&two, "s3")] {
        let session = world.initialize(agent).await.unwrap();
        let called = world.call(agent, &session, "a", json!({})).await;
        let question = message_of(&called.text);
        assert_eq!(question["params"]["for"], upstream, "on the stream of whom it is for");
        asked.push(question["id"].as_str().unwrap().to_owned());
        sessions.push((agent, session));
    }
    let answer = |id: &str| json!({"jsonrpc": "2.0", "id": id, "result": {"roots": []}});
    for (which, id) in asked.iter().enumerate() {
        for (session, (agent, named)) in sessions.iter().enumerate() {
            let before = log.all().len();
            let headers = [("mcp-session-id", named.as_str())];
            let taken = world.post(agent, &headers, &answer(id)).await.status;
            assert_eq!(taken, if session == which { 202 } else { 400 }, "{which} by {session}");
            let all = log.all();
            assert_eq!(all.len(), before + usize::from(session == which));
            if session == which {
                let heard = all.last().unwrap();
                assert_eq!(heard.json()["id"], json!(0), "the server's own id");
                let own = format!("s{}", which + 1);
                assert_eq!(header(heard, "mcp-session-id"), Some(own.as_str()));
            }
        }
    }
}

/// Lists were filtered on POST only: a client that came back for its list by GET with
/// `Last-Event-ID` was shown all of it.
#[tokio::test]
async fn mistake_17_a_resumed_stream_shows_the_unfiltered_list() {
    let policy = json!({"version": "1", "default": "allow", "hide": ["secret"],
        "prompts": {"default": "allow", "hide": ["secret"]}});
    let (world, agent, log) = scripted(policy, &["a", "secret"], |seen| {
        let [tools, prompts] = ["tools", "prompts"].map(|list| {
            let shown = json!([{"name": "secret"}, {"name": "a"}]);
            json!({"jsonrpc": "2.0", "id": list, "result": {list: shown}})
        });
        let body = match header(seen, "last-event-id") {
            Some("3") => format!("id: 4\ndata: {tools}\n\nid: 5\nevent: x\ndata: {prompts}\n\n"),
            _ => "id: 3\nretry: 10\ndata:\n\n".to_owned(),
        };
        reply(200, "text/event-stream", body)
    })
    .await;
    let asked = world.post(&agent, &[], &list("tools")).await;
    assert_eq!(asked.text, "id: 3\nretry: 10\ndata:\n\n", "a server may hang up and be resumed");
    let headers = [("accept", "text/event-stream"), ("last-event-id", "3")];
    let resumed = world.open(Method::GET, &agent, &headers, "").await;
    assert_eq!(resumed.status(), 200);
    let resumed = resumed.into_body().collect().await.unwrap().to_bytes();
    let text = String::from_utf8(resumed.to_vec()).unwrap();
    assert!(text.contains("id: 4\n") && text.contains("id: 5\n"), "{text}");
    assert_eq!(text.matches(r#"[{"name":"a"}]"#).count(), 2, "{text}");
    assert!(!text.contains("secret"), "{text}");
    assert_eq!(header(&log.all()[1], "last-event-id"), Some("3"));
}
