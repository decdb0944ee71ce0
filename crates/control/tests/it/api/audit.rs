//! The audit logs: who changed what, what was called, and the proof of both.

use domain::Outcome;
use domain::chain::{Broken, Found, PublicKey, Signer, Verifier};
use serde_json::json;
use sqlx::PgPool;
use testkit::{Answer, TestApp};

use super::{call, demo_server, policy};

const EVENTS: &str = "/api/v1/audit-events";

fn verify(export: &str) -> Result<Found, Broken> {
    let mut verifier = Verifier::default();
    export.lines().try_for_each(|line| verifier.take(line))?;
    Ok(verifier.found)
}

fn kinds(listed: &Answer) -> Vec<String> {
    let data = listed.json().get("data").unwrap().as_array().unwrap().clone();
    data.iter().map(|event| event["kind"].as_str().unwrap().to_owned()).collect()
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_change_tells_who_with_what_from_where_and_what_was_before(pool: PgPool) {
    let app = TestApp::with(pool, |settings, _| {
        settings.trusted_proxies = vec!["0.0.0.0/32".parse().unwrap()];
    });
    let t = app.tenant("acme").await;
    let request = t
        .admin()
        .request(http::Method::PATCH, "/api/v1/organisation")
        .header("content-type", "application/json")
        .header("x-forwarded-for", "203.0.113.9");
    let body = json!({ "name": "Acme & Daughters" }).to_string();
    let _changed = t.admin().send(request.body(body.into()).unwrap()).await.expect(200);
    let events = t.admin().get(EVENTS).await.expect(200).json();
    let event = &events["data"][0];
    assert_eq!(event["kind"], "organisation.changed");
    assert_eq!(event["actor"], t.owner.to_string());
    assert_eq!(event["credential"], "access token");
    assert_eq!(event["address"], "203.0.113.9");
    let change = &event["changes"][0];
    assert_eq!(change["what"], "organisations");
    assert_eq!(change["id"], t.id.to_string());
    assert_eq!(change["before"]["name"], "Organisation acme");
    assert_eq!(change["after"]["name"], "Acme & Daughters");
    assert!(change["after"].get("slug").is_none(), "only what is different");
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn secrets_only_say_that_they_changed(pool: PgPool) {
    let app = TestApp::new(pool);
    let t = app.tenant("acme").await;
    let server = demo_server(&t).await;
    for value in ["first-secret", "second-secret"] {
        let auth = json!({ "type": "headers", "headers": { "x-key": value } });
        let path = format!("/api/v1/servers/{server}");
        let _set = t.admin().patch(&path, json!({ "auth": auth })).await.expect(200);
    }
    let form = json!({ "name": "ci", "role": "viewer" });
    let _key = t.admin().post("/api/v1/api-keys", form).await.expect(201);
    let bindings = json!([{ "server_id": server, "policy_id": policy(&t, "P").await }]);
    let form = json!({ "label": "g", "bindings": bindings });
    let grant = t.admin().post("/api/v1/grants", form).await.expect(201).text("/id");
    let rotate = format!("/api/v1/grants/{grant}/rotate");
    let _rotated = t.admin().post(&rotate, json!({})).await.expect(200);
    let listed = t.admin().get(EVENTS).await.expect(200);
    assert!(listed.body.contains("(hidden, changed)"), "{}", listed.body);
    for secret in ["first-secret", "second-secret", "\\\\x"] {
        assert!(!listed.body.contains(secret), "{secret} in {}", listed.body);
    }
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn the_log_is_filtered_paged_and_exported_with_its_proof(pool: PgPool) {
    let app = TestApp::new(pool);
    let t = app.tenant("acme").await;
    for name in ["A", "B", "C"] {
        app.clock.advance(chrono::TimeDelta::milliseconds(2));
        let _policy = policy(&t, name).await;
    }
    let form = json!({ "name": "ci", "role": "viewer" });
    let _key = t.admin().post("/api/v1/api-keys", form).await.expect(201);
    let grouped = t.admin().get(&format!("{EVENTS}?kind=policy&limit=2")).await.expect(200);
    assert_eq!(kinds(&grouped), ["policy.created", "policy.created"]);
    assert!(!grouped.json()["next_cursor"].is_null());
    let owner = format!("{EVENTS}?actor={}", t.owner);
    assert_eq!(kinds(&t.admin().get(&owner).await.expect(200)), ["api_key.created"]);
    let export = t.admin().get(&format!("{EVENTS}/export")).await.expect(200);
    assert_eq!(export.header("content-type"), "application/x-ndjson");
    let found = verify(&export.body).unwrap();
    assert_eq!((found.rows, found.first, found.last, found.gaps), (4, Some(1), Some(4), 0));
    let forged = export.body.replacen("policy.created", "policy.removed", 1);
    assert_eq!(verify(&forged), Err(Broken::Changed(1)));
    let csv = t.admin().get(&format!("{EVENTS}/export?format=csv&kind=api_key")).await.expect(200);
    assert!(csv.body.starts_with("seq,id,time,actor"), "{}", csv.body);
    assert_eq!(csv.body.lines().count(), 2);
    let _other = t.outsider().await.get(&format!("{EVENTS}/export")).await.expect(200);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn nobody_edits_the_logs(pool: PgPool) {
    let app = TestApp::new(pool.clone());
    let t = app.tenant("acme").await;
    let _policy = policy(&t, "A").await;
    let row = call(&app, &t, "list_customers", Outcome::Allowed);
    let _written = app.store.insert_calls(&[row]).await.unwrap();
    for sql in [
        "update audit_events set actor = 'nobody'",
        "delete from audit_events",
        "update calls set outcome = 'allowed'",
    ] {
        let refused = sqlx::raw_sql(sql).execute(&pool).await.unwrap_err();
        assert!(refused.to_string().contains("is written once"), "{sql}: {refused}");
    }
    let gone = "delete from organisations";
    let _with_everything = sqlx::raw_sql(gone).execute(&pool).await.unwrap();
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn calls_are_chained_once_each_however_many_write_them(pool: PgPool) {
    let app = TestApp::new(pool);
    let t = app.tenant("acme").await;
    let mut calls: Vec<_> =
        (0..40).map(|n| call(&app, &t, &format!("tool {n}"), Outcome::Allowed)).collect();
    // What a client sent and the database has no room for.
    calls[0].message = "a\0b".to_owned();
    calls[0].us.total = u32::MAX;
    let batches =
        calls.chunks(25).chain(calls.chunks(7)).map(|batch| app.store.insert_calls(batch));
    let written = futures_util::future::try_join_all(batches).await.unwrap();
    assert_eq!(written.iter().sum::<u64>(), 40);
    let export = t.viewer().get("/api/v1/calls/export").await.expect(200);
    let found = verify(&export.body).unwrap();
    assert_eq!((found.rows, found.gaps, found.last), (40, 0, Some(40)));
    let filtered = t.viewer().get("/api/v1/calls/export?tool=tool+7").await.expect(200);
    let found = verify(&filtered.body).unwrap();
    assert_eq!(found.rows, 1);
    let csv = t.viewer().get("/api/v1/calls/export?format=csv&tool=tool+7").await.expect(200);
    assert!(csv.body.lines().nth(1).unwrap().contains(",tool 7,"), "{}", csv.body);
    let refused = t.viewer().get("/api/v1/calls/export?format=xml").await.expect(422);
    assert!(refused.body.contains("ndjson"), "{}", refused.body);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn heads_are_signed_and_a_chain_made_anew_is_noticed(pool: PgPool) {
    let app = TestApp::new(pool);
    let t = app.tenant("acme").await;
    let first = call(&app, &t, "a", Outcome::Allowed);
    let _written = app.store.insert_calls(&[first]).await.unwrap();
    let signer = Signer::new(&[3; 32]);
    assert_eq!(app.store.sign_heads(&signer, app.clock.now()).await.unwrap(), 1);
    assert_eq!(app.store.sign_heads(&signer, app.clock.now()).await.unwrap(), 0);
    let listed = t.viewer().get("/api/v1/calls/checkpoints").await.expect(200).json();
    let signed: Vec<domain::chain::Checkpoint> =
        serde_json::from_value(listed["data"].clone()).unwrap();
    let keys = app.anonymous().get("/api/v1/auth/jwks.json").await.expect(200).json();
    let keys = keys["keys"].as_array().unwrap().clone();
    let key = keys.iter().find(|key| key["kid"] == signed[0].kid).unwrap();
    let key = PublicKey::from_text(key["x"].as_str().unwrap()).unwrap();
    assert!(signed[0].is_signed_by(&key));
    let export = t.viewer().get("/api/v1/calls/export").await.expect(200).body;
    let mut verifier = Verifier::with(signed);
    verifier.take(export.lines().next().unwrap()).unwrap();
    assert_eq!(verifier.found.signed, 1);
    let none = t.viewer().get("/api/v1/calls/checkpoints?chain=events").await.expect(200).json();
    assert_eq!(none["data"], json!([]));
}
