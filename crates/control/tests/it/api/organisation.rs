//! The organisation of the credential.

use serde_json::json;
use sqlx::PgPool;
use testkit::TestApp;

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn settings_change_one_by_one(pool: PgPool) {
    let app = TestApp::new(pool);
    let t = app.tenant("acme").await;
    let change = json!({ "name": "Acme Ltd", "settings": { "retention_days": 30 } });
    let changed = t.admin().patch("/api/v1/organisation", change).await.expect(200).json();
    assert_eq!(changed["name"], "Acme Ltd");
    assert_eq!(changed["gateway_url"], "https://gateway.test/t/acme/mcp");
    assert_eq!(
        changed["settings"],
        json!({
            "audit_values": false, "retention_days": 30, "redis_failure": "closed",
            "stale_for_secs": 300,
        })
    );
    assert_eq!(app.told.count(t.id), 1, "the gateway is told before the answer");
    let seen = t.viewer().get("/api/v1/organisation").await.expect(200).json();
    assert_eq!(seen, changed);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn settings_out_of_range_are_refused_together_and_nothing_is_saved(pool: PgPool) {
    let app = TestApp::new(pool);
    let t = app.tenant("acme").await;
    let change = json!({
        "name": "", "settings": { "retention_days": 0, "stale_for_secs": 100_000 },
    });
    let refused = t.admin().patch("/api/v1/organisation", change).await.expect(422).json();
    let pointers: Vec<_> =
        refused["errors"].as_array().unwrap().iter().map(|e| e["pointer"].clone()).collect();
    assert_eq!(pointers, ["/name", "/settings/retention_days", "/settings/stale_for_secs"]);
    assert_eq!(app.told.count(t.id), 0);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn the_kill_switch_is_on_until_it_is_off(pool: PgPool) {
    let app = TestApp::new(pool);
    let t = app.tenant("acme").await;
    let on = t.admin().post("/api/v1/organisation/pause", json!({})).await.expect(200).json();
    assert!(on["paused_at"].is_string());
    let off = t.admin().post("/api/v1/organisation/resume", json!({})).await.expect(200).json();
    assert!(off["paused_at"].is_null());
    assert_eq!(app.told.count(t.id), 2);
}
