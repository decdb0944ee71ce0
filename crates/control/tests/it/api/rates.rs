//! How often one may ask, and what is said of it.

use chrono::TimeDelta;
use http::Method;
use serde_json::json;
use sqlx::PgPool;
use testkit::{Answer, TestApp};

fn limited(pool: PgPool, api: u32, sign_in: u32) -> TestApp {
    TestApp::with(pool, |settings, _| {
        settings.rates.api_per_minute = api;
        settings.rates.sign_in_per_minute = sign_in;
        settings.trusted_proxies = vec!["0.0.0.0/32".parse().unwrap()];
    })
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn each_credential_has_its_minute_and_every_answer_says_what_is_left(pool: PgPool) {
    let app = limited(pool, 3, 1_000);
    let t = app.tenant("acme").await;
    let first = t.viewer().get("/api/v1/servers").await.expect(200);
    assert_eq!(first.header("ratelimit-policy"), "\"api\";q=3;w=60");
    assert!(first.header("ratelimit").starts_with("\"api\";r=2;t="));
    let _second = t.viewer().get("/api/v1/servers").await.expect(200);
    // What is refused counts and says so too.
    let third = t.viewer().get("/api/v1/api-keys").await.expect(403);
    assert!(third.header("ratelimit").starts_with("\"api\";r=0;t="));
    let over = t.viewer().get("/api/v1/servers").await.expect(429);
    let secs: i64 = over.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&secs));
    assert_eq!(over.text("/type"), "urn:drawbridge:problem:too-many");
    let _others = t.admin().get("/api/v1/servers").await.expect(200);
    app.clock.advance(TimeDelta::seconds(60));
    let _again = t.viewer().get("/api/v1/servers").await.expect(200);
}

async fn sign_in(app: &TestApp, from: &str, path: &str) -> Answer {
    let form = json!({ "email": format!("{from}@example.com"), "password": "wrong" });
    let request = app
        .anonymous()
        .request(Method::POST, path)
        .header("content-type", "application/json")
        .header("sec-fetch-site", "same-origin")
        .header("x-forwarded-for", from);
    app.anonymous().send(request.body(form.to_string().into()).unwrap()).await
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn one_address_tries_to_sign_in_so_often_whatever_the_account(pool: PgPool) {
    let app = limited(pool, 1_000, 2);
    for _ in 0..2 {
        let _wrong = sign_in(&app, "203.0.113.9", "/api/v1/auth/token").await.expect(401);
    }
    let over = sign_in(&app, "203.0.113.9", "/api/v1/auth/token").await.expect(429);
    assert_eq!(over.header("ratelimit-policy"), "\"sign-in\";q=2;w=60");
    let _page = sign_in(&app, "203.0.113.9", "/login").await.expect(429);
    let _elsewhere = sign_in(&app, "203.0.113.10", "/api/v1/auth/token").await.expect(401);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn made_up_keys_count_for_the_address_that_makes_them_up(pool: PgPool) {
    let app = limited(pool, 1_000, 2);
    let mut seen = Vec::new();
    for _ in 0..3 {
        let key = domain::secret::PlainKey::fresh(domain::secret::KeyKind::Api);
        let stranger = app.anonymous().with_bearer(key.reveal());
        seen.push(stranger.get("/api/v1/me").await.status.as_u16());
    }
    assert_eq!(seen, [401, 401, 429]);
}
