//! Browsers: signing in, staying in, being signed out.

use chrono::TimeDelta;
use http::Method;
use http::header::CONTENT_TYPE;
use serde_json::json;
use sqlx::PgPool;
use testkit::{Actor, Answer, TestApp};

const FORM: &str = "email=admin%40acme.test&password=correct+horse+battery";

async fn log_in(app: &TestApp, form: &str) -> Answer {
    app.anonymous().submit("/login", form).await
}

/// The browser that keeps the cookie of this answer.
fn browser(app: &TestApp, answer: &Answer) -> Actor {
    let cookie = answer.header("set-cookie");
    app.anonymous().with_cookie(cookie.split(';').next().unwrap())
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn on_loopback_http_the_cookie_has_a_plain_name(pool: PgPool) {
    let app = TestApp::new(pool);
    let _t = app.tenant("acme").await;
    let answer = log_in(&app, FORM).await.expect(303);
    let cookie = answer.header("set-cookie");
    assert!(cookie.starts_with("drawbridge=dbs_"), "{cookie}");
    assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Lax"), "{cookie}");
    let _in = browser(&app, &answer).get("/o/acme/servers").await.expect(200);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn with_tls_the_cookie_is_tied_to_the_host_and_secure(pool: PgPool) {
    let app = TestApp::with(pool, |settings, _| {
        settings.public_url = "https://bridge.test".parse().unwrap();
    });
    let _t = app.tenant("acme").await;
    let answer = log_in(&app, FORM).await.expect(303);
    let cookie = answer.header("set-cookie");
    assert!(cookie.starts_with("__Host-drawbridge=dbs_"), "{cookie}");
    assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Lax; Secure"), "{cookie}");
    assert_eq!(answer.header("strict-transport-security"), "max-age=31536000");
    let _in = browser(&app, &answer).get("/o/acme/servers").await.expect(200);
    let plain = cookie.replace("__Host-", "");
    let plain = app.anonymous().with_cookie(plain.split(';').next().unwrap());
    let _out = plain.get("/o/acme/servers").await.expect(303);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_session_lasts_while_it_is_used_and_ends_after_30_idle_days(pool: PgPool) {
    let app = TestApp::new(pool);
    let _t = app.tenant("acme").await;
    let browser = browser(&app, &log_in(&app, FORM).await.expect(303));
    for _ in 0..3 {
        app.clock.advance(TimeDelta::days(29));
        let _in = browser.get("/o/acme/servers").await.expect(200);
    }
    app.clock.advance(TimeDelta::days(30));
    let out = browser.get("/o/acme/servers?x=1").await.expect(303);
    assert_eq!(out.header("location"), "/login?next=%2Fo%2Facme%2Fservers%3Fx%3D1");
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_form_sent_after_the_session_ended_says_how_to_save_what_was_typed(pool: PgPool) {
    let app = TestApp::new(pool);
    let t = app.tenant("acme").await;
    app.clock.advance(TimeDelta::days(30));
    let out =
        t.admin().submit("/o/acme/servers", "name=Shop&url=https%3A%2F%2Fx").await.expect(401);
    assert!(out.body.contains("what you typed is still in it"), "{}", out.body);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn after_signing_out_the_cookie_is_void(pool: PgPool) {
    let app = TestApp::new(pool);
    let _t = app.tenant("acme").await;
    let browser = browser(&app, &log_in(&app, FORM).await.expect(303));
    let out = browser.submit("/logout", "").await.expect(303);
    assert!(out.header("set-cookie").contains("Max-Age=0"), "{}", out.header("set-cookie"));
    let _out = browser.get("/o/acme/servers").await.expect(303);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn another_organisations_pages_are_as_unknown_as_none(pool: PgPool) {
    let app = TestApp::new(pool);
    let (t, other) = (app.tenant("acme").await, app.tenant("other").await);
    let foreign = t.admin().get("/o/other/servers").await.expect(404);
    let none = t.admin().get("/o/nobody/servers").await.expect(404);
    assert_eq!(foreign.body, none.body);
    let _odd = t.admin().get("/o/No%00Slug/servers").await.expect(404);
    // Who belongs to both sees both.
    app.store.put_membership(other.id, t.owner, domain::Role::Viewer).await.unwrap();
    let _fine = t.admin().get("/o/other/servers").await.expect(200);
    let _low = t.admin().submit("/o/other/servers", "name=x").await.expect(403);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn signing_in_goes_on_to_our_own_pages_only(pool: PgPool) {
    let app = TestApp::new(pool);
    let _t = app.tenant("acme").await;
    for (next, to) in [
        ("%2Fo%2Facme%2Fcalls", "/o/acme/calls"),
        ("%2F%2Fevil.example", "/o"),
        ("https%3A%2F%2Fevil.example", "/o"),
    ] {
        let answer = log_in(&app, &format!("{FORM}&next={next}")).await.expect(303);
        assert_eq!(answer.header("location"), to, "{next}");
    }
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn an_api_credential_opens_no_page(pool: PgPool) {
    let app = TestApp::new(pool);
    let t = app.tenant("acme").await;
    let key = json!({ "name": "k", "role": "admin" });
    let key = t.admin().post("/api/v1/api-keys", key).await.expect(201).text("/token");
    let request = app
        .anonymous()
        .request(Method::GET, "/o/acme/servers")
        .header("authorization", format!("Bearer {key}"));
    let _out = app.anonymous().send(request.body("".into()).unwrap()).await.expect(303);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_form_is_a_form_and_text(pool: PgPool) {
    let app = TestApp::new(pool);
    let request = app
        .anonymous()
        .request(Method::POST, "/login")
        .header(CONTENT_TYPE, "application/json")
        .header("sec-fetch-site", "same-origin");
    let _json = app.anonymous().send(request.body("{}".into()).unwrap()).await.expect(415);
    let odd = log_in(&app, "email=a%00b%40x.de&password=x").await.expect(422);
    assert!(odd.body.contains("character that no text has"), "{}", odd.body);
}
