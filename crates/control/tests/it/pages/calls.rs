//! Calls: found, explained.

use domain::Outcome;
use sqlx::PgPool;
use testkit::{Tenant, TestApp};

use super::at;
use crate::api::{call, policy, with_values};

async fn recorded(app: &TestApp, t: &Tenant) -> Vec<domain::CallRecord> {
    let allowed = call(app, t, "list_customers", Outcome::Allowed);
    let mut denied = call(app, t, "create_charge", Outcome::Denied);
    denied.grant = allowed.grant;
    let calls = vec![allowed, denied];
    let _rows = app.store.insert_calls(&calls).await.unwrap();
    calls
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn filters_show_what_they_say(pool: PgPool) {
    let app = TestApp::new(pool);
    let t = app.tenant("acme").await;
    let _calls = recorded(&app, &t).await;
    let shown = |query: &str| {
        let path = at(&t, &format!("calls{query}"));
        let viewer = t.viewer().clone();
        async move {
            let body = viewer.get(&path).await.expect(200).body;
            (body.contains(">list_customers<"), body.contains(">create_charge<"))
        }
    };
    assert_eq!(shown("").await, (true, true));
    assert_eq!(shown("?outcome=denied&q=&server=&grant=&since=24h").await, (false, true));
    assert_eq!(shown("?tool=list_customers").await, (true, false));
    assert_eq!(shown("?q=CREATE_CH").await, (false, true));
    let wrong = t.viewer().get(&at(&t, "calls?outcom=denied")).await;
    assert_eq!(wrong.status, 422, "a misspelt filter does not show everything");
    let none = t.viewer().get(&at(&t, "calls?q=nothing-like-it")).await.expect(200);
    assert!(none.body.contains("No call matches"));
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn long_lists_are_turned_over_and_keep_their_filter(pool: PgPool) {
    let app = TestApp::new(pool);
    let t = app.tenant("acme").await;
    let many: Vec<_> =
        (0..60).map(|n| call(&app, &t, &format!("t{n}"), Outcome::Allowed)).collect();
    let _rows = app.store.insert_calls(&many).await.unwrap();
    let first = t.viewer().get(&at(&t, "calls?outcome=allowed")).await.expect(200);
    assert!(first.body.contains(">t59<") && first.body.contains(">t10<"));
    assert!(!first.body.contains(">t9<"));
    let older =
        super::after(&first.body, "<a class=\"button small\" href=\"").replace("&#38;", "&");
    assert!(older.contains("outcome=allowed&before="), "{older}");
    let second = t.viewer().get(&older).await.expect(200);
    assert!(second.body.contains(">t9<") && !second.body.contains(">t10<"));
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_call_is_explained_with_the_rule_that_decided_it(pool: PgPool) {
    let app = TestApp::new(pool);
    let t = app.tenant("acme").await;
    let id = policy(&t, "Shop rules").await;
    let document = r#"{"version":"1","default":"deny","tools":{"charge":{"limits":[
        {"counter":"c","window":"minute","max":30,"scope":"grant"}]}}}"#;
    let publish = serde_json::json!({ "document": serde_json::from_str::<serde_json::Value>(document).unwrap() });
    let put = format!("/api/v1/policies/{id}/document");
    let _published = t.policy_manager().put(&put, publish).await.expect(200);
    let before = call(&app, &t, "before_it", Outcome::Allowed);
    let mut limited = call(&app, &t, "charge", Outcome::Limited);
    (limited.grant, limited.policy) = (before.grant, Some((id.parse().unwrap(), 2)));
    let path = at(&t, &format!("calls/{}", limited.id));
    let _rows = app.store.insert_calls(&[before, limited]).await.unwrap();
    let page = t.viewer().get(&path).await.expect(200).body;
    for shown in [
        "Limited: charge was over its limit for grant ci-runner",
        "Too many.",
        "/tools/charge/limits/0",
        "&#34;max&#34;: 30",
        "of version 2",
        "Shop rules",
        "<code>amount</code>",
        "10 µs",
        "before_it",
        "inspector/1",
    ] {
        assert!(page.contains(shown), "{shown} in {page}");
    }
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn arguments_are_shown_as_they_were_sent_or_it_is_said_why_not(pool: PgPool) {
    let app = TestApp::new(pool);
    let t = app.tenant("acme").await;
    let long = "n".repeat(300);
    let plain = format!(r#"{{"amount": 1.50, "api_key": "hunter2!", "note": "{long}<b>"}}"#);
    let recorded = with_values(&app, &t, &plain);
    let without = call(&app, &t, "charge", Outcome::Allowed);
    let _rows = app.store.insert_calls(&[recorded.clone(), without.clone()]).await.unwrap();
    let path = at(&t, &format!("calls/{}", recorded.id));
    let page = t.policy_manager().get(&path).await.expect(200).body;
    assert!(page.contains(">1.50<") && page.contains("<summary>") && page.contains("&#60;b&#62;"));
    assert!(page.contains("secret is masked") && !page.contains("hunter2"), "{page}");
    let page = t.viewer().get(&path).await.expect(200).body;
    assert!(!page.contains("1.50") && !page.contains("nnnn"));
    assert!(page.contains("<code>amount</code>") && page.contains("Your role sees the keys"));
    let path = at(&t, &format!("calls/{}", without.id));
    let page = t.admin().get(&path).await.expect(200).body;
    let link = format!("href=\"{}\">Record them", at(&t, "settings/organisation"));
    assert!(page.contains("Values are not recorded.") && page.contains(&link), "{page}");
    let page = t.policy_manager().get(&path).await.expect(200).body;
    assert!(page.contains("Values are not recorded.") && !page.contains("Record them"));
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn the_overview_counts_draws_and_lists(pool: PgPool) {
    let app = TestApp::new(pool);
    let t = app.tenant("acme").await;
    let _calls = recorded(&app, &t).await;
    let page = t.viewer().get(&at(&t, "")).await.expect(200).body;
    assert!(page.contains("class=\"bar outcome-denied\"") && page.contains("The same as a table"));
    assert!(page.contains("Most refused tools") && page.contains("tool=create_charge"));
    assert!(page.contains("From nothing to the first call"), "there is no server yet");
}
