//! What every answer has, and what never reaches a handler.

use http::Method;
use http::header::{CONTENT_TYPE, HOST};
use insta::assert_json_snapshot;
use serde_json::json;
use sqlx::PgPool;
use testkit::TestApp;

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn every_answer_is_hardened_named_and_not_cached(pool: PgPool) {
    let app = TestApp::new(pool);
    for path in ["/healthz", "/api/v1/me", "/nowhere", "/static/x/nowhere.css", "/o/acme/servers"] {
        let answer = app.anonymous().get(path).await;
        assert_eq!(
            answer.header("content-security-policy"),
            "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; \
             form-action 'self'",
            "{path}"
        );
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("cross-origin-opener-policy"), "same-origin");
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        assert!(answer.header("x-request-id").starts_with("req_"), "{path}");
        assert_eq!(answer.header("strict-transport-security"), "", "plain http");
    }
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn unknown_addresses_and_methods_are_told_in_the_form_of_their_surface(pool: PgPool) {
    let app = TestApp::new(pool);
    let problem = app.anonymous().get("/api/v1/nothing").await.expect(404).problem();
    assert_json_snapshot!(problem, @r#"
    {
      "type": "urn:drawbridge:problem:not-found",
      "title": "There is nothing here",
      "status": 404,
      "detail": "Nothing is served at this address."
    }
    "#);
    let wrong = app.anonymous().delete("/api/v1/openapi.json").await.expect(405);
    assert_eq!(wrong.header("allow"), "GET,HEAD");
    assert_eq!(wrong.problem()["type"], "urn:drawbridge:problem:method-not-allowed");
    let page = app.anonymous().get("/nothing").await.expect(404);
    assert!(page.header("content-type").starts_with("text/html"));
    assert!(page.body.contains("<h1>There is nothing here</h1>"), "{}", page.body);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_form_of_another_site_is_refused_and_the_api_takes_no_cookie_anyway(pool: PgPool) {
    let app = TestApp::new(pool);
    let t = app.tenant("acme").await;
    for (name, value) in [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")] {
        let request = t
            .admin()
            .request(Method::POST, "/logout")
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(name, value);
        let refused = app.anonymous().send(request.body("".into()).unwrap()).await.expect(403);
        assert!(refused.body.contains("sent from another site"), "{}", refused.body);
    }
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_foreign_host_name_gets_no_answer(pool: PgPool) {
    let app = TestApp::new(pool);
    let mut request = app.anonymous().request(Method::GET, "/api/v1/openapi.json");
    request.headers_mut().unwrap().insert(HOST, "evil.example".parse().unwrap());
    let refused = app.anonymous().send(request.body("".into()).unwrap()).await.expect(421);
    assert!(refused.body.contains("DRAWBRIDGE_ALLOWED_HOSTS"), "{}", refused.body);
    let mut probe = app.anonymous().request(Method::GET, "/readyz");
    probe.headers_mut().unwrap().insert(HOST, "10.0.0.7:8080".parse().unwrap());
    let _ready = app.anonymous().send(probe.body("".into()).unwrap()).await.expect(200);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn bodies_are_bounded_and_of_the_right_type(pool: PgPool) {
    let app = TestApp::new(pool);
    let t = app.tenant("acme").await;
    let big = json!({ "name": "x".repeat(1 << 20), "document": {} });
    let refused = t.policy_manager().post("/api/v1/policies", big).await.expect(413);
    assert_eq!(refused.problem()["type"], "urn:drawbridge:problem:too-large");
    let request = t.policy_manager().request(Method::POST, "/api/v1/policies");
    let refused = t.policy_manager().send(request.body("{}".into()).unwrap()).await.expect(415);
    assert_eq!(refused.problem()["type"], "urn:drawbridge:problem:unsupported-media");
    let request = t
        .policy_manager()
        .request(Method::POST, "/api/v1/policies")
        .header(CONTENT_TYPE, "application/json; charset=utf-8");
    let refused = t.policy_manager().send(request.body("{".into()).unwrap()).await.expect(400);
    assert_json_snapshot!(refused.problem(), @r#"
    {
      "type": "urn:drawbridge:problem:malformed",
      "title": "The request cannot be read",
      "status": 400,
      "detail": "The body is not JSON: EOF while parsing an object, at line 1, column 1."
    }
    "#);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn static_files_live_under_the_hash_of_them_all(pool: PgPool) {
    let app = TestApp::new(pool);
    let path = control::urls::asset("css/app.css");
    let file = app.anonymous().get(&path).await.expect(200);
    assert_eq!(file.header("content-type"), "text/css; charset=utf-8");
    let _script = app.anonymous().get(&control::urls::asset("js/app.js")).await.expect(200);
    let old = path.replace(path.split('/').nth(2).unwrap(), "0123456789ab");
    assert_eq!(app.anonymous().get(&old).await.expect(200).header("cache-control"), "no-cache");
    for outside in ["../Cargo.toml", "..%2FCargo.toml", "%2Fetc%2Fpasswd"] {
        let _none = app.anonymous().get(&format!("/static/x/{outside}")).await.expect(404);
    }
}
