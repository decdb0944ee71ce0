//! Servers: the first resource.

use insta::assert_json_snapshot;
use mcp::client::AddressRules;
use serde_json::json;
use sqlx::PgPool;
use testkit::{TestApp, upstream};

use super::{demo_server, pointers};

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_registered_server_is_discovered_within_the_request(pool: PgPool) {
    let app = TestApp::new(pool);
    let t = app.tenant("acme").await;
    let form = json!({ "name": "The Shop!", "url": upstream::demo().await });
    let made = t.admin().post("/api/v1/servers", form).await.expect(201).json();
    assert_json_snapshot!(made, {
        ".id" => "", ".url" => "", ".created_at" => "", ".discovered_at" => "",
        ".server_version" => "",
    }, @r#"
    {
      "id": "",
      "name": "The Shop!",
      "slug": "the-shop",
      "url": "",
      "transport": "streamable_http",
      "auth": {
        "type": "none"
      },
      "gateway_url": "https://gateway.test/t/acme/the-shop/mcp",
      "status": "ready",
      "problem": null,
      "tools_count": 10,
      "protocol_versions": [
        "2026-07-28",
        "2025-11-25"
      ],
      "server_name": "lantern-supply",
      "server_version": "",
      "discovered_at": "",
      "paused_at": null,
      "created_at": ""
    }
    "#);
    let path = format!("/api/v1/servers/{}", made["id"].as_str().unwrap());
    assert_eq!(t.viewer().get(&path).await.expect(200).json(), made);
    let listed = t.viewer().get("/api/v1/servers").await.expect(200).json();
    assert_eq!(listed["data"], json!([made]));
    assert!(app.told.count(t.id) >= 2, "of the server, and of its tools");
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_private_address_is_refused_and_nothing_is_saved(pool: PgPool) {
    let app = TestApp::with(pool, |_, rules| *rules = AddressRules::default());
    let t = app.tenant("acme").await;
    for url in [
        "http://127.0.0.1:9/mcp",
        "http://localhost:9/mcp",
        "http://10.1.2.3/mcp",
        "http://169.254.169.254/latest/meta-data",
        "http://[::1]/mcp",
        "http://[::ffff:192.168.0.1]/mcp",
        "ftp://example.com/mcp",
        "https://user:secret@example.com/mcp",
        "example.com/mcp",
        "",
    ] {
        let refused = t.admin().post("/api/v1/servers", json!({ "name": "S", "url": url })).await;
        assert_eq!(pointers(&refused.expect(422).json()), ["/url"], "{url}");
    }
    let problem = t
        .admin()
        .post("/api/v1/servers", json!({ "name": "S", "url": "http://10.1.2.3/mcp" }))
        .await
        .expect(422)
        .problem();
    assert_json_snapshot!(problem, @r#"
    {
      "type": "urn:drawbridge:problem:invalid",
      "title": "Some of the input is not right",
      "status": 422,
      "detail": "The address leads to a private network, to which Drawbridge does not connect. Nothing was saved.",
      "errors": [
        {
          "pointer": "/url",
          "detail": "The address leads to a private network, to which Drawbridge does not connect."
        }
      ]
    }
    "#);
    let listed = t.viewer().get("/api/v1/servers").await.expect(200).json();
    assert_eq!(listed["data"], json!([]));
    assert_eq!(app.told.count(t.id), 0);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn everything_wrong_with_a_form_is_said_at_once(pool: PgPool) {
    let app = TestApp::new(pool);
    let t = app.tenant("acme").await;
    let form = json!({
        "name": "", "slug": "No_Slug", "url": "nowhere",
        "auth": { "type": "headers", "headers": {
            "Host": "a", "X Y": "b", "Mcp-Session-Id": "c", "Authorization": "Bearer\nx",
        } },
    });
    let refused = t.admin().post("/api/v1/servers", form).await.expect(422).json();
    assert_eq!(
        pointers(&refused),
        [
            "/name",
            "/slug",
            "/url",
            "/auth/headers/Authorization",
            "/auth/headers/Host",
            "/auth/headers/Mcp-Session-Id",
            "/auth/headers/X Y",
        ]
    );
    let form = json!({ "name": "S", "url": "https://example.com/mcp", "trasport": "sse" });
    let refused = t.admin().post("/api/v1/servers", form).await.expect(422).json();
    assert_eq!(
        refused["errors"][0]["detail"],
        "`trasport` is not known here; did you mean `transport`?"
    );
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_taken_slug_is_409_and_one_made_from_a_name_is_numbered(pool: PgPool) {
    let app = TestApp::new(pool);
    let t = app.tenant("acme").await;
    let url = upstream::nobody().await;
    let form = json!({ "name": "Shop", "slug": "shop", "url": url });
    let _made = t.admin().post("/api/v1/servers", form.clone()).await.expect(201);
    let problem = t.admin().post("/api/v1/servers", form).await.expect(409).problem();
    assert_json_snapshot!(problem, @r#"
    {
      "type": "urn:drawbridge:problem:conflict",
      "title": "This clashes with what is there",
      "status": 409,
      "detail": "Another server has this slug. Nothing was saved.",
      "errors": [
        {
          "pointer": "/slug",
          "detail": "another server has this slug"
        }
      ]
    }
    "#);
    let form = json!({ "name": "Shop", "url": url });
    let second = t.admin().post("/api/v1/servers", form).await.expect(201);
    assert_eq!(second.text("/slug"), "shop-2");
    assert_eq!(second.text("/gateway_url"), "https://gateway.test/t/acme/shop-2/mcp");
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn credentials_are_used_and_never_come_back(pool: PgPool) {
    let app = TestApp::new(pool);
    let t = app.tenant("acme").await;
    let url = upstream::guarded("x-api-key", "s3cret-value").await;
    let auth = json!({ "type": "headers", "headers": { "X-Api-Key": "s3cret-value" } });
    let form = json!({ "name": "Guarded", "url": url, "auth": auth });
    let made = t.admin().post("/api/v1/servers", form).await.expect(201);
    assert_eq!(made.text("/status"), "ready");
    assert_eq!(made.json()["auth"], json!({ "type": "headers", "header_names": ["X-Api-Key"] }));
    assert!(!made.body.contains("s3cret"));
    let id = made.text("/id").parse().unwrap();
    let mut tx = app.store.tenant(t.wall()).await.unwrap();
    let sealed = tx.server_credentials(id).await.unwrap().unwrap();
    assert!(!String::from_utf8_lossy(&sealed).contains("s3cret"), "sealed at rest");
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn another_origin_drops_the_credentials_and_a_new_name_keeps_them(pool: PgPool) {
    let app = TestApp::new(pool);
    let t = app.tenant("acme").await;
    let auth = json!({ "type": "headers", "headers": { "X-Api-Key": "s3cret" } });
    let url = upstream::guarded("x-api-key", "s3cret").await;
    let form = json!({ "name": "Guarded", "url": url, "auth": auth });
    let made = t.admin().post("/api/v1/servers", form).await.expect(201);
    let path = format!("/api/v1/servers/{}", made.text("/id"));
    let renamed = t.admin().patch(&path, json!({ "name": "Renamed" })).await.expect(200);
    assert_eq!(renamed.text("/name"), "Renamed");
    assert_eq!(renamed.text("/auth/type"), "headers");
    let elsewhere = json!({ "url": upstream::guarded("x-api-key", "s3cret").await });
    let moved = t.admin().patch(&path, elsewhere).await.expect(200);
    assert_eq!(moved.text("/auth/type"), "none");
    assert_eq!(moved.text("/status"), "unauthorized");
    let again = t.admin().patch(&path, json!({ "auth": auth })).await.expect(200);
    assert_eq!(again.text("/status"), "ready");
    let gone = t.admin().patch(&path, json!({ "auth": { "type": "none" } })).await.expect(200);
    assert_eq!(gone.text("/auth/type"), "none");
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_refused_change_changes_nothing(pool: PgPool) {
    let app = TestApp::new(pool);
    let t = app.tenant("acme").await;
    let path = format!("/api/v1/servers/{}", demo_server(&t).await);
    let before = t.viewer().get(&path).await.expect(200).json();
    let told = app.told.count(t.id);
    let bad = json!({ "name": "", "url": "http://10.0.0.1/mcp" });
    let refused = t.admin().patch(&path, bad).await.expect(422).json();
    assert_eq!(pointers(&refused), ["/name", "/url"]);
    assert_eq!(t.viewer().get(&path).await.expect(200).json(), before);
    assert_eq!(app.told.count(t.id), told);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_server_is_paused_resumed_and_removed(pool: PgPool) {
    let app = TestApp::new(pool);
    let t = app.tenant("acme").await;
    let path = format!("/api/v1/servers/{}", demo_server(&t).await);
    let paused = t.admin().post(&format!("{path}/pause"), json!({})).await.expect(200).json();
    assert!(paused["paused_at"].is_string());
    let resumed = t.admin().post(&format!("{path}/resume"), json!({})).await.expect(200).json();
    assert!(resumed["paused_at"].is_null());
    let _gone = t.admin().delete(&path).await.expect(204);
    let _gone = t.viewer().get(&path).await.expect(404);
    let _gone = t.admin().delete(&path).await.expect(404);
}
