//! Clients: those that register, and those that publish a description of themselves.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use sqlx::PgPool;
use testkit::{TestApp, upstream};

use super::{REDIRECT, World, encoded};

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_client_registers_without_a_secret_and_learns_what_was_kept(pool: PgPool) {
    let app = TestApp::new(pool);
    let form = json!({
        "client_name": "Cursor", "application_type": "native", "contacts": ["a@b.c"],
        "token_endpoint_auth_method": "client_secret_post", "scope": "openid offline_access",
        "redirect_uris": [REDIRECT, "http://not-loopback.example/cb", "cursor://x/callback"],
    });
    let made = app.anonymous().post("/register", form).await.expect(201);
    let body = made.json();
    assert_eq!(body["redirect_uris"], json!([REDIRECT, "cursor://x/callback"]));
    assert_eq!(body["token_endpoint_auth_method"], "none");
    assert!(body["client_id"].as_str().unwrap().starts_with("cli_"));
    assert!(body.get("client_secret").is_none());
    assert_eq!(made.header("cache-control"), "no-store");
    assert_eq!(made.header("access-control-allow-origin"), "*");
    for (form, word) in [
        (json!({}), "invalid_redirect_uri"),
        (json!({ "redirect_uris": ["javascript:alert(1)", REDIRECT] }), "invalid_redirect_uri"),
        (json!([]), "invalid_client_metadata"),
        (
            json!({ "redirect_uris": [REDIRECT], "grant_types": ["implicit"] }),
            "invalid_client_metadata",
        ),
    ] {
        let refused = app.anonymous().post("/register", form).await.expect(400);
        assert_eq!(refused.text("/error"), word);
        assert!(!refused.text("/error_description").is_empty());
    }
    let long = json!({ "redirect_uris": [REDIRECT], "padding": "x".repeat(70_000) });
    let _large = app.anonymous().post("/register", long).await.expect(413);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn registering_is_bounded_by_address(pool: PgPool) {
    let app = TestApp::new(pool);
    let form = json!({ "redirect_uris": [REDIRECT] });
    for _ in 0..30 {
        let _made = app.anonymous().post("/register", form.clone()).await.expect(201);
    }
    let waits = app.anonymous().post("/register", form.clone()).await.expect(429);
    assert_eq!(
        (waits.text("/error"), waits.header("retry-after")),
        ("slow_down".into(), "900".into())
    );
    app.clock.advance(chrono::TimeDelta::minutes(15));
    let _made = app.anonymous().post("/register", form).await.expect(201);
}

/// A place that publishes one document, made from its own address; and how often it was asked.
async fn published(
    document: impl Fn(&str) -> (u16, &'static str, String) + Clone + Send + Sync + 'static,
) -> (String, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let url = upstream::publishing(move |url| {
        count.fetch_add(1, Ordering::SeqCst);
        document(url)
    })
    .await;
    (url, asked)
}

fn description(url: &str) -> Value {
    json!({ "client_id": url, "client_name": "Published", "redirect_uris": [REDIRECT],
        "token_endpoint_auth_method": "none", "grant_types": ["authorization_code", "refresh_token"] })
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_client_that_describes_itself_logs_in_and_is_asked_for_once(pool: PgPool) {
    let mut world = World::new(&pool).await;
    let (url, asked) =
        published(|url| (200, "application/json", description(url).to_string())).await;
    world.client.clone_from(&url);
    let page = world.t.admin().get(&format!("/o/acme/authorize?{}", world.request())).await;
    let page = page.expect(200);
    assert!(page.body.contains("Published") && page.body.contains("Described by"));
    let tokens = world.tokens().await;
    let _refreshed = world.refresh(&tokens.refresh, &[]).await.expect(200);
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    // Where it did not say so, nobody is sent.
    let request = world.changed(&[("redirect_uri", "https://evil.example/cb")]);
    let _stopped = world.app.anonymous().get(&format!("/authorize?{request}")).await.expect(400);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_description_that_cannot_be_trusted_is_none(pool: PgPool) {
    let mut world = World::new(&pool).await;
    let json = "application/json";
    for (what, status, media, body) in [
        ("another id", 200, json, None),
        ("no JSON", 200, json, Some("<html>".to_owned())),
        ("a page", 200, "text/html", Some("{}".to_owned())),
        ("absent", 404, json, Some("{}".to_owned())),
        ("moved", 302, json, Some("{}".to_owned())),
        ("too large", 200, json, Some(format!("\"{}\"", "x".repeat(70_000)))),
    ] {
        let (url, _) = published(move |url| {
            let other = description(&format!("{url}x")).to_string();
            (status, media, body.clone().unwrap_or(other))
        })
        .await;
        world.client = url;
        let stopped = world.app.anonymous().get(&format!("/authorize?{}", world.request())).await;
        let stopped = stopped.expect(400);
        assert!(stopped.body.contains("Its description at 127.0.0.1 cannot be used"), "{what}");
    }
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn no_description_is_fetched_from_inside(pool: PgPool) {
    let app = TestApp::with(pool.clone(), |_, rules| rules.allow.clear());
    let (url, asked) =
        published(|url| (200, "application/json", description(url).to_string())).await;
    let inside = url.replace("http://", "https://");
    for id in [url.as_str(), &inside, "https://169.254.169.254/x", "https://[::1]/x"] {
        let request = encoded(&[("client_id", id), ("redirect_uri", REDIRECT)]);
        let _stopped = app.anonymous().get(&format!("/authorize?{request}")).await.expect(400);
    }
    assert_eq!(asked.load(Ordering::SeqCst), 0);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn who_names_ever_new_descriptions_is_told_to_wait(pool: PgPool) {
    let app = TestApp::with(pool, |_, rules| rules.allow.clear());
    let ask = async |n: usize| {
        let id = format!("https://127.0.0.1/{n}.json");
        let request = encoded(&[("client_id", &id), ("redirect_uri", REDIRECT)]);
        app.anonymous().get(&format!("/authorize?{request}")).await
    };
    for n in 0..60 {
        let _stopped = ask(n).await.expect(400);
    }
    let _waits = ask(60).await.expect(429);
}
