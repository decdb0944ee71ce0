//! `/token` and `/revoke`: a code once, a refresh token once, and what a copy of one leads to.

use chrono::TimeDelta;
use sqlx::PgPool;
use testkit::Answer;

use super::{GATEWAY, REDIRECT, Tokens, World, carried, encoded, events, register};

fn error(answer: Answer) -> String {
    let answer = answer.expect(400);
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    answer.text("/error")
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_code_gives_tokens_of_the_grant_for_one_address(pool: PgPool) {
    let world = World::new(&pool).await;
    let code = world.code().await;
    let told = world.app.told.count(world.t.id);
    let answer = world.redeem(&code, &[]).await.expect(200);
    assert_eq!(world.app.told.count(world.t.id), told + 1, "enforced before the answer");
    let body = answer.json();
    assert_eq!((&body["token_type"], &body["expires_in"]), (&"Bearer".into(), &3600.into()));
    assert_eq!(body["scope"], "mcp");
    assert!(answer.text("/access_token").starts_with("dbg_"));
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    let seen = world.snapshot().await;
    let [row] = seen.connections.as_slice() else { panic!("{:?}", seen.connections) };
    assert_eq!(row.server.unwrap().to_string(), world.server);
    assert_eq!(row.label, "Claude");
    let (_, ends) = row.token.unwrap();
    assert!(ends <= world.app.clock.now() + TimeDelta::hours(1));
    // What the database has is no token.
    let rows = sqlx::raw_sql("select encode(digest, 'escape') from access_tokens");
    assert_eq!(rows.fetch_all(&pool).await.unwrap().len(), 1);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_code_is_its_clients_own(pool: PgPool) {
    let world = World::new(&pool).await;
    let code = world.code().await;
    let other = register(&world.app, &[REDIRECT]).await;
    let elsewhere = format!("{GATEWAY}/t/acme/mcp");
    for (name, value, word) in [
        ("code", "dbc_x", "invalid_grant"),
        ("code", "", "invalid_request"),
        ("client_id", &other, "invalid_grant"),
        ("client_id", "", "invalid_request"),
        ("client_id", "https://app.example/client.json", "invalid_grant"),
        ("redirect_uri", "http://127.0.0.1:9917/other", "invalid_grant"),
        ("resource", &elsewhere, "invalid_target"),
        ("resource", "nonsense", "invalid_target"),
        ("code_verifier", "", "invalid_request"),
        ("grant_type", "", "invalid_request"),
        ("grant_type", "password", "unsupported_grant_type"),
        ("grant_type", "client_credentials", "unsupported_grant_type"),
    ] {
        assert_eq!(error(world.redeem(&code, &[(name, value)]).await), word, "{name}={value}");
    }
    let unknown = format!("cli_{}", "0".repeat(32));
    let gone = world.redeem(&code, &[("client_id", &unknown)]).await.expect(401);
    assert_eq!(gone.text("/error"), "invalid_client");
    // It is still good for whom it was made; the address may be left out (OAuth 2.1).
    let _issued = world.redeem(&code, &[("redirect_uri", ""), ("resource", "")]).await.expect(200);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_code_without_its_verifier_is_spent(pool: PgPool) {
    let world = World::new(&pool).await;
    let code = world.code().await;
    let wrong = "another-verifier-of-forty-three-characters-or-more";
    assert_eq!(error(world.redeem(&code, &[("code_verifier", wrong)]).await), "invalid_grant");
    assert_eq!(error(world.redeem(&code, &[]).await), "invalid_grant");
    assert_eq!(world.live().await, 0);
    assert_eq!(events(&pool).await.last().unwrap(), "grant.client_disconnected");
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_code_waits_for_a_minute(pool: PgPool) {
    let world = World::new(&pool).await;
    let code = world.code().await;
    world.app.clock.advance(TimeDelta::seconds(60));
    assert_eq!(error(world.redeem(&code, &[]).await), "invalid_grant");
    assert_eq!(world.live().await, 0);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_code_that_is_used_twice_ends_what_it_gave(pool: PgPool) {
    let world = World::new(&pool).await;
    let code = world.code().await;
    let tokens = Tokens::of(&world.redeem(&code, &[]).await.expect(200));
    assert_eq!(world.live().await, 1);
    // Whenever that is: long after the code's minute, too.
    world.app.clock.advance(TimeDelta::minutes(30));
    let told = world.app.told.count(world.t.id);
    assert_eq!(error(world.redeem(&code, &[]).await), "invalid_grant");
    assert_eq!(world.app.told.count(world.t.id), told + 1);
    assert!(world.snapshot().await.connections.is_empty());
    assert_eq!(error(world.refresh(&tokens.refresh, &[]).await), "invalid_grant");
    assert_eq!(events(&pool).await.last().unwrap(), "grant.client_token_reused");
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_refresh_token_rotates_and_its_second_use_ends_the_family(pool: PgPool) {
    let world = World::new(&pool).await;
    let first = world.tokens().await;
    let elsewhere = format!("{GATEWAY}/t/acme/mcp");
    let refused = world.refresh(&first.refresh, &[("resource", &elsewhere)]).await;
    assert_eq!(error(refused), "invalid_target");
    let mut last = Tokens::of(&world.refresh(&first.refresh, &[]).await.expect(200));
    assert_ne!(last.access, first.access);
    // The access token before goes on for calls that are under way, older ones do not.
    assert_eq!(world.live().await, 2);
    for _ in 0..3 {
        world.app.clock.advance(TimeDelta::seconds(1));
        last = Tokens::of(&world.refresh(&last.refresh, &[]).await.expect(200));
    }
    assert_eq!(world.live().await, 2);
    assert_eq!(error(world.refresh(&first.refresh, &[]).await), "invalid_grant");
    assert!(world.snapshot().await.connections.is_empty());
    assert_eq!(error(world.refresh(&last.refresh, &[]).await), "invalid_grant");
    assert_eq!(events(&pool).await.last().unwrap(), "grant.client_token_reused");
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn two_refreshes_at_once_give_one_pair_and_end_it(pool: PgPool) {
    let world = World::new(&pool).await;
    let tokens = world.tokens().await;
    let (one, other) =
        tokio::join!(world.refresh(&tokens.refresh, &[]), world.refresh(&tokens.refresh, &[]));
    let mut statuses = [one.status.as_u16(), other.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 400]);
    assert!(world.snapshot().await.connections.is_empty());
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_connection_lasts_while_it_is_refreshed_and_no_longer_than_its_grant(pool: PgPool) {
    let world = World::new(&pool).await;
    let admin = world.t.api_key(domain::Role::Admin).await;
    let mut tokens = world.tokens().await;
    for _ in 0..3 {
        world.app.clock.advance(TimeDelta::days(29));
        tokens = Tokens::of(&world.refresh(&tokens.refresh, &[]).await.expect(200));
    }
    let grants = admin.get("/api/v1/grants").await.expect(200).json();
    let path = format!("/api/v1/grants/{}", grants["data"][0]["id"].as_str().unwrap());
    let soon = world.app.clock.now() + TimeDelta::minutes(10);
    let _ending = admin.patch(&path, serde_json::json!({ "expires_at": soon })).await.expect(200);
    let last = world.refresh(&tokens.refresh, &[]).await.expect(200);
    assert_eq!(last.json()["expires_in"], 600);
    world.app.clock.advance(TimeDelta::minutes(10));
    let ended = world.refresh(&last.text("/refresh_token"), &[]).await;
    assert_eq!(error(ended), "invalid_grant");
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_connection_that_is_not_refreshed_ends_after_30_days(pool: PgPool) {
    let world = World::new(&pool).await;
    let tokens = world.tokens().await;
    world.app.clock.advance(TimeDelta::days(30));
    assert_eq!(error(world.refresh(&tokens.refresh, &[]).await), "invalid_grant");
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_changed_character_makes_any_secret_unknown(pool: PgPool) {
    let world = World::new(&pool).await;
    let code = world.code().await;
    let changed = |text: &str, at: usize| {
        let mut bytes = text.to_owned().into_bytes();
        bytes[at] ^= 1;
        String::from_utf8(bytes).unwrap()
    };
    for at in (0..code.len()).step_by(3) {
        assert_eq!(error(world.redeem(&changed(&code, at), &[]).await), "invalid_grant", "{at}");
    }
    let tokens = Tokens::of(&world.redeem(&code, &[]).await.expect(200));
    for at in (0..tokens.refresh.len()).step_by(3) {
        let refused = world.refresh(&changed(&tokens.refresh, at), &[]).await;
        assert_eq!(error(refused), "invalid_grant", "{at}");
    }
    // One kind of secret is never taken for another.
    for other in [&code, &tokens.access] {
        assert_eq!(error(world.refresh(other, &[]).await), "invalid_grant");
    }
    for other in [&tokens.refresh, &tokens.access] {
        assert_eq!(error(world.redeem(other, &[]).await), "invalid_grant");
    }
    let _still_good = world.refresh(&tokens.refresh, &[]).await.expect(200);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_client_that_gives_back_one_token_has_none(pool: PgPool) {
    let world = World::new(&pool).await;
    let revoke = async |pairs: &[(&str, &str)]| {
        world.app.anonymous().submit("/revoke", &encoded(pairs)).await
    };
    let other = register(&world.app, &[REDIRECT]).await;
    for which in ["access", "refresh"] {
        let tokens = world.tokens().await;
        let token = if which == "access" { &tokens.access } else { &tokens.refresh };
        let foreign = revoke(&[("token", token), ("client_id", &other)]).await.expect(401);
        assert_eq!(foreign.text("/error"), "invalid_client");
        assert_eq!(world.live().await, 1);
        let given = [("token", token.as_str()), ("client_id", &world.client)];
        let _gone = revoke(&given).await.expect(200);
        let _again = revoke(&given).await.expect(200);
        assert!(world.snapshot().await.connections.is_empty(), "{which}");
        assert_eq!(error(world.refresh(&tokens.refresh, &[]).await), "invalid_grant");
        assert_eq!(events(&pool).await.last().unwrap(), "grant.client_disconnected");
        let grants = world.t.admin().get("/api/v1/grants").await.expect(200).json();
        let path = format!("/api/v1/grants/{}/revoke", grants["data"][0]["id"].as_str().unwrap());
        let _free = world.t.admin().post(&path, serde_json::json!({})).await.expect(204);
    }
    let _unknown = revoke(&[("token", "nonsense"), ("token_type_hint", "x")]).await.expect(200);
    assert_eq!(error(revoke(&[]).await), "invalid_request");
    // A pasted token is the grant's, and is rotated or revoked there.
    let grant = serde_json::json!({ "label": "pasted",
        "bindings": [{ "server_id": world.server, "policy_id": null }] });
    let pasted = world.t.admin().post("/api/v1/grants", grant).await.expect(201).text("/token");
    let _ignored = revoke(&[("token", &pasted)]).await.expect(200);
    assert_eq!(world.snapshot().await.tokens.len(), 1);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_parameter_is_given_once(pool: PgPool) {
    let world = World::new(&pool).await;
    let code = world.code().await;
    let form = encoded(&[
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("code_verifier", super::VERIFIER),
        ("client_id", &world.client),
        ("client_id", "somebody else"),
    ]);
    assert_eq!(error(world.app.anonymous().submit("/token", &form).await), "invalid_request");
    let json = serde_json::json!({ "grant_type": "authorization_code" });
    let odd = world.app.anonymous().post("/token", json).await.expect(415);
    assert_eq!(odd.text("/error"), "invalid_request");
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn what_has_expired_is_removed_without_a_notice(pool: PgPool) {
    let world = World::new(&pool).await;
    let tokens = world.tokens().await;
    let count = async |table: &'static str| {
        let rows = match table {
            "access_tokens" => "select 1 as one from access_tokens",
            "connections" => "select 1 as one from connections",
            _ => "select 1 as one from oauth_clients",
        };
        sqlx::raw_sql(rows).fetch_all(&pool).await.unwrap().len()
    };
    let unused = register(&world.app, &["https://x.example/cb"]).await;
    let abandoned = {
        let pasted = world.changed(&[("state", "")]);
        let form = encoded(&[
            ("request", &pasted),
            ("grant", "new"),
            ("label", "b"),
            ("server", &world.server),
        ]);
        let answer = world.t.admin().submit("/o/acme/authorize", &form).await.expect(303);
        carried(&answer.header("location"), "code").unwrap()
    };
    assert_eq!((count("connections").await, count("oauth_clients").await), (2, 2));
    let later = world.app.clock.now() + TimeDelta::hours(2);
    let revision = async || world.snapshot().await.organisation.revision;
    world.app.store.purge_connections(world.app.clock.now()).await.unwrap();
    assert_eq!(count("access_tokens").await, 1);
    sqlx::raw_sql("delete from connections where redeemed_at is null")
        .execute(&pool)
        .await
        .unwrap();
    let before = revision().await;
    world.app.store.purge_connections(later).await.unwrap();
    assert_eq!((count("access_tokens").await, count("connections").await), (0, 1));
    assert_eq!(revision().await, before, "no view is read again for what it had dropped itself");
    assert_eq!(world.snapshot().await.connections.len(), 1, "the client is still connected");
    assert_eq!(error(world.redeem(&abandoned, &[]).await), "invalid_grant");
    // A client that nobody used is forgotten first; one that is connected stays.
    world.app.store.purge_connections(world.app.clock.now() + TimeDelta::days(3)).await.unwrap();
    assert_eq!(count("oauth_clients").await, 1);
    let gone = world.redeem("dbc_x", &[("client_id", &unused)]).await.expect(401);
    assert_eq!(gone.text("/error"), "invalid_client");
    let _refreshed = world.refresh(&tokens.refresh, &[]).await.expect(200);
    world.app.store.purge_connections(world.app.clock.now() + TimeDelta::days(31)).await.unwrap();
    assert_eq!(count("connections").await, 0);
}
