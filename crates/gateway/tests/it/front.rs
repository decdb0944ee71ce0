//! Before anyone is judged: hosts, origins, identity, the documents for log-in.

use std::sync::atomic::Ordering;
use std::time::Instant;

use chrono::{TimeDelta, Utc};
use domain::secret::{KeyKind, PlainKey};
use http::Method;
use serde_json::json;

use crate::world::{Agent, Reply, World, allow_all, borrowed, call, modern};

#[tokio::test]
async fn foreign_hosts_and_origins_are_forbidden() {
    let (world, agent, shop) = World::with_shop(allow_all()).await;
    let body = call("list_customers", json!({}));
    for header in [("host", "evil.example"), ("origin", "https://evil.example"), ("origin", "null")]
    {
        assert_eq!(world.post(&agent, &[header], &body).await.status, 403, "{header:?}");
    }
    assert_eq!(shop.total(), 0);
    let own = format!("http://{}", world.gateways[0].1);
    let (headers, message) = modern(body);
    let mut headers = borrowed(&headers);
    headers.push(("origin", own.as_str()));
    let passed = world.post(&agent, &headers, &message).await;
    assert_eq!(passed.status, 200);
    assert_eq!(passed.headers["access-control-allow-origin"], own.as_str());
    assert!(
        passed.headers["access-control-expose-headers"]
            .to_str()
            .unwrap()
            .contains("mcp-session-id")
    );
}

#[tokio::test]
async fn a_preflight_is_answered_without_a_token() {
    let (world, agent, _) = World::with_shop(allow_all()).await;
    let own = format!("http://{}", world.gateways[0].1);
    let url = format!("{own}{}", agent.path);
    let headers = [
        ("origin", own.as_str()),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "authorization, mcp-param-region"),
    ];
    let reply = Reply::read(world.send(Method::OPTIONS, url.clone(), &headers, "").await).await;
    assert_eq!(reply.status, 204);
    let allowed = reply.headers["access-control-allow-headers"].to_str().unwrap();
    assert!(allowed.contains("authorization") && allowed.contains("mcp-param-region"));
    let foreign = [("origin", "https://evil.example"), ("access-control-request-method", "POST")];
    assert_eq!(world.send(Method::OPTIONS, url, &foreign, "").await.status(), 403);
}

#[tokio::test]
async fn all_refusals_of_identity_are_one_answer() {
    let (world, agent, _) = World::with_shop(allow_all()).await;
    let now = Utc::now();
    let expired = world.grant("expired", &[("shop", Some(allow_all()))]);
    let revoked = world.grant("revoked", &[("shop", Some(allow_all()))]);
    let bound_to_nothing = world.grant("nothing", &[]);
    world
        .publish(|organisation| {
            let count = organisation.grants.len();
            organisation.grants[count - 3].expires_at = Some(now - TimeDelta::seconds(1));
            organisation.grants[count - 2].revoked = true;
        })
        .await;
    let with = |token: &str| Agent { token: token.to_owned(), ..agent.clone() };
    let minted = PlainKey::fresh(KeyKind::Grant).reveal().to_owned();
    let cases = [
        with("junk"),
        with(&format!("{}x", agent.token)),
        with(&minted),
        with(PlainKey::fresh(KeyKind::Api).reveal()),
        expired.clone(),
        revoked,
        bound_to_nothing,
    ];
    let path = agent.path.clone();
    let mut bodies = Vec::new();
    for case in cases {
        let reply = world.post(&case, &[], &call("list_customers", json!({}))).await;
        assert_eq!(reply.status, 401);
        let mut headers: Vec<_> = reply
            .headers
            .iter()
            .filter(|(n, _)| *n != "x-request-id" && *n != "date")
            .map(|(n, v)| format!("{n}: {v:?}"))
            .collect();
        headers.sort();
        bodies.push((reply.text, headers));
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "{bodies:?}");
    let challenge = bodies[0].1.iter().find(|h| h.starts_with("www-authenticate")).unwrap();
    let metadata = format!("/.well-known/oauth-protected-resource{path}");
    assert!(challenge.contains(&metadata), "{challenge}");
    // Addresses that nobody has are answered alike, each for itself.
    for path in
        ["/t/nobody/mcp", "/t/nobody/shop/mcp", "/t/acme/nothing/mcp", "/t/ACME/mcp", "/t/a_b/mcp"]
    {
        let reply = world.post(&agent.at(path), &[], &call("list_customers", json!({}))).await;
        assert_eq!((reply.status, &reply.text), (401, &bodies[0].0), "{path}");
    }
    assert!(world.records.all().is_empty());
}

