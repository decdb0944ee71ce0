//! `/authorize`: what is told to the person, what to the client, and where a good request leads.

use http::Method;
use http::header::HOST;
use sqlx::PgPool;
use testkit::TestApp;

use super::{GATEWAY, REDIRECT, World, carried, encoded};

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn the_documents_say_where_clients_log_in_and_any_page_may_read_them(pool: PgPool) {
    let app = TestApp::new(pool);
    let found = app.anonymous().get("/.well-known/oauth-authorization-server").await.expect(200);
    let document = found.json();
    assert_eq!(document["issuer"], "http://bridge.test");
    for (name, path) in [
        ("authorization_endpoint", "/authorize"),
        ("token_endpoint", "/token"),
        ("registration_endpoint", "/register"),
        ("revocation_endpoint", "/revoke"),
    ] {
        assert_eq!(document[name], format!("http://bridge.test{path}"));
    }
    assert_eq!(document["code_challenge_methods_supported"], serde_json::json!(["S256"]));
    assert_eq!(document["token_endpoint_auth_methods_supported"][0], "none");
    for claim in
        ["client_id_metadata_document_supported", "authorization_response_iss_parameter_supported"]
    {
        assert_eq!(document[claim], true, "{claim}");
    }
    assert_eq!(found.header("access-control-allow-origin"), "*");
    assert_eq!(found.header("cache-control"), "max-age=300");
    for absent in [
        "/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server/t/acme/mcp",
        "/.well-known/security.txt",
    ] {
        let missing = app.anonymous().get(absent).await.expect(404);
        assert_eq!(missing.text("/error"), "not_found", "{absent}");
        assert_eq!(missing.header("access-control-allow-origin"), "*");
    }
    for path in ["/token", "/register", "/revoke", "/.well-known/oauth-authorization-server"] {
        let asked = app
            .anonymous()
            .request(Method::OPTIONS, path)
            .header("origin", "https://inspector.example")
            .header("access-control-request-method", "POST");
        let answer = app.anonymous().send(asked.body("".into()).unwrap()).await.expect(204);
        assert_eq!(answer.header("access-control-allow-origin"), "*", "{path}");
        assert!(answer.header("access-control-allow-headers").contains("mcp-protocol-version"));
        assert!(answer.header("access-control-allow-credentials").is_empty());
    }
    // Elsewhere nothing is opened.
    let page = app.anonymous().get("/login").await.expect(200);
    assert!(page.header("access-control-allow-origin").is_empty());
}

