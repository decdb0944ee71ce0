//! Clients that logged in: their tokens are checked as pasted ones are, at their own address only;
//! a refresh changes nothing, and the end of a connection ends what was open.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use axum::body::Body;
use chrono::{TimeDelta, Utc};
use domain::secret::{KeyKind, PlainKey};
use domain::{ConnectionId, ServerId};
use gateway::source::{ConnectionSnapshot, TokenSnapshot};
use http::Method;
use http_body_util::BodyExt;
use serde_json::json;

use crate::world::{Agent, World, allow_all, call, reply};

/// Connects a client to the first grant, at a server's address or that of all.
async fn connect(world: &World, server: Option<ServerId>, path: &str) -> Agent {
    let (key, id) = (PlainKey::fresh(KeyKind::Grant), ConnectionId::fresh(Utc::now()));
    let tokens = vec![token(&key, 3_600)];
    let mut grant = None;
    world
        .publish(|organisation| {
            grant = Some(organisation.grants[0].id);
            organisation.grants[0].connections.push(ConnectionSnapshot { id, server, tokens });
        })
        .await;
    Agent { id: grant.unwrap(), token: key.reveal().to_owned(), path: path.to_owned() }
}

fn token(key: &PlainKey, secs: i64) -> TokenSnapshot {
    let expires_at = Some(Utc::now() + TimeDelta::seconds(secs));
    TokenSnapshot { digest: key.digest(), expires_at }
}

/// A grant that reaches `shop` and `twin`, and their ids.
async fn two_servers() -> (World, Agent, [ServerId; 2]) {
    let mut world = World::empty();
    let mut ids = Vec::new();
    for slug in ["shop", "twin"] {
        let at = world.serve(demo::router()).await;
        ids.push(world.server(slug, at, &crate::world::SHOP_TOOLS));
    }
    let both = [("shop", Some(allow_all())), ("twin", Some(allow_all()))];
    let agent = world.grant("agent", &both);
    world.gateway(|_| {}).await;
    (world, agent, [ids[0], ids[1]])
}

#[tokio::test]
async fn a_token_is_good_at_the_address_that_it_was_issued_for() {
    let (world, pasted, [shop, twin]) = two_servers().await;
    let paths = ["/t/acme/shop/mcp", "/t/acme/twin/mcp", "/t/acme/mcp"];
    let clients = [
        connect(&world, Some(shop), paths[0]).await,
        connect(&world, Some(twin), paths[1]).await,
        connect(&world, None, paths[2]).await,
    ];
    let initialize = crate::world::initialize();
    let unknown =
        Agent { token: PlainKey::fresh(KeyKind::Grant).reveal().to_owned(), ..pasted.clone() };
    for (client, own) in clients.iter().zip(paths) {
        for path in paths {
            let answer = world.post(&client.at(path), &[], &initialize).await;
            assert_eq!(answer.status, if path == own { 200 } else { 401 }, "{own} at {path}");
            if path != own {
                let nobody = world.post(&unknown.at(path), &[], &initialize).await;
                assert_eq!(answer.text, nobody.text, "as a token that never was");
            }
        }
    }
    // A pasted one is good wherever its grant reaches.
    for path in paths {
        assert_eq!(world.post(&pasted.at(path), &[], &initialize).await.status, 200);
    }
}

#[tokio::test]
async fn a_session_survives_a_refresh_and_the_old_token_ends_by_itself() {
    let (world, _, [shop, _]) = two_servers().await;
    let client = connect(&world, Some(shop), "/t/acme/shop/mcp").await;
    let session = world.initialize(&client).await.unwrap();
    let called = world.call(&client, &session, "list_customers", json!({})).await;
    assert!(called.decision().is_null(), "{}", called.text);
    let next = PlainKey::fresh(KeyKind::Grant);
    world
        .publish(|organisation| {
            let tokens = &mut organisation.grants[0].connections[0].tokens;
            tokens[0].expires_at = Some(Utc::now() - TimeDelta::seconds(1));
            tokens.push(token(&next, 3_600));
        })
        .await;
    assert_eq!(world.call(&client, &session, "list_customers", json!({})).await.status, 401);
    let refreshed = Agent { token: next.reveal().to_owned(), ..client };
    let called = world.call(&refreshed, &session, "list_customers", json!({})).await;
    assert_eq!(called.status, 200, "{}", called.text);
    assert_eq!(world.records.last().grant, refreshed.id, "recorded as the grant's");
}