#[tokio::test]
async fn refusals_that_looked_something_up_keep_the_beat() {
    let (world, agent, _) = World::with_shop(allow_all()).await;
    let minted = PlainKey::fresh(KeyKind::Grant).reveal().to_owned();
    let agent = Agent { token: minted, ..agent };
    for path in ["/t/acme/shop/mcp", "/t/nobody/mcp", "/t/acme/nothing/mcp"] {
        let started = Instant::now();
        world.post(&agent.at(path), &[], &call("a", json!({}))).await;
        assert!(started.elapsed().as_millis() >= 20, "{path}");
    }
}

#[tokio::test]
async fn an_unknown_organisation_is_not_asked_for_again_and_again() {
    let (world, agent, _) = World::with_shop(allow_all()).await;
    for _ in 0..10 {
        world.post(&agent.at("/t/nobody/mcp"), &[], &call("a", json!({}))).await;
    }
    assert_eq!(world.source.reads.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn documents_for_log_in_are_the_same_shape_for_any_slug() {
    let (world, agent, _) = World::with_shop(allow_all()).await;
    let base = format!("http://{}", world.gateways[0].1);
    let get = async |path: String| {
        Reply::read(world.send(Method::GET, format!("{base}{path}"), &[], "").await).await
    };
    for path in [agent.path.as_str(), "/t/acme/mcp", "/t/nobody/mcp", "/t/nobody/x/mcp"] {
        for slash in ["", "/"] {
            let path = format!("/.well-known/oauth-protected-resource{path}{slash}");
            let found = get(path).await;
            assert_eq!(found.status, 200);
            assert_eq!(found.headers["access-control-allow-origin"], "*");
            assert_eq!(found.json["authorization_servers"], json!([base]));
            assert_eq!(found.json["scopes_supported"], json!(["mcp"]));
        }
        let path_of = format!("/.well-known/oauth-protected-resource{path}");
        let found = get(path_of.clone()).await;
        assert_eq!(found.json["resource"], format!("{base}{path}"));
        // Browsers ask first, because clients add a header.
        let asked = world.send(Method::OPTIONS, format!("{base}{path_of}"), &[], "").await;
        assert_eq!(asked.status(), 204);
        assert_eq!(asked.headers()["access-control-allow-origin"], "*");
        let allowed = asked.headers()["access-control-allow-headers"].to_str().unwrap();
        assert!(allowed.contains("mcp-protocol-version"));
    }
    for path in
        ["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration/t/acme/mcp"]
    {
        let missing = get(path.to_owned()).await;
        assert_eq!((missing.status, &missing.json["error"]), (404, &json!("not_found")));
    }
}

#[tokio::test]
async fn a_trailing_slash_is_the_same_address_and_other_verbs_are_not_allowed() {
    let (world, agent, shop) = World::with_shop(allow_all()).await;
    let slashed = agent.at("/t/acme/shop/mcp/");
    let reply = world.run(&slashed, "list_customers", json!({})).await;
    assert_eq!(reply.status, 200);
    assert_eq!(shop.total(), 1);
    let put = world.open(Method::PUT, &agent, &[], "").await;
    assert_eq!(put.status(), 405);
    assert!(put.headers().contains_key("allow"));
}

#[tokio::test]
async fn nothing_of_the_client_reaches_the_server_that_is_not_meant_to() {
    let (world, agent) = World::with_upstream(allow_all(), &["a"], |seen| async move {
        let names: Vec<_> =
            seen.headers.iter().map(|(n, v)| format!("{n}: {}", v.to_str().unwrap())).collect();
        seen.result(&json!({"content": [{"type": "text", "text": names.join("\n")}]}))
    })
    .await;
    world
        .publish(|organisation| {
            let credential = mcp::headers::credential("authorization", "Bearer of-the-server");
            organisation.servers[0].auth_headers.push(credential.unwrap());
        })
        .await;
    let sent = [
        ("cookie", "a=b"),
        ("x-forwarded-for", "1.2.3.4"),
        ("forwarded", "for=1.2.3.4"),
        ("x-anything", "1"),
        ("traceparent", "00-1-2-00"),
    ];
    let reply = world.post(&agent, &sent, &call("a", json!({}))).await;
    let seen = reply.tool_text();
    assert!(seen.contains("authorization: Bearer of-the-server"), "{seen}");
    assert!(seen.contains("traceparent: 00-1-2-00") && seen.contains("accept-encoding: identity"));
    for absent in [agent.token.as_str(), "cookie", "forwarded", "x-anything", "origin"] {
        assert!(!seen.contains(absent), "{absent} in {seen}");
    }
    let gateway = world.gateways[0].1.to_string();
    assert!(!seen.contains(&format!("host: {gateway}")), "{seen}");
}
