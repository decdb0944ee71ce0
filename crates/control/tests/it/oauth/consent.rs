//! The question that a person is asked, and what their answer does.

use domain::Role;
use serde_json::json;
use sqlx::PgPool;

use super::{GATEWAY, REDIRECT, World, carried, encoded, events, register};

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn the_page_says_who_asks_where_it_leads_and_what_the_worst_tools_are(pool: PgPool) {
    let world = World::new(&pool).await;
    let page = world.t.admin().get(&format!("/o/acme/authorize?{}", world.request())).await;
    let page = page.expect(200);
    for shown in [
        "Claude Code",
        "Name not verified",
        "127.0.0.1",
        REDIRECT,
        "Shop",
        "/t/acme/shop/mcp",
        "create_charge",
        "Financial",
        "Did you start this yourself",
        "Recommended for its tools",
        "error=access_denied",
        "admin@acme.test",
    ] {
        assert!(page.body.contains(shown), "{shown}");
    }
    let policy = page.header("content-security-policy");
    assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
    assert!(policy.ends_with("form-action 'self' http://127.0.0.1:9917"), "{policy}");
    assert_eq!(page.header("cache-control"), "no-store");
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_name_that_means_harm_is_text_and_short(pool: PgPool) {
    let mut world = World::new(&pool).await;
    let name = format!("<script>alert(1)</script>\u{202e}{}", "a".repeat(500));
    let form = json!({ "client_name": name, "redirect_uris": [REDIRECT] });
    let made = world.app.anonymous().post("/register", form).await.expect(201);
    world.client = made.text("/client_id");
    let page = world.t.admin().get(&format!("/o/acme/authorize?{}", world.request())).await;
    let page = page.expect(200);
    assert!(!page.body.contains("<script>alert") && !page.body.contains('\u{202e}'));
    assert!(!page.body.contains(&"a".repeat(61)));
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn who_mints_no_grants_is_told_whom_to_ask(pool: PgPool) {
    let world = World::new(&pool).await;
    for role in [Role::Viewer, Role::PolicyManager] {
        let person = world.t.person(role);
        let page = person.get(&format!("/o/acme/authorize?{}", world.request())).await.expect(200);
        assert!(page.body.contains("An admin has to allow this"), "{role}");
        assert!(page.body.contains("Ada Admin (admin@acme.test)"), "{role}");
        assert!(!page.body.contains("name=\"grant\""), "{role}");
        let form = encoded(&[("request", &world.request()), ("grant", "new"), ("label", "x")]);
        let _refused = person.submit("/o/acme/authorize", &form).await.expect(403);
    }
    // From another site, nobody's yes counts.
    let form = encoded(&[("request", &world.request()), ("grant", "new"), ("label", "x")]);
    let request = world.t.admin().request(http::Method::POST, "/o/acme/authorize");
    let request = request
        .header("content-type", "application/x-www-form-urlencoded")
        .header("sec-fetch-site", "cross-site")
        .body(form.into());
    let _refused = world.t.admin().send(request.unwrap()).await.expect(403);
    assert!(world.snapshot().await.connections.is_empty());
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_yes_makes_the_grant_with_its_policy_and_leads_back_with_a_code(pool: PgPool) {
    let world = World::new(&pool).await;
    let answer = world.allow(&world.request()).await.expect(303);
    let to = answer.header("location");
    assert!(to.starts_with(&format!("{REDIRECT}?code=dbc_")), "{to}");
    assert_eq!(carried(&to, "state").as_deref(), Some("s t&te"));
    assert_eq!(carried(&to, "iss").as_deref(), Some("http://bridge.test"));
    let grants = world.t.admin().get("/api/v1/grants").await.expect(200).json();
    let grant = &grants["data"][0];
    assert_eq!((&grant["label"], &grant["hint"]), (&json!("Claude"), &json!(null)));
    assert_eq!(grant["bindings"][0]["policy_name"], "Shop policy");
    let kinds = events(&pool).await;
    let [.., policy, grant, client] = kinds.as_slice() else { panic!("{kinds:?}") };
    let last = [policy, grant, client].map(String::as_str);
    assert_eq!(last, ["policy.created", "grant.created", "grant.client_connected"]);
    // Nothing is live before the code is redeemed.
    assert!(world.snapshot().await.connections.is_empty());
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn what_was_typed_comes_back_with_what_is_wrong(pool: PgPool) {
    let world = World::new(&pool).await;
    let policy = format!("policy[{}]", world.server);
    let request = world.request();
    let typed = |label: &'static str, expires: &'static str| {
        encoded(&[
            ("request", &request),
            ("grant", "new"),
            ("label", label),
            ("expires_at", expires),
            ("server", &world.server),
            (&policy, "recommended"),
        ])
    };
    let again = world.t.admin().submit("/o/acme/authorize", &typed("", "2020-01-01")).await;
    let again = again.expect(422);
    assert!(again.body.contains("This is required.") && again.body.contains("2020-01-01"));
    assert!(again.body.contains("client_id="), "the request is still in the form");
    assert!(again.header("content-security-policy").contains("http://127.0.0.1:9917"));
    let _made = world.t.admin().submit("/o/acme/authorize", &typed("ci", "")).await.expect(303);
    let taken = world.t.admin().submit("/o/acme/authorize", &typed("ci", "")).await.expect(409);
    assert!(
        taken.body.contains("another grant has this label")
            || taken.body.contains("Another grant has this label")
    );
    // A refused form makes no policy either.
    let policies = world.t.admin().get("/api/v1/policies").await.expect(200).json();
    assert_eq!(policies["data"].as_array().unwrap().len(), 1);
    let none = encoded(&[("request", &request)]);
    let none = world.t.admin().submit("/o/acme/authorize", &none).await.expect(422);
    assert!(none.body.contains("Choose what the client may call with."));
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn only_a_grant_that_holds_and_reaches_the_server_can_be_chosen(pool: PgPool) {
    let world = World::new(&pool).await;
    let other = json!({ "name": "Other", "url": testkit::upstream::demo().await });
    let other = world.t.admin().post("/api/v1/servers", other).await.expect(201).text("/id");
    let grant = async |label: &str, server: &str, more: serde_json::Value| {
        let mut form =
            json!({ "label": label, "bindings": [{ "server_id": server, "policy_id": null }] });
        form.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        world.t.admin().post("/api/v1/grants", form).await.expect(201).text("/id")
    };
    let reaches = grant("reaches", &world.server, json!({})).await;
    let elsewhere = grant("elsewhere", &other, json!({})).await;
    let soon = world.app.clock.now() + chrono::TimeDelta::minutes(1);
    let ended = grant("ended", &world.server, json!({ "expires_at": soon })).await;
    let revoked = grant("revoked", &world.server, json!({})).await;
    let path = format!("/api/v1/grants/{revoked}/revoke");
    let _revoked = world.t.admin().post(&path, json!({})).await.expect(204);
    world.app.clock.advance(chrono::TimeDelta::minutes(2));
    let page = world.t.admin().get(&format!("/o/acme/authorize?{}", world.request())).await;
    let page = page.expect(200);
    assert!(page.body.contains(&reaches));
    for id in [&elsewhere, &ended, &revoked] {
        assert!(!page.body.contains(id));
        let form = encoded(&[("request", &world.request()), ("grant", id)]);
        let _refused = world.t.admin().submit("/o/acme/authorize", &form).await.expect(422);
    }
    let foreign = world.app.tenant("other").await;
    let server = crate::api::demo_server(&foreign).await;
    let theirs = json!({ "label": "x", "bindings": [{ "server_id": server, "policy_id": null }] });
    let theirs = foreign.admin().post("/api/v1/grants", theirs).await.expect(201).text("/id");
    let form = encoded(&[("request", &world.request()), ("grant", &theirs)]);
    let _refused = world.t.admin().submit("/o/acme/authorize", &form).await.expect(422);
    let form = encoded(&[("request", &world.request()), ("grant", &reaches)]);
    let _allowed = world.t.admin().submit("/o/acme/authorize", &form).await.expect(303);
    // The address of all servers takes any grant.
    let all = format!("{GATEWAY}/t/acme/mcp");
    let all = world.changed(&[("resource", &all)]);
    let page = world.t.admin().get(&format!("/o/acme/authorize?{all}")).await.expect(200);
    assert!(page.body.contains(&elsewhere) && page.body.contains("type=\"checkbox\""));
    let form = encoded(&[("request", &all), ("grant", &elsewhere)]);
    let _allowed = world.t.admin().submit("/o/acme/authorize", &form).await.expect(303);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn the_grants_page_shows_its_clients_and_disconnects_them(pool: PgPool) {
    let world = World::new(&pool).await;
    let tokens = world.tokens().await;
    let grants = world.t.admin().get("/api/v1/grants").await.expect(200).json();
    let grant = grants["data"][0]["id"].as_str().unwrap().to_owned();
    let shown = world.t.viewer().get(&format!("/api/v1/grants/{grant}")).await.expect(200).json();
    let connection = &shown["connections"][0];
    assert_eq!(connection["client_name"], "Claude Code");
    assert_eq!(connection["server_slug"], "shop");
    assert_eq!(connection["refreshed_at"], json!(null));
    let text = shown.to_string();
    for secret in [&tokens.access, &tokens.refresh] {
        assert!(!text.contains(secret.as_str()));
    }
    let id = connection["id"].as_str().unwrap();
    let page = world.t.viewer().get(&format!("/o/acme/grants/{grant}")).await.expect(200);
    assert!(page.body.contains("Clients that logged in") && page.body.contains("Claude Code"));
    assert!(page.body.contains("admin@acme.test") && !page.body.contains("Disconnect Claude"));
    let path = format!("/o/acme/grants/{grant}/connections/{id}/delete");
    let told = world.app.told.count(world.t.id);
    let _gone = world.t.admin().submit(&path, "").await.expect(303);
    assert_eq!(world.app.told.count(world.t.id), told + 1);
    assert!(world.snapshot().await.connections.is_empty());
    assert_eq!(events(&pool).await.last().unwrap(), "grant.client_disconnected");
    assert_eq!(
        world.refresh(&tokens.refresh, &[]).await.expect(400).text("/error"),
        "invalid_grant"
    );
    let path = format!("/api/v1/grants/{grant}/connections/{id}");
    let _absent = world.t.admin().delete(&path).await.expect(404);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_clients_tokens_end_with_the_grant_and_with_who_allowed_it(pool: PgPool) {
    let world = World::new(&pool).await;
    let tokens = world.tokens().await;
    let grants = world.t.admin().get("/api/v1/grants").await.expect(200).json();
    let path = format!("/api/v1/grants/{}/revoke", grants["data"][0]["id"].as_str().unwrap());
    let _revoked = world.t.admin().post(&path, json!({})).await.expect(204);
    assert!(world.snapshot().await.connections.is_empty());
    assert_eq!(
        world.refresh(&tokens.refresh, &[]).await.expect(400).text("/error"),
        "invalid_grant"
    );
    let tokens = world.tokens().await;
    assert_eq!(world.live().await, 1);
    let before = world.snapshot().await.organisation.revision;
    let gone = "delete from memberships where role = 'admin'";
    sqlx::raw_sql(gone).execute(&pool).await.unwrap();
    let after = world.snapshot().await;
    assert!(after.connections.is_empty() && after.organisation.revision > before);
    assert_eq!(
        world.refresh(&tokens.refresh, &[]).await.expect(400).text("/error"),
        "invalid_grant"
    );
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn several_clients_of_one_grant_are_told_apart(pool: PgPool) {
    let mut world = World::new(&pool).await;
    let first = world.tokens().await;
    let grants = world.t.admin().get("/api/v1/grants").await.expect(200).json();
    let grant = grants["data"][0]["id"].as_str().unwrap().to_owned();
    let mine = world.client.clone();
    world.client = register(&world.app, &["cursor://x/callback", REDIRECT]).await;
    let form = encoded(&[("request", &world.request()), ("grant", &grant)]);
    let answer = world.t.admin().submit("/o/acme/authorize", &form).await.expect(303);
    let code = carried(&answer.header("location"), "code").unwrap();
    // The code is the second client's alone, and so are its tokens.
    let stolen = world.redeem(&code, &[("client_id", &mine)]).await.expect(400);
    assert_eq!(stolen.text("/error"), "invalid_grant");
    let _redeemed = world.redeem(&code, &[]).await.expect(200);
    let crossed = world.refresh(&first.refresh, &[]).await.expect(400);
    assert_eq!(crossed.text("/error"), "invalid_grant");
    assert_eq!(world.live().await, 2);
    let _refreshed = world.refresh(&first.refresh, &[("client_id", &mine)]).await.expect(200);
}
