//! Mistakes 18 to 22: sessions that others can use, that are shared, or that die too soon or
//! never.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::response::Response;
use http::Method;
use serde_json::json;

use super::{Log, header, obliging, scripted};
use crate::world::{Agent, Seen, World, allow_all, call, initialize, list, reply};

/// A server that keeps sessions, named by how often it was started and how many it opened.
#[derive(Clone, Default)]
struct Keeper {
    starts: Arc<AtomicUsize>,
    opened: Arc<AtomicUsize>,
}

impl Keeper {
    fn answer(&self, seen: &Seen) -> Response {
        let start = self.starts.load(Ordering::SeqCst);
        if seen.json()["method"] == "initialize" {
            let opened = self.opened.fetch_add(1, Ordering::SeqCst);
            let mut answer = obliging(seen);
            let id = format!("upstream-{start}-{opened}").parse().unwrap();
            answer.headers_mut().insert("mcp-session-id", id);
            return answer;
        }
        let session = header(seen, "mcp-session-id").unwrap_or_default();
        if !session.starts_with(&format!("upstream-{start}-")) {
            return reply(404, "text/plain", "no such session");
        }
        match (&seen.method, seen.json()["method"].as_str()) {
            (&Method::DELETE, _) => reply(204, "text/plain", ""),
            (_, Some("tools/call")) => {
                seen.result(&json!({"content": [{"type": "text", "text": session}]}))
            }
            (_, Some("tools/list")) => seen.result(&json!({"tools": [{"name": "a"}]})),
            _ => obliging(seen),
        }
    }
}

async fn kept() -> (World, Agent, Keeper, Log) {
    let keeper = Keeper::default();
    let answering = keeper.clone();
    let (world, agent, log) =
        scripted(allow_all(), &["a"], move |seen| answering.answer(seen)).await;
    (world, agent, keeper, log)
}

/// A session id was all one needed: a peer's calls, its stream, its end (mcp-gateway-registry
/// #1357, GHSA-f6c5-f2ph-7x7p, mailpouch#264).
#[tokio::test]
async fn mistake_18_a_session_id_is_good_for_whoever_has_it() {
    let (world, agent, _, log) = kept().await;
    let thief = world.grant("thief", &[("shop", Some(allow_all()))]);
    world.publish(|_| {}).await;
    let session = world.initialize(&agent).await.unwrap();
    let upstreams_own = "upstream-0-0";
    let before = log.all().len();
    for (id, whose) in
        [(session.as_str(), &thief), (upstreams_own, &thief), (upstreams_own, &agent)]
    {
        let headers = [("mcp-session-id", id), ("accept", "text/event-stream")];
        for method in [Method::POST, Method::GET, Method::DELETE] {
            let body = if method == Method::POST {
                call("a", json!({})).to_string()
            } else {
                String::new()
            };
            let headers = if method == Method::POST { &headers[..1] } else { &headers[..] };
            let refused = world.open(method.clone(), whose, headers, body).await;
            assert_eq!(refused.status(), 404, "{method} with {id}");
        }
    }
    assert_eq!(log.all().len(), before, "nothing of it reached the server");
    assert_eq!(world.call(&agent, &session, "a", json!({})).await.tool_text(), upstreams_own);
}

/// Users with one upstream credential were given one upstream session (context-forge#2055).
#[tokio::test]
async fn mistake_19_two_users_share_one_session_with_the_server() {
    let (world, agent, keeper, _) = kept().await;
    let other = world.grant("other", &[("shop", Some(allow_all()))]);
    world
        .publish(|organisation| {
            let credential = mcp::headers::credential("authorization", "Bearer of-the-server");
            organisation.servers[0].auth_headers.push(credential.unwrap());
        })
        .await;
    let mut seen = Vec::new();
    for agent in [&agent, &agent, &other] {
        let session = world.initialize(agent).await.unwrap();
        let called = world.call(agent, &session, "a", json!({})).await;
        seen.push(called.tool_text().to_owned());
    }
    for agent in [agent.at_tenant(), other.at_tenant()] {
        let session = world.initialize(&agent).await.unwrap();
        let called = world.call(&agent, &session, "shop__a", json!({})).await;
        seen.push(called.tool_text().to_owned());
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 5, "{seen:?}");
    assert_eq!(keeper.opened.load(Ordering::SeqCst), 5);
}

