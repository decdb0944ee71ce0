//! Mistakes 24, 26 and 28: names, login documents, and where a server may be.

use std::time::{Duration, Instant};

use http::Method;
use serde_json::json;

use super::{Log, header, obliging, scripted};
use crate::world::{Reply, Seen, World, allow_all, call, list, reply};

/// The client's `Host` went on to the server, whose guard against rebinding refused it
/// (mcp-gateway-registry#1548); or answers told clients where the server really is (openship#540).
#[tokio::test]
async fn mistake_24_hosts_leak_in_one_direction_or_the_other() {
    let (world, agent, log) = scripted(allow_all(), &["a", "moved", "broken"], |seen| {
        let inside = format!("http://{}/admin", header(seen, "host").unwrap());
        let mut answer = match seen.json()["params"]["name"].as_str() {
            Some("moved") => reply(302, "text/html", inside.clone()),
            Some("broken") => reply(500, "text/html", format!("failed at {inside}")),
            _ => obliging(seen),
        };
        for name in ["location", "content-location", "link", "x-upstream", "via", "server"] {
            answer.headers_mut().insert(name, inside.parse().unwrap());
        }
        answer
    })
    .await;
    let called = world.post(&agent, &[], &call("a", json!({}))).await;
    assert_eq!(called.status, 200);
    let host = header(&log.all()[0], "host").unwrap().to_owned();
    assert_ne!(host, world.gateways[0].1.to_string(), "the server's name, not the gateway's");
    assert!(host.starts_with("127.0.0.1:"));
    for tool in ["a", "moved", "broken"] {
        let answer = world.post(&agent, &[], &call(tool, json!({}))).await;
        let told = format!("{:?} {}", answer.headers, answer.text);
        assert!(!told.contains(&host) && !told.contains("/admin"), "{told}");
    }
    let mut world = World::empty();
    world.server("shop", "127.0.0.1:1".parse().unwrap(), &[("a", "read")]);
    let agent = world.grant("agent", &[("shop", Some(allow_all()))]);
    world.gateway(|_| {}).await;
    for message in [call("a", json!({})), list("tools")] {
        let failed = world.post(&agent, &[], &message).await;
        assert!(failed.text.contains("[UPSTREAM ERROR]"), "{}", failed.text);
        assert!(!failed.text.contains("127.0.0.1"), "{}", failed.text);
    }
}

/// `/.well-known/*` stood behind the token check, or was no JSON, and logging in failed
/// (obsidian-web-mcp#18, claude-code#93320); path-suffixed metadata was not found
/// (claude-ai-mcp#716); the challenge was renamed on its way (#748); `/mcp` and `/mcp/` differed
/// (#299).
#[tokio::test]
async fn mistake_26_the_documents_for_logging_in_are_behind_the_login() {
    let (world, agent, log) = scripted(allow_all(), &["a"], obliging).await;
    let base = format!("http://{}", world.gateways[0].1);
    for path in [agent.path.as_str(), "/t/acme/mcp"] {
        for slash in ["", "/"] {
            let url = format!("{base}{path}{slash}");
            let headers = [("content-type", "application/json"), ("accept", "application/json")];
            let body = call("a", json!({})).to_string();
            let refused = Reply::read(world.send(Method::POST, url, &headers, body).await).await;
            assert_eq!(refused.status, 401);
            let challenge = refused.headers["www-authenticate"].to_str().unwrap();
            let metadata = format!("{base}/.well-known/oauth-protected-resource{path}");
            let named = format!("Bearer resource_metadata=\"{metadata}\", scope=\"mcp\"");
            assert_eq!(challenge, named);
            let found = Reply::read(world.send(Method::GET, metadata, &[], "").await).await;
            assert_eq!(
                (found.status, &found.json["resource"]),
                (200, &json!(format!("{base}{path}")))
            );
        }
    }
    for document in ["oauth-authorization-server", "openid-configuration", "anything/else"] {
        let url = format!("{base}/.well-known/{document}");
        let absent = Reply::read(world.send(Method::GET, url, &[], "").await).await;
        assert_eq!(absent.status, 404);
        assert!(absent.json.is_object(), "{}", absent.text);
    }
    assert_eq!(log.methods(), [""; 0]);
}

/// A server's address led inside, or its redirect did, with the credentials of the server
/// (zeph#6057, #6069, CVE-2026-42559).
#[tokio::test]
async fn mistake_28_a_tenants_server_leads_the_gateway_inside() {
    let mut world = World::empty();
    let inside = Log::default();
    let noted = inside.clone();
    let elsewhere = world
        .upstream(move |seen: Seen| {
            noted.note(&seen);
            async move { obliging(&seen) }
        })
        .await;
    let at = world
        .upstream(move |seen: Seen| async move {
            let status = match seen.json()["params"]["name"].as_str() {
                Some(name) => name.trim_start_matches('r').parse().unwrap(),
                None => 307,
            };
            let mut answer = reply(status, "text/plain", "");
            let there = format!("http://{elsewhere}/mcp").parse().unwrap();
            answer.headers_mut().insert("location", there);
            answer
        })
        .await;
    let statuses = ["r301", "r302", "r303", "r307", "r308"];
    world.server("shop", at, &statuses.map(|name| (name, "read")));
    let agent = world.grant("agent", &[("shop", Some(allow_all()))]);
    let hosts = [
        "169.254.169.254",
        "10.0.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "0.0.0.0",
        "[fd00::1]",
        "[fe80::1]",
        "[::ffff:169.254.169.254]",
        "[64:ff9b::a9fe:a9fe]",
        "2852039166",
        "0xa9.0xfe.0xa9.0xfe",
    ];
    let bound: Vec<_> =
        (0..hosts.len()).map(|n| (format!("inner-{n}"), Some(allow_all()))).collect();
    for (host, (slug, _)) in hosts.iter().zip(&bound) {
        world.server(slug, at, &[("a", "read")]);
        world.source.change(|organisation| {
            let server = organisation.servers.last_mut().unwrap();
            server.url = format!("http://{host}:{}/mcp", at.port()).parse().unwrap();
        });
    }
    let bound: Vec<_> =
        bound.iter().map(|(slug, policy)| (slug.as_str(), policy.clone())).collect();
    let insider = world.grant("insider", &bound);
    world.gateway(|_| {}).await;
    world
        .publish(|organisation| {
            let credential = mcp::headers::credential("authorization", "Bearer of-the-server");
            organisation.servers[0].auth_headers.push(credential.unwrap());
        })
        .await;
    for tool in statuses {
        let failed = world.post(&agent, &[], &call(tool, json!({}))).await;
        assert!(failed.tool_text().starts_with("[UPSTREAM ERROR]"), "{tool}: {}", failed.text);
    }
    world.post(&agent, &[], &list("tools")).await;
    let accept = [("accept", "text/event-stream")];
    world.open(Method::GET, &agent, &accept, "").await;
    world.open(Method::DELETE, &agent, &[], "").await;
    assert_eq!(inside.methods(), [""; 0], "no redirect is followed to another origin");

    for (slug, _) in bound {
        let insider = insider.at(&format!("/t/acme/{slug}/mcp"));
        let started = Instant::now();
        let refused = world.post(&insider, &[], &call("a", json!({}))).await;
        assert!(refused.tool_text().starts_with("[UPSTREAM ERROR]"), "{}", refused.text);
        assert!(started.elapsed() < Duration::from_secs(2), "{slug}: somebody was called");
    }
}