/// Nobody is sent to an address that was not registered.
#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_wrong_client_or_redirect_is_told_to_the_person_only(pool: PgPool) {
    let world = World::new(&pool).await;
    let unknown = format!("cli_{}", "0".repeat(32));
    for changes in [
        vec![("client_id", "")],
        vec![("client_id", "nobody")],
        vec![("client_id", unknown.as_str())],
        vec![("client_id", "https://10.0.0.1/client.json")],
        vec![("client_id", "https://app.example/")],
        vec![("client_id", "http://app.example/client.json")],
        vec![("redirect_uri", "https://evil.example/callback")],
        vec![("redirect_uri", "http://127.0.0.1:9917/other")],
        vec![("redirect_uri", "http://127.0.0.1:9917/callback#x")],
        vec![("redirect_uri", "http://127.0.0.1:1@evil.example/callback")],
        vec![("redirect_uri", "javascript:alert(1)")],
        // Wrong in other ways too: still nobody is sent there.
        vec![("redirect_uri", "https://evil.example/"), ("response_type", "token")],
    ] {
        let request = world.changed(&changes);
        for (actor, path) in
            [(world.app.anonymous(), "/authorize"), (world.t.admin().clone(), "/o/acme/authorize")]
        {
            let stopped = actor.get(&format!("{path}?{request}")).await.expect(400);
            assert!(stopped.body.contains("This client cannot be connected"), "{changes:?}");
            assert!(stopped.header("location").is_empty());
        }
        let form = encoded(&[("request", &request), ("grant", "new")]);
        let _stopped = world.t.admin().submit("/o/acme/authorize", &form).await.expect(400);
    }
    let twice = format!("{}&redirect_uri=https%3A%2F%2Fevil.example", world.request());
    let _stopped = world.app.anonymous().get(&format!("/authorize?{twice}")).await.expect(400);
    let twice = format!("{}&client_id=x", world.request());
    let _stopped = world.app.anonymous().get(&format!("/authorize?{twice}")).await.expect(400);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn everything_else_is_told_to_the_client_with_its_state_and_our_name(pool: PgPool) {
    let world = World::new(&pool).await;
    let long = "x".repeat(5_000);
    for (name, value, error) in [
        ("response_type", "", "invalid_request"),
        ("response_type", "token", "unsupported_response_type"),
        ("response_mode", "fragment", "invalid_request"),
        ("request_uri", "https://x.example/r", "invalid_request"),
        ("code_challenge", "", "invalid_request"),
        ("code_challenge", "short", "invalid_request"),
        ("code_challenge_method", "", "invalid_request"),
        ("code_challenge_method", "plain", "invalid_request"),
        ("resource", "", "invalid_target"),
        ("resource", "https://elsewhere.example/t/acme/shop/mcp", "invalid_target"),
        ("resource", GATEWAY, "invalid_target"),
        ("state", long.as_str(), "invalid_request"),
    ] {
        let request = world.changed(&[(name, value)]);
        for (actor, path) in
            [(world.app.anonymous(), "/authorize"), (world.t.admin().clone(), "/o/acme/authorize")]
        {
            let back = actor.get(&format!("{path}?{request}")).await.expect(303);
            let to = back.header("location");
            assert!(to.starts_with(&format!("{REDIRECT}?")), "{name}: {to}");
            assert_eq!(carried(&to, "error").as_deref(), Some(error), "{name}={value}");
            assert_eq!(carried(&to, "iss").as_deref(), Some("http://bridge.test"));
            assert!(carried(&to, "error_description").is_some());
            assert_eq!(carried(&to, "code"), None);
            if name != "state" {
                assert_eq!(carried(&to, "state").as_deref(), Some("s t&te"));
            }
        }
    }
    let twice = format!("{}&resource={GATEWAY}%2Ft%2Facme%2Fmcp", world.request());
    let back = world.app.anonymous().get(&format!("/authorize?{twice}")).await.expect(303);
    assert_eq!(carried(&back.header("location"), "error").as_deref(), Some("invalid_target"));
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn whoever_signs_in_first_comes_back_with_nothing_lost(pool: PgPool) {
    let world = World::new(&pool).await;
    let nobody = world.app.anonymous();
    let request = world.request();
    let on = nobody.get(&format!("/authorize?{request}")).await.expect(303).header("location");
    assert_eq!(on, format!("/o/acme/authorize?{request}"));
    let to_login = nobody.get(&on).await.expect(303).header("location");
    let next = carried(&format!("http://x{to_login}"), "next").unwrap();
    assert_eq!(next, on);
    let form = encoded(&[
        ("email", "admin@acme.test"),
        ("password", "correct horse battery"),
        ("next", &next),
    ]);
    let back = nobody.submit("/login", &form).await.expect(303);
    assert_eq!(back.header("location"), on);
    let cookie = back.header("set-cookie");
    let person = nobody.with_cookie(cookie.split(';').next().unwrap());
    let page = person.get(&on).await.expect(200);
    assert!(page.body.contains("Claude Code") && page.body.contains("127.0.0.1"));
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn an_organisation_that_is_not_theirs_is_as_unknown_as_none(pool: PgPool) {
    let world = World::new(&pool).await;
    let outsider = world.t.outsider().await;
    let at = |organisation: &str, resource: &str| {
        let resource = format!("{GATEWAY}/t/{resource}/mcp");
        format!("/o/{organisation}/authorize?{}", world.changed(&[("resource", &resource)]))
    };
    let foreign = outsider.get(&at("acme", "acme/shop")).await.expect(404);
    let none = outsider.get(&at("nobody", "nobody/shop")).await.expect(404);
    assert_eq!(foreign.body, none.body);
    // The path and the resource must agree.
    let _crossed = world.t.admin().get(&at("acme", "not-acme/shop")).await.expect(404);
    let _absent = world.t.admin().get(&at("acme", "acme/nothing")).await.expect(404);
    // Before anybody signed in, every name leads on alike.
    for name in ["acme", "nobody"] {
        let request = at(name, name).replacen(&format!("/o/{name}"), "", 1);
        let _on = world.app.anonymous().get(&request).await.expect(303);
    }
    // Under another name nothing is answered, in JSON where a client asks.
    let rebound = http::Request::get("/.well-known/oauth-authorization-server")
        .header(HOST, "evil.example")
        .body("".into());
    let foreign = world.app.anonymous().send(rebound.unwrap()).await.expect(421);
    assert_eq!(foreign.text("/error"), "invalid_request");
}
