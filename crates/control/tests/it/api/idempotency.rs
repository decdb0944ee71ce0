//! What is sent twice under one key is done once.

use chrono::TimeDelta;
use http::Method;
use http::header::CONTENT_TYPE;
use serde_json::{Value, json};
use sqlx::PgPool;
use testkit::{Actor, Answer, TestApp};

async fn post(actor: &Actor, path: &str, key: &str, body: &Value) -> Answer {
    let request = actor
        .request(Method::POST, path)
        .header(CONTENT_TYPE, "application/json")
        .header("idempotency-key", key);
    actor.send(request.body(body.to_string().into()).unwrap()).await
}

async fn count(actor: &Actor, path: &str) -> usize {
    actor.get(path).await.expect(200).json().get("data").unwrap().as_array().unwrap().len()
}

const KEYS: &str = "/api/v1/api-keys";

fn key_form(name: &str) -> Value {
    json!({ "name": name, "role": "viewer" })
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn the_same_request_is_answered_again_with_the_secret_it_made(pool: PgPool) {
    let app = TestApp::new(pool.clone());
    let t = app.tenant("acme").await;
    let first = post(t.admin(), KEYS, "k-1", &key_form("ci")).await.expect(201);
    let again = post(t.admin(), KEYS, "k-1", &key_form("ci")).await.expect(201);
    assert_eq!(first.body, again.body);
    assert_eq!(first.header("idempotent-replayed"), "");
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!(again.header("content-type"), "application/json");
    assert_eq!(count(t.admin(), KEYS).await, 1);
    // The answer holds a token, which nobody reads in the database.
    let kept = sqlx::query_scalar!("select answer from idempotency_keys").fetch_one(&pool).await;
    let kept = String::from_utf8_lossy(&kept.unwrap().unwrap()).into_owned();
    assert!(!kept.contains(&first.text("/token")) && !kept.contains("dbk_"));
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_key_belongs_to_one_request_of_one_credential_for_a_day(pool: PgPool) {
    let app = TestApp::new(pool);
    let t = app.tenant("acme").await;
    let _first = post(t.admin(), KEYS, "k-1", &key_form("ci")).await.expect(201);
    let other = post(t.admin(), KEYS, "k-1", &key_form("cd")).await.expect(422);
    assert!(other.text("/detail").contains("another request"), "{}", other.body);
    let program = t.api_key(domain::Role::Admin).await;
    let _own = post(&program, KEYS, "k-1", &key_form("cd")).await.expect(201);
    let outsider = t.outsider().await;
    let _own = post(&outsider, KEYS, "k-1", &key_form("ci")).await.expect(201);
    app.clock.advance(TimeDelta::hours(24));
    let program = app.anonymous().with_bearer(sign_in(&app).await);
    let _anew = post(&program, KEYS, "k-1", &key_form("later")).await.expect(201);
}

async fn sign_in(app: &TestApp) -> String {
    let form = json!({ "email": "admin@acme.test", "password": "correct horse battery" });
    app.anonymous().post("/api/v1/auth/token", form).await.expect(200).text("/access_token")
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_refused_request_leaves_its_key_free(pool: PgPool) {
    let app = TestApp::new(pool);
    let t = app.tenant("acme").await;
    let _wrong = post(t.admin(), KEYS, "k-1", &key_form("")).await.expect(422);
    let _mended = post(t.admin(), KEYS, "k-1", &key_form("ci")).await.expect(201);
    let _low = post(t.viewer(), KEYS, "k-1", &key_form("ci")).await.expect(403);
    let _nobody = post(&app.anonymous(), KEYS, "k-1", &key_form("ci")).await.expect(401);
    let long = "x".repeat(256);
    let _long = post(t.admin(), KEYS, &long, &key_form("ci")).await.expect(400);
    assert_eq!(count(t.admin(), KEYS).await, 1);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn many_at_once_make_one(pool: PgPool) {
    let app = TestApp::new(pool);
    let t = app.tenant("acme").await;
    let form = key_form("ci");
    let sent = (0..8).map(|_| post(t.admin(), KEYS, "k-1", &form));
    let answers = futures_util::future::join_all(sent).await;
    for answer in &answers {
        match answer.status.as_u16() {
            201 => {}
            409 => assert_eq!(answer.header("retry-after"), "1"),
            other => panic!("{other}: {}", answer.body),
        }
    }
    assert!(answers.iter().any(|answer| answer.status == 201));
    assert_eq!(count(t.admin(), KEYS).await, 1);
    let _settled = post(t.admin(), KEYS, "k-1", &form).await.expect(201);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn what_was_left_under_way_is_taken_over_only_if_nothing_was_done(pool: PgPool) {
    let app = TestApp::new(pool.clone());
    let t = app.tenant("acme").await;
    let _first = post(t.admin(), KEYS, "k-1", &key_form("ci")).await.expect(201);
    // As a process leaves it that was killed between the change and its answer.
    let cut = "update idempotency_keys set answer = null";
    let _rows = sqlx::raw_sql(cut).execute(&pool).await.unwrap();
    let _busy = post(t.admin(), KEYS, "k-1", &key_form("ci")).await.expect(409);
    app.clock.advance(TimeDelta::seconds(61));
    let lost = post(t.admin(), KEYS, "k-1", &key_form("ci")).await.expect(409);
    assert!(lost.text("/detail").contains("was lost"), "{}", lost.body);
    let undone = "update idempotency_keys set committed = false";
    let _rows = sqlx::raw_sql(undone).execute(&pool).await.unwrap();
    let _taken_over = post(t.admin(), KEYS, "k-1", &key_form("ci")).await.expect(201);
}
