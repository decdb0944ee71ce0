//! Backtest and what is learned from calls, as plain forms.

use domain::{CallRecord, Outcome};
use serde_json::json;
use sqlx::PgPool;
use testkit::TestApp;

use super::{at, done, form};
use crate::api::{call, demo_server};

const DENY: &str = r#"{"version":"1","default":"deny"}"#;

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_draft_is_tried_on_past_calls_and_what_was_called_becomes_a_policy(pool: PgPool) {
    let app = TestApp::new(pool);
    let t = app.tenant("acme").await;
    let server = demo_server(&t).await;
    let made = json!({ "name": "P", "server_id": server,
                       "document": { "version": "1", "default": "allow" } });
    let id = t.policy_manager().post("/api/v1/policies", made).await.expect(201).text("/id");
    let url = at(&t, &format!("policies/{id}"));
    let past = |tool: &str| CallRecord {
        server: Some(server.parse().unwrap()),
        policy: None,
        rule: String::new(),
        ..call(&app, &t, tool, Outcome::Allowed)
    };
    let calls = [past("list_customers"), past("create_charge")];
    let _rows = app.store.insert_calls(&calls).await.unwrap();
    app.clock.advance(chrono::TimeDelta::seconds(1));

    // The builder leads there, and its form may be sent there.
    let builder = t.viewer().get(&url).await.expect(200);
    assert!(builder.body.contains(&format!("{url}/backtest")), "{}", builder.body);
    let empty = t.viewer().get(&format!("{url}/backtest")).await.expect(200);
    assert!(empty.body.contains("All calls on Shop") && !empty.body.contains("By rule"));
    let sent = [("deed", "backtest"), ("document", DENY), ("source", "document"), ("version", "1")];
    let page = t.viewer().submit(&format!("{url}/backtest"), &form(&sent)).await.expect(200);
    assert!(page.body.contains("2 of 2 calls would be newly denied."), "{}", page.body);
    assert!(page.body.contains(&format!("/calls/{}", calls[0].id)), "{}", page.body);
    assert!(page.body.contains("<svg") && page.body.contains("The same as a table"));
    assert!(page.body.contains("&#34;deny&#34;"), "the draft is kept");

    let unknown = r#"{"version":"1","default":"allow","tools":{"create_charge":{"deny_if":[
        {"conditions":[{"path":"args.amount","op":"gt","value":5}]}]}}}"#;
    let sent = [("deed", "backtest"), ("document", unknown), ("period", "1")];
    let page = t.admin().submit(&format!("{url}/backtest"), &form(&sent)).await.expect(200);
    assert!(page.body.contains("1 cannot be known"), "{}", page.body);
    assert!(
        page.body.contains("args.amount, of 1 call")
            && page.body.contains("Record them from now on")
    );

    // What is wrong stands beside its field, and nothing typed is lost.
    let sent = [("deed", "backtest"), ("document", "{"), ("from", "1.11.")];
    let page = t.viewer().submit(&format!("{url}/backtest"), &form(&sent)).await.expect(200);
    assert!(page.body.contains("id=\"from-error\"") && page.body.contains("value=\"1.11.\""));
    let sent = [("deed", "backtest"), ("document", "{")];
    let page = t.viewer().submit(&format!("{url}/backtest"), &form(&sent)).await.expect(200);
    assert!(page.body.contains("Line 1, column"), "{}", page.body);

    // The draft goes on in the builder.
    let back = t.viewer().submit(&format!("{url}/draft"), &form(&[("document", DENY)])).await;
    assert!(back.expect(200).body.contains("&#34;deny&#34;"));

    let learn = at(&t, "policies/learn");
    let offered = t.policy_manager().get(&at(&t, "policies/new")).await.expect(200);
    assert!(offered.body.contains(&learn), "{}", offered.body);
    let page = t.viewer().get(&format!("{learn}?server={server}&policy={id}")).await.expect(200);
    assert!(page.body.contains(&format!("value=\"{server}\" selected")), "{}", page.body);
    let none = t.viewer().submit(&learn, &form(&[("server", "")])).await.expect(200);
    assert!(none.body.contains("id=\"server-error\""), "{}", none.body);
    let sent = [("server", &*server), ("policy", &*id), ("period", "7")];
    let page = t.viewer().submit(&learn, &form(&sent)).await.expect(200);
    assert!(page.body.contains("Learned from 2 calls that were let through"), "{}", page.body);
    assert!(
        page.body.contains("create_charge_rate") && page.body.contains("Never called, and denied")
    );
    assert!(!page.body.contains("Use this document"), "a viewer makes no policies");
    let page = t.policy_manager().submit(&learn, &form(&sent)).await.expect(200);
    assert!(page.body.contains("Use this document"), "{}", page.body);

    // Nothing was saved by any of it; used, the document fills in the form.
    let fields =
        [("name", "Shop as called"), ("server", &*server), ("start", "paste"), ("document", DENY)];
    let new = at(&t, "policies/new");
    let filled = t.policy_manager().submit(&new, &form(&fields)).await.expect(200);
    assert!(
        filled.body.contains("value=\"Shop as called\"") && filled.body.contains("&#34;deny&#34;")
    );
    let list = t.viewer().get("/api/v1/policies").await.expect(200).json();
    assert_eq!(list["data"].as_array().unwrap().len(), 1);
    // What changes in meaning was shown with it, so that one more click saves it.
    let (_, seen) = filled.body.split_once("name=\"seen\" value=\"").unwrap();
    let seen = seen.split('"').next().unwrap();
    let sent: Vec<_> = fields.into_iter().chain([("seen", seen)]).collect();
    let page = done(t.policy_manager(), &at(&t, "policies"), &sent).await;
    assert!(page.body.contains("Shop as called"), "{}", page.body);
}
