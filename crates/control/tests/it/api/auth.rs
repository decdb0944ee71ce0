//! Signing up, in, on and out.

use chrono::TimeDelta;
use control::SignupMode;
use insta::assert_json_snapshot;
use serde_json::{Value, json};
use sqlx::PgPool;
use testkit::{Answer, TestApp};

fn ada() -> Value {
    json!({
        "email": "Ada@Example.com", "password": "correct horse battery",
        "name": "Ada Lovelace", "organisation": "Analytical Engines",
    })
}

async fn sign_up(app: &TestApp, change: Value) -> Answer {
    let mut form = ada();
    form.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    app.anonymous().post("/api/v1/auth/signup", form).await
}

async fn sign_in(app: &TestApp, email: &str, password: &str) -> Answer {
    let form = json!({ "email": email, "password": password });
    app.anonymous().post("/api/v1/auth/token", form).await
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn who_signs_up_can_sign_in_and_is_admin_of_their_organisation(pool: PgPool) {
    let app = TestApp::new(pool);
    let made = sign_up(&app, json!({})).await.expect(201);
    assert_eq!(made.text("/organisation/slug"), "analytical-engines");
    let tokens = sign_in(&app, "ada@example.COM", "correct horse battery").await.expect(200);
    assert_eq!(tokens.text("/token_type"), "Bearer");
    assert_eq!(tokens.json()["expires_in"], 900);
    let me = app.anonymous().with_bearer(tokens.text("/access_token")).get("/api/v1/me").await;
    let me = me.expect(200);
    assert_eq!(me.text("/role"), "admin");
    assert_eq!(me.text("/user/name"), "Ada Lovelace");
    assert_eq!(me.text("/memberships/0/organisation/id"), made.text("/organisation/id"));
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn everything_wrong_with_a_sign_up_is_said_at_once(pool: PgPool) {
    let app = TestApp::new(pool);
    let bad = json!({ "email": "ada", "password": "short", "name": " ", "organisation": "" });
    let problem = sign_up(&app, bad).await.expect(422).problem();
    assert_json_snapshot!(problem, @r#"
    {
      "type": "urn:drawbridge:problem:invalid",
      "title": "Some of the input is not right",
      "status": 422,
      "detail": "4 things are not right; `errors` has them all.",
      "errors": [
        {
          "pointer": "/email",
          "detail": "enter an e-mail address, such as ada@example.com"
        },
        {
          "pointer": "/name",
          "detail": "this is required"
        },
        {
          "pointer": "/organisation",
          "detail": "this is required"
        },
        {
          "pointer": "/password",
          "detail": "use at least 12 characters; a few words in a row are easy to keep"
        }
      ]
    }
    "#);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_taken_address_is_refused_in_any_spelling_and_a_taken_name_is_numbered(pool: PgPool) {
    let app = TestApp::new(pool);
    let _first = sign_up(&app, json!({})).await.expect(201);
    let problem = sign_up(&app, json!({ "email": "ADA@example.com" })).await.expect(409).problem();
    assert_json_snapshot!(problem, @r#"
    {
      "type": "urn:drawbridge:problem:conflict",
      "title": "This clashes with what is there",
      "status": 409,
      "detail": "There is an account with this address. Sign in, or use another address.",
      "errors": [
        {
          "pointer": "/email",
          "detail": "there is an account with this address; sign in instead"
        }
      ]
    }
    "#);
    let second = sign_up(&app, json!({ "email": "bob@example.com" })).await.expect(201);
    assert_eq!(second.text("/organisation/slug"), "analytical-engines-2");
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn sign_up_can_be_closed(pool: PgPool) {
    let app = TestApp::with(pool, |settings, _| settings.signup = SignupMode::Closed);
    let refused = sign_up(&app, json!({})).await.expect(403);
    assert!(refused.text("/detail").contains("closed"), "{}", refused.body);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_wrong_password_and_an_unknown_address_look_the_same(pool: PgPool) {
    let app = TestApp::new(pool);
    let _made = sign_up(&app, json!({})).await.expect(201);
    let wrong = sign_in(&app, "ada@example.com", "correct horse staple").await.expect(401);
    let unknown = sign_in(&app, "bob@example.com", "correct horse battery").await.expect(401);
    assert_eq!(wrong.problem(), unknown.problem());
    assert_eq!(wrong.header("www-authenticate"), "Bearer realm=\"bridge.test\"");
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn guessing_is_slowed_down_and_says_for_how_long(pool: PgPool) {
    let app = TestApp::new(pool);
    let _made = sign_up(&app, json!({})).await.expect(201);
    for _ in 0..9 {
        let _wrong = sign_in(&app, "ada@example.com", "wrong").await.expect(401);
    }
    let right = sign_in(&app, "ada@example.com", "correct horse battery").await;
    assert_eq!(right.header("retry-after"), "900");
    let _throttled = right.expect(429);
    app.clock.advance(TimeDelta::minutes(15));
    let _right = sign_in(&app, "ada@example.com", "correct horse battery").await.expect(200);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn an_access_token_ends_after_a_quarter_of_an_hour(pool: PgPool) {
    let app = TestApp::new(pool);
    let t = app.tenant("acme").await;
    let _fine = t.viewer().get("/api/v1/me").await.expect(200);
    // And a few seconds, by which the clocks of replicas may differ.
    app.clock.advance(TimeDelta::seconds(15 * 60 + 5));
    let _over = t.viewer().get("/api/v1/me").await.expect(401);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_refresh_token_is_good_once_and_its_second_use_ends_the_family(pool: PgPool) {
    let app = TestApp::new(pool);
    let _made = sign_up(&app, json!({})).await.expect(201);
    let first = sign_in(&app, "ada@example.com", "correct horse battery").await.expect(200);
    let refresh = |token: String| {
        let app = app.clone();
        async move {
            app.anonymous().post("/api/v1/auth/refresh", json!({ "refresh_token": token })).await
        }
    };
    let second = refresh(first.text("/refresh_token")).await.expect(200);
    let me = app.anonymous().with_bearer(second.text("/access_token")).get("/api/v1/me").await;
    let _me = me.expect(200);
    let _reused = refresh(first.text("/refresh_token")).await.expect(401);
    let _ended = refresh(second.text("/refresh_token")).await.expect(401);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn after_signing_out_the_refresh_token_is_void(pool: PgPool) {
    let app = TestApp::new(pool);
    let _made = sign_up(&app, json!({})).await.expect(201);
    let tokens = sign_in(&app, "ada@example.com", "correct horse battery").await.expect(200);
    let token = json!({ "refresh_token": tokens.text("/refresh_token") });
    let _out = app.anonymous().post("/api/v1/auth/logout", token.clone()).await.expect(204);
    let _void = app.anonymous().post("/api/v1/auth/refresh", token.clone()).await.expect(401);
    let _again = app.anonymous().post("/api/v1/auth/logout", token).await.expect(204);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn who_belongs_to_several_organisations_says_which(pool: PgPool) {
    let app = TestApp::new(pool);
    let (acme, other) = (app.tenant("acme").await, app.tenant("other").await);
    app.store.put_membership(other.id, acme.owner, domain::Role::Viewer).await.unwrap();
    let refused = sign_in(&app, "admin@acme.test", "correct horse battery").await.expect(422);
    assert!(refused.body.contains("acme, other"), "{}", refused.body);
    let form = json!({
        "email": "admin@acme.test", "password": "correct horse battery", "organisation": "other",
    });
    let tokens = app.anonymous().post("/api/v1/auth/token", form).await.expect(200);
    let me = app.anonymous().with_bearer(tokens.text("/access_token")).get("/api/v1/me").await;
    assert_eq!(me.expect(200).text("/role"), "viewer");
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn the_session_cookie_opens_no_api_and_a_grants_token_is_told_its_place(pool: PgPool) {
    let app = TestApp::new(pool);
    let t = app.tenant("acme").await;
    let request = t.admin().request(http::Method::GET, "/o/acme/servers");
    let cookie = request.headers_ref().unwrap()["cookie"].clone();
    let request = app.anonymous().request(http::Method::GET, "/api/v1/me").header("cookie", cookie);
    let _refused = app.anonymous().send(request.body("".into()).unwrap()).await.expect(401);
    let grant = domain::secret::PlainKey::fresh(domain::secret::KeyKind::Grant);
    let refused = app.anonymous().with_bearer(grant.reveal()).get("/api/v1/me").await.expect(401);
    assert!(refused.text("/detail").contains("gateway"), "{}", refused.body);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_password_never_comes_back(pool: PgPool) {
    let app = TestApp::new(pool);
    let wrong = json!({ "email": "x", "password": 12, "name": "n", "organisation": "o" });
    let refused = sign_up(&app, wrong).await.expect(422);
    assert!(!refused.body.contains("correct horse"), "{}", refused.body);
    let refused = sign_up(&app, json!({ "pasword": "correct horse battery" })).await.expect(422);
    assert!(refused.body.contains("did you mean `password`?"), "{}", refused.body);
    assert!(!refused.body.contains("correct horse"), "{}", refused.body);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn an_access_token_is_worth_what_its_person_is_at_the_moment(pool: PgPool) {
    let app = TestApp::new(pool.clone());
    let t = app.tenant("acme").await;
    let _may = t.policy_manager().get("/api/v1/servers").await.expect(200);
    let lower = "update memberships set role = 'viewer' where role = 'policy_manager'";
    let _rows = sqlx::raw_sql(lower).execute(&pool).await.unwrap();
    let form = json!({ "name": "p", "document": { "version": "1", "default": "deny" } });
    let _lower = t.policy_manager().post("/api/v1/policies", form).await.expect(403);
    let _rows = sqlx::raw_sql("delete from memberships").execute(&pool).await.unwrap();
    let _gone = t.policy_manager().get("/api/v1/servers").await.expect(401);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_removed_members_refresh_token_gets_nothing(pool: PgPool) {
    let app = TestApp::new(pool.clone());
    let _made = sign_up(&app, json!({})).await.expect(201);
    let tokens = sign_in(&app, "ada@example.com", "correct horse battery").await.expect(200);
    let _rows = sqlx::raw_sql("delete from memberships").execute(&pool).await.unwrap();
    let token = json!({ "refresh_token": tokens.text("/refresh_token") });
    let _refused = app.anonymous().post("/api/v1/auth/refresh", token).await.expect(401);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn the_keys_of_access_tokens_are_published_without_their_secrets(pool: PgPool) {
    let app = TestApp::new(pool);
    let keys = app.anonymous().get("/api/v1/auth/jwks.json").await.expect(200).json();
    let [key, _of_checkpoints] = keys["keys"].as_array().unwrap().as_slice() else {
        panic!("{keys}")
    };
    assert_eq!(key["alg"], "EdDSA");
    assert!(key.get("d").is_none(), "no private part");
    let t = app.tenant("acme").await;
    let request = t.viewer().request(http::Method::GET, "/api/v1/me");
    let token = request.headers_ref().unwrap()["authorization"].to_str().unwrap().to_owned();
    let head = token.trim_start_matches("Bearer ").split('.').next().unwrap();
    let head = base64::Engine::decode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, head).unwrap();
    let head: Value = serde_json::from_slice(&head).unwrap();
    assert_eq!(head["kid"], key["kid"]);
}
