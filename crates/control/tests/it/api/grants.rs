//! Grants: minted, changed, rotated, revoked.

use chrono::TimeDelta;
use domain::secret::{KeyDigest, KeyKind};
use insta::assert_json_snapshot;
use serde_json::{Value, json};
use sqlx::PgPool;
use store::Store;
use testkit::{Tenant, TestApp};

use super::{demo_server, pointers, policy};

/// Mints a grant on the demo server under a policy.
async fn grant(t: &Tenant, label: &str) -> Value {
    let (server, policy) = (demo_server(t).await, policy(t, label).await);
    let form = json!({
        "label": label, "bindings": [{ "server_id": server, "policy_id": policy }],
    });
    t.admin().post("/api/v1/grants", form).await.expect(201).json()
}

fn path(grant: &Value) -> String {
    format!("/api/v1/grants/{}", grant["id"].as_str().unwrap())
}

/// How many tokens open the gateway, and whether this is one of them.
async fn opens(app: &TestApp, t: &Tenant, token: &Value) -> bool {
    let digest = KeyDigest::of_presented(KeyKind::Grant, token.as_str().unwrap()).unwrap();
    let store: &Store = &app.store;
    let snapshot = store.snapshot(&t.slug).await.unwrap().unwrap();
    let now = app.clock.now();
    snapshot
        .tokens
        .iter()
        .any(|row| row.digest == digest && row.expires_at.is_none_or(|at| at > now))
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_token_is_shown_once_with_what_to_paste_where(pool: PgPool) {
    let app = TestApp::new(pool);
    let t = app.tenant("acme").await;
    let minted = grant(&t, "ci-runner").await;
    let token = minted["token"].as_str().unwrap();
    assert!(token.starts_with("dbg_"));
    assert_eq!(minted["gateway_url"], "https://gateway.test/t/acme/mcp");
    assert_eq!(minted["server_urls"], json!({ "shop": "https://gateway.test/t/acme/shop/mcp" }));
    let configs = minted["client_configs"].as_object().unwrap();
    for client in ["claude_code", "claude_desktop", "cursor", "vscode", "codex", "windsurf", "curl"]
    {
        let text = configs[client].as_str().unwrap();
        assert!(text.contains(token), "{client}: {text}");
        assert!(text.contains("https://gateway.test/t/acme/shop/mcp"), "{client}: {text}");
    }
    assert!(opens(&app, &t, &minted["token"]).await);
    let shown = t.viewer().get(&path(&minted)).await.expect(200);
    assert!(!shown.body.contains(token), "it never comes back");
    assert_json_snapshot!(shown.json(), {
        ".id" => "", ".created_by" => "", ".created_at" => "", ".hint" => "",
        ".bindings[].server_id" => "", ".bindings[].policy_id" => "",
    }, @r#"
    {
      "id": "",
      "label": "ci-runner",
      "status": "active",
      "bindings": [
        {
          "server_id": "",
          "server_slug": "shop",
          "server_name": "Shop",
          "policy_id": "",
          "policy_name": "ci-runner"
        }
      ],
      "hint": "",
      "gateway_url": "https://gateway.test/t/acme/mcp",
      "server_urls": {
        "shop": "https://gateway.test/t/acme/shop/mcp"
      },
      "created_by": "",
      "created_at": "",
      "expires_at": null,
      "revoked_at": null,
      "used_at": null,
      "connections": []
    }
    "#);
    let listed = t.viewer().get("/api/v1/grants").await.expect(200).json();
    // What clients that logged in hold is said of one grant, not in lists.
    let mut row = shown.json();
    row.as_object_mut().unwrap().remove("connections");
    assert_eq!(listed["data"], json!([row]));
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn everything_wrong_with_a_form_is_said_at_once(pool: PgPool) {
    let app = TestApp::new(pool);
    let t = app.tenant("acme").await;
    let other = app.tenant("other").await;
    let (own, foreign) = (demo_server(&t).await, demo_server(&other).await);
    let form = json!({
        "label": "", "expires_at": "2020-01-01T00:00:00Z",
        "bindings": [
            { "server_id": own, "policy_id": policy(&other, "P").await },
            { "server_id": own, "policy_id": null },
            { "server_id": foreign, "policy_id": null },
        ],
    });
    let refused = t.admin().post("/api/v1/grants", form).await.expect(422).json();
    assert_eq!(
        pointers(&refused),
        [
            "/label",
            "/expires_at",
            "/bindings/0/policy_id",
            "/bindings/1/server_id",
            "/bindings/2/server_id",
        ]
    );
    let none = json!({ "label": "g", "bindings": [] });
    let refused = t.admin().post("/api/v1/grants", none).await.expect(422).json();
    assert_eq!(pointers(&refused), ["/bindings"]);
    let policy_left_out = json!({ "label": "g", "bindings": [{ "server_id": own }] });
    let made = t.admin().post("/api/v1/grants", policy_left_out).await.expect(201).json();
    assert!(made["bindings"][0]["policy_id"].is_null(), "which denies everything");
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_label_is_taken_until_its_grant_is_revoked(pool: PgPool) {
    let app = TestApp::new(pool);
    let t = app.tenant("acme").await;
    let first = grant(&t, "ci").await;
    let server = first["bindings"][0]["server_id"].clone();
    let again = json!({ "label": "ci", "bindings": [{ "server_id": server, "policy_id": null }] });
    let taken = t.admin().post("/api/v1/grants", again.clone()).await.expect(409).json();
    assert_eq!(pointers(&taken), ["/label"]);
    let revoke = format!("{}/revoke", path(&first));
    let _gone = t.admin().post(&revoke, json!({})).await.expect(204);
    let _twice = t.admin().post(&revoke, json!({})).await.expect(204);
    assert!(!opens(&app, &t, &first["token"]).await);
    let shown = t.viewer().get(&path(&first)).await.expect(200);
    assert_eq!(shown.text("/status"), "revoked");
    let final_ = t.admin().post(&format!("{}/rotate", path(&first)), json!({})).await.expect(409);
    assert!(final_.text("/detail").contains("final"), "{}", final_.body);
    let _free = t.admin().post("/api/v1/grants", again).await.expect(201);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_rotated_token_works_on_for_the_overlap_and_no_longer(pool: PgPool) {
    let app = TestApp::new(pool);
    let t = app.tenant("acme").await;
    let first = grant(&t, "ci").await;
    let rotate = format!("{}/rotate", path(&first));
    let overlap = json!({ "overlap_seconds": 60 });
    let second = t.admin().post(&rotate, overlap).await.expect(200).json();
    assert!(opens(&app, &t, &first["token"]).await && opens(&app, &t, &second["token"]).await);
    app.clock.advance(TimeDelta::seconds(60));
    assert!(!opens(&app, &t, &first["token"]).await && opens(&app, &t, &second["token"]).await);
    let third = t.admin().ask(http::Method::POST, &rotate, None).await.expect(200).json();
    assert!(!opens(&app, &t, &second["token"]).await && opens(&app, &t, &third["token"]).await);
    let long = json!({ "overlap_seconds": 86_401 });
    let refused = t.admin().post(&rotate, long).await.expect(422).json();
    assert_eq!(pointers(&refused), ["/overlap_seconds"]);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn label_expiry_and_servers_change_and_what_is_left_out_stays(pool: PgPool) {
    let app = TestApp::new(pool);
    let t = app.tenant("acme").await;
    let minted = grant(&t, "ci").await;
    let soon = app.clock.now() + TimeDelta::hours(1);
    let patch = json!({ "label": "deploy", "expires_at": soon });
    let changed = t.admin().patch(&path(&minted), patch).await.expect(200).json();
    assert_eq!(changed["label"], "deploy");
    assert_eq!(changed["bindings"], minted["bindings"]);
    app.clock.advance(TimeDelta::hours(1));
    let t = app.tenant("later").await;
    let minted = grant(&t, "ci").await;
    let patch = json!({ "expires_at": app.clock.now() + TimeDelta::seconds(1) });
    let _changed = t.admin().patch(&path(&minted), patch).await.expect(200);
    app.clock.advance(TimeDelta::seconds(1));
    assert_eq!(t.viewer().get(&path(&minted)).await.expect(200).text("/status"), "expired");
    let forever = json!({ "expires_at": null });
    let changed = t.admin().patch(&path(&minted), forever).await.expect(200);
    assert_eq!(changed.text("/status"), "active");
    let second = demo_server(&t).await;
    let bindings = json!({ "bindings": [{ "server_id": second, "policy_id": null }] });
    let changed = t.admin().patch(&path(&minted), bindings).await.expect(200).json();
    assert_eq!(changed["bindings"].as_array().unwrap().len(), 1);
    assert_eq!(changed["bindings"][0]["server_slug"], "shop-2");
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_policy_manager_rebinds_what_is_bound_and_nothing_else(pool: PgPool) {
    let app = TestApp::new(pool);
    let t = app.tenant("acme").await;
    let minted = grant(&t, "ci").await;
    let server = minted["bindings"][0]["server_id"].as_str().unwrap();
    let binding = format!("{}/bindings/{server}/policy", path(&minted));
    let detach = json!({ "policy_id": null });
    let changed = t.policy_manager().put(&binding, detach.clone()).await.expect(200).json();
    assert!(changed["bindings"][0]["policy_id"].is_null());
    let attach = json!({ "policy_id": policy(&t, "other").await });
    let changed = t.policy_manager().put(&binding, attach).await.expect(200).json();
    assert_eq!(changed["bindings"][0]["policy_name"], "other");
    let unbound = format!("{}/bindings/{}/policy", path(&minted), demo_server(&t).await);
    let _none = t.policy_manager().put(&unbound, detach).await.expect(404);
    let unknown = json!({ "policy_id": "pol_00000000000000000000000000000000" });
    let _unknown = t.policy_manager().put(&binding, unknown).await.expect(422);
    let _silent = t.policy_manager().put(&binding, json!({})).await.expect(422);
}