/// Sessions hung on the bytes of the token, so that every refresh ended them (toolhive#5306).
#[tokio::test]
async fn mistake_20_a_new_token_ends_the_session() {
    let (world, agent, _, _) = kept().await;
    let session = world.initialize(&agent).await.unwrap();
    let spare = world.grant("spare", &[]);
    world
        .publish(|organisation| {
            let spare = organisation.grants.pop().unwrap();
            organisation.grants[0].tokens = spare.tokens;
        })
        .await;
    let renewed = Agent { token: spare.token, ..agent.clone() };
    assert_eq!(world.call(&renewed, &session, "a", json!({})).await.tool_text(), "upstream-0-0");
    assert_eq!(world.call(&agent, &session, "a", json!({})).await.status, 401);
}

/// After a restart of the server its clients were stuck: 503 for ever (mcp-proxy#149,
/// neotoma#2312), or 400 where only a 404 makes a client begin anew (affine#301).
#[tokio::test]
async fn mistake_21_clients_are_stuck_with_a_session_that_the_server_forgot() {
    let (world, agent, keeper, _) = kept().await;
    let session = world.initialize(&agent).await.unwrap();
    assert_eq!(world.call(&agent, &session, "a", json!({})).await.status, 200);
    keeper.starts.fetch_add(1, Ordering::SeqCst);
    for message in [call("a", json!({})), list("tools")] {
        let gone = world.post(&agent, &[("mcp-session-id", &session)], &message).await;
        assert_eq!(gone.status, 404, "{}", gone.text);
    }
    let again = world.initialize(&agent).await.unwrap();
    assert_ne!(again, session);
    assert_eq!(world.call(&agent, &again, "a", json!({})).await.tool_text(), "upstream-1-1");

    let tenant = agent.at_tenant();
    let session = world.initialize(&tenant).await.unwrap();
    assert_eq!(world.call(&tenant, &session, "shop__a", json!({})).await.status, 200);
    keeper.starts.fetch_add(1, Ordering::SeqCst);
    assert_eq!(world.call(&tenant, &session, "shop__a", json!({})).await.status, 404);
    // Whether the client begins anew or just goes on, the server is asked for a new session.
    let called = world.call(&tenant, &session, "shop__a", json!({})).await;
    assert_eq!(called.tool_text(), "upstream-2-3", "{}", called.text);
}

/// The gateway's id and the server's were mixed up (inspector#492), DELETE was not found
/// (ruflo#2522, supabase#400), the empty 202 became a JSON body.
#[tokio::test]
async fn mistake_22_ids_are_mixed_up_and_small_answers_are_not_those_of_the_protocol() {
    let (world, agent, _, log) = kept().await;
    let opened = world.post(&agent, &[], &initialize()).await;
    let session = opened.headers["mcp-session-id"].to_str().unwrap().to_owned();
    assert!(!session.contains("upstream") && !opened.text.contains("upstream"));
    assert!(session.bytes().all(|byte| (0x21..=0x7e).contains(&byte)));
    let headers = [("mcp-session-id", session.as_str())];
    let note = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    let taken = world.post(&agent, &headers, &note).await;
    assert_eq!((taken.status, taken.text.as_str()), (202, ""));
    world.call(&agent, &session, "a", json!({})).await;
    let ended = world.open(Method::DELETE, &agent, &headers, "").await;
    assert!(ended.status().is_success(), "{}", ended.status());
    assert_eq!(log.methods(), ["initialize", "notifications/initialized", "tools/call", "DELETE"]);
    let told: Vec<_> = log
        .all()
        .iter()
        .skip(1)
        .map(|seen| header(seen, "mcp-session-id").map(str::to_owned))
        .collect();
    assert!(told.iter().all(|id| id.as_deref() == Some("upstream-0-0")), "{told:?}");
}
