//! Grants: minted, watched, rebound, rotated, revoked.

use domain::{GrantId, Outcome};
use sqlx::PgPool;
use testkit::{Tenant, TestApp};

use super::{after, at, done, form};
use crate::api::{call, demo_server, policy};

/// A grant made by the form: its token and the path of its page.
async fn made(t: &Tenant) -> (String, String) {
    let (server, policy) = (demo_server(t).await, policy(t, "P").await);
    let field = format!("policy[{server}]");
    let typed = [("label", "ci"), ("expires_at", ""), ("server", &server), (&field, &policy)];
    let page = t.admin().submit(&at(t, "grants"), &form(&typed)).await.expect(200);
    assert_eq!(page.header("cache-control"), "no-store");
    let token = after(&page.body, "<code id=\"token\">").split('<').next().unwrap().to_owned();
    assert!(token.starts_with("dbg_"), "{token}");
    for client in ["Claude Code", "Claude Desktop", "Cursor", "VS Code", "Codex", "curl"] {
        assert!(page.body.contains(client), "{client}");
    }
    for url in ["/t/acme/mcp", "/t/acme/shop/mcp", "/live\""] {
        assert!(page.body.contains(url), "{url}");
    }
    let path = after(&page.body, "data-live=\"").strip_suffix("/live").unwrap();
    (token, path.to_owned())
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_token_is_shown_once(pool: PgPool) {
    let app = TestApp::new(pool);
    let t = app.tenant("acme").await;
    let (token, path) = made(&t).await;
    let page = t.viewer().get(&path).await.expect(200);
    assert!(!page.body.contains(&token) && page.body.contains("YOUR_TOKEN"));
    let (_, end) = token.split_at(token.len() - 4);
    assert!(page.body.contains(end), "its end tells it from others");
    let list = t.viewer().get(&at(&t, "grants")).await.expect(200);
    assert!(list.body.contains("ci") && list.body.contains("Active"));
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_refused_form_keeps_its_choices(pool: PgPool) {
    let app = TestApp::new(pool);
    let t = app.tenant("acme").await;
    let server = demo_server(&t).await;
    let typed = [("label", ""), ("expires_at", "2999-12-31"), ("server", server.as_str())];
    let refused = t.admin().submit(&at(&t, "grants"), &form(&typed)).await.expect(422);
    assert!(refused.body.contains("id=\"label-error\""));
    assert!(refused.body.contains("value=\"2999-12-31\""));
    assert!(refused.body.contains(&format!("value=\"{server}\" checked")));
    let past = [("label", "x"), ("expires_at", "2000-01-01"), ("server", server.as_str())];
    let refused = t.admin().submit(&at(&t, "grants"), &form(&past)).await.expect(422);
    assert!(refused.body.contains("id=\"expires_at-error\""));
    let none = t.admin().submit(&at(&t, "grants"), &form(&[("label", "x")])).await.expect(422);
    assert!(none.body.contains("Name 1 to 100 servers."), "{}", none.body);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn the_first_call_arrives_as_one_event(pool: PgPool) {
    let app = TestApp::new(pool);
    let t = app.tenant("acme").await;
    let (_, path) = made(&t).await;
    let grant: GrantId = path.rsplit('/').next().unwrap().parse().unwrap();
    let live = format!("{path}/live");
    let mut hello = call(&app, &t, "", Outcome::Allowed);
    (hello.grant, hello.method, hello.target) = (grant, "initialize".to_owned(), None);
    let foreign = call(&app, &t, "foreign_tool", Outcome::Allowed);
    let mut own = call(&app, &t, "charge<b>", Outcome::Limited);
    own.grant = grant;
    let calls = async {
        while app.watchers() == 0 {
            tokio::task::yield_now().await;
        }
        // Greetings and other grants' calls are not what is waited for.
        for record in [hello, foreign, own] {
            app.record(record);
        }
    };
    let (event, ()) = tokio::join!(t.viewer().get(&live), calls);
    let event = event.expect(200);
    assert_eq!(event.header("content-type"), "text/event-stream");
    assert!(event.body.starts_with("event: call\n"), "{}", event.body);
    assert!(event.body.contains("charge&#60;b&#62; was over its limit"), "{}", event.body);
    assert!(event.body.contains("Show this call") && !event.body.contains("foreign_tool"));
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_call_that_came_before_the_watcher_is_told_at_once(pool: PgPool) {
    let app = TestApp::new(pool);
    let t = app.tenant("acme").await;
    let (_, path) = made(&t).await;
    let mut early = call(&app, &t, "early_tool", Outcome::Allowed);
    early.grant = path.rsplit('/').next().unwrap().parse().unwrap();
    let _rows = app.store.insert_calls(std::slice::from_ref(&early)).await.unwrap();
    let event = t.viewer().get(&format!("{path}/live")).await.expect(200);
    assert!(event.body.contains("early_tool"), "{}", event.body);
    let page = t.viewer().get(&path).await.expect(200);
    assert!(page.body.contains("early_tool") && !page.body.contains("data-live"));
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_binding_is_put_under_another_policy(pool: PgPool) {
    let app = TestApp::new(pool);
    let t = app.tenant("acme").await;
    let (_, path) = made(&t).await;
    let other = policy(&t, "Other").await;
    let page = t.policy_manager().get(&path).await.expect(200);
    let bind = after(&page.body, &format!("action=\"{path}/bindings/"));
    let bind = format!("{path}/bindings/{bind}");
    let page = done(t.policy_manager(), &bind, &[("policy", &other)]).await;
    assert!(page.body.contains(&format!("policies/{other}\">Other</a>")), "{}", page.body);
    let page = done(t.policy_manager(), &bind, &[("policy", "")]).await;
    assert!(page.body.contains("No policy: all refused"));
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn rotating_shows_a_new_token_and_revoking_ends_the_grant(pool: PgPool) {
    let app = TestApp::new(pool);
    let t = app.tenant("acme").await;
    let (token, path) = made(&t).await;
    let rotated = t.admin().submit(&format!("{path}/rotate"), "overlap=3600").await.expect(200);
    let new = after(&rotated.body, "<code id=\"token\">").split('<').next().unwrap();
    assert!(new.starts_with("dbg_") && new != token);
    let page = done(t.admin(), &format!("{path}/revoke"), &[]).await;
    assert!(page.body.contains("Revoked on") && !page.body.contains("Rotate or revoke"));
    let _over = t.admin().submit(&format!("{path}/rotate"), "overlap=0").await.expect(409);
}