/// Another replica issued it; here there was no notice of it yet.
#[tokio::test]
async fn a_token_that_was_just_issued_elsewhere_works_at_once() {
    let (world, pasted, [shop, _]) = two_servers().await;
    let client = connect(&world, Some(shop), "/t/acme/shop/mcp").await;
    let next = PlainKey::fresh(KeyKind::Grant);
    world.source.change(|organisation| {
        organisation.grants[0].connections[0].tokens.push(token(&next, 3_600));
    });
    let fresh = Agent { token: next.reveal().to_owned(), ..client };
    assert_eq!(world.post(&fresh, &[], &crate::world::initialize()).await.status, 200);
    // However many unknown tokens come at once, the source is asked a few times, and read not at all.
    let unknown = Agent { token: PlainKey::fresh(KeyKind::Grant).reveal().to_owned(), ..pasted };
    let (questions, reads) = (&world.source.questions, &world.source.reads);
    let before = (questions.load(Ordering::SeqCst), reads.load(Ordering::SeqCst));
    let calls = (0..50)
        .map(|_| async { world.post(&unknown, &[], &crate::world::initialize()).await.status });
    let statuses = futures_util::future::join_all(calls).await;
    assert!(statuses.iter().all(|status| *status == 401), "{statuses:?}");
    assert!(questions.load(Ordering::SeqCst) > before.0);
    assert_eq!(reads.load(Ordering::SeqCst), before.1);
}

#[tokio::test]
async fn the_end_of_a_connection_ends_its_streams_and_no_others() {
    let mut world = World::empty();
    let at = world
        .upstream(|_| async move {
            let silent = futures_util::stream::pending::<Result<bytes::Bytes, std::io::Error>>();
            reply(200, "text/event-stream", Body::from_stream(silent))
        })
        .await;
    let shop = world.server("shop", at, &[("a", "read")]);
    world.grant("agent", &[("shop", Some(allow_all()))]);
    world.gateway(|settings| settings.keep_alive = Duration::from_millis(50)).await;
    let (ends, stays) = (
        connect(&world, Some(shop), "/t/acme/shop/mcp").await,
        connect(&world, Some(shop), "/t/acme/shop/mcp").await,
    );
    let accept = [("accept", "text/event-stream")];
    let mut ending = world.open(Method::GET, &ends, &accept, "").await;
    let mut staying = world.open(Method::GET, &stays, &accept, "").await;
    assert!(ending.status() == 200 && staying.status() == 200);
    // With no token left to show, a client that has yet to refresh keeps what is open.
    world.publish(|organisation| organisation.grants[0].connections[1].tokens.clear()).await;
    world.publish(|organisation| drop(organisation.grants[0].connections.remove(0))).await;
    let started = Instant::now();
    while ending.body_mut().frame().await.is_some() {}
    assert!(started.elapsed() < Duration::from_millis(500));
    let beat = tokio::time::timeout(Duration::from_secs(5), staying.body_mut().frame()).await;
    assert!(beat.unwrap().is_some(), "the other client's stream goes on");
    assert_eq!(world.post(&ends, &[], &call("a", json!({}))).await.status, 401);
}

#[tokio::test]
async fn a_changed_character_makes_a_token_unknown() {
    let (world, _, [shop, _]) = two_servers().await;
    let client = connect(&world, Some(shop), "/t/acme/shop/mcp").await;
    for at in (0..client.token.len()).step_by(4) {
        let mut bytes = client.token.clone().into_bytes();
        bytes[at] ^= 1;
        let changed = Agent { token: String::from_utf8(bytes).unwrap(), ..client.clone() };
        let refused = world.post(&changed, &[], &crate::world::initialize()).await;
        assert_eq!(refused.status, 401, "{at}");
    }
}
