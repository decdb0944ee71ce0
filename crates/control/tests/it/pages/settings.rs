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
