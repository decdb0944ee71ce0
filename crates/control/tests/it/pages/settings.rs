//! Settings: the organisation, its keys.

use sqlx::PgPool;
use testkit::TestApp;

use super::{after, at, done, form};

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn the_organisation_is_renamed_and_stopped(pool: PgPool) {
    let app = TestApp::new(pool);
    let t = app.tenant("acme").await;
    let path = at(&t, "settings/organisation");
    let typed = [("name", "Acme & Sons"), ("retention_days", "30"), ("redis_failure", "local")];
    let page = done(t.admin(), &path, &typed).await;
    assert!(page.body.contains("Acme &#38; Sons") && page.body.contains("value=\"30\""));
    assert!(page.body.contains("value=\"local\" selected"));
    assert!(page.body.contains("value=\"keys\" selected"), "a form without it changes nothing");
    let typed = [("name", "Acme"), ("retention_days", "30"), ("audit_values", "values")];
    let page = done(t.admin(), &path, &typed).await;
    assert!(page.body.contains("value=\"values\" selected"));
    let odd = [("name", ""), ("retention_days", "9999"), ("redis_failure", "closed")];
    let refused = t.admin().submit(&path, &form(&odd)).await.expect(422);
    assert!(refused.body.contains("id=\"name-error\""));
    assert!(refused.body.contains("id=\"retention_days-error\"") && refused.body.contains("9999"));
    let page = done(t.admin(), &at(&t, "settings/pause"), &[]).await;
    assert!(page.body.contains("Resume all calls"));
    let page = done(t.admin(), &at(&t, "settings/resume"), &[]).await;
    assert!(page.body.contains("Pause all calls"));
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_key_is_shown_once_works_and_is_deleted(pool: PgPool) {
    let app = TestApp::new(pool);
    let t = app.tenant("acme").await;
    let path = at(&t, "settings/api-keys");
    let typed = [("name", "deploy"), ("role", "viewer"), ("expires_at", "")];
    let page = t.admin().submit(&path, &form(&typed)).await.expect(200);
    let key = after(&page.body, "<code id=\"token\">").split('<').next().unwrap().to_owned();
    let program = app.anonymous().with_bearer(key.as_str());
    let _works = program.get("/api/v1/servers").await.expect(200);
    let list = t.admin().get(&path).await.expect(200);
    assert!(list.body.contains("deploy") && !list.body.contains(&key));
    let delete = after(&list.body, &format!("action=\"{path}/key_"));
    let page = done(t.admin(), &format!("{path}/key_{delete}"), &[]).await;
    assert!(page.body.contains("No API keys"));
    let _refused = program.get("/api/v1/servers").await.expect(401);
    let odd = [("name", ""), ("role", "owner"), ("expires_at", "soon")];
    let refused = t.admin().submit(&path, &form(&odd)).await.expect(422);
    assert!(refused.body.contains("-error\""));
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn the_audit_log_shows_before_and_after_and_is_filtered_and_exported(pool: PgPool) {
    let app = TestApp::new(pool);
    let t = app.tenant("acme").await;
    let typed = [("name", "Acme & Sons"), ("retention_days", "30"), ("redis_failure", "local")];
    let _changed = done(t.admin(), &at(&t, "settings/organisation"), &typed).await;
    let key = [("name", "deploy"), ("role", "viewer"), ("expires_at", "")];
    let _made = t.admin().submit(&at(&t, "settings/api-keys"), &form(&key)).await.expect(200);
    let path = at(&t, "settings/audit");
    let page = t.admin().get(&path).await.expect(200);
    assert!(page.body.contains("- name: Organisation acme"), "{}", page.body);
    assert!(page.body.contains("+ name: Acme &#38; Sons"));
    assert!(page.body.contains("admin@acme.test") && page.body.contains("session ses_"));
    assert!(page.body.contains("digest: (hidden)"));
    let page = t.admin().get(&format!("{path}?kind=api_key&since=2020-01-01")).await.expect(200);
    assert!(page.body.contains("api_key.created") && !page.body.contains("- name: Organisation"));
    let none = t.admin().get(&format!("{path}?until=2020-01-01")).await.expect(200);
    assert!(none.body.contains("No change matches"));
    let odd = t.admin().get(&format!("{path}?since=soon")).await.expect(200);
    assert!(odd.body.contains("id=\"since-error\"") && odd.body.contains("value=\"soon\""));
    let csv = t.admin().get(&format!("{path}/export?kind=api_key&format=csv")).await.expect(200);
    assert_eq!(csv.header("content-disposition"), "attachment; filename=\"audit-events.csv\"");
    assert_eq!(csv.body.lines().count(), 2);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_webhook_is_made_changed_tried_and_deleted(pool: PgPool) {
    let app = TestApp::new(pool);
    let t = app.tenant("acme").await;
    let path = at(&t, "settings/webhooks");
    let odd = [("url", "nowhere"), ("events", "grants"), ("format", "json")];
    let refused = t.admin().submit(&path, &form(&odd)).await.expect(422);
    assert!(refused.body.contains("id=\"url-error\"") && refused.body.contains("nowhere"));
    assert!(refused.body.contains("id=\"events-error\"") && refused.body.contains("did you mean"));
    let url = testkit::upstream::nobody().await;
    let typed = [("url", url.as_str()), ("events", "grant, policy.published"), ("format", "json")];
    let made = t.admin().submit(&path, &form(&typed)).await.expect(200);
    let secret = after(&made.body, "<code id=\"secret\">").split('<').next().unwrap().to_owned();
    assert!(secret.starts_with("dbw_"));
    let list = t.admin().get(&path).await.expect(200);
    assert!(list.body.contains("grant policy.published") && !list.body.contains(&secret));
    let id = after(&list.body, &format!("href=\"{path}/")).split('"').next().unwrap().to_owned();
    let one = format!("{path}/{id}");
    let odd = [("url", "nowhere"), ("events", "*"), ("format", "json")];
    let refused = t.admin().submit(&one, &form(&odd)).await.expect(422);
    assert!(refused.body.contains("id=\"url-error\"") && refused.body.contains("nowhere"));
    let all = [("url", url.as_str()), ("events", "*"), ("format", "slack")];
    let saved = done(t.admin(), &one, &all).await;
    assert!(saved.body.contains("value=\"slack\" selected"));
    let page = done(t.admin(), &format!("{one}/pause"), &[]).await;
    assert!(page.body.contains("Paused: nothing is told."));
    let page = done(t.admin(), &format!("{one}/resume"), &[]).await;
    assert!(page.body.contains("Active."));
    let page = done(t.admin(), &format!("{one}/test"), &[]).await;
    assert!(page.body.contains("webhook.test") && page.body.contains("waiting"));
    let _tried = app.app.deliver_webhooks().await.unwrap();
    let page = t.admin().get(&one).await.expect(200);
    let replay = after(&page.body, &format!("action=\"{one}/deliveries/"));
    let replay = replay.split('"').next().unwrap();
    let page = done(t.admin(), &format!("{one}/deliveries/{replay}"), &[]).await;
    assert!(page.body.contains("webhook.replayed"));
    let rotated = t.admin().submit(&format!("{one}/rotate"), "").await.expect(200);
    assert!(rotated.body.contains("dbw_") && !rotated.body.contains(&secret));
    let page = done(t.admin(), &format!("{one}/delete"), &[]).await;
    assert!(page.body.contains("No webhooks"));
}
