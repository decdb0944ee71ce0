//! API keys.

use chrono::TimeDelta;
use domain::Role;
use serde_json::json;
use sqlx::PgPool;
use testkit::TestApp;

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_key_works_until_it_is_removed_and_is_shown_once(pool: PgPool) {
    let app = TestApp::new(pool);
    let t = app.tenant("acme").await;
    let form = json!({ "name": " deploy ", "role": "viewer" });
    let made = t.admin().post("/api/v1/api-keys", form).await.expect(201);
    let token = made.text("/token");
    let program = app.anonymous().with_bearer(&token);
    let me = program.get("/api/v1/me").await.expect(200).json();
    assert_eq!(me["role"], "viewer");
    assert_eq!(me["api_key"], made.json()["id"]);
    let listed = t.admin().get("/api/v1/api-keys").await.expect(200);
    assert!(!listed.body.contains(&token), "a key never comes back");
    assert_eq!(listed.text("/data/0/name"), "deploy");
    assert!(token.ends_with(&listed.text("/data/0/hint")));
    assert!(!listed.json()["data"][0]["used_at"].is_null());
    let path = format!("/api/v1/api-keys/{}", made.text("/id"));
    let _gone = t.admin().delete(&path).await.expect(204);
    let _refused = program.get("/api/v1/me").await.expect(401);
    let _unknown = t.admin().delete(&path).await.expect(404);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_key_expires(pool: PgPool) {
    let app = TestApp::new(pool);
    let t = app.tenant("acme").await;
    let past = json!({ "name": "k", "role": "admin", "expires_at": app.clock.now() });
    let refused = t.admin().post("/api/v1/api-keys", past).await.expect(422);
    assert_eq!(refused.text("/errors/0/pointer"), "/expires_at");
    let soon = app.clock.now() + TimeDelta::hours(1);
    let form = json!({ "name": "k", "role": "admin", "expires_at": soon });
    let made = t.admin().post("/api/v1/api-keys", form).await.expect(201);
    let program = app.anonymous().with_bearer(made.text("/token"));
    let _fine = program.get("/api/v1/me").await.expect(200);
    app.clock.advance(TimeDelta::hours(1));
    let _over = program.get("/api/v1/me").await.expect(401);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_key_of_a_low_role_is_as_low_as_a_person_of_it(pool: PgPool) {
    let app = TestApp::new(pool);
    let t = app.tenant("acme").await;
    let viewer = t.api_key(Role::Viewer).await;
    let refused = viewer.get("/api/v1/api-keys").await.expect(403);
    assert_eq!(
        refused.text("/detail"),
        "This needs the role admin; yours is viewer. Ask an admin of the organisation."
    );
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn lists_go_page_by_page(pool: PgPool) {
    let app = TestApp::new(pool);
    let t = app.tenant("acme").await;
    for n in 0..5 {
        app.clock.advance(TimeDelta::milliseconds(2));
        let form = json!({ "name": format!("key {n}"), "role": "viewer" });
        let _made = t.admin().post("/api/v1/api-keys", form).await.expect(201);
    }
    let (mut names, mut next) = (Vec::new(), Some(String::new()));
    while let Some(cursor) = next {
        let path = format!("/api/v1/api-keys?limit=2&cursor={cursor}");
        let page = t.admin().get(&path).await.expect(200).json();
        let data = page["data"].as_array().unwrap();
        assert!(data.len() <= 2);
        names.extend(data.iter().map(|key| key["name"].as_str().unwrap().to_owned()));
        next = page["next_cursor"].as_str().map(str::to_owned);
    }
    assert_eq!(names, ["key 4", "key 3", "key 2", "key 1", "key 0"]);
    let refused = t.admin().get("/api/v1/api-keys?cursor=nonsense").await.expect(422);
    assert_eq!(
        refused.text("/errors/0/detail"),
        "pass `next_cursor` of the page before, unchanged"
    );
    let refused = t.admin().get("/api/v1/api-keys?limt=2").await.expect(422);
    assert!(refused.body.contains("did you mean `limit`?"), "{}", refused.body);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_key_is_good_only_from_the_networks_it_was_made_for(pool: PgPool) {
    let app = TestApp::with(pool, |settings, _| {
        settings.trusted_proxies = vec!["0.0.0.0/32".parse().unwrap()];
    });
    let t = app.tenant("acme").await;
    let networks = json!(["203.0.113.0/24", "2001:db8::1"]);
    let form = json!({ "name": "ci", "role": "viewer", "allowed_addresses": networks });
    let made = t.admin().post("/api/v1/api-keys", form).await.expect(201);
    let program = app.anonymous().with_bearer(made.text("/token"));
    for (from, status) in [
        ("203.0.113.77", 200),
        ("2001:db8::1", 200),
        ("203.0.114.1", 403),
        ("2001:db8::2", 403),
        // The client's own words are further left.
        ("203.0.113.77, 198.51.100.1", 403),
    ] {
        let request = program.request(http::Method::GET, "/api/v1/me");
        let request = request.header("x-forwarded-for", from).body("".into()).unwrap();
        let answer = program.send(request).await.expect(status);
        if status == 403 {
            assert_eq!(answer.text("/type"), "urn:drawbridge:problem:wrong-address");
        }
    }
    let listed = t.admin().get("/api/v1/api-keys").await.expect(200).json();
    assert_eq!(
        listed["data"][0]["allowed_addresses"],
        json!(["203.0.113.0/24", "2001:db8::1/128"])
    );
    let wrong = json!(["203.0.113.0/24", "example.com", "203.0.113.9/24"]);
    let form = json!({ "name": "ci", "role": "viewer", "allowed_addresses": wrong });
    let refused = t.admin().post("/api/v1/api-keys", form).await.expect(422).json();
    let pointers: Vec<_> = refused["errors"].as_array().unwrap().iter().collect();
    assert_eq!(pointers.len(), 2);
    assert_eq!(pointers[0]["pointer"], "/allowed_addresses/1");
    assert_eq!(pointers[1]["pointer"], "/allowed_addresses/2");
}
